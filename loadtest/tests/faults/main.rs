//! The program against servers that break their promises, or die: it says which, shows what it has, and exits with 1.

// clippy takes the functions that these tests share for other code.
#![allow(clippy::unwrap_used)]

mod proxy;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use self::proxy::{Fault, Proxy};

fn loadtest(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(args.split_ascii_whitespace());
    command
}

/// A server as the load test starts its own, killed when dropped.
struct Server {
    process: Child,
    address: String,
    _data: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut process = loadtest("serve --listen 127.0.0.1:0 --metrics-listen off --data-dir")
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap();
        Self {
            process,
            address: address.trim_end_matches('/').to_owned(),
            _data: data,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a check against a server with this fault. It must fail, and say so as one must; gives what it said.
fn fails(args: &str, fault: Fault, every: u64) -> String {
    let server = Server::start();
    let proxy = Proxy::before(&server.address, fault, every);
    let output = loadtest(args).args(["--url", &proxy.url]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let hits = proxy.hits();
    assert!(hits > 0, "{args}: nothing went wrong: {text}{errors}");
    assert_eq!(output.status.code(), Some(1), "{args}: {text}{errors}");
    verdict(&text);
    text
}

/// The last line, which must be that of a run that failed.
fn verdict(text: &str) -> &str {
    let verdict = text.lines().last().unwrap();
    assert!(verdict.contains(": FAILED, "), "{text}");
    assert!(text.contains("\nViolations:\n"), "{text}");
    verdict
}

const PERSIST: &str = "persist --senders 4 --rooms 1 --seconds 0.5";
const TOURNAMENT: &str = "tournament --players 30 --seconds 4 --seed 1";

#[test]
fn a_server_without_a_fault_passes_through_the_proxy() {
    let server = Server::start();
    let proxy = Proxy::before(&server.address, Fault::Swap, u64::MAX);
    for args in [PERSIST, TOURNAMENT] {
        let output = loadtest(args).args(["--url", &proxy.url]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        assert!(text.contains("A stock Nakama may deliver"), "{text}");
    }
}

#[test]
fn a_lost_delivery_is_found() {
    let text = fails(PERSIST, Fault::Drop, 50);
    assert!(text.contains("lost or out of order: sender "), "{text}");
    let text = fails(TOURNAMENT, Fault::Drop, 100);
    assert!(text.contains("lost"), "{text}");
}

#[test]
fn a_doubled_delivery_is_found() {
    let text = fails(PERSIST, Fault::Double, 50);
    assert!(text.contains("doubled or out of order: sender "), "{text}");
    let text = fails("fanout --members 5 --seconds 0.5", Fault::Double, 50);
    assert!(text.contains("doubled or out of order: member "), "{text}");
    let text = fails(TOURNAMENT, Fault::Double, 100);
    assert!(text.contains("doubled"), "{text}");
}

#[test]
fn swapped_deliveries_are_found() {
    let text = fails(PERSIST, Fault::Swap, 50);
    assert!(text.contains("doubled or out of order: sender "), "{text}");
    fails(TOURNAMENT, Fault::Swap, 10);
}

/// Whoever waits for what is lost is not to wait for ever.
#[test]
fn a_room_in_which_all_is_lost_ends() {
    let text = fails(
        "fanout --members 5 --seconds 0.5 --window 2",
        Fault::Drop,
        1,
    );
    assert!(
        text.contains("lost: message 0 did not reach 5 members"),
        "{text}"
    );
}

#[test]
fn a_cut_connection_is_found_and_what_was_found_before_is_told() {
    let text = fails(PERSIST, Fault::Cut, 50);
    assert!(text.contains("cut off: sender "), "{text}");
    assert!(text.contains("acks per second"), "{text}");
}

#[test]
fn a_server_that_refuses_connections_fails_the_run() {
    let text = fails("storm --members 20", Fault::Refuse, 10);
    assert!(text.contains("broken off: cannot connect: "), "{text}");
}

/// A run that is told of as lasting, once it has lasted a while.
fn long_run(report: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut run = loadtest("persist --senders 4 --seconds 100 --report")
        .arg(report)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(" s send: ") {
        line.clear();
        assert!(errors.read_line(&mut line).unwrap() > 0, "it ended");
    }
    (run, errors)
}

fn signal(name: &str, pid: &str) {
    let killed = Command::new("kill").args([name, pid]).status().unwrap();
    assert!(killed.success());
}

/// What a run says that has been broken off, and what its figures are.
fn broken_off(mut run: Child, report: &std::path::Path) -> (String, serde_json::Value) {
    let mut text = String::new();
    run.stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(1), "{text}");
    verdict(&text);
    // What was measured is there.
    assert!(
        text.lines()
            .any(|line| line.trim_start().starts_with("send ")),
        "{text}"
    );
    let figures = fs::read_to_string(report.join("figures.json")).unwrap();
    (text, serde_json::from_str(&figures).unwrap())
}

#[test]
fn an_interrupted_run_tells_what_it_has() {
    let scratch = tempfile::tempdir().unwrap();
    let (run, _errors) = long_run(scratch.path().to_str().unwrap());
    signal("-INT", &run.id().to_string());
    let (text, figures) = broken_off(run, scratch.path());
    assert!(text.contains("broken off: interrupted"), "{text}");
    assert_eq!(figures["violation_count"], 1);
    assert!(figures["total"]["counts"]["acked"].as_u64() > Some(0));
}

#[test]
fn a_run_whose_server_dies_tells_what_it_has() {
    let scratch = tempfile::tempdir().unwrap();
    let (run, _errors) = long_run(scratch.path().to_str().unwrap());
    let pid = run.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    signal("-KILL", children.trim());
    let (text, figures) = broken_off(run, scratch.path());
    assert!(text.contains("the server ended with signal: 9"), "{text}");
    assert!(figures["total"]["counts"]["acked"].as_u64() > Some(0));
}
