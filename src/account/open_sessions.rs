use super::revocation::Ends;
use crate::user::UserId;

/// Why the tokens of a user end before their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokensEnded {
    LoggedOut,
    AccountDeleted,
    PasswordChanged,
    /// A refresh token that may be used once was used again.
    RefreshTokenReused,
    /// By the program that embeds the chat.
    ByTheHost,
}

/// The sockets that are open: ends those that were opened with tokens that end, and knows their names.
pub(crate) trait OpenSessions: Send + Sync + 'static {
    /// Closes what a user has open with these tokens, or is about to open and has counted, telling
    /// why. Does not wait.
    fn close(&self, user: UserId, tokens: Ends, why: TokensEnded);

    /// Whether a socket of anybody but `user` carries a name, be it one from before its user took another.
    fn name_is_carried_by_others(&self, name: &str, user: UserId) -> bool;
}
