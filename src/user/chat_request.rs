//! Chat requests: what the other user of a direct channel is told when somebody opens it, and how they
//! are closed.

use std::sync::Arc;

use serde_json::json;

use super::{Notification, NotificationCode, UserId};
use crate::{
    channel::{ChannelId, Entrance, MessageStore, Micros, Opening},
    directory::Directory,
    store::{StoreError, StoreFuture},
};

/// To the absent user of a direct channel that another one, who is called `username`, opens.
pub(crate) fn requested(opening: &Opening, username: &str) -> Notification {
    let request = Notification::new(
        opening.other,
        NotificationCode::ChatRequest,
        format!("{username} wants to chat"),
        &json!({"username": username}),
        opening.user,
        opening.now,
    );
    Notification {
        about: Some(opening.channel.as_str().to_owned()),
        ..request
    }
}

/// To a user whose request for a channel `by`, who is called `username`, has declined.
pub(crate) fn declined(
    user: UserId,
    channel: &ChannelId,
    by: UserId,
    username: &str,
    now: Micros,
) -> Notification {
    let told = Notification::new(
        user,
        NotificationCode::ChatDeclined,
        format!("{username} declined to chat"),
        &json!({"channel_id": channel.as_str(), "username": username}),
        by,
        now,
    );
    Notification {
        persistent: false,
        ..told
    }
}

/// What came of an [`Opening`].
#[derive(Debug)]
pub(crate) enum Opened {
    /// The other does not exist, or has blocked the user.
    Forbidden,
    /// The user may enter. The other's requests are closed: entering accepts them. With what the other is to
    /// be told, which is kept.
    Granted(Option<Notification>),
}

/// Keeps chat requests, which are notifications with the code of one. A request is open until the user
/// enters the channel, declines it, or deletes it.
pub(crate) trait ChatRequestStore: Send + Sync + 'static {
    /// Decides whether a user may enter a direct channel, closes what the other has requested, and adds
    /// a request to the other if one is needed and none of the user's is unread. Writes only when there is
    /// something to write.
    fn open_direct(&self, opening: Opening) -> StoreFuture<'_, Result<Opened, StoreError>>;

    /// Deletes the open requests of `other` to a user for their direct channel. Answers what the other is to be
    /// told, which is not kept; `None` when there was no open request, or the other has blocked the user.
    fn decline(
        &self,
        channel: ChannelId,
        user: UserId,
        other: UserId,
        now: Micros,
    ) -> StoreFuture<'_, Result<Option<Notification>, StoreError>>;
}

/// Asks the store of messages first, which a host program may have put something in front of.
pub(crate) struct AskedFirst {
    pub(crate) messages: Arc<dyn MessageStore>,
    pub(crate) chat_requests: Arc<dyn ChatRequestStore>,
}

impl ChatRequestStore for AskedFirst {
    fn open_direct(&self, opening: Opening) -> StoreFuture<'_, Result<Opened, StoreError>> {
        Box::pin(async move {
            let (user, channel) = (opening.user, &opening.channel);
            if !self.messages.may_enter(user, channel).await? {
                return Ok(Opened::Forbidden);
            }
            self.chat_requests.open_direct(opening).await
        })
    }

    fn decline(
        &self,
        channel: ChannelId,
        user: UserId,
        other: UserId,
        now: Micros,
    ) -> StoreFuture<'_, Result<Option<Notification>, StoreError>> {
        self.chat_requests.decline(channel, user, other, now)
    }
}

/// Opens and closes chat requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ChatRequests {
    store: Arc<dyn ChatRequestStore>,
    directory: Directory,
}

impl ChatRequests {
    pub(crate) fn new(store: Arc<dyn ChatRequestStore>, directory: Directory) -> Self {
        Self { store, directory }
    }

    /// Closes what the other user of a direct channel has requested, and tells their sessions. Nothing
    /// happens when there is no open request.
    ///
    /// # Errors
    /// `NotYours` when it is not a direct channel of the user with somebody else.
    pub(crate) async fn decline(
        &self,
        user: UserId,
        channel: &ChannelId,
    ) -> Result<(), DeclineError> {
        let other = channel.direct_with(user).ok_or(DeclineError::NotYours)?;
        let (channel, now) = (channel.known(), Micros::now());
        if let Some(declined) = self.store.decline(channel, user, other, now).await? {
            self.directory.notify(declined);
        }
        Ok(())
    }
}

impl Entrance for ChatRequests {
    fn open(&self, opening: Opening) -> StoreFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            match self.store.open_direct(opening).await? {
                Opened::Forbidden => Ok(false),
                Opened::Granted(request) => {
                    if let Some(request) = request {
                        self.directory.notify(request);
                    }
                    Ok(true)
                }
            }
        })
    }
}

/// Why a chat request is not declined.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum DeclineError {
    #[error("channel_id is not that of a direct channel of yours")]
    NotYours,
    #[error(transparent)]
    Store(#[from] StoreError),
}
