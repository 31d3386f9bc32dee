//! Who may come in: credentials, session tokens and their end, profiles.
//!
//! [`Accounts`] is the service that REST and the socket handshake share. It knows its storage only
//! through [`AccountStore`], and open sockets only through [`OpenSessions`].
//!
//! Invariants:
//! - checking a token reads no database: [`Revocations`] holds every ended token in memory;
//! - once a logout or a deletion is answered, no token it ended is accepted anywhere;
//! - a password leaves this module only as an argon2id hash, and no credential shows in `Debug`.
//!
//! Not here: HTTP (`gateway::rest`), JSON (`wire::rest`), SQL (`store::sqlite`).

mod accounts;
mod credential;
mod decoy;
mod error;
mod keys;
pub(crate) mod metrics;
mod open_sessions;
mod password;
mod profile;
mod request;
mod revocation;
mod rotation;
mod store;
mod token;

pub use self::keys::KeyError;
pub(crate) use self::{
    accounts::Accounts,
    credential::{
        Credential, CredentialError, CustomId, DeviceId, Email, Identity, Password, Username,
    },
    error::AccountError,
    keys::Keys,
    open_sessions::{OpenSessions, TokensEnded},
    profile::{Account, ProfileUpdate, User},
    request::{LogoutRequest, RefreshRequest, SessionGrant, SignInBy, SignInRequest},
    revocation::{Ends, Revocation},
    rotation::{Newest, Presented, Rotation, rotate},
    store::{
        AccountStore, CreateError, DeleteError, LinkError, Login, LoginBy, NewAccount, NewIdentity,
        PasswordChange, UpdateError,
    },
    token::{Caller, TokenError, TokenId, Variables},
};
