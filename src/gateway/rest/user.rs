//! Other people's profiles.

use actix_web::{
    HttpRequest,
    web::{self, Json},
};

use super::{RestState, auth::Searching, get_or_head, mount, resource};
use crate::{
    account::Username,
    user::UserId,
    wire::{
        error::ApiError,
        rest::{
            account::{UserAnswer, UsersAnswer},
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(app, resource("/v2/user").route(get_or_head().to(find)));
}

async fn find(
    Searching(caller): Searching,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<UsersAnswer>, ApiError> {
    let query = Query::parse(request.query_string());
    let ids = query
        .texts("ids")
        .map(|id| UserId::parse(id).ok_or_else(|| ApiError::invalid("ids must be user ids")))
        .collect::<Result<Vec<_>, _>>()?;
    // No user has a malformed name; the empty one is that of the server's own user.
    let names = query
        .texts("usernames")
        .filter(|name| name.is_empty() || Username::parse(name).is_ok());
    let users = state
        .shared
        .accounts
        .find_users(ids, names.map(str::to_owned).collect())
        .await?;
    let found = users.iter().map(|user| user.id);
    let online = state.shared.friends.online(caller.user, found).await?;
    let users = users.into_iter().map(|user| {
        let online = online.contains(&user.id);
        UserAnswer::new(user, online)
    });
    Ok(Json(UsersAnswer {
        users: users.collect(),
    }))
}
