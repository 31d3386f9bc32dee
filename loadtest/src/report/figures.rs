//! All numbers of a run, for programs. Times are in seconds unless their names say otherwise; what is not known
//! or does not exist is null.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    measure::{Counts, Latencies, Percentiles, Phase},
    run::Run,
    sampling::Sample,
};

/// All of a run.
pub(super) fn json(run: &Run) -> Value {
    let setting = run.setting.iter().map(|(name, value)| (*name, value));
    json!({
        "run": run.name,
        "passed": run.passed(),
        "verdict": run.verdict(),
        "setting": setting.collect::<std::collections::BTreeMap<_, _>>(),
        "phases": run.phases.iter().map(|of| phase(run, of)).collect::<Vec<_>>(),
        "total": phase(run, &run.total()),
        "server_peak_rss_bytes": run.server_peak_rss_bytes(),
        "own_cpu_s": run.own_cpu().as_secs_f64(),
        "refusals": run.refusals,
        "failures": run.failures,
        "figures": run.findings.figures.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
        "summary": run.findings.summary,
        "doubts": run.doubts(),
        "violation_count": run.violations.count(),
        "violations": run.violations.kept(),
        "seconds": run.samples.iter().map(second).collect::<Vec<_>>(),
    })
}

fn phase(run: &Run, phase: &Phase) -> Value {
    json!({
        "name": phase.name,
        "from_s": phase.from.as_secs_f64(),
        "to_s": phase.to.as_secs_f64(),
        "counts": counts(&phase.counts),
        "deliveries": latencies(&phase.deliveries),
        "acks": latencies(&phase.acks),
        "joins": latencies(&phase.joins),
        "catch_ups": latencies(&phase.catch_ups),
        "server_cpu_s": run.server_cpu(phase.from, phase.to).as_ref().map(Duration::as_secs_f64),
    })
}

fn second(sample: &Sample) -> Value {
    let second = &sample.second;
    json!({
        "to_s": second.to.as_secs_f64(),
        "length_s": second.length.as_secs_f64(),
        "counts": counts(&second.counts),
        "connections": second.connections,
        "deliveries": second.deliveries.map(percentiles),
        "acks": second.acks.map(percentiles),
        "server_cores": sample.server_cores,
        "server_rss_bytes": sample.server.map(|usage| usage.rss_bytes),
        "own_cores": sample.own_cores,
        "own_rss_bytes": sample.own.rss_bytes,
        "other_cores": sample.other_cores,
        "own_late_ms": ms(sample.late),
        "stolen": sample.stolen,
    })
}

fn counts(counts: &Counts) -> Value {
    json!({
        "sent": counts.sent,
        "delivered": counts.delivered,
        "acked": counts.acked,
        "refused": counts.refused,
        "failed": counts.failed,
    })
}

fn latencies(latencies: &Latencies) -> Value {
    latencies.percentiles().map_or(Value::Null, |found| {
        let mut value = percentiles(found);
        value["count"] = latencies.count().into();
        value
    })
}

fn percentiles(percentiles: Percentiles) -> Value {
    json!({
        "p50_ms": ms(percentiles.p50),
        "p99_ms": ms(percentiles.p99),
        "p99_9_ms": ms(percentiles.p999),
        "max_ms": ms(percentiles.max),
    })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::made_up;

    #[test]
    fn all_numbers_are_there() {
        let figures = json(&made_up());
        assert_eq!(figures["passed"], true);
        assert_eq!(figures["setting"]["seed"], "42");
        assert_eq!(figures["phases"][0]["name"], "lobby <all>");
        assert_eq!(figures["phases"][0]["deliveries"]["count"], 100);
        assert_eq!(figures["phases"][1]["acks"], Value::Null);
        assert_eq!(figures["total"]["counts"]["delivered"], 101);
        assert_eq!(figures["total"]["server_cpu_s"], 5.0);
        assert_eq!(figures["seconds"].as_array().unwrap().len(), 10);
        assert_eq!(figures["seconds"][3]["deliveries"], Value::Null);
        assert_eq!(figures["seconds"][4]["deliveries"]["p99_ms"], 25.0);
        assert_eq!(figures["refusals"]["busy & late"], 1);
        assert_eq!(figures["failures"]["no answer"], 2);
        assert_eq!(figures["total"]["counts"]["failed"], 2);
    }
}
