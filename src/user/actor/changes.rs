//! Changes of friends: one at a time, so that what is in force is what was committed last.

use std::collections::VecDeque;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::UserActor;
use crate::{
    channel::ChannelId,
    user::{ChangeFriends, FriendChange, FriendError, FriendsChanged},
};

/// The changes of one user that are under way.
#[derive(Default)]
pub(super) struct Changes {
    waiting: VecDeque<(FriendChange, Answer)>,
    /// One has been handed to the store, or is being brought into force.
    busy: bool,
}

type Answer = oneshot::Sender<Result<(), FriendError>>;

impl Changes {
    /// More than a person makes at once; a fifth of a second or so.
    const MOST: usize = 64;

    pub(super) fn is_empty(&self) -> bool {
        !self.busy && self.waiting.is_empty()
    }
}

impl UserActor {
    fn make_next_change(&mut self, ctx: &mut Context<Self>) {
        if self.changes.busy {
            return;
        }
        let Some((change, answer)) = self.changes.waiting.pop_front() else {
            return self.linger_if_idle(ctx);
        };
        self.changes.busy = true;
        let store = self.parts.friends.clone();
        let committed = async move { store.change_friends(change).await };
        let in_force = committed
            .into_actor(self)
            .then(|result, user, _| {
                let blocks = result.as_ref().is_ok_and(|it| !it.blocked.is_empty());
                let ended = result.map(|changed| user.changed(changed));
                let ended = async move {
                    ended?.await;
                    Ok(blocks)
                };
                ended.into_actor(user)
            })
            .then(|result, user, _| {
                // What the blocked user has said or done before may be on its way to the user's own sockets.
                let written = match result {
                    Ok(true) => user.flush(),
                    Ok(false) | Err(_) => Vec::new(),
                };
                let written = async move {
                    for relay in written {
                        // A relay that is gone shows nothing to anybody.
                        let _ = relay.await;
                    }
                    result.map(drop)
                };
                written.into_actor(user)
            });
        ctx.spawn(in_force.map(|result, user, ctx| {
            // Who no longer waits needs no answer.
            let _ = answer.send(result);
            user.changes.busy = false;
            user.make_next_change(ctx);
        }));
    }

    /// A change is committed: what it means at this moment. Done when open direct channels have ended, and what
    /// the blocked were told of the user's status has been taken back.
    fn changed(&mut self, changed: FriendsChanged) -> impl Future<Output = ()> + use<> {
        for notification in changed.notifications {
            self.parts.directory.notify(notification);
        }
        for user in &changed.unblocked {
            self.blocked.remove(user);
        }
        self.blocked.extend(&changed.blocked);
        self.hide(&changed.unblocked, false);
        self.hide(&changed.blocked, true);
        let own = self.parts.id;
        let channels = changed
            .blocked
            .iter()
            .map(|&other| ChannelId::direct(own, other));
        let ends: Vec<_> = channels
            .filter_map(|channel| self.parts.directory.end_stays(&channel))
            .collect();
        let followed = self.end_follows_by(&changed.blocked);
        async move {
            for end in ends {
                // A channel that is gone shows nothing to anybody.
                let _ = end.await;
            }
            for end in followed {
                // Neither does a relay.
                let _ = end.await;
            }
        }
    }
}

impl Handler<ChangeFriends> for UserActor {
    type Result = ResponseFuture<Result<(), FriendError>>;

    fn handle(
        &mut self,
        ChangeFriends(change): ChangeFriends,
        ctx: &mut Context<Self>,
    ) -> Self::Result {
        if self.changes.waiting.len() >= Changes::MOST {
            return Box::pin(async { Err(FriendError::Busy) });
        }
        self.stay(ctx);
        let (answer, answered) = oneshot::channel();
        self.changes.waiting.push_back((change, answer));
        self.make_next_change(ctx);
        Box::pin(async { answered.await.unwrap_or(Err(FriendError::Unavailable)) })
    }
}
