//! A banter server in this process, on threads of its own.

use std::{sync::mpsc, thread, time::Duration};

use banter::{
    Builder, Settings,
    config::{Durability, MetricsListen},
};
use banter_client::{Client, Connection, Events, Session, Socket, SocketOptions};
use tokio::sync::oneshot;

pub(crate) struct Server {
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    _data: tempfile::TempDir,
}

/// Somebody who is signed in.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) session: Session,
}

impl Server {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics_listen: MetricsListen::Off,
            durability: Durability::Process,
            workers: 1,
            // Tests end with clients that have stopped reading, and whose HTTP connections stay open.
            close_wait: Duration::from_millis(100),
            shutdown_grace: Duration::from_secs(1),
            data_dir: data.path().to_owned(),
            ..Settings::default()
        };
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async {
                let server = banter::Server::start(Builder::new(settings)).await.unwrap();
                tell.send(server.address()).unwrap();
                let _ = stopped.await;
                server.shutdown().await;
            });
        });
        let address = told.recv().unwrap();
        Self {
            client: Client::new(&format!("http://{address}")).unwrap(),
            stop: Some(stop),
            thread: Some(thread),
            _data: data,
        }
    }

    /// Signs in somebody new.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let device = format!("the-device-of-{name}");
        let session = self
            .client
            .authenticate_device(&device, Some(name))
            .await
            .unwrap();
        assert!(session.created);
        Person {
            client: self.client.clone(),
            session,
        }
    }

    /// Begins to shut down.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

impl Person {
    pub(crate) fn id(&self) -> &str {
        &self.session.user_id
    }

    pub(crate) async fn connect(&self) -> Connection {
        self.connect_with(SocketOptions::default()).await
    }

    pub(crate) async fn connect_with(&self, options: SocketOptions) -> Connection {
        self.client.connect(&self.session, options).await.unwrap()
    }

    pub(crate) async fn online(&self) -> (Socket, Events) {
        self.connect().await.start()
    }
}
