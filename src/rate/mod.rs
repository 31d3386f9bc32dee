//! How often clients may ask for what: buckets that fill over time, one for each socket, account or address.
//!
//! A rate that is exceeded is told as a [`Limited`], with the time after which the same request would be taken; it costs
//! nobody but the one who asked. Who goes on all the same on a socket is closed.
//!
//! The buckets are this process's, in memory: they are full again after a restart, and beside another process on the same
//! database each counts for itself. What a channel takes, whoever sends it, is in `channel::traffic`; how much may be
//! held at the same time, not how often, is with what is held.
//!
//! Invariant: a bucket that has filled up again takes no memory for long, so that those of strangers do not pile up.

mod address;
mod buckets;
mod guesses;
pub(crate) mod metrics;
mod pool;
mod shares;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

pub use self::buckets::Limited;
use self::metrics::RateName;
pub(crate) use self::{
    address::Address,
    buckets::Buckets,
    guesses::Guesses,
    metrics::{SHARES_REFUSED, ShareOf, channel_limited},
    pool::{Exhausted, Held, Pool},
    shares::{Share, Shares},
};
use crate::{
    channel::SessionId,
    config::{Rate, RateLimits, Settings},
    user::UserId,
};

/// All buckets of a process.
pub(crate) struct Rates {
    /// Requests of one socket.
    pub(crate) socket: Buckets<SessionId>,
    /// Refusals of one socket: when these are used up, it is closed.
    pub(crate) socket_refusals: Buckets<SessionId>,
    /// Requests of one account, on all its sockets and by REST.
    pub(crate) account: Buckets<UserId>,
    pub(crate) joins: Buckets<UserId>,
    pub(crate) changes: Buckets<UserId>,
    pub(crate) searches: Buckets<UserId>,
    pub(crate) sign_ins: Buckets<UserId>,
    pub(crate) wrong_passwords: Guesses<(UserId, Address)>,
    pub(crate) account_wrong_passwords: Guesses<UserId>,
    pub(crate) address_sign_ins: Buckets<Address>,
    pub(crate) address_sign_ups: Buckets<Address>,
}

/// What opening a socket counts as, among the requests of its account.
pub(crate) const CONNECT: u32 = 5;

/// What a request counts as that carries so much content.
pub(crate) fn cost(content_bytes: usize) -> u32 {
    const BYTES: usize = 256;
    u32::try_from(content_bytes / BYTES).map_or(u32::MAX, |more| more.saturating_add(1))
}

impl Rates {
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let on = settings.rate_limits == RateLimits::On;
        let rate = |rate: Rate| on.then_some(rate);
        let rates = Arc::new(Self {
            socket: Buckets::new(
                "requests on this socket",
                RateName::Socket,
                rate(settings.socket_rate),
            ),
            socket_refusals: Buckets::new(
                "refused requests on this socket",
                RateName::SocketRefusals,
                rate(settings.socket_rate),
            ),
            account: Buckets::new(
                "requests of this account",
                RateName::Account,
                rate(settings.account_rate),
            ),
            joins: Buckets::new("joins", RateName::Join, rate(settings.join_rate)),
            changes: Buckets::new("changes", RateName::Change, rate(settings.change_rate)),
            searches: Buckets::new("searches", RateName::Search, rate(settings.search_rate)),
            sign_ins: Buckets::new("sign-ins", RateName::SignIn, rate(settings.sign_in_rate)),
            wrong_passwords: Guesses::new(
                RateName::WrongPassword,
                rate(settings.wrong_password_rate),
            ),
            account_wrong_passwords: Guesses::new(
                RateName::AccountWrongPassword,
                rate(settings.account_wrong_password_rate),
            ),
            address_sign_ins: Buckets::new(
                "sign-ins from this address",
                RateName::AddressSignIn,
                rate(settings.address_sign_in_rate),
            ),
            address_sign_ups: Buckets::new(
                "new accounts from this address",
                RateName::AddressSignUp,
                rate(settings.address_sign_up_rate),
            ),
        });
        if on {
            actix_rt::spawn(sweep_now_and_then(Arc::downgrade(&rates)));
        }
        rates
    }

    /// Forgets the buckets that are full.
    fn sweep(&self) {
        self.socket.sweep();
        self.socket_refusals.sweep();
        self.account.sweep();
        self.joins.sweep();
        self.changes.sweep();
        self.searches.sweep();
        self.sign_ins.sweep();
        self.wrong_passwords.sweep();
        self.account_wrong_passwords.sweep();
        self.address_sign_ins.sweep();
        self.address_sign_ups.sweep();
    }
}

/// Until the chat is gone.
async fn sweep_now_and_then(rates: Weak<Rates>) {
    const PERIOD: Duration = Duration::from_secs(10);
    loop {
        actix_rt::time::sleep(PERIOD).await;
        match rates.upgrade() {
            Some(rates) => rates.sweep(),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_by_its_size() {
        assert_eq!([0, 255, 256, 4096].map(cost), [1, 1, 2, 17]);
    }
}
