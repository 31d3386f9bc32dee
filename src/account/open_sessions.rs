use super::revocation::Ends;
use crate::user::UserId;

/// The sockets that are open: ends those that were opened with tokens that end, and knows their names.
pub(crate) trait OpenSessions: Send + Sync + 'static {
    /// Closes what a user has open with these tokens, or is about to open and has counted, giving the
    /// reason. Does not wait.
    fn close(&self, user: UserId, tokens: Ends, reason: &'static str);

    /// Whether a socket of anybody but `user` carries a name, be it one from before its user took another.
    fn name_is_carried_by_others(&self, name: &str, user: UserId) -> bool;
}
