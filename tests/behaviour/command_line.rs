//! Starting the program: what it says, and what it refuses.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use serde_json::json;

use crate::harness::Process;

/// Runs a command that is to end by itself, and returns its exit code and its complaint.
fn complaint(command: &mut Command) -> (i32, String) {
    let Output {
        status,
        stderr,
        stdout,
    } = command.output().unwrap();
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[actix_web::test]
async fn two_servers_cannot_share_a_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let mut first = Process::start(data.path()).await;
    let (code, complaint) = complaint(&mut Process::command(data.path()));
    assert_eq!(code, 1);
    // Behind the first lines of the log.
    let complaints = complaint
        .lines()
        .filter(|line| line.starts_with("banter: "));
    let complaints: Vec<_> = complaints.collect();
    assert_eq!(complaints.len(), 1, "{complaint}");
    assert!(
        complaints[0].starts_with("banter: data_dir: "),
        "{complaint}"
    );
    assert!(
        complaints[0].ends_with("in use by another server"),
        "{complaint}"
    );
    let (status, _) = first.http("GET", "/healthcheck", None, "").await;
    assert_eq!(status, 200, "the first one did not notice");
    first.kill();
    Process::start(data.path()).await;
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("banter.toml");
    fs::write(&file, "pipeline = 8\nno_such_setting = 1\n").unwrap();
    let (code, text) = complaint(Process::command(data.path()).arg("--config").arg(&file));
    assert_eq!(code, 1);
    assert!(
        text.contains("`no_such_setting`") && text.contains("banter.toml"),
        "{text}"
    );
    let (code, text) = complaint(Process::command(data.path()).env("BANTER_NO_SUCH_SETTING", "1"));
    assert_eq!(code, 1);
    assert!(
        text.contains("BANTER_NO_SUCH_SETTING") && text.contains("environment"),
        "{text}"
    );
    let (code, text) = complaint(Process::command(data.path()).arg("--no-such-setting"));
    assert_eq!(code, 2);
    assert!(text.contains("--no-such-setting"), "{text}");
}

#[test]
fn a_value_that_cannot_be_is_named_with_its_setting() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("banter.toml");
    fs::write(&file, "pipeline = 0\n").unwrap();
    let (code, text) = complaint(Process::command(data.path()).arg("--config").arg(&file));
    assert_eq!(code, 1);
    assert!(text.contains("`pipeline`"), "{text}");
    let (code, text) = complaint(Process::command(data.path()).env("BANTER_PING_PERIOD", "fast"));
    assert_eq!(code, 1);
    assert!(text.contains("BANTER_PING_PERIOD"), "{text}");
    let (code, text) = complaint(Process::command(data.path()).args([
        "--ping-period",
        "30s",
        "--pong-wait",
        "10s",
    ]));
    assert_eq!(code, 1);
    assert!(text.contains("`pong_wait`"), "{text}");
}

#[actix_web::test]
async fn the_default_key_does_not_leave_this_machine_unless_allowed() {
    let temp = tempfile::tempdir().unwrap();
    let open = |more: &[&str]| {
        let mut command = Process::bare();
        command.args([
            "--listen",
            "0.0.0.0:0",
            "--metrics-listen",
            "off",
            "--data-dir",
        ]);
        command.arg(temp.path().join("data")).args(more);
        command
    };
    let (code, text) = complaint(&mut open(&[]));
    assert_eq!(code, 1);
    assert!(text.contains("server_key"), "{text}");
    let allowed = Process::spawn(open(&["--allow-default-key"]), temp.path(), false).await;
    allowed.sign_in("ana").await;
    drop(allowed);
    let own = Process::spawn(
        open(&["--server-key", "a key of our own"]),
        temp.path(),
        false,
    )
    .await;
    let path = "/v2/account/authenticate/device";
    let body = r#"{"id":"device-of-ana"}"#;
    let (status, _) = own.http("POST", path, Some(&own.basic()), body).await;
    assert_eq!(status, 401, "the default key is not the key");
}

#[actix_web::test]
async fn what_is_kept_is_for_the_owner_only() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let process = Process::spawn(Process::command(&data), temp.path(), false).await;
    process.sign_in("ana").await;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut keys = 0;
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("key") {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            keys += 1;
        }
    }
    assert_eq!(keys, 3);
}

#[actix_web::test]
async fn more_connections_than_open_files_at_first_are_taken() {
    // The clients are files, too.
    rlimit::increase_nofile_limit(1024).unwrap();
    let data = tempfile::tempdir().unwrap();
    let banter = Process::command(data.path());
    let mut command = Command::new("sh");
    for (name, _) in banter.get_envs() {
        command.env_remove(name);
    }
    command.args(["-c", "ulimit -Sn 64 && exec \"$0\" \"$@\""]);
    command.arg(banter.get_program()).args(banter.get_args());
    let process = Process::spawn(command, data.path(), false).await;
    let tokens = process.sign_in("ana").await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(process.connect("ana", &tokens).await.unwrap());
    }
    for client in &mut held {
        client.request(json!({"ping": {}})).await;
    }
}

#[actix_web::test]
async fn it_says_where_it_listens_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let mut process = Process::start(data.path()).await;
    assert_ne!(process.address.port(), 0);
    process.signal("TERM");
    process.ended().await;
    assert_eq!(process.rest_of_output(), "");
}

#[actix_web::test]
async fn metrics_are_served_where_it_says() {
    let data = tempfile::tempdir().unwrap();
    let (_process, metrics) = Process::with_metrics(data.path()).await;
    let (status, text) = metrics.http("GET", "/metrics", None, "").await;
    assert_eq!(status, 200);
    assert!(
        String::from_utf8(text)
            .unwrap()
            .contains("banter_writer_queue")
    );
}
