//! What users were told.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Json},
};

use super::{RestState, auth::Changing, get_or_head, mount, read_cursor, resource, route};
use crate::{
    account::Caller,
    user::{NotificationId, NotificationSeq, UserId},
    wire::{
        error::ApiError,
        rest::{
            Empty,
            notification::{UnreadAnswer, notifications_answer, notifications_scope},
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/v2/notification")
            .route(get_or_head().to(list))
            .route(route::delete().to(delete)),
    );
    mount(
        app,
        resource("/v2/notification/read").route(route::post().to(mark_read)),
    );
    mount(
        app,
        resource("/v2/notification/unread").route(get_or_head().to(unread)),
    );
}

async fn list(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let key = &state.shared.cursor_key;
    let query = Query::parse(request.query_string());
    let unread = query.boolean("unread")?.unwrap_or(false);
    let read_state = query.boolean("read_state")?.unwrap_or(false);
    let scope = notifications_scope(caller.user, unread);
    let behind = read_cursor(&query, "cacheable_cursor", key, &scope)?.map(NotificationSeq);
    let page = state
        .shared
        .notifications
        .list(caller.user, unread, behind, query.integer("limit")?)
        .await?;
    let cursor = key.seal(&scope, &page.end.0);
    let body = notifications_answer(&page.notifications, read_state, &cursor);
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(body))
}

/// The notifications a call is about.
fn ids(query: &Query<'_>) -> Result<Vec<NotificationId>, ApiError> {
    // They are UUIDs, written as those of users.
    let id = |text| UserId::parse(text).map(|id| NotificationId(id.0));
    query
        .texts("ids")
        .map(|text| id(text).ok_or_else(|| ApiError::invalid("ids must be notification ids")))
        .collect()
}

async fn delete(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<Empty>, ApiError> {
    let ids = ids(&Query::parse(request.query_string()))?;
    state.shared.notifications.delete(caller.user, ids).await?;
    Ok(Json(Empty {}))
}

async fn mark_read(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<UnreadAnswer>, ApiError> {
    let query = Query::parse(request.query_string());
    let (ids, all) = (ids(&query)?, query.boolean("all")?.unwrap_or(false));
    let notifications = &state.shared.notifications;
    let unread_count = notifications.mark_read(caller.user, ids, all).await?;
    Ok(Json(UnreadAnswer { unread_count }))
}

async fn unread(
    caller: Caller,
    state: web::Data<RestState>,
) -> Result<Json<UnreadAnswer>, ApiError> {
    let unread_count = state.shared.notifications.unread(caller.user).await?;
    Ok(Json(UnreadAnswer { unread_count }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_repeated_and_well_formed() {
        const ID: &str = "00000000-0000-4000-8000-00000000000A";
        let read = |query: &str| ids(&Query::parse(query));
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read(&format!("ids={ID}&ids={ID}")).unwrap().len(), 2);
        for id in ["", "garbage", &format!("{ID},{ID}"), &format!("{{{ID}}}")] {
            assert!(read(&format!("ids={ID}&ids={id}")).is_err(), "{id}");
        }
    }
}
