//! One person: who they are to the chat, which of their sessions are open right now, what others are told of
//! them (`state`), what they are told beside the channels (`notification`, `chat_request`), and who their
//! friends are (`friend`).
//!
//! Credentials and profiles are in `account`; what a single socket does is in `session`.

mod actor;
mod chat_request;
mod command;
pub(crate) mod friend;
mod id;
pub(crate) mod metrics;
mod notification;
mod notifications;
mod state;

pub use id::UserId;
pub use notification::{NewNotification, NotifyError};
pub(crate) use {
    actor::{UserActor, UserParts, UserSettings},
    chat_request::{
        AskedFirst, ChatRequestStore, ChatRequests, DeclineError, Opened, declined, requested,
    },
    command::{
        Arrive, ChangeFriends, CloseSessions, Depart, Follow, Followed, Home, Notify, SetStatus,
        Unfollow,
    },
    friend::{
        Friend, FriendAction, FriendChange, FriendError, FriendMetadata, FriendOfFriend,
        FriendOfFriendPosition, FriendPosition, FriendState, FriendStore, Friends, FriendsChanged,
    },
    notification::{
        Notification, NotificationCode, NotificationId, NotificationSeq, NotificationStore,
        ReadMark,
    },
    notifications::{NotificationError, Notifications},
    state::{Status, StatusError, StatusNews, StatusPresence},
};
