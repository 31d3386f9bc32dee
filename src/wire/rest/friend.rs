//! Listings of friends, and of their friends.

use std::collections::HashSet;

use serde::Serialize;

use super::{account::UserAnswer, time::seconds};
use crate::{
    account::User,
    channel::Micros,
    user::{Friend, FriendOfFriend, FriendState, UserId},
};

#[derive(Serialize)]
struct FriendAnswer {
    user: UserAnswer,
    state: u8,
    #[serde(serialize_with = "seconds")]
    update_time: Micros,
    metadata: String,
}

/// A page of a user's list.
#[derive(Serialize)]
pub(crate) struct FriendsAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    friends: Vec<FriendAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl FriendsAnswer {
    /// `online` are those of whom the caller is to see that a session shows a status.
    pub(crate) fn new(
        friends: Vec<Friend>,
        cursor: Option<String>,
        online: &HashSet<UserId>,
    ) -> Self {
        let friends = friends.into_iter().map(|friend| FriendAnswer {
            state: friend.state as u8,
            update_time: friend.updated,
            metadata: friend.metadata.as_str().to_owned(),
            user: seen(friend.user, online),
        });
        Self {
            friends: friends.collect(),
            cursor,
        }
    }
}

#[derive(Serialize)]
struct FriendOfFriendAnswer {
    referrer: String,
    user: UserAnswer,
}

/// A page of the friends of a user's friends.
#[derive(Serialize)]
pub(crate) struct FriendsOfFriendsAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    friends_of_friends: Vec<FriendOfFriendAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl FriendsOfFriendsAnswer {
    /// `online` are those of whom the caller is to see that a session shows a status.
    pub(crate) fn new(
        friends: Vec<FriendOfFriend>,
        cursor: Option<String>,
        online: &HashSet<UserId>,
    ) -> Self {
        let friends = friends.into_iter().map(|friend| FriendOfFriendAnswer {
            referrer: friend.referrer.to_string(),
            user: seen(friend.user, online),
        });
        Self {
            friends_of_friends: friends.collect(),
            cursor,
        }
    }
}

fn seen(user: User, online: &HashSet<UserId>) -> UserAnswer {
    let online = online.contains(&user.id);
    UserAnswer::new(user, online)
}

/// Scope of the cursors of a user's list.
pub(crate) fn friends_scope(user: UserId, state: Option<FriendState>) -> String {
    format!("friends of user {user} {state:?}")
}

/// Scope of the cursors of a listing of the friends of a user's friends.
pub(crate) fn friends_of_friends_scope(user: UserId) -> String {
    format!("friends of friends of user {user}")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use uuid::Uuid;

    use super::*;
    use crate::user::FriendMetadata;

    fn ada() -> User {
        User {
            id: UserId(Uuid::from_u128(2)),
            username: "ada".into(),
            display_name: String::new(),
            avatar_url: String::new(),
            lang_tag: "en".into(),
            location: String::new(),
            timezone: String::new(),
            created: UNIX_EPOCH,
            updated: UNIX_EPOCH,
        }
    }

    fn friend(state: FriendState) -> Friend {
        Friend {
            user: ada(),
            state,
            since: Micros(0),
            updated: Micros(1_999_999),
            metadata: FriendMetadata::default(),
        }
    }

    const ADA: &str = "{\"id\":\"00000000-0000-0000-0000-000000000002\",\"username\":\"ada\",\"lang_tag\":\"en\",\
        \"metadata\":\"{}\",\"create_time\":\"1970-01-01T00:00:00Z\",\"update_time\":\"1970-01-01T00:00:00Z\"}";

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn state_and_metadata_are_always_written() {
        let answer = FriendsAnswer::new(vec![friend(FriendState::Friend)], None, &HashSet::new());
        assert_eq!(
            json(&answer),
            format!(
                "{{\"friends\":[{{\"user\":{ADA},\"state\":0,\"update_time\":\"1970-01-01T00:00:01Z\",\
                 \"metadata\":\"{{}}\"}}]}}"
            )
        );
        let noted = Friend {
            metadata: FriendMetadata::new(r#"{"from": "school"}"#).unwrap(),
            ..friend(FriendState::Blocked)
        };
        let answer = json(&FriendsAnswer::new(
            vec![noted],
            Some("c".into()),
            &HashSet::from([ada().id]),
        ));
        for part in [
            "\"online\":true",
            "\"state\":3",
            r#""metadata":"{\"from\": \"school\"}""#,
            "\"cursor\":\"c\"",
        ] {
            assert!(answer.contains(part), "{answer}");
        }
    }

    #[test]
    fn a_friend_of_a_friend_comes_with_the_friend() {
        let found = FriendOfFriend {
            referrer: UserId(Uuid::from_u128(1)),
            user: ada(),
        };
        let answer = FriendsOfFriendsAnswer::new(vec![found], Some("c".into()), &HashSet::new());
        assert_eq!(
            json(&answer),
            format!(
                "{{\"friends_of_friends\":[{{\"referrer\":\"00000000-0000-0000-0000-000000000001\",\
                 \"user\":{ADA}}}],\"cursor\":\"c\"}}"
            )
        );
    }

    #[test]
    fn lists_leave_out_what_is_empty() {
        assert_eq!(
            json(&FriendsAnswer::new(vec![], None, &HashSet::new())),
            "{}"
        );
        assert_eq!(
            json(&FriendsOfFriendsAnswer::new(vec![], None, &HashSet::new())),
            "{}"
        );
    }

    #[test]
    fn each_listing_has_its_scope() {
        let (ana, ben) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let states = (0..4).map(FriendState::from_number).chain([None]);
        let of_ana = states.map(|state| friends_scope(ana, state));
        let scopes: Vec<_> = of_ana
            .chain([
                friends_scope(ben, None),
                friends_of_friends_scope(ana),
                friends_of_friends_scope(ben),
            ])
            .collect();
        let count = scopes.len();
        assert_eq!(scopes.into_iter().collect::<HashSet<_>>().len(), count);
    }
}
