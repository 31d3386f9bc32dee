//! REST by resource.
//!
//! Invariants: a known path with another method is 501/12, an unknown path 404/5, and a trailing
//! slash makes another path; every answer is JSON but the front page; bad input is never a 500.

mod account;
mod answer;
pub(crate) mod auth;
mod body;
mod channel;
mod edge;
mod friend;
mod group;
mod health;
mod notification;
mod reading;
mod route;
mod session;
mod sign_in;
mod unserved;
mod user;

use std::{net::IpAddr, sync::Arc};

use actix_cors::Cors;
use actix_web::{
    HttpRequest, HttpResponse, Resource,
    dev::ServiceRequest,
    http::{Method, header},
    middleware::{Compress, DefaultHeaders, from_fn},
    web,
};

use self::{
    auth::ServerKey,
    edge::DiscardLimits,
    reading::Reading,
    route::{Meter, Served},
};
pub(crate) use self::{
    edge::{NO_SNIFFING, title_case},
    route::{get_or_head, resource},
};
use super::{client_address, handshake};
use crate::{
    chat::Shared,
    rate::Address,
    user::UserId,
    wire::{
        CursorKey, Place,
        error::{ApiCode, ApiError},
        rest::query::Query,
    },
};

/// Where sockets are opened.
pub(crate) const SOCKET_PATH: &str = "/ws";

/// What the handlers share, as `web::Data` of the app.
pub(crate) struct RestState {
    shared: Arc<Shared>,
    server_key: ServerKey,
    discard: DiscardLimits,
    reading: Arc<Reading>,
}

impl RestState {
    /// Where a request came from.
    fn client_address(&self, request: &HttpRequest) -> IpAddr {
        client_address(request.head(), &self.shared.settings.trusted_proxies)
    }

    /// The same, as rates count it.
    fn address(&self, request: &HttpRequest) -> Address {
        self.client_address(request).into()
    }
}

/// Does something to its end, whether its client waits for it or not. actix drops a handler whose connection breaks, and that
/// must not happen between what is committed and what is then in force.
async fn to_its_end<T: 'static, E: Into<ApiError> + 'static>(
    work: impl Future<Output = Result<T, E>> + 'static,
) -> Result<T, ApiError> {
    match actix_rt::spawn(work).await {
        Ok(result) => result.map_err(E::into),
        // It has panicked, which the log tells.
        Err(_) => Err(ApiError::new(ApiCode::Internal, "internal error")),
    }
}

/// Mounts the chat's REST routes. Paths that are not its own are left to the app.
pub(crate) fn configure(app: &mut web::ServiceConfig, shared: &Arc<Shared>) {
    let server_key = ServerKey::new(shared.settings.server_key.reveal());
    let state = RestState {
        shared: shared.clone(),
        server_key,
        discard: DiscardLimits {
            bytes: shared.settings.max_discarded_bytes,
            time: shared.settings.discard_timeout,
        },
        reading: Reading::new(shared.settings.max_user_reads),
    };
    app.app_data(web::Data::new(state))
        .configure(health::configure)
        .configure(account::configure)
        .configure(session::configure)
        .configure(user::configure)
        .configure(channel::configure)
        .configure(friend::configure)
        .configure(group::configure)
        .configure(notification::configure);
}

/// Mounts what a server has that is the chat's alone: a front page, probes, and an answer to requests for what it does not
/// serve, to unknown paths, and to requests at the socket's path that are no upgrades.
pub(crate) fn configure_standalone(app: &mut web::ServiceConfig) {
    health::configure_standalone(app);
    mount(
        app,
        resource(SOCKET_PATH).route(get_or_head().to(no_handshake)),
    );
    unserved::configure(app);
    let unknown = web::resource("/{path:.*}").default_service(web::to(unknown_path));
    dress(app, unknown, Meter::of_others());
}

/// Mounts a path of the chat.
fn mount(app: &mut web::ServiceConfig, path: Served) {
    let (resource, meter) = path.metered();
    dress(app, resource, meter);
}

/// Mounts a resource, dressed in what every answer has: compression on request, cache headers, CORS, a place in the metrics.
fn dress(app: &mut web::ServiceConfig, resource: Resource, meter: Meter) {
    let headers = DefaultHeaders::new()
        .add((header::CACHE_CONTROL, "no-store, no-cache, must-revalidate"))
        .add((header::VARY, "accept-encoding"));
    // The last wrap is the outermost: a preflight never reaches a route.
    app.service(
        resource
            .wrap(Compress::default())
            .wrap(headers)
            .wrap(cors())
            .wrap(from_fn(move |request: ServiceRequest, next| {
                let (meter, method) = (meter.clone(), request.method().clone());
                meter.measure(method, edge::serve(request, next))
            })),
    );
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

/// The place a listing is to go on from; an empty cursor counts as none.
fn read_cursor<T: Place>(
    query: &Query<'_>,
    name: &str,
    key: &CursorKey,
    scope: &str,
) -> Result<Option<T>, ApiError> {
    let cursor = query.text(name)?.filter(|text| !text.is_empty());
    let place = cursor.map(|text| key.open(scope, text)).transpose()?;
    Ok(place)
}

/// The users a repeated parameter names by their ids.
fn read_users(query: &Query<'_>, name: &str) -> Result<Vec<UserId>, ApiError> {
    let user = |text| UserId::parse(text).filter(|id| *id != UserId::SERVER);
    query
        .texts(name)
        .map(|text| user(text).ok_or_else(|| ApiError::invalid(format!("{name} must be user ids"))))
        .collect()
}

async fn no_handshake(state: web::Data<RestState>, request: HttpRequest) -> HttpResponse {
    handshake::refusal_without_upgrade(&state.shared, request.head()).into()
}

async fn other_method() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(ApiCode::Unimplemented, "method not allowed"))
}

async fn unknown_path() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(ApiCode::NotFound, "not found"))
}
