//! Pages of listings: how long they are, and how they go on.

/// Most entries of a page.
const MOST: i32 = 100;

/// More entries were asked for than a page has, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit must be between 1 and {MOST}")]
pub(crate) struct LimitError;

/// How many entries a page has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageLimit(usize);

impl PageLimit {
    /// One entry.
    pub(crate) const ONE: Self = Self(1);
    /// As many as may be.
    pub(crate) const MOST: Self = Self(MOST as usize);

    /// What was asked for, 1 to 100, or the default of the listing.
    ///
    /// # Errors
    /// When what was asked for is out of that range.
    pub(crate) fn new(asked: Option<i32>, default: Self) -> Result<Self, LimitError> {
        match asked {
            None => Ok(default),
            Some(limit @ 1..=MOST) => Ok(Self(limit as usize)),
            Some(_) => Err(LimitError),
        }
    }

    pub(crate) fn get(self) -> usize {
        self.0
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
    fn a_limit_is_1_to_100() {
        for (asked, limit) in [
            (None, Ok(1)),
            (Some(1), Ok(1)),
            (Some(100), Ok(100)),
            (Some(0), Err(LimitError)),
            (Some(-1), Err(LimitError)),
            (Some(101), Err(LimitError)),
        ] {
            let made = PageLimit::new(asked, PageLimit::ONE);
            assert_eq!(made.map(PageLimit::get), limit, "{asked:?}");
        }
        assert_eq!(PageLimit::new(None, PageLimit::MOST).unwrap().get(), 100);
    }
}
