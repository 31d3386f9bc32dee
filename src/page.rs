//! Pages of listings: how long they are, and how they go on.

/// More entries were asked for than a page of the listing has, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit must be between 1 and {most}")]
pub(crate) struct LimitError {
    most: i32,
}

/// How many entries the pages of a listing have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimit {
    /// Where nothing is asked for.
    default: i32,
    most: i32,
}

impl PageLimit {
    /// One entry unless asked for more, up to 100.
    pub(crate) const ONE: Self = Self::new(1, 100);
    /// 100 entries unless asked for less.
    pub(crate) const MOST: Self = Self::new(100, 100);

    pub(crate) const fn new(default: i32, most: i32) -> Self {
        Self { default, most }
    }

    /// What was asked for, or the default.
    ///
    /// # Errors
    /// When what was asked for is out of range.
    pub(crate) fn of(self, asked: Option<i32>) -> Result<usize, LimitError> {
        let limit = asked.unwrap_or(self.default);
        if !(1..=self.most).contains(&limit) {
            return Err(LimitError { most: self.most });
        }
        Ok(limit as usize)
    }
}

/// What the store has found for a page.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    pub(crate) entries: Vec<T>,
    /// Whether there are more behind the last one.
    pub(crate) more: bool,
}

/// Entries of a listing, and where to go on if there are more.
#[derive(Debug)]
pub(crate) struct ListPage<T, P> {
    pub(crate) entries: Vec<T>,
    pub(crate) next: Option<P>,
}

impl<T> Found<T> {
    pub(crate) fn page<P>(self, position: impl Fn(&T) -> P) -> ListPage<T, P> {
        let last = self.entries.last().filter(|_| self.more);
        let next = last.map(position);
        ListPage {
            entries: self.entries,
            next,
        }
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            more: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_at_least_1_and_has_an_end() {
        for (asked, limit) in [
            (None, Some(1)),
            (Some(1), Some(1)),
            (Some(100), Some(100)),
            (Some(0), None),
            (Some(-1), None),
            (Some(101), None),
        ] {
            assert_eq!(PageLimit::ONE.of(asked).ok(), limit, "{asked:?}");
        }
        assert_eq!(PageLimit::MOST.of(None).ok(), Some(100));
        let friends = PageLimit::new(10, 1000);
        assert_eq!(friends.of(Some(1000)).ok(), Some(1000));
        let refused = friends.of(Some(1001)).unwrap_err().to_string();
        assert!(refused.contains("1000"), "{refused}");
    }
}
