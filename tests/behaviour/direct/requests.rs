//! Chat requests: the other is asked once, and answers by coming or by declining.

use serde_json::{Value, json};

use crate::harness::{
    BAD, DONE, Door, Person, Server, direct_channel, direct_request, group_channel, id_of, room_id,
    senders, settings, through_both_doors, told,
};

through_both_doors!(
    who_is_absent_is_asked_once_while_it_is_unread,
    a_request_is_declined_by_rest_and_on_a_socket,
);

const REQUEST: i64 = -1;
const DECLINED: i64 = 10_000;

async fn who_is_absent_is_asked_once_while_it_is_unread(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let mut listening = [server.socket(&ben).await, server.socket(&ben).await];
    let (mut a1, mut a2) = (server.socket(&ana).await, server.socket(&ana).await);
    a1.join_direct(&ben).await;
    let asked = server.notifications(&ben).await;
    let [request] = asked.as_slice() else {
        panic!("not one request: {asked:?}")
    };
    assert_eq!(request["code"], REQUEST);
    assert_eq!(told(&asked)[0].1["username"], "ana");
    assert_eq!(request["sender_id"], *ana.id);
    assert_eq!(request["persistent"], true);
    assert!(
        request["subject"].as_str().unwrap().contains("ana"),
        "{request}"
    );
    for client in &mut listening {
        assert_eq!(client.pushed().await, asked, "the same live");
    }
    // Not again, whichever way the same user comes.
    a2.join_direct(&ben).await;
    for client in [&mut a1, &mut a2] {
        client.join_direct(&ben).await;
        client.leave_channel(&id).await;
        client.join_direct(&ben).await;
        client.leave_channel(&id).await;
    }
    assert_eq!(server.notifications(&ben).await, asked);
    for client in &mut listening {
        client.notified(0).await;
    }
    // Once it is read or deleted there may be another one.
    assert_eq!(server.mark_read(&ben, &[id_of(request)]).await, 0);
    for session in [&mut a1, &mut a2] {
        session.join_direct(&ben).await;
        session.leave_channel(&id).await;
    }
    let asked = server.notifications(&ben).await;
    assert_eq!(senders(&asked), [(REQUEST, &*ana.id); 2]);
    assert_eq!(server.unread(&ben).await, 1);
    server.forget(&ben, &[id_of(&asked[1])]).await;
    assert_eq!(server.unread(&ben).await, 0);
    for session in [&mut a1, &mut a2] {
        session.join_direct(&ben).await;
        session.leave_channel(&id).await;
    }
    let asked = server.notifications(&ben).await;
    assert_eq!(senders(&asked), [(REQUEST, &*ana.id); 2]);
    for client in &mut listening {
        assert_eq!(client.pushed().await.len(), 1);
        assert_eq!(client.pushed().await, asked[1..]);
        client.notified(0).await;
    }
    assert!(server.notifications(&ana).await.is_empty());
    server.stop().await;
}

async fn a_request_is_declined_by_rest_and_on_a_socket(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let mut sessions = [server.socket(&ana).await, server.socket(&ana).await];
    let mut b = server.socket(&ben).await;
    for (round, spelling) in [id.clone(), id.clone(), id.to_uppercase(), id.to_uppercase()]
        .iter()
        .enumerate()
    {
        sessions[0].join_direct(&ben).await;
        assert_eq!(server.unread(&ben).await, 1);
        // The second time there is nothing to decline.
        for time in 0..2 {
            if round % 2 == 0 {
                assert_eq!(server.decline(&ben, spelling).await, DONE);
            } else {
                let decline = json!({"channel_decline": {"channel_id": spelling}});
                assert_eq!(b.request(decline).await, json!({}));
            }
            assert!(server.notifications(&ben).await.is_empty());
            assert_eq!(server.unread(&ben).await, 0);
            for client in &mut sessions {
                let told = client.notified(1 - time).await;
                if time == 0 {
                    assert_eq!(senders(&told), [(DECLINED, &*ben.id)], "{}", client.name);
                    assert_ne!(told[0]["persistent"], true, "{told:?}");
                }
            }
        }
        assert!(server.notifications(&ana).await.is_empty(), "not kept");
        assert_eq!(server.unread(&ana).await, 0);
        // The one who asked stays where they are.
        sessions[0].send_to(&id, "{}").await;
        sessions[0].leave_channel(&id).await;
    }
    b.notified(4).await;
    server.stop().await;
}

#[actix_web::test]
async fn who_comes_has_accepted_and_keeps_the_request_in_the_list() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    for hidden in [false, true] {
        let mut a = server.socket_with(&ana, &ben).await;
        let mut c = server.socket_with(&cleo, &ben).await;
        assert_eq!(server.unread(&ben).await, 2);
        let before = server.notifications(&ben).await;
        let mut b = server.socket(&ben).await;
        b.join_direct_as(&ana, json!({ "hidden": hidden })).await;
        assert_eq!(server.unread(&ben).await, 1, "cleo's is open");
        let after = server.notifications(&ben).await;
        assert_eq!(senders(&after), senders(&before), "both are listed");
        // It is answered: nobody is told that it was declined.
        assert_eq!(
            server.decline(&ben, &direct_channel(&ana, &ben)).await,
            DONE
        );
        assert_eq!(server.notifications(&ben).await.len(), before.len());
        a.notified(0).await;
        // Nobody who is present is asked.
        let second = server.socket_with(&ana, &ben).await;
        assert_eq!(server.unread(&ben).await, 1);
        b.join_direct(&cleo).await;
        assert_eq!(server.unread(&ben).await, 0);
        assert!(server.notifications(&ana).await.is_empty());
        assert!(server.notifications(&cleo).await.is_empty());
        c.notified(0).await;
        drop((a, b, c, second));
        server.sessions_become(0).await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn only_what_one_was_asked_oneself_can_be_declined() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&cleo, "group", json!({})).await;
    let mut a = server.socket_with(&ana, &ben).await;
    let (mut b, mut c) = (server.socket(&ben).await, server.socket(&cleo).await);
    let asked = server.notifications(&ben).await;
    let between = direct_channel(&ana, &ben);
    for bad in [
        between.as_str(),
        &between.to_uppercase(),
        &direct_channel(&cleo, &cleo),
        &room_id("room"),
        &group_channel(&group),
        "4.x.y.",
        "nothing",
    ] {
        assert_eq!(server.decline(&cleo, bad).await, BAD, "{bad}");
        let decline = json!({"channel_decline": {"channel_id": bad}});
        let answer = c.request(decline).await;
        assert_eq!(answer["error"]["code"], 3, "{bad}: {answer}");
    }
    // Who has asked has nothing to decline, nor has who was not asked.
    assert_eq!(server.decline(&ana, &between).await, DONE);
    assert_eq!(
        server.decline(&cleo, &direct_channel(&ana, &cleo)).await,
        DONE
    );
    for client in [&mut a, &mut b, &mut c] {
        client.notified(0).await;
    }
    assert_eq!(server.notifications(&ben).await, asked);
    let path = format!("/v2/channel/{between}/decline");
    let (status, _) = server.http("POST", &path, None, "").await;
    assert_eq!(status, 401);
    server.stop().await;
}

/// Comes and goes again and again, without waiting.
async fn knock(server: &Server, who: &Person, at: &Person, times: usize) {
    let mut client = server.socket(who).await;
    let leave = json!({"channel_leave": {"channel_id": direct_channel(who, at)}});
    let mut cids = Vec::new();
    for _ in 0..times {
        cids.push(client.post(direct_request(&at.id, &json!({}))).await);
        cids.push(client.post(leave.clone()).await);
    }
    for (n, cid) in cids.iter().enumerate() {
        let answer = client.reply(cid).await;
        assert_eq!(answer.get("channel").is_some(), n % 2 == 0, "{answer}");
        assert!(answer.get("error").is_none(), "{answer}");
    }
}

#[actix_web::test]
async fn of_a_thousand_requests_of_ten_people_ten_are_left() {
    let mut server = Server::start().await;
    let ben = server.person("ben").await;
    let crowd = server.crowd("user", 10).await;
    let knocking = crowd.iter().map(|who| knock(&server, who, &ben, 100));
    futures_util::future::join_all(knocking).await;
    let check = async |server: &Server| {
        let asked = server.notifications(&ben).await;
        assert_eq!(asked.len(), 10);
        let mut from: Vec<(i64, &str)> = senders(&asked);
        from.sort_unstable();
        let mut wanted: Vec<(i64, &str)> =
            crowd.iter().map(|who| (REQUEST, who.id.as_str())).collect();
        wanted.sort_unstable();
        assert_eq!(from, wanted);
        assert_eq!(server.unread(&ben).await, 10);
    };
    check(&server).await;
    server = server.restart(settings()).await;
    check(&server).await;
    let knocking = crowd.iter().map(|who| knock(&server, who, &ben, 10));
    futures_util::future::join_all(knocking).await;
    check(&server).await;
    let path = "/v2/notification?limit=100&unread=true";
    let unread = server.get(&ben, path).await;
    assert_eq!(
        unread["notifications"],
        Value::from(server.notifications(&ben).await)
    );
    server.stop().await;
}
