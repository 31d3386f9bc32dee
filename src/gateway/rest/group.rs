//! Groups and who is in them.

use actix_web::{
    HttpRequest,
    web::{self, Json},
};

use super::{
    RestState,
    auth::{Changing, Searching},
    body::JsonBody,
    get_or_head, mount, read_cursor, read_users, resource,
    route::{self, Call},
};
use crate::{
    account::Caller,
    group::{Action, GroupError, GroupFilter, GroupId, Role},
    user::UserId,
    wire::{
        error::ApiError,
        rest::{
            Empty,
            group::{
                GroupAnswer, GroupUpdateBody, GroupsAnswer, MembersAnswer, MembershipsAnswer,
                NewGroupBody, groups_scope, members_scope, memberships_scope,
            },
            query::Query,
        },
    },
};

pub(super) fn configure(app: &mut web::ServiceConfig) {
    mount(
        app,
        resource("/v2/group")
            .route(get_or_head().to(list))
            .route(route::post().to(create)),
    );
    mount(
        app,
        resource("/v2/group/{group_id}")
            .route(route::put().to(update))
            .route(changing(route::delete(), |_| Ok(Some(Action::Delete)))),
    );
    // Also the empty id, which is a malformed one and not an unknown path.
    for (verb, reading) in VERBS {
        mount(
            app,
            resource(&format!("/v2/group/{{group_id:[^/]*}}/{verb}"))
                .route(changing(route::post(), reading)),
        );
    }
    mount(
        app,
        resource("/v2/group/{group_id:[^/]*}/user").route(get_or_head().to(members)),
    );
    mount(
        app,
        resource("/v2/user/{user_id:[^/]*}/group").route(get_or_head().to(memberships)),
    );
}

/// Reads off the parameters of a request what to do to a group. `None` when that is nothing.
type Reading = fn(&Query<'_>) -> Result<Option<Action>, ApiError>;

/// What changes who is in a group. Without `user_ids` a demotion is an error and the others do nothing, as
/// in the reference.
const VERBS: [(&str, Reading); 7] = [
    ("join", |_| Ok(Some(Action::Join))),
    ("leave", |_| Ok(Some(Action::Leave))),
    ("add", |query| Ok(users(query)?.map(Action::Add))),
    ("kick", |query| Ok(users(query)?.map(Action::Kick))),
    ("ban", |query| Ok(users(query)?.map(Action::Ban))),
    ("promote", |query| Ok(users(query)?.map(Action::Promote))),
    ("demote", |query| {
        let users = users(query)?.ok_or(GroupError::NoUsers)?;
        Ok(Some(Action::Demote(users)))
    }),
];

/// The users a verb is about; `None` for nobody.
fn users(query: &Query<'_>) -> Result<Option<Vec<UserId>>, ApiError> {
    let users = read_users(query, "user_ids")?;
    Ok(Some(users).filter(|users| !users.is_empty()))
}

/// A route that does to the group of the path what is read off the parameters.
fn changing(call: Call, reading: Reading) -> Call {
    call.to(move |caller, state, request| change(caller, state, request, reading))
}

async fn change(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    reading: Reading,
) -> Result<Json<Empty>, ApiError> {
    let group = group_id(&request)?;
    if let Some(action) = reading(&Query::parse(request.query_string()))? {
        let groups = &state.shared.groups;
        groups.change(caller.user, group, action).await?;
    }
    Ok(Json(Empty {}))
}

fn group_id(request: &HttpRequest) -> Result<GroupId, ApiError> {
    GroupId::parse(request.match_info().query("group_id"))
        .ok_or_else(|| ApiError::invalid("group_id must be the id of a group"))
}

async fn create(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    JsonBody(body): JsonBody<NewGroupBody>,
) -> Result<Json<GroupAnswer>, ApiError> {
    let groups = &state.shared.groups;
    let group = groups.create(caller.user, body.try_into()?).await?;
    Ok(Json(group.into()))
}

async fn update(
    Changing(caller): Changing,
    state: web::Data<RestState>,
    request: HttpRequest,
    JsonBody(body): JsonBody<GroupUpdateBody>,
) -> Result<Json<Empty>, ApiError> {
    let group = group_id(&request)?;
    let groups = &state.shared.groups;
    groups.update(caller.user, group, body.into()).await?;
    Ok(Json(Empty {}))
}

/// The filter of a listing of groups. Empty texts count as none.
fn filter(query: &Query<'_>) -> Result<GroupFilter, ApiError> {
    let text = |name| {
        let text = query.text(name)?.filter(|text| !text.is_empty());
        Ok::<_, ApiError>(text.map(str::to_owned))
    };
    let (name, lang_tag) = (text("name")?, text("lang_tag")?);
    let open = query.boolean("open")?;
    let members = query
        .integer("members")?
        .map(|most| u32::try_from(most).map_err(|_| GroupError::Members))
        .transpose()?;
    match name {
        None => Ok(GroupFilter::Properties {
            lang_tag,
            open,
            members,
        }),
        Some(name) if lang_tag.is_none() && open.is_none() && members.is_none() => {
            Ok(GroupFilter::Name(name))
        }
        Some(_) => Err(GroupError::FilterWithName.into()),
    }
}

async fn list(
    Searching(caller): Searching,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<GroupsAnswer>, ApiError> {
    let shared = &state.shared;
    let query = Query::parse(request.query_string());
    let filter = filter(&query)?;
    let scope = groups_scope(&filter);
    let beyond = read_cursor(&query, "cursor", &shared.cursor_key, &scope)?;
    let limit = query.integer("limit")?;
    let groups = &shared.groups;
    let page = groups.list(caller.user, filter, beyond, limit).await?;
    let cursor = page.next.map(|next| shared.cursor_key.seal(&scope, &next));
    Ok(Json(GroupsAnswer::new(page.entries, cursor)))
}

/// The one role a listing is to show.
fn role(query: &Query<'_>) -> Result<Option<Role>, ApiError> {
    let state = query.integer("state")?;
    let role = state.map(|number| Role::from_number(number).ok_or(GroupError::State));
    Ok(role.transpose()?)
}

async fn members(
    caller: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<MembersAnswer>, ApiError> {
    let shared = &state.shared;
    let group = group_id(&request)?;
    let query = Query::parse(request.query_string());
    let role = role(&query)?;
    let scope = members_scope(group, role);
    let beyond = read_cursor(&query, "cursor", &shared.cursor_key, &scope)?;
    let limit = query.integer("limit")?;
    let page = shared.groups.members(group, role, beyond, limit).await?;
    let cursor = page.next.map(|next| shared.cursor_key.seal(&scope, &next));
    let listed = page.entries.iter().map(|member| member.user.id);
    let online = shared.friends.online(caller.user, listed).await?;
    Ok(Json(MembersAnswer::new(page.entries, cursor, &online)))
}

async fn memberships(
    _: Caller,
    state: web::Data<RestState>,
    request: HttpRequest,
) -> Result<Json<MembershipsAnswer>, ApiError> {
    let shared = &state.shared;
    let user = UserId::parse(request.match_info().query("user_id"))
        .ok_or_else(|| ApiError::invalid("user_id must be the id of a user"))?;
    let query = Query::parse(request.query_string());
    let role = role(&query)?;
    let scope = memberships_scope(user, role);
    let beyond = read_cursor(&query, "cursor", &shared.cursor_key, &scope)?;
    let limit = query.integer("limit")?;
    let page = shared.groups.memberships(user, role, beyond, limit).await?;
    let cursor = page.next.map(|next| shared.cursor_key.seal(&scope, &next));
    Ok(Json(MembershipsAnswer::new(page.entries, cursor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: &str = "00000000-0000-4000-8000-00000000000A";
    const BEN: &str = "00000000-0000-4000-8000-00000000000b";

    fn read(verb: &str, query: &str) -> Result<Option<Action>, ApiError> {
        let (_, reading) = VERBS.iter().find(|(name, _)| *name == verb).unwrap();
        reading(&Query::parse(query))
    }

    #[test]
    fn verbs_take_users_in_both_spellings() {
        let query = format!("user_ids={ANA}&userIds={BEN}");
        let both = [ANA, BEN].map(|id| UserId::parse(id).unwrap());
        for verb in ["add", "kick", "ban", "promote", "demote"] {
            let action = read(verb, &query).unwrap().unwrap();
            let (Action::Add(users)
            | Action::Kick(users)
            | Action::Ban(users)
            | Action::Promote(users)
            | Action::Demote(users)) = action
            else {
                panic!("{verb} became {action:?}")
            };
            assert_eq!(users, both, "{verb}");
        }
    }

    #[test]
    fn joining_and_leaving_take_nobody() {
        let join = read("join", "user_ids=garbage").unwrap();
        assert!(matches!(join, Some(Action::Join)));
        let leave = read("leave", "").unwrap();
        assert!(matches!(leave, Some(Action::Leave)));
    }

    #[test]
    fn nobody_is_refused_for_a_demotion_only() {
        for verb in ["add", "kick", "ban", "promote"] {
            assert!(read(verb, "").unwrap().is_none(), "{verb}");
        }
        assert!(read("demote", "").is_err());
    }

    #[test]
    fn no_id_is_malformed_or_nil() {
        for id in [
            "",
            "garbage",
            "00000000-0000-0000-0000-000000000000",
            "00000000000040008000000000000001",
        ] {
            for verb in ["add", "kick", "ban", "promote", "demote"] {
                let query = format!("user_ids={ANA}&user_ids={id}");
                assert!(read(verb, &query).is_err(), "{verb} {id}");
            }
        }
    }

    #[test]
    fn a_name_stands_alone() {
        let read = |query| filter(&Query::parse(query));
        let name = GroupFilter::Name("a%".into());
        assert_eq!(read("name=a%25&lang_tag=").unwrap(), name);
        for query in [
            "name=a&langTag=en",
            "name=a&open=false",
            "name=a&members=0",
            "members=-1",
            "members=",
            "open=yes",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
        assert_eq!(
            read("name=&lang_tag=en&open=1&members=5").unwrap(),
            GroupFilter::Properties {
                lang_tag: Some("en".into()),
                open: Some(true),
                members: Some(5),
            }
        );
    }

    #[test]
    fn states_are_0_to_4() {
        let read = |query| role(&Query::parse(query));
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("state=0").unwrap(), Some(Role::Superadmin));
        assert_eq!(read("state=4").unwrap(), Some(Role::Banned));
        for query in ["state=5", "state=-1", "state=", "state=x"] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
