//! The front page, whether the server answers, and whether it can do its work.

use actix_web::{HttpResponse, Responder, http::header::ContentType, web};

use super::{RestState, get_or_head, mount, resource};
use crate::wire::rest::{Empty, health::Ready};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/healthcheck").route(get_or_head().to(healthcheck)),
    );
}

/// Not mounted into other programs, which have a front page, and probes, of their own.
pub(super) fn configure_standalone(app: &mut web::ServiceConfig) {
    mount(app, resource("/livez").route(get_or_head().to(healthcheck)));
    mount(app, resource("/readyz").route(get_or_head().to(readyz)));
    mount(app, resource("/").route(get_or_head().to(front_page)));
}

/// For people who open the address in a browser.
async fn front_page() -> impl Responder {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(include_str!("index.html"))
}

/// 503 with the reasons while it makes no sense to send clients here.
async fn readyz(state: web::Data<RestState>) -> HttpResponse {
    let reasons = state.shared.not_ready().await;
    let mut answer = match reasons.is_empty() {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    let reasons = reasons.iter().map(ToString::to_string).collect();
    answer.json(Ready::unless(reasons))
}

async fn healthcheck() -> impl Responder {
    web::Json(Empty {})
}
