//! The command line of banter: reads the settings, starts the log, calls the library.
//!
//! Exit codes: 0 after a clean shutdown, 1 when the server cannot start or run on, 2 for a wrong
//! command line. Every failure leaves one line that starts with `banter:` on standard error, except
//! a wrong command line, which clap explains.

use std::{
    env,
    error::Error,
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use banter::config::{self, ConfigError, Invocation, LogFormat};
use tracing_subscriber::filter::{EnvFilter, FromEnvError, LevelFilter};

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
    let (settings, file) = match config::load(env::args_os(), env::vars_os()) {
        Ok(Invocation::Serve { settings, file }) => (*settings, file),
        Ok(Invocation::ExampleConfig) => {
            io::stdout().write_all(config::example_toml().as_bytes())?;
            return Ok(());
        }
        Err(ConfigError::Usage(usage)) => usage.exit(),
        Err(error) => return Err(error.into()),
    };
    start_log(settings.log_format).map_err(|error| format!("RUST_LOG: {error}"))?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %file.as_deref().map_or("none".into(), |file| absolute(file).display().to_string()),
        data_dir = %absolute(&settings.data_dir).display(),
        "banter starts"
    );
    actix_rt::System::new().block_on(banter::serve(settings))?;
    Ok(())
}

fn start_log(format: LogFormat) -> Result<(), FromEnvError> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would say on standard error that standard error is gone, and panic.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
