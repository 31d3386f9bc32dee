//! The server's own listeners with TLS.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use banter::Settings;

use crate::harness::{
    Client, Close, Identity, Process, Raw, Server, Site, Tunnel, settings, soon, until,
};

const HEALTH: &str = "GET /healthcheck HTTP/1.1\nHost: x\n";

/// A server with a certificate, and the directory of its files.
async fn server(identity: &Identity, mut settings: Settings) -> (Server, tempfile::TempDir) {
    let files = tempfile::tempdir().unwrap();
    (settings.tls_cert, settings.tls_key) = identity.settings(files.path());
    (Server::with(settings).await, files)
}

/// Whether a server shows this certificate to a newcomer, and answers.
async fn shows(server: SocketAddr, identity: &Identity) -> bool {
    let tunnel = Tunnel::to(server, identity).await;
    let mut client = Raw::connect(tunnel.address).await;
    client.send_head(HEALTH).await;
    let answer = client.try_answer(false).await;
    answer.is_some_and(|answer| answer.status == 200)
}

#[actix_web::test]
async fn rest_sockets_and_metrics_are_served_and_ended_in_good_order() {
    let data = tempfile::tempdir().unwrap();
    let identity = Identity::new();
    let (cert, key) = identity.write(data.path());
    let mut command = Process::bare();
    command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    command
        .arg("--tls-cert")
        .arg(cert)
        .arg("--tls-key")
        .arg(key);
    command.arg("--data-dir").arg(data.path());
    let mut process = Process::spawn(command, data.path(), true).await;
    assert_eq!(process.scheme, "https");
    let tunnel = Tunnel::to(process.address, &identity).await;
    let site = Site::new(tunnel.address);
    let mut pair = site.clients_in("lobby", &["ana", "ben"]).await;
    pair[0].send("lobby", r#"{"all":"well"}"#).await;
    assert_eq!(pair[1].messages(1).await[0]["content"], r#"{"all":"well"}"#);

    let url = process.metrics.clone().unwrap();
    let metrics = url.strip_prefix("https://").unwrap();
    let metrics = metrics.strip_suffix("/metrics").unwrap().parse().unwrap();
    let tunnel = Tunnel::to(metrics, &identity).await;
    let (status, text) = Site::new(tunnel.address)
        .http("GET", "/metrics", None, "")
        .await;
    let text = String::from_utf8(text).unwrap();
    assert!(
        status == 200 && text.contains("banter_sessions 2"),
        "{text}"
    );

    process.signal("TERM");
    let begun = Instant::now();
    for client in &mut pair {
        let shutdown = Close::Frame(1001, "server shutting down".to_owned());
        assert_eq!(client.closed().await, shutdown);
    }
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    assert!(!process.log().contains("ERROR"), "{}", process.log());
}

#[actix_web::test]
async fn who_reads_late_gets_everything_in_order() {
    const MESSAGES: usize = 250;
    let identity = Identity::new();
    let (server, _files) = server(&identity, settings()).await;
    let tunnel = Tunnel::with_buffers(server.address, &identity, Some(4096)).await;
    let site = Site::new(tunnel.address);
    let mut ana = site.clients_in("lobby", &["ana"]).await.pop().unwrap();
    let tokens = site.sign_in("late").await;
    let late = Client::open_with_buffer(tunnel.address, "late", &tokens, "", Some(4096)).await;
    let mut late = late.unwrap();
    late.join("lobby").await;
    let padding = "y".repeat(3500);
    for n in 0..MESSAGES {
        ana.send("lobby", &format!(r#"{{"n":{n},"x":"{padding}"}}"#))
            .await;
    }
    for (n, message) in late.messages(MESSAGES).await.iter().enumerate() {
        let content = message["content"].as_str().unwrap();
        assert!(
            content.starts_with(&format!(r#"{{"n":{n},"#)),
            "{n}: {content}"
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_new_certificate_is_shown_to_newcomers_and_a_broken_one_is_not() {
    /// What the log says when a pair does not fit.
    const STAYS: &str = "stays in force";
    let (old, new) = (Identity::new(), Identity::new());
    let data = tempfile::tempdir().unwrap();
    let (cert, key) = old.write(data.path());
    let mut command = Process::command(data.path());
    command
        .arg("--tls-cert")
        .arg(&cert)
        .arg("--tls-key")
        .arg(&key);
    let process = Process::spawn(command, data.path(), false).await;
    let shows = async |identity: &Identity| shows(process.address, identity).await;
    let tunnel = Tunnel::to(process.address, &old).await;
    let mut ana = Site::new(tunnel.address).client("ana").await;
    ana.join("lobby").await;
    assert!(shows(&old).await && !shows(&new).await);

    // Half of the new pair is there, and whoever looks now finds that it does not fit.
    fs::write(&cert, &new.cert).unwrap();
    until("the warning", async || {
        process.log().contains(STAYS).then_some(())
    })
    .await;
    let log = process.log();
    let path = cert.display().to_string();
    assert!(log.contains("tls_cert") && log.contains(&path), "{log}");
    assert!(shows(&old).await);

    fs::write(&key, &new.key).unwrap();
    until("the new certificate", async || {
        shows(&new).await.then_some(())
    })
    .await;
    assert!(!shows(&old).await);
    // A connection that is open lives on.
    ana.send("lobby", "{}").await;

    fs::remove_file(&key).unwrap();
    until("another warning", async || {
        let log = process.log();
        (log.matches(STAYS).count() == 2).then_some(())
    })
    .await;
    assert!(
        process.log().contains("tls_key: cannot read"),
        "{}",
        process.log()
    );
    assert!(shows(&new).await);
}

#[actix_web::test]
async fn whoever_speaks_no_tls_is_sent_away_in_time() {
    let identity = Identity::new();
    let (server, _files) = server(&identity, settings()).await;
    let begun = Instant::now();
    let mut silent = Raw::connect(server.address).await;
    // The beginning of a record of which nothing else comes.
    let mut half = Raw::connect(server.address).await;
    assert!(half.send(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await);
    let mut plain = Raw::connect(server.address).await;
    plain.send_head(HEALTH).await;
    assert!(plain.try_answer(false).await.is_none());
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    soon("the end of a half handshake", half.ended()).await;
    soon("the end of silence", silent.ended()).await;
    assert!(shows(server.address, &identity).await);
    server.stop().await;
}

#[actix_web::test]
async fn handshakes_that_are_not_finished_make_way_and_do_not_hold_up_the_end() {
    const PLACES: usize = 16;
    let identity = Identity::new();
    let (server, _files) = server(
        &identity,
        Settings {
            workers: 1,
            max_http_connections: PLACES,
            ..settings()
        },
    )
    .await;
    let mut held = Vec::new();
    for _ in 0..3 * PLACES {
        let mut client = Raw::connect(server.address).await;
        client.send(&[0x16, 0x03, 0x01]).await;
        held.push(client);
    }
    assert!(shows(server.address, &identity).await);
    let begun = Instant::now();
    server.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

#[actix_web::test]
async fn a_pair_that_does_not_fit_is_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let (one, other) = (Identity::new(), Identity::new());
    let (cert, key) = one.write(data.path());
    fs::write(&key, other.key).unwrap();
    let refused = |key: &str| {
        let mut command = Process::command(data.path());
        command
            .arg("--tls-cert")
            .arg(&cert)
            .args(["--tls-key", key]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(key.to_str().unwrap());
    assert!(said.contains("banter: tls_cert, tls_key: "), "{said}");
    let said = refused("/nowhere/key.pem");
    assert!(
        said.contains("banter: tls_key: cannot read /nowhere/key.pem"),
        "{said}"
    );
    let said = refused(cert.to_str().unwrap());
    assert!(
        said.contains("is not a PEM file of a private key"),
        "{said}"
    );
    let said = refused("off");
    assert!(said.contains("banter: setting `tls_key` "), "{said}");
}
