//! Refusals as HTTP answers.

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};

use crate::{
    gateway::metrics::REFUSED_CALLS,
    wire::error::{ApiCode, ApiError},
};

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        REFUSED_CALLS.of(self.code).increment(1);
        let mut answer = HttpResponse::build(self.status_code());
        if self.code == ApiCode::Unauthenticated {
            // A message that no header can hold costs the header, not the answer.
            if let Ok(message) = HeaderValue::from_str(&self.message) {
                answer.insert_header((header::WWW_AUTHENTICATE, message));
            }
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000);
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        answer.content_type("application/json").body(self.body())
    }
}
