//! What a channel is told and asked, and what it is made of.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix::Addr;

use super::{
    BatchCommitted, ChannelId, Content, Edit, JoinError, Message, MessageStore, Presence,
    PublishError, SessionId, state::ChannelLimits,
};
use crate::{
    directory::Directory,
    relay::{LiveChannel, Relay, RelayId, SocketKey, Ticket},
};

/// Asks to be let in. Answered with this life of the channel; the client is answered through its
/// relay, so that nothing overtakes the answer. May be repeated.
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
    type Result = Result<LiveChannel, JoinError>;
}

/// Lets a session out. Not replied to; may arrive for a session that is not in.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Leave {
    pub(crate) session: SessionId,
    /// The request to answer; `None` when the session has ended.
    pub(crate) ticket: Option<Ticket>,
}

/// Sends, updates or removes a message for a session. The client is answered through its relay.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Publish {
    pub(crate) session: SessionId,
    pub(crate) ticket: Ticket,
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

/// Asks who is visible in the channel.
#[derive(actix::Message)]
#[rtype(result = "Vec<Presence>")]
pub(crate) struct GetPresences;

impl actix::Message for BatchCommitted {
    type Result = ();
}

/// What a channel is made of.
pub(crate) struct ChannelParts {
    pub(crate) id: ChannelId,
    pub(crate) limits: ChannelLimits,
    pub(crate) mailbox: usize,
    pub(crate) linger: Duration,
    pub(crate) store: Arc<dyn MessageStore>,
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
