//! Request bodies: read up to a bound, unpacked up to the same bound, then parsed.

use std::{future::Future, io::Read as _, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev, http::header, web};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;

use super::RestState;
use crate::wire::{error::ApiError, rest::body};

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(30);

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
        let packed = is_gzip(request);
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let payload = payload.await.map_err(|_| unreadable())?;
            let bytes = tokio::time::timeout(PATIENCE, payload.to_bytes_limited(limit))
                .await
                .map_err(|_| ApiError::invalid("body did not arrive in time"))?
                .map_err(|_| too_large(limit))?
                .map_err(|_| unreadable())?;
            let bytes = if packed {
                unpack(&bytes, limit)?
            } else {
                bytes
            };
            body::parse(&bytes).map(Self)
        })
    }
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
