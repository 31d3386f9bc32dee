//! Whether the chat can do its work at this moment, for those who decide where clients are sent.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::store::{Sqlite, StoreError};

/// How long an answer holds. However often it is asked for, the database is tried this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the chat is not ready. The details are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    #[error("shutting down")]
    ShuttingDown,
    #[error("the database does not take writes")]
    Writes,
    #[error("the database does not answer reads")]
    Reads,
    #[error("the database is too busy")]
    Busy,
}

/// Tries the database, and remembers for a moment what came of it.
#[derive(Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Vec<NotReady>)>>,
}

impl Readiness {
    /// What keeps the database from its work; nothing when it is well. Those who ask at the same time share a trial.
    pub(crate) async fn of(&self, database: &Sqlite) -> Vec<NotReady> {
        let mut last = self.last.lock().await;
        let known = match &*last {
            Some((when, reasons)) if when.elapsed() < FRESH => return reasons.clone(),
            Some((_, reasons)) => reasons.clone(),
            None => Vec::new(),
        };
        // Noted first: who gives up waiting must not have the next one try again at once.
        *last = Some((Instant::now(), known));
        let write = within(database.try_write(), NotReady::Writes);
        let read = within(database.try_read(), NotReady::Reads);
        let (write, read) = tokio::join!(write, read);
        let mut reasons: Vec<NotReady> = write.into_iter().chain(read).collect();
        reasons.dedup();
        *last = Some((Instant::now(), reasons.clone()));
        reasons
    }
}

async fn within(
    trial: impl Future<Output = Result<(), StoreError>>,
    otherwise: NotReady,
) -> Option<NotReady> {
    match actix_rt::time::timeout(PATIENCE, trial).await {
        Ok(Ok(())) => None,
        Ok(Err(StoreError::Busy)) => Some(NotReady::Busy),
        Ok(Err(StoreError::Closed)) => Some(NotReady::ShuttingDown),
        Ok(Err(error @ (StoreError::Failed(_) | StoreError::TooLong))) => {
            tracing::warn!(%error, "not ready: {otherwise}");
            Some(otherwise)
        }
        Err(_) => {
            tracing::warn!("not ready: {otherwise} within {PATIENCE:?}");
            Some(otherwise)
        }
    }
}
