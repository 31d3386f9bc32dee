//! New tokens for old ones, and the end of tokens.

use actix_web::{
    HttpRequest,
    web::{self, Json},
};

use super::{
    RestState, auth::WithServerKey, body::JsonBody, mount, resource, route, sign_in, to_its_end,
};
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
    let (accounts, address) = (
        state.shared.accounts.clone(),
        state.client_address(&request),
    );
    let asked = body.try_into()?;
    let grant = to_its_end(async move {
        let outcome = accounts.refresh(asked).await;
        sign_in::log("refresh token", address, &outcome);
        outcome
    });
    Ok(Json(grant.await?.into()))
}

async fn logout(
    caller: Caller,
    state: web::Data<RestState>,
    JsonBody(body): JsonBody<LogoutBody>,
) -> Result<Json<Empty>, ApiError> {
    let accounts = state.shared.accounts.clone();
    to_its_end(async move { accounts.logout(&caller, body.into()).await }).await?;
    Ok(Json(Empty {}))
}
