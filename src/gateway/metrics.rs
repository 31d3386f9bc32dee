//! `GET /metrics` on a listener of its own: what an operator sees must not depend on what clients do.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_http::HttpService;
use actix_server::Server;
use actix_service::{ServiceFactoryExt as _, map_config};
use actix_web::{
    App, HttpResponse,
    dev::{AppConfig, ServerHandle},
    middleware::DefaultHeaders,
    web,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::{
    connection::{self, ConnectionLimits},
    listener, rest,
    tls::Tls,
};
use crate::config::{Networks, Settings};

/// A metrics listener that serves.
pub(crate) struct MetricsServer {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
}

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address cannot be bound.
    #[error("metrics_listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program that embeds banter has a recorder of its own: serve the metrics there, or set
    /// `metrics_listen` to `off`.
    #[error("metrics_listen: this process records its metrics elsewhere: {0}")]
    Recorder(String),
}

/// The recorder is the process's, so that all its servers share one.
fn recorder() -> Result<PrometheusHandle, MetricsError> {
    static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let installed = RECORDER.get_or_init(|| {
        let buckets = |name: &str| metrics_exporter_prometheus::Matcher::Full(name.to_owned());
        let build = || -> Result<_, BuildError> {
            PrometheusBuilder::new()
                .set_buckets_for_metric(
                    buckets("banter_commit_seconds"),
                    &[
                        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
                    ],
                )?
                .set_buckets_for_metric(
                    buckets("banter_commit_writes"),
                    &[
                        1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0,
                    ],
                )?
                .set_buckets_for_metric(
                    buckets("banter_outbox_waiting_bytes"),
                    &[0.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
                )?
                .install_recorder()
        };
        build().map_err(|error| error.to_string())
    });
    installed.clone().map_err(MetricsError::Recorder)
}

/// What operators read beside each metric.
fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("banter_sessions", "Open sockets");
    describe_gauge!("banter_live_channels", "Channels in memory");
    describe_gauge!(
        "banter_live_users",
        "Users in memory: online, followed, or just changing friends"
    );
    describe_counter!("banter_messages_total", "Messages delivered, by kind");
    describe_counter!(
        "banter_group_changes_total",
        "Changes of who is in a group that were asked for, by action"
    );
    describe_counter!(
        "banter_notifications_total",
        "Notifications for users, whether online or not"
    );
    describe_counter!(
        "banter_notifications_trimmed_total",
        "Notifications deleted because their user had too many"
    );
    describe_counter!(
        "banter_status_events_total",
        "Changes of online status that were told"
    );
    describe_counter!(
        "banter_deliveries_total",
        "Messages handed to sockets, one for each receiver"
    );
    describe_counter!(
        "banter_presence_changes_total",
        "Joins and leaves announced"
    );
    describe_histogram!(
        "banter_outbox_waiting_bytes",
        Unit::Bytes,
        "Bytes that wait for the sockets of a worker"
    );
    describe_gauge!("banter_writer_queue", "Writes that wait for the writer");
    describe_gauge!("banter_reader_queue", "Reads that wait for a reader");
    describe_histogram!("banter_commit_writes", "Writes in one commit");
    describe_histogram!("banter_commit_seconds", Unit::Seconds, "Time of one commit");
    describe_counter!(
        "banter_commits_failed_total",
        "Commits that failed, and their writes with them"
    );
    describe_counter!(
        "banter_lock_waits_total",
        "Commits that found the database locked by another program"
    );
    describe_gauge!(
        "banter_wal_bytes",
        Unit::Bytes,
        "Size of the write-ahead log"
    );
    describe_gauge!(
        "banter_database_bytes",
        Unit::Bytes,
        "Size of the database without the write-ahead log"
    );
    describe_counter!(
        "banter_checkpoints_blocked_total",
        "Checkpoints that somebody who reads the database kept from their end"
    );
    describe_counter!(
        "banter_log_lines_dropped_total",
        "Lines of the log that were dropped because it was read too slowly"
    );
    describe_counter!(
        "banter_rate_limited_total",
        "Requests refused because a rate was exceeded, by the rate's setting"
    );
    describe_counter!(
        "banter_shares_refused_total",
        "Requests refused because one account or address held its share of what is scarce, by what that is"
    );
    describe_counter!(
        "banter_refresh_tokens_reused_total",
        "Refresh tokens used more than once where that is not allowed, by outcome: ended, or repeated within the grace"
    );
    describe_counter!(
        "banter_searches_refused_total",
        "Searches that were refused or ended, by why: too long, busy, or one at a time"
    );
    describe_counter!("banter_refusals_total", "Requests refused, by whom and why");
    describe_counter!(
        "banter_reads_delayed_total",
        "Pages of history that waited because their user read max_user_reads others"
    );
    describe_counter!(
        "banter_bodies_discarded_total",
        "Bodies of refused requests that were read to their end, or cut off"
    );
    describe_counter!(
        "banter_http_connections_closed_total",
        "HTTP connections that were ended, by why: they made way for a newcomer, or for one from their own address, took too long over a request, or did not read an answer"
    );
    describe_counter!("banter_socket_closes_total", "Sockets closed, by reason");
    describe_counter!(
        "banter_channels_lost_total",
        "Channels that ended in a panic"
    );
    describe_counter!(
        "banter_users_lost_total",
        "Users whose actor ended in a panic"
    );
}

/// Starts to record. To be called before anything that counts.
pub(crate) fn record_metrics() -> Result<(), MetricsError> {
    recorder()?;
    describe();
    Ok(())
}

/// Serves what is recorded.
pub(crate) fn serve_metrics(
    address: SocketAddr,
    settings: &Settings,
    tls: Option<Arc<Tls>>,
) -> Result<MetricsServer, MetricsError> {
    /// Connections, of which those who scrape need one each.
    const CONNECTIONS: usize = 32;
    /// How often samples are folded into the histograms, so that they do not pile up unread.
    const UPKEEP: Duration = Duration::from_secs(5);

    let limits = ConnectionLimits {
        count: CONNECTIONS,
        ..ConnectionLimits::of(settings)
    };
    let recorder = recorder()?;
    let upkeep = recorder.clone();
    actix_rt::spawn(async move {
        loop {
            actix_rt::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    let listening = listener::bind(address).and_then(|socket| {
        let address = socket.local_addr()?;
        let server = Server::build()
            .workers(1)
            .max_concurrent_connections(connection::to_accept(limits.count))
            .disable_signals()
            .shutdown_timeout(1)
            .listen("metrics", socket, move || {
                let recorder = recorder.clone();
                let render = move || {
                    let text = recorder.render();
                    async move {
                        HttpResponse::Ok()
                            .content_type("text/plain; version=0.0.4")
                            .body(text)
                    }
                };
                let app = App::new()
                    .wrap(DefaultHeaders::new().add(rest::NO_SNIFFING))
                    .route("/metrics", web::get().to(render));
                let http = HttpService::build()
                    .client_disconnect_timeout(Duration::ZERO)
                    .finish(map_config(app, |()| AppConfig::default()));
                connection::places(limits, Networks::default(), tls.clone(), pending())
                    .and_then(http)
            })?;
        Ok((address, server.run()))
    });
    let (address, server) = listening.map_err(|source| MetricsError::Listen { address, source })?;
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(MetricsServer { address, handle })
}
