//! What each player got last: the evidence that a violation comes with.

use std::{collections::VecDeque, fmt::Write as _, time::Duration};

/// Frames that are remembered of each player.
const FRAMES: usize = 8;

/// The last that a player got, oldest first.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The session of the last join that was answered.
    session: Option<Box<str>>,
    frames: VecDeque<(Duration, Box<str>)>,
}

impl Trail {
    pub(super) fn joined_as(&mut self, session: &str) {
        if self.session.as_deref() != Some(session) {
            self.session = Some(session.into());
        }
    }

    /// A frame came, so long after the beginning.
    pub(super) fn received(&mut self, at: Duration, frame: String) {
        if self.frames.len() == FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back((at, frame.into()));
    }

    /// In words, for behind a violation.
    pub(super) fn evidence(&self) -> String {
        let session = self.session.as_deref().unwrap_or("not known");
        let mut words = format!("; session {session}; got last");
        if self.frames.is_empty() {
            words.push_str(" nothing");
        }
        for (at, frame) in &self.frames {
            // Writing into a text does not fail.
            let _ = write!(words, " | {:.3} s: {frame}", at.as_secs_f64());
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frames_are_told_with_their_times() {
        let mut trail = Trail::default();
        assert!(
            trail
                .evidence()
                .ends_with("session not known; got last nothing")
        );
        trail.joined_as("s-1");
        for number in 0..20_u64 {
            trail.received(
                Duration::from_millis(number * 10),
                format!("frame {number}"),
            );
        }
        let words = trail.evidence();
        assert!(
            words.starts_with("; session s-1; got last | 0.120 s: frame 12 | "),
            "{words}"
        );
        assert!(words.ends_with(" | 0.190 s: frame 19"), "{words}");
    }
}
