//! How long a login lasts: until its token expires, a refresh token is used again, or the password changes.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::future::{join, join3};
use serde_json::{Value, json};

use crate::harness::{
    BAD, Client, Close, DONE, Door, Server, Site, Tokens, Verdict, settings, soon,
    through_both_doors, verdict,
};

through_both_doors!(by_setting_a_socket_ends_with_its_token);

const POLICY: u16 = 1008;
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

async fn refresh(site: &Site, with: &Tokens) -> Result<Tokens, Verdict> {
    let body = json!({"token": with.refresh});
    tokens(post(site, "/v2/account/session/refresh", body).await)
}

async fn is_good(site: &Site, tokens: &Tokens) -> bool {
    let account = site.call("GET", "/v2/account", &tokens.token, Value::Null);
    account.await.0 == 200
}

async fn is_closed_for(client: &mut Client, reason: &str) {
    let close = client.closed().await;
    assert_eq!(close, Close::Frame(POLICY, reason.to_owned()));
}

async fn by_setting_a_socket_ends_with_its_token(door: Door) {
    for closes in [true, false] {
        let mut short = settings();
        short.token_expiry = Duration::from_secs(1);
        short.close_at_token_expiry = closes;
        let server = Server::through(door, short).await;
        let mut ana = server.client("ana").await;
        let begun = Instant::now();
        if closes {
            is_closed_for(&mut ana, "token has expired").await;
            // Whole seconds, and looked after a few times in each.
            assert!(begun.elapsed() < Duration::from_secs(3));
            let fresh = refresh(&server, &ana.tokens).await.unwrap();
            assert!(server.connect("ana", &fresh).await.is_ok());
        } else {
            soon("the token's end", async {
                while is_good(&server, &ana.tokens).await {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
            ana.everything().await;
        }
        server.stop().await;
    }
}

fn rotating(grace: Duration) -> banter::Settings {
    let mut rotating = settings();
    rotating.rotate_refresh_tokens = true;
    rotating.refresh_grace = grace;
    rotating
}

#[actix_web::test]
async fn by_setting_a_refresh_token_is_good_once_and_its_reuse_ends_the_sign_in() {
    let server = Server::with(rotating(Duration::ZERO)).await;
    let mut phone = server.client("ana").await;
    let mut desk = server.client("ana").await;
    let second = refresh(&server, &phone.tokens).await.unwrap();
    let third = refresh(&server, &second).await.unwrap();
    let mut thief = server.connect("ana", &third).await.unwrap();
    let server = {
        // What has been used is known after a restart.
        drop((phone, thief, desk));
        server.restart(rotating(Duration::ZERO)).await
    };
    phone = server.connect("ana", &third).await.unwrap();
    thief = server.connect("ana", &second).await.unwrap();
    desk = server.client("ana").await;
    assert!(is_good(&server, &third).await);
    assert_eq!(refresh(&server, &second).await.err(), Some(UNAUTHENTICATED));
    for client in [&mut phone, &mut thief] {
        is_closed_for(client, "refresh token used again").await;
    }
    let server = server.restart(rotating(Duration::ZERO)).await;
    for tokens in [&second, &third] {
        assert!(!is_good(&server, tokens).await);
        assert_eq!(refresh(&server, tokens).await.err(), Some(UNAUTHENTICATED));
    }
    // The other sign-in goes on.
    assert!(is_good(&server, &desk.tokens).await);
    assert!(refresh(&server, &desk.tokens).await.is_ok());
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_has_lost_the_answer_refreshes_again() {
    let server = Server::with(rotating(Duration::from_secs(300))).await;
    let first = server.sign_in("ana").await;
    // Both at once, as clients do.
    let both = join(refresh(&server, &first), refresh(&server, &first));
    let (one, other) = both.await;
    let (one, other) = (one.unwrap(), other.unwrap());
    let again = refresh(&server, &first).await.unwrap();
    // Whichever of them it keeps is the newest; then the first one has had its time.
    let next = refresh(&server, &other).await.unwrap();
    for tokens in [&first, &one, &other, &again, &next] {
        assert!(is_good(&server, tokens).await);
    }
    assert_eq!(refresh(&server, &first).await.err(), Some(UNAUTHENTICATED));
    for tokens in [&first, &one, &other, &again, &next] {
        assert!(!is_good(&server, tokens).await);
    }
    server.stop().await;
}

#[actix_web::test]
async fn of_two_who_refresh_at_once_without_grace_one_wins_and_the_other_ends_it() {
    let server = Server::with(rotating(Duration::ZERO)).await;
    for n in 0..5 {
        let first = server.sign_in(&format!("user{n}")).await;
        let both = join(refresh(&server, &first), refresh(&server, &first));
        let (one, other) = both.await;
        assert!(one.is_ok() != other.is_ok());
        assert!(!is_good(&server, &first).await);
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_setting_can_come_and_go() {
    let server = Server::start().await;
    let first = server.sign_in("ana").await;
    let second = refresh(&server, &first).await.unwrap();
    assert!(refresh(&server, &first).await.is_ok(), "good for ever");
    let server = server.restart(rotating(Duration::ZERO)).await;
    let third = refresh(&server, &second).await.unwrap();
    let server = server.restart(settings()).await;
    let fourth = refresh(&server, &third).await.unwrap();
    let server = server.restart(rotating(Duration::ZERO)).await;
    assert!(refresh(&server, &fourth).await.is_ok());
    server.stop().await;
}

/// Signs in by email; makes the account when there is none.
async fn by_email(site: &Site, email: &str, password: &str) -> Result<Tokens, Verdict> {
    let body = json!({"email": email, "password": password});
    tokens(post(site, "/v2/account/authenticate/email?create=false", body).await)
}

async fn sign_up(site: &Site, email: &str, password: &str) -> Tokens {
    let body = json!({"email": email, "password": password});
    tokens(post(site, "/v2/account/authenticate/email", body).await).unwrap()
}

async fn email(site: &Site, verb: &str, by: &Tokens, body: Value) -> Verdict {
    let path = format!("/v2/account/{verb}/email");
    verdict(&site.call("POST", &path, &by.token, body).await)
}

const ANA: &str = "ana@example.com";

#[actix_web::test]
async fn a_changed_password_ends_all_other_sessions() {
    let server = Server::start().await;
    let own = sign_up(&server, ANA, "password-1").await;
    let other = by_email(&server, ANA, "password-1").await.unwrap();
    let stranger = server.sign_in("stranger").await;
    let mut here = server.connect("ana", &own).await.unwrap();
    let mut there = server.connect("ana", &other).await.unwrap();
    // The same again is no change.
    let link = |password: &str| json!({"email": ANA, "password": password});
    assert_eq!(email(&server, "link", &own, link("password-1")).await, DONE);
    assert!(is_good(&server, &other).await);

    assert_eq!(email(&server, "link", &own, link("password-2")).await, DONE);
    is_closed_for(&mut there, "password changed").await;
    here.everything().await;
    let old = by_email(&server, ANA, "password-1").await;
    assert_eq!(old.err(), Some(UNAUTHENTICATED));
    let new = by_email(&server, ANA, "password-2").await.unwrap();
    let after = async |server: &Server| {
        for (tokens, good) in [
            (&own, true),
            (&other, false),
            (&stranger, true),
            (&new, true),
        ] {
            assert_eq!(is_good(server, tokens).await, good);
            assert_eq!(refresh(server, tokens).await.is_ok(), good);
        }
    };
    after(&server).await;
    let server = server.restart(settings()).await;
    after(&server).await;
    // The next change spares another session.
    let moved = json!({"email": "ana@example.org", "password": "password-2"});
    assert_eq!(email(&server, "link", &new, moved).await, DONE);
    assert!(is_good(&server, &new).await && !is_good(&server, &own).await);
    server.stop().await;
}

#[actix_web::test]
async fn a_first_email_ends_nobodys_session() {
    let server = Server::start().await;
    let one = server.sign_in("ana").await;
    let other = server.sign_in("ana").await;
    let link = json!({"email": ANA, "password": "password-1"});
    assert_eq!(email(&server, "link", &one, link).await, DONE);
    assert!(is_good(&server, &other).await);
    server.stop().await;
}

#[actix_web::test]
async fn a_sign_in_with_the_old_password_does_not_outlive_it() {
    let server = Server::start().await;
    let mut password = "password-0".to_owned();
    let own = sign_up(&server, ANA, &password).await;
    let mut signed_in = 0;
    for n in 1..4 {
        let next = format!("password-{n}");
        let link = json!({"email": ANA, "password": next});
        // Again and again until it is changed, so that the last ones look at the old password, and are in after that.
        let over = Cell::new(false);
        let change = async {
            assert_eq!(email(&server, "link", &own, link).await, DONE);
            over.set(true);
        };
        let sign_in = async || {
            let mut all = Vec::new();
            while !over.get() {
                all.extend(by_email(&server, ANA, &password).await);
            }
            all
        };
        let (_, one, other) = join3(change, sign_in(), sign_in()).await;
        signed_in += one.len() + other.len();
        for tokens in one.iter().chain(&other) {
            assert!(!is_good(&server, tokens).await, "round {n}");
        }
        password = next;
    }
    assert!(signed_in > 0, "nobody has tried");
    server.stop().await;
}

#[actix_web::test]
async fn by_setting_the_old_password_is_asked_for() {
    let mut strict = settings();
    strict.require_old_password = true;
    let server = Server::with(strict).await;
    let own = sign_up(&server, ANA, "password-1").await;
    let other = by_email(&server, ANA, "password-1").await.unwrap();
    let wrong = post(
        &server,
        "/v2/account/authenticate/email?create=false",
        json!({"email": ANA, "password": "password-x"}),
    )
    .await;
    assert_eq!(verdict(&wrong), UNAUTHENTICATED);
    let elsewhere = "ana@example.org";
    for address in [ANA, elsewhere] {
        for vars in [
            json!(null),
            json!({}),
            json!({"old_password": "password-x"}),
        ] {
            let body = json!({"email": address, "password": "password-2", "vars": vars});
            let refused = server
                .call("POST", "/v2/account/link/email", &own.token, body)
                .await;
            assert_eq!(refused, wrong, "{vars}");
        }
    }
    assert!(is_good(&server, &other).await);
    let good = json!({"old_password": "password-1"});
    let link = json!({"email": elsewhere, "password": "password-2", "vars": good});
    assert_eq!(email(&server, "link", &own, link).await, DONE);
    assert!(!is_good(&server, &other).await);
    // As it is to be unlinked, which the last identity is not.
    let unlink = |vars: Value| json!({"email": elsewhere, "vars": vars});
    assert_eq!(
        email(&server, "unlink", &own, unlink(good)).await,
        UNAUTHENTICATED
    );
    let good = json!({"old_password": "password-2"});
    assert_eq!(
        email(&server, "unlink", &own, unlink(good.clone())).await,
        (403, 7)
    );
    let device = json!({"id": "device-of-ana"});
    let linked = server
        .call("POST", "/v2/account/link/device", &own.token, device)
        .await;
    assert_eq!(verdict(&linked), DONE);
    assert_eq!(email(&server, "unlink", &own, unlink(good)).await, DONE);
    // A first email replaces nothing.
    let link = json!({"email": ANA, "password": "password-3"});
    assert_eq!(email(&server, "link", &own, link).await, DONE);
    let malformed = json!({"email": "nobody", "password": "password-3"});
    assert_eq!(email(&server, "link", &own, malformed).await, BAD);
    server.stop().await;
}

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
