//! The one place where typed errors become protocol codes, HTTP statuses and texts for people.

use std::borrow::Cow;

use crate::store::StoreError;

/// REST error codes, gRPC's numbers as the Nakama protocol uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiCode {
    InvalidArgument = 3,
    NotFound = 5,
    AlreadyExists = 6,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl ApiCode {
    /// The HTTP status that goes with the code.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::Unauthenticated => 401,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::Internal => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
        }
    }
}

/// A refused REST request: `{"code": n, "message": "…"}` with the status of the code.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) code: ApiCode,
    /// For people; names the field that is wrong where there is one.
    pub(crate) message: Cow<'static, str>,
}

impl ApiError {
    pub(crate) fn new(code: ApiCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ApiCode::InvalidArgument, message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::new(ApiCode::Unavailable, "the server is busy, try again"),
            StoreError::Closed => Self::new(ApiCode::Unavailable, "the server is shutting down"),
            StoreError::Failed(cause) => {
                tracing::error!(cause, "store failed");
                metrics::counter!("banter_store_failures_total").increment(1);
                Self::new(ApiCode::Unavailable, "storage is unavailable")
            }
        }
    }
}
