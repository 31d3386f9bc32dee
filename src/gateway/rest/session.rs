//! New tokens for old ones, and the end of tokens.

use actix_web::web::{self, Json};

use super::{RestState, auth::WithServerKey, body::JsonBody, mount, resource};
use crate::{
    account::Caller,
    wire::{
        error::ApiError,
        rest::{
            Empty,
            account::{LogoutBody, RefreshBody, SessionAnswer},
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/v2/account/session/refresh").route(web::post().to(refresh)),
    );
    mount(
        app,
        resource("/v2/session/logout").route(web::post().to(logout)),
    );
}

async fn refresh(
    _: WithServerKey,
    state: web::Data<RestState>,
    JsonBody(body): JsonBody<RefreshBody>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let grant = state.shared.accounts.refresh(body.try_into()?).await?;
    Ok(Json(grant.into()))
}

async fn logout(
    caller: Caller,
    state: web::Data<RestState>,
    JsonBody(body): JsonBody<LogoutBody>,
) -> Result<Json<Empty>, ApiError> {
    state.shared.accounts.logout(&caller, body.into()).await?;
    Ok(Json(Empty {}))
}
