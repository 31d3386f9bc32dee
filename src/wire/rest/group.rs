//! Bodies about groups, and listings of groups and their members.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{
    account::{EMPTY_OBJECT, UserAnswer},
    time::seconds,
};
use crate::{
    channel::Micros,
    group::{
        Group, GroupError, GroupFilter, GroupId, GroupUpdate, Member, Membership, NewGroup, Role,
    },
    user::UserId,
    wire::integer,
};

/// A group to be made.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewGroupBody {
    name: Option<String>,
    description: Option<String>,
    #[serde(alias = "langTag")]
    lang_tag: Option<String>,
    #[serde(alias = "avatarUrl")]
    avatar_url: Option<String>,
    open: Option<bool>,
    #[serde(alias = "maxCount", deserialize_with = "integer")]
    max_count: Option<i32>,
}

impl TryFrom<NewGroupBody> for NewGroup {
    type Error = GroupError;

    fn try_from(body: NewGroupBody) -> Result<Self, GroupError> {
        let lang_tag = body.lang_tag.filter(|tag| !tag.is_empty());
        let max_count = match body.max_count {
            None | Some(0) => NewGroup::MAX_COUNT,
            Some(count) => u32::try_from(count).map_err(|_| GroupError::MaxCount {
                max: i32::MAX as u32,
            })?,
        };
        Ok(Self {
            name: body.name.unwrap_or_default(),
            description: body.description.unwrap_or_default(),
            lang_tag: lang_tag.unwrap_or_else(|| NewGroup::LANG_TAG.to_owned()),
            avatar_url: body.avatar_url.unwrap_or_default(),
            open: body.open.unwrap_or_default(),
            max_count,
        })
    }
}

/// Fields of a group to change. Its size is none of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct GroupUpdateBody {
    name: Option<String>,
    description: Option<String>,
    #[serde(alias = "langTag")]
    lang_tag: Option<String>,
    #[serde(alias = "avatarUrl")]
    avatar_url: Option<String>,
    open: Option<bool>,
}

impl From<GroupUpdateBody> for GroupUpdate {
    fn from(body: GroupUpdateBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            lang_tag: body.lang_tag,
            avatar_url: body.avatar_url,
            open: body.open,
        }
    }
}

/// A group as everybody sees it.
#[derive(Serialize)]
pub(crate) struct GroupAnswer {
    id: String,
    creator_id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    lang_tag: String,
    metadata: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    avatar_url: String,
    open: bool,
    edge_count: u32,
    max_count: u32,
    #[serde(serialize_with = "seconds")]
    create_time: Micros,
    #[serde(serialize_with = "seconds")]
    update_time: Micros,
}

impl From<Group> for GroupAnswer {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.to_string(),
            creator_id: group.creator.to_string(),
            name: group.name,
            description: group.description,
            lang_tag: group.lang_tag,
            metadata: EMPTY_OBJECT,
            avatar_url: group.avatar_url,
            open: group.open,
            edge_count: group.edge_count,
            max_count: group.max_count,
            create_time: group.created,
            update_time: group.updated,
        }
    }
}

/// A page of groups.
#[derive(Serialize)]
pub(crate) struct GroupsAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl GroupsAnswer {
    pub(crate) fn new(groups: Vec<Group>, cursor: Option<String>) -> Self {
        Self {
            groups: groups.into_iter().map(GroupAnswer::from).collect(),
            cursor,
        }
    }
}

#[derive(Serialize)]
struct MemberAnswer {
    user: UserAnswer,
    state: u8,
}

/// A page of the users of a group.
#[derive(Serialize)]
pub(crate) struct MembersAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_users: Vec<MemberAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl MembersAnswer {
    /// `online` are those of whom the caller is to see that a session shows a status.
    pub(crate) fn new(
        members: Vec<Member>,
        cursor: Option<String>,
        online: &HashSet<UserId>,
    ) -> Self {
        let members = members.into_iter().map(|member| MemberAnswer {
            state: member.role as u8,
            user: {
                let online = online.contains(&member.user.id);
                UserAnswer::new(member.user, online)
            },
        });
        Self {
            group_users: members.collect(),
            cursor,
        }
    }
}

#[derive(Serialize)]
struct MembershipAnswer {
    group: GroupAnswer,
    state: u8,
}

/// A page of the groups of a user.
#[derive(Serialize)]
pub(crate) struct MembershipsAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_groups: Vec<MembershipAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl MembershipsAnswer {
    pub(crate) fn new(memberships: Vec<Membership>, cursor: Option<String>) -> Self {
        let memberships = memberships.into_iter().map(|membership| MembershipAnswer {
            group: membership.group.into(),
            state: membership.role as u8,
        });
        Self {
            user_groups: memberships.collect(),
            cursor,
        }
    }
}

/// Scope of the cursors of a listing of groups.
pub(crate) fn groups_scope(filter: &GroupFilter) -> String {
    match filter {
        GroupFilter::Name(name) => format!("groups by name {name}"),
        GroupFilter::Properties {
            lang_tag,
            open,
            members,
        } => format!("groups by properties {open:?} {members:?} {lang_tag:?}"),
    }
}

/// Scope of the cursors of a listing of the users of a group.
pub(crate) fn members_scope(group: GroupId, role: Option<Role>) -> String {
    format!("users of group {group} {role:?}")
}

/// Scope of the cursors of a listing of the groups of a user.
pub(crate) fn memberships_scope(user: UserId, role: Option<Role>) -> String {
    format!("groups of user {user} {role:?}")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use uuid::Uuid;

    use super::*;
    use crate::{account::User, wire::rest::body};

    fn new_group(json: &str) -> Result<NewGroup, GroupError> {
        body::parse::<NewGroupBody>(json.as_bytes())
            .unwrap()
            .try_into()
    }

    fn gardeners() -> Group {
        Group {
            id: GroupId(Uuid::from_u128(1)),
            creator: UserId(Uuid::from_u128(2)),
            name: "gardeners".into(),
            description: String::new(),
            lang_tag: "en".into(),
            avatar_url: String::new(),
            open: false,
            edge_count: 1,
            max_count: 100,
            created: Micros(1_999_999),
            updated: Micros(2_000_000),
        }
    }

    const GARDENERS: &str = "{\"id\":\"00000000-0000-0000-0000-000000000001\",\
        \"creator_id\":\"00000000-0000-0000-0000-000000000002\",\"name\":\"gardeners\",\"lang_tag\":\"en\",\
        \"metadata\":\"{}\",\"open\":false,\"edge_count\":1,\"max_count\":100,\
        \"create_time\":\"1970-01-01T00:00:01Z\",\"update_time\":\"1970-01-01T00:00:02Z\"}";

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn a_name_makes_a_group() {
        for text in [
            r#"{"name": "a"}"#,
            r#"{"name": "a", "lang_tag": "", "max_count": 0, "open": null}"#,
        ] {
            let group = new_group(text).unwrap();
            assert_eq!(group.name, "a");
            assert_eq!(group.lang_tag, "en");
            assert_eq!(group.max_count, 100);
            assert!(!group.open);
            assert!(group.check().is_ok());
        }
        for text in ["{}", r#"{"name": ""}"#] {
            assert!(new_group(text).unwrap().check().is_err(), "{text}");
        }
    }

    #[test]
    fn both_spellings() {
        for text in [
            r#"{"lang_tag": "fr", "avatar_url": "x", "max_count": 25, "open": true}"#,
            r#"{"langTag": "fr", "avatarUrl": "x", "maxCount": "25", "open": true}"#,
        ] {
            let group = new_group(text).unwrap();
            assert_eq!(group.lang_tag, "fr");
            assert_eq!(group.avatar_url, "x");
            assert_eq!(group.max_count, 25);
            assert!(group.open);
        }
    }

    #[test]
    fn a_negative_size_is_refused() {
        assert!(matches!(
            new_group(r#"{"name": "a", "max_count": -1}"#),
            Err(GroupError::MaxCount { max: 2_147_483_647 })
        ));
    }

    #[test]
    fn an_update_tells_empty_from_absent() {
        let text = br#"{"description": "", "langTag": null, "avatarUrl": "x", "max_count": "no"}"#;
        let body: GroupUpdateBody = body::parse(text).unwrap();
        assert_eq!(
            GroupUpdate::from(body),
            GroupUpdate {
                description: Some(String::new()),
                avatar_url: Some("x".into()),
                ..GroupUpdate::default()
            }
        );
    }

    #[test]
    fn a_group_as_clients_see_it() {
        assert_eq!(json(&GroupAnswer::from(gardeners())), GARDENERS);
        let full = Group {
            description: "We garden".into(),
            avatar_url: "http://a/g.png".into(),
            open: true,
            ..gardeners()
        };
        let full = json(&GroupAnswer::from(full));
        for part in [
            "\"description\":\"We garden\"",
            "\"avatar_url\":\"http://a/g.png\"",
            "\"open\":true",
        ] {
            assert!(full.contains(part), "{full}");
        }
    }

    #[test]
    fn lists_leave_out_what_is_empty() {
        assert_eq!(json(&GroupsAnswer::new(vec![], None)), "{}");
        assert_eq!(
            json(&MembersAnswer::new(vec![], None, &HashSet::new())),
            "{}"
        );
        assert_eq!(json(&MembershipsAnswer::new(vec![], None)), "{}");
        assert_eq!(
            json(&GroupsAnswer::new(vec![gardeners()], Some("c".into()))),
            format!("{{\"groups\":[{GARDENERS}],\"cursor\":\"c\"}}")
        );
    }

    #[test]
    fn states_are_always_written() {
        let membership = Membership {
            group: gardeners(),
            role: Role::Superadmin,
            since: Micros(0),
        };
        assert_eq!(
            json(&MembershipsAnswer::new(vec![membership], None)),
            format!("{{\"user_groups\":[{{\"group\":{GARDENERS},\"state\":0}}]}}")
        );
        let member = Member {
            user: User {
                id: UserId(Uuid::from_u128(2)),
                username: "ada".into(),
                display_name: String::new(),
                avatar_url: String::new(),
                lang_tag: String::new(),
                location: String::new(),
                timezone: String::new(),
                created: UNIX_EPOCH,
                updated: UNIX_EPOCH,
            },
            role: Role::Banned,
            since: Micros(0),
        };
        let online = HashSet::from([member.user.id]);
        assert_eq!(
            json(&MembersAnswer::new(vec![member], None, &online)),
            "{\"group_users\":[{\"user\":{\"id\":\"00000000-0000-0000-0000-000000000002\",\"username\":\"ada\",\
             \"metadata\":\"{}\",\"online\":true,\"create_time\":\"1970-01-01T00:00:00Z\",\
             \"update_time\":\"1970-01-01T00:00:00Z\"},\"state\":4}]}"
        );
    }

    #[test]
    fn each_listing_has_its_scope() {
        let properties = |lang_tag: Option<&str>, open, members| GroupFilter::Properties {
            lang_tag: lang_tag.map(str::to_owned),
            open,
            members,
        };
        let (group, user) = (GroupId(Uuid::nil()), UserId(Uuid::nil()));
        let scopes = [
            groups_scope(&GroupFilter::Name("a".into())),
            groups_scope(&GroupFilter::Name("None None None".into())),
            groups_scope(&properties(None, None, None)),
            groups_scope(&properties(Some("None"), None, None)),
            groups_scope(&properties(None, Some(true), None)),
            groups_scope(&properties(None, Some(false), None)),
            groups_scope(&properties(None, None, Some(1))),
            members_scope(group, None),
            members_scope(group, Some(Role::Admin)),
            members_scope(GroupId(Uuid::max()), None),
            memberships_scope(user, None),
            memberships_scope(user, Some(Role::Admin)),
            memberships_scope(UserId(Uuid::max()), None),
        ];
        let count = scopes.len();
        assert_eq!(HashSet::from(scopes).len(), count);
    }
}
