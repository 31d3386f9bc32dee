use strum::{IntoStaticStr, VariantArray};

use crate::wire::CloseCode;

/// Why the server closes a socket; both go into the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(super) code: CloseCode,
    pub(super) reason: Reason,
}

/// All reasons there are. At most 123 bytes each; they label the metric, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
pub(super) enum Reason {
    #[strum(serialize = "closed by the client")]
    ByTheClient,
    #[strum(serialize = "slow consumer: too much is waiting to be read")]
    SlowConsumer,
    #[strum(serialize = "slow consumer: nothing is being read")]
    Stuck,
    #[strum(serialize = "too many requests, which went on when they were refused")]
    TooMany,
    #[strum(serialize = "no sign of life")]
    Silent,
    #[strum(serialize = "server shutting down")]
    Shutdown,
    #[strum(serialize = "connected elsewhere")]
    Replaced,
    #[strum(serialize = "logged out")]
    LoggedOut,
    #[strum(serialize = "token has expired")]
    Expired,
    #[strum(serialize = "account deleted")]
    AccountDeleted,
    #[strum(serialize = "password changed")]
    PasswordChanged,
    #[strum(serialize = "refresh token used again")]
    RefreshTokenReused,
    #[strum(serialize = "closed by the server")]
    ByTheHost,
    #[strum(serialize = "internal error")]
    Broken,
    #[strum(serialize = "message too big")]
    TooBig,
    #[strum(serialize = "text is not UTF-8")]
    NotUtf8,
    #[strum(serialize = "malformed frame")]
    BadFrame,
    #[strum(serialize = "malformed envelope")]
    MalformedEnvelope,
    #[strum(serialize = "binary message where the format is text")]
    BinaryForText,
    #[strum(serialize = "text message where the format is binary")]
    TextForBinary,
}

impl Closing {
    pub(crate) const SLOW_CONSUMER: Self = Self::new(CloseCode::POLICY, Reason::SlowConsumer);
    pub(crate) const STUCK: Self = Self::new(CloseCode::POLICY, Reason::Stuck);
    pub(crate) const TOO_MANY: Self = Self::new(CloseCode::POLICY, Reason::TooMany);
    pub(crate) const SILENT: Self = Self::new(CloseCode::NORMAL, Reason::Silent);
    pub(crate) const SHUTDOWN: Self = Self::new(CloseCode::AWAY, Reason::Shutdown);
    pub(crate) const REPLACED: Self = Self::new(CloseCode::POLICY, Reason::Replaced);
    pub(crate) const LOGGED_OUT: Self = Self::new(CloseCode::POLICY, Reason::LoggedOut);
    pub(crate) const EXPIRED: Self = Self::new(CloseCode::POLICY, Reason::Expired);
    pub(crate) const ACCOUNT_DELETED: Self = Self::new(CloseCode::POLICY, Reason::AccountDeleted);
    pub(crate) const PASSWORD_CHANGED: Self = Self::new(CloseCode::POLICY, Reason::PasswordChanged);
    pub(crate) const REFRESH_TOKEN_REUSED: Self =
        Self::new(CloseCode::POLICY, Reason::RefreshTokenReused);
    pub(crate) const BY_THE_HOST: Self = Self::new(CloseCode::POLICY, Reason::ByTheHost);
    pub(crate) const BROKEN: Self = Self::new(CloseCode::INTERNAL, Reason::Broken);
    pub(crate) const TOO_BIG: Self = Self::new(CloseCode::TOO_BIG, Reason::TooBig);
    pub(crate) const NOT_UTF8: Self = Self::new(CloseCode::INVALID, Reason::NotUtf8);
    pub(crate) const BAD_FRAME: Self = Self::new(CloseCode::PROTOCOL, Reason::BadFrame);
    pub(crate) const MALFORMED_ENVELOPE: Self =
        Self::new(CloseCode::NORMAL, Reason::MalformedEnvelope);
    pub(crate) const BINARY_FOR_TEXT: Self = Self::new(CloseCode::NORMAL, Reason::BinaryForText);
    pub(crate) const TEXT_FOR_BINARY: Self = Self::new(CloseCode::NORMAL, Reason::TextForBinary);

    const fn new(code: CloseCode, reason: Reason) -> Self {
        Self { code, reason }
    }

    /// The peer closes: its own code goes back, without a text.
    pub(crate) fn returned(code: CloseCode) -> Self {
        Self::new(code, Reason::ByTheClient)
    }

    /// For the close frame.
    pub(super) fn text(self) -> &'static str {
        match self.reason {
            Reason::ByTheClient => "",
            reason => reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_fits_into_a_close_frame() {
        for reason in Reason::VARIANTS {
            let text = <&str>::from(reason);
            assert!(text.len() <= 123, "{text}");
        }
    }
}
