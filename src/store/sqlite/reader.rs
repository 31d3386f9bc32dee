use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StoreError, metrics::READER_QUEUE, queue::Queue};

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// Threads that read, each with a connection of its own. A read is short: it never spans an await.
pub(super) struct Readers {
    queue: Arc<Queue<Read>>,
}

impl Readers {
    pub(super) fn start(
        connections: Vec<Connection>,
        capacity: usize,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let queue = Arc::new(Queue::new(capacity, READER_QUEUE.handle()));
        let start = |connection: Connection| {
            let queue = queue.clone();
            thread::Builder::new()
                .name("banter-reader".into())
                .spawn(move || run(&connection, &queue))
        };
        let threads = connections
            .into_iter()
            .map(start)
            .collect::<io::Result<Vec<_>>>()?;
        Ok((Self { queue }, threads))
    }

    pub(super) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (told, answer) = oneshot::channel();
        self.queue.push(Box::new(move |connection| {
            // A caller that no longer waits needs no answer.
            let _ = told.send(work(connection));
        }))?;
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Failed("a read panicked".into()).into()))
    }

    pub(super) fn close(&self) {
        self.queue.close();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(connection: &Connection, queue: &Queue<Read>) {
    let mut next = Vec::with_capacity(1);
    loop {
        queue.take(1, None, &mut next);
        let Some(read) = next.pop() else { return };
        if catch_unwind(AssertUnwindSafe(|| read(connection))).is_err() {
            tracing::error!("a database read panicked");
        }
    }
}
