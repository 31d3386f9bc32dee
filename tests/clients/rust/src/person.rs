//! What the tests share: the server's address, calls that are waited for, and people who chat.
//!
//! The client never blocks: games ask it for news once a frame, and so do the tests, only more often.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime},
};

use nakama_rs::{
    api::{self, ApiChannelMessage, ApiNotification, ApiNotificationList, RestRequest},
    async_client::{Error, make_request},
    rt_api::Presence,
};
use nanoserde::{DeJson, SerJson};
use quad_net::{http_request::HttpError, web_socket::WebSocket};

pub const SERVER_KEY: &str = "defaultkey";

/// How long to wait for anything a server owes. Long, because only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Host and port, from the variable `BANTER_URL`.
pub fn server() -> (String, u32) {
    let url =
        std::env::var("BANTER_URL").expect("BANTER_URL holds the address of a running server");
    let address = url
        .strip_prefix("http://")
        .expect("http://HOST:PORT")
        .trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').expect("a host and a port");
    (host.to_owned(), port.parse().expect("a number"))
}

pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_nanos();
    format!(
        "{what}-{now:x}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Asks for something until it is there.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(thing) = ask() {
            return thing;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{what} did not come within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The answer to a REST call.
pub fn rest<T: DeJson>(request: RestRequest<T>) -> Result<T, Error> {
    let (host, port) = server();
    let mut asked = make_request(&format!("http://{host}"), port, request);
    until("an answer", || asked.try_recv())
}

/// Makes a call without a result.
///
/// Nakama servers answer such calls with `{}`. nakama-rs reports that as an error although the call has succeeded,
/// so its users have to tell this error from the others.
pub fn done(request: RestRequest<()>) {
    match rest(request) {
        Ok(()) | Err(Error::JsonError(_)) => {}
        Err(error) => panic!("was refused: {error:?}"),
    }
}

/// What a REST call or a request on the socket was refused with.
#[derive(Debug, DeJson, Default)]
#[nserde(default)]
pub struct Refusal {
    /// Of REST calls; 0 on the socket.
    pub status: u16,
    pub code: i32,
    pub message: String,
}

pub fn refused<T: DeJson>(request: RestRequest<T>) -> Refusal {
    match rest(request) {
        Err(Error::HttpError(HttpError::UreqError(error))) => {
            let response = error.into_response().expect("an answer");
            let status = response.status();
            let body = response.into_string().expect("text");
            Refusal {
                status,
                ..parsed(&body)
            }
        }
        Err(error) => panic!("no refusal: {error:?}"),
        Ok(_) => panic!("was not refused"),
    }
}

fn parsed<T: DeJson>(text: &str) -> T {
    T::deserialize_json(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Of what comes on a socket, the messages of chat.
#[derive(Debug, DeJson, Default)]
#[nserde(default)]
pub struct Envelope {
    pub cid: Option<String>,
    pub error: Option<Refusal>,
    channel: Option<Channel>,
    channel_message_ack: Option<ApiChannelMessage>,
    channel_message: Option<ApiChannelMessage>,
    channel_presence_event: Option<PresenceEvent>,
    pub notifications: Option<ApiNotificationList>,
}

#[derive(Debug, DeJson)]
pub struct Channel {
    pub id: String,
    #[nserde(default)]
    pub presences: Vec<Presence>,
    #[nserde(rename = "self")]
    pub self_user: Presence,
}

#[derive(Debug, DeJson, Default)]
#[nserde(default)]
pub struct PresenceEvent {
    pub joins: Vec<Presence>,
    pub leaves: Vec<Presence>,
}

/// Waits for the next envelope of a socket.
pub fn hear(what: &str, try_recv: impl FnMut() -> Option<String>) -> Envelope {
    parsed(&until(what, try_recv))
}

/// A user who chats.
///
/// The socket of nakama-rs has requests for matches only, and lets nobody send others. So games that chat open a second
/// one, with the WebSocket that nakama-rs itself uses and the token it has got, and write the requests themselves.
pub struct Person {
    pub id: String,
    pub name: String,
    pub token: String,
    socket: WebSocket,
    last_cid: u32,
    waiting: VecDeque<Envelope>,
}

impl Person {
    pub fn new() -> Self {
        let device = api::ApiAccountDevice {
            id: unique("device"),
            ..Default::default()
        };
        let asked = api::authenticate_device(SERVER_KEY, "", device, Some(true), None);
        let session = rest(asked).expect("a session");
        assert!(session.created);
        let user = rest(api::get_account(&session.token))
            .expect("an account")
            .user;
        let (host, port) = server();
        let address = format!(
            "ws://{host}:{port}/ws?lang=en&status=false&token={}",
            session.token
        );
        Self {
            id: user.id,
            name: user.username,
            token: session.token,
            socket: WebSocket::connect(address).expect("a connection"),
            last_cid: 0,
            waiting: VecDeque::new(),
        }
    }

    pub fn join(&mut self, target: &str, kind: i32) -> Result<Channel, Refusal> {
        let target = target.to_owned().serialize_json();
        let answer = self.request(&format!(
            r#""channel_join":{{"target":{target},"type":{kind},"persistence":true,"hidden":false}}"#
        ))?;
        Ok(answer.channel.expect("a channel"))
    }

    pub fn leave(&mut self, channel_id: &str) -> Result<(), Refusal> {
        self.request(&format!(
            r#""channel_leave":{{"channel_id":"{channel_id}"}}"#
        ))?;
        Ok(())
    }

    /// Sends what should be the text of a JSON object. The answer says which message it has become.
    pub fn send(&mut self, channel_id: &str, content: &str) -> Result<ApiChannelMessage, Refusal> {
        let content = content.to_owned().serialize_json();
        let answer = self.request(&format!(
            r#""channel_message_send":{{"channel_id":"{channel_id}","content":{content}}}"#
        ))?;
        Ok(answer.channel_message_ack.expect("an ack"))
    }

    pub fn say(&mut self, channel_id: &str, text: &str) -> ApiChannelMessage {
        self.send(channel_id, &content(text)).expect("an ack")
    }

    pub fn message(&mut self) -> ApiChannelMessage {
        self.event("a channel message", |envelope| {
            envelope.channel_message.take()
        })
    }

    pub fn presence(&mut self) -> PresenceEvent {
        self.event("a presence event", |envelope| {
            envelope.channel_presence_event.take()
        })
    }

    pub fn notification(&mut self) -> ApiNotification {
        let mut list = self.event("a notification", |envelope| envelope.notifications.take());
        assert_eq!(list.notifications.len(), 1);
        list.notifications.remove(0)
    }

    /// Whether no message waits to be taken, nor any that has been sent before now.
    pub fn no_message_waits(&mut self) -> bool {
        // An answer is behind all that was sent before it.
        self.request(r#""ping":{}"#).expect("a pong");
        self.waiting
            .iter()
            .all(|envelope| envelope.channel_message.is_none())
    }

    fn request(&mut self, request: &str) -> Result<Envelope, Refusal> {
        self.last_cid += 1;
        let cid = self.last_cid.to_string();
        self.socket
            .send_text(&format!(r#"{{"cid":"{cid}",{request}}}"#));
        loop {
            let mut envelope = self.hear("an answer");
            match &envelope.cid {
                Some(answered) if *answered == cid => {
                    return envelope.error.take().map_or(Ok(envelope), Err);
                }
                Some(other) => panic!("an answer to {other} instead of {cid}"),
                None => self.waiting.push_back(envelope),
            }
        }
    }

    /// The next event of a kind, whatever of other kinds came before it.
    fn event<T>(&mut self, what: &str, take: impl Fn(&mut Envelope) -> Option<T>) -> T {
        for (place, envelope) in self.waiting.iter_mut().enumerate() {
            if let Some(event) = take(envelope) {
                self.waiting.remove(place);
                return event;
            }
        }
        loop {
            let mut envelope = self.hear(what);
            if let Some(event) = take(&mut envelope) {
                return event;
            }
            self.waiting.push_back(envelope);
        }
    }

    fn hear(&mut self, what: &str) -> Envelope {
        hear(what, || {
            self.socket
                .try_recv()
                .map(|bytes| String::from_utf8(bytes).expect("text"))
        })
    }
}

/// The content of a message that says something, as the text that is sent and heard.
pub fn content(text: &str) -> String {
    format!(r#"{{"text":{}}}"#, text.to_owned().serialize_json())
}
