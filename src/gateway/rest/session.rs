//! New tokens for old ones, and the end of tokens.

use actix_web::{
    HttpRequest,
    web::{self, Json},
};

use super::{RestState, auth::WithServerKey, body::JsonBody, mount, resource, route, sign_in};
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
        resource("/v2/account/session/refresh").route(route::post().to(refresh)),
    );
    mount(
        app,
        resource("/v2/session/logout").route(route::post().to(logout)),
    );
}

async fn refresh(
    _: WithServerKey,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<RefreshBody>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let outcome = state.shared.accounts.refresh(body.try_into()?).await;
    sign_in::log("refresh token", state.client_address(&request), &outcome);
    Ok(Json(outcome?.into()))
}

async fn logout(
    caller: Caller,
    state: web::Data<RestState>,
    JsonBody(body): JsonBody<LogoutBody>,
) -> Result<Json<Empty>, ApiError> {
    state.shared.accounts.logout(&caller, body.into()).await?;
    Ok(Json(Empty {}))
}
