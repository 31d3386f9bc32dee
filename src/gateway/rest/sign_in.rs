//! What the log says of those who sign in: whether they got in, from where, with what kind of credential. Never the
//! credential itself, nor a token.

use actix_web::HttpRequest;

use crate::{
    account::{AccountError, SessionGrant},
    gateway::client_address::client_address,
};

/// Leaves a line about a sign-in.
pub(super) fn log(
    with: &'static str,
    request: &HttpRequest,
    outcome: &Result<SessionGrant, AccountError>,
) {
    let address = client_address(request.head()).map(tracing::field::display);
    match outcome {
        Ok(SessionGrant { user, created, .. }) => {
            tracing::debug!(%user, with, created, address, "signed in");
        }
        Err(reason) => tracing::info!(%reason, with, address, "sign-in refused"),
    }
}
