use std::{collections::VecDeque, net::SocketAddr};

use actix_codec::Framed;
use actix_http::ws::{self, Frame, Item, Message};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::{Roster, Tokens, room_id, soon};

/// How a connection ended: with a close frame (code, reason), or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Close {
    Frame(u16, String),
    Dropped,
}

/// The connection ended before what was waited for came.
#[derive(Debug)]
pub(crate) struct Closed(pub(crate) Close);

/// One socket that speaks the JSON protocol. Answers pings when it reads.
pub(crate) struct Client {
    socket: Framed<TcpStream, ws::Codec>,
    /// Read, but not yet asked for.
    waiting: VecDeque<Value>,
    closed: Option<Close>,
    cids: u64,
    pub(crate) name: String,
    pub(crate) tokens: Tokens,
    /// Known after the first join.
    pub(crate) session: String,
    pub(crate) answers_pings: bool,
    /// Pings read so far.
    pub(crate) pings: usize,
}

impl Client {
    /// Opens a socket. `Err` holds the status of a refusal.
    pub(crate) async fn open(
        address: SocketAddr,
        name: &str,
        tokens: &Tokens,
        query: &str,
    ) -> Result<Self, u16> {
        Self::open_with_buffer(address, name, tokens, query, None).await
    }

    /// As [`open`](Self::open), with a receive buffer of a size, so that not reading is felt soon.
    pub(crate) async fn open_with_buffer(
        address: SocketAddr,
        name: &str,
        tokens: &Tokens,
        query: &str,
        buffer: Option<u32>,
    ) -> Result<Self, u16> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer).unwrap();
        }
        let mut stream = socket.connect(address).await.map_err(|_| 0u16)?;
        stream.set_nodelay(true).unwrap();
        let key = STANDARD.encode(rand::random::<[u8; 16]>());
        let request = format!(
            "GET /ws?token={}{query} HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\n\
             connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n",
            tokens.token
        );
        stream
            .write_all(request.as_bytes())
            .await
            .map_err(|_| 0u16)?;
        let head = soon("the answer to a handshake", read_head(&mut stream)).await?;
        let status: u16 = head
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or(0);
        if status != 101 {
            return Err(status);
        }
        let accept = String::from_utf8(ws::hash_key(key.as_bytes()).to_vec()).unwrap();
        assert!(
            head.contains(&accept),
            "the key of the handshake was not answered: {head}"
        );
        let codec = ws::Codec::new().client_mode().max_size(64 << 20);
        Ok(Self {
            socket: Framed::new(stream, codec),
            waiting: VecDeque::new(),
            closed: None,
            cids: 0,
            name: name.to_owned(),
            tokens: tokens.clone(),
            session: String::new(),
            answers_pings: true,
            pings: 0,
        })
    }

    /// The bare connection, for those who misbehave.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.socket.io_mut()
    }

    /// Sends a WebSocket message. What a dead connection does not take is lost, as in real life.
    pub(crate) async fn frame(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    pub(crate) async fn text(&mut self, text: impl Into<String>) {
        self.frame(Message::Text(text.into().into())).await;
    }

    /// Sends a text in two fragments.
    pub(crate) async fn fragments(&mut self, text: &str) {
        let (first, last) = text.as_bytes().split_at(text.len() / 2);
        for item in [
            Item::FirstText(Bytes::copy_from_slice(first)),
            Item::Last(Bytes::copy_from_slice(last)),
        ] {
            self.frame(Message::Continuation(item)).await;
        }
    }

    /// Sends a request without waiting for its answer; the cid to ask for it with.
    pub(crate) async fn post(&mut self, mut envelope: Value) -> String {
        self.cids += 1;
        let cid = format!("c{}", self.cids);
        envelope["cid"] = json!(cid);
        self.text(envelope.to_string()).await;
        cid
    }

    /// The answer to an earlier request.
    pub(crate) async fn reply(&mut self, cid: &str) -> Value {
        let mut reply = self
            .take(&format!("the answer {cid}"), |v| v["cid"] == cid)
            .await;
        reply.as_object_mut().unwrap().remove("cid");
        reply
    }

    pub(crate) async fn request(&mut self, envelope: Value) -> Value {
        let cid = self.post(envelope).await;
        self.reply(&cid).await
    }

    /// The next event of a kind, without its wrapping.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        let mut event = self
            .take(kind, |v| v.get(kind).is_some() && v.get("cid").is_none())
            .await;
        event[kind].take()
    }

    /// The next messages of all channels.
    pub(crate) async fn messages(&mut self, count: usize) -> Vec<Value> {
        let mut messages = Vec::with_capacity(count);
        for _ in 0..count {
            messages.push(self.event("channel_message").await);
        }
        messages
    }

    /// Whatever comes next, in the order of arrival.
    pub(crate) async fn next(&mut self) -> Value {
        self.take("anything", |_| true).await
    }

    /// Everything up to the answer of a ping sent now.
    pub(crate) async fn everything(&mut self) -> Vec<Value> {
        let cid = self.post(json!({"ping": {}})).await;
        let mut all = Vec::new();
        loop {
            let next = self.next().await;
            if next["cid"] == cid.as_str() {
                return all;
            }
            all.push(next);
        }
    }

    /// Takes the first envelope that fits, and leaves the others for later.
    pub(crate) async fn take(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        match self.try_take(what, fits).await {
            Ok(value) => value,
            Err(closed) => panic!("{}: {closed:?} instead of {what}", self.name),
        }
    }

    /// As [`take`](Self::take), where the connection may end.
    pub(crate) async fn try_take(
        &mut self,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Closed> {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return Ok(self.waiting.remove(at).unwrap());
        }
        let what = format!("{} for {}", what, self.name);
        soon(&what, async {
            loop {
                let value = self.read().await?;
                if fits(&value) {
                    return Ok(value);
                }
                self.waiting.push_back(value);
            }
        })
        .await
    }

    /// How the connection ends. What comes before stays to be asked for.
    pub(crate) async fn closed(&mut self) -> Close {
        let what = format!("the end of {}'s connection", self.name);
        soon(&what, async {
            loop {
                match self.read().await {
                    Ok(value) => self.waiting.push_back(value),
                    Err(Closed(close)) => return close,
                }
            }
        })
        .await
    }

    /// The next binary message, from a socket that has nothing else to say.
    pub(crate) async fn binary(&mut self) -> Bytes {
        match soon("a binary message", self.socket.next()).await {
            Some(Ok(Frame::Binary(payload))) => payload,
            other => panic!("{}: {other:?} instead of a binary message", self.name),
        }
    }

    /// How many envelopes have been read and not asked for yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    async fn read(&mut self) -> Result<Value, Closed> {
        if let Some(close) = &self.closed {
            return Err(Closed(close.clone()));
        }
        let close = loop {
            match self.socket.next().await {
                Some(Ok(Frame::Text(text))) => match serde_json::from_slice(&text) {
                    Ok(value) => return Ok(value),
                    Err(error) => panic!("{}: {error} in {text:?}", self.name),
                },
                Some(Ok(Frame::Ping(payload))) => {
                    self.pings += 1;
                    if self.answers_pings {
                        self.frame(Message::Pong(payload)).await;
                    }
                }
                Some(Ok(Frame::Pong(_))) => {}
                Some(Ok(Frame::Close(reason))) => {
                    let reason = reason.expect("a close frame has a code");
                    let text = reason.description.unwrap_or_default();
                    self.frame(Message::Close(None)).await;
                    break Close::Frame(reason.code.into(), text);
                }
                Some(Ok(other)) => panic!("{}: unexpected frame {other:?}", self.name),
                Some(Err(_)) | None => break Close::Dropped,
            }
        };
        self.closed = Some(close.clone());
        Err(Closed(close))
    }

    // What people do, in rooms by name.

    /// Joins and returns the answer's `channel`.
    pub(crate) async fn join(&mut self, room: &str) -> Value {
        self.join_as(room, json!({})).await
    }

    /// Joins with `persistence` and `hidden` as given.
    pub(crate) async fn join_as(&mut self, room: &str, flags: Value) -> Value {
        let cid = self.post_join(room, flags).await;
        let mut reply = self.reply(&cid).await;
        assert!(
            reply["channel"].is_object(),
            "{} could not join {room}: {reply}",
            self.name
        );
        let channel = reply["channel"].take();
        self.session = channel["self"]["session_id"].as_str().unwrap().to_owned();
        channel
    }

    pub(crate) async fn post_join(&mut self, room: &str, flags: Value) -> String {
        let mut join = json!({"target": room, "type": 1});
        for (key, value) in flags.as_object().unwrap() {
            join[key] = value.clone();
        }
        self.post(json!({"channel_join": join})).await
    }

    /// Joins, and says who is in the room; feed it all presence events to come.
    pub(crate) async fn join_and_look(&mut self, room: &str) -> Roster {
        Roster::from_join(&self.join(room).await)
    }

    pub(crate) async fn leave(&mut self, room: &str) {
        let reply = self
            .request(json!({"channel_leave": {"channel_id": room_id(room)}}))
            .await;
        assert_eq!(reply, json!({}), "{} could not leave {room}", self.name);
    }

    pub(crate) async fn post_send(&mut self, room: &str, content: &str) -> String {
        self.post(
            json!({"channel_message_send": {"channel_id": room_id(room), "content": content}}),
        )
        .await
    }

    /// Sends and returns the answer, whatever it is.
    pub(crate) async fn try_send(&mut self, room: &str, content: &str) -> Value {
        let cid = self.post_send(room, content).await;
        self.reply(&cid).await
    }

    /// Sends and returns the ack.
    pub(crate) async fn send(&mut self, room: &str, content: &str) -> Value {
        ack(self.try_send(room, content).await)
    }

    pub(crate) async fn try_update(&mut self, room: &str, id: &Value, content: &str) -> Value {
        let update = json!({"channel_id": room_id(room), "message_id": id, "content": content});
        self.request(json!({"channel_message_update": update}))
            .await
    }

    pub(crate) async fn update(&mut self, room: &str, id: &Value, content: &str) -> Value {
        ack(self.try_update(room, id, content).await)
    }

    pub(crate) async fn try_remove(&mut self, room: &str, id: &Value) -> Value {
        let remove = json!({"channel_id": room_id(room), "message_id": id});
        self.request(json!({"channel_message_remove": remove}))
            .await
    }

    pub(crate) async fn remove(&mut self, room: &str, id: &Value) -> Value {
        ack(self.try_remove(room, id).await)
    }

    /// Reads presence events until the roster is as wanted.
    pub(crate) async fn watch(&mut self, roster: &mut Roster, wanted: impl Fn(&Roster) -> bool) {
        while !wanted(roster) {
            let event = self.event("channel_presence_event").await;
            roster.apply(&event);
        }
    }
}

/// The ack in an answer, which must be one.
pub(super) fn ack(mut reply: Value) -> Value {
    assert!(
        reply["channel_message_ack"].is_object(),
        "no ack but {reply}"
    );
    reply["channel_message_ack"].take()
}

async fn read_head(stream: &mut TcpStream) -> Result<String, u16> {
    let mut head = Vec::new();
    // Byte by byte, so that no frame behind the head is taken.
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.map_err(|_| 0u16)?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
