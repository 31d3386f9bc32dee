//! How long a login lasts, and how long it takes to refuse one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Server, Site, Tokens, Verdict, verdict};

const UNAUTHENTICATED: Verdict = (401, 16);

async fn post(site: &Site, path: &str, body: Value) -> (u16, Value) {
    let basic = site.basic();
    let (status, answer) = site
        .http("POST", path, Some(&basic), &body.to_string())
        .await;
    (status, serde_json::from_slice(&answer).unwrap())
}

fn tokens((status, answer): (u16, Value)) -> Result<Tokens, Verdict> {
    let text = |key: &str| answer[key].as_str().unwrap().to_owned();
    match status {
        200 => Ok(Tokens {
            token: text("token"),
            refresh: text("refresh_token"),
        }),
        _ => Err(verdict(&(status, answer))),
    }
}

async fn sign_up(site: &Site, email: &str, password: &str) -> Tokens {
    let body = json!({"email": email, "password": password});
    tokens(post(site, "/v2/account/authenticate/email", body).await).unwrap()
}

const ANA: &str = "ana@example.com";

/// The least of three, as the machine may be busy.
async fn least(mut ask: impl AsyncFnMut() -> Verdict, verdict: Verdict) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(ask().await, verdict);
        least = least.min(begun.elapsed());
    }
    least
}

#[actix_web::test]
async fn an_unknown_account_is_answered_as_late_as_a_known_one() {
    let server = Server::start().await;
    sign_up(&server, ANA, "password-1").await;
    server.sign_in("device").await;
    let path = "/v2/account/authenticate/email?create=false";
    let ask = async |path: &str, body: Value| verdict(&post(&server, path, body).await);
    let with = |email: &str| json!({"email": email, "password": "password-x"});
    let known = least(async || ask(path, with(ANA)).await, UNAUTHENTICATED).await;
    let unknown = least(async || ask(path, with("eve@example.com")).await, (404, 5)).await;
    let named = |name: &str| format!("{path}&username={name}");
    let nameless = least(async || ask(&named("nobody"), with("")).await, (404, 5)).await;
    let without = least(
        async || ask(&named("device"), with("")).await,
        UNAUTHENTICATED,
    )
    .await;
    // Without a hash it is hundreds of times less.
    for time in [unknown, nameless, without] {
        assert!(time > known / 20, "{time:?}, but {known:?}");
    }
    server.stop().await;
}
