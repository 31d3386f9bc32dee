use strum::{IntoStaticStr, VariantArray};

use crate::metric::{CounterBy, declare};

declare! {
    pub(super) static REFRESH_TOKENS_REUSED: CounterBy<Reuse> = CounterBy::new(
        "banter_refresh_tokens_reused_total",
        "outcome",
        "Refresh tokens used more than once where that is not allowed, by outcome: the login was ended, or the answer repeated within the grace",
    );
}

/// What comes of a refresh token that is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Reuse {
    Ended,
    Repeated,
}
