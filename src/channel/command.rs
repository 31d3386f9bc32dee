//! What a channel is told and asked, and what it is made of.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix::Addr;

use super::{
    BatchCommitted, ChannelId, Content, Edit, Entrance, EventSink, Events, JoinError, Message,
    MessageStore, Place, Presence, PublishError, SessionId, state::ChannelLimits,
};
use crate::{
    directory::Directory,
    relay::{LiveChannel, Relay, RelayId, ReplyAddress, SocketKey, Stay, Ticket},
    store::StoreError,
};

/// Asks to be let in. Answered when the user may be in the channel and is; the client is answered
/// through its relay, so that nothing overtakes the answer. May be repeated.
pub(crate) struct Join {
    pub(crate) presence: Presence,
    pub(crate) hidden: bool,
    pub(crate) relay: Addr<Relay>,
    pub(crate) relay_id: RelayId,
    pub(crate) socket: SocketKey,
    /// `None` when a session comes back to a channel that was lost: its client shall not notice.
    pub(crate) ticket: Option<Ticket>,
}

impl actix::Message for Join {
    type Result = Result<Entered, JoinError>;
}

/// A session's place in a channel.
#[derive(Debug, Clone)]
pub(crate) struct Entered {
    /// The channel's own id, of which all its sessions share one.
    pub(crate) channel: ChannelId,
    /// This life of the channel.
    pub(crate) live: LiveChannel,
    /// The same when a session joins again without having left.
    pub(crate) stay: Stay,
}

/// Lets a session out. Not replied to; may arrive for a session that is not in.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Leave {
    pub(crate) session: SessionId,
    /// The request to answer through the client's relay; `None` when the session has ended.
    pub(crate) answer: Option<ReplyAddress>,
}

/// Sends, updates or removes a message for a session. The client is answered through its relay.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Publish {
    pub(crate) session: SessionId,
    /// A session that was taken out is still owed its answers.
    pub(crate) reply_to: ReplyAddress,
    /// The channel as the client wrote it, where that is not as it is known.
    pub(crate) written: Option<ChannelId>,
    pub(crate) edit: Edit,
}

/// Sends a persistent message as the server. Answered when it has been committed and delivered.
pub(crate) struct PublishFromServer {
    pub(crate) content: Content,
    pub(crate) username: Arc<str>,
}

impl actix::Message for PublishFromServer {
    type Result = Result<Arc<Message>, PublishError>;
}

/// Reserves places for the event messages of a change that the store has yet to decide. Answered when
/// it is committed and delivered, and those it removes are out.
pub(crate) struct PublishEvents {
    /// How many event messages there may be.
    pub(crate) most: usize,
    /// Queues the change, with the place of its first event and where its outcome is to be told.
    pub(crate) submit: Submit,
}

type Submit = Box<dyn FnOnce(Place, EventSink) -> Result<(), StoreError> + Send>;

impl actix::Message for PublishEvents {
    type Result = Result<(), PublishError>;
}

/// Takes everybody out: the users of a direct channel are done with each other. They are told that they have
/// left. Answered when they have been, as far as they take it, and nothing of before comes after it.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct EndStays;

/// Asks who is visible in the channel.
#[derive(actix::Message)]
#[rtype(result = "Vec<Presence>")]
pub(crate) struct GetPresences;

impl actix::Message for BatchCommitted {
    type Result = ();
}

/// Fact: the change that was queued first of those that are not decided is. Sent once for each.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct EventsCommitted(pub(crate) Result<Events, StoreError>);

/// What a channel is made of.
pub(crate) struct ChannelParts {
    pub(crate) id: ChannelId,
    pub(crate) limits: ChannelLimits,
    pub(crate) mailbox: usize,
    pub(crate) linger: Duration,
    pub(crate) store: Arc<dyn MessageStore>,
    pub(crate) entrance: Arc<dyn Entrance>,
    pub(crate) directory: Directory,
    pub(crate) inherited: Legacy,
}

/// What a life that was lost leaves to the next one; see [`ChannelLost`].
#[derive(Default)]
pub(crate) struct Legacy {
    /// Whom everybody had been told of.
    pub(crate) announced: Vec<Arc<Presence>>,
    /// Who was in the channel, hidden or not, and will come back.
    pub(crate) members: HashSet<SessionId>,
}
