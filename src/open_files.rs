//! Each connection is an open file, and the system lets a process have so many of those.
//!
//! Invariant: what a server admits it can hold. A connection for which there is no file is neither refused nor served,
//! and its client would wait for ever; so the bounds on connections are fitted to the limit, and beyond them clients
//! are refused.

use crate::{config::Settings, gateway};

/// Files that are not connections: the database, its log, listeners, pipes of the runtime.
const OTHERS: usize = 64;

/// Raises the limit of open files as far as the system lets it, and lowers the settings that go beyond it.
pub(crate) fn fit(settings: &mut Settings) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => fit_to(settings, usize::try_from(limit).unwrap_or(usize::MAX)),
        Err(error) => tracing::warn!(%error, "the limit of open files is not known"),
    }
}

fn fit_to(settings: &mut Settings, limit: usize) {
    let connections = limit.saturating_sub(OTHERS + settings.readers);
    let workers = settings.worker_threads();
    // Most connections become sockets; the others come and go.
    let share = settings
        .max_http_connections
        .min((connections / 8 / workers).max(16));
    let sockets = connections
        .saturating_sub(gateway::to_accept(share) * workers)
        .max(1);
    if sockets < settings.max_sessions {
        tracing::warn!(
            max_sessions = settings.max_sessions,
            open_files = limit,
            "max_sessions cannot be reached: the system allows {limit} open files (`ulimit -Hn`), enough for {sockets} sockets"
        );
        settings.max_sessions = sockets;
    }
    // A third of what sockets leave is for those that make way.
    let left = connections.saturating_sub(settings.max_sessions) / workers;
    let places = (left / 3 * 2).max(16);
    if places < settings.max_http_connections {
        settings.max_http_connections = places;
        // One address must not be able to take all of the fewer ones either.
        settings.max_address_connections = settings.max_address_connections.min(places / 4 * 3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(limit: usize) -> Settings {
        let mut settings = Settings {
            workers: 2,
            ..Settings::default()
        };
        fit_to(&mut settings, limit);
        settings
    }

    #[test]
    fn what_is_admitted_fits_the_limit_of_open_files() {
        for limit in [128, 256, 1024, 20_000, 100_000] {
            let settings = fitted(limit);
            let files = settings.max_sessions
                + gateway::to_accept(settings.max_http_connections) * 2
                + settings.readers
                + OTHERS;
            assert!(files <= limit, "{limit}: {files}");
            assert!(settings.max_sessions * 3 >= limit - OTHERS * 2, "{limit}");
            assert!(settings.max_address_connections < settings.max_http_connections);
        }
    }

    #[test]
    fn many_workers_share_the_files_there_are() {
        for limit in [115_000, 131_072, 200_000, 262_144, 524_288] {
            let mut settings = Settings {
                workers: 32,
                ..Settings::default()
            };
            fit_to(&mut settings, limit);
            let http = gateway::to_accept(settings.max_http_connections) * 32;
            assert!(settings.max_sessions + http <= limit, "{limit}");
        }
    }

    #[test]
    fn few_sessions_leave_the_other_connections_no_more_files_than_there_are() {
        let mut settings = Settings {
            workers: 1,
            max_sessions: 100,
            ..Settings::default()
        };
        fit_to(&mut settings, 1024);
        assert_eq!(settings.max_sessions, 100);
        let http = gateway::to_accept(settings.max_http_connections);
        assert!(http > 300 && 100 + http + OTHERS <= 1024, "{http}");
    }

    #[test]
    fn a_high_limit_changes_nothing() {
        let (fitted, default) = (fitted(1 << 20), Settings::default());
        assert_eq!(fitted.max_sessions, default.max_sessions);
        assert_eq!(fitted.max_http_connections, default.max_http_connections);
    }

    #[test]
    fn some_are_admitted_whatever_the_limit() {
        assert_eq!(fitted(10).max_sessions, 1);
    }
}
