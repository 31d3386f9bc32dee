//! What a block ends, what it keeps away, and what is left to both.

use futures_util::future::join;
use serde_json::json;

use crate::harness::{
    BAD, DONE, Door, Server, direct_channel, direct_request, list, senders, settings,
    through_both_doors,
};

through_both_doors!(
    a_block_ends_the_channel_and_each_session_is_told_of_its_own_leave,
    nothing_that_a_blocked_user_does_reaches_the_other,
);

async fn a_block_ends_the_channel_and_each_session_is_told_of_its_own_leave(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    for round in 0..3 {
        let mut a1 = server.socket_with(&ana, &ben).await;
        let mut b1 = server.socket_with(&ben, &ana).await;
        let (mut a2, mut b2) = (server.socket(&ana).await, server.socket(&ben).await);
        a2.join_direct_as(&ben, json!({"hidden": true, "persistence": false}))
            .await;
        b2.join_direct_as(&ana, json!({"hidden": true})).await;
        let mut elsewhere = server.socket(&ben).await;
        a1.send_to(&id, &json!({ "round": round }).to_string())
            .await;
        server.bond(&ben, "block", &ana).await;
        for client in [&mut a1, &mut b1, &mut a2, &mut b2] {
            client.is_told_of_its_leave(&id).await;
        }
        for client in [&mut a1, &mut a2] {
            client.is_shut_out_by(&id, &ben).await;
        }
        let sent = b2.try_send_to(&id, "{}").await;
        assert_eq!(sent["error"]["code"], 3, "out as well: {sent}");
        // The one who blocks may come back, and finds nobody.
        let channel = b1.join_direct(&ana).await;
        assert!(list(&channel["presences"]).is_empty(), "{channel}");
        b1.send_to(&id, r#"{"to":"nobody"}"#).await;
        a1.is_shut_out_by(&id, &ben).await;
        for person in [&ana, &ben] {
            let log = server.try_log(person, &id).await.unwrap();
            assert_eq!(log.len(), 2 * (round + 1), "{} reads", person.name);
        }
        let all = elsewhere.everything().await;
        let heard = all
            .iter()
            .find(|v| v.get("channel_presence_event").is_some());
        assert_eq!(heard, None, "was not in it");
        for client in [&mut a1, &mut a2] {
            let all = client.everything().await;
            let more = all
                .iter()
                .find(|v| v["channel_message"]["content"] == r#"{"to":"nobody"}"#);
            assert_eq!(more, None, "{}", client.name);
        }
        server.bond(&ben, "delete", &ana).await;
        let channel = a1.join_direct(&ben).await;
        assert_eq!(list(&channel["presences"]).len(), 1, "{channel}");
        drop((a1, a2, b1, b2, elsewhere));
        server.sessions_become(0).await;
    }
    server.stop().await;
}

async fn nothing_that_a_blocked_user_does_reaches_the_other(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    server.bond(&ben, "block", &ana).await;
    let mut b = [server.socket(&ben).await, server.socket(&ben).await];
    let mut a = server.socket(&ana).await;
    // An invitation.
    server.bond(&ana, "add", &ben).await;
    assert!(server.bonds(&ana).await.is_empty());
    assert_eq!(server.bonds(&ben).await, [("ana".to_owned(), 3)].into());
    // A chat request, by somebody who was refused.
    for _ in 0..3 {
        let answer = a.try_join_direct(&ben).await;
        assert_eq!(answer["error"]["code"], 3, "{answer}");
    }
    // An addition to a group, and the wish to be in one.
    let of_ana = server.create_group(&ana, "of ana", json!({})).await;
    assert_eq!(server.change(&ana, "add", &of_ana, &[&ben]).await, BAD);
    let of_ben = server.create_group(&ben, "of ben", json!({})).await;
    server.done(&ana, "join", &of_ben, &[]).await;
    assert_eq!(
        server.role(&ben, &of_ben, &ana).await,
        Some(3),
        "the request is there"
    );
    assert!(server.notifications(&ben).await.is_empty());
    assert_eq!(server.unread(&ben).await, 0);
    // The other way it is as ever, but for friends.
    let other = server.create_group(&ben, "other", json!({})).await;
    server.done(&ben, "add", &other, &[&ana]).await;
    assert_eq!(senders(&server.notifications(&ana).await), [(-4, &*ben.id)]);
    a.notified(1).await;
    server.bond(&ben, "add", &ana).await;
    assert_eq!(server.notifications(&ana).await.len(), 1);
    assert_eq!(server.bonds(&ben).await, [("ana".to_owned(), 3)].into());
    // Others are heard.
    server.done(&cleo, "join", &of_ben, &[]).await;
    for client in &mut b {
        let told = client.notified(1).await;
        assert_eq!(senders(&told), [(-5, &*cleo.id)]);
    }
    // A request that was declined by somebody who is blocked.
    b[0].join_direct(&cleo).await;
    server.bond(&ben, "block", &cleo).await;
    assert_eq!(
        server.decline(&cleo, &direct_channel(&ben, &cleo)).await,
        DONE
    );
    for client in &mut b {
        client.notified(0).await;
    }
    assert_eq!(
        senders(&server.notifications(&ben).await),
        [(-5, &*cleo.id)],
        "stays"
    );
    // What was not told is not told later.
    server.bond(&ben, "delete", &ana).await;
    assert_eq!(server.notifications(&ben).await.len(), 1);
    server.bond(&ana, "add", &ben).await;
    assert_eq!(server.notifications(&ben).await.len(), 2);
    server.stop().await;
}

#[actix_web::test]
async fn two_who_block_each_other_at_once_both_have() {
    const ROUNDS: usize = 25;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let (mut a, mut b) = (server.socket(&ana).await, server.socket(&ben).await);
    for round in 0..ROUNDS {
        join(a.join_direct(&ben), b.join_direct(&ana)).await;
        if round % 2 == 0 {
            server.make_friends(&ana, &ben).await;
        }
        join(
            server.bond(&ana, "block", &ben),
            server.bond(&ben, "block", &ana),
        )
        .await;
        assert_eq!(server.bonds(&ana).await, [("ben".to_owned(), 3)].into());
        assert_eq!(server.bonds(&ben).await, [("ana".to_owned(), 3)].into());
        a.is_told_of_its_leave(&id).await;
        b.is_told_of_its_leave(&id).await;
        a.is_shut_out_by(&id, &ben).await;
        b.is_shut_out_by(&id, &ana).await;
        server.bond(&ana, "delete", &ben).await;
        a.is_shut_out_by(&id, &ben).await;
        b.join_direct(&ana).await;
        server.bond(&ben, "delete", &ana).await;
        a.join_direct(&ben).await;
        a.send_to(&id, "{}").await;
        a.leave_channel(&id).await;
        b.leave_channel(&id).await;
        a.everything().await;
        b.everything().await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn who_is_blocked_on_the_way_in_is_out() {
    const ROUNDS: usize = 60;
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let id = direct_channel(&ana, &ben);
    let (mut a, mut b) = (server.socket(&ana).await, server.socket(&ben).await);
    let mut let_in = 0;
    for round in 0..ROUNDS {
        b.join_direct(&ana).await;
        let request = direct_request(&ben.id, &json!({}));
        // Every third time the block may be first.
        let (cid, ()) = join(
            async {
                for _ in 0..round % 3 {
                    tokio::task::yield_now().await;
                }
                a.post(request).await
            },
            server.bond(&ben, "block", &ana),
        )
        .await;
        let after = a.post_to(&id, "{}").await;
        let answer = a.reply(&cid).await;
        if let Some(channel) = answer.get("channel") {
            let_in += 1;
            a.session = channel["self"]["session_id"].as_str().unwrap().to_owned();
            a.is_told_of_its_leave(&id).await;
        } else {
            assert_eq!(answer["error"]["code"], 3, "{answer}");
        }
        let sent = a.reply(&after).await;
        assert_eq!(sent["error"]["code"], 3, "in {round}: {sent}");
        a.is_shut_out_by(&id, &ben).await;
        b.is_told_of_its_leave(&id).await;
        let channel = b.join_direct(&ana).await;
        assert!(
            list(&channel["presences"]).is_empty(),
            "in {round}: {channel}"
        );
        b.leave_channel(&id).await;
        server.bond(&ben, "delete", &ana).await;
        a.everything().await;
        b.everything().await;
        server.mark_all_read(&ben).await;
    }
    println!("{let_in} of {ROUNDS} were in");
    assert_eq!(server.try_log(&ana, &id).await.unwrap().len(), 0);
    server.stop().await;
}
