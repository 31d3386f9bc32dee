use crate::{channel::Content, page::LimitError, store::StoreError};

/// Why friends are not listed or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum FriendError {
    #[error("ids and usernames must not name yourself")]
    Oneself,
    #[error("usernames must not be empty")]
    EmptyName,
    #[error("usernames names nobody")]
    Nobody,
    #[error("at most {max} ids and usernames are allowed")]
    TooMany { max: usize },
    /// The list of the caller is full.
    #[error("at most {max} friends and invitations are allowed, and as many blocks")]
    ListFull { max: usize },
    #[error(
        "metadata must be a JSON object of at most {max} bytes, nested at most {} levels deep",
        Content::MAX_DEPTH
    )]
    Metadata { max: usize },
    #[error("state must be 0 to 3")]
    State,
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// As many changes of the user are under way as may be.
    #[error("too many changes are under way, try again")]
    Busy,
    /// The user's actor has failed; the change may or may not have been made.
    #[error("the user is unavailable, try again")]
    Unavailable,
    #[error(transparent)]
    Store(#[from] StoreError),
}
