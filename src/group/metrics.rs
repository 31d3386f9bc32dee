use super::change::ActionKind;
use crate::metric::{CounterBy, declare};

declare! {
    pub(super) static CHANGES: CounterBy<ActionKind> = CounterBy::new(
        "banter_group_changes_total",
        "action",
        "Changes of who is in a group that were asked for, by action",
    );
}
