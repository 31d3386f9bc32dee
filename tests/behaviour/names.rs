//! Names as others read them: nobody takes one that an open socket still carries, and none holds what nobody sees.

use banter::config::InvisibleNames;
use serde_json::{Value, json};

use crate::harness::{
    BAD, DONE, Person, Server, Site, TAKEN, Verdict, escape, settings, until, verdict,
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

const UNSEEN: [&str; 5] = [
    "an\u{202e}a",
    "an\u{200b}a",
    "an\u{ad}a",
    "an\u{3164}a",
    "an\u{e0061}a",
];

#[actix_web::test]
async fn names_with_something_that_nobody_sees_are_refused() {
    let server = Server::start().await;
    let ben = server.person("ben").await;
    let group = server.create_group(&ben, "Group", json!({})).await;
    for name in UNSEEN {
        assert_eq!(sign_up(&server, "new", name).await, BAD, "{name:?}");
        let shown = json!({"display_name": name});
        assert_eq!(rename(&server, &ben, shown).await, DONE, "{name:?}");
        let shown = &server.get(&ben, "/v2/account").await["user"]["display_name"];
        assert_ne!(shown, name, "{name:?} is cleaned");
        let (status, answer) = server
            .ask(&ben, "PUT", "/v2/account", json!({"username": name}))
            .await;
        assert_eq!(status, 400, "{name:?}");
        let why = answer["message"].as_str().unwrap();
        assert!(
            why.starts_with("username") && why.contains("invisible"),
            "{why}"
        );
        let made = server
            .ask(&ben, "POST", "/v2/group", json!({"name": name}))
            .await;
        assert_eq!(verdict(&made), BAD, "{name:?}");
        let renamed = server
            .update_group(&ben, &group, json!({"name": name}))
            .await;
        assert_eq!(renamed, BAD, "{name:?}");
        // Whoever is known signs in, whatever else is said; and a room is its id.
        assert_eq!(sign_up(&server, "ben", name).await, DONE);
        server.socket(&ben).await.join(name).await;
    }
    // As scripts and emoji need them.
    for name in [
        "\u{645}\u{6cc}\u{200c}\u{62e}",
        "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
    ] {
        let fields = json!({"username": name, "display_name": name});
        assert_eq!(rename(&server, &ben, fields).await, DONE);
    }
    server.stop().await;
}

#[actix_web::test]
async fn by_setting_what_nobody_sees_is_taken_out_or_left_in() {
    let mut cleaning = settings();
    cleaning.invisible_names = InvisibleNames::Clean;
    let server = Server::with(cleaning).await;
    let ben = server.person("ben").await;
    assert_eq!(sign_up(&server, "new", "an\u{202e}a").await, DONE);
    assert_eq!(sign_up(&server, "another", "ana").await, TAKEN);
    assert_eq!(sign_up(&server, "another", "a\u{200b}na").await, TAKEN);
    assert_eq!(
        sign_up(&server, "another", "\u{200b}").await,
        BAD,
        "nothing is left"
    );
    assert_eq!(
        rename(&server, &ben, json!({"display_name": "Be\u{2066}n"})).await,
        DONE
    );
    assert_eq!(
        server.get(&ben, "/v2/account").await["user"]["display_name"],
        "Ben"
    );
    server.create_group(&ben, "G\u{feff}roup", json!({})).await;
    assert!(server.group_named(&ben, "Group").await.is_some());

    let mut lenient = settings();
    lenient.invisible_names = InvisibleNames::Allow;
    let server = server.restart(lenient).await;
    for name in UNSEEN {
        assert_eq!(sign_up(&server, name, name).await, DONE, "{name:?}");
    }
    server.stop().await;
}
