use strum::{IntoStaticStr, VariantArray};

use crate::metric::{CounterBy, declare};

declare! {
    pub(super) static LIMITED: CounterBy<RateName> = CounterBy::new(
        "banter_rate_limited_total",
        "rate",
        "Requests refused because a rate was exceeded, by the rate's setting",
    );

    pub(crate) static SHARES_REFUSED: CounterBy<ShareOf> = CounterBy::new(
        "banter_shares_refused_total",
        "of",
        "Requests refused because others, or the one who asked, held what there is of something scarce, by what that is",
    );
}

/// The settings of rates, without their `_rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum RateName {
    Socket,
    /// Of what `Socket` had refused already.
    SocketRefusals,
    Account,
    Channel,
    Join,
    Change,
    Search,
    SignIn,
    WrongPassword,
    AccountWrongPassword,
    AddressSignIn,
    AddressSignUp,
}

/// What is scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
pub(crate) enum ShareOf {
    #[strum(serialize = "password hashes")]
    PasswordHashes,
    #[strum(serialize = "live channels")]
    LiveChannels,
    #[strum(serialize = "bodies")]
    Bodies,
}

/// A channel has refused a message.
pub(crate) fn channel_limited() {
    LIMITED.of(RateName::Channel).increment(1);
}
