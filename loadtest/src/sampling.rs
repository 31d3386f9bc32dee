//! A look, once a second, at what a run has done and what the processes have used for it.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    measure::{Measure, Second},
    process::{Cpus, Machine, Process, Usage},
};

const PERIOD: Duration = Duration::from_secs(1);
/// How often it is tried whether what is planned happens in time.
const PROBE_PERIOD: Duration = Duration::from_millis(20);

/// What one look has found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// What was measured since the one before.
    pub(crate) second: Second,
    /// What the server has used up to now; `None` if that cannot be known.
    pub(crate) server: Option<Usage>,
    /// CPUs the server has used since the one before.
    pub(crate) server_cores: Option<f64>,
    /// What this process has used up to now.
    pub(crate) own: Usage,
    /// CPUs this process has used since the one before; it has one thread, so 1 is all there is.
    pub(crate) own_cores: f64,
    /// CPUs that all other programs of the machine have used, as far as the server's are known.
    pub(crate) other_cores: Option<f64>,
    /// The latest that a task of this process ran after its planned time, of one tried many times a second among
    /// all others.
    pub(crate) late: Duration,
    /// Part of the machine's CPU time the host of a virtual machine withheld, 0 to 1.
    pub(crate) stolen: f64,
}

/// Looks, and keeps what it found.
pub(crate) struct Sampler {
    measure: Rc<Measure>,
    server: Option<Rc<Process>>,
    own: Option<Process>,
    cpus: Option<Cpus>,
    samples: RefCell<Vec<Sample>>,
    before: RefCell<Before>,
    /// The latest since the last look.
    late: Rc<Cell<Duration>>,
}

/// What the last look found.
#[derive(Default)]
struct Before {
    server: Option<Usage>,
    own: Usage,
    machine: Machine,
}

impl Sampler {
    /// For a server with this process, if it is known.
    pub(crate) fn new(measure: Rc<Measure>, server: Option<Rc<Process>>) -> Self {
        let sampler = Self {
            measure,
            server,
            own: Process::with_id(std::process::id()),
            cpus: Cpus::open(),
            samples: RefCell::default(),
            before: RefCell::default(),
            late: Rc::default(),
        };
        sampler.before.replace(sampler.now());
        sampler
    }

    /// Looks once a second until dropped, and tells of each look. Needs a `LocalSet` around it: that of the tasks
    /// whose lateness is of interest.
    pub(crate) async fn run(&self, mut tell: impl FnMut(&Sample)) -> Infallible {
        // What runs here comes before all tasks; only a task has to wait for its turn among them.
        let mut probing = JoinSet::new();
        probing.spawn_local(probe(Rc::clone(&self.late)));
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            tell(&self.look());
        }
    }

    /// Looks once more, and gives up all that was found.
    pub(crate) fn finish(&self) -> Vec<Sample> {
        self.look();
        self.samples.take()
    }

    fn look(&self) -> Sample {
        let second = self.measure.end_second();
        let (now, length) = (self.now(), second.length.as_secs_f64());
        let before = self.before.borrow();
        let cores = |now: Duration, before: Duration| {
            let used = now.saturating_sub(before).as_secs_f64();
            if length > 0.0 { used / length } else { 0.0 }
        };
        let server_cores = now.server.zip(before.server);
        let server_cores = server_cores.map(|(now, before)| cores(now.cpu, before.cpu));
        let own_cores = cores(now.own.cpu, before.own.cpu);
        let busy_cores = cores(now.machine.busy, before.machine.busy);
        let sample = Sample {
            server: now.server,
            server_cores,
            own: now.own,
            own_cores,
            // Each is rounded to ticks by itself.
            other_cores: server_cores.map(|server| (busy_cores - server - own_cores).max(0.0)),
            late: self.late.take(),
            stolen: now.machine.stolen_since(&before.machine),
            second,
        };
        drop(before);
        self.before.replace(now);
        self.samples.borrow_mut().push(sample.clone());
        sample
    }

    fn now(&self) -> Before {
        let (server, own) = (self.server.as_ref(), self.own.as_ref());
        Before {
            server: server.and_then(|server| server.usage()),
            own: own.and_then(Process::usage).unwrap_or_default(),
            machine: self.cpus.as_ref().and_then(Cpus::now).unwrap_or_default(),
        }
    }
}

/// Keeps how late it was at most.
async fn probe(late: Rc<Cell<Duration>>) {
    let mut ticks = interval(PROBE_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let planned = ticks.tick().await.into_std();
        let now = Instant::now().saturating_duration_since(planned);
        late.set(late.get().max(now));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::{
        runtime,
        task::{LocalSet, spawn_local},
        time::sleep,
    };

    use super::*;

    #[test]
    fn a_look_tells_what_came_since_the_one_before() {
        let measure = Rc::new(Measure::default());
        let sampler = Sampler::new(
            Rc::clone(&measure),
            Process::with_id(std::process::id()).map(Rc::new),
        );
        measure.sent();
        let first = sampler.look();
        assert_eq!(first.second.counts.sent, 1);
        assert!(first.server_cores.is_some());
        let all = sampler.finish();
        assert_eq!((all.len(), all[1].second.counts.sent), (2, 0));
    }

    #[test]
    fn a_task_that_holds_up_others_is_noticed() {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let sampler = Sampler::new(Rc::default(), None);
        LocalSet::new().block_on(&runtime, async {
            spawn_local(async {
                sleep(Duration::from_millis(50)).await;
                thread::sleep(Duration::from_millis(200));
            });
            tokio::select! {
                never = sampler.run(|_| {}) => match never {},
                () = sleep(Duration::from_millis(300)) => {}
            }
        });
        let late = sampler.finish()[0].late;
        assert!(late >= Duration::from_millis(100), "{late:?}");
    }

    #[test]
    fn a_server_elsewhere_is_unknown() {
        let sampler = Sampler::new(Rc::default(), None);
        let sample = sampler.look();
        assert_eq!((sample.server, sample.server_cores), (None, None));
    }
}
