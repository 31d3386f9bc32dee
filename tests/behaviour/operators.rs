//! What operators and orchestrators do to the program, and what it tells them.

use std::{
    fs::File,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Close, Process, Raw, until};

/// The program under a shell that does something first.
fn under(shell: &str, data: &std::path::Path) -> Command {
    let banter = Process::command(data);
    let mut command = Command::new("sh");
    for (name, _) in banter.get_envs() {
        command.env_remove(name);
    }
    command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]);
    command.arg(banter.get_program()).args(banter.get_args());
    command
}

#[actix_web::test]
async fn a_connection_that_idles_does_not_delay_the_end() {
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let mut idle = Raw::connect(process.address).await;
    let asked = "GET /healthcheck HTTP/1.1\nHost: x\n";
    assert_eq!(idle.ask(asked, b"").await.status, 200);
    let begun = Instant::now();
    process.signal("TERM");
    idle.ended().await;
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    // Five seconds would be the time that the connection is kept.
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[actix_web::test]
async fn a_terminal_that_hangs_up_ends_the_server_as_gracefully_as_an_operator() {
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    process.signal("HUP");
    assert_eq!(
        ana.closed().await,
        Close::Frame(1001, "server shutting down".to_owned())
    );
    drop(ana);
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
}

#[actix_web::test]
async fn a_server_started_with_nohup_outlives_its_terminal() {
    let data = tempfile::tempdir().unwrap();
    let command = under("trap '' HUP", data.path());
    let mut process = Process::spawn(command, data.path(), false).await;
    process.signal("HUP");
    let (status, _) = process.http("GET", "/healthcheck", None, "").await;
    assert_eq!(status, 200);
    assert!(process.has_ended().is_none());
    process.signal("TERM");
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
}

#[actix_web::test]
async fn a_log_that_nobody_reads_any_more_does_not_keep_clients_from_being_told() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Process::command(data.path());
    command.env("RUST_LOG", "trace");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn_as_it_is(command, data.path(), false).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    process.stop_reading_log();
    ana.send("lobby", "{}").await;
    process.signal("TERM");
    assert!(matches!(ana.closed().await, Close::Frame(1001, _)));
    drop(ana);
    assert_eq!(process.ended().await.code(), Some(0));
}

#[actix_web::test]
async fn a_log_whose_reader_stands_still_does_not_stop_the_server() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Process::command(data.path());
    command.env("RUST_LOG", "trace");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn_as_it_is(command, data.path(), false).await;
    let mut pair = process.clients_in("lobby", &["ana", "ben"]).await;
    // Far more lines than fit into a pipe that nobody reads.
    for n in 0..500 {
        let content = format!(r#"{{"n":{n}}}"#);
        pair[0].send("lobby", &content).await;
        let (status, _) = process.http("GET", "/healthcheck", None, "").await;
        assert_eq!(status, 200);
    }
    assert_eq!(pair[1].messages(500).await[499]["content"], r#"{"n":499}"#);
    process.signal("TERM");
    assert!(matches!(pair[0].closed().await, Close::Frame(1001, _)));
    drop(pair);
    assert_eq!(process.ended().await.code(), Some(0));
}

#[actix_web::test]
async fn what_strangers_send_that_is_no_http_is_no_error_in_the_log() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path()).await;
    for bytes in [
        &b"\x00\x01\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let mut stranger = Raw::connect(process.address).await;
        stranger.send(bytes).await;
        assert_eq!(stranger.answer(false).await.status, 400);
        stranger.ended().await;
    }
    let log = process.log();
    assert!(
        !log.contains("ERROR") && !log.contains("WARN actix"),
        "{log}"
    );
}

#[actix_web::test]
async fn with_few_open_files_clients_are_refused_and_told_so_instead_of_waiting_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let command = under("ulimit -n 160", data.path());
    let process = Process::spawn(command, data.path(), false).await;
    let log = process.log();
    assert!(log.contains("max_sessions cannot be reached"), "{log}");
    let tokens = process.sign_in("ana").await;
    let mut held = Vec::new();
    let refused = loop {
        match process.connect("ana", &tokens).await {
            Ok(client) => held.push(client),
            Err(status) => break status,
        }
    };
    assert_eq!(refused, 503);
    assert!(held.len() > 30, "{} were let in", held.len());
    let (status, _) = process.http("GET", "/healthcheck", None, "").await;
    assert_eq!(status, 200);
    for client in &mut held {
        client.request(json!({"ping": {}})).await;
    }
    drop(held.pop());
    until("room for another one", async || {
        process.connect("ana", &tokens).await.ok()
    })
    .await;
}

#[actix_web::test]
async fn variables_that_an_orchestrator_gives_every_container_do_not_stop_the_start() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Process::command(data.path());
    command.env("BANTER_PORT", "tcp://10.0.0.1:7350");
    command.env("BANTER_SERVICE_HOST", "10.0.0.1");
    command.env("BANTER_PORT_7350_TCP_ADDR", "10.0.0.1");
    let process = Process::spawn(command, data.path(), false).await;
    let (status, _) = process.http("GET", "/healthcheck", None, "").await;
    assert_eq!(status, 200);
}

#[actix_web::test]
async fn the_log_begins_with_version_configuration_and_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("banter.toml");
    std::fs::write(&file, "pipeline = 8\n").unwrap();
    let mut command = Process::command(data.path());
    command.arg("--config").arg(&file);
    let process = Process::spawn(command, data.path(), false).await;
    let log = process.log();
    let first = log.lines().next().unwrap();
    for part in [
        env!("CARGO_PKG_VERSION"),
        file.to_str().unwrap(),
        data.path().to_str().unwrap(),
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
}

#[actix_web::test]
async fn metrics_beyond_this_machine_are_not_served_without_a_word() {
    let data = tempfile::tempdir().unwrap();
    for (address, warned) in [("127.0.0.1:0", false), ("0.0.0.0:0", true)] {
        let mut command = Process::bare();
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", address]);
        command.arg("--data-dir").arg(data.path());
        let mut process = Process::spawn(command, data.path(), true).await;
        process.signal("TERM");
        assert_eq!(process.ended().await.code(), Some(0));
        let log = process.log();
        assert_eq!(log.contains("metrics_listen"), warned, "{log}");
    }
}

#[actix_web::test]
async fn a_server_whose_disk_is_full_is_alive_and_not_ready_until_there_is_room() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    // A write beyond the limit is an error only where the signal for it is ignored.
    let process = Process::spawn(under("trap '' XFSZ", &data), temp.path(), false).await;
    let ready = async || -> (u16, Value) {
        let (status, body) = process.http("GET", "/readyz", None, "").await;
        (status, serde_json::from_slice(&body).unwrap())
    };
    assert_eq!(ready().await, (200, json!({"ready": true})));
    // Nothing that is in use may grow; what is written to a file again is written at its end.
    limit_files(&process, "1");
    let (status, body) = until("a server that is not ready", async || {
        Some(ready().await).filter(|(status, _)| *status != 200)
    })
    .await;
    assert_eq!(status, 503);
    let reasons = json!({"ready": false, "reasons": ["the database does not take writes"]});
    assert_eq!(body, reasons);
    for path in ["/healthcheck", "/livez"] {
        let (status, _) = process.http("GET", path, None, "").await;
        assert_eq!(status, 200, "{path}");
    }
    limit_files(&process, "unlimited");
    until("a server that is ready again", async || {
        (ready().await.0 == 200).then_some(())
    })
    .await;
}

fn limit_files(process: &Process, bytes: &str) {
    let pid = format!("--pid={}", process.id());
    let limit = format!("--fsize={bytes}:");
    let status = Command::new("prlimit").args([pid, limit]).status();
    assert!(status.unwrap().success());
}

#[actix_web::test]
async fn a_server_that_shuts_down_is_not_ready() {
    let server = crate::harness::Server::start().await;
    let chat = server.chat.clone();
    let ending = actix_web::rt::spawn(async move { chat.shutdown(Duration::from_secs(5)).await });
    ending.await.unwrap();
    let (status, body) = server.http("GET", "/readyz", None, "").await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["reasons"]), (503, &json!(["shutting down"])));
    server.stop().await;
}

#[test]
fn a_server_key_with_which_nobody_could_sign_in_is_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let refused = Process::command(data.path())
        .args(["--server-key", "with:colon"])
        .stdout(File::create("/dev/null").unwrap())
        .output()
        .unwrap();
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{complaint}");
    assert!(
        complaint.contains("`server_key`") && complaint.contains("colon"),
        "{complaint}"
    );
}
