//! Friends, invitations and blocks.

use actix_web::{
    HttpRequest,
    web::{self, Json},
};

use super::{
    RestState,
    auth::Changing,
    get_or_head, mount, read_cursor, read_users, resource,
    route::{self, Call},
};
use crate::{
    account::Caller,
    user::{FriendAction, FriendError, FriendMetadata, FriendState},
    wire::{
        error::ApiError,
        rest::{
            Empty,
            friend::{
                FriendsAnswer, FriendsOfFriendsAnswer, friends_of_friends_scope, friends_scope,
            },
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/v2/friend")
            .route(get_or_head().to(list))
            .route(changing(route::post(), add))
            .route(changing(route::delete(), |_| Ok(FriendAction::Delete))),
    );
    mount(
        app,
        resource("/v2/friend/block").route(changing(route::post(), |_| Ok(FriendAction::Block))),
    );
    mount(
        app,
        resource("/v2/friend/friends").route(get_or_head().to(of_friends)),
    );
}

/// Reads off the parameters of a request what to do about the users it names.
type Reading = fn(&Query<'_>) -> Result<FriendAction, ApiError>;

fn add(query: &Query<'_>) -> Result<FriendAction, ApiError> {
    let metadata = query.text("metadata")?.unwrap_or_default();
    Ok(FriendAction::Add(FriendMetadata::new(metadata)?))
}

/// A route that does to the users of the query what is read off its parameters.
fn changing(call: Call, reading: Reading) -> Call {
    call.to(move |caller, state, request| change(caller, state, request, reading))
}

async fn change(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    reading: Reading,
) -> Result<Json<Empty>, ApiError> {
    let query = Query::parse(request.query_string());
    let ids = read_users(&query, "ids")?;
    let usernames = query.texts("usernames").map(str::to_owned).collect();
    let action = reading(&query)?;
    let friends = &state.shared.friends;
    friends.change(caller.user, ids, usernames, action).await?;
    Ok(Json(Empty {}))
}

/// The one state a listing is to show.
fn state_filter(query: &Query<'_>) -> Result<Option<FriendState>, ApiError> {
    let number = query.integer("state")?;
    let state = number.map(|number| FriendState::from_number(number).ok_or(FriendError::State));
    Ok(state.transpose()?)
}

async fn list(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<FriendsAnswer>, ApiError> {
    let shared = &state.shared;
    let query = Query::parse(request.query_string());
    let filter = state_filter(&query)?;
    let scope = friends_scope(caller.user, filter);
    let beyond = read_cursor(&query, "cursor", &shared.cursor_key, &scope)?;
    let limit = query.integer("limit")?;
    let friends = &shared.friends;
    let page = friends.list(caller.user, filter, beyond, limit).await?;
    let cursor = page.next.map(|next| shared.cursor_key.seal(&scope, &next));
    let listed = page.entries.iter().map(|friend| friend.user.id);
    let online = friends.online(caller.user, listed).await?;
    Ok(Json(FriendsAnswer::new(page.entries, cursor, &online)))
}

async fn of_friends(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<FriendsOfFriendsAnswer>, ApiError> {
    let shared = &state.shared;
    let query = Query::parse(request.query_string());
    let scope = friends_of_friends_scope(caller.user);
    let beyond = read_cursor(&query, "cursor", &shared.cursor_key, &scope)?;
    let limit = query.integer("limit")?;
    let friends = &shared.friends;
    let page = friends.of_friends(caller.user, beyond, limit).await?;
    let cursor = page.next.map(|next| shared.cursor_key.seal(&scope, &next));
    let listed = page.entries.iter().map(|friend| friend.user.id);
    let online = friends.online(caller.user, listed).await?;
    let answer = FriendsOfFriendsAnswer::new(page.entries, cursor, &online);
    Ok(Json(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::UserId;

    const ANA: &str = "00000000-0000-4000-8000-00000000000A";
    const BEN: &str = "00000000-0000-4000-8000-00000000000b";

    #[test]
    fn nobody_is_malformed_or_nil() {
        let read = |query: &str| read_users(&Query::parse(query), "ids");
        let both = [ANA, BEN].map(|id| UserId::parse(id).unwrap());
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read(&format!("ids={ANA}&ids={BEN}")).unwrap(), both);
        for id in [
            "",
            "garbage",
            "00000000-0000-0000-0000-000000000000",
            "00000000000040008000000000000001",
        ] {
            let refused = read(&format!("ids={ANA}&ids={id}")).unwrap_err();
            assert!(refused.message.contains("ids"), "{id}: {refused}");
        }
    }

    #[test]
    fn metadata_is_an_object() {
        let read = |query| add(&Query::parse(query));
        for (query, metadata) in [
            ("", "{}"),
            ("metadata=", "{}"),
            ("metadata=%7B%22a%22%3A+1%7D", "{\"a\": 1}"),
        ] {
            let Ok(FriendAction::Add(read)) = read(query) else {
                panic!("{query} is refused")
            };
            assert_eq!(read.as_str(), metadata, "{query}");
        }
        for query in ["metadata=x", "metadata=[]", "metadata={}&metadata={}"] {
            assert!(read(query).is_err(), "{query}");
        }
    }

    #[test]
    fn states_are_0_to_3() {
        let read = |query| state_filter(&Query::parse(query));
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("state=0").unwrap(), Some(FriendState::Friend));
        assert_eq!(read("state=3").unwrap(), Some(FriendState::Blocked));
        for query in ["state=4", "state=-1", "state=", "state=x"] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
