//! People who sign in, connect and join, many at a time but not all at once.

use std::{future::Future, rc::Rc};

use banter_client::{Client, Connection, Envelope, Session, SocketOptions};
use banter_protocol::{Channel, ChannelJoin, Message};
use tokio::{
    sync::{Barrier, Semaphore},
    task::JoinSet,
    time::timeout,
};

use super::{CheckError, PATIENCE};
use crate::stage::Stage;

/// What is under way at once while a crowd gets ready.
const AT_ONCE: usize = 32;
/// Of a room, in the protocol.
const ROOM: i32 = 1;

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) client: Client,
    pub(super) session: Session,
    options: SocketOptions,
}

/// Whether what is sent is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Persistence {
    Stored,
    NotStored,
}

/// A name that no other run uses.
pub(super) fn unique_name() -> String {
    format!("loadtest-{:016x}", rand::random::<u64>())
}

/// Signs in so many new people.
pub(super) async fn sign_in(stage: &Stage, people: usize) -> Result<Vec<Person>, CheckError> {
    stage.measure.begin_phase("sign in");
    let options = SocketOptions {
        format: stage.target.format,
        ..SocketOptions::default()
    };
    let client = Client::new(stage.target.url.as_str())?
        .server_key(&stage.target.server_key)
        .timeout(PATIENCE);
    // One for each address: those who come from it share its HTTP connections.
    let from = stage.target.local_addresses.iter();
    let mut clients: Vec<_> = from
        .map(|from| client.clone().local_address(*from))
        .collect();
    if clients.is_empty() {
        clients.push(client);
    }
    let run = unique_name();
    let signing_in = (0..people).map(|number| {
        let client = clients[number % clients.len()].clone();
        let name = format!("{run}-{number}");
        async move {
            let session = client.authenticate_device(&name, Some(&name)).await?;
            Ok(Person {
                client,
                session,
                options,
            })
        }
    });
    some_at_once(signing_in).await
}

/// Connects all of them; gives the connections in their order when all stand. Until then they are read, so that the
/// server's pings are answered.
pub(super) async fn connect(
    stage: &Stage,
    people: &[Person],
) -> Result<Vec<Connection>, CheckError> {
    stage.measure.begin_phase("connect");
    let places = Rc::new(Semaphore::new(AT_ONCE));
    let missing = Rc::new(Barrier::new(people.len()));
    let connecting = people.iter().cloned().map(|person| {
        let (measure, places) = (Rc::clone(&stage.measure), Rc::clone(&places));
        let missing = Rc::clone(&missing);
        async move {
            // It is never closed.
            let place = places.acquire().await;
            let mut connection = person
                .client
                .connect(&person.session, person.options)
                .await?;
            drop(place);
            measure.connected();
            let all = missing.wait();
            tokio::pin!(all);
            loop {
                tokio::select! {
                    // Nobody has joined anything, so nothing is said that counts.
                    received = connection.next() => received?,
                    _ = &mut all => return Ok(connection),
                };
            }
        }
    });
    all_at_once(connecting).await
}

/// Lets a connection into a room, and waits for the answer; what else comes meanwhile is passed over.
pub(super) async fn join(
    connection: &mut Connection,
    room: &str,
    persistence: Persistence,
) -> Result<Channel, CheckError> {
    connection.send(&join_request(room, persistence)).await?;
    let answer = async {
        loop {
            match connection.next().await?.message {
                Some(Message::Channel(channel)) => return Ok(channel),
                Some(Message::Error(error)) => {
                    return Err(CheckError::Refused {
                        code: error.code,
                        message: error.message,
                    });
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, answer)
        .await
        .map_err(|_| CheckError::Timeout)?
}

/// Asks to be let into a room.
pub(super) fn join_request(room: &str, persistence: Persistence) -> Envelope {
    Envelope {
        cid: "join".to_owned(),
        message: Some(Message::ChannelJoin(ChannelJoin {
            target: room.to_owned(),
            r#type: ROOM,
            persistence: Some(persistence == Persistence::Stored),
            hidden: None,
        })),
    }
}

/// Awaits all of these, some at the same time, and gives their results in order; stops at the first error.
pub(super) async fn some_at_once<T: 'static>(
    futures: impl Iterator<Item: Future<Output = Result<T, CheckError>> + 'static>,
) -> Result<Vec<T>, CheckError> {
    let places = Rc::new(Semaphore::new(AT_ONCE));
    let futures = futures.map(|future| {
        let places = Rc::clone(&places);
        async move {
            // It is never closed.
            let _place = places.acquire().await;
            future.await
        }
    });
    all_at_once(futures).await
}

/// Awaits all of these at the same time, and gives their results in order; stops at the first error.
async fn all_at_once<T: 'static>(
    futures: impl Iterator<Item: Future<Output = Result<T, CheckError>> + 'static>,
) -> Result<Vec<T>, CheckError> {
    let mut tasks = JoinSet::new();
    for (number, future) in futures.enumerate() {
        tasks.spawn_local(async move { (number, future.await) });
    }
    let mut results: Vec<Option<T>> = (0..tasks.len()).map(|_| None).collect();
    while let Some(done) = tasks.join_next().await {
        let (number, result) = done?;
        results[number] = Some(result?);
    }
    Ok(results.into_iter().flatten().collect())
}
