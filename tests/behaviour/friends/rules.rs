//! What comes of adding, deleting and blocking somebody, whatever the two were to each other.

use serde_json::Value;

use crate::harness::{
    BAD, DONE, Door, Person, Server, Site, senders, settings, through_both_doors, told,
};

through_both_doors!(each_deed_leads_to_what_the_table_says);

const FRIEND: Option<u8> = Some(0);
const SENT: Option<u8> = Some(1);
const RECEIVED: Option<u8> = Some(2);
const BLOCKED: Option<u8> = Some(3);

/// What two are to each other: the other to the one who acts, and the other way around.
type Bond = (Option<u8>, Option<u8>);

/// The bond before, the verb, the bond after, what the other is told.
type Row = (Bond, &'static str, Bond, Option<i64>);

const TABLE: [Row; 21] = [
    ((None, None), "add", (SENT, RECEIVED), Some(-2)),
    ((None, None), "delete", (None, None), None),
    ((None, None), "block", (BLOCKED, None), None),
    ((SENT, RECEIVED), "add", (SENT, RECEIVED), None),
    ((SENT, RECEIVED), "delete", (None, None), Some(-9)),
    ((SENT, RECEIVED), "block", (BLOCKED, None), None),
    ((RECEIVED, SENT), "add", (FRIEND, FRIEND), Some(-3)),
    ((RECEIVED, SENT), "delete", (None, None), Some(-9)),
    ((RECEIVED, SENT), "block", (BLOCKED, None), None),
    ((FRIEND, FRIEND), "add", (FRIEND, FRIEND), None),
    ((FRIEND, FRIEND), "delete", (None, None), Some(-9)),
    ((FRIEND, FRIEND), "block", (BLOCKED, None), None),
    ((BLOCKED, None), "add", (BLOCKED, None), None),
    ((BLOCKED, None), "delete", (None, None), None),
    ((BLOCKED, None), "block", (BLOCKED, None), None),
    ((None, BLOCKED), "add", (None, BLOCKED), None),
    ((None, BLOCKED), "delete", (None, BLOCKED), None),
    ((None, BLOCKED), "block", (BLOCKED, BLOCKED), None),
    ((BLOCKED, BLOCKED), "add", (BLOCKED, BLOCKED), None),
    ((BLOCKED, BLOCKED), "delete", (None, BLOCKED), None),
    ((BLOCKED, BLOCKED), "block", (BLOCKED, BLOCKED), None),
];

/// Makes two strangers what they are to be.
async fn bring(server: &Site, one: &Person, other: &Person, bond: Bond) {
    match bond {
        (None, None) => {}
        (SENT, _) => server.bond(one, "add", other).await,
        (RECEIVED, _) => server.bond(other, "add", one).await,
        (FRIEND, _) => server.make_friends(one, other).await,
        _ => {
            if bond.0.is_some() {
                server.bond(one, "block", other).await;
            }
            if bond.1.is_some() {
                server.bond(other, "block", one).await;
            }
        }
    }
}

async fn bond(server: &Site, one: &Person, other: &Person) -> Bond {
    let mine = server.bonds(one).await.get(&other.name).copied();
    let theirs = server.bonds(other).await.get(&one.name).copied();
    (mine, theirs)
}

async fn each_deed_leads_to_what_the_table_says(door: Door) {
    let server = Server::through(door, settings()).await;
    for (n, (before, verb, after, notice)) in TABLE.into_iter().enumerate() {
        let what = format!("{verb} of {before:?}");
        let one = server.person(&format!("one{n}")).await;
        let other = server.person(&format!("other{n}")).await;
        bring(&server, &one, &other, before).await;
        assert_eq!(bond(&server, &one, &other).await, before, "{what}");
        let (mut own, theirs) = (
            server.notifications(&one).await,
            server.notifications(&other).await.len(),
        );
        let mut sessions = [
            server.socket(&one).await,
            server.socket(&other).await,
            server.socket(&other).await,
        ];
        server.bond(&one, verb, &other).await;
        assert_eq!(bond(&server, &one, &other).await, after, "{what}");
        if verb == "block" {
            // Whoever is blocked need not be answered any more.
            own.retain(|told| told["code"] != -2);
        }
        assert_eq!(
            server.notifications(&one).await,
            own,
            "{what}: tells oneself"
        );
        let news = &server.notifications(&other).await[theirs..];
        let wanted: Vec<(i64, &str)> = notice.iter().map(|code| (*code, &*one.id)).collect();
        assert_eq!(senders(news), wanted, "{what}");
        for (_, content) in told(news) {
            assert_eq!(content["username"], *one.name, "{what}");
        }
        sessions[0].notified(0).await;
        for client in &mut sessions[1..] {
            assert_eq!(client.notified(news.len()).await, news, "{what}");
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn who_cannot_be_meant_is_refused_and_who_is_unknown_is_left_out() {
    const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    for verb in ["add", "delete", "block"] {
        for (query, verdict) in [
            (String::new(), DONE),
            (format!("ids={UNKNOWN}"), DONE),
            ("ids=ben".to_owned(), BAD),
            ("ids=".to_owned(), BAD),
            (format!("ids={}", ana.id), BAD),
            (format!("ids={}&ids={}", ben.id, ana.id), BAD),
            ("usernames=ana".to_owned(), BAD),
            ("usernames=".to_owned(), BAD),
        ] {
            let got = server.befriend_as(&ana, verb, &query).await;
            assert_eq!(got, verdict, "{verb} {query}");
        }
        let nobody = server.befriend_as(&ana, verb, "usernames=nobody").await;
        assert_eq!(nobody, if verb == "delete" { DONE } else { BAD }, "{verb}");
        let many: Vec<String> = (0..101).map(|n| format!("usernames=user{n}")).collect();
        let got = server.befriend_as(&ana, verb, &many.join("&")).await;
        assert_eq!(got, BAD, "{verb} a crowd");
    }
    assert!(
        server.bonds(&ana).await.is_empty(),
        "nothing is done by halves"
    );
    // Several at once, by id and name, some of them twice or unknown.
    let query = format!(
        "ids={}&ids={}&usernames=cleo&usernames=ben&usernames=nobody&ids={UNKNOWN}",
        ben.id,
        ben.id.to_uppercase()
    );
    assert_eq!(server.befriend_as(&ana, "add", &query).await, DONE);
    let invited = [("ben".to_owned(), 1), ("cleo".to_owned(), 1)].into();
    assert_eq!(server.bonds(&ana).await, invited);
    for person in [&ben, &cleo] {
        let told = server.notifications(person).await;
        assert_eq!(senders(&told), [(-2, &*ana.id)], "once");
    }
    for method in ["GET", "POST", "DELETE"] {
        let (status, _) = server.http(method, "/v2/friend", None, "").await;
        assert_eq!(status, 401);
    }
    server.stop().await;
}

#[actix_web::test]
async fn metadata_is_a_note_of_the_one_who_invites() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let noted = async |who: &Person| {
        let friends = server.friends(who).await;
        let text = friends[0]["metadata"].as_str().unwrap_or("{}").to_owned();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let long = format!("%7B%22a%22:%22{}%22%7D", "x".repeat(4096));
    for bad in ["x", "[]", "1", "%7B", &long] {
        let query = format!("ids={}&metadata={bad}", ben.id);
        assert_eq!(server.befriend_as(&ana, "add", &query).await, BAD, "{bad}");
    }
    let query = format!("ids={}&metadata=%7B%22from%22:%22school%22%7D", ben.id);
    assert_eq!(server.befriend_as(&ana, "add", &query).await, DONE);
    let school = serde_json::json!({"from": "school"});
    assert_eq!(noted(&ana).await, school);
    assert_eq!(noted(&ben).await, serde_json::json!({}));
    // The one who accepts has a note of their own.
    let query = format!("ids={}&metadata=%7B%22from%22:%22work%22%7D", ana.id);
    assert_eq!(server.befriend_as(&ben, "add", &query).await, DONE);
    assert_eq!(noted(&ana).await, school);
    assert_eq!(noted(&ben).await, serde_json::json!({"from": "work"}));
    server.stop().await;
}
