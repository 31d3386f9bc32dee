use std::{collections::VecDeque, time::Duration};

use parking_lot::{Condvar, Mutex};

use super::StoreError;

/// A bounded queue between async callers, who never wait, and threads, which do.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    capacity: usize,
    depth: metrics::Gauge,
}

struct Inner<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// `depth` shows how many items wait.
    pub(super) fn new(capacity: usize, depth: metrics::Gauge) -> Self {
        let inner = Inner {
            items: VecDeque::new(),
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            filled: Condvar::new(),
            capacity,
            depth,
        }
    }

    /// Adds an item at once, or not at all: `Busy` when full, `Closed` after [`close`](Self::close).
    pub(super) fn push(&self, item: T) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(StoreError::Closed);
        }
        if inner.items.len() >= self.capacity {
            return Err(StoreError::Busy);
        }
        inner.items.push_back(item);
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for items, no longer than `patience` if there is one, and moves up to `most` of them into `taken`. `false`
    /// when the queue is closed and empty: nothing will ever come.
    pub(super) fn take(&self, most: usize, patience: Option<Duration>, taken: &mut Vec<T>) -> bool {
        let mut inner = self.inner.lock();
        while inner.items.is_empty() && !inner.closed {
            match patience {
                None => self.filled.wait(&mut inner),
                Some(patience) => {
                    if self.filled.wait_for(&mut inner, patience).timed_out() {
                        break;
                    }
                }
            }
        }
        let open = !inner.items.is_empty() || !inner.closed;
        let count = most.min(inner.items.len());
        taken.extend(inner.items.drain(..count));
        self.depth.set(inner.items.len() as f64);
        open
    }

    /// Refuses new items; those in the queue can still be taken.
    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
        self.filled.notify_all();
    }
}
