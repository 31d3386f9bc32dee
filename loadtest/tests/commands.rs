//! The program as a whole, against servers of its own: what it says, what it leaves behind, how it exits.

// clippy takes the functions that these tests share for other code.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn loadtest(args: &str, scratch: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(args.split_ascii_whitespace())
        .env("TMPDIR", scratch)
        .output()
        .unwrap()
}

/// Runs a check that is to pass, and gives what it has said.
fn passes(args: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let output = loadtest(args, scratch.path());
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args}: {text}{errors}");
    let name = args.split(' ').next().unwrap();
    let verdict = text.lines().last().unwrap();
    assert!(
        verdict.starts_with(&format!("{name}: passed, no violations")),
        "{verdict}"
    );
    assert!(
        !text.contains('\u{1b}') && !errors.contains('\u{1b}'),
        "{text}{errors}"
    );
    let left = fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(left, 0, "the server's data are still there");
    text
}

#[test]
fn a_tournament_is_played() {
    let text = passes("tournament --players 30 --seconds 4 --seed 1");
    let seed = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("seed"));
    assert_eq!(seed.map(str::trim), Some("1"), "{text}");
    for part in ["round 1", "final", "delivery p50", "own CPU"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn a_tournament_is_played_in_each_format() {
    for format in ["protobuf", "bincode"] {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("report");
        let text = passes(&format!(
            "tournament --players 30 --seconds 4 --seed 2 --format {format} --report {}",
            directory.display()
        ));
        assert!(text.contains(format), "{text}");
        let page = fs::read_to_string(directory.join("report.html")).unwrap();
        assert!(page.contains("<title>tournament, seed 2</title>") && page.contains(format));
        let figures = fs::read_to_string(directory.join("figures.json")).unwrap();
        let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
        assert_eq!(figures["setting"]["format"], format);
        assert_eq!(figures["violation_count"], 0);
        assert!(figures["total"]["counts"]["delivered"].as_u64() > Some(100));
        assert!(figures["server_peak_rss_bytes"].as_u64() > Some(1 << 20));
        assert!(figures["total"]["server_cpu_s"].as_f64() > Some(0.0));
    }
}

#[test]
fn a_room_is_told_what_is_said() {
    assert!(passes("fanout --members 10 --seconds 0.5").contains("server CPU per delivery"));
    assert!(passes("fanout --members 10 --seconds 0.5 --rate 100").contains("100 messages/s"));
}

#[test]
fn what_is_confirmed_is_stored() {
    assert!(passes("persist --senders 8 --rooms 3 --seconds 0.5").contains("acks per second"));
}

#[test]
fn connections_may_idle() {
    let text = passes("idle --connections 30 --join-room --seconds 0.5");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is missing in {text}"))
            .trim()
    };
    for name in [
        "server memory while they stand",
        "server memory after they closed",
    ] {
        assert!(value(name).ends_with(" MB"), "{name}: {}", value(name));
    }
    // Of so few, each may need less than is seen.
    assert!(value("for each connection").ends_with('B'), "{text}");
    assert!(value("server CPU per connect").ends_with('s'), "{text}");
}

#[test]
fn many_join_at_once() {
    assert!(passes("storm --members 50").contains("until all know all"));
}

#[test]
fn a_report_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("report");
    passes(&format!(
        "storm --members 5 --report {}",
        directory.display()
    ));
    let page = fs::read_to_string(directory.join("report.html")).unwrap();
    assert!(page.contains("storm: passed") && page.contains("until all know all"));
    let figures = fs::read_to_string(directory.join("figures.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(figures["passed"], true);
}

#[test]
fn the_verdict_does_not_depend_on_the_report() {
    let scratch = tempfile::tempdir().unwrap();
    let there = scratch.path().join("there");
    let storm = format!(
        "storm --members 5 --url http://127.0.0.1:9 --report {}",
        there.display()
    );
    // Where the page is to be written, something else is.
    fs::create_dir_all(there.join("report.html")).unwrap();
    let output = loadtest(&storm, scratch.path());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().last(), Some("storm: FAILED, 1 violation"));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("loadtest: FAILED, cannot write "),
        "{errors}"
    );
    // No run is made for a directory that there cannot be.
    fs::remove_dir_all(&there).unwrap();
    fs::write(&there, "").unwrap();
    let output = loadtest(&storm, scratch.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn without_a_server_it_fails() {
    let scratch = tempfile::tempdir().unwrap();
    // Nobody serves on the discard port.
    let output = loadtest("storm --members 5 --url http://127.0.0.1:9", scratch.path());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("broken off: a call failed: "), "{text}");
    let last = text.lines().last();
    assert_eq!(last, Some("storm: FAILED, 1 violation"));
    let output = loadtest("storm --members few", scratch.path());
    assert_eq!(output.status.code(), Some(2));
}
