//! Searches: reads that may pass over much to find little. They have a time, and leave a reader to everybody else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, time::timeout};

use super::{Sqlite, StoreError};
use crate::group::{SEARCHES_REFUSED, SearchRefusal};

/// The bounds of searches.
#[derive(Clone)]
pub(super) struct Searches {
    /// At the same time: as many as there are readers but one, and one where there is one.
    turns: Arc<Semaphore>,
    /// For waiting, and again for searching.
    time: Duration,
}

impl Searches {
    pub(super) fn new(readers: usize, time: Duration) -> Self {
        let turns = readers.saturating_sub(1).max(1);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            time,
        }
    }
}

impl Sqlite {
    /// A read that ends when its time is up.
    ///
    /// # Errors
    /// Those of `work`; `TooLong`; `Busy` when other searches take all the time it may wait.
    pub(super) async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Searches { turns, time } = self.searches.clone();
        let turn = timeout(time, turns.acquire_owned()).await;
        let turn = turn
            .map_err(|_| refused(SearchRefusal::Busy, StoreError::Busy))?
            .map_err(|_| StoreError::Closed)?;
        let found = self.read(move |conn| {
            // Held by the search, not by who asks for it: whoever hangs up ends no search.
            let _turn = turn;
            within(conn, time, work)
        });
        found.await.map_err(|error| match error {
            StoreError::TooLong => refused(SearchRefusal::TooLong, error),
            error => error,
        })
    }
}

fn refused(reason: SearchRefusal, error: StoreError) -> StoreError {
    SEARCHES_REFUSED.of(reason).increment(1);
    error
}

/// Interrupts what `work` reads when the time is up.
fn within<T>(
    conn: &Connection,
    time: Duration,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    /// Steps of SQLite between two looks at the clock: some tens of microseconds.
    const STEPS: i32 = 1000;

    /// Lets the connection go on, after a panic, too.
    struct Watched<'c>(&'c Connection);

    impl Drop for Watched<'_> {
        fn drop(&mut self) {
            if let Err(error) = self.0.progress_handler(0, None::<fn() -> bool>) {
                tracing::error!(%error, "a reader stays watched");
            }
        }
    }

    let end = Instant::now() + time;
    conn.progress_handler(STEPS, Some(move || Instant::now() >= end))?;
    let watched = Watched(conn);
    work(watched.0)
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::mpsc,
    };

    use super::*;
    use crate::config::Settings;

    /// Never comes to an end by itself.
    fn endless(conn: &Connection) -> Result<i64, StoreError> {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                   SELECT max(i) FROM n";
        Ok(conn.query_row(sql, [], |row| row.get(0))?)
    }

    fn long(conn: &Connection) -> Result<i64, StoreError> {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000)
                   SELECT max(i) FROM n";
        Ok(conn.query_row(sql, [], |row| row.get(0))?)
    }

    #[test]
    fn a_search_ends_when_its_time_is_up_and_what_comes_after_it_has_its_own() {
        let conn = Connection::open_in_memory().unwrap();
        let ended = within(&conn, Duration::from_millis(1), endless);
        assert!(matches!(ended, Err(StoreError::TooLong)), "{ended:?}");
        assert_eq!(long(&conn).unwrap(), 10_000);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            within(&conn, Duration::ZERO, |_| -> Result<(), _> {
                panic!("as it was told to")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(long(&conn).unwrap(), 10_000);
        let found = within(&conn, Duration::from_secs(3600), long);
        assert_eq!(found.unwrap(), 10_000);
    }

    #[actix_rt::test]
    async fn searches_leave_a_reader_to_everybody_else_even_when_nobody_waits_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            readers: 3,
            search_timeout: Duration::from_millis(20),
            ..Settings::default()
        };
        let store = Sqlite::open(dir.path(), &settings).unwrap();
        let mut gates = Vec::new();
        for _ in 0..2 {
            let (gate, closed) = mpsc::channel::<()>();
            let (begun, begins) = tokio::sync::oneshot::channel();
            let search = store.search(move |_| {
                begun.send(()).unwrap();
                let _ = closed.recv();
                Ok(())
            });
            tokio::select! {
                _ = search => panic!("the gate is closed"),
                begun = begins => begun.unwrap(),
            }
            gates.push(gate);
        }
        // Both have hung up, and their searches go on.
        let refused = store.search(|_| Ok(())).await;
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
        assert_eq!(store.read(long).await.unwrap(), 10_000);
        gates.pop();
        while store.search(|_| Ok(())).await.is_err() {}
        drop(gates);
        store.close();
    }
}
