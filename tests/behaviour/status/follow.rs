//! Following: who is shown at the answer, and all that happens to them from then on.

use std::cell::Cell;

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::harness::{
    Client, Dice, Door, Online, Person, Server, list, settings, soon, through_both_doors,
};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000001";

through_both_doors!(
    a_follow_is_answered_with_who_is_shown_and_ends_with_an_unfollow,
    who_follows_in_the_midst_of_updates_misses_none_and_sees_none_twice,
);

async fn a_follow_is_answered_with_who_is_shown_and_ends_with_an_unfollow(door: Door) {
    let server = Server::through(door, settings()).await;
    let [ana, ben, cleo, dan] = server.people(["ana", "ben", "cleo", "dan"]).await;
    let mut f = server.socket(&ana).await;
    let mut unasked = server.socket(&ana).await;
    let mut b1 = server.shown_socket(&ben).await;
    let mut b2 = server.shown_socket(&ben).await;
    b1.set_status(Some("one")).await;
    b2.set_status(Some("two")).await;
    let _plain = server.socket(&cleo).await;
    let names = json!({"usernames": ["cleo", "nobody", "cleo"], "user_ids":
        [ben.id, ben.id.to_uppercase(), UNKNOWN, ana.id]});
    let answer = f.request(json!({"status_follow": names})).await;
    let mut online = Online::default();
    online.enter(&answer["status"]["presences"]);
    assert_eq!(online.of(&ben), ["one", "two"]);
    assert_eq!(
        online.len(),
        2,
        "neither oneself nor who shows nothing: {answer}"
    );
    // From now on all is told, to this session alone.
    b1.set_status(Some("three")).await;
    f.look(&mut online, |o| o.of(&ben) == ["three", "two"])
        .await;
    let mut c = server.shown_socket(&cleo).await;
    f.look(&mut online, |o| o.of(&cleo) == [""]).await;
    server.shown_socket(&dan).await;
    assert!(f.everything().await.is_empty(), "dan is not followed");
    assert!(unasked.everything().await.is_empty());
    // Again: the same, and not twice from then on.
    let again = f.follow(&[&ben, &dan]).await;
    assert_eq!(list(&again).len(), 2, "{again}");
    b1.set_status(Some("four")).await;
    f.look(&mut online, |o| o.of(&ben) == ["four", "two"]).await;
    assert!(f.everything().await.is_empty(), "once");
    f.unfollow(&[&ben, &dan, &ana]).await;
    b1.set_status(Some("five")).await;
    drop(b2);
    c.set_status(Some("still")).await;
    f.look(&mut online, |o| o.of(&cleo) == ["still"]).await;
    online.forget(&ben);
    let again = f.follow(&[&ben]).await;
    online.enter(&again);
    f.look(&mut online, |o| o.of(&ben) == ["five"]).await;
    drop((b1, c));
    f.look(&mut online, |o| o.len() == 0).await;
    server.stop().await;
}

#[actix_web::test]
async fn whom_nobody_can_follow_is_refused_and_nobody_is_nobody() {
    let mut small = settings();
    small.max_session_follows = 3;
    let server = Server::with(small).await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", 5).await;
    let mut f = server.socket(&ana).await;
    for bad in [
        json!({"user_ids": ["garbage"]}),
        json!({"user_ids": [crowd[0].id, ""]}),
        json!({"usernames": [""]}),
        json!({"user_ids": vec![UNKNOWN; 101]}),
    ] {
        let answer = f.request(json!({ "status_follow": bad })).await;
        assert_eq!(answer["error"]["code"], 3, "{bad}: {answer}");
    }
    for bad in [json!(["garbage"]), json!([""])] {
        let answer = f
            .request(json!({"status_unfollow": {"user_ids": bad}}))
            .await;
        assert_eq!(answer["error"]["code"], 3, "{answer}");
    }
    for nobody in [
        json!({}),
        json!({"user_ids": [ana.id]}),
        json!({"usernames": ["nobody"]}),
    ] {
        let answer = f.request(json!({ "status_follow": nobody })).await;
        assert_eq!(answer, json!({"status": {}}), "{nobody}");
    }
    // All or nobody, as many as one may follow.
    let all: Vec<&Person> = crowd.iter().collect();
    let refused = async |f: &mut Client, users: &[&Person]| {
        let cid = f.post_follow(users).await;
        f.reply(&cid).await["error"]["code"] == 3
    };
    assert!(refused(&mut f, &all).await);
    f.follow(&all[..2]).await;
    assert!(refused(&mut f, &all[..4]).await);
    f.follow(&all[..3]).await;
    assert!(refused(&mut f, &all[3..4]).await);
    f.unfollow(&all[..1]).await;
    f.follow(&all[3..4]).await;
    let mut shown = Vec::new();
    for person in &crowd {
        shown.push(server.shown_socket(person).await);
    }
    let mut online = Online::default();
    f.look(&mut online, |o| o.len() == 3).await;
    assert!(f.look_at_all(&mut online).await.is_empty());
    let seen: Vec<usize> = crowd.iter().map(|p| online.of(p).len()).collect();
    assert_eq!(seen, [0, 1, 1, 1, 0]);
    server.stop().await;
}

/// Says numbers as fast as it is answered, until told to stop; vanishes now and then. What it said last.
async fn chatter(client: &mut Client, window: usize, over: &Cell<bool>) -> String {
    let (mut n, mut open) = (0, std::collections::VecDeque::new());
    while !over.get() {
        n += 1;
        let status = format!("{n}");
        let status = (n % 17 != 5).then_some(status.as_str());
        open.push_back(client.post_status(status).await);
        if open.len() >= window {
            let cid = open.pop_front().unwrap();
            assert_eq!(client.reply(&cid).await, json!({}));
            while client.waiting() > 0 {
                client.status_event().await;
            }
        }
        tokio::task::yield_now().await;
    }
    for cid in open {
        client.reply(&cid).await;
    }
    let last = format!("the last of {n}");
    client.set_status(Some(&last)).await;
    last
}

/// The answer of a follow with all news after it is the truth at any time: each piece of news fits what is known
/// before it, and before the answer there is none.
async fn who_follows_in_the_midst_of_updates_misses_none_and_sees_none_twice(door: Door) {
    const ROUNDS: usize = 80;
    const FOLLOWERS: usize = 3;
    let mut dice = Dice::new();
    let server = Server::through(door, settings()).await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut speakers = Vec::new();
    for _ in 0..3 {
        speakers.push(server.shown_socket(&ben).await);
    }
    let (over, done) = (Cell::new(false), Cell::new(0));
    let rolls: Vec<Dice> = (0..FOLLOWERS).map(|_| dice.split()).collect();
    let following = rolls.into_iter().map(async |mut dice| {
        let mut events = 0;
        for round in 1.. {
            let mut client = server.socket(&ana).await;
            // Asked in one go with other requests, so that answers and news stand in one line.
            for _ in 0..dice.roll(3) {
                client.post(json!({"ping": {}})).await;
            }
            let asked = client.post_follow(&[&ben]).await;
            for _ in 0..dice.roll(3) {
                client.post(json!({"ping": {}})).await;
            }
            let mut online = Online::default();
            loop {
                let next = client.next().await;
                if next["cid"] == *asked {
                    online.enter(&next["status"]["presences"]);
                    break;
                }
                assert!(next.get("pong").is_some(), "before the answer: {next}");
            }
            for _ in 0..dice.roll(12) {
                let event = client.status_event().await;
                online.apply(&event);
                events += 1;
            }
            if round == ROUNDS {
                done.set(done.get() + 1);
                over.set(done.get() == FOLLOWERS);
                println!("{events} events");
                return (client, online);
            }
        }
        unreachable!("there is a last round")
    });
    let chattering = speakers
        .iter_mut()
        .enumerate()
        .map(|(n, client)| chatter(client, 1 + 3 * n, &over));
    let (views, last) = join(join_all(following), join_all(chattering)).await;
    let right = |o: &Online| {
        let mut both = speakers.iter().zip(&last);
        both.all(|(client, last)| o.status(&client.session) == Some(last))
    };
    for (mut client, mut online) in views {
        client.look(&mut online, right).await;
        assert!(
            client
                .look_at_all(&mut online)
                .await
                .iter()
                .all(|v| v.get("pong").is_some())
        );
        assert!(right(&online) && online.len() == speakers.len());
    }
    server.stop().await;
}

/// Who follows somebody they have followed before is answered with who is shown then. News from before may
/// come behind it, but what is known in the end is right.
#[actix_web::test]
async fn who_follows_again_and_again_is_right_in_the_end() {
    const ROUNDS: usize = 150;
    const UPDATES: usize = 12;
    let mut dice = Dice::new();
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut speakers = [
        server.shown_socket(&ben).await,
        server.shown_socket(&ben).await,
    ];
    let mut follower = server.socket(&ana).await;
    for round in 0..ROUNDS {
        let (ends, times) = (dice.roll(2) == 0, 1 + dice.roll(3));
        let what = format!("round {round}, unfollowed before: {ends}");
        let turns = dice.roll(20);
        let follow = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let mut asked = String::new();
            for _ in 0..times {
                if ends {
                    let unfollow = json!({"status_unfollow": {"user_ids": [ben.id]}});
                    follower.post(unfollow).await;
                }
                asked = follower.post_follow(&[&ben]).await;
            }
            let mut online = Online::default();
            loop {
                let next = follower.next().await;
                if let Some(event) = next.get("status_presence_event") {
                    online.catch_up(event);
                } else if let Some(status) = next.get("status") {
                    online.forget(&ben);
                    online.enter(&status["presences"]);
                }
                if next["cid"] == *asked {
                    return online;
                }
            }
        };
        let chatter = speakers.iter_mut().map(async |client| {
            let mut last = String::new();
            let mut cids = Vec::new();
            for n in 0..UPDATES {
                last = format!("{round} {n}");
                cids.push(client.post_status(Some(&last)).await);
                tokio::task::yield_now().await;
            }
            for cid in cids {
                client.reply(&cid).await;
            }
            // What is told of this round has been told.
            while client.status_event().await["joins"][0]["status"] != *last {}
            (client.session.clone(), last)
        });
        let (mut online, truth) = join(follow, join_all(chatter)).await;
        let right = |o: &Online| {
            let mut all = truth.iter();
            all.all(|(session, last)| o.status(session) == Some(last))
        };
        let known = async {
            while !right(&online) {
                let event = follower.status_event().await;
                online.catch_up(&event);
            }
        };
        soon(&what, known).await;
        // Nothing old comes after it.
        for envelope in follower.everything().await {
            online.catch_up(&envelope["status_presence_event"]);
        }
        assert!(right(&online), "{what}: {online:?} is not {truth:?}");
        for client in &mut speakers {
            client.everything().await;
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn one_follower_sees_a_thousand_come_change_and_go() {
    const CROWD: usize = 1000;
    const SHOWN: usize = 200;
    let mut roomy = settings();
    roomy.max_list_items = CROWD;
    roomy.max_message_bytes = 64 << 10;
    let server = Server::with(roomy).await;
    let ana = server.person("ana").await;
    let crowd = server.crowd("user", CROWD).await;
    let mut f = server.socket(&ana).await;
    let mut shown: Vec<Client> = Vec::new();
    for person in &crowd[..SHOWN / 2] {
        shown.push(server.shown_socket(person).await);
    }
    let all: Vec<&Person> = crowd.iter().collect();
    let mut online = Online::default();
    online.enter(&f.follow(&all).await);
    assert_eq!(online.len(), SHOWN / 2);
    for person in &crowd[CROWD - SHOWN / 2..] {
        shown.push(server.shown_socket(person).await);
    }
    f.look(&mut online, |o| o.len() == SHOWN).await;
    let updates = shown.iter_mut().map(async |client| {
        for n in 0..5 {
            let status = format!("{} {n}", client.name);
            client.set_status(Some(&status)).await;
        }
    });
    join_all(updates).await;
    f.look(&mut online, |o| {
        let last = |client: &Client| format!("{} 4", client.name);
        shown
            .iter()
            .all(|client| o.status(&client.session) == Some(&last(client)))
    })
    .await;
    // Every second one goes, and the follower forgets a half of all.
    let (unfollowed, left) = crowd.split_at(CROWD / 2);
    f.unfollow(&unfollowed.iter().collect::<Vec<_>>()).await;
    f.look_at_all(&mut online).await;
    unfollowed.iter().for_each(|person| online.forget(person));
    assert_eq!(online.len(), SHOWN / 2);
    drop(shown);
    f.look(&mut online, |o| o.len() == 0).await;
    assert!(f.everything().await.is_empty(), "nothing of the others");
    assert!(left.iter().all(|person| online.of(person).is_empty()));
    server.stop().await;
}

#[actix_web::test]
async fn a_follower_who_goes_is_forgotten() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut b = server.shown_socket(&ben).await;
    for n in 0..50 {
        let mut f = server.socket(&ana).await;
        f.post_follow(&[&ben]).await;
        if n % 2 == 0 {
            f.next().await;
        }
        drop(f);
        b.set_status(Some(&n.to_string())).await;
    }
    server.sessions_become(1).await;
    let mut last = String::new();
    while last != "49" {
        let event = b.status_event().await;
        last = event["joins"][0]["status"].as_str().unwrap().to_owned();
    }
    server.stop().await;
}
