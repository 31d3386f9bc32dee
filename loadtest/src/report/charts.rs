//! What is plotted of a run.

use plotters::style::RGBColor;

use super::chart::{Band, Chart, Line, Scale};
use crate::{figure, measure::Percentiles, run::Run, sampling::Sample};

const BLUE: RGBColor = RGBColor(37, 99, 235);
const AMBER: RGBColor = RGBColor(217, 119, 6);
const ROSE: RGBColor = RGBColor(244, 143, 150);
const GREY: RGBColor = RGBColor(190, 195, 205);
const GREEN: RGBColor = RGBColor(5, 150, 105);

/// Shorter looks, such as the last, say nothing about rates.
const SHORTEST_SECOND: f64 = 0.25;

/// All plots. Those of a server's process only if it is known, that of refusals and failures only if there are any.
pub(super) fn charts(run: &Run) -> Vec<Chart> {
    let latency = |title, of: fn(&Sample) -> Option<Percentiles>| {
        let ms = move |pick: fn(Percentiles) -> std::time::Duration| {
            move |sample: &Sample| of(sample).map(|found| pick(found).as_secs_f64() * 1e3)
        };
        Chart {
            title,
            axis: "latency",
            scale: Scale::Logarithmic(short_ms),
            lines: vec![
                line(run, "max", ROSE, ms(|found| found.max)),
                line(run, "p99", AMBER, ms(|found| found.p99)),
                line(run, "p50", BLUE, ms(|found| found.p50)),
            ],
        }
    };
    let mut charts = vec![
        latency("Delivery latency, from the planned send", |sample| {
            sample.second.deliveries
        }),
        latency("Ack latency, from the planned send", |sample| {
            sample.second.acks
        }),
        Chart {
            title: "Deliveries",
            axis: "per second",
            scale: Scale::Linear(short),
            lines: vec![line(run, "deliveries", BLUE, |sample| {
                figure::per_second(sample.second.counts.delivered, sample.second.length)
            })],
        },
        Chart {
            title: "Acks",
            axis: "per second",
            scale: Scale::Linear(short),
            lines: vec![line(run, "acks", GREEN, |sample| {
                figure::per_second(sample.second.counts.acked, sample.second.length)
            })],
        },
        Chart {
            title: "CPU",
            axis: "cores",
            scale: Scale::Linear(short),
            lines: vec![
                line(run, "other programs", GREY, |sample| sample.other_cores),
                line(run, "this load test (one thread)", AMBER, |sample| {
                    Some(sample.own_cores)
                }),
                line(run, "server", BLUE, |sample| sample.server_cores),
            ],
        },
        Chart {
            title: "Server memory",
            axis: "MB resident",
            scale: Scale::Linear(short),
            lines: vec![line(run, "server", BLUE, |sample| {
                sample.server.map(|usage| usage.rss_bytes as f64 / 1e6)
            })],
        },
        Chart {
            title: "Connections",
            axis: "open",
            scale: Scale::Linear(short),
            lines: vec![line(run, "connections", BLUE, |sample| {
                Some(sample.second.connections as f64)
            })],
        },
        Chart {
            title: "Requests refused, and without an answer",
            axis: "per second",
            scale: Scale::Linear(short),
            lines: vec![
                line(run, "refused by the server", AMBER, |sample| {
                    let refused = sample.second.counts.refused;
                    figure::per_second(refused, sample.second.length)
                }),
                line(run, "without an answer", ROSE, |sample| {
                    let failed = sample.second.counts.failed;
                    figure::per_second(failed, sample.second.length)
                }),
            ],
        },
    ];
    // A plot of nothing tells nothing; that nothing was refused is in the table.
    let tells = |line: &Line| {
        line.points
            .iter()
            .any(|point| point.1.is_some_and(|value| value > 0.0))
    };
    for chart in &mut charts {
        chart.lines.retain(tells);
    }
    charts.retain(|chart| !chart.lines.is_empty());
    charts
}

/// The phases, as they lie behind the lines.
pub(super) fn bands(run: &Run) -> Vec<Band> {
    let band = |phase: &crate::measure::Phase| Band {
        name: phase.name,
        time: phase.from.as_secs_f64()..phase.to.as_secs_f64(),
    };
    run.phases.iter().map(band).collect()
}

fn line(
    run: &Run,
    name: &'static str,
    color: RGBColor,
    value: impl Fn(&Sample) -> Option<f64>,
) -> Line {
    let long = |sample: &&Sample| sample.second.length.as_secs_f64() >= SHORTEST_SECOND;
    let point = |sample: &Sample| (sample.second.to.as_secs_f64(), value(sample));
    Line {
        name,
        color,
        points: run.samples.iter().filter(long).map(point).collect(),
    }
}

/// `1500` milliseconds as `1.5 s`.
fn short_ms(ms: f64) -> String {
    match ms {
        ..0.9995 => format!("{} µs", short(ms * 1e3)),
        ..999.5 => format!("{} ms", short(ms)),
        _ => format!("{} s", short(ms / 1e3)),
    }
}

/// `1500` as `1.5 k`.
fn short(number: f64) -> String {
    let (number, unit) = match number {
        1e6.. => (number / 1e6, " M"),
        1e3.. => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let text = format!("{number:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::made_up;

    fn titles(run: &Run) -> Vec<&'static str> {
        charts(run).iter().map(|chart| chart.title).collect()
    }

    #[test]
    fn what_is_known_is_plotted() {
        let mut run = made_up();
        let all = titles(&run);
        assert_eq!(all.len(), 8, "{all:?}");
        for sample in &mut run.samples {
            (sample.server, sample.server_cores) = (None, None);
            (sample.second.counts.refused, sample.second.counts.failed) = (0, 0);
        }
        let some = titles(&run);
        assert!(!some.contains(&"Server memory"));
        assert!(
            !some
                .iter()
                .any(|title| title.starts_with("Requests refused"))
        );
        assert!(some.contains(&"CPU"));
    }

    #[test]
    fn a_second_without_deliveries_breaks_the_line() {
        let charts = charts(&made_up());
        assert_eq!(charts[0].lines[2].points[3], (4.0, None));
        assert_eq!(charts[0].lines[2].points[4], (5.0, Some(5.0)));
    }

    #[test]
    fn numbers_on_axes_are_short() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(200.0), "200");
        assert_eq!(short(1500.0), "1.5 k");
        assert_eq!(short(2e6), "2 M");
        assert_eq!(short_ms(0.1), "100 µs");
        assert_eq!(short_ms(10.0), "10 ms");
        assert_eq!(short_ms(1000.0), "1 s");
    }
}
