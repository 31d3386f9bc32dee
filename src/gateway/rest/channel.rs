//! The history of channels, and what is done about those one has not joined.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Json},
};

use super::{RestState, auth::Changing, get_or_head, mount, resource, route};
use crate::{
    account::Caller,
    channel::{ChannelId, Cursor, Direction, HistoryRequest},
    wire::{
        error::{ApiCode, ApiError},
        rest::{
            Empty,
            channel::{about_bytes, history_answer},
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    // Before the history, whose ids may have slashes in them; a room of this name has to escape its own.
    mount(
        app,
        resource("/v2/channel/{channel_id:[^/]*}/decline").route(route::post().to(decline)),
    );
    // The path that the Nakama documentation's curl lines have.
    mount(
        app,
        resource("/v2/channel").route(get_or_head().to(history_of_named)),
    );
    // Also the empty id, which is a malformed one and not an unknown path.
    mount(
        app,
        resource("/v2/channel/{channel_id:.*}").route(get_or_head().to(history)),
    );
}

/// A page of more bytes is written out beside the thread of the sockets, as it is compressed there: it takes longer than the
/// way to another thread and back.
const LARGE: usize = 64 * 1024;

async fn history(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let channel = channel_id(&request)?;
    let query = Query::parse(request.query_string());
    page(&caller, &state, channel, &query).await
}

async fn history_of_named(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::parse(request.query_string());
    let channel = query.text("channel_id")?;
    // Without it, it is the unknown path that it is in the reference.
    let missing = || ApiError::new(ApiCode::NotFound, "channel_id is missing");
    let channel = channel.ok_or_else(missing)?;
    page(&caller, &state, ChannelId::parse(channel)?, &query).await
}

async fn page(
    caller: &Caller,
    state: &RestState,
    channel: ChannelId,
    query: &Query<'_>,
) -> Result<HttpResponse, ApiError> {
    let shared = &state.shared;
    let direction = match query.boolean("forward")? {
        Some(false) => Direction::NewestFirst,
        Some(true) | None => Direction::OldestFirst,
    };
    let cursor = query.text("cursor")?.filter(|text| !text.is_empty());
    let cursor = cursor
        .map(|text| Cursor::read(text, &shared.cursor_key, &channel))
        .transpose()?;
    let asked = HistoryRequest::new(channel, direction, query.integer("limit")?, cursor)?;
    let turn = state.reading.begin(caller.user).await;
    let page = asked
        .read(caller.user, shared.settings.hide_blocked, &*shared.store)
        .await?;
    let large = about_bytes(&page) > LARGE;
    let shared = shared.clone();
    let write = move || history_answer(&page, asked.channel(), &shared.cursor_key);
    let body = if large {
        let written = actix_rt::task::spawn_blocking(write).await;
        written.map_err(|_| ApiError::new(ApiCode::Internal, "the page could not be written"))?
    } else {
        write()
    };
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(turn.with(body.into())))
}

async fn decline(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<Empty>, ApiError> {
    let channel = channel_id(&request)?;
    let requests = &state.shared.chat_requests;
    requests.decline(caller.user, &channel).await?;
    Ok(Json(Empty {}))
}

fn channel_id(request: &HttpRequest) -> Result<ChannelId, ApiError> {
    let text = unescaped(request.match_info().query("channel_id"))?;
    Ok(ChannelId::parse(&text)?)
}

/// actix-web leaves `%25`, `%2B` and `%2F` of a path as they are; room names may have any of these.
fn unescaped(segment: &str) -> Result<Cow<'_, str>, ApiError> {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| ApiError::invalid("channel_id is not UTF-8"))
}
