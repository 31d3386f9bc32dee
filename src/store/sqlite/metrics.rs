use metrics::Unit;

use crate::metric::{Counter, Gauge, Histogram, declare};

declare! {
    pub(super) static WRITER_QUEUE: Gauge =
        Gauge::new("banter_writer_queue", "Writes that wait for the writer");

    pub(super) static READER_QUEUE: Gauge =
        Gauge::new("banter_reader_queue", "Reads that wait for a reader");

    pub(super) static COMMIT_WRITES: Histogram = Histogram::new(
        "banter_commit_writes",
        &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0],
        "Writes in one commit",
    );

    pub(super) static COMMIT_SECONDS: Histogram = Histogram::new(
        "banter_commit_seconds",
        &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0],
        "Time of one commit",
    )
    .unit(Unit::Seconds);

    pub(super) static COMMITS_FAILED: Counter = Counter::new(
        "banter_commits_failed_total",
        "Commits that failed, and their writes with them",
    );

    pub(super) static LOG_BYTES: Gauge =
        Gauge::new("banter_wal_bytes", "Size of the write-ahead log").unit(Unit::Bytes);

    pub(super) static DATABASE_BYTES: Gauge = Gauge::new(
        "banter_database_bytes",
        "Size of the database without the write-ahead log",
    )
    .unit(Unit::Bytes);

    pub(super) static CHECKPOINTS_BLOCKED: Counter = Counter::new(
        "banter_checkpoints_blocked_total",
        "Checkpoints that somebody who reads the database kept from their end",
    );

    pub(super) static LOCK_WAITS: Counter = Counter::new(
        "banter_lock_waits_total",
        "Commits that found the database locked by another program",
    );

    pub(super) static NOTIFICATIONS_TRIMMED: Counter = Counter::new(
        "banter_notifications_trimmed_total",
        "Notifications deleted because their user had too many",
    );
}
