//! What this program does as the server's process: what `banter serve` does.

use std::{env, error::Error, io};

use banter::config::{self, ConfigError, Invocation};
use rustix::process::{Signal, set_parent_process_death_signal};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

/// The first argument that makes this program a server. For its own use only.
pub(crate) const SUBCOMMAND: &str = "serve";

/// Serves as the command line and the environment of the process say, until SIGTERM.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    // Nobody is to be left serving when the run is killed.
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(io::Error::from)?;
    let settings = match config::load(env::args_os(), env::vars_os()) {
        Ok(Invocation::Serve { settings, .. }) => *settings,
        Ok(_) => return Ok(()),
        Err(ConfigError::Usage(usage)) => usage.exit(),
        Err(error) => return Err(error.into()),
    };
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    actix_rt::System::new().block_on(banter::serve(settings))?;
    Ok(())
}
