//! Why an account operation was refused.

use super::{credential::CredentialError, profile::ProfileError, token::TokenError};
use crate::{name::InvisibleError, rate::Limited, store::StoreError};

/// Variants by what the caller can do next; `wire::error` gives each its code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Invisible(#[from] InvisibleError),
    #[error("user account not found")]
    NotFound,
    #[error("invalid credentials")]
    WrongPassword,
    /// By somebody else, while this request was looking at it; nothing was done.
    #[error("the password has just been changed, try again")]
    PasswordChanged,
    /// At the creation of an account; nothing was made.
    #[error("username is already in use")]
    UsernameTaken,
    /// At the change of a profile; nothing was changed. The reference gives this another code.
    #[error("username is already in use")]
    RenameTaken,
    /// The identity leads to another account.
    #[error("{0} is already in use")]
    IdentityTaken(&'static str),
    /// Not linked, or the only one: an account must stay reachable.
    #[error("cannot unlink the last or an unknown account identifier")]
    CannotUnlink,
    /// At deletion; nothing was done.
    #[error("the account is still in groups, try again")]
    StillInGroups,
    #[error("no account fields to update")]
    NothingToUpdate,
    /// A token in the body of a request that is not one of the caller's.
    #[error("{0} is not valid")]
    LogoutToken(&'static str),
    #[error("at most {max} {what} are allowed")]
    TooMany { what: &'static str, max: usize },
    /// Too many password hashes are waiting already.
    #[error("too many sign-ins at the moment")]
    Busy,
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The hash function or its thread failed.
    #[error("password hashing failed")]
    Hashing,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
