//! A bot that lives in a room. It rolls dice (`!roll 2d6`), helps (`!help`) and greets who comes in:
//!
//!     cargo run --example bot -- http://127.0.0.1:7350 lobby
//!
//! When it loses the server it comes back, and answers the last that was said while it was away. When coming back is of
//! no use, as with a wrong key, it says why and ends. The key of the server is taken from `BANTER_SERVER_KEY`.

use std::{convert::Infallible, env, error::Error, time::Duration, time::SystemTime};

use banter_client::{
    ApiError, ChatMessage, Client, ConnectError, Disconnected, Event, HistoryQuery, MessageCode,
    RequestError, Session, Socket, SocketOptions,
};
use serde::{Deserialize, Serialize};

const HELP: &str = "!roll 2d6 rolls two dice of six sides, !help shows this";
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Said {
    text: String,
}

/// Why a visit has ended.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Trouble {
    Api(#[from] ApiError),
    Connect(#[from] ConnectError),
    Request(#[from] RequestError),
    Disconnected(#[from] Disconnected),
}

impl Trouble {
    /// Whether another visit may go better.
    fn is_temporary(&self) -> bool {
        match self {
            Self::Api(error) => error.is_temporary(),
            Self::Connect(error) => error.is_temporary(),
            Self::Request(RequestError::Disconnected(reason)) => reason.is_temporary(),
            Self::Request(error) => error.is_temporary(),
            Self::Disconnected(reason) => reason.is_temporary(),
        }
    }
}

struct Bot {
    client: Client,
    room: String,
    /// When the last message was said that was looked at; `None` before the first visit.
    heard: Option<SystemTime>,
    pause: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(url), Some(room)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bot URL ROOM".into());
    };
    let key = env::var("BANTER_SERVER_KEY").unwrap_or("defaultkey".to_owned());
    let mut bot = Bot {
        client: Client::new(&url)?.server_key(&key),
        room,
        heard: None,
        pause: FIRST_PAUSE,
    };
    tokio::select! {
        trouble = bot.live() => Err(trouble.into()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

impl Bot {
    /// Until something goes wrong that will not go better.
    async fn live(&mut self) -> Trouble {
        loop {
            let Err(trouble) = self.visit().await;
            if !trouble.is_temporary() {
                return trouble;
            }
            // Not in step with all the others who have lost the server.
            let pause = self.pause.mul_f64(rand::random_range(0.5..1.0));
            eprintln!("{trouble}; back in {pause:.1?}");
            tokio::time::sleep(pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Stays in the room until something goes wrong.
    async fn visit(&mut self) -> Result<Infallible, Trouble> {
        let (device, name) = ("example-dice-bot", Some("dicebot"));
        let me = self.client.authenticate_device(device, name).await?;
        let connection = self.client.connect(&me, SocketOptions::default()).await?;
        let (socket, mut events) = connection.start();
        let room = socket.join_room(&self.room).await?.id;
        eprintln!("{} is in {}", me.username, self.room);
        self.pause = FIRST_PAUSE;
        // After the join, so that nothing falls between the history and what is heard.
        for message in self.missed(&me, &room).await? {
            self.hear(&me, &socket, message).await?;
        }
        while let Some(event) = events.next().await {
            match event {
                Event::Message(message) => self.hear(&me, &socket, message).await?,
                Event::Presence(change) => {
                    for guest in change.joins.iter().filter(|g| g.user_id != me.user_id) {
                        let text = format!("Welcome, {}! {HELP}", guest.username);
                        socket.send(&room, &Said { text }).await?;
                    }
                }
                Event::Disconnected(reason) => return Err(reason.into()),
                _ => {}
            }
        }
        Err(Disconnected::Local.into())
    }

    /// What was said since the last visit, oldest first, but no more than the last 100 messages: who was away for long
    /// need not answer everything. Before the first visit nothing was missed.
    async fn missed(&mut self, me: &Session, room: &str) -> Result<Vec<ChatMessage>, ApiError> {
        let newest = HistoryQuery {
            limit: 100,
            ..HistoryQuery::newest()
        };
        let mut said = self.client.history(me, room, &newest).await?.messages;
        let last = said.first().map(|said| said.create_time);
        let heard = *self
            .heard
            .get_or_insert(last.unwrap_or(SystemTime::UNIX_EPOCH));
        said.retain(|said| said.create_time > heard);
        said.reverse();
        Ok(said)
    }

    /// Looks at a message once: times grow in a channel, and the history has the same.
    async fn hear(
        &mut self,
        me: &Session,
        socket: &Socket,
        message: ChatMessage,
    ) -> Result<(), RequestError> {
        let is_known = self.heard.is_some_and(|heard| message.create_time <= heard);
        if is_known || message.code != MessageCode::Chat {
            return Ok(());
        }
        // Before the answer: one that gets lost is better than one that comes twice.
        self.heard = Some(message.create_time);
        if let Ok(said) = message.content_as::<Said>()
            && message.sender_id != me.user_id
            && let Some(text) = reply(&said.text)
        {
            socket.send(&message.channel_id, &Said { text }).await?;
        }
        Ok(())
    }
}

fn reply(said: &str) -> Option<String> {
    match said.trim().split_once(' ').unwrap_or((said.trim(), "1d6")) {
        ("!help", _) => Some(HELP.to_owned()),
        ("!roll", dice) => Some(roll(dice).unwrap_or("20 dice at most".to_owned())),
        _ => None,
    }
}

fn roll(dice: &str) -> Option<String> {
    let (count, sides) = dice.trim().split_once('d')?;
    let (count, sides): (u32, u32) = (count.parse().ok()?, sides.parse().ok()?);
    let possible = (1..=20).contains(&count) && (2..=1000).contains(&sides);
    let die = |_| rand::random_range(1..=sides);
    let rolled: Vec<u32> = possible.then(|| (0..count).map(die).collect())?;
    Some(format!("{rolled:?}: {}", rolled.iter().sum::<u32>()))
}
