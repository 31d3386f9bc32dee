use super::revocation::Ends;
use crate::user::UserId;

/// Ends the sockets that were opened with tokens that end.
pub(crate) trait OpenSessions: Send + Sync + 'static {
    /// Closes what a user has open with these tokens, or is about to open and has counted, giving the
    /// reason. Does not wait.
    fn close(&self, user: UserId, tokens: Ends, reason: &'static str);
}
