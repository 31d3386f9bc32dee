//! What is seen of a run while it lasts: bars and figures on a terminal, or else a plain line every few seconds.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{figure, sampling::Sample};

/// Time between two plain lines.
const PLAIN_PERIOD: Duration = Duration::from_secs(5);

/// Where the figures go.
pub(crate) enum Live {
    Bars {
        all: MultiProgress,
        time: ProgressBar,
        play: ProgressBar,
        cost: ProgressBar,
    },
    Lines {
        next: Cell<Duration>,
    },
}

impl Live {
    /// On standard error, for a run that is to last so long, as far as that is known.
    pub(crate) fn new(expected: Option<Duration>) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines {
                next: Cell::new(PLAIN_PERIOD),
            };
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let time = match expected {
            Some(time) => ProgressBar::new(time.as_secs().max(1)),
            None => ProgressBar::new_spinner(),
        };
        let time = all.add(time.with_style(match expected {
            Some(_) => style("{prefix:>12.cyan.bold} {bar:40.cyan/dim} {elapsed} of {len} s"),
            None => style("{prefix:>12.cyan.bold} {spinner:.cyan} {elapsed}"),
        }));
        let line =
            || all.add(ProgressBar::new_spinner().with_style(style("{prefix:>12.dim} {msg}")));
        let (play, cost) = (line().with_prefix("play"), line().with_prefix("cost"));
        Self::Bars {
            all,
            time,
            play,
            cost,
        }
    }

    /// Shows what the last look has found.
    pub(crate) fn show(&self, phase: &'static str, sample: &Sample) {
        match self {
            Self::Bars {
                time, play, cost, ..
            } => {
                time.set_prefix(phase);
                // It may last longer than planned, which the elapsed time tells.
                let length = time.length().unwrap_or(u64::MAX);
                time.set_position(sample.second.to.as_secs().min(length));
                play.set_message(play_line(sample));
                cost.set_message(cost_line(sample));
            }
            Self::Lines { next } => {
                if sample.second.to < next.get() {
                    return;
                }
                next.set(sample.second.to + PLAIN_PERIOD);
                let seconds = sample.second.to.as_secs();
                let (play, cost) = (play_line(sample), cost_line(sample));
                // Nobody is left to tell when standard error is gone.
                let _ = writeln!(io::stderr(), "{seconds:>4} s {phase}: {play}; {cost}");
            }
        }
    }

    /// Leaves the terminal as it was.
    pub(crate) fn finish(&self) {
        if let Self::Bars { all, .. } = self {
            // Nobody is left to tell when the terminal is gone.
            let _ = all.clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

fn play_line(sample: &Sample) -> String {
    let second = &sample.second;
    let mut line = format!(
        "{} connections, {} deliveries/s, {} acks/s",
        figure::count(second.connections),
        figure::rate(second.counts.delivered, second.length),
        figure::rate(second.counts.acked, second.length),
    );
    if let Some(deliveries) = second.deliveries {
        line += &format!(
            ", p50 {}, p99 {}",
            figure::time(deliveries.p50),
            figure::time(deliveries.p99)
        );
    }
    if second.counts.refused > 0 {
        line += &format!(", {} refused", figure::count(second.counts.refused));
    }
    if second.counts.failed > 0 {
        line += &format!(", {} failed", figure::count(second.counts.failed));
    }
    line
}

fn cost_line(sample: &Sample) -> String {
    let server = match (sample.server_cores, sample.server) {
        (Some(cores), Some(usage)) => {
            format!(
                "server {cores:.2} cores, {}",
                figure::bytes(usage.rss_bytes)
            )
        }
        _ => "server unknown".to_owned(),
    };
    format!("{server}; own {:.2} cores", sample.own_cores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::sample;

    #[test]
    fn lines_tell_of_the_last_second() {
        assert_eq!(
            play_line(&sample(7)),
            "700 connections, 7,000 deliveries/s, 10 acks/s, p50 7.00 ms, p99 35.0 ms, 1 refused, \
             2 failed"
        );
        assert_eq!(
            cost_line(&sample(7)),
            "server 0.50 cores, 7.00 MB; own 0.25 cores"
        );
    }

    #[test]
    fn what_is_unknown_is_not_made_up() {
        let mut sample = sample(4);
        (sample.server, sample.server_cores) = (None, None);
        assert!(!play_line(&sample).contains("p50"));
        assert!(cost_line(&sample).starts_with("server unknown"));
    }
}
