//! The data directory: what belongs together is there, and is nobody else's to read.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::harness::Process;

/// A data directory in which a server has been killed, and a token of that time.
async fn used(data: &Path) -> String {
    let mut process = Process::start(data).await;
    let mut ana = process.clients_in("lobby", &["ana"]).await.pop().unwrap();
    ana.send("lobby", "{}").await;
    process.kill();
    ana.tokens.token.clone()
}

/// The complaint of a server that does not start.
fn refusal(data: &Path) -> String {
    let output = Process::command(data).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    let complaint = log.lines().find(|line| line.starts_with("banter: "));
    complaint.expect("a complaint").to_owned()
}

async fn account(process: &Process, token: &str) -> u16 {
    process
        .call("GET", "/v2/account", token, Value::Null)
        .await
        .0
}

#[actix_web::test]
async fn a_server_does_not_start_anew_where_its_database_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path();
    let token = used(data).await;
    let (database, log) = (data.join("banter.sqlite"), data.join("banter.sqlite-wal"));
    assert!(log.metadata().unwrap().len() > 0, "killed with a log");
    let aside = temp.path().join("aside");
    fs::rename(&database, &aside).unwrap();

    let keys = ["session.key", "refresh.key", "cursor.key"];
    let told = refusal(data);
    for name in keys
        .into_iter()
        .chain(["banter.sqlite-wal", "banter restore", "start anew"])
    {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(!database.exists() && log.exists(), "nothing was touched");
    fs::write(&database, "").unwrap();
    assert!(refusal(data).contains("missing or empty"));
    fs::rename(&log, temp.path().join("log-aside")).unwrap();
    assert!(refusal(data).contains("missing or empty"));
    fs::rename(temp.path().join("log-aside"), &log).unwrap();
    for key in keys {
        fs::rename(data.join(key), data.join(key).with_extension("aside")).unwrap();
    }
    assert!(refusal(data).contains("banter.sqlite-wal"), "the log alone");
    for key in keys {
        fs::rename(data.join(key).with_extension("aside"), data.join(key)).unwrap();
    }

    fs::rename(&aside, &database).unwrap();
    let process = Process::start(data).await;
    assert_eq!(process.whole_history(&token, "lobby").await.len(), 1);
    drop(process);

    // What the refusal says has to go.
    for name in keys
        .into_iter()
        .chain(["banter.sqlite", "banter.sqlite-wal", "banter.sqlite-shm"])
    {
        fs::remove_file(data.join(name)).unwrap();
    }
    let process = Process::start(data).await;
    assert_eq!(account(&process, &token).await, 401);
}

#[actix_web::test]
async fn a_database_whose_tables_are_in_a_lost_log_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    used(temp.path()).await;
    fs::remove_file(temp.path().join("banter.sqlite-wal")).unwrap();
    assert!(refusal(temp.path()).contains("missing or empty"));
}

#[actix_web::test]
async fn a_first_start_that_was_cut_off_is_no_loss() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("lock"), "").unwrap();
    fs::write(temp.path().join("banter.sqlite"), "").unwrap();
    Process::start(temp.path()).await.sign_in("ana").await;
}

#[actix_web::test]
async fn lost_keys_end_all_sessions_and_the_log_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let token = used(temp.path()).await;
    fs::remove_file(temp.path().join("session.key")).unwrap();
    let process = Process::start(temp.path()).await;
    assert_eq!(account(&process, &token).await, 401);
    let token = process.sign_in("ana").await.token;
    assert_eq!(process.whole_history(&token, "lobby").await.len(), 1);
    let log = process.log();
    let warning = log.lines().find(|line| line.contains("keys are missing"));
    assert!(
        warning.is_some_and(|line| line.contains("session.key") && !line.contains("refresh.key")),
        "{log}"
    );
}

#[actix_web::test]
async fn a_key_that_others_may_read_is_no_key() {
    let temp = tempfile::tempdir().unwrap();
    used(temp.path()).await;
    let key = temp.path().join("refresh.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let told = refusal(temp.path());
    assert!(
        told.contains(&format!("chmod 600 {}", key.display())),
        "{told}"
    );
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    Process::start(temp.path()).await;
}

#[actix_web::test]
async fn files_are_the_owners_alone_whatever_the_directory() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o777)).unwrap();
    let banter = Process::command(&data);
    let open = || {
        let mut command = Command::new("sh");
        for (name, _) in banter.get_envs() {
            command.env_remove(name);
        }
        command.args(["-c", "umask 000; exec \"$0\" \"$@\""]);
        command.arg(banter.get_program()).args(banter.get_args());
        command
    };
    let files = [
        "banter.sqlite",
        "banter.sqlite-wal",
        "banter.sqlite-shm",
        "lock",
    ];
    let private = || {
        for entry in fs::read_dir(&data).unwrap() {
            let path = entry.unwrap().path();
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        assert!(files.iter().all(|file| data.join(file).exists()));
    };
    let mut process = Process::spawn(open(), temp.path(), false).await;
    process.sign_in("ana").await;
    private();
    process.kill();
    // As an older version has left them.
    for file in files {
        fs::set_permissions(data.join(file), Permissions::from_mode(0o644)).unwrap();
    }
    let process = Process::spawn(open(), temp.path(), false).await;
    process.sign_in("ben").await;
    private();
}

#[actix_web::test]
async fn the_server_key_may_come_from_a_file_of_the_owners() {
    let temp = tempfile::tempdir().unwrap();
    let (data, key) = (temp.path().join("data"), temp.path().join("server.key"));
    fs::write(&key, "a key of our own\n").unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let with_file = || {
        let mut command = Process::command(&data);
        command.arg("--server-key-file").arg(&key);
        command
    };
    let mut process = Process::spawn(with_file(), temp.path(), false).await;
    let path = "/v2/account/authenticate/device";
    let body = json!({"id": "device-of-ana"}).to_string();
    let (status, _) = process
        .http("POST", path, Some(&process.basic()), &body)
        .await;
    assert_eq!(status, 401, "the default key is not the key");
    process.set_key("a key of our own");
    process.sign_in("ana").await;
    drop(process);

    let complaint = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let told = complaint(with_file().args(["--server-key", "another"]));
    assert!(
        told.contains("`server_key_file`") && told.contains("server_key:"),
        "{told}"
    );
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let told = complaint(&mut with_file());
    assert!(
        told.contains("chmod 600") && !told.contains("a key of our own"),
        "{told}"
    );
    fs::remove_file(&key).unwrap();
    let told = complaint(&mut with_file());
    assert!(told.contains(key.to_str().unwrap()), "{told}");
}
