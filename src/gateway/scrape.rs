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
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{
    connection::{self, ConnectionLimits},
    listener, rest,
    tls::Tls,
};
use crate::{
    account, channel,
    config::{Networks, Settings},
    group,
    metric::{self, Metric},
    rate, relay, session, store, user,
};

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
        let build = || -> Result<_, BuildError> {
            let mut builder = PrometheusBuilder::new();
            for (name, buckets) in metrics().filter_map(|it| Some((it.name(), it.buckets()?))) {
                builder =
                    builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
            }
            builder.install_recorder()
        };
        build().map_err(|error| error.to_string())
    });
    installed.clone().map_err(MetricsError::Recorder)
}

/// Everything that can be seen of a chat.
fn metrics() -> impl Iterator<Item = &'static &'static dyn Metric> {
    [
        session::metrics::METRICS,
        account::metrics::METRICS,
        rate::metrics::METRICS,
        channel::metrics::METRICS,
        user::metrics::METRICS,
        group::metrics::METRICS,
        relay::metrics::METRICS,
        store::METRICS,
        super::metrics::METRICS,
    ]
    .into_iter()
    .flatten()
}

/// Has all metrics exist, at zero. To be called when a chat starts, before anything of it counts.
pub(crate) fn announce_metrics() {
    metric::announce(metrics());
}

/// Starts to record. To be called before anything that counts.
pub(crate) fn record_metrics() -> Result<(), MetricsError> {
    recorder().map(drop)
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
    let process = metrics_process::Collector::default();
    process.describe();
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
                let (recorder, process) = (recorder.clone(), process.clone());
                let render = move || {
                    process.collect();
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    type Labels = BTreeMap<String, BTreeSet<String>>;

    /// The metrics of the table in docs/operating.md, and the labels of each.
    fn documented() -> Labels {
        let text = include_str!("../../docs/operating.md");
        let quoted = |cell: &str| -> Vec<String> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let mut documented = Labels::new();
        for row in text.lines().filter(|line| line.starts_with("| `banter_")) {
            let mut cells = row.split('|').skip(1);
            let (names, labels) = (cells.next().unwrap(), cells.next().unwrap());
            for name in quoted(names) {
                documented.insert(name, quoted(labels).into_iter().collect());
            }
        }
        documented
    }

    #[test]
    fn the_table_for_operators_has_all_metrics_with_their_labels() {
        let mut declared = Labels::new();
        for metric in metrics() {
            let labels = metric.labels().into_iter().map(str::to_owned);
            declared
                .entry(metric.name().to_owned())
                .or_default()
                .extend(labels);
        }
        let documented = documented();
        assert!(declared.len() > 20, "{declared:?}");
        assert_eq!(documented, declared);
    }
}
