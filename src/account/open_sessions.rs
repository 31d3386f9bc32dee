use super::revocation::Ends;
use crate::user::UserId;

/// Why the tokens of a user end before their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokensEnded {
    LoggedOut,
    AccountDeleted,
    /// By the program that embeds the chat.
    ByTheHost,
}

/// Ends the sockets that were opened with tokens that end.
pub(crate) trait OpenSessions: Send + Sync + 'static {
    /// Closes what a user has open with these tokens, or is about to open and has counted, telling
    /// why. Does not wait.
    fn close(&self, user: UserId, tokens: Ends, why: TokensEnded);
}
