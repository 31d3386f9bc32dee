use metrics::Unit;

use super::closing::Reason;
use crate::{
    metric::{Counter, CounterBy, Histogram, declare},
    wire::{EnvelopeCode, error::refusals},
};

declare! {
    pub(super) static DELIVERIES: Counter = Counter::new(
        "banter_deliveries_total",
        "Messages handed to sockets, one for each receiver",
    );

    pub(super) static OUTBOX_WAITING: Histogram = Histogram::new(
        "banter_outbox_waiting_bytes",
        &[0.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
        "Bytes that wait for the sockets of a worker",
    )
    .unit(Unit::Bytes);

    pub(super) static REFUSED: CounterBy<EnvelopeCode> = refusals("socket");

    pub(super) static CLOSES: CounterBy<Reason> =
        CounterBy::new("banter_socket_closes_total", "reason", "Sockets closed, by reason");
}
