//! Client of banter, the realtime chat server for games, for game servers, bots and tests. It works with every server
//! that speaks the Nakama 3 protocol.
//!
//! # A first program
//!
//! Signs in, joins a room, says hello and prints what is said there, the own hello included:
//!
//! ```no_run
//! use banter_client::{Client, Event, SocketOptions};
//! use serde_json::json;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::new("http://127.0.0.1:7350")?.server_key("defaultkey");
//!     let session = client.authenticate_device("my-first-device", Some("ana")).await?;
//!
//!     let (socket, mut events) = client.connect(&session, SocketOptions::default()).await?.start();
//!     let lobby = socket.join_room("lobby").await?;
//!     socket.send(&lobby.id, &json!({ "text": "hello" })).await?;
//!
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Event::Message(message) => println!("{}: {}", message.username, message.content),
//!             Event::Presence(change) => println!("{} came, {} left", change.joins.len(), change.leaves.len()),
//!             Event::Disconnected(reason) => println!("over: {reason}"),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! - A [`Client`] knows the server. It signs users in, makes REST calls for any of them, and opens sockets.
//! - A [`Session`] is the sign-in of one user.
//! - A [`Connection`] is one open socket. [`start`](Connection::start) makes two of it: a [`Socket`], which any number
//!   of tasks can make requests with, and the [`Events`], a `Stream` of what comes unasked.
//!
//! # Channels
//!
//! Rooms are open to all and exist as soon as somebody joins. Groups are lasting: they are made and managed by REST
//! ([`Client::create_group`], [`Client::add_group_users`]), and their members join the channel with
//! [`Socket::join_group`]. A direct channel is between two users. What is in a channel's history is read with
//! [`Client::history`], joined or not.
//!
//! The content of a message is a JSON object, whose shape is the game's business: [`Socket::send`] takes whatever
//! serialises to one, [`ChatMessage::content_as`] makes it of the text again.
//!
//! # Errors
//!
//! Each operation has its error, with variants by what there is to do next:
//!
//! | error | of | |
//! |---|---|---|
//! | [`ApiError`] | REST calls | `is_unauthenticated()`: refresh the session or sign in; `is_temporary()`: try again later |
//! | [`ConnectError`] | [`Client::connect`] | the same |
//! | [`RequestError`] | a [`Socket`]'s requests | `Refused` has the server's code, and the connection stays |
//! | [`Disconnected`] | the end of a connection | `is_temporary()`: connect again |
//!
//! After a timeout or a disconnect the server may have done what was asked: the protocol has no way to ask. When it
//! matters, put an id of your own into the content and look for it in the history.
//!
//! # Reconnecting, and catching up
//!
//! A connection that has ended stays so; connect again, with growing pauses and only after what `is_temporary()`. Channels
//! have to be joined again. What was said meanwhile is in the history: keep the
//! [`cacheable_cursor`](HistoryPage::cacheable_cursor) of the last page, and read on from it. Join first and then read, so
//! that nothing falls between; what is said in this moment comes twice, and has the same
//! [`message_id`](ChatMessage::message_id).
//!
//! ```no_run
//! use banter_client::{ApiError, ChatMessage, Client, HistoryQuery, Session};
//!
//! /// All that came after a cursor (`None`: from the beginning), and the cursor for the next time.
//! async fn missed(
//!     client: &Client,
//!     session: &Session,
//!     channel_id: &str,
//!     mut cursor: Option<String>,
//! ) -> Result<(Vec<ChatMessage>, Option<String>), ApiError> {
//!     let mut missed = Vec::new();
//!     loop {
//!         let query = HistoryQuery { cursor: cursor.clone(), ..HistoryQuery::oldest() };
//!         let page = client.history(session, channel_id, &query).await?;
//!         missed.extend(page.messages);
//!         cursor = page.cacheable_cursor.or(cursor);
//!         if page.next_cursor.is_none() {
//!             return Ok((missed, cursor));
//!         }
//!     }
//! }
//! ```
//!
//! Tokens end: [`Client::refresh`] a session that [`is_expired`](Session::is_expired) before connecting. A socket that is open
//! stays open. `examples/bot.rs` in the repository is a small program that comes back and catches up.
//!
//! # What is bounded
//!
//! Nothing is dropped in silence, and nothing grows without end; the bounds are in [`SocketOptions`].
//!
//! - Events wait to be read: 4096. One more, and the connection is closed with [`Disconnected::EventsNotRead`]. Hand slow
//!   work to another task.
//! - Requests under way: 64. More wait for their turn, 10 seconds in all, then they fail with [`RequestError::Timeout`].
//! - A message of the server: 16 MiB.
//! - A message to the server: 4096 bytes as it is written, which is what servers take unless told otherwise. A longer one
//!   is refused here, with [`RequestError::TooLong`]: the server would close the connection.
//! - A server that is silent for 20 seconds is asked, and given up after as long again: [`Disconnected::Silent`].
//! - A REST call and opening a socket: 10 seconds ([`Client::timeout`]), and 16 MiB of answer.
//!
//! # Formats
//!
//! JSON works everywhere. [`Format::Protobuf`] and, with banter only, [`Format::Bincode`] cost less to read and write; nothing
//! else changes with [`SocketOptions::format`]. A server that does not know one refuses the connection with status 400.
//!
//! # Many connections
//!
//! For tens of thousands in one process use the bare [`Connection`]: [`send`](Connection::send) and
//! [`next`](Connection::next) envelopes as [`protocol`] has them. Nothing is spawned, and an idle one holds a few KiB.
//! [`Client::local_address`] gives them more than one address to come from.
//!
//! # Features
//!
//! `tls`: `https` URLs, with rustls on ring and the certificates of Mozilla. Off by default.

mod channel;
mod client;
mod connect;
mod connection;
mod error;
mod event;
mod message;
mod requests;
mod rest;
mod session;
mod socket;
mod task;
#[cfg(feature = "tls")]
mod tls;

pub use banter_protocol as protocol;
pub use banter_protocol::{Envelope, Format};

pub use self::{
    channel::{Channel, ChannelKind, JoinOptions, Presence, Target},
    client::Client,
    connect::SocketOptions,
    connection::Connection,
    error::{
        ApiError, ConnectError, Disconnected, Refusal, RequestError, TransportError, UrlError,
    },
    event::{Event, Notification, PresenceEvent, StatusEvent},
    message::{Ack, ChatMessage, MessageCode},
    rest::{
        Credentials, Direction, Friend, FriendPage, FriendQuery, FriendState, Group, GroupRole,
        GroupUser, GroupUserPage, GroupUserQuery, HistoryPage, HistoryQuery, NewGroup,
        NotificationPage, NotificationQuery, SignIn, User,
    },
    session::{Session, TokenError},
    socket::{Events, Socket},
};
