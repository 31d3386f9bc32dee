//! Signing in, the caller's own account, and what is linked to it.

use actix_web::{
    HttpRequest,
    web::{self, Json},
};

use super::{
    RestState,
    auth::{Changing, WithServerKey},
    body::JsonBody,
    get_or_head, mount, resource,
    route::{self, Call},
    sign_in, to_its_end,
};
use crate::{
    account::{
        AccountError, Caller, Credential, CredentialError, Identity, Password, SignInBy,
        SignInRequest, Username, Variables,
    },
    wire::{
        error::ApiError,
        rest::{
            Empty,
            account::{AccountAnswer, EmailBody, IdBody, ProfileBody, SessionAnswer},
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/v2/account")
            .route(get_or_head().to(get))
            .route(route::put().to(update))
            .route(route::delete().to(delete)),
    );
    let mut post = |path, call: Call| mount(app, resource(path).route(call));
    post(
        "/v2/account/authenticate/device",
        route::post().to(authenticate_device),
    );
    post(
        "/v2/account/authenticate/custom",
        route::post().to(authenticate_custom),
    );
    post(
        "/v2/account/authenticate/email",
        route::post().to(authenticate_email),
    );
    post("/v2/account/link/device", route::post().to(link_device));
    post("/v2/account/link/custom", route::post().to(link_custom));
    post("/v2/account/link/email", route::post().to(link_email));
    post("/v2/account/unlink/device", route::post().to(unlink_device));
    post("/v2/account/unlink/custom", route::post().to(unlink_custom));
    post("/v2/account/unlink/email", route::post().to(unlink_email));
}

/// The query parameters of a sign-in. An empty name counts as none.
struct SignInQuery {
    create: bool,
    username: Option<Username>,
}

impl SignInQuery {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let query = Query::parse(request.query_string());
        let username = query.text("username")?.filter(|name| !name.is_empty());
        Ok(Self {
            create: query.boolean("create")?.unwrap_or(true),
            username: username.map(Username::parse).transpose()?,
        })
    }
}

async fn authenticate(
    state: &RestState,
    request: &HttpRequest,
    by: SignInBy,
    query: SignInQuery,
    variables: Variables,
) -> Result<Json<SessionAnswer>, ApiError> {
    let SignInQuery { create, username } = query;
    let with = match &by {
        SignInBy::Credential(Credential::Device(_)) => "device",
        SignInBy::Credential(Credential::Custom(_)) => "custom id",
        SignInBy::Credential(Credential::Email(..)) => "email",
        SignInBy::Username(..) => "username",
    };
    let sign_in = SignInRequest {
        by,
        username,
        create,
        variables,
        from: state.address(request),
    };
    let outcome = state.shared.accounts.authenticate(sign_in).await;
    sign_in::log(with, state.client_address(request), &outcome);
    Ok(Json(outcome?.into()))
}

async fn authenticate_device(
    _: WithServerKey,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let by = SignInBy::Credential(Credential::Device(body.device()?));
    authenticate(
        &state,
        &request,
        by,
        SignInQuery::of(&request)?,
        body.into_variables(),
    )
    .await
}

async fn authenticate_custom(
    _: WithServerKey,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let by = SignInBy::Credential(Credential::Custom(body.custom()?));
    authenticate(
        &state,
        &request,
        by,
        SignInQuery::of(&request)?,
        body.into_variables(),
    )
    .await
}

async fn authenticate_email(
    _: WithServerKey,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<EmailBody>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let query = SignInQuery::of(&request)?;
    authenticate(
        &state,
        &request,
        body.sign_in(query.username.as_ref())?,
        query,
        body.into_variables(),
    )
    .await
}

async fn get(caller: Caller, state: web::Data<RestState>) -> Result<Json<AccountAnswer>, ApiError> {
    let account = state.shared.accounts.get(caller.user).await?;
    Ok(Json(AccountAnswer::new(
        account,
        state.shared.directory.is_visible(caller.user),
    )))
}

async fn update(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    JsonBody(body): JsonBody<ProfileBody>,
) -> Result<Json<Empty>, ApiError> {
    state
        .shared
        .accounts
        .update(caller.user, body.try_into()?)
        .await?;
    Ok(Json(Empty {}))
}

async fn delete(
    Changing(caller): Changing,
    state: web::Data<RestState>,
) -> Result<Json<Empty>, ApiError> {
    /// What was asked of a group before the user was held out may still be on its way.
    const TRIES: usize = 8;
    let (shared, user) = (state.shared.clone(), caller.user);
    to_its_end(async move {
        let _held_out = shared.groups.hold_out(user);
        let mut tries = 1;
        loop {
            shared.groups.depart(user).await?;
            match shared.accounts.delete(user).await {
                Err(AccountError::StillInGroups) if tries < TRIES => tries += 1,
                result => return result.map_err(ApiError::from),
            }
        }
    })
    .await?;
    Ok(Json(Empty {}))
}

async fn link(
    caller: Caller,
    state: &RestState,
    request: &HttpRequest,
    credential: Result<Credential, CredentialError>,
    old_password: Option<Password>,
) -> Result<Json<Empty>, ApiError> {
    let (accounts, from) = (state.shared.accounts.clone(), state.address(request));
    let credential = credential?;
    to_its_end(async move { accounts.link(&caller, credential, old_password, from).await }).await?;
    Ok(Json(Empty {}))
}

async fn link_device(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<Json<Empty>, ApiError> {
    let device = body.device().map(Credential::Device);
    link(caller, &state, &request, device, None).await
}

async fn link_custom(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<Json<Empty>, ApiError> {
    let custom = body.custom().map(Credential::Custom);
    link(caller, &state, &request, custom, None).await
}

async fn link_email(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<EmailBody>,
) -> Result<Json<Empty>, ApiError> {
    link(
        caller,
        &state,
        &request,
        body.credential(),
        body.old_password(),
    )
    .await
}

async fn unlink(
    caller: &Caller,
    state: &RestState,
    request: &HttpRequest,
    identity: Result<Identity, CredentialError>,
    old_password: Option<Password>,
) -> Result<Json<Empty>, ApiError> {
    let (accounts, from) = (state.shared.accounts.clone(), state.address(request));
    let (user, identity) = (caller.user, identity?);
    to_its_end(async move { accounts.unlink(user, identity, old_password, from).await }).await?;
    Ok(Json(Empty {}))
}

async fn unlink_device(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<Json<Empty>, ApiError> {
    let device = body.device().map(Identity::Device);
    unlink(&caller, &state, &request, device, None).await
}

async fn unlink_custom(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<Json<Empty>, ApiError> {
    let custom = body.custom().map(Identity::Custom);
    unlink(&caller, &state, &request, custom, None).await
}

/// The password may be left out: whoever holds the session may unlink, unless the old one is asked for.
async fn unlink_email(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<EmailBody>,
) -> Result<Json<Empty>, ApiError> {
    let email = body.email().map(Identity::Email);
    unlink(&caller, &state, &request, email, body.old_password()).await
}
