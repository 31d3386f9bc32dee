use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;

/// How many of something that is scarce each key holds at this moment, and the most that one may hold.
#[derive(Debug)]
pub(crate) struct Shares<K: Hash + Eq + Clone>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    most: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// One of them, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Hash + Eq + Clone> {
    key: K,
    of: Arc<Inner<K>>,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            held: Mutex::default(),
        }))
    }

    /// One more for a key, unless it holds as many as one may.
    pub(crate) fn take(&self, key: K) -> Option<Share<K>> {
        let mut held = self.0.held.lock();
        let count = held.entry(key.clone()).or_default();
        if *count >= self.0.most {
            return None;
        }
        *count += 1;
        Some(Share {
            key,
            of: self.0.clone(),
        })
    }
}

impl<K: Hash + Eq + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.held.lock();
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_for_one_key_and_comes_back() {
        let shares = Shares::new(2);
        let first = shares.take('a').unwrap();
        let _second = shares.take('a').unwrap();
        assert!(shares.take('a').is_none());
        assert!(shares.take('b').is_some());
        drop(first);
        assert!(shares.take('a').is_some());
        assert_eq!(shares.0.held.lock().len(), 1, "who holds none is forgotten");
    }
}
