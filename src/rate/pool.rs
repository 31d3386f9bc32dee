use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// So much of something for all together. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<AtomicUsize>);

/// What one holder has of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pool: Pool,
    amount: usize,
}

/// The pool has not as much left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Pool {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(most)))
    }

    /// A holder that has nothing yet.
    pub(crate) fn hold(&self) -> Held {
        Held {
            pool: self.clone(),
            amount: 0,
        }
    }
}

impl Held {
    /// Makes sure that the holder has at least this much.
    pub(crate) fn grow_to(&mut self, amount: usize) -> Result<(), Exhausted> {
        let more = amount.saturating_sub(self.amount);
        let order = Ordering::Relaxed;
        let taken = self
            .pool
            .0
            .fetch_update(order, order, |left| left.checked_sub(more));
        taken.map_err(|_| Exhausted)?;
        self.amount += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.0.fetch_add(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_holds_the_others_do_not_and_it_comes_back() {
        let pool = Pool::new(10);
        let (mut one, mut two) = (pool.hold(), pool.hold());
        assert_eq!(one.grow_to(4), Ok(()));
        assert_eq!(one.grow_to(9), Ok(()), "5 more");
        assert_eq!(one.grow_to(3), Ok(()), "it has them");
        assert_eq!(two.grow_to(2), Err(Exhausted));
        assert_eq!(two.grow_to(0), Ok(()));
        drop(one);
        assert_eq!(two.grow_to(10), Ok(()));
    }
}
