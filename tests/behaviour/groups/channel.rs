//! The channel of a group: who gets in, what it looks like, and how it ends with the group.

use serde_json::{Value, json};

use crate::harness::{
    BAD, Client, DONE, Door, Server, codes, group_channel, settings, through_both_doors,
};

through_both_doors!(
    members_talk_and_see_each_other,
    a_deleted_group_puts_every_session_out_of_its_channel,
);

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

async fn members_talk_and_see_each_other(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "talk", json!({})).await;
    server.bring(&ana, &group, &ben, Some(2)).await;
    let channel = group_channel(&group);
    let (mut a, mut b) = (server.socket(&ana).await, server.socket(&ben).await);
    let first = a.join_group(&group).await;
    let presence = |client: &Client, id: &str| {
        json!({
            "user_id": id, "session_id": client.session, "username": client.name,
            "persistence": true,
        })
    };
    let in_a = presence(&a, &ana.id);
    assert_eq!(
        first,
        json!({"id": channel, "group_id": group, "self": in_a}),
        "nobody else is there"
    );
    let second = b.join_group(&group).await;
    let in_b = presence(&b, &ben.id);
    let wanted = json!({"id": channel, "group_id": group, "presences": [in_a], "self": in_b});
    assert_eq!(second, wanted);
    let news =
        |key: &str, who: &Value| json!({"channel_id": channel, "group_id": group, key: [who]});
    assert_eq!(a.presence().await, news("joins", &in_a));
    assert_eq!(a.presence().await, news("joins", &in_b));
    assert_eq!(b.presence().await, news("joins", &in_b));

    let ack = b.say(&group, r#"{"text":"hello"}"#).await;
    let message = a.message().await;
    assert_eq!(b.message().await, message);
    for (field, value) in [
        ("channel_id", json!(channel)),
        ("group_id", json!(group)),
        ("code", json!(0)),
        ("content", json!(r#"{"text":"hello"}"#)),
        ("sender_id", json!(ben.id)),
        ("username", json!("ben")),
        ("persistent", json!(true)),
        ("create_time", ack["update_time"].clone()),
    ] {
        assert_eq!(message[field], value, "{field}");
    }
    let log = server.log_of(&ana, &group).await;
    assert_eq!(codes(&log), [(4, "ben"), (0, "ben")]);
    assert_eq!(log[1], message);

    let left = b.request(json!({"channel_leave": {"channel_id": channel}}));
    assert_eq!(left.await, json!({}));
    assert_eq!(a.presence().await, news("leaves", &in_b));
    assert!(a.everything().await.is_empty());
    assert!(b.everything().await.is_empty());
    server.stop().await;
}

#[actix_web::test]
async fn the_channel_and_its_history_are_for_members_only() {
    let server = Server::start().await;
    let ana = server.person("ana").await;
    let others = server.crowd("user", 6).await;
    let group = server.create_group(&ana, "closed", json!({})).await;
    let channel = group_channel(&group);
    for (user, standing) in others.iter().zip(0..=4) {
        server.bring(&ana, &group, user, Some(standing)).await;
    }
    for (n, user) in others.iter().enumerate() {
        let mut client = server.socket(user).await;
        let log = server.try_log(user, &channel).await;
        if n <= 2 {
            client.join_group(&group).await;
            assert!(log.is_ok(), "standing {n}");
        } else {
            client.is_shut_out(&group).await;
            assert_eq!(log.err(), Some(BAD), "standing {n}");
        }
        for target in [UNKNOWN, "garbage", "", &format!("{group}x"), &channel] {
            let refused = client.try_join_group(target).await;
            assert_eq!(refused["error"]["code"], 3, "{target:?}: {refused}");
        }
    }
    let unknown = server.try_log(&ana, &group_channel(UNKNOWN)).await;
    assert_eq!(unknown.err(), Some(BAD), "as a forbidden one");
    server.stop().await;
}

#[actix_web::test]
async fn a_change_of_standing_among_members_keeps_their_sessions_in() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server.create_group(&ana, "ranks", json!({})).await;
    server.bring(&ana, &group, &ben, Some(2)).await;
    let [mut a, mut b] = server.sockets_in([&ana, &ben], &group).await;
    let verbs = [
        "promote", "promote", "promote", "demote", "demote", "demote",
    ];
    for verb in verbs {
        server.done(&ana, verb, &group, &[&ben]).await;
        b.say(&group, r#"{"still":"here"}"#).await;
    }
    for client in [&mut a, &mut b] {
        let mut heard = Vec::new();
        for _ in 0..10 {
            heard.push(client.message().await);
        }
        let heard: Vec<i64> = codes(&heard).iter().map(|(code, _)| *code).collect();
        assert_eq!(heard, [7, 0, 7, 0, 0, 9, 0, 9, 0, 0], "{}", client.name);
        assert!(client.everything().await.is_empty());
    }
    server.stop().await;
}

#[actix_web::test]
async fn hidden_and_fleeting_sessions_are_as_in_rooms() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server.create_group(&ana, "hide", json!({})).await;
    server.done(&ana, "add", &group, &[&ben, &cleo]).await;
    let mut a = server.socket_in(&ana, &group).await;
    a.presence().await;
    let mut b = server.socket(&ben).await;
    let joined = b.join_group_as(&group, json!({"hidden": true})).await;
    assert_eq!(joined["presences"][0]["username"], "ana");
    let mut c = server.socket(&cleo).await;
    let joined = c.join_group_as(&group, json!({"persistence": false})).await;
    assert_eq!(joined["presences"].as_array().unwrap().len(), 1, "{joined}");
    let seen = a.presence().await;
    assert_eq!(
        seen["joins"][0]["username"], "cleo",
        "and not the hidden one"
    );
    b.say(&group, r#"{"by":"ben"}"#).await;
    let ack = c.say(&group, r#"{"by":"cleo"}"#).await;
    assert_eq!(ack["persistent"], false);
    let heard = [a.message().await, a.message().await];
    assert_eq!(codes(&heard), [(0, "ben"), (0, "cleo")]);
    // Both are told of their kick; of the hidden one's nobody sees a leave.
    server.done(&ana, "kick", &group, &[&ben, &cleo]).await;
    for client in [&mut b, &mut c] {
        let name = client.name.clone();
        client
            .take("the own kick", |v| {
                v["channel_message"]["code"] == 6 && v["channel_message"]["username"] == *name
            })
            .await;
        client.is_shut_out(&group).await;
    }
    let left = a.presence().await;
    assert_eq!(left["leaves"].as_array().unwrap().len(), 1);
    assert_eq!(left["leaves"][0]["username"], "cleo");
    let log = server.log_of(&ana, &group).await;
    let wanted = [(4, "ben"), (4, "cleo"), (0, "ben"), (6, "ben"), (6, "cleo")];
    assert_eq!(codes(&log), wanted);
    server.stop().await;
}

async fn a_deleted_group_puts_every_session_out_of_its_channel(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    for end in ["by its superadmin", "by the leave of its last member"] {
        let group = server.create_group(&ana, end, json!({})).await;
        let by_hand = end == "by its superadmin";
        let mut sessions = vec![
            server.socket_in(&ana, &group).await,
            server.socket_in(&ana, &group).await,
        ];
        if by_hand {
            server.done(&ana, "add", &group, &[&ben]).await;
            sessions.push(server.socket_in(&ben, &group).await);
        }
        let mut hidden = server.socket(&ana).await;
        hidden.join_group_as(&group, json!({"hidden": true})).await;
        if by_hand {
            assert_eq!(server.delete_group(&ana, &group).await, DONE);
        } else {
            server.done(&ana, "leave", &group, &[]).await;
        }
        hidden.is_shut_out(&group).await;
        for client in &mut sessions {
            client.is_shut_out(&group).await;
            let session = client.session.clone();
            let event = client
                .take("the end", |v| {
                    v["channel_presence_event"]["leaves"]
                        .as_array()
                        .is_some_and(|l| l.iter().any(|p| p["session_id"] == *session))
                })
                .await;
            assert_eq!(event["channel_presence_event"]["group_id"], *group, "{end}");
            let log = server.try_log(&ana, &group_channel(&group)).await;
            assert_eq!(log.err(), Some(BAD), "{end}");
        }
        // The connections live on.
        for client in &mut sessions {
            client.join("lobby").await;
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_group_survives_the_end_of_its_channels_life_and_of_the_server() {
    let mut short = settings();
    short.channel_linger = std::time::Duration::from_millis(10);
    let mut server = Server::with(short.clone()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let group = server
        .create_group(&ana, "lives", json!({"open": true}))
        .await;
    let mut wanted = Vec::new();
    for _ in 0..3 {
        server.done(&ben, "join", &group, &[]).await;
        let mut b = server.socket_in(&ben, &group).await;
        b.say(&group, "{}").await;
        drop(b);
        server.sessions_become(0).await;
        server.done(&ana, "kick", &group, &[&ben]).await;
        wanted.extend([(3, "ben"), (0, "ben"), (6, "ben")]);
        server = server.restart(short.clone()).await;
    }
    let log = server.log_of(&ana, &group).await;
    assert_eq!(codes(&log), wanted);
    assert!(log.is_sorted_by(|a, b| a["create_time"].as_str() < b["create_time"].as_str()));
    assert_eq!(
        server.roles(&ana, &group).await,
        [("ana".to_owned(), 0)].into()
    );
    server.stop().await;
}
