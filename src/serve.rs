//! The server as a whole: the chat, its listeners, and an end when a signal asks for it.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use crate::{
    Builder, Chat, MetricsError, StartError, TlsError,
    config::{MetricsListen, OptionalFile, Settings},
    gateway::{self, Listener, MetricsServer, Tls},
    open_files,
    signals::StopSignals,
};

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The chat could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address cannot be listened on.
    #[error("listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Signals cannot be waited for, or standard output is gone.
    #[error("the server cannot run")]
    Io(#[from] io::Error),
}

/// A running server.
pub struct Server {
    chat: Chat,
    listener: Listener,
    metrics: Option<MetricsServer>,
}

impl Server {
    /// Starts a chat and serves it on a listener of its own. To be used within an actix system.
    ///
    /// # Errors
    /// When the chat cannot be started or an address cannot be listened on.
    pub async fn start(builder: Builder) -> Result<Self, ServeError> {
        if builder.settings().metrics_listen != MetricsListen::Off {
            // First, so that nothing is counted before it can be.
            gateway::record_metrics()?;
        }
        let chat = builder.start().await?;
        match Self::serve(&chat).await {
            Ok((listener, metrics)) => Ok(Self {
                chat,
                listener,
                metrics,
            }),
            Err(error) => {
                chat.shutdown(Duration::ZERO).await;
                Err(error)
            }
        }
    }

    async fn serve(chat: &Chat) -> Result<(Listener, Option<MetricsServer>), ServeError> {
        let tls = Tls::load(chat.settings())?;
        gateway::announce_routes(&chat.0);
        let metrics = match chat.settings().metrics_listen {
            MetricsListen::Off => None,
            MetricsListen::At(address) => Some(gateway::serve_metrics(
                address,
                chat.settings(),
                tls.clone(),
            )?),
        };
        let address = chat.settings().listen;
        let listener = gateway::listen(&chat.0, tls)
            .map_err(|source| ServeError::Listen { address, source })?;
        Ok((listener, metrics))
    }

    /// Where REST and sockets are served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Where metrics are served, if they are.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|metrics| metrics.address)
    }

    /// The chat that is served.
    #[must_use]
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// Stops accepting, tells clients, waits for their sessions and requests for up to
    /// `shutdown_grace`, and commits what is queued.
    pub async fn shutdown(self) {
        self.chat.end(&self.listener.handle).await;
        if let Some(metrics) = self.metrics {
            metrics.handle.stop(false).await;
        }
    }
}

/// Serves until SIGTERM, SIGHUP or Ctrl-C, then shuts down. Says on standard output where it listens. Raises the
/// process's limit of open files, and lowers what cannot be reached with it.
///
/// # Errors
/// When the server cannot be started.
pub async fn serve(mut settings: Settings) -> Result<(), ServeError> {
    let mut signals = StopSignals::new()?;
    open_files::fit(&mut settings);
    let server = Server::start(Builder::new(settings)).await?;
    let mut stdout = io::stdout();
    let scheme = match server.chat().settings().tls_cert {
        OptionalFile::Off => "http",
        OptionalFile::At(_) => "https",
    };
    writeln!(stdout, "listening on {scheme}://{}", server.address())?;
    if let Some(address) = server.metrics_address() {
        writeln!(stdout, "metrics on {scheme}://{address}/metrics")?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "metrics_listen: whoever reaches this address reads all metrics");
        }
    }
    stdout.flush()?;
    signals.recv().await;
    tracing::info!("shutting down");
    server.shutdown().await;
    tracing::info!("ended");
    Ok(())
}
