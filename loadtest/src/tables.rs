//! A run in rows of text, for the terminal and for the report alike.

use std::time::Duration;

use crate::{
    figure,
    measure::{Counts, Latencies, Phase},
    run::Run,
};

/// What the columns of [`phase_rows`] hold.
pub(crate) const PHASE_COLUMNS: [&str; 16] = [
    "phase",
    "time",
    "sent",
    "deliveries",
    "per second",
    "ack p50",
    "p99",
    "max",
    "delivery p50",
    "p99",
    "p99.9",
    "max",
    "refused",
    "failed",
    "server cores",
    "server CPU",
];

/// A row for each phase in which messages went, and one for all if there are several.
pub(crate) fn phase_rows(run: &Run) -> Vec<Vec<String>> {
    let busy = |phase: &&Phase| phase.counts != Counts::default();
    let mut rows: Vec<_> = run
        .phases
        .iter()
        .filter(busy)
        .map(|phase| phase_row(run, phase))
        .collect();
    if rows.len() > 1 {
        rows.push(phase_row(run, &run.total()));
    }
    rows
}

fn phase_row(run: &Run, phase: &Phase) -> Vec<String> {
    let (acks, deliveries) = (phase.acks.percentiles(), phase.deliveries.percentiles());
    let cpu = run.server_cpu(phase.from, phase.to);
    let cores = cpu.map(|cpu| {
        let length = phase.length().as_secs_f64();
        if length > 0.0 {
            cpu.as_secs_f64() / length
        } else {
            0.0
        }
    });
    vec![
        phase.name.to_owned(),
        figure::time(phase.length()),
        figure::count(phase.counts.sent),
        figure::count(phase.counts.delivered),
        figure::rate(phase.counts.delivered, phase.length()),
        figure::time_or_none(acks.map(|acks| acks.p50)),
        figure::time_or_none(acks.map(|acks| acks.p99)),
        figure::time_or_none(acks.map(|acks| acks.max)),
        figure::time_or_none(deliveries.map(|deliveries| deliveries.p50)),
        figure::time_or_none(deliveries.map(|deliveries| deliveries.p99)),
        figure::time_or_none(deliveries.map(|deliveries| deliveries.p999)),
        figure::time_or_none(deliveries.map(|deliveries| deliveries.max)),
        figure::count(phase.counts.refused),
        figure::count(phase.counts.failed),
        cores.map_or_else(figure::none, |cores| format!("{cores:.2}")),
        figure::time_or_none(cpu),
    ]
}

/// Figures of the whole run: names and values.
pub(crate) fn totals(run: &Run) -> Vec<(String, String)> {
    let total = run.total();
    let mut rows = run.findings.figures.clone();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    for (name, latencies) in [
        ("joins", &total.joins),
        ("catch-ups after a drop", &total.catch_ups),
    ] {
        if let Some(text) = spread(latencies) {
            row(name, text);
        }
    }
    let peak = run
        .samples
        .iter()
        .map(|sample| sample.second.connections)
        .max();
    row("most connections", figure::count(peak.unwrap_or(0)));
    match run.server_cpu(Duration::ZERO, Duration::MAX) {
        Some(cpu) => {
            row("server CPU", figure::time(cpu));
            if total.counts.delivered > 0 {
                row(
                    "server CPU per delivery, all other work included",
                    figure::time_each(cpu, total.counts.delivered),
                );
            }
        }
        None => row("server CPU", "unknown".into()),
    }
    let peak = run.server_peak_rss_bytes();
    row(
        "server memory at most",
        peak.map_or_else(|| "unknown".into(), figure::bytes),
    );
    row("own CPU", figure::time(run.own_cpu()));
    for (name, reasons) in [("refused", &run.refusals), ("failed", &run.failures)] {
        for (why, times) in reasons {
            row(name, format!("{} × {why}", figure::count(*times)));
        }
    }
    rows
}

/// How many, and how they are spread; `None` if there are none.
fn spread(latencies: &Latencies) -> Option<String> {
    let percentiles = latencies.percentiles()?;
    Some(format!(
        "{}; p50 {}, p99 {}, max {}",
        figure::count(latencies.count()),
        figure::time(percentiles.p50),
        figure::time(percentiles.p99),
        figure::time(percentiles.max)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::made_up;

    #[test]
    fn each_phase_and_all_have_a_row() {
        let rows = phase_rows(&made_up());
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.len() == PHASE_COLUMNS.len()));
        assert_eq!(rows[0][..5], ["lobby <all>", "6.00 s", "1", "100", "17"]);
        assert_eq!(rows[1][5], "–");
        assert_eq!(rows[2][0], "all");
        assert_eq!(rows[1][12..], ["1", "2", "0.50", "2.00 s"]);
        assert_eq!(rows[2][14..], ["0.50", "5.00 s"]);
    }

    #[test]
    fn phases_without_messages_have_none() {
        let mut run = made_up();
        run.phases[1].counts = Counts::default();
        assert_eq!(phase_rows(&run).len(), 1);
    }

    #[test]
    fn totals_tell_what_each_delivery_cost() {
        let totals = totals(&made_up());
        let value = |name: &str| &totals.iter().find(|row| row.0 == name).unwrap().1;
        assert_eq!(value("server CPU"), "5.00 s");
        assert_eq!(
            value("server CPU per delivery, all other work included"),
            "49.5 ms"
        );
        assert_eq!(value("server memory at most"), "10.0 MB");
        assert_eq!(value("most connections"), "1,000");
        assert_eq!(value("refused"), "1 × busy & late");
        assert_eq!(value("failed"), "2 × no answer");
    }
}
