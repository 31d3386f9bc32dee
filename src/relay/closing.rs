use crate::wire::CloseCode;

/// Why the server closes a socket; both go into the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: CloseCode,
    /// At most 123 bytes, the same text for every occurrence: it labels the metric, too.
    pub(crate) reason: &'static str,
}

impl Closing {
    pub(crate) const SLOW_CONSUMER: Self = Self {
        code: CloseCode::POLICY,
        reason: "slow consumer: too much is waiting to be read",
    };
    pub(crate) const STUCK: Self = Self {
        code: CloseCode::POLICY,
        reason: "slow consumer: nothing is being read",
    };
    pub(crate) const TOO_MANY: Self = Self {
        code: CloseCode::POLICY,
        reason: "too many requests, which went on when they were refused",
    };
    pub(crate) const SILENT: Self = Self {
        code: CloseCode::NORMAL,
        reason: "no sign of life",
    };
    pub(crate) const SHUTDOWN: Self = Self {
        code: CloseCode::AWAY,
        reason: "server shutting down",
    };
    pub(crate) const REPLACED: Self = Self {
        code: CloseCode::POLICY,
        reason: "connected elsewhere",
    };
    pub(crate) const LOGGED_OUT: Self = Self {
        code: CloseCode::POLICY,
        reason: "logged out",
    };
    pub(crate) const EXPIRED: Self = Self {
        code: CloseCode::POLICY,
        reason: "token has expired",
    };
    pub(crate) const BROKEN: Self = Self {
        code: CloseCode::INTERNAL,
        reason: "internal error",
    };

    /// The peer closes: its own code goes back, without a text.
    pub(crate) fn returned(code: CloseCode) -> Self {
        Self { code, reason: "" }
    }

    /// For the metric.
    pub(super) fn name(self) -> &'static str {
        match self.reason {
            "" => "closed by the client",
            reason => reason,
        }
    }
}
