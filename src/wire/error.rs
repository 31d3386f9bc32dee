//! The one place where typed errors become protocol codes, HTTP statuses and texts for people.

use std::{borrow::Cow, time::Duration};

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::{
    account::{AccountError, CredentialError, TokenError},
    channel::{ChannelIdError, ContentError, HistoryError, JoinError, PublishError, RoomNameError},
    group::GroupError,
    metric::CounterBy,
    rate::Limited,
    store::StoreError,
    user::{DeclineError, FriendError, NotificationError, StatusError},
    wire::CursorError,
};

/// Counts what is refused. Each place that refuses has reasons of its own.
pub(crate) const fn refusals<Reason>(by: &'static str) -> CounterBy<Reason>
where
    Reason: VariantArray + Into<&'static str> + Copy,
{
    let help = "Requests refused, by whom and why";
    CounterBy::new("banter_refusals_total", "reason", help).and("by", by)
}

/// Socket error codes of the Nakama protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum EnvelopeCode {
    /// Not the client's fault; the same request may succeed later.
    Internal = 0,
    /// A message this server does not take from clients.
    Unrecognised = 1,
    /// An envelope without a message.
    Missing = 2,
    #[strum(serialize = "bad input")]
    BadInput = 3,
}

/// A refused request on the socket: `{"error": {"code": n, "message": "…"}}`.
#[derive(Debug, Clone)]
pub(crate) struct EnvelopeError {
    pub(crate) code: EnvelopeCode,
    /// For people; names the field that is wrong where there is one.
    pub(crate) message: Cow<'static, str>,
    /// Milliseconds after which the same request would be taken; `retry_after_ms` in the error's context.
    pub(crate) retry_after_ms: Option<u64>,
}

impl EnvelopeError {
    pub(crate) fn new(code: EnvelopeCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after_ms: None,
        }
    }

    pub(crate) fn bad_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EnvelopeCode::BadInput, message)
    }
}

impl From<Limited> for EnvelopeError {
    fn from(limited: Limited) -> Self {
        Self {
            retry_after_ms: Some(milliseconds(limited)),
            ..Self::bad_input(limited.to_string())
        }
    }
}

fn milliseconds(limited: Limited) -> u64 {
    u64::try_from(limited.wait_ms()).unwrap_or(u64::MAX)
}

impl From<ChannelIdError> for EnvelopeError {
    fn from(error: ChannelIdError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<RoomNameError> for EnvelopeError {
    fn from(error: RoomNameError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<ContentError> for EnvelopeError {
    fn from(error: ContentError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<JoinError> for EnvelopeError {
    fn from(error: JoinError) -> Self {
        let code = match error {
            JoinError::ChannelFull | JoinError::UserShare | JoinError::Forbidden => {
                EnvelopeCode::BadInput
            }
            JoinError::Unavailable => EnvelopeCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<PublishError> for EnvelopeError {
    fn from(error: PublishError) -> Self {
        let code = match &error {
            PublishError::NotJoined | PublishError::NoSuchMessage | PublishError::Forbidden => {
                EnvelopeCode::BadInput
            }
            PublishError::Limited(limited) => return (*limited).into(),
            PublishError::ChannelLost | PublishError::Busy => EnvelopeCode::Internal,
            // The writer has logged it, once for the whole batch.
            PublishError::Store(_) => EnvelopeCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<DeclineError> for EnvelopeError {
    fn from(error: DeclineError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<StatusError> for EnvelopeError {
    fn from(error: StatusError) -> Self {
        let code = match &error {
            StatusError::TooLong { .. }
            | StatusError::TooManySessions { .. }
            | StatusError::UserId
            | StatusError::EmptyName
            | StatusError::TooMany { .. }
            | StatusError::TooManyFollowed { .. } => EnvelopeCode::BadInput,
            StatusError::Busy => EnvelopeCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

/// Users are looked up for a follow.
impl From<AccountError> for EnvelopeError {
    fn from(error: AccountError) -> Self {
        ApiError::from(error).into()
    }
}

/// Who has blocked the follower is looked up for a follow.
impl From<FriendError> for EnvelopeError {
    fn from(error: FriendError) -> Self {
        ApiError::from(error).into()
    }
}

/// What REST answers as well is told with the same words: they hold nothing that is for the log alone.
impl From<ApiError> for EnvelopeError {
    fn from(error: ApiError) -> Self {
        let code = match error.code {
            ApiCode::Unavailable | ApiCode::Internal => EnvelopeCode::Internal,
            _ => EnvelopeCode::BadInput,
        };
        Self {
            retry_after_ms: error.retry_after.map(|wait| wait.as_millis() as u64),
            ..Self::new(code, error.message)
        }
    }
}

impl From<CursorError> for ApiError {
    fn from(error: CursorError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<HistoryError> for ApiError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Store(error) => error.into(),
            HistoryError::Forbidden | HistoryError::Limit(_) | HistoryError::Direction => {
                Self::invalid(error.to_string())
            }
        }
    }
}

impl From<GroupError> for ApiError {
    fn from(error: GroupError) -> Self {
        let code = match &error {
            GroupError::NotFound | GroupError::NotAdmin => ApiCode::NotFound,
            GroupError::NameTaken => ApiCode::AlreadyExists,
            GroupError::NotSuperadmin
            | GroupError::Full
            | GroupError::LastSuperadmin
            | GroupError::UserNotFound
            | GroupError::RenameTaken
            | GroupError::NothingToUpdate
            | GroupError::Length { .. }
            | GroupError::Nul { .. }
            | GroupError::Invisible(_)
            | GroupError::MaxCount { .. }
            | GroupError::NoUsers
            | GroupError::TooManyUsers { .. }
            | GroupError::Limit(_)
            | GroupError::State
            | GroupError::Members
            | GroupError::FilterWithName => ApiCode::InvalidArgument,
            GroupError::NotFriend => ApiCode::PermissionDenied,
            GroupError::Searching => ApiCode::ResourceExhausted,
            GroupError::Unavailable | GroupError::Lost => ApiCode::Unavailable,
            GroupError::Store(error) => return error.clone().into(),
        };
        Self::new(code, error.to_string())
    }
}

impl From<NotificationError> for ApiError {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::Store(error) => error.into(),
            NotificationError::Limit(_)
            | NotificationError::TooMany { .. }
            | NotificationError::WhichToRead => Self::invalid(error.to_string()),
        }
    }
}

impl From<DeclineError> for ApiError {
    fn from(error: DeclineError) -> Self {
        match error {
            DeclineError::NotYours => Self::invalid(error.to_string()),
            DeclineError::Store(error) => error.into(),
        }
    }
}

impl From<FriendError> for ApiError {
    fn from(error: FriendError) -> Self {
        match error {
            FriendError::Oneself
            | FriendError::EmptyName
            | FriendError::Nobody
            | FriendError::TooMany { .. }
            | FriendError::ListFull { .. }
            | FriendError::Metadata { .. }
            | FriendError::State
            | FriendError::Limit(_) => Self::invalid(error.to_string()),
            FriendError::Busy | FriendError::Unavailable => {
                Self::new(ApiCode::Unavailable, error.to_string())
            }
            FriendError::Store(error) => error.into(),
        }
    }
}

impl From<ChannelIdError> for ApiError {
    fn from(error: ChannelIdError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// REST error codes, gRPC's numbers as the Nakama protocol uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum ApiCode {
    #[strum(serialize = "invalid argument")]
    InvalidArgument = 3,
    #[strum(serialize = "not found")]
    NotFound = 5,
    #[strum(serialize = "already exists")]
    AlreadyExists = 6,
    #[strum(serialize = "permission denied")]
    PermissionDenied = 7,
    /// A rate has been exceeded, or the time of a search.
    #[strum(serialize = "resource exhausted")]
    ResourceExhausted = 8,
    /// What is asked for exists in the protocol, and not on this server.
    #[strum(serialize = "failed precondition")]
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl ApiCode {
    /// The HTTP status that goes with the code.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::ResourceExhausted => 429,
            Self::Internal => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
        }
    }
}

/// A refused REST request: `{"code": n, "message": "…"}` with the status of the code.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) code: ApiCode,
    /// For people; names the field that is wrong where there is one.
    pub(crate) message: Cow<'static, str>,
    /// When the same request would be taken; the `Retry-After` header.
    pub(crate) retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(code: ApiCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(crate) fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ApiCode::Unauthenticated, message)
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ApiCode::InvalidArgument, message)
    }
}

impl From<Limited> for ApiError {
    fn from(limited: Limited) -> Self {
        Self {
            retry_after: Some(Duration::from_millis(milliseconds(limited))),
            ..Self::new(ApiCode::ResourceExhausted, limited.to_string())
        }
    }
}

/// The body of a refusal.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: u8,
    message: &'a str,
}

impl ApiError {
    /// The JSON clients get.
    pub(crate) fn body(&self) -> String {
        serde_json::to_string(&ErrorBody {
            code: self.code as u8,
            message: &self.message,
        })
        .expect("a number and a text are JSON")
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::new(ApiCode::Unavailable, "the server is busy, try again"),
            StoreError::TooLong => Self::new(
                ApiCode::ResourceExhausted,
                "the search took too long, ask more narrowly",
            ),
            StoreError::Closed => Self::new(ApiCode::Unavailable, "the server is shutting down"),
            StoreError::Failed(cause) => {
                // For the log alone: it may hold paths of this machine.
                tracing::error!(cause, "a request failed in the store");
                Self::new(ApiCode::Unavailable, "storage is unavailable")
            }
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::unauthenticated(error.to_string())
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let code = match &error {
            AccountError::Credential(_)
            | AccountError::Profile(_)
            | AccountError::Invisible(_)
            | AccountError::RenameTaken
            | AccountError::NothingToUpdate
            | AccountError::LogoutToken(_)
            | AccountError::TooMany { .. } => ApiCode::InvalidArgument,
            AccountError::NotFound => ApiCode::NotFound,
            AccountError::UsernameTaken | AccountError::IdentityTaken(_) => ApiCode::AlreadyExists,
            AccountError::CannotUnlink => ApiCode::PermissionDenied,
            AccountError::WrongPassword => ApiCode::Unauthenticated,
            AccountError::Busy | AccountError::StillInGroups | AccountError::PasswordChanged => {
                ApiCode::Unavailable
            }
            AccountError::Limited(limited) => return (*limited).into(),
            AccountError::Hashing => {
                tracing::error!("password hashing failed");
                ApiCode::Internal
            }
            AccountError::Token(error) => return (*error).into(),
            AccountError::Store(error) => return error.clone().into(),
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_the_store_failed_is_for_the_log_alone() {
        let failed = || StoreError::Failed("disk I/O error at /srv/banter".into());
        for told in [
            EnvelopeError::from(DeclineError::Store(failed())),
            EnvelopeError::from(AccountError::Store(failed())),
            EnvelopeError::from(PublishError::Store(failed())),
        ] {
            assert_eq!(told.code, EnvelopeCode::Internal);
            assert!(!told.message.contains("disk"), "{}", told.message);
        }
        let long = ApiError::from(GroupError::Store(StoreError::TooLong));
        assert_eq!(long.code, ApiCode::ResourceExhausted);
        let refused = EnvelopeError::from(DeclineError::NotYours);
        assert_eq!(refused.code, EnvelopeCode::BadInput);
        let error = ApiError::from(FriendError::Store(failed()));
        assert!(!error.message.contains("disk"), "{}", error.message);
    }
}
