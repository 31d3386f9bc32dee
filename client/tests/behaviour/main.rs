//! What the client does, against a real server and against servers that misbehave.

// A test that cannot go on should say so at once, in helper functions as well.
#![allow(clippy::unwrap_used)]

mod accounts;
mod conversation;
mod endings;
mod fake;
mod groups;
mod history;
mod paths;
mod people;
mod server;
mod strange_servers;
mod timeouts;

use std::{future::Future, time::Duration};

use banter_client::{ChatMessage, Event, Events};

/// Longer than anything here may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for something that has to happen.
async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// The first event that is wanted. Others before it are passed over.
async fn wait_for<T>(what: &str, events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    soon(what, async {
        loop {
            match events.next().await {
                Some(event) => {
                    let told = format!("{event:?}");
                    if let Some(value) = wanted(event) {
                        return value;
                    }
                    assert!(
                        !told.starts_with("Disconnected"),
                        "{told} instead of {what}"
                    );
                }
                None => panic!("the events ended before {what}"),
            }
        }
    })
    .await
}

async fn next_message(events: &mut Events) -> ChatMessage {
    wait_for("a message", events, |event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    })
    .await
}

/// Why the connection has ended, after which nothing comes any more.
async fn ending(events: &mut Events) -> banter_client::Disconnected {
    let reason = wait_for("the end", events, |event| match event {
        Event::Disconnected(reason) => Some(reason),
        _ => None,
    })
    .await;
    assert!(events.next().await.is_none(), "an event after the last one");
    reason
}
