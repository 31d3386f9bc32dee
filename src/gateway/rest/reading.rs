//! Pages that one user reads at the same time: the largest answers there are, and worth asking for in masses.
//!
//! Invariant: a page is under way from the look into the database to the last byte that the connection has taken. More
//! of one user than the bound wait in the order in which they came, and nobody else waits for them.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{gateway::metrics::READS_DELAYED, user::UserId};

/// The pages under way on one worker.
pub(super) struct Reading {
    most: usize,
    users: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

impl Reading {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            users: Mutex::default(),
        })
    }

    /// Waits until a user may read one more page.
    pub(super) async fn begin(self: &Arc<Self>, user: UserId) -> Turn {
        let of_user = self
            .users
            .lock()
            .entry(user)
            .or_insert_with(|| Arc::new(Semaphore::new(self.most)))
            .clone();
        let mut turn = Turn {
            reading: self.clone(),
            user,
            permit: None,
        };
        if of_user.available_permits() == 0 {
            READS_DELAYED.increment(1);
        }
        // Never closed, so there is no error.
        turn.permit = of_user.acquire_owned().await.ok();
        turn
    }
}

/// A user's right to one page under way.
pub(super) struct Turn {
    reading: Arc<Reading>,
    user: UserId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// The page as an answer's body; the turn ends with it.
    pub(super) fn with(self, page: Bytes) -> PageBody {
        PageBody { page, _turn: self }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit.take();
        let mut users = self.reading.users.lock();
        // Whoever waits or reads holds it, too.
        if users
            .get(&self.user)
            .is_some_and(|of_user| Arc::strong_count(of_user) == 1)
        {
            users.remove(&self.user);
        }
    }
}

/// A page on its way.
pub(super) struct PageBody {
    page: Bytes,
    _turn: Turn,
}

impl MessageBody for PageBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.page.len() as u64)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let page = std::mem::take(&mut self.get_mut().page);
        Poll::Ready((!page.is_empty()).then_some(Ok(page)))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future as _, pin::pin, task::Waker};

    use uuid::Uuid;

    use super::*;

    #[actix_rt::test]
    async fn a_user_waits_for_themselves_only_and_nothing_is_kept_of_those_who_are_done() {
        let reading = Reading::new(2);
        let (ana, ben) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let first = reading.begin(ana).await;
        let second = reading.begin(ana).await;
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut given_up = pin!(reading.begin(ana));
            assert!(given_up.as_mut().poll(&mut cx).is_pending());
        }
        let mut third = pin!(reading.begin(ana));
        assert!(third.as_mut().poll(&mut cx).is_pending());
        drop(reading.begin(ben).await);
        drop(first.with(Bytes::from_static(b"[]")));
        let third = third.await;
        drop((second, third));
        assert!(reading.users.lock().is_empty());
    }
}
