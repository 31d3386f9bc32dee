use strum::{IntoStaticStr, VariantArray};

use super::handshake::RefusalReason;
use crate::{
    metric::{Counter, CounterBy, CounterOf, Info, SecondsOf, declare},
    wire::error::{ApiCode, refusals},
};

declare! {
    static BUILD: Info = Info::new(
        "banter_build_info",
        "version",
        env!("CARGO_PKG_VERSION"),
        "Always 1; the label says which version runs",
    );

    pub(super) static CALLS: CounterOf<3> = CounterOf::new(
        "banter_rest_requests_total",
        ["route", "method", "status"],
        "REST requests answered, by route, method and class of the status",
    );

    pub(super) static CALL_SECONDS: SecondsOf<1> = SecondsOf::new(
        "banter_rest_seconds",
        ["route"],
        &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
        "Time from the head of a REST request to the head of its answer",
    );

    pub(super) static REFUSED_HANDSHAKES: CounterBy<RefusalReason> = refusals("handshake");

    pub(super) static REFUSED_CALLS: CounterBy<ApiCode> = refusals("rest");

    pub(super) static BODIES_DISCARDED: CounterBy<BodyEnd> = CounterBy::new(
        "banter_bodies_discarded_total",
        "end",
        "Bodies of refused requests that were read to their end, or cut off",
    );

    pub(super) static CONNECTIONS_CLOSED: CounterBy<ConnectionEnd> = CounterBy::new(
        "banter_http_connections_closed_total",
        "reason",
        "HTTP connections that were ended, by why: they made way for a newcomer, or for one from their own address, took too long over a request, or did not read an answer",
    );

    pub(super) static READS_DELAYED: Counter = Counter::new(
        "banter_reads_delayed_total",
        "Pages of history that waited because their user read max_user_reads others",
    );

    static LOG_LINES_DROPPED: Counter = Counter::new(
        "banter_log_lines_dropped_total",
        "Lines of the log that were dropped because it was read too slowly",
    );
}

/// What became of the rest of a body.
#[derive(Clone, Copy, VariantArray, IntoStaticStr)]
pub(super) enum BodyEnd {
    #[strum(serialize = "read")]
    Read,
    #[strum(serialize = "cut off")]
    CutOff,
}

/// Why an HTTP connection was ended.
#[derive(Clone, Copy, VariantArray, IntoStaticStr)]
pub(super) enum ConnectionEnd {
    #[strum(serialize = "made way")]
    MadeWay,
    #[strum(serialize = "made way for its own address")]
    MadeWayForItsAddress,
    #[strum(serialize = "answer not read")]
    AnswerNotRead,
    #[strum(serialize = "request not finished")]
    RequestNotFinished,
}

/// So many lines of the log have been dropped since the start. For the program, whose log it is.
#[doc(hidden)]
pub fn log_lines_dropped(lines: usize) {
    LOG_LINES_DROPPED.handle().absolute(lines as u64);
}
