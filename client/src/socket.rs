//! Requests on a started connection, and the events of it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use banter_protocol::{self as wire, Envelope, Format, Message};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::{
    Ack, Channel, Connection, Event, JoinOptions, Presence, RequestError, SocketOptions,
    channel::presences,
    requests::Requests,
    task::{Ending, Task},
};

/// A handle for requests. Cheap to clone, and good for many tasks at once: answers find their requests, of
/// which up to [`max_requests`](crate::SocketOptions::max_requests) are under way at a time. They reach the server
/// in the order in which they were begun (in which their futures were first polled), and are done in that order.
///
/// A request whose future is dropped, and one that times out, may have been done all the same.
///
/// # The end
///
/// The connection ends with [`close`](Self::close), with whatever befalls it, and when the last handle *and*
/// the [`Events`] have been dropped. Dropping only the handles goes on listening; dropping only the events goes on
/// answering, and what is not asked for is passed over from then on.
#[derive(Debug, Clone)]
pub struct Socket {
    /// Nothing is sent: the task sees by it when the last handle is gone, and the handles when the task is.
    alive: mpsc::Sender<Infallible>,
    shared: Arc<Shared>,
}

/// What was not asked for, in the order of the server. Ends after [`Event::Disconnected`].
///
/// Read it steadily: when [`event_buffer`](crate::SocketOptions::event_buffer) events wait, one more closes the
/// connection. See [`Socket`] for what dropping it means.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
    shared: Arc<Shared>,
    ended: bool,
}

/// What handles, events and task share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) requests: Requests,
    /// Tells the task to close.
    pub(crate) closing: Notify,
    timeout: Duration,
    format: Format,
    max_request_bytes: usize,
}

impl Shared {
    pub(crate) fn new(requests: Requests, options: &SocketOptions) -> Self {
        Self {
            requests,
            closing: Notify::new(),
            timeout: options.request_timeout,
            format: options.format,
            max_request_bytes: options.max_request_bytes,
        }
    }

    /// Whether the server takes a request of this length.
    fn fits(&self, envelope: &Envelope) -> Result<(), RequestError> {
        /// More than everything around the texts has.
        const AROUND: usize = 512;
        /// The longest way to write a byte, in JSON.
        const ESCAPED: usize = 6;
        let max = self.max_request_bytes;
        let texts = match &envelope.message {
            Some(Message::ChannelMessageSend(send)) => {
                Some(send.channel_id.len() + send.content.len())
            }
            Some(Message::ChannelMessageUpdate(update)) => {
                let ids = update.channel_id.len() + update.message_id.len();
                Some(ids + update.content.len())
            }
            _ => None,
        };
        // Most need not be written to see that they fit.
        if texts.is_some_and(|texts| texts * ESCAPED + AROUND <= max) {
            return Ok(());
        }
        let bytes = self.format.encode(envelope).len();
        if bytes > max {
            return Err(RequestError::TooLong { bytes, max });
        }
        Ok(())
    }
}

pub(crate) fn start(connection: Connection) -> (Socket, Events) {
    let options = connection.options();
    let event_buffer = options.event_buffer.clamp(1, Semaphore::MAX_PERMITS);
    let (alive, handles) = mpsc::channel(1);
    let (events, events_out) = mpsc::channel(event_buffer);
    let requests = Requests::new(options.max_requests);
    let shared = Arc::new(Shared::new(requests, &options));
    let task = Task {
        connection,
        handles,
        events,
        shared: Ending(shared.clone()),
    };
    tokio::spawn(task.run());
    let socket = Socket {
        alive,
        shared: shared.clone(),
    };
    let events = Events {
        events: events_out,
        shared,
        ended: false,
    };
    (socket, events)
}

/// Each fails with a [`RequestError`]: refused by the server (the connection stays), disconnected, or without an answer
/// in [`request_timeout`](crate::SocketOptions::request_timeout).
impl Socket {
    /// Joins the room with a name of 1 to 64 bytes.
    ///
    /// # Errors
    ///
    /// Refused with code 3 for another name, or when in too many channels.
    pub async fn join_room(&self, name: &str) -> Result<Channel, RequestError> {
        self.join(JoinOptions::room(name)).await
    }

    /// Joins the channel of the group with an id.
    ///
    /// # Errors
    ///
    /// Refused with code 3 for those who are not members.
    pub async fn join_group(&self, group_id: &str) -> Result<Channel, RequestError> {
        self.join(JoinOptions::group(group_id)).await
    }

    /// Opens the channel with the user with an id, who is asked by a notification unless they are in it.
    ///
    /// # Errors
    ///
    /// Refused with code 3 if there is no such user, or they have blocked the caller.
    pub async fn join_direct(&self, user_id: &str) -> Result<Channel, RequestError> {
        self.join(JoinOptions::direct(user_id)).await
    }

    /// Joins a channel with all there is to choose. Joining again is answered, and changes nothing.
    ///
    /// # Errors
    ///
    /// As the others that join.
    pub async fn join(&self, options: JoinOptions) -> Result<Channel, RequestError> {
        match self.request(Message::ChannelJoin(options.into())).await? {
            Some(Message::Channel(channel)) => Ok(channel.into()),
            answer => Err(unexpected(answer)),
        }
    }

    /// Leaves a channel. One that was not joined is no error.
    ///
    /// # Errors
    ///
    /// Refused with code 3 for what is no id of a channel.
    pub async fn leave(&self, channel_id: &str) -> Result<(), RequestError> {
        let channel_id = channel_id.to_owned();
        self.order(Message::ChannelLeave(wire::ChannelLeave { channel_id }))
            .await
    }

    /// Sends a message into a joined channel. The content must make a JSON object. After the ack a persistent message
    /// is in the history.
    ///
    /// # Errors
    ///
    /// [`Content`](RequestError::Content) for what cannot be JSON; refused with code 3 when the channel is not joined,
    /// or the content is not an object. [`TooLong`](RequestError::TooLong) for a message of more than
    /// [`max_request_bytes`](crate::SocketOptions::max_request_bytes), by default 4096 in all.
    ///
    /// ```no_run
    /// # async fn example(socket: banter_client::Socket, channel: banter_client::Channel) -> Result<(), banter_client::RequestError> {
    /// #[derive(serde::Serialize)]
    /// struct Said { text: String }
    /// let ack = socket.send(&channel.id, &Said { text: "hello".into() }).await?;
    /// println!("sent as {}", ack.message_id);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(
        &self,
        channel_id: &str,
        content: &(impl Serialize + ?Sized),
    ) -> Result<Ack, RequestError> {
        self.send_text(channel_id, json(content)?).await
    }

    /// As [`send`](Self::send), with the text of a JSON object, which is sent as it is.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_text(
        &self,
        channel_id: &str,
        content: impl Into<String>,
    ) -> Result<Ack, RequestError> {
        self.acked(Message::ChannelMessageSend(wire::ChannelMessageSend {
            channel_id: channel_id.to_owned(),
            content: content.into(),
        }))
        .await
    }

    /// Gives an own message another content.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); refused with code 3 also for messages that are not one's own, or gone.
    pub async fn update(
        &self,
        channel_id: &str,
        message_id: &str,
        content: &(impl Serialize + ?Sized),
    ) -> Result<Ack, RequestError> {
        self.acked(Message::ChannelMessageUpdate(wire::ChannelMessageUpdate {
            channel_id: channel_id.to_owned(),
            message_id: message_id.to_owned(),
            content: json(content)?,
        }))
        .await
    }

    /// Removes an own message.
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update).
    pub async fn remove(&self, channel_id: &str, message_id: &str) -> Result<Ack, RequestError> {
        self.acked(Message::ChannelMessageRemove(wire::ChannelMessageRemove {
            channel_id: channel_id.to_owned(),
            message_id: message_id.to_owned(),
        }))
        .await
    }

    /// Follows the status of users by their ids, as long as this connection lasts. Returns those who are online
    /// now, a presence for each session; changes come as [`Event::Status`].
    ///
    /// # Errors
    ///
    /// Refused with code 3 for a malformed id, or when following too many. Unknown users are no error.
    pub async fn follow(&self, user_ids: &[&str]) -> Result<Vec<Presence>, RequestError> {
        let follow = wire::StatusFollow {
            user_ids: owned(user_ids),
            usernames: Vec::new(),
        };
        match self.request(Message::StatusFollow(follow)).await? {
            Some(Message::Status(status)) => Ok(presences(status.presences)),
            answer => Err(unexpected(answer)),
        }
    }

    /// Follows the status of users no longer.
    ///
    /// # Errors
    ///
    /// Refused with code 3 for a malformed id.
    pub async fn unfollow(&self, user_ids: &[&str]) -> Result<(), RequestError> {
        let user_ids = owned(user_ids);
        self.order(Message::StatusUnfollow(wire::StatusUnfollow { user_ids }))
            .await
    }

    /// Shows the user as online with a text of up to 2048 bytes, or with `None` no longer.
    ///
    /// # Errors
    ///
    /// Refused with code 3 for a longer text.
    pub async fn update_status(&self, status: Option<&str>) -> Result<(), RequestError> {
        let status = status.map(str::to_owned);
        self.order(Message::StatusUpdate(wire::StatusUpdate { status }))
            .await
    }

    /// Asks whether the server answers. All requests begun before have been answered by then.
    ///
    /// # Errors
    ///
    /// Only when it does not.
    pub async fn ping(&self) -> Result<(), RequestError> {
        match self.request(Message::Ping(wire::Ping {})).await? {
            Some(Message::Pong(_)) => Ok(()),
            answer => Err(unexpected(answer)),
        }
    }

    /// Any request of the protocol that is about chat, for those that have no method here. Returns the answer; `None`
    /// when it has nothing to say. Requests about other things (matches, parties, RPC) have no contents in
    /// [`protocol`](crate::protocol), which knows their names only: they would reach the server empty.
    ///
    /// # Errors
    ///
    /// As all.
    pub async fn request(&self, request: Message) -> Result<Option<Message>, RequestError> {
        match tokio::time::timeout(self.shared.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(RequestError::Timeout),
        }
    }

    /// Closes the connection for all handles: requests under way fail, and the events end, with
    /// [`Disconnected::Local`](crate::Disconnected::Local). Returns when it is closed, after a second at most.
    pub async fn close(&self) {
        self.shared.closing.notify_one();
        self.alive.closed().await;
    }

    async fn exchange(&self, message: Message) -> Result<Option<Message>, RequestError> {
        let fits = |envelope: &Envelope| self.shared.fits(envelope);
        self.shared.requests.begin(message, fits)?.answer().await
    }

    async fn acked(&self, message: Message) -> Result<Ack, RequestError> {
        match self.request(message).await? {
            Some(Message::ChannelMessageAck(ack)) => Ok(ack.into()),
            answer => Err(unexpected(answer)),
        }
    }

    async fn order(&self, message: Message) -> Result<(), RequestError> {
        match self.request(message).await? {
            None => Ok(()),
            answer => Err(unexpected(answer)),
        }
    }
}

fn json(content: &(impl Serialize + ?Sized)) -> Result<String, RequestError> {
    serde_json::to_string(content).map_err(RequestError::Content)
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn unexpected(answer: Option<Message>) -> RequestError {
    RequestError::Unexpected {
        answer: answer.map_or("nothing", |message| message.name()),
    }
}

impl Events {
    /// The next event; `None` after [`Event::Disconnected`]. Cancel-safe. The same as `next` of
    /// `futures::StreamExt`.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let event = std::task::ready!(self.events.poll_recv(cx));
        Poll::Ready(Some(event.unwrap_or_else(|| {
            self.ended = true;
            Event::Disconnected(self.shared.requests.reason())
        })))
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(cx)
    }
}
