//! What every run needs around it: a server, the eyes on it, and an end in good order.

use std::{
    error::Error,
    io::{self, Write},
    rc::Rc,
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use crate::{
    causes::with_causes,
    command::Common,
    live::Live,
    measure::Measure,
    open_files::{self, OpenFilesError},
    process::{self, Process, Usage},
    run::{Findings, Run},
    sampling::Sampler,
    server::{Server, ServerError},
    target::Target,
    violations::Violations,
};

/// What is to be run.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// How: names and values, for the heading.
    pub(crate) setting: Vec<(&'static str, String)>,
    /// Most connections at the same time.
    pub(crate) connections: usize,
    /// How long it is to last, if that is known.
    pub(crate) expected: Option<Duration>,
    /// Settings a server of its own needs for it.
    pub(crate) server_settings: Vec<String>,
}

/// What there is while it runs.
pub(crate) struct Stage {
    pub(crate) target: Target,
    pub(crate) measure: Rc<Measure>,
    /// Broken promises; what is here is told even if the run is broken off.
    pub(crate) violations: Rc<Violations>,
    server: Option<Rc<Process>>,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    /// The server could not be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// There cannot be as many connections.
    #[error(transparent)]
    OpenFiles(#[from] OpenFilesError),
    /// Signals cannot be waited for.
    #[error("signals cannot be waited for")]
    Signals(#[source] std::io::Error),
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    /// The server did not live to see it.
    #[error(transparent)]
    Server(ServerError),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    /// What was run could not go on.
    #[error(transparent)]
    Play(Box<dyn Error>),
}

impl Stage {
    /// What the server has used up to now; `None` if that cannot be known.
    pub(crate) fn server_usage(&self) -> Option<Usage> {
        self.server.as_ref().and_then(|server| server.usage())
    }
}

/// Runs `play` against the server that the command line names, or one of its own, and measures.
///
/// # Errors
/// When there is no server or no room for the connections. Broken promises are no error, nor is a run that was
/// broken off: they are violations of what is returned.
pub(crate) async fn run<Play>(plan: Plan, common: &Common, play: Play) -> Result<Run, StageError>
where
    Play: AsyncFnOnce(&Stage) -> Result<Findings, Box<dyn Error>>,
{
    let tight = open_files::make_room(plan.connections)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(StageError::Signals)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(StageError::Signals)?;
    let (mut server, url, server_pid) = match &common.url {
        Some(url) => (None, url.clone(), common.server_pid),
        None => {
            let server = start_server(&plan, common).await?;
            let (url, pid) = (server.url().clone(), server.pid());
            (Some(server), url, Some(pid))
        }
    };
    let setting = heading(&plan, common, &url);
    announce(plan.name, &setting);
    let stage = Stage {
        target: Target::new(
            url,
            common.server_key.clone(),
            common.format,
            plan.connections,
        ),
        measure: Rc::default(),
        violations: Rc::default(),
        server: server_pid.and_then(Process::with_id).map(Rc::new),
    };
    let sampler = Sampler::new(Rc::clone(&stage.measure), stage.server.clone());
    let live = Live::new(plan.expected);
    let watch = sampler.run(|sample| live.show(stage.measure.phase(), sample));
    let ended = async {
        match &mut server {
            Some(server) => server.ended().await,
            None => std::future::pending().await,
        }
    };
    let played = tokio::select! {
        played = play(&stage) => played.map_err(BrokenOff::Play),
        error = ended => Err(BrokenOff::Server(error)),
        never = watch => match never {},
        _ = interrupted.recv() => Err(BrokenOff::Interrupted),
        _ = terminated.recv() => Err(BrokenOff::Interrupted),
    };
    live.finish();
    let (phases, samples) = (stage.measure.phases(), sampler.finish());
    let stopped = match (server, &played) {
        // How it has ended is told already.
        (None, _) | (_, Err(BrokenOff::Server(_))) => Ok(()),
        // It is to end in good order even if the run did not.
        (Some(server), _) => server.stop().await,
    };
    let violations = Rc::clone(&stage.violations);
    let findings = played.unwrap_or_else(|why| {
        violations.add(format!("broken off: {}", with_causes(&why)));
        Findings::default()
    });
    if let Err(why) = stopped {
        violations.add(with_causes(&why));
    }
    Ok(Run {
        name: plan.name,
        setting,
        phases,
        samples,
        refusals: stage.measure.refusals(),
        failures: stage.measure.failures(),
        tight,
        findings,
        violations,
    })
}

async fn start_server(plan: &Plan, common: &Common) -> Result<Server, ServerError> {
    let mut settings = plan.server_settings.clone();
    // Those who play for more than an hour and come back do so with the token they have.
    let fixed = [
        "--token-expiry",
        "7days",
        "--server-key",
        &common.server_key,
    ];
    settings.extend(fixed.map(str::to_owned));
    Server::start(&settings, common.data_dir.clone()).await
}

/// Says what begins. A run that is broken off can be repeated with the same seed.
fn announce(name: &str, setting: &[(&'static str, String)]) {
    let setting: Vec<_> = setting
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr(), "{name}: {}", setting.join(", "));
}

fn heading(plan: &Plan, common: &Common, url: &Url) -> Vec<(&'static str, String)> {
    let mut setting = plan.setting.clone();
    setting.push(("format", common.format.to_string()));
    let whose = if common.url.is_some() { "" } else { " (own)" };
    let url = url.as_str().trim_end_matches('/');
    setting.push(("server", format!("{url}{whose}")));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let s = if cores == 1 { "" } else { "s" };
    setting.push(("machine", format!("{cores} core{s}, {}", process::kernel())));
    setting
}
