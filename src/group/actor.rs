//! The actor of a group: hands its changes on in order, and tells people what came of them. It decides
//! nothing.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Change, Decision, GroupError, GroupId, GroupStore, metrics::CHANGES};
use crate::{
    channel::{ChannelId, PublishError, PublishEvents},
    directory::Directory,
    store::StoreError,
    user::Notification,
};

/// Changes who is in the group. Answered when the change has been committed and told to the channel,
/// or refused. An answer that is dropped means that the store was never asked; then it may be sent
/// again. Once it was, there is an answer, whatever happens.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ChangeGroup {
    pub(crate) change: Change,
    pub(crate) answer: oneshot::Sender<Result<(), GroupError>>,
}

/// What a group is made of.
pub(crate) struct GroupParts {
    pub(crate) id: GroupId,
    pub(crate) store: Arc<dyn GroupStore>,
    pub(crate) directory: Directory,
    /// Changes that may be under way.
    pub(crate) most: usize,
    pub(crate) linger: Duration,
}

/// Orders the changes of one group, and tells people. It holds no truth: that is in the store, and the
/// rules are in `state`.
pub(crate) struct GroupActor {
    parts: GroupParts,
    channel: ChannelId,
    /// Changes under way, in order.
    under_way: VecDeque<UnderWay>,
    /// Number of the first of them.
    first: u64,
    lingering: Option<SpawnHandle>,
}

/// Answers a change that the store may have been asked for, even if the group is lost meanwhile.
struct Answer(Option<oneshot::Sender<Result<(), GroupError>>>);

impl Answer {
    fn send(mut self, result: Result<(), GroupError>) {
        self.answer(result);
    }

    /// The store was never asked.
    fn forgo(mut self) {
        self.0 = None;
    }

    fn answer(&mut self, result: Result<(), GroupError>) {
        if let Some(answer) = self.0.take() {
            // Who no longer waits needs no answer.
            let _ = answer.send(result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.answer(Err(GroupError::Lost));
    }
}

/// A change on its way through the channel and the store.
enum UnderWay {
    Asked,
    /// Told to the channel, but not yet to those it notifies: they hear of changes in order.
    Done(Vec<Notification>),
}

impl GroupActor {
    pub(crate) fn start_on(arbiter: &ArbiterHandle, parts: GroupParts) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |_| Self {
            channel: ChannelId::group(parts.id),
            parts,
            under_way: VecDeque::new(),
            first: 0,
            lingering: None,
        })
    }

    /// A change is decided, or will not be.
    fn done(&mut self, number: u64, decision: Decision, ctx: &mut Context<Self>) {
        let place = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        if let Some(change) = self.under_way.get_mut(place) {
            *change = UnderWay::Done(decision.notifications);
        }
        while let Some(UnderWay::Done(notifications)) = self.under_way.front_mut() {
            for notification in std::mem::take(notifications) {
                self.parts.directory.notify(notification);
            }
            self.under_way.pop_front();
            self.first += 1;
        }
        if self.under_way.is_empty() {
            self.linger(ctx);
        }
    }

    fn linger(&mut self, ctx: &mut Context<Self>) {
        let stop = ctx.run_later(self.parts.linger, |group, ctx| {
            group.lingering = None;
            // A timer that has gone off cannot be cancelled any more.
            if !group.under_way.is_empty() {
                return;
            }
            group
                .parts
                .directory
                .release_group(group.parts.id, &ctx.address());
            ctx.stop();
        });
        self.lingering = Some(stop);
    }
}

impl Actor for GroupActor {
    type Context = Context<Self>;
}

impl Handler<ChangeGroup> for GroupActor {
    type Result = ();

    fn handle(&mut self, ChangeGroup { change, answer }: ChangeGroup, ctx: &mut Context<Self>) {
        if self.under_way.len() >= self.parts.most {
            // The channel waits for the disk, and those who ask may have gone.
            return Answer(Some(answer)).send(Err(StoreError::Busy.into()));
        }
        if let Some(lingering) = self.lingering.take() {
            ctx.cancel_future(lingering);
        }
        let number = self.first + self.under_way.len() as u64;
        self.under_way.push_back(UnderWay::Asked);
        CHANGES.of((&change.action).into()).increment(1);
        let answer = Answer(Some(answer));
        let (told, decided) = oneshot::channel();
        let store = self.parts.store.clone();
        let events = PublishEvents {
            most: change.action.most_events(),
            submit: Box::new(move |place, sink| store.change(change, place, sink, told)),
        };
        // Sent here and now, so that the channel gets the changes in the order of this mailbox.
        let published = self.parts.directory.send(&self.channel, events);
        let outcome = async move {
            let refused = match published {
                Some(published) => match published.await {
                    Ok(Err(PublishError::Store(error))) => Some(error.into()),
                    // When the channel is lost the decision counts.
                    Ok(_) | Err(_) => None,
                },
                None => Some(GroupError::Unavailable),
            };
            (decided.await, refused)
        };
        ctx.spawn(
            outcome
                .into_actor(self)
                .map(move |outcome, group, ctx| match outcome {
                    (Ok(Ok(decision)), _) => {
                        group.done(number, decision, ctx);
                        answer.send(Ok(()));
                    }
                    (Ok(Err(error)), _) | (Err(_), Some(error)) => {
                        group.done(number, Decision::default(), ctx);
                        answer.send(Err(error));
                    }
                    (Err(_), None) => {
                        group.done(number, Decision::default(), ctx);
                        answer.forgo();
                    }
                }),
        );
    }
}

#[cfg(test)]
mod tests;
