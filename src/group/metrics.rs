use strum::{IntoStaticStr, VariantArray};

use super::change::ActionKind;
use crate::metric::{CounterBy, declare};

declare! {
    pub(super) static CHANGES: CounterBy<ActionKind> = CounterBy::new(
        "banter_group_changes_total",
        "action",
        "Changes of who is in a group that were asked for, by action",
    );

    pub(crate) static SEARCHES_REFUSED: CounterBy<SearchRefusal> = CounterBy::new(
        "banter_searches_refused_total",
        "reason",
        "Searches that were refused or ended, by why",
    );
}

/// Why a search comes to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
pub(crate) enum SearchRefusal {
    #[strum(serialize = "too long")]
    TooLong,
    #[strum(serialize = "busy")]
    Busy,
    #[strum(serialize = "one at a time")]
    OneAtATime,
}
