//! The front page, and whether the server answers.

use actix_web::{HttpResponse, Responder, http::header::ContentType, web};

use super::{mount, resource};
use crate::wire::rest::Empty;

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/healthcheck").route(web::get().to(healthcheck)),
    );
}

/// Not mounted into other programs: these have a front page of their own.
pub(super) fn configure_front_page(app: &mut web::ServiceConfig) {
    mount(app, resource("/").route(web::get().to(front_page)));
}

/// For people who open the address in a browser.
async fn front_page() -> impl Responder {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(include_str!("index.html"))
}

async fn healthcheck() -> impl Responder {
    web::Json(Empty {})
}
