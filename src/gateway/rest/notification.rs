//! What users were told.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Json},
};

use super::{RestState, mount, read_cursor, resource};
use crate::{
    account::Caller,
    user::{NotificationId, NotificationSeq, UserId},
    wire::{
        error::ApiError,
        rest::{
            Empty,
            notification::{notifications_answer, notifications_scope},
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/v2/notification")
            .route(web::get().to(list))
            .route(web::delete().to(delete)),
    );
}

async fn list(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let key = &state.shared.cursor_key;
    let query = Query::parse(request.query_string());
    let scope = notifications_scope(caller.user);
    let behind = read_cursor(&query, "cacheable_cursor", key, &scope)?.map(NotificationSeq);
    let page = state
        .shared
        .notifications
        .list(caller.user, behind, query.integer("limit")?)
        .await?;
    let cursor = key.seal(&scope, &page.end.0);
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(notifications_answer(&page.notifications, &cursor)))
}

async fn delete(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<Empty>, ApiError> {
    let query = Query::parse(request.query_string());
    // They are UUIDs, written as those of users.
    let id = |text| UserId::parse(text).map(|id| NotificationId(id.0));
    let ids = query
        .texts("ids")
        .map(|text| id(text).ok_or_else(|| ApiError::invalid("ids must be notification ids")))
        .collect::<Result<_, _>>()?;
    state.shared.notifications.delete(caller.user, ids).await?;
    Ok(Json(Empty {}))
}
