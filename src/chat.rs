//! The chat as a library: a builder that starts it, and a handle to act on it.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix::Arbiter;
use actix_http::{Request, Response};
use actix_service::IntoServiceFactory;
use actix_web::{
    HttpServer,
    body::MessageBody,
    dev::{AppConfig, ServerHandle, ServiceFactory},
    web,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    account::{Accounts, Ends, KeyError, Keys, OpenSessions as _, TokenId, TokensEnded},
    channel::{
        ChannelId, ChannelLimits, Content, ContentError, GetPresences, Message, MessageStore,
        Presence, PublishError, PublishFromServer,
    },
    config::{ConfigError, RateLimits, Settings},
    directory::{ChannelSettings, Directory, SessionLimits, Stores},
    gateway,
    group::Groups,
    rate::{Pool, Rates},
    readiness::{NotReady, Readiness},
    relay::{Closing, OutboxLimits},
    signals::StopSignals,
    store::{DataDir, DataDirError, OpenError, Sqlite, StoreError},
    user::{
        AskedFirst, ChatRequestStore, ChatRequests, Friends, NewNotification, Notifications,
        NotifyError, UserId, UserSettings,
    },
    wire::CursorKey,
};

/// What all threads of one chat share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) accounts: Accounts,
    pub(crate) directory: Directory,
    pub(crate) groups: Groups,
    pub(crate) store: Arc<dyn MessageStore>,
    pub(crate) notifications: Notifications,
    pub(crate) friends: Friends,
    pub(crate) chat_requests: ChatRequests,
    pub(crate) cursor_key: CursorKey,
    pub(crate) rates: Arc<Rates>,
    /// Of REST bodies that are being read.
    pub(crate) body_bytes: Pool,
    draining: AtomicBool,
    database: Sqlite,
    readiness: Readiness,
    arbiters: Mutex<Vec<Arbiter>>,
    /// Until the shutdown.
    data_dir: Mutex<Option<DataDir>>,
}

impl Shared {
    pub(crate) fn outbox_limits(&self) -> OutboxLimits {
        OutboxLimits {
            bytes: self.settings.outbox_bytes,
            pipeline: self.settings.pipeline,
            ping_period: self.settings.ping_period,
            pong_wait: self.settings.pong_wait,
            write_timeout: self.settings.write_timeout,
            close_wait: self.settings.close_wait,
        }
    }

    /// Why clients had better be sent elsewhere; nothing when they are welcome.
    pub(crate) async fn not_ready(&self) -> Vec<NotReady> {
        if self.is_draining() {
            return vec![NotReady::ShuttingDown];
        }
        self.readiness.of(&self.database).await
    }

    /// Whether new sessions are refused because the server is shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Why the chat could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The signing keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Wraps the store of messages, to watch or to disturb it.
type StoreWrapper = Box<dyn FnOnce(Arc<dyn MessageStore>) -> Arc<dyn MessageStore>>;

/// Starts a chat. To be used within an actix system.
///
/// ```no_run
/// # async fn start() -> Result<(), banter::StartError> {
/// let chat = banter::Builder::new(banter::Settings::default()).start().await?;
/// # Ok(()) }
/// ```
pub struct Builder {
    settings: Settings,
    wrapper: Option<StoreWrapper>,
}

impl Builder {
    /// A chat with these settings. `listen` and `metrics_listen` are of no consequence until
    /// somebody serves.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            wrapper: None,
        }
    }

    /// Puts something between the channels and the store of messages, for example to count or to
    /// delay writes.
    #[must_use]
    pub fn wrap_message_store(
        mut self,
        wrapper: impl FnOnce(Arc<dyn MessageStore>) -> Arc<dyn MessageStore> + 'static,
    ) -> Self {
        self.wrapper = Some(Box::new(wrapper));
        self
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens the data directory and starts the threads of channels and database.
    ///
    /// # Errors
    /// When a setting is invalid, or the data directory is unusable or used by another server.
    pub async fn start(self) -> Result<Chat, StartError> {
        let mut settings = self.settings;
        settings.read_server_key()?;
        settings.check()?;
        gateway::announce_metrics();
        let data_dir = DataDir::open(&settings.data_dir)?;
        data_dir.check()?;
        // The keys last: where they are, there has been a database.
        let database = Sqlite::open(data_dir.path(), &settings)?;
        let keys = Keys::load_or_create(data_dir.path())?;
        let shared = Arc::new(database.clone());
        let mut store: Arc<dyn MessageStore> = shared.clone();
        let mut chat_requests: Arc<dyn ChatRequestStore> = shared.clone();
        if let Some(wrapper) = self.wrapper {
            store = wrapper(store);
            chat_requests = Arc::new(AskedFirst {
                messages: store.clone(),
                chat_requests,
            });
        }
        let arbiters: Vec<Arbiter> = (0..settings.worker_threads())
            .map(|_| Arbiter::new())
            .collect();
        let channels = ChannelSettings {
            limits: ChannelLimits {
                sessions: settings.max_channel_sessions,
                rate: match settings.rate_limits {
                    RateLimits::On => Some(settings.channel_rate.try_into().unwrap_or(u32::MAX)),
                    RateLimits::Off => None,
                },
                ephemeral_memory: settings.ephemeral_memory,
                presence_immediate: settings.presence_immediate,
                presence_window: settings.presence_window,
            },
            mailbox: settings.channel_mailbox,
            linger: settings.channel_linger,
            most: settings.max_live_channels,
        };
        let users = UserSettings {
            hide_blocked: settings.hide_blocked,
            single_socket: settings.single_socket,
            mailbox: settings.channel_mailbox,
            news_window: settings.presence_window,
            linger: settings.channel_linger,
        };
        let limits = SessionLimits {
            total: settings.max_sessions,
            of_one_user: settings.max_user_sessions,
        };
        let stores = Stores {
            messages: store.clone(),
            groups: shared.clone(),
            friends: shared.clone(),
            chat_requests,
        };
        let handles = arbiters.iter().map(Arbiter::handle).collect();
        let directory = Directory::new(handles, channels, users, limits, stores);
        let sessions = Arc::new(directory.clone());
        let rates = Rates::new(&settings);
        let body_bytes = Pool::new(settings.max_bodies_bytes);
        let accounts =
            Accounts::open(shared.clone(), &keys, &settings, sessions, rates.clone()).await?;
        let most = settings.max_list_items;
        let groups = Groups::new(shared.clone(), directory.clone(), &settings);
        let notifications = Notifications::new(shared.clone(), most);
        let friends = Friends::new(shared.clone(), directory.clone(), most);
        let chat_requests = ChatRequests::new(shared, directory.clone());
        Ok(Chat(Arc::new(Shared {
            settings,
            accounts,
            directory,
            groups,
            store,
            notifications,
            friends,
            chat_requests,
            cursor_key: CursorKey(keys.cursor),
            rates,
            body_bytes,
            draining: AtomicBool::new(false),
            database,
            readiness: Readiness::default(),
            arbiters: Mutex::new(arbiters),
            data_dir: Mutex::new(Some(data_dir)),
        })))
    }
}

/// Why the host program could not send a message.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The content is not one JSON object.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The message was not sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// A server that nobody waits for any more is stopped.
struct StopOnDrop(ServerHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        // The command is given at once. One that has been stopped already takes none.
        drop(self.0.stop(false));
    }
}

/// A running chat. Cheap to clone; all clones act on the same chat.
#[derive(Clone)]
pub struct Chat(pub(crate) Arc<Shared>);

impl Chat {
    /// Mounts the chat's routes, the socket at `/ws` included, into an actix-web `App`.
    ///
    /// ```no_run
    /// # fn mount(chat: banter::Chat) {
    /// let app = actix_web::App::new().configure(|app| chat.configure(app));
    /// # }
    /// ```
    ///
    /// Let [`serve`](Self::serve) run the host's `HttpServer`: it sets what the chat needs, and ends both when it is
    /// time.
    pub fn configure(&self, app: &mut web::ServiceConfig) {
        gateway::rest::configure(app, &self.0);
        gateway::configure_socket(app, &self.0);
    }

    /// Sends a persistent message as the server: its `sender_id` is the nil UUID. Everybody in the
    /// channel gets it; the answer comes after the commit.
    ///
    /// # Errors
    /// When `content` is not the text of one JSON object, or the message could not be stored.
    pub async fn send(
        &self,
        channel: &ChannelId,
        username: &str,
        content: &str,
    ) -> Result<Arc<Message>, SendError> {
        let (content, username): (_, Arc<str>) = (Content::new(content)?, username.into());
        let publish = PublishFromServer { content, username };
        let sent = self
            .0
            .directory
            .tell(channel, publish)
            .await
            .unwrap_or(Err(PublishError::ChannelLost));
        Ok(sent?)
    }

    /// Tells a user something beside the channels: keeps it if it is persistent, and pushes it to the sessions
    /// there are. Not so if the user has blocked the sender.
    ///
    /// # Errors
    /// What is wrong with the notification, or the store's.
    pub async fn notify(&self, notification: NewNotification) -> Result<(), NotifyError> {
        let notification = notification.check()?;
        if self.0.notifications.keep(notification.clone()).await? {
            self.0.directory.notify(notification);
        }
        Ok(())
    }

    /// The visible sessions in a channel, in no order.
    pub async fn presences(&self, channel: &ChannelId) -> Vec<Presence> {
        let answer = self.0.directory.ask(channel, || GetPresences).await;
        answer.map(|(_, presences)| presences).unwrap_or_default()
    }

    /// Closes all open sockets of a user, with close code 1008 and a reason. The user may connect
    /// again. Returns how many there were.
    pub fn close_user(&self, user: UserId) -> usize {
        let directory = &self.0.directory;
        let open = directory.sessions_of(user);
        directory.close(user, Ends::UpTo(TokenId::MAX), TokensEnded::ByTheHost);
        open
    }

    /// Whether the chat can do its work at this moment: it is not shutting down, and its database takes writes and answers
    /// reads, which is tried at most once a second. For a probe of the host's.
    pub async fn is_ready(&self) -> bool {
        self.0.not_ready().await.is_empty()
    }

    /// How many sessions are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.directory.sessions()
    }

    /// The settings the chat was started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Serves an `HttpServer` of the host's, with the chat in its `App`s, until SIGTERM, SIGHUP or Ctrl-C, and ends both
    /// in the right order: see [`serve_until`](Self::serve_until).
    ///
    /// # Errors
    /// What the server says when it cannot run on, or signals cannot be waited for.
    pub async fn serve<F, I, S, B>(&self, server: HttpServer<F, I, S, B>) -> io::Result<()>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error>,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        let mut signals = StopSignals::new()?;
        self.serve_until(server, signals.recv()).await
    }

    /// As [`serve`](Self::serve), until `stop` is ready. Then nothing is accepted any more, clients are told (close code
    /// 1001), sessions and requests have `shutdown_grace` to end, and what is queued is committed. A server that
    /// heeded signals by itself would wait for its open sockets instead, and cut them off without a word.
    ///
    /// Sets what the chat needs of a server: `tcp_nodelay`, no signals, and no `client_disconnect_timeout`. If the future
    /// is dropped, the server is stopped at once, and the chat goes on: [`shutdown`](Self::shutdown) is left to the host.
    ///
    /// # Errors
    /// What the server says when it cannot run on. The chat is shut down then, too.
    pub async fn serve_until<F, I, S, B>(
        &self,
        server: HttpServer<F, I, S, B>,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error>,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        let server = server
            .disable_signals()
            .tcp_nodelay(true)
            .client_disconnect_timeout(Duration::ZERO)
            .shutdown_timeout(self.settings().shutdown_grace.as_secs().max(1))
            .run();
        let handle = server.handle();
        let _stopped = StopOnDrop(handle.clone());
        let mut server = actix_rt::spawn(server);
        let ended = tokio::select! {
            ended = &mut server => ended.unwrap_or_else(|lost| Err(io::Error::other(lost))),
            () = stop => Ok(()),
        };
        self.end(&handle).await;
        ended
    }

    /// Stops accepting, tells clients, waits for their sessions and requests for up to `shutdown_grace`, and commits
    /// what is queued.
    pub(crate) async fn end(&self, listener: &ServerHandle) {
        let begun = Instant::now();
        let grace = self.settings().shutdown_grace;
        let left = || grace.saturating_sub(begun.elapsed());
        listener.pause().await;
        self.end_sessions(grace).await;
        // Requests over REST that are still being answered need the database.
        let stopped = listener.stop(true);
        if actix_rt::time::timeout(left(), stopped).await.is_err() {
            tracing::warn!("requests did not end in time");
        }
        self.close(left()).await;
    }

    /// Refuses new sessions, tells all clients, waits until their sessions have ended, or `grace` has
    /// passed, and commits what is queued. Nothing can be done with the chat afterwards. For a host that serves the
    /// chat in another way than [`serve`](Self::serve): it pauses its own listener first, and stops it after.
    pub async fn shutdown(&self, grace: Duration) {
        let begun = Instant::now();
        self.end_sessions(grace).await;
        self.close(grace.saturating_sub(begun.elapsed())).await;
    }

    /// Refuses new sessions and ends those there are.
    pub(crate) async fn end_sessions(&self, grace: Duration) {
        /// How often the end of the sessions is looked for.
        const STEP: Duration = Duration::from_millis(10);
        self.0.draining.store(true, Ordering::Release);
        self.0.directory.close_all(Closing::SHUTDOWN);
        let begun = Instant::now();
        while self.0.directory.sessions() > 0 && begun.elapsed() < grace {
            actix_rt::time::sleep(STEP).await;
        }
        let left = self.0.directory.sessions();
        if left > 0 {
            tracing::warn!(sessions = left, "sessions did not end in time");
        }
    }

    /// Commits what is queued, for as long as `grace` but at least a second, and stops all threads.
    pub(crate) async fn close(&self, grace: Duration) {
        let (closed, end) = oneshot::channel();
        let database = self.0.database.clone();
        // A thread of its own: a disk that hangs must not keep the process from ending.
        let thread = std::thread::spawn(move || {
            database.close();
            closed.send(())
        });
        let grace = grace.max(Duration::from_secs(1));
        match actix_rt::time::timeout(grace, end).await {
            Ok(Ok(())) => drop(thread),
            Ok(Err(_)) | Err(_) => tracing::error!("the database did not close in time"),
        }
        for arbiter in self.0.arbiters.lock().drain(..) {
            arbiter.stop();
        }
        // Threads that still hold the chat must not keep the next one from starting.
        self.0.data_dir.lock().take();
    }
}
