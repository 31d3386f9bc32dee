//! Other programs at the database: they may read or lock it for a while, and nobody loses anything by it.

use std::{path::Path, process::Command, time::Duration};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Process, Site, until};

fn outsider(data: &Path) -> Connection {
    Connection::open(data.join("banter.sqlite")).unwrap()
}

async fn server(data: &Path, settings: &[&str]) -> (Process, Site) {
    let mut command = Process::bare();
    command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(data).args(settings);
    spawned(command, data).await
}

async fn spawned(command: Command, data: &Path) -> (Process, Site) {
    let process = Process::spawn(command, data, true).await;
    let url = process.metrics.clone().unwrap();
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches("/metrics");
    let metrics = Site::new(address.parse().unwrap());
    (process, metrics)
}

/// The value of a metric; 0 when it is not there yet.
async fn metric(metrics: &Site, name: &str) -> f64 {
    let (_, text) = metrics.http("GET", "/metrics", None, "").await;
    let text = String::from_utf8(text).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

fn lines(process: &Process, what: &str) -> usize {
    process
        .log()
        .lines()
        .filter(|line| line.contains(what))
        .count()
}

#[actix_web::test]
async fn a_reader_that_stays_lets_the_log_grow_to_its_bound_and_not_beyond() {
    const WAL_BYTES: u64 = 1 << 20;
    let data = tempfile::tempdir().unwrap();
    let settings = [
        "--wal-bytes",
        "1048576",
        "--durability",
        "process",
        "--rate-limits",
        "off",
    ];
    let (process, metrics) = server(data.path(), &settings).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    let content = json!({"padding": "x".repeat(3000)}).to_string();
    let mut acked: Vec<Value> = Vec::new();
    acked.push(ana.send("lobby", &content).await["message_id"].take());

    let reader = outsider(data.path());
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM message")
        .unwrap();
    let refused = loop {
        let mut answer = ana.try_send("lobby", &content).await;
        match answer.get_mut("channel_message_ack") {
            Some(ack) => acked.push(ack["message_id"].take()),
            None => break answer,
        }
        assert!(acked.len() < 20_000, "the log has no bound");
    };
    assert!(
        refused["error"].get("code").is_none(),
        "it may succeed later: {refused}"
    );
    let log = || {
        data.path()
            .join("banter.sqlite-wal")
            .metadata()
            .unwrap()
            .len()
    };
    let bytes = log();
    assert!((16 * WAL_BYTES..18 * WAL_BYTES).contains(&bytes), "{bytes}");
    for _ in 0..20 {
        ana.try_send("lobby", &content).await;
    }
    assert_eq!(log(), bytes);
    assert_eq!(
        lines(&process, "grows beyond wal_bytes"),
        1,
        "{}",
        process.log()
    );
    assert_eq!(
        lines(&process, "writes are refused"),
        1,
        "{}",
        process.log()
    );
    assert!(metric(&metrics, "banter_checkpoints_blocked_total").await > 0.0);
    let history = process.whole_history(&ana.tokens.token, "lobby").await;
    assert_eq!(history.len(), acked.len(), "what there was can be read");

    drop(reader);
    until("writes without the reader", async || {
        let mut answer = ana.try_send("lobby", &content).await;
        let ack = answer.get_mut("channel_message_ack")?;
        acked.push(ack["message_id"].take());
        Some(())
    })
    .await;
    assert!(log() < 2 * WAL_BYTES, "{}", log());
    assert_eq!(lines(&process, "no longer held up"), 1, "{}", process.log());
    let stored = (acked.len() * content.len()) as f64;
    until("the size of the database", async || {
        acked.push(ana.send("lobby", &content).await["message_id"].take());
        (metric(&metrics, "banter_database_bytes").await > stored).then_some(())
    })
    .await;
    let history = process.whole_history(&ana.tokens.token, "lobby").await;
    let ids: Vec<_> = history.iter().map(|m| m["message_id"].clone()).collect();
    assert_eq!(ids, acked);
}

#[actix_web::test]
async fn a_writer_that_locks_the_database_for_a_while_costs_time_and_no_message() {
    let data = tempfile::tempdir().unwrap();
    let (process, metrics) = server(data.path(), &[]).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    let other = outsider(data.path());
    for n in 0..5 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let cid = ana.post_send("lobby", &json!({"n": n}).to_string()).await;
        let waits = f64::from(n);
        until("a write that waits", async || {
            (metric(&metrics, "banter_lock_waits_total").await > waits).then_some(())
        })
        .await;
        // Longer than anything that waits without being asked to.
        tokio::time::sleep(Duration::from_millis(150)).await;
        other.execute_batch("COMMIT").unwrap();
        let answer = ana.reply(&cid).await;
        assert!(answer.get("channel_message_ack").is_some(), "{answer}");
    }
    let history = process.whole_history(&ana.tokens.token, "lobby").await;
    let contents: Vec<_> = history.iter().map(|m| m["content"].clone()).collect();
    let sent: Vec<_> = (0..5)
        .map(|n| Value::from(format!(r#"{{"n":{n}}}"#)))
        .collect();
    assert_eq!(contents, sent, "each once, in order");
    assert_eq!(
        lines(&process, "writes had to wait"),
        1,
        "{}",
        process.log()
    );
}

#[actix_web::test]
async fn a_writer_that_never_lets_go_has_writes_refused_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let (process, _) = server(data.path(), &["--busy-timeout", "100ms"]).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    ana.send("lobby", r#"{"n":1}"#).await;
    let other = outsider(data.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..10 {
        let answer = ana.try_send("lobby", r#"{"n":2}"#).await;
        assert!(answer["error"].get("code").is_none(), "{answer}");
    }
    let history = process.whole_history(&ana.tokens.token, "lobby").await;
    assert_eq!(history.len(), 1, "readers are not concerned");
    let (status, body) = process.http("GET", "/readyz", None, "").await;
    assert_eq!(status, 503, "{}", String::from_utf8_lossy(&body));
    assert_eq!(lines(&process, "ERROR"), 1, "{}", process.log());
    other.execute_batch("ROLLBACK").unwrap();
    ana.send("lobby", r#"{"n":3}"#).await;
    let history = process.whole_history(&ana.tokens.token, "lobby").await;
    let contents: Vec<_> = history.iter().map(|m| &m["content"]).collect();
    assert_eq!(contents, [r#"{"n":1}"#, r#"{"n":3}"#]);
}
