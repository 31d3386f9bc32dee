//! Request bodies: read up to a bound, unpacked up to the same bound, then parsed. Beside the bound of each there is one
//! for all that are being read: whoever sends a small body notices nothing of those who send large ones and never end.

use std::{
    future::{Future, poll_fn},
    io::Read as _,
    pin::Pin,
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev, http::header, web};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures_core::Stream as _;
use serde::de::DeserializeOwned;

use super::RestState;
use crate::{
    rate::{Exhausted, Held, SHARES_REFUSED, ShareOf},
    wire::{
        error::{ApiCode, ApiError},
        rest::body,
    },
};

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// What of a body does not count against all others.
const SMALL: usize = 8 * 1024;

/// A JSON body, whatever content type it declares.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let state = request
            .app_data::<web::Data<RestState>>()
            .expect("the app that mounts REST has its state");
        let limit = state.shared.settings.max_body_bytes;
        let held = state.shared.body_bytes.hold();
        let packed = is_gzip(request);
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let payload = payload.await.map_err(|_| unreadable())?;
            let bytes = tokio::time::timeout(PATIENCE, read(payload, limit, held))
                .await
                .map_err(|_| ApiError::invalid("body did not arrive in time"))??;
            let bytes = if packed {
                unpack(&bytes, limit)?
            } else {
                bytes
            };
            body::parse(&bytes).map(Self)
        })
    }
}

async fn read(payload: web::Payload, limit: usize, mut held: Held) -> Result<Bytes, ApiError> {
    let mut payload = payload.into_inner();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
        let chunk = chunk.map_err(|_| unreadable())?;
        let size = bytes.len() + chunk.len();
        if size > limit {
            return Err(too_large(limit));
        }
        held.grow_to(size.saturating_sub(SMALL))
            .map_err(|Exhausted| too_many())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn too_many() -> ApiError {
    SHARES_REFUSED.of(ShareOf::Bodies).increment(1);
    let message = "too many large bodies at the moment, try again";
    ApiError::new(ApiCode::Unavailable, message)
}

fn unreadable() -> ApiError {
    ApiError::invalid("body could not be read")
}

fn too_large(limit: usize) -> ApiError {
    ApiError::invalid(format!("body is larger than {limit} bytes"))
}

fn is_gzip(request: &HttpRequest) -> bool {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    encoding.is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"gzip"))
}

/// Stops at the bound: actix-web would unpack a whole chunk, a thousand times its size at worst,
/// before it looked.
fn unpack(packed: &[u8], limit: usize) -> Result<Bytes, ApiError> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed)
        .take(bound)
        .read_to_end(&mut bytes)
        .map_err(|_| ApiError::invalid("body is not gzip"))?;
    if bytes.len() > limit {
        return Err(too_large(limit));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn unpacking_stops_at_the_bound() {
        assert_eq!(unpack(&pack(b"{}"), 2).unwrap(), "{}");
        assert!(unpack(&pack(b"{} "), 2).is_err());
        let bomb = pack(&vec![b' '; 50 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert!(
            unpack(&bomb, 64 << 10)
                .unwrap_err()
                .message
                .contains("larger")
        );
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(unpack(b"{}", 100).is_err());
        let mut cut = pack(b"{\"id\": \"device-one\"}");
        cut.truncate(cut.len() - 4);
        assert!(unpack(&cut, 100).is_err());
    }
}
