//! What must never be written to a log.

use serde_json::{Value, json};

use crate::harness::{History, Process};

#[actix_web::test]
async fn no_log_level_tells_tokens_passwords_or_what_people_say() {
    const PASSWORD: &str = "correct-horse-battery";
    const SECRET: &str = "between-you-and-me";
    const KEY: &str = "key-of-this-server";
    let data = tempfile::tempdir().unwrap();
    for format in ["json", "text"] {
        let mut command = Process::command(data.path());
        command
            .env("RUST_LOG", "trace")
            .args(["--log-format", format, "--server-key", KEY]);
        let mut process = Process::spawn(command, data.path(), false).await;
        process.set_key(KEY);

        let body = json!({"email": "ana@example.com", "password": PASSWORD}).to_string();
        let path = "/v2/account/authenticate/email?username=anna";
        let (status, answer) = process
            .http("POST", path, Some(&process.basic()), &body)
            .await;
        assert_eq!(status, 200);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let mut clients = process.clients_in("lobby", &["ana", "ben"]).await;
        let said = clients[0]
            .send("lobby", &json!({"text": SECRET}).to_string())
            .await;
        clients[0]
            .update(
                "lobby",
                &said["message_id"],
                &json!({"again": SECRET}).to_string(),
            )
            .await;
        clients[1]
            .try_send("elsewhere", &json!({"text": SECRET}).to_string())
            .await;
        clients[1].messages(2).await;
        let token = clients[0].tokens.token.clone();
        process.history(&token, "lobby", History::default()).await;
        let logout =
            json!({"token": clients[1].tokens.token, "refresh_token": clients[1].tokens.refresh});
        process
            .call(
                "POST",
                "/v2/session/logout",
                &clients[1].tokens.token,
                logout,
            )
            .await;
        clients[0].text(format!(r#"{{"bogus":"{SECRET}"}}"#)).await;
        clients[0].closed().await;

        let mut secrets = vec![PASSWORD.to_owned(), SECRET.to_owned(), KEY.to_owned()];
        for tokens in [&clients[0].tokens, &clients[1].tokens] {
            secrets.extend([tokens.token.clone(), tokens.refresh.clone()]);
        }
        secrets
            .extend(["token", "refresh_token"].map(|key| answer[key].as_str().unwrap().to_owned()));
        drop(clients);
        process.signal("TERM");
        process.ended().await;
        let log = process.log();
        assert!(log.contains("shutting down"), "there is a log: {log}");
        for secret in secrets {
            // The signature alone would be as bad.
            let secret = secret.rsplit('.').next().unwrap();
            for line in log.lines() {
                assert!(!line.contains(secret), "{secret:?} is in the log: {line}");
            }
        }
    }
}
