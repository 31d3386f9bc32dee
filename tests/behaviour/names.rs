//! Names as others read them: nobody takes one that an open socket still carries.

use serde_json::{Value, json};

use crate::harness::{
    BAD, DONE, Person, Server, Site, TAKEN, Verdict, escape, until, verdict,
};

async fn rename(site: &Site, who: &Person, fields: Value) -> Verdict {
    verdict(&site.ask(who, "PUT", "/v2/account", fields).await)
}

/// Signs up with a device of that name.
async fn sign_up(site: &Site, device: &str, username: &str) -> Verdict {
    let path = format!(
        "/v2/account/authenticate/device?username={}",
        escape(username)
    );
    let body = json!({"id": format!("device-of-{device}")}).to_string();
    let (status, answer) = site.http("POST", &path, Some(&site.basic()), &body).await;
    verdict(&(status, serde_json::from_slice(&answer).unwrap()))
}

#[actix_web::test]
async fn nobody_takes_a_name_that_an_open_socket_still_carries() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut one = server.socket(&ana).await;
    let mut other = server.socket(&ana).await;
    let to = |name: &str| json!({"username": name});
    assert_eq!(rename(&server, &ana, to("anna")).await, DONE);
    assert_eq!(rename(&server, &ben, to("ana")).await, BAD);
    assert_eq!(sign_up(&server, "cleo", "ana").await, TAKEN);
    assert_eq!(one.join("lobby").await["self"]["username"], "ana");
    // It is Ana's for as long, who may also keep the name she has.
    assert_eq!(rename(&server, &ana, to("ana")).await, DONE);
    assert_eq!(rename(&server, &ana, to("ana")).await, DONE);
    assert_eq!(rename(&server, &ana, to("anna")).await, DONE);
    drop(one);
    server.sessions_become(1).await;
    assert_eq!(rename(&server, &ben, to("ana")).await, BAD);
    other.everything().await;
    drop(other);
    until("the name is free", async || {
        (rename(&server, &ben, to("ana")).await == DONE).then_some(())
    })
    .await;
    // Ana's old token still opens sockets by her old name: it takes nothing from Ben, who has it now.
    let _stale = server.socket(&ana).await;
    assert_eq!(
        rename(
            &server,
            &ben,
            json!({"username": "ana", "location": "here"})
        )
        .await,
        DONE
    );
    server.stop().await;
}
