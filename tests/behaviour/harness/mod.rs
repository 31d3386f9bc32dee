//! A real server, and clients that speak to it over real sockets.
//!
//! Nothing in here sleeps and hopes: clients wait for what they expect, up to [`PATIENCE`], and a
//! test fails with what came instead.

mod client;
mod dice;
mod direct;
mod friend;
mod group;
mod load;
mod notification;
mod process;
mod raw;
mod roster;
mod server;
mod site;
mod status;
mod store;
mod tls;

use std::{future::Future, time::Duration};

pub(crate) use self::{
    client::{Client, Close},
    dice::Dice,
    direct::{direct_channel, direct_request},
    group::{
        BAD, DONE, NOT_FOUND, Person, Roles, TAKEN, Verdict, change_path, codes, group_channel,
        is_event, join_request, list, verdict,
    },
    load::{check_histories, pour},
    notification::{id_of, senders, told},
    process::Process,
    raw::Raw,
    roster::Roster,
    server::{Door, Server, settings},
    site::{History, Page, Site, Tokens, escape, room_id},
    status::Online,
    store::{Deed, Disturbed, Doorkeeper, Hold},
    tls::{Identity, Tunnel},
};

/// Longer than anything here may take, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for something that has to happen.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Asks again and again until the answer is `Some`: for what cannot be waited for otherwise.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    soon(what, async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// Makes of each function a test for each door: `own_listener::name` and `embedded::name`.
macro_rules! through_both_doors {
    ($($name:ident),+ $(,)?) => {
        mod own_listener {
            $(#[actix_web::test]
            async fn $name() {
                super::$name(crate::harness::Door::Own).await;
            })+
        }
        mod embedded {
            $(#[actix_web::test]
            async fn $name() {
                super::$name(crate::harness::Door::Embedded).await;
            })+
        }
    };
}
pub(crate) use through_both_doors;
