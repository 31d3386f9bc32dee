//! Hashing passwords without stopping everything else.
//!
//! argon2id takes tens of milliseconds and some 19 MiB on purpose. So it runs on blocking threads, a
//! bounded number at a time, and a bounded number of sign-ins wait for their turn: of one account, and from one address,
//! only a share of them, so that they shut nobody else out.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{credential::Password, error::AccountError};
use crate::{
    rate::{Address, Limited, SHARES_REFUSED, Share, ShareOf, Shares},
    user::UserId,
};

/// Sign-ins that may wait, per hash that runs: about two seconds of work.
const WAITING_PER_HASHER: usize = 64;

/// Of one account that may wait or run: a person's devices that come back at once.
const OF_ONE_ACCOUNT: usize = 4;

/// For whom a password is hashed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HashFor {
    /// Somebody who has no account yet.
    Address(Address),
    Account(UserId, Address),
}

/// The hash function with its bounds.
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    of_accounts: Shares<UserId>,
    of_addresses: Shares<Address>,
    refused: metrics::Counter,
}

/// Held while a hash waits or runs.
struct Place<'p> {
    _waiting: SemaphorePermit<'p>,
    _of_address: Share<Address>,
    _of_account: Option<Share<UserId>>,
}

impl Passwords {
    /// At most `hashers` hashes run at the same time.
    pub(crate) fn new(hashers: usize) -> Self {
        let places = hashers * (WAITING_PER_HASHER + 1);
        Self {
            running: Arc::new(Semaphore::new(hashers)),
            waiting: Semaphore::new(places),
            of_accounts: Shares::new(OF_ONE_ACCOUNT),
            of_addresses: Shares::new(places / 2),
            refused: SHARES_REFUSED.of(ShareOf::PasswordHashes),
        }
    }

    /// A place among those that wait, for an account and an address that do not hold their share already.
    fn place(&self, hash_for: HashFor) -> Result<Place<'_>, AccountError> {
        let (user, address) = match hash_for {
            HashFor::Address(address) => (None, address),
            HashFor::Account(user, address) => (Some(user), address),
        };
        let share = || {
            let of_address = self.of_addresses.take(address)?;
            let of_account = match user {
                Some(user) => Some(self.of_accounts.take(user)?),
                None => None,
            };
            Some((of_address, of_account))
        };
        let Some((of_address, of_account)) = share() else {
            self.refused.increment(1);
            return Err(AccountError::Limited(Limited {
                what: "sign-ins with a password at the same time",
                wait: Duration::from_secs(1),
            }));
        };
        Ok(Place {
            _waiting: self.waiting.try_acquire().map_err(|_| AccountError::Busy)?,
            _of_address: of_address,
            _of_account: of_account,
        })
    }

    /// The PHC text to keep, with a fresh salt.
    pub(crate) async fn hash(
        &self,
        password: Password,
        hash_for: HashFor,
    ) -> Result<String, AccountError> {
        self.run(hash_for, move || {
            let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes())?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one that `hash` was made of.
    pub(crate) async fn matches(
        &self,
        password: Password,
        hash: String,
        hash_for: HashFor,
    ) -> Result<bool, AccountError> {
        self.run(hash_for, move || {
            match Argon2::default().verify_password(password.as_bytes(), hash.as_str()) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        hash_for: HashFor,
        work: impl FnOnce() -> Result<T, password_hash::Error> + Send + 'static,
    ) -> Result<T, AccountError> {
        let _place = self.place(hash_for)?;
        let permit = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| AccountError::Busy)?;
        tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request: a caller who hangs up frees no hasher.
            let _permit = permit;
            work()
        })
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or(AccountError::Hashing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    fn from(host: u8) -> Address {
        std::net::IpAddr::from([192, 0, 2, host]).into()
    }

    #[actix_rt::test]
    async fn only_the_same_password_matches() {
        let passwords = Passwords::new(1);
        let hash_for = HashFor::Address(from(1));
        let hash = passwords.hash(password("password-1"), hash_for).await;
        let hash = hash.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        let matches = |text| passwords.matches(password(text), hash.clone(), hash_for);
        assert!(matches("password-1").await.unwrap());
        assert!(!matches("password-2").await.unwrap());
    }

    #[actix_rt::test]
    async fn one_account_and_one_address_wait_with_a_share_of_all() {
        let passwords = Passwords::new(1);
        let (one, other) = (UserId::random(), UserId::random());
        let of_one: Vec<_> = (0..OF_ONE_ACCOUNT)
            .map(|_| {
                passwords
                    .place(HashFor::Account(one, from(1)))
                    .ok()
                    .unwrap()
            })
            .collect();
        let refused = passwords.place(HashFor::Account(one, from(2)));
        assert!(matches!(refused, Err(AccountError::Limited(_))));
        assert!(passwords.place(HashFor::Account(other, from(1))).is_ok());
        let of_address: Vec<_> =
            std::iter::from_fn(|| passwords.place(HashFor::Address(from(1))).ok()).collect();
        assert_eq!(
            of_one.len() + of_address.len(),
            WAITING_PER_HASHER.div_ceil(2)
        );
        assert!(passwords.place(HashFor::Account(other, from(2))).is_ok());
    }

    #[actix_rt::test]
    async fn a_damaged_hash_is_an_error() {
        let result = Passwords::new(1)
            .matches(
                password("password-1"),
                "$argon2id$nonsense".into(),
                HashFor::Address(from(1)),
            )
            .await;
        assert!(matches!(result, Err(AccountError::Hashing)));
    }
}
