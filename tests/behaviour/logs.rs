//! What must never be written to a log.

use serde_json::{Value, json};

use crate::harness::{History, Process, Tokens};

#[actix_web::test]
async fn no_log_level_tells_tokens_passwords_or_what_people_say() {
    const PASSWORD: &str = "correct-horse-battery";
    const WRONG: &str = "wrong-horse-battery";
    const NAME: &str = "ana-of-the-hills";
    const SECRET: &str = "between-you-and-me";
    const KEY: &str = "key-of-this-server";
    let data = tempfile::tempdir().unwrap();
    let address = format!("{NAME}@example.com");
    for format in ["json", "text"] {
        let mut command = Process::command(data.path());
        command
            .env("RUST_LOG", "trace")
            .args(["--log-format", format, "--server-key", KEY]);
        let mut process = Process::spawn(command, data.path(), false).await;
        process.set_key(KEY);

        let body = json!({"email": address, "password": PASSWORD}).to_string();
        let path = "/v2/account/authenticate/email?username=anna";
        let (status, answer) = process
            .http("POST", path, Some(&process.basic()), &body)
            .await;
        assert_eq!(status, 200);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let wrong = json!({"email": address, "password": WRONG}).to_string();
        let (status, _) = process
            .http("POST", path, Some(&process.basic()), &wrong)
            .await;
        assert_eq!(status, 401);
        let refresh = |token: &str| json!({ "token": token }).to_string();
        let path = "/v2/account/session/refresh";
        for (token, wanted) in [
            (answer["refresh_token"].as_str().unwrap(), 200),
            (WRONG, 401),
        ] {
            let (status, _) = process
                .http("POST", path, Some(&process.basic()), &refresh(token))
                .await;
            assert_eq!(status, wanted);
        }
        let nobody = Tokens {
            token: WRONG.to_owned(),
            refresh: String::new(),
        };
        assert_eq!(process.connect("nobody", &nobody).await.err(), Some(401));
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

        let mut secrets = [PASSWORD, WRONG, NAME, SECRET, KEY]
            .map(str::to_owned)
            .to_vec();
        for tokens in [&clients[0].tokens, &clients[1].tokens] {
            secrets.extend([tokens.token.clone(), tokens.refresh.clone()]);
        }
        secrets
            .extend(["token", "refresh_token"].map(|key| answer[key].as_str().unwrap().to_owned()));
        drop(clients);
        process.signal("TERM");
        process.ended().await;
        let log = process.log();
        for event in [
            "signed in",
            "sign-in refused",
            "invalid credentials",
            "socket refused",
            "connected",
            "ended",
            "malformed envelope",
            "shutting down",
        ] {
            assert!(log.contains(event), "{event:?} is not in the log: {log}");
        }
        for secret in secrets {
            // The signature alone would be as bad.
            let secret = secret.rsplit('.').next().unwrap();
            for line in log.lines() {
                assert!(!line.contains(secret), "{secret:?} is in the log: {line}");
            }
        }
    }
}
