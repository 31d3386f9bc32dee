//! The command line of banter: reads the settings, starts the log, calls the library.
//!
//! Exit codes: 0 after a clean shutdown, 1 when the server cannot start or run on, or a command cannot do what it
//! should or finds damage, 2 for a wrong command line. Every failure leaves one line that starts with `banter:` on standard error, except
//! a wrong command line, which clap explains.

use std::{
    env,
    error::Error,
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    thread,
    time::Duration,
};

use banter::config::{self, ConfigError, Invocation, LogFormat, Settings};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError};

/// Takes half the time to open a connection, and gives memory back to the system when clients have gone.
#[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = format!("banter: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                line.push_str(&format!(": {error}"));
                cause = error.source();
            }
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(io::stderr(), "{line}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    match config::load(env::args_os(), env::vars_os()) {
        Ok(Invocation::Serve { settings, file }) => serve(*settings, file.as_deref())?,
        Ok(Invocation::ExampleConfig) => out.write_all(config::example_toml().as_bytes())?,
        Ok(Invocation::Backup { data_dir, to }) => {
            let bytes = banter::backup(&data_dir, &to)?;
            let to = to.display();
            writeln!(out, "backup in {to}: checked, a database of {bytes} bytes")?;
        }
        Ok(Invocation::Restore { data_dir, from }) => {
            let bytes = banter::restore(&from, &data_dir)?;
            let dir = data_dir.display();
            writeln!(
                out,
                "restored to {dir}: checked, a database of {bytes} bytes"
            )?;
        }
        Ok(Invocation::Check { data_dir }) => {
            let findings = banter::check(&data_dir)?;
            for finding in &findings {
                writeln!(out, "{finding}")?;
            }
            let dir = data_dir.display();
            if !findings.is_empty() {
                return Err(format!("{dir} is damaged: {} findings", findings.len()).into());
            }
            writeln!(out, "no damage in {dir}")?;
        }
        Err(ConfigError::Usage(usage)) => usage.exit(),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn serve(settings: Settings, file: Option<&Path>) -> Result<(), Box<dyn Error>> {
    // Writes what is left when it is dropped, for a second at most.
    let _log = start_log(settings.log_format).map_err(|error| format!("RUST_LOG: {error}"))?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %file.map_or("none".into(), |file| absolute(file).display().to_string()),
        data_dir = %absolute(&settings.data_dir).display(),
        "banter starts"
    );
    actix_rt::System::new().block_on(banter::serve(settings))?;
    Ok(())
}

/// The levels unless `RUST_LOG` says otherwise. actix-http calls it an error when a stranger sends no HTTP or no frames, which is
/// answered.
const LEVELS: &str = "info,actix_http::h1::dispatcher=off,actix_http::ws::codec=off";

/// Lines that may wait to be written; more are dropped, and counted.
const LINES: usize = 2048;

/// The log goes to standard error through a thread of its own: whoever reads it may stand still, and nothing else does.
fn start_log(format: LogFormat) -> Result<WorkerGuard, ParseError> {
    let levels = env::var("RUST_LOG").unwrap_or_else(|_| LEVELS.to_owned());
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(levels)?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES)
        .lossy(true)
        .thread_name("banter-log")
        .finish(io::stderr());
    count_dropped(writer.error_counter());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would say on standard error that standard error is gone, and panic.
        .log_internal_errors(false)
        .with_writer(writer);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(guard)
}

/// Tells every now and then how many lines were dropped.
fn count_dropped(dropped: ErrorCounter) {
    const PERIOD: Duration = Duration::from_secs(5);
    // Ends with the process. Without it nothing is lost but the count.
    let _ = thread::Builder::new()
        .name("banter-log".into())
        .spawn(move || {
            let mut told = 0;
            loop {
                thread::sleep(PERIOD);
                let lines = dropped.dropped_lines();
                banter::log_lines_dropped(lines);
                if lines > told {
                    tracing::warn!(lines, "the log is read too slowly, lines were dropped");
                    told = lines;
                }
            }
        });
}
