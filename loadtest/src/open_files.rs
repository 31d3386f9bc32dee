//! How many files, connections included, this process may have open; processes it starts inherit that.

use std::io;

use rlimit::Resource;

/// Files beside the connections: logs, HTTP connections, what the runtime needs.
const OTHER_FILES: u64 = 200;

/// Too few files may be open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFilesError {
    /// The limit is too low, and this user may not raise it.
    #[error("{needed} open files are needed, and the limit is {limit} (see `ulimit -Hn`)")]
    Limit {
        /// How many are needed.
        needed: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The limit is not known.
    #[error("the limit of open files cannot be read")]
    Unknown(#[from] io::Error),
}

/// Makes room for so many connections, as far as any user may and beyond that if this one may. With each fourth of
/// them a REST call may be under way; if there is no room for those, tells so.
pub(crate) fn make_room(connections: usize) -> Result<Option<String>, OpenFilesError> {
    let needed = connections as u64 + OTHER_FILES;
    let wanted = needed + connections as u64 / 4;
    let (soft, hard) = Resource::NOFILE.get()?;
    if soft >= wanted {
        return Ok(None);
    }
    if Resource::NOFILE.set(wanted, hard.max(wanted)).is_ok() {
        return Ok(None);
    }
    let limit = rlimit::increase_nofile_limit(wanted)?;
    if limit < needed {
        return Err(OpenFilesError::Limit { needed, limit });
    }
    Ok((limit < wanted).then(|| {
        format!(
            "the limit of open files is {limit}, and up to {wanted} may be needed (see `ulimit -Hn`): what cannot be \
             reached may be for lack of them"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_few_and_not_for_more_than_there_can_be() {
        assert!(matches!(make_room(10), Ok(None)));
        let refused = make_room(usize::MAX / 4);
        assert!(
            matches!(refused, Err(OpenFilesError::Limit { .. })),
            "{refused:?}"
        );
    }
}
