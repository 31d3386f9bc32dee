//! What the micro-benchmarks measure: the stations of a message, each by itself. Only there with the feature
//! `bench`; no part of the library.

use std::{path::Path, sync::Arc};

use banter_protocol::{self as protocol, Envelope, Message as Body};
use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    channel::{
        ChannelId, Content, Direction, Message, MessageCode, MessageId, MessageStore, Micros, Page,
        PageQuery, Presence, PresenceBook, RoomName, Seq, SessionId, Write,
    },
    config::Settings,
    store::Sqlite,
    user::UserId,
    wire::{self, Outgoing},
};

pub use banter_protocol::Format;

pub use crate::relay::Audience;

fn lobby() -> ChannelId {
    ChannelId::room(&RoomName::new("lobby").expect("a good name"))
}

/// One message of a room.
pub struct Said(Arc<Message>);

impl Said {
    /// With a text of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self::at(Seq(1), bytes)
    }

    fn at(seq: Seq, bytes: usize) -> Self {
        let content = serde_json::json!({ "text": "x".repeat(bytes) }).to_string();
        let now = Micros::now();
        Self(Arc::new(Message {
            id: MessageId(Uuid::now_v7()),
            channel: lobby(),
            seq: Some(seq),
            code: MessageCode::Chat,
            sender: UserId(Uuid::from_u128(7)),
            username: "ana".into(),
            content: Content::new(&content).expect("a JSON object"),
            create_time: now,
            update_time: now,
            persistent: true,
        }))
    }

    /// The WebSocket frame of its delivery.
    pub fn frame(&self, format: Format) -> Bytes {
        Outgoing::Message(self.0.clone()).frame(format, None)
    }

    /// Delivers it so many times, as one batch.
    pub fn deliver(&self, audience: &Audience, times: usize) -> usize {
        audience.deliver((0..times).map(|_| Outgoing::Message(self.0.clone())))
    }
}

/// The payload with which a client sends a message.
pub fn request(format: Format) -> Vec<u8> {
    let send = protocol::ChannelMessageSend {
        channel_id: lobby().as_str().to_owned(),
        content: r#"{"text":"well played, and see you in the next round"}"#.to_owned(),
    };
    format.encode(&Envelope {
        cid: "17".to_owned(),
        message: Some(Body::ChannelMessageSend(send)),
    })
}

/// Whether a payload is a request.
pub fn decode(format: Format, payload: &[u8]) -> bool {
    wire::decode(format, payload).is_ok()
}

/// The presences of a channel.
pub struct Crowd {
    book: PresenceBook,
    sessions: u128,
}

impl Crowd {
    /// With so many sessions in it, of whom all have heard.
    pub fn new(sessions: usize) -> Self {
        let mut crowd = Self {
            book: PresenceBook::default(),
            sessions: 0,
        };
        crowd.come(sessions);
        crowd
    }

    fn come(&mut self, sessions: usize) -> usize {
        for _ in 0..sessions {
            self.sessions += 1;
            self.book.enter(Arc::new(Presence {
                session: SessionId(Uuid::from_u128(self.sessions)),
                user: UserId(Uuid::from_u128(self.sessions)),
                username: "ana".into(),
                persistence: true,
            }));
        }
        self.book.take_delta().map_or(0, |delta| delta.joins.len())
    }

    /// So many come and are announced, and leave again. Answers how many pieces of news that was.
    pub fn churn(&mut self, sessions: usize) -> usize {
        let first = self.sessions + 1;
        let joins = self.come(sessions);
        for session in first..=self.sessions {
            self.book.leave(SessionId(Uuid::from_u128(session)));
        }
        let left = self.book.take_delta();
        joins + left.map_or(0, |delta| delta.leaves.len())
    }
}

/// A database with the history of one channel.
pub struct Archive(Sqlite);

impl Archive {
    /// Writes so many messages to a database in a directory.
    pub async fn new(dir: &Path, messages: u64) -> Self {
        let settings = Settings::default();
        let store = Sqlite::open(dir, &settings).expect("an empty directory");
        let (told, mut committed) = mpsc::unbounded_channel();
        let sink: crate::channel::CommitSink = Arc::new(move |batch| {
            // Nobody waits for more than was sent.
            let _ = told.send(batch.outcomes.len() as u64);
        });
        let (mut sent, mut done) = (0, 0);
        while done < messages {
            while sent < messages && sent - done < 4096 {
                sent += 1;
                let message = Said::at(Seq(sent), 50).0;
                let submitted = store.submit(Write::Append(message), &sink);
                submitted.expect("there is room in the queue");
            }
            done += committed.recv().await.expect("the writer lives");
        }
        Self(store)
    }

    /// The newest page of so many messages.
    pub async fn page(&self, limit: usize) -> Page {
        let query = PageQuery {
            channel: lobby(),
            beyond: None,
            direction: Direction::NewestFirst,
            limit,
            reader: None,
        };
        self.0.page(query).await.expect("a database that works")
    }
}
