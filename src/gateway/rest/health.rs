//! The front page, and whether the server answers.

use actix_web::{HttpResponse, Responder, http::header::ContentType, web};

use super::resource;
use crate::wire::rest::Empty;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/").route(web::get().to(front_page)))
        .service(resource("/healthcheck").route(web::get().to(healthcheck)));
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
