//! What signing in, refreshing and logging out are given, and what they give back.

use super::{
    credential::{Credential, Password, Username},
    token::Variables,
};
use crate::{rate::Address, user::UserId};

/// Who wants to come in.
#[derive(Debug, Clone)]
pub(crate) enum SignInBy {
    Credential(Credential),
    /// The password of an email account, with its name instead of its address. Makes no account.
    Username(Username, Password),
}

/// A sign-in, checked in form.
#[derive(Debug)]
pub(crate) struct SignInRequest {
    pub(crate) by: SignInBy,
    /// The name of the account, should one be made; random when absent.
    pub(crate) username: Option<Username>,
    /// Whether an account is made for an unknown credential.
    pub(crate) create: bool,
    pub(crate) variables: Variables,
    /// Where the request came from.
    pub(crate) from: Address,
}

/// A refresh token, as the client sent it.
pub(crate) struct RefreshRequest {
    pub(crate) token: String,
    /// Replace the variables of the token when there are any.
    pub(crate) variables: Variables,
}

/// The tokens to be ended, as the client sent them; with neither, all of the user's.
#[derive(Default)]
pub(crate) struct LogoutRequest {
    pub(crate) token: Option<String>,
    pub(crate) refresh_token: Option<String>,
}

/// A new pair of tokens.
pub(crate) struct SessionGrant {
    /// Whose they are.
    pub(crate) user: UserId,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    /// Whether the account was made for it.
    pub(crate) created: bool,
}
