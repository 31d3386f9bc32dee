//! Who calls: the server key for signing in, a session token for all else.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::RestState;
use crate::{account::Caller, wire::error::ApiError};

/// The server key, in a form that can be compared without telling how much of a guess was right.
pub(super) struct ServerKey {
    secret: [u8; 32],
    tag: Vec<u8>,
}

impl ServerKey {
    pub(super) fn new(key: &str) -> Self {
        let secret = rand::random();
        let tag = tag(&secret, key.as_bytes())
            .finalize()
            .into_bytes()
            .to_vec();
        Self { secret, tag }
    }

    fn is(&self, guess: &[u8]) -> bool {
        tag(&self.secret, guess).verify_slice(&self.tag).is_ok()
    }
}

fn tag(secret: &[u8; 32], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

/// What follows `scheme` and one blank in the `Authorization` header. Case counts.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix(scheme)?.strip_prefix(' ')
}

fn state(request: &HttpRequest) -> &RestState {
    request
        .app_data::<web::Data<RestState>>()
        .expect("the app that mounts REST has its state")
}

/// The session token in the header of a request, also of a socket handshake.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "Bearer")
}

/// Proof that a request came with `Basic` and the server key, from an address that does not do so too often; the
/// password part is ignored.
pub(super) struct WithServerKey;

impl FromRequest for WithServerKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(basic) = credentials(request.headers(), "Basic") else {
            return ready(Err(ApiError::unauthenticated("server key required")));
        };
        let state = state(request);
        let good = STANDARD.decode(basic).is_ok_and(|pair| {
            let colon = pair.iter().position(|&b| b == b':');
            colon.is_some_and(|colon| state.server_key.is(&pair[..colon]))
        });
        if !good {
            return ready(Err(ApiError::unauthenticated("server key invalid")));
        }
        let rate = &state.shared.rates.address_sign_ins;
        let taken = rate.take(&state.address(request));
        ready(taken.map(|()| Self).map_err(ApiError::from))
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

/// Who calls, unless they do so too often.
fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    let token = bearer(request.headers())
        .ok_or_else(|| ApiError::unauthenticated("session token required"))?;
    let shared = &state(request).shared;
    let caller = shared.accounts.verify(token)?;
    shared.rates.account.take(&caller.user)?;
    Ok(caller)
}

/// Who asks for a change, unless they do so too often.
pub(super) struct Changing(pub(super) Caller);

impl FromRequest for Changing {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = caller(request).and_then(|caller| {
            state(request).shared.rates.changes.take(&caller.user)?;
            Ok(Self(caller))
        });
        ready(caller)
    }
}

/// Who searches, unless they do so too often.
pub(super) struct Searching(pub(super) Caller);

impl FromRequest for Searching {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = caller(request).and_then(|caller| {
            state(request).shared.rates.searches.take(&caller.user)?;
            Ok(Self(caller))
        });
        ready(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_the_very_key() {
        let key = ServerKey::new("defaultkey");
        assert!(key.is(b"defaultkey"));
        for guess in ["", "defaultke", "defaultkey ", "Defaultkey"] {
            assert!(!key.is(guess.as_bytes()), "{guess:?}");
        }
    }

    #[test]
    fn scheme_and_one_blank() {
        for (value, token) in [
            ("Bearer x", Some("x")),
            ("bearer x", None),
            ("Bearer", None),
            ("Bearerx", None),
            ("Bearer  x", Some(" x")),
        ] {
            let request = TestRequest::default()
                .insert_header((header::AUTHORIZATION, value))
                .to_http_request();
            assert_eq!(bearer(request.headers()), token, "{value:?}");
        }
    }
}
