//! Backups, restores and checks: what an operator does beside the server.

use std::{
    cell::Cell,
    fs::{self, File},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
    process::Output,
};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::harness::{Process, pour, until};

/// Runs a command of the program to its end: exit code, what it says, what it complains of.
fn run(args: &[&str], dirs: &[&Path]) -> (i32, String, String) {
    let mut command = Process::bare();
    command.arg(args[0]).args(dirs).args(&args[1..]);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn backup(data: &Path, to: &Path) -> (i32, String, String) {
    run(&["backup", "--data-dir", data.to_str().unwrap()], &[to])
}

fn restore(from: &Path, data: &Path) -> (i32, String, String) {
    run(&["restore", "--data-dir", data.to_str().unwrap()], &[from])
}

fn check(data: &Path) -> (i32, String, String) {
    run(&["check", "--data-dir", data.to_str().unwrap()], &[])
}

/// The files in a directory by name, those of the test left out.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "log-of-the-test").collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A data directory in which a server has been, and the token of the one who was there.
async fn used(data: &Path) -> String {
    let mut process = Process::start(data).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    for n in 0..20 {
        ana.send(
            "lobby",
            &json!({"n": n, "padding": "x".repeat(2000)}).to_string(),
        )
        .await;
    }
    let token = ana.tokens.token.clone();
    process.signal("TERM");
    drop(ana);
    assert_eq!(process.ended().await.code(), Some(0));
    token
}

#[actix_web::test]
async fn a_backup_of_a_server_under_load_has_all_that_was_acked_before_it_began() {
    const CLIENTS: usize = 4;
    let rooms = ["red", "green"];
    let temp = tempfile::tempdir().unwrap();
    let (data, copy, anew) = (
        temp.path().join("data"),
        temp.path().join("copy"),
        temp.path().join("anew"),
    );
    let mut process = Process::spawn(Process::command(&data), temp.path(), false).await;
    let reader = process.sign_in("reader").await.token;
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let mut client = process.client(&format!("user{n}")).await;
        client.join_as(rooms[n % 2], json!({"hidden": true})).await;
        clients.push(client);
    }
    let acks: [Cell<usize>; CLIENTS] = Default::default();
    let count = || acks.iter().map(Cell::get).sum::<usize>();
    let pouring = join_all(
        clients
            .iter_mut()
            .enumerate()
            .map(|(n, client)| pour(client, rooms[n % 2], "backup", &acks[n])),
    );
    let copying = async {
        until("acks", async || (count() >= 200).then_some(())).await;
        let before = acks.each_ref().map(Cell::get);
        let (from, to) = (data.clone(), copy.clone());
        let (code, said, complaint) =
            actix_web::rt::task::spawn_blocking(move || backup(&from, &to))
                .await
                .unwrap();
        assert_eq!((code, complaint.as_str()), (0, ""));
        assert!(said.contains("checked"), "{said}");
        let after = count();
        until("more acks", async || (count() > after + 100).then_some(())).await;
        process.kill();
        before
    };
    let (poured, before) = join(pouring, copying).await;
    let files = ["banter.sqlite", "cursor.key", "refresh.key", "session.key"];
    assert_eq!(names(&copy), files);
    assert_eq!(mode(&copy), 0o700);
    for file in files {
        assert_eq!(mode(&copy.join(file)), 0o600, "{file}");
    }

    let (code, said, complaint) = restore(&copy, &anew);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(said.contains("restored"), "{said}");
    let restored = Process::spawn(Process::command(&anew), temp.path(), false).await;
    let original = Process::spawn(Process::command(&data), temp.path(), false).await;
    for room in rooms {
        let all = original.whole_history(&reader, room).await;
        let history = restored.whole_history(&reader, room).await;
        assert_eq!(
            history,
            all[..history.len()],
            "one moment, nothing left out"
        );
        let ids: Vec<&Value> = history.iter().map(|m| &m["message_id"]).collect();
        for (poured, before) in poured.iter().zip(before).filter(|(p, _)| p.room == room) {
            let mut rest = ids.iter();
            for id in &poured.acked[..before] {
                assert!(rest.any(|known| *known == id), "{room}: {id} is missing");
            }
        }
    }
    // Also who signs in anew finds what there was.
    let mut ana = restored.client("user0").await;
    ana.join("red").await;
    ana.send("red", r#"{"goes":"on"}"#).await;
}

#[actix_web::test]
async fn a_backup_goes_nowhere_but_into_a_directory_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let (data, copy) = (temp.path().join("data"), temp.path().join("copy"));
    let (code, _, complaint) = backup(&data, &copy);
    assert_eq!(code, 1);
    assert!(complaint.contains("no database in"), "{complaint}");
    assert!(!copy.exists());
    fs::create_dir(&data).unwrap();
    used(&data).await;
    fs::create_dir(&copy).unwrap();
    assert_eq!(backup(&data, &copy).0, 0, "an empty one will do");
    let (code, _, complaint) = backup(&data, &copy);
    assert_eq!(code, 1);
    assert!(complaint.contains("is not empty"), "{complaint}");
}

#[actix_web::test]
async fn a_copy_of_a_damaged_database_is_no_backup() {
    let temp = tempfile::tempdir().unwrap();
    let copy = temp.path().join("copy");
    let data = temp.path().join("data");
    fs::create_dir(&data).unwrap();
    used(&data).await;
    spoil(&data);
    let (code, _, complaint) = backup(&data, &copy);
    assert_eq!(code, 1);
    assert!(complaint.contains("damaged"), "{complaint}");
    assert!(
        !copy.exists(),
        "nothing is left that could be taken for one"
    );
}

/// Overwrites a page in the middle of the database.
fn spoil(dir: &Path) {
    let file = File::options()
        .write(true)
        .open(dir.join("banter.sqlite"))
        .unwrap();
    let page = file.metadata().unwrap().len() / 4096 / 2;
    file.write_all_at(&[0xa5; 4096], page * 4096).unwrap();
}

#[actix_web::test]
async fn a_restore_replaces_nothing_and_takes_only_what_is_whole() {
    let temp = tempfile::tempdir().unwrap();
    let dir = |name: &str| temp.path().join(name);
    let (data, copy) = (dir("data"), dir("copy"));
    fs::create_dir(&data).unwrap();
    let token = used(&data).await;
    assert_eq!(backup(&data, &copy).0, 0);

    let (code, _, complaint) = restore(&copy, &data);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("already holds") && complaint.contains("banter.sqlite"),
        "{complaint}"
    );
    let process = Process::start(&data).await;
    let (code, _, complaint) = restore(&copy, &data);
    assert_eq!(code, 1);
    assert!(complaint.contains("in use"), "{complaint}");
    drop(process);

    // As a backup looks that was cut off.
    let half = dir("half");
    fs::create_dir(&half).unwrap();
    for name in names(&copy) {
        fs::copy(copy.join(&name), half.join(&name)).unwrap();
    }
    fs::rename(half.join("banter.sqlite"), half.join("banter.partial")).unwrap();
    let (code, _, complaint) = restore(&half, &dir("anew"));
    assert_eq!(code, 1);
    assert!(complaint.contains("no database in"), "{complaint}");
    // Nor is it taken for one by whoever copies it by hand.
    let refused = Process::command(&half).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));

    fs::rename(half.join("banter.partial"), half.join("banter.sqlite")).unwrap();
    spoil(&half);
    let (code, _, complaint) = restore(&half, &dir("anew"));
    assert_eq!(code, 1);
    assert!(complaint.contains("damaged"), "{complaint}");
    assert_eq!(names(&dir("anew")), ["lock"], "nothing of it is left");

    // On media that keep no modes all files are everybody's.
    for name in names(&copy) {
        fs::set_permissions(copy.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(restore(&copy, &dir("anew")).0, 0);
    for name in names(&dir("anew")) {
        assert_eq!(mode(&dir("anew").join(&name)), 0o600, "{name}");
    }
    let restored = Process::start(&dir("anew")).await;
    assert_eq!(restored.whole_history(&token, "lobby").await.len(), 20);
}

#[actix_web::test]
async fn damage_is_found_and_told() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    used(data).await;
    let process = Process::start(data).await;
    let (code, said, complaint) = check(data);
    assert_eq!((code, complaint.as_str()), (0, ""), "beside a server, too");
    assert!(said.contains("no damage"), "{said}");
    drop(process);

    let key = data.join("session.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said, _) = check(data);
    assert_eq!(code, 1);
    assert!(said.contains("chmod 600"), "{said}");
    fs::remove_file(&key).unwrap();
    let (code, said, _) = check(data);
    assert_eq!(code, 1);
    assert!(said.contains("session.key: missing"), "{said}");

    spoil(data);
    let (code, said, complaint) = check(data);
    assert_eq!(code, 1);
    assert!(said.contains("damaged page"), "{said}");
    assert!(complaint.contains("is damaged"), "{complaint}");

    fs::remove_file(data.join("banter.sqlite")).unwrap();
    let (code, _, complaint) = check(data);
    assert_eq!(code, 1);
    assert!(complaint.contains("no database in"), "{complaint}");
}
