use std::{ops::Deref, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle};
use banter::{
    Builder, Chat, Settings,
    config::{Durability, MetricsListen, RateLimits},
};
use tempfile::TempDir;

use super::{Site, until};

/// How clients get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The server's own listener.
    Own,
    /// Mounted into somebody else's actix-web `App`.
    Embedded,
}

/// A server in this process, on a port and with a data directory of its own.
pub(crate) struct Server {
    site: Site,
    pub(crate) chat: Chat,
    running: Running,
    data: TempDir,
}

enum Running {
    Own(banter::Server),
    Embedded(ServerHandle),
}

/// Settings for a test: a free port, no metrics, and no waiting for the disk.
pub(crate) fn settings() -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics_listen: MetricsListen::Off,
        durability: Durability::Process,
        workers: 2,
        // Tests are in more of a hurry than people.
        rate_limits: RateLimits::Off,
        // Most tests end with clients that have stopped reading.
        close_wait: Duration::from_millis(300),
        ..Settings::default()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::through(Door::Own, settings).await
    }

    pub(crate) async fn through(door: Door, settings: Settings) -> Self {
        Self::build(door, settings, |builder| builder).await
    }

    /// A server whose builder is finished by the test.
    pub(crate) async fn build(
        door: Door,
        settings: Settings,
        finish: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        Self::on(tempfile::tempdir().unwrap(), door, settings, finish).await
    }

    async fn on(
        data: TempDir,
        door: Door,
        mut settings: Settings,
        finish: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        settings.data_dir = data.path().to_owned();
        let workers = settings.workers;
        let builder = finish(Builder::new(settings));
        let (address, chat, running) = match door {
            Door::Own => {
                let server = banter::Server::start(builder).await.unwrap();
                (
                    server.address(),
                    server.chat().clone(),
                    Running::Own(server),
                )
            }
            Door::Embedded => {
                let chat = builder.start().await.unwrap();
                let mounted = chat.clone();
                let server =
                    HttpServer::new(move || App::new().configure(|app| mounted.configure(app)))
                        .workers(workers)
                        .disable_signals()
                        .shutdown_timeout(1)
                        .client_disconnect_timeout(Duration::ZERO)
                        .tcp_nodelay(true)
                        .bind("127.0.0.1:0")
                        .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                let handle = server.handle();
                actix_web::rt::spawn(server);
                (address, chat, Running::Embedded(handle))
            }
        };
        Self {
            site: Site::new(address),
            chat,
            running,
            data,
        }
    }

    /// Waits until so many sessions are open. A room hears of a leave a moment before.
    pub(crate) async fn sessions_become(&self, count: usize) {
        until(&format!("{count} sessions"), async || {
            (self.chat.sessions() == count).then_some(())
        })
        .await;
    }

    /// Shuts down, and insists that no session outlives it.
    pub(crate) async fn stop(self) -> TempDir {
        // With its connections, which the server would wait for.
        drop(self.site);
        match self.running {
            Running::Own(server) => server.shutdown().await,
            Running::Embedded(handle) => {
                self.chat.shutdown(Duration::from_secs(8)).await;
                handle.stop(false).await;
            }
        }
        assert_eq!(self.chat.sessions(), 0, "sessions outlive the server");
        self.data
    }

    /// Stops the server and starts another one on the same data directory.
    pub(crate) async fn restart(self, settings: Settings) -> Self {
        let data = self.stop().await;
        Self::on(data, Door::Own, settings, |builder| builder).await
    }
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}
