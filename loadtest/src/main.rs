//! Rehearses a tournament against a chat server that speaks the Nakama protocol, and checks what it is told.
//!
//! Everything runs on one thread, so that the other cores are the server's. What a run measures goes through
//! `measure`, what the processes use through `sampling`; a run that has ended is a `run::Run`, of which `summary`
//! and `report` tell. What is played is in `tournament` and `capacity`.

mod capacity;
mod causes;
mod command;
mod figure;
mod live;
mod measure;
mod open_files;
mod process;
mod report;
mod run;
mod sampling;
mod server;
mod stage;
mod summary;
mod tables;
mod target;
mod tournament;
mod violations;

use std::{
    env,
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use tokio::{runtime, task::LocalSet};

use crate::{
    causes::with_causes,
    command::{Command, Tournament, What},
    run::{Findings, Run},
    stage::{Plan, StageError},
};

/// That of banter's own binary: this program is also the server under test, whose memory and CPU are measured.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// 0 if every promise was kept, 1 if one was broken or the run could not be made, 2 for a wrong command line.
fn main() -> ExitCode {
    if env::args_os()
        .nth(1)
        .is_some_and(|first| first == server::SUBCOMMAND)
    {
        return match server::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail("banter: ", error.as_ref()),
        };
    }
    match run(Command::parse().run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail("loadtest: FAILED, ", error.as_ref()),
    }
}

/// Whether every promise was kept.
fn run(what: What) -> Result<bool, Box<dyn Error>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = what.common().report.clone();
    if let Some(directory) = &report {
        report::prepare(directory)?;
    }
    let run = LocalSet::new().block_on(&runtime, play(what))?;
    // First, so that it is told even if no report can be written.
    summary::write(&run, &mut io::stdout().lock())?;
    if let Some(directory) = report {
        report::write(&run, &directory)?;
        let page = directory.join("report.html");
        // The verdict is the last line of standard output.
        let _ = writeln!(io::stderr(), "report: {}", page.display());
    }
    Ok(run.passed())
}

/// Says why, in one line.
fn fail(who: &str, why: &dyn Error) -> ExitCode {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr(), "{who}{}", with_causes(why));
    ExitCode::FAILURE
}

async fn play(what: What) -> Result<Run, StageError> {
    match what {
        What::Tournament(options) => tournament(&options).await,
        What::Fanout(options) => capacity::fanout::run(&options).await,
        What::Persist(options) => capacity::persist::run(&options).await,
        What::Idle(options) => capacity::idle::run(&options).await,
        What::Storm(options) => capacity::storm::run(&options).await,
    }
}

async fn tournament(command: &Tournament) -> Result<Run, StageError> {
    let options = tournament::Options {
        players: command.players as usize,
        duration: command.duration(),
        seed: command.seed.unwrap_or_else(rand::random),
    };
    let plan = Plan {
        name: "tournament",
        setting: vec![
            ("seed", options.seed.to_string()),
            ("players", figure::count(u64::from(command.players))),
            ("planned time", figure::time(options.duration)),
        ],
        connections: options.players,
        expected: Some(options.duration),
        server_settings: Vec::new(),
    };
    stage::run(plan, &command.common, async |stage| {
        let outcome = tournament::run(&stage.target, &options, &stage.measure).await?;
        for violation in outcome.violations {
            stage.violations.add(violation);
        }
        stage.violations.add_untold(outcome.more);
        let mut summary = outcome.summary;
        if command.common.url.is_some() {
            summary.push(run::NAKAMA_ORDER.to_owned());
        }
        Ok(Findings {
            figures: Vec::new(),
            summary,
        })
    })
    .await
}
