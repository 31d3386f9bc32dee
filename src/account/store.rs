//! The seam to what keeps accounts.

use std::time::SystemTime;

use super::{
    credential::{CustomId, DeviceId, Email, Identity, Username},
    profile::{Account, ProfileUpdate, User},
    revocation::Revocation,
    rotation::{Presented, Rotation},
};
use crate::{
    store::{StoreError, StoreFuture},
    user::UserId,
};

/// How an account is found at sign-in and refresh.
#[derive(Debug, Clone)]
pub(crate) enum LoginBy {
    Identity(Identity),
    Username(Username),
    User(UserId),
}

/// What sign-in needs to know of an account.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: UserId,
    pub(crate) username: String,
    /// Of accounts with an email only.
    pub(crate) password_hash: Option<String>,
}

/// An identity to be linked, with what must be kept beside it.
#[derive(Clone)]
pub(crate) enum NewIdentity {
    Device(DeviceId),
    Custom(CustomId),
    Email { email: Email, password_hash: String },
}

/// The end of the password that an email is linked over.
#[derive(Clone)]
pub(crate) struct PasswordChange {
    /// Its hash.
    pub(crate) replaces: String,
    /// What ends with it.
    pub(crate) end: Revocation,
}

/// An account to be made.
#[derive(Clone)]
pub(crate) struct NewAccount {
    pub(crate) user: UserId,
    pub(crate) username: Username,
    pub(crate) identity: NewIdentity,
    pub(crate) now: SystemTime,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("username is taken")]
    UsernameTaken,
    /// An account with this identity appeared meanwhile.
    #[error("identity is taken")]
    IdentityTaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    #[error("no such user")]
    NoSuchUser,
    #[error("username is taken")]
    UsernameTaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an identity was not linked or unlinked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("no such user")]
    NoSuchUser,
    /// The identity belongs to another user.
    #[error("identity is taken")]
    Taken,
    /// The identity is not this user's, or is the last one.
    #[error("identity is unknown or the last one")]
    NotRemovable,
    /// The password is not the one that the change was about.
    #[error("password has been changed")]
    PasswordChanged,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an account was not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    /// The user is a member of groups, which have to be told first.
    #[error("user is still in groups")]
    StillInGroups,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps accounts. Each change happens whole or not at all, is durable when the future resolves,
/// and is decided against the state it is written to: two racing sign-ups make one account.
pub(crate) trait AccountStore: Send + Sync + 'static {
    /// The account that `by` leads to.
    fn login(&self, by: LoginBy) -> StoreFuture<'_, Result<Option<Login>, StoreError>>;

    /// Makes an account with one identity.
    fn create(&self, account: NewAccount) -> StoreFuture<'_, Result<(), CreateError>>;

    /// The whole account of a user.
    fn account(&self, user: UserId) -> StoreFuture<'_, Result<Option<Account>, StoreError>>;

    /// Users by id and by exact name: each once, in no order, unknown ones left out.
    fn users(
        &self,
        ids: Vec<UserId>,
        names: Vec<String>,
    ) -> StoreFuture<'_, Result<Vec<User>, StoreError>>;

    /// Applies the fields that are given. Keeping one's own name is no conflict.
    fn update(
        &self,
        user: UserId,
        update: ProfileUpdate,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), UpdateError>>;

    /// Links an identity; a custom id or email replaces the one before. Linking a device again
    /// changes nothing. An email replaces the password as well, which must be that of `change`, or be none without
    /// one; the end of the change is kept.
    ///
    /// # Errors
    /// `NoSuchUser`, `Taken`, `PasswordChanged`.
    fn link(
        &self,
        user: UserId,
        identity: NewIdentity,
        change: Option<PasswordChange>,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), LinkError>>;

    /// Unlinks an identity, and the password with the email. The last identity stays.
    ///
    /// # Errors
    /// `NoSuchUser`, `NotRemovable`; `PasswordChanged` when a hash is given and the password has another.
    fn unlink(
        &self,
        user: UserId,
        identity: Identity,
        password_hash: Option<String>,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), LinkError>>;

    /// Removes the account with all its identities, notifications, requests to join groups, and bans,
    /// and keeps `revocation`. Messages stay. Removing an account that is gone is no error. An account with much in it goes
    /// in steps: a failure between two leaves it with less, to be removed by the next call.
    ///
    /// # Errors
    /// `StillInGroups` while the user is a member of a group; then nothing is done.
    fn delete(
        &self,
        user: UserId,
        revocation: Revocation,
    ) -> StoreFuture<'_, Result<(), DeleteError>>;

    /// Keeps revocations, and forgets those whose time is up at `now`.
    fn revoke(
        &self,
        revocations: Vec<Revocation>,
        now: SystemTime,
    ) -> StoreFuture<'_, Result<(), StoreError>>;

    /// Applies [`rotate`](super::rotation::rotate) to a refresh token, and keeps what comes of it: the number of the
    /// newest, or the end of the family.
    fn rotate(&self, presented: Presented) -> StoreFuture<'_, Result<Rotation, StoreError>>;

    /// All revocations whose time is not up at `now`, in no order.
    fn revocations(&self, now: SystemTime) -> StoreFuture<'_, Result<Vec<Revocation>, StoreError>>;
}
