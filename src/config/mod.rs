//! Every setting of banter: its default, its unit, its bounds.
//!
//! [`Settings`] is the one declaration. The command line, the `BANTER_…` environment, the TOML file
//! and `banter.example.toml` are all read off it (`layers`, `example`), so a setting cannot exist in
//! one of them and not in another. Values are parsed and bounded once, here; the rest of the
//! program only sees typed values.

mod example;
mod injected;
mod layers;
mod server_key;
mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use self::values::{duration, workers};
pub use self::{
    example::example_toml,
    layers::{ConfigError, Invocation, Origin, command, load},
    values::{
        Durability, GroupAdd, InvisibleNames, LogFormat, MetricsListen, Networks, OptionalFile,
        Rate, RateLimits, Secret, ValueError,
    },
};

/// All settings, typed. `Settings::default()` holds the documented defaults.
///
/// Durations are written as `"15s"`, `"250ms"`, `"7days"`; sizes are plain numbers of bytes.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Address of the REST and WebSocket listener; port 0 takes a free one
    #[arg(
        long,
        env = "BANTER_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:7350"
    )]
    pub listen: SocketAddr,

    /// Address of the Prometheus listener (`GET /metrics`), or `off`; port 0 takes a free one
    #[arg(
        long,
        env = "BANTER_METRICS_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:9350"
    )]
    pub metrics_listen: MetricsListen,

    /// PEM file of the certificate, and of those between it and the authority, for TLS on both listeners, or `off`; read again when it changes
    #[arg(
        long,
        env = "BANTER_TLS_CERT",
        value_name = "FILE",
        default_value = "off"
    )]
    pub tls_cert: OptionalFile,

    /// PEM file of the certificate's private key, or `off`
    #[arg(
        long,
        env = "BANTER_TLS_KEY",
        value_name = "FILE",
        default_value = "off"
    )]
    pub tls_key: OptionalFile,

    /// Directory of the database and the signing keys; made when missing
    #[arg(
        long,
        env = "BANTER_DATA_DIR",
        value_name = "DIR",
        default_value = "./banter-data"
    )]
    pub data_dir: PathBuf,

    /// Key that clients present when they sign in (the Nakama SDKs' "server key")
    #[arg(
        long,
        env = "BANTER_SERVER_KEY",
        value_name = "KEY",
        default_value = "defaultkey",
        hide_env_values = true
    )]
    pub server_key: Secret,

    /// File that holds the server key in one line, in place of `server_key`, or `off`; only its owner may have access to it
    #[arg(
        long,
        env = "BANTER_SERVER_KEY_FILE",
        value_name = "FILE",
        default_value = "off"
    )]
    pub server_key_file: OptionalFile,

    /// Allow listening beyond this machine with the default server key
    #[arg(long, env = "BANTER_ALLOW_DEFAULT_KEY", value_name = "BOOL", default_value = "false",
          action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub allow_default_key: bool,

    /// Format of the log on standard error: `text` or `json`; levels come from `RUST_LOG`
    #[arg(
        long,
        env = "BANTER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    /// Threads that serve sockets and REST, and as many for channels; 0 takes half of the cores for each [0-256]
    #[arg(long, env = "BANTER_WORKERS", value_name = "THREADS", default_value = "0", value_parser = workers())]
    pub workers: usize,

    /// How long a session token is good [1s-366days]
    #[arg(long, env = "BANTER_TOKEN_EXPIRY", value_name = "TIME", default_value = "1h",
          value_parser = duration(Duration::from_secs(1), Duration::from_secs(366 * 86_400)))]
    pub token_expiry: Duration,

    /// How long a refresh token is good [1s-366days]
    #[arg(long, env = "BANTER_REFRESH_EXPIRY", value_name = "TIME", default_value = "7days",
          value_parser = duration(Duration::from_secs(1), Duration::from_secs(366 * 86_400)))]
    pub refresh_expiry: Duration,

    /// Whether a refresh token is good once: used again, it ends all tokens of its sign-in, and their sockets
    #[arg(long, env = "BANTER_ROTATE_REFRESH_TOKENS", value_name = "BOOL", default_value = "false",
          action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub rotate_refresh_tokens: bool,

    /// How long the last refresh token that was used may be used once more, for clients that have lost the answer [0s-300s]
    #[arg(long, env = "BANTER_REFRESH_GRACE", value_name = "TIME", default_value = "10s",
          value_parser = duration(Duration::ZERO, Duration::from_secs(300)))]
    pub refresh_grace: Duration,

    /// Whether a socket is closed when the session token it was opened with expires
    #[arg(long, env = "BANTER_CLOSE_AT_TOKEN_EXPIRY", value_name = "BOOL", default_value = "false",
          action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub close_at_token_expiry: bool,

    /// Whether changing a password and unlinking an email take the old password, as `old_password` among the `vars`
    #[arg(long, env = "BANTER_REQUIRE_OLD_PASSWORD", value_name = "BOOL", default_value = "false",
          action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub require_old_password: bool,

    /// Password hashes computed at the same time; each takes about 19 MiB and a core for tens of milliseconds [1-64]
    #[arg(long, env = "BANTER_PASSWORD_HASHERS", value_name = "COUNT", default_value = "2",
          value_parser = values::range(1, 64))]
    pub password_hashers: usize,

    /// Threads of one worker that write out large pages and compress answers, beside those of password_hashers; others wait [1-256]
    #[arg(long, env = "BANTER_PAGE_THREADS", value_name = "COUNT", default_value = "1",
          value_parser = values::range(1, 256))]
    pub page_threads: usize,

    /// Pages of history that one user reads at the same time from one worker; more wait [1-10000]
    #[arg(long, env = "BANTER_MAX_USER_READS", value_name = "COUNT", default_value = "8",
          value_parser = values::range(1, 10_000))]
    pub max_user_reads: usize,

    /// What is done about new names of users and groups with invisible characters or marks of direction in them: `refuse` (of display names they are taken out), `clean` (of all names) or `allow`
    #[arg(
        long,
        env = "BANTER_INVISIBLE_NAMES",
        value_name = "WHAT",
        default_value = "refuse"
    )]
    pub invisible_names: InvisibleNames,

    /// Largest REST body, before and after unpacking [1024-16777216 bytes]
    #[arg(long, env = "BANTER_MAX_BODY_BYTES", value_name = "BYTES", default_value = "262144",
          value_parser = values::range(1024, 16 << 20))]
    pub max_body_bytes: usize,

    /// Bytes of all REST bodies that are being read, but for the first 8 KiB of each; more are refused with 503 [262144-17179869184 bytes]
    #[arg(long, env = "BANTER_MAX_BODIES_BYTES", value_name = "BYTES", default_value = "67108864",
          value_parser = values::range(256 << 10, 16 << 30))]
    pub max_bodies_bytes: usize,

    /// Bytes read and thrown away of a body that nobody wants, so that the refusal arrives; a longer one ends the connection [0-1073741824 bytes]
    #[arg(long, env = "BANTER_MAX_DISCARDED_BYTES", value_name = "BYTES", default_value = "16777216",
          value_parser = values::range(0, 1 << 30))]
    pub max_discarded_bytes: usize,

    /// Longest time a refusal waits for the rest of such a body [0s-60s]
    #[arg(long, env = "BANTER_DISCARD_TIMEOUT", value_name = "TIME", default_value = "10s",
          value_parser = duration(Duration::ZERO, Duration::from_secs(60)))]
    pub discard_timeout: Duration,

    /// Most ids, names or variables in one request [1-1000]
    #[arg(long, env = "BANTER_MAX_LIST_ITEMS", value_name = "COUNT", default_value = "100",
          value_parser = values::range(1, 1000))]
    pub max_list_items: usize,

    /// Largest message a client may send on its socket; a larger one closes it with 1009 [128-16777216 bytes]
    #[arg(long, env = "BANTER_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value = "4096",
          value_parser = values::range(128, 16 << 20))]
    pub max_message_bytes: usize,

    /// Bytes that may wait for one socket; more closes it as a slow consumer [262144-1073741824 bytes]
    #[arg(long, env = "BANTER_OUTBOX_BYTES", value_name = "BYTES", default_value = "1048576",
          value_parser = values::range(256 << 10, 1 << 30))]
    pub outbox_bytes: usize,

    /// Requests of one socket that may be unanswered before its next one is read [1-4096]
    #[arg(long, env = "BANTER_PIPELINE", value_name = "COUNT", default_value = "64",
          value_parser = values::range(1, 4096))]
    pub pipeline: usize,

    /// Time between WebSocket pings to a client [20ms-1h]
    #[arg(long, env = "BANTER_PING_PERIOD", value_name = "TIME", default_value = "15s",
          value_parser = duration(Duration::from_millis(20), Duration::from_secs(3600)))]
    pub ping_period: Duration,

    /// Silence after which a client counts as gone; must exceed the ping period [40ms-2h]
    #[arg(long, env = "BANTER_PONG_WAIT", value_name = "TIME", default_value = "25s",
          value_parser = duration(Duration::from_millis(40), Duration::from_secs(7200)))]
    pub pong_wait: Duration,

    /// Time in which a client for whom something waits, on a socket or as an answer, must read some of it; otherwise it is closed [100ms-1h]
    #[arg(long, env = "BANTER_WRITE_TIMEOUT", value_name = "TIME", default_value = "20s",
          value_parser = duration(Duration::from_millis(100), Duration::from_secs(3600)))]
    pub write_timeout: Duration,

    /// Time a closing socket has to take its last frames [10ms-60s]
    #[arg(long, env = "BANTER_CLOSE_WAIT", value_name = "TIME", default_value = "2s",
          value_parser = duration(Duration::from_millis(10), Duration::from_secs(60)))]
    pub close_wait: Duration,

    /// Time from the first byte of a request to the first of its answer; then the connection is closed [10s-1h]
    #[arg(long, env = "BANTER_REQUEST_TIMEOUT", value_name = "TIME", default_value = "60s",
          value_parser = duration(Duration::from_secs(10), Duration::from_secs(3600)))]
    pub request_timeout: Duration,

    /// HTTP connections of one worker that are not sockets; for one more the one that has idled longest is closed [16-1000000]
    #[arg(long, env = "BANTER_MAX_HTTP_CONNECTIONS", value_name = "COUNT", default_value = "8192",
          value_parser = values::range(16, 1_000_000))]
    pub max_http_connections: usize,

    /// Of these from one address (of IPv6, from one /64); for one more the one that has idled longest of that address is closed [1-1000000]
    #[arg(long, env = "BANTER_MAX_ADDRESS_CONNECTIONS", value_name = "COUNT", default_value = "6144",
          value_parser = values::range(1, 1_000_000))]
    pub max_address_connections: usize,

    /// Sockets open at the same time; more are refused with 503 [1-10000000]
    #[arg(long, env = "BANTER_MAX_SESSIONS", value_name = "COUNT", default_value = "100000",
          value_parser = values::range(1, 10_000_000))]
    pub max_sessions: usize,

    /// Sockets of one user open at the same time; more are refused with 503 [1-100000]
    #[arg(long, env = "BANTER_MAX_USER_SESSIONS", value_name = "COUNT", default_value = "1000",
          value_parser = values::range(1, 100_000))]
    pub max_user_sessions: usize,

    /// Whether a user has one socket only: a new one closes those there are
    #[arg(long, env = "BANTER_SINGLE_SOCKET", value_name = "BOOL", default_value = "false",
          action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub single_socket: bool,

    /// Whether messages of users whom one has blocked are kept from one's sessions and history in rooms and groups, too
    #[arg(long, env = "BANTER_HIDE_BLOCKED", value_name = "BOOL", default_value = "false",
          action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub hide_blocked: bool,

    /// Who may make a user a member of a group without having been asked: `anybody` who is an admin of it, or only `friends` of the user. Nobody does whom the user has blocked
    #[arg(
        long,
        env = "BANTER_GROUP_ADD",
        value_name = "WHO",
        default_value = "anybody"
    )]
    pub group_add: GroupAdd,

    /// Friends and invitations sent that a user may have together, and as many blocks; more are refused. Invitations received are not counted [1-100000]
    #[arg(long, env = "BANTER_MAX_FRIENDS", value_name = "COUNT", default_value = "10000",
          value_parser = values::range(1, 100_000))]
    pub max_friends: usize,

    /// Notifications kept for one user; of more the oldest are deleted [1-1000000]
    #[arg(long, env = "BANTER_MAX_NOTIFICATIONS", value_name = "COUNT", default_value = "10000",
          value_parser = values::range(1, 1_000_000))]
    pub max_notifications: usize,

    /// Users whose online status one session may follow at the same time [1-100000]
    #[arg(long, env = "BANTER_MAX_SESSION_FOLLOWS", value_name = "COUNT", default_value = "5000",
          value_parser = values::range(1, 100_000))]
    pub max_session_follows: usize,

    /// Networks of the proxies in front, separated by commas, or `none`: from these the client's address is taken from
    /// `X-Forwarded-For`
    #[arg(
        long,
        env = "BANTER_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "none"
    )]
    pub trusted_proxies: Networks,

    /// Whether clients are held to the rates below: `on`, or `off` for load tests from one machine
    #[arg(
        long,
        env = "BANTER_RATE_LIMITS",
        value_name = "on|off",
        default_value = "on"
    )]
    pub rate_limits: RateLimits,

    /// Requests of one socket, each counted once and once more for every 256 bytes of content; beyond it they are refused, and as many refusals again close the socket
    #[arg(
        long,
        env = "BANTER_SOCKET_RATE",
        value_name = "RATE",
        default_value = "200/s burst 1000"
    )]
    pub socket_rate: Rate,

    /// As `socket_rate`, for all that one account asks for on its sockets and by REST; opening a socket counts as five
    #[arg(
        long,
        env = "BANTER_ACCOUNT_RATE",
        value_name = "RATE",
        default_value = "500/s burst 5000"
    )]
    pub account_rate: Rate,

    /// Messages a channel takes in a second, each counted once and once more for every 256 bytes of content; beyond half of
    /// it those who send most are refused, and a channel whose members cannot read as fast takes an eighth [10-1000000]
    #[arg(long, env = "BANTER_CHANNEL_RATE", value_name = "COUNT", default_value = "4000",
          value_parser = values::range(10, 1_000_000))]
    pub channel_rate: usize,

    /// Joins of one account
    #[arg(
        long,
        env = "BANTER_JOIN_RATE",
        value_name = "RATE",
        default_value = "20/s burst 1000"
    )]
    pub join_rate: Rate,

    /// Changes of groups, friends, notifications, the profile and the online status by one account
    #[arg(
        long,
        env = "BANTER_CHANGE_RATE",
        value_name = "RATE",
        default_value = "10/s burst 200"
    )]
    pub change_rate: Rate,

    /// Searches for groups and users, and follows, by one account
    #[arg(
        long,
        env = "BANTER_SEARCH_RATE",
        value_name = "RATE",
        default_value = "10/s burst 100"
    )]
    pub search_rate: Rate,

    /// Sign-ins to one account
    #[arg(
        long,
        env = "BANTER_SIGN_IN_RATE",
        value_name = "RATE",
        default_value = "1/s burst 60"
    )]
    pub sign_in_rate: Rate,

    /// Wrong passwords for one account from one address; then no password is tried
    #[arg(
        long,
        env = "BANTER_WRONG_PASSWORD_RATE",
        value_name = "RATE",
        default_value = "6/min burst 10"
    )]
    pub wrong_password_rate: Rate,

    /// Wrong passwords for one account from everywhere; then no password is tried
    #[arg(
        long,
        env = "BANTER_ACCOUNT_WRONG_PASSWORD_RATE",
        value_name = "RATE",
        default_value = "1/s burst 100"
    )]
    pub account_wrong_password_rate: Rate,

    /// Sign-ins, refreshes and sign-ups from one address, or one IPv6 /64
    #[arg(
        long,
        env = "BANTER_ADDRESS_SIGN_IN_RATE",
        value_name = "RATE",
        default_value = "1000/s burst 50000"
    )]
    pub address_sign_in_rate: Rate,

    /// Accounts made from one address, or one IPv6 /64
    #[arg(
        long,
        env = "BANTER_ADDRESS_SIGN_UP_RATE",
        value_name = "RATE",
        default_value = "20/s burst 10000"
    )]
    pub address_sign_up_rate: Rate,

    /// Channels one session may have joined at the same time [1-100000]
    #[arg(long, env = "BANTER_MAX_SESSION_CHANNELS", value_name = "COUNT", default_value = "1000",
          value_parser = values::range(1, 100_000))]
    pub max_session_channels: usize,

    /// Sessions joined to one channel at the same time [1-1000000]
    #[arg(long, env = "BANTER_MAX_CHANNEL_SESSIONS", value_name = "COUNT", default_value = "100000",
          value_parser = values::range(1, 1_000_000))]
    pub max_channel_sessions: usize,

    /// Channels in memory at the same time, about 3 kB each; joins to more are refused [1-10000000]
    #[arg(long, env = "BANTER_MAX_LIVE_CHANNELS", value_name = "COUNT", default_value = "250000",
          value_parser = values::range(1, 10_000_000))]
    pub max_live_channels: usize,

    /// Commands that may wait for one channel, or for one user, or changes for one group, before senders are refused [16-1000000]
    #[arg(long, env = "BANTER_CHANNEL_MAILBOX", value_name = "COUNT", default_value = "4096",
          value_parser = values::range(16, 1_000_000))]
    pub channel_mailbox: usize,

    /// How long a channel that is empty, a group that does not change and a user who is offline stay in memory [10ms-1day]
    #[arg(long, env = "BANTER_CHANNEL_LINGER", value_name = "TIME", default_value = "10s",
          value_parser = duration(Duration::from_millis(10), Duration::from_secs(86_400)))]
    pub channel_linger: Duration,

    /// Visible sessions up to which a channel announces joins and leaves at once, a room no more than 32 times in each `presence_window` [0-1000000]
    #[arg(long, env = "BANTER_PRESENCE_IMMEDIATE", value_name = "COUNT", default_value = "8",
          value_parser = values::range(0, 1_000_000))]
    pub presence_immediate: usize,

    /// Longest time a larger channel gathers joins and leaves into one event, and in which 8 changes of a user's status are told at once [0s-10s]
    #[arg(long, env = "BANTER_PRESENCE_WINDOW", value_name = "TIME", default_value = "100ms",
          value_parser = duration(Duration::ZERO, Duration::from_secs(10)))]
    pub presence_window: Duration,

    /// Messages a session without persistence may still update or remove after sending them [0-10000]
    #[arg(long, env = "BANTER_EPHEMERAL_MEMORY", value_name = "COUNT", default_value = "100",
          value_parser = values::range(0, 10_000))]
    pub ephemeral_memory: usize,

    /// What an ack outlives: `power` (fsync at every commit) or `process` (a crash of banter only)
    #[arg(
        long,
        env = "BANTER_DURABILITY",
        value_name = "LEVEL",
        default_value = "power"
    )]
    pub durability: Durability,

    /// Writes that may wait for the writer before senders are refused [64-10000000]
    #[arg(long, env = "BANTER_WRITER_QUEUE", value_name = "COUNT", default_value = "65536",
          value_parser = values::range(64, 10_000_000))]
    pub writer_queue: usize,

    /// Most writes in one commit [1-100000]
    #[arg(long, env = "BANTER_WRITER_BATCH", value_name = "COUNT", default_value = "2000",
          value_parser = values::range(1, 100_000))]
    pub writer_batch: usize,

    /// Read-only database connections, a thread each [1-64]
    #[arg(long, env = "BANTER_READERS", value_name = "COUNT", default_value = "2",
          value_parser = values::range(1, 64))]
    pub readers: usize,

    /// Time a search for groups may take, and before that wait for others; a longer one is refused with 429 [10ms-60s]
    #[arg(long, env = "BANTER_SEARCH_TIMEOUT", value_name = "TIME", default_value = "1s",
          value_parser = duration(Duration::from_millis(10), Duration::from_secs(60)))]
    pub search_timeout: Duration,

    /// Reads that may wait for a reader before requests are refused with 503 [1-1000000]
    #[arg(long, env = "BANTER_READER_QUEUE", value_name = "COUNT", default_value = "1024",
          value_parser = values::range(1, 1_000_000))]
    pub reader_queue: usize,

    /// How long another program may lock the database and keep writes waiting; from then on they are refused until it lets go [0s-60s]
    #[arg(long, env = "BANTER_BUSY_TIMEOUT", value_name = "TIME", default_value = "5s",
          value_parser = duration(Duration::ZERO, Duration::from_secs(60)))]
    pub busy_timeout: Duration,

    /// Size the write-ahead log should stay below; checkpoints begin at, and cut it back to, a quarter of it, and beyond it writes wait for them. While another program keeps a transaction open, a backup say, it grows up to 16 times this, then writes are refused [1048576-17179869184 bytes]
    #[arg(long, env = "BANTER_WAL_BYTES", value_name = "BYTES", default_value = "268435456",
          value_parser = values::range(1 << 20, 16 << 30))]
    pub wal_bytes: usize,

    /// Time sessions and writes have to end at shutdown [100ms-9s]
    #[arg(long, env = "BANTER_SHUTDOWN_GRACE", value_name = "TIME", default_value = "8s",
          value_parser = duration(Duration::from_millis(100), Duration::from_secs(9)))]
    pub shutdown_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        layers::defaults()
    }
}

impl Settings {
    /// Checks what one value alone cannot tell: that the settings fit each other.
    ///
    /// # Errors
    /// The first setting that does not fit, by name.
    pub fn check(&self) -> Result<(), ConfigError> {
        // Files, environment and flags are bounded more closely; a host program sets fields at will.
        for (setting, value) in [
            ("password_hashers", self.password_hashers),
            ("page_threads", self.page_threads),
            ("max_user_reads", self.max_user_reads),
            ("max_body_bytes", self.max_body_bytes),
            ("max_list_items", self.max_list_items),
            ("max_message_bytes", self.max_message_bytes),
            ("pipeline", self.pipeline),
            ("max_sessions", self.max_sessions),
            ("max_user_sessions", self.max_user_sessions),
            ("max_friends", self.max_friends),
            ("max_notifications", self.max_notifications),
            ("max_session_follows", self.max_session_follows),
            ("max_session_channels", self.max_session_channels),
            ("max_channel_sessions", self.max_channel_sessions),
            ("max_live_channels", self.max_live_channels),
            ("max_http_connections", self.max_http_connections),
            ("max_address_connections", self.max_address_connections),
            ("channel_mailbox", self.channel_mailbox),
            ("channel_rate", self.channel_rate),
            ("writer_queue", self.writer_queue),
            ("writer_batch", self.writer_batch),
            ("readers", self.readers),
            ("reader_queue", self.reader_queue),
        ] {
            if value == 0 {
                return Err(ConfigError::invalid(setting, "must not be 0"));
            }
        }
        if self.pong_wait <= self.ping_period {
            return Err(ConfigError::invalid(
                "pong_wait",
                "must be longer than ping_period",
            ));
        }
        // For a moment there are two: the older one is closed when the new one is there.
        if self.single_socket && self.max_user_sessions < 2 {
            return Err(ConfigError::invalid(
                "max_user_sessions",
                "must be at least 2 with single_socket",
            ));
        }
        let key = self.server_key.reveal();
        if key.is_empty() {
            return Err(ConfigError::invalid("server_key", "must not be empty"));
        }
        // Clients send it as the name of HTTP's Basic scheme, which ends at the first colon, and not all of them
        // write other letters than these the same way.
        if !key
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b':')
        {
            return Err(ConfigError::invalid(
                "server_key",
                "must be of ASCII letters, digits, punctuation and blanks, without a colon: \
                 no client could sign in with another one",
            ));
        }
        // A message that is being written must leave room for those behind it.
        if self.outbox_bytes / 4 < self.max_message_bytes {
            return Err(ConfigError::invalid(
                "outbox_bytes",
                "must be at least four times max_message_bytes",
            ));
        }
        match (&self.tls_cert, &self.tls_key) {
            (OptionalFile::At(_), OptionalFile::Off) => {
                let why = "is needed beside tls_cert: TLS takes a certificate and its key";
                return Err(ConfigError::invalid("tls_key", why));
            }
            (OptionalFile::Off, OptionalFile::At(_)) => {
                let why = "is needed beside tls_key: TLS takes a certificate and its key";
                return Err(ConfigError::invalid("tls_cert", why));
            }
            _ => {}
        }
        let default_key = self.server_key.reveal() == DEFAULT_SERVER_KEY;
        if default_key && !self.listen.ip().is_loopback() && !self.allow_default_key {
            return Err(ConfigError::invalid(
                "server_key",
                "is the default one, which everybody knows: set your own to listen beyond this machine, \
                 or set allow_default_key",
            ));
        }
        Ok(())
    }

    /// Worker threads after 0 has been replaced: by half of the cores, so that together with the
    /// threads of the channels, as many again, there is one for each core.
    pub(crate) fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            n => n,
        }
    }
}

/// The key the Nakama SDKs use unless told otherwise.
pub const DEFAULT_SERVER_KEY: &str = "defaultkey";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        assert!(Settings::default().check().is_ok());
        type Spoil = fn(&mut Settings);
        let cases: [(&str, Spoil); 11] = [
            ("readers", |s| s.readers = 0),
            ("writer_batch", |s| s.writer_batch = 0),
            ("pong_wait", |s| s.pong_wait = s.ping_period),
            ("max_user_sessions", |s| {
                (s.single_socket, s.max_user_sessions) = (true, 1);
            }),
            ("outbox_bytes", |s| s.max_message_bytes = s.outbox_bytes),
            ("setting `tls_key`", |s| {
                s.tls_cert = OptionalFile::At("a.pem".into())
            }),
            ("setting `tls_cert`", |s| {
                s.tls_key = OptionalFile::At("a.key".into())
            }),
            ("server_key", |s| s.listen = "0.0.0.0:7350".parse().unwrap()),
            ("server_key", |s| s.server_key = "with:colon".into()),
            ("server_key", |s| s.server_key = "schlüssel".into()),
            ("server_key", |s| s.server_key = "two\nlines".into()),
        ];
        for (name, spoil) in cases {
            let mut settings = Settings::default();
            spoil(&mut settings);
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
