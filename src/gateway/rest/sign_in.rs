//! What the log says of those who sign in: whether they got in, from where, with what kind of credential. Never the
//! credential itself, nor a token.

use std::net::IpAddr;

use crate::account::{AccountError, SessionGrant};

/// Leaves a line about a sign-in.
pub(super) fn log(
    with: &'static str,
    address: IpAddr,
    outcome: &Result<SessionGrant, AccountError>,
) {
    match outcome {
        Ok(SessionGrant { user, created, .. }) => {
            tracing::debug!(%user, with, created, %address, "signed in");
        }
        Err(reason) => tracing::info!(%reason, with, %address, "sign-in refused"),
    }
}
