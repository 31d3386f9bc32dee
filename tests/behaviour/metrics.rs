//! What operators see of it.

use std::collections::BTreeSet;

use actix_http::ws::Message;
use serde_json::{Value, json};

use crate::harness::{Process, Site, room_id, until};

/// The series of a scrape.
fn series(text: &str) -> BTreeSet<&str> {
    samples(text).into_iter().map(|(name, _)| name).collect()
}

/// The samples of a scrape: name with labels, and value.
fn samples(text: &str) -> Vec<(&str, f64)> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name, value.parse().unwrap())
        })
        .collect()
}

async fn scrape(metrics: &Site) -> String {
    let (status, text) = metrics.http("GET", "/metrics", None, "").await;
    assert_eq!(status, 200);
    String::from_utf8(text).unwrap()
}

#[actix_web::test]
async fn traffic_can_be_seen_in_the_metrics() {
    let data = tempfile::tempdir().unwrap();
    let (process, metrics) = Process::with_metrics(data.path()).await;
    let fresh = scrape(&metrics).await;

    let mut clients = process.clients_in("lobby", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    let mut last = Value::Null;
    for n in 0..5 {
        last = ana.send("lobby", &format!(r#"{{"n":{n}}}"#)).await["message_id"].clone();
    }
    ana.update("lobby", &last, r#"{"n":"four"}"#).await;
    ana.remove("lobby", &last).await;
    ben.messages(7).await;
    ana.try_send("elsewhere", "{}").await;
    let nobody = crate::harness::Tokens {
        token: "x".to_owned(),
        refresh: String::new(),
    };
    assert_eq!(process.connect("nobody", &nobody).await.err(), Some(401));
    let (status, _) = process.call("GET", "/v2/account", "x", Value::Null).await;
    assert_eq!(status, 401);
    for (method, path) in [
        ("PUT", "/v2/channel/2...lobby"),
        ("GET", "/no/such/path?token=x"),
        ("POST", "/another"),
    ] {
        process.call(method, path, "x", Value::Null).await;
    }
    let mut cid = process.client("cid").await;
    cid.frame(Message::Binary("x".into())).await;
    cid.closed().await;
    drop(cid);

    let value = |text: &str, name: &str| -> Option<f64> {
        samples(text)
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let text = until("the end of cid's session", async || {
        let text = scrape(&metrics).await;
        (value(&text, "banter_sessions") == Some(2.0)).then_some(text)
    })
    .await;
    for (name, wanted) in [
        ("banter_live_channels", 1.0),
        (r#"banter_messages_total{kind="send"}"#, 5.0),
        (r#"banter_messages_total{kind="update"}"#, 1.0),
        (r#"banter_messages_total{kind="remove"}"#, 1.0),
        (
            r#"banter_socket_closes_total{reason="binary message where the format is text"}"#,
            1.0,
        ),
        ("banter_writer_queue", 0.0),
        (
            r#"banter_rest_requests_total{route="/v2/account",method="GET",status="4xx"}"#,
            1.0,
        ),
        (
            r#"banter_rest_requests_total{route="/v2/channel/{channel_id}",method="other",status="5xx"}"#,
            1.0,
        ),
        (
            r#"banter_rest_requests_total{route="other",method="other",status="4xx"}"#,
            2.0,
        ),
        (r#"banter_rest_seconds_count{route="/v2/account"}"#, 1.0),
    ] {
        assert_eq!(value(&text, name), Some(wanted), "{name} in\n{text}");
    }
    for by in ["socket", "handshake", "rest"] {
        let start = format!(r#"banter_refusals_total{{by="{by}","#);
        let all = samples(&text);
        let refusals = all.iter().filter(|(name, _)| name.starts_with(&start));
        let wanted = if by == "rest" { 4.0 } else { 1.0 };
        assert_eq!(
            refusals.map(|(_, value)| value).sum::<f64>(),
            wanted,
            "{start} in\n{text}"
        );
    }
    // Seven messages to two members, and the joins: two of ana's, one of ben's.
    assert!(
        value(&text, "banter_deliveries_total").unwrap() >= 16.0,
        "{text}"
    );
    let commits = value(&text, "banter_commit_seconds_count").unwrap();
    assert!(commits >= 7.0, "{text}");
    assert_eq!(value(&text, "banter_commit_writes_count"), Some(commits));
    assert!(value(&text, "banter_commit_writes_sum").unwrap() >= 7.0);
    assert!(value(&text, "banter_commit_seconds_sum").unwrap() > 0.0);

    // The size of the log is looked at every now and then, when something is written.
    let size = until("the size of the log", async || {
        ben.send("lobby", &json!({"in": room_id("lobby")}).to_string())
            .await;
        value(&scrape(&metrics).await, "banter_wal_bytes").filter(|size| *size > 0.0)
    })
    .await;
    assert!(size > 1000.0, "{size} bytes");

    ana.leave("lobby").await;
    drop((ana, ben));
    until("nobody", async || {
        (value(&scrape(&metrics).await, "banter_sessions") == Some(0.0)).then_some(())
    })
    .await;
    let (status, _) = metrics.http("GET", "/", None, "").await;
    assert_eq!(status, 404, "nothing but metrics is served there");

    let text = scrape(&metrics).await;
    let new: Vec<_> = series(&text).difference(&series(&fresh)).copied().collect();
    assert!(new.is_empty(), "not there from the start: {new:#?}");
}

#[actix_web::test]
async fn what_has_never_happened_stands_at_zero() {
    let data = tempfile::tempdir().unwrap();
    let (_process, metrics) = Process::with_metrics(data.path()).await;
    let text = scrape(&metrics).await;
    let samples = samples(&text);
    for name in [
        "banter_commits_failed_total",
        "banter_channels_lost_total",
        "banter_users_lost_total",
        "banter_log_lines_dropped_total",
        "banter_checkpoints_blocked_total",
        r#"banter_rate_limited_total{rate="socket"}"#,
        r#"banter_shares_refused_total{of="live channels"}"#,
        r#"banter_messages_total{kind="event"}"#,
        r#"banter_group_changes_total{action="ban"}"#,
        r#"banter_bodies_discarded_total{end="cut off"}"#,
        r#"banter_http_connections_closed_total{reason="made way"}"#,
        r#"banter_refusals_total{by="socket",reason="internal"}"#,
        r#"banter_refusals_total{by="handshake",reason="too many sessions"}"#,
        r#"banter_refusals_total{by="rest",reason="unavailable"}"#,
        r#"banter_socket_closes_total{reason="slow consumer: too much is waiting to be read"}"#,
        r#"banter_socket_closes_total{reason="message too big"}"#,
        r#"banter_socket_closes_total{reason="account deleted"}"#,
    ] {
        let found = samples.iter().find(|(known, _)| *known == name);
        assert_eq!(found, Some(&(name, 0.0)), "in\n{text}");
    }
    let value = |wanted: &str| {
        let found = samples.iter().find(|(name, _)| name.starts_with(wanted));
        found.map_or(f64::NAN, |(_, value)| *value)
    };
    let version = concat!(
        r#"banter_build_info{version=""#,
        env!("CARGO_PKG_VERSION"),
        "\"}"
    );
    assert_eq!(value(version), 1.0, "in\n{text}");
    assert!(value("process_resident_memory_bytes") > 1e6, "in\n{text}");
    assert!(value("process_open_fds") > 5.0, "in\n{text}");
    assert!(value("process_max_fds") > 100.0, "in\n{text}");
    assert!(value("process_start_time_seconds") > 1.7e9, "in\n{text}");
    assert!(value("process_cpu_seconds_total") >= 0.0, "in\n{text}");
}
