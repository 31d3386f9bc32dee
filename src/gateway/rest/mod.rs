//! REST by resource.
//!
//! Invariants: a known path with another method is 501/12, an unknown path 404/5, and a trailing
//! slash makes another path; every answer is JSON but the front page; bad input is never a 500.

mod account;
mod answer;
pub(crate) mod auth;
mod body;
mod health;
mod session;
mod user;

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::{
    HttpResponse, Resource,
    http::{Method, header},
    middleware::{Compress, DefaultHeaders},
    web,
};

use self::auth::ServerKey;
use crate::{
    account::Accounts,
    config::Settings,
    user::Online,
    wire::error::{ApiCode, ApiError},
};

/// What the handlers share, as `web::Data` of the app.
pub(crate) struct RestState {
    accounts: Accounts,
    online: Online,
    server_key: ServerKey,
    settings: Arc<Settings>,
}

impl RestState {
    pub(crate) fn new(accounts: Accounts, online: Online, settings: Arc<Settings>) -> Self {
        Self {
            accounts,
            online,
            server_key: ServerKey::new(&settings.server_key),
            settings,
        }
    }
}

/// Mounts all of REST. The app needs a `web::Data<RestState>`.
///
/// It answers every path that is not registered before it, so whatever else the app serves, `/ws` for
/// one, must come first.
pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    // The last wrap is the outermost: a preflight never reaches a route.
    let scope = web::scope("")
        .wrap(Compress::default())
        .wrap(
            DefaultHeaders::new()
                .add((header::CACHE_CONTROL, "no-store, no-cache, must-revalidate"))
                .add((header::VARY, "accept-encoding")),
        )
        .wrap(cors())
        .configure(health::configure)
        .configure(account::configure)
        .configure(session::configure)
        .configure(user::configure)
        .default_service(web::to(unknown_path));
    cfg.service(scope);
}

/// Any origin, named by the wildcard: tokens travel in headers, never in cookies. A preflight is
/// answered with 200; one that asks for another method or header with 400.
fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
        ])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::USER_AGENT,
        ])
        // The wildcard is the same for everybody, so caches need not tell origins apart.
        .disable_vary_header()
}

/// A path that refuses the methods it has no route for.
fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(other_method))
}

async fn other_method() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(ApiCode::Unimplemented, "method not allowed"))
}

async fn unknown_path() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(ApiCode::NotFound, "not found"))
}
