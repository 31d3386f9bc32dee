//! A disk that takes no more.

use std::process::Command;

use crate::harness::{Process, soon};

/// Bounds the size of files the process may write from now on; `None` lifts the bound.
fn limit_files(process: &Process, bytes: Option<u64>) {
    let bytes = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let status = Command::new("prlimit")
        .args([
            format!("--pid={}", process.id()),
            format!("--fsize={bytes}:"),
        ])
        .status()
        .unwrap();
    assert!(status.success());
}

#[actix_web::test]
async fn a_full_disk_costs_the_messages_it_cannot_take_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    // A write beyond the limit is an error only where the signal for it is ignored.
    let server = Process::command(&data);
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(server.get_program());
    command.args(server.get_args());
    // Faster than people write.
    command.args(["--rate-limits", "off"]);
    let process = Process::spawn(command, temp.path(), false).await;
    let mut clients = process.clients_in("lobby", &["ana", "ben"]).await;
    let (mut ben, mut ana) = (clients.pop().unwrap(), clients.pop().unwrap());
    let mut fleeting = process.client("cid").await;
    let mut acked = Vec::new();
    let mut refused = 0;
    let content = |n: usize| format!(r#"{{"n":{n},"padding":"{}"}}"#, "x".repeat(2000));
    for n in 0..20 {
        acked.push(ana.send("lobby", &content(n)).await["message_id"].clone());
    }

    let log = data.join("banter.sqlite-wal").metadata().unwrap().len();
    limit_files(&process, Some(log + 20_000));
    for n in 20..200 {
        let mut answer = ana.try_send("lobby", &content(n)).await;
        if answer.get("channel_message_ack").is_some() {
            acked.push(answer["channel_message_ack"]["message_id"].take());
        } else {
            refused += 1;
            let error = &answer["error"];
            assert_eq!(
                error["message"], "the message could not be stored",
                "no details: {answer}"
            );
            assert!(
                error.get("code").is_none(),
                "the same may succeed later: {answer}"
            );
        }
    }
    assert!(refused > 100, "{refused} of 180 were refused");
    let (status, _) = process.http("GET", "/healthcheck", None, "").await;
    assert_eq!(status, 200);
    let ids = |list: &[serde_json::Value]| -> Vec<_> {
        list.iter().map(|m| m["message_id"].clone()).collect()
    };
    let history = process.whole_history(&ben.tokens.token, "lobby").await;
    assert_eq!(ids(&history), acked, "what there was can be read");
    fleeting
        .join_as("lobby", serde_json::json!({"persistence": false}))
        .await;
    fleeting.send("lobby", r#"{"not":"stored"}"#).await;

    limit_files(&process, None);
    for n in 200..220 {
        let ack = soon(
            "a send after there is room again",
            ana.send("lobby", &content(n)),
        )
        .await;
        acked.push(ack["message_id"].clone());
    }
    let heard = ben.messages(acked.len() + 1).await;
    let heard: Vec<_> = heard
        .into_iter()
        .filter(|m| m["persistent"] == true)
        .collect();
    assert_eq!(ids(&heard), acked, "nobody heard what was not stored");
    let history = process.whole_history(&ben.tokens.token, "lobby").await;
    assert_eq!(history, heard);

    let mut process = process;
    process.kill();
    let process = Process::start(&data).await;
    let history = process.whole_history(&ben.tokens.token, "lobby").await;
    assert_eq!(history, heard, "after a restart, too");
}
