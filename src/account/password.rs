//! Hashing passwords without stopping everything else.
//!
//! argon2id takes tens of milliseconds and some 19 MiB on purpose. So it runs on blocking threads, a
//! bounded number at a time, and a bounded number of sign-ins wait for their turn.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use super::{credential::Password, error::AccountError};

/// Sign-ins that may wait, per hash that runs: about two seconds of work.
const WAITING_PER_HASHER: usize = 64;

/// The hash function with its bounds.
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Passwords {
    /// At most `hashers` hashes run at the same time.
    pub(crate) fn new(hashers: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(hashers)),
            waiting: Semaphore::new(hashers * (WAITING_PER_HASHER + 1)),
        }
    }

    /// The PHC text to keep, with a fresh salt.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, AccountError> {
        self.run(move || {
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
    ) -> Result<bool, AccountError> {
        self.run(move || {
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
        work: impl FnOnce() -> Result<T, password_hash::Error> + Send + 'static,
    ) -> Result<T, AccountError> {
        let _place = self.waiting.try_acquire().map_err(|_| AccountError::Busy)?;
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

    #[actix_rt::test]
    async fn only_the_same_password_matches() {
        let passwords = Passwords::new(1);
        let hash = passwords.hash(password("password-1")).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(
            passwords
                .matches(password("password-1"), hash.clone())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .matches(password("password-2"), hash)
                .await
                .unwrap()
        );
    }

    #[actix_rt::test]
    async fn a_damaged_hash_is_an_error() {
        let result = Passwords::new(1)
            .matches(password("password-1"), "$argon2id$nonsense".into())
            .await;
        assert!(matches!(result, Err(AccountError::Hashing)));
    }
}
