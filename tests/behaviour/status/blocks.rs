//! To whom they have blocked, users are offline.

use serde_json::json;

use crate::harness::{Online, Person, Server, Site, list};

/// Whether one user sees another as online, wherever they can look; in the order of the paths.
async fn sees(site: &Site, who: &Person, other: &Person, group: &str) -> Vec<bool> {
    let mut seen = Vec::new();
    for (path, list_name) in [
        (format!("/v2/user?ids={}", other.id), "users"),
        (format!("/v2/group/{group}/user?limit=100"), "group_users"),
        ("/v2/friend?limit=100".to_owned(), "friends"),
        (
            "/v2/friend/friends?limit=100".to_owned(),
            "friends_of_friends",
        ),
    ] {
        let answer = site.get(who, &path).await;
        let users = list(&answer[list_name]).iter();
        let mut users = users.map(|entry| entry.get("user").unwrap_or(entry));
        if let Some(user) = users.find(|user| user["id"] == *other.id) {
            seen.push(user["online"] == true);
        }
    }
    seen
}

#[actix_web::test]
async fn a_user_shows_as_online_nowhere_to_somebody_they_have_blocked() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let group = server
        .create_group(&cleo, "Group", json!({"open": true}))
        .await;
    for user in [&ana, &ben] {
        server.done(user, "join", &group, &[]).await;
        server.make_friends(user, &cleo).await;
    }
    let _shown = server.shown_socket(&ana).await;
    let seen = sees(&server, &ben, &ana, &group).await;
    assert_eq!(
        seen, [true; 3],
        "by id, in the group, as a friend of a friend"
    );
    server.bond(&ana, "block", &ben).await;
    assert_eq!(sees(&server, &ben, &ana, &group).await, [false; 3]);
    assert_eq!(sees(&server, &ana, &ana, &group).await, [true; 2]);
    assert_eq!(sees(&server, &cleo, &ana, &group).await, [true; 3]);
    // A block of one's own does not open one's eyes.
    server.bond(&ben, "block", &ana).await;
    assert_eq!(sees(&server, &ben, &ana, &group).await, [false; 3]);
    server.bond(&ana, "delete", &ben).await;
    assert_eq!(sees(&server, &ben, &ana, &group).await, [true; 3]);
    server.stop().await;
}

#[actix_web::test]
async fn a_block_ends_what_a_follower_hears_as_if_the_user_went_offline() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    // More than one piece of news has room for.
    let mut shown = Vec::new();
    for _ in 0..9 {
        shown.push(server.shown_socket(&ana).await);
    }
    let (mut b, mut c) = (server.socket(&ben).await, server.socket(&cleo).await);
    let (mut blocked, mut friend) = (Online::default(), Online::default());
    blocked.enter(&b.follow(&[&ana]).await);
    friend.enter(&c.follow(&[&ana]).await);
    assert_eq!((blocked.len(), friend.len()), (9, 9));

    server.bond(&ana, "block", &ben).await;
    // It has been written before the block was answered.
    assert!(b.look_at_all(&mut blocked).await.is_empty());
    assert_eq!(blocked.len(), 0);
    shown[0].set_status(Some("at last")).await;
    c.look(&mut friend, |o| o.of(&ana).contains(&"at last"))
        .await;
    assert_eq!(friend.len(), 9, "nobody else hears of it");
    assert!(b.everything().await.is_empty());
    server.stop().await;
}

#[actix_web::test]
async fn whoever_is_blocked_follows_somebody_offline() {
    let server = Server::start().await;
    let [ana, ben, cleo] = server.people(["ana", "ben", "cleo"]).await;
    let mut a = server.shown_socket(&ana).await;
    let _cleo = server.shown_socket(&cleo).await;
    server.bond(&ana, "block", &ben).await;
    let mut b = server.socket(&ben).await;
    let mut online = Online::default();
    for _ in 0..2 {
        let answer = b.follow(&[&ana, &cleo]).await;
        online = Online::default();
        online.enter(&answer);
        assert_eq!((online.of(&ana).len(), online.of(&cleo).len()), (0, 1));
        a.set_status(Some("you do not hear this")).await;
        a.status_event().await;
        assert!(b.everything().await.is_empty());
    }
    b.unfollow(&[&ana]).await;
    // What is lifted is seen by the next follow, and from then on.
    server.bond(&ana, "delete", &ben).await;
    online.enter(&b.follow(&[&ana]).await);
    assert_eq!(online.of(&ana), ["you do not hear this"]);
    a.set_status(Some("welcome back")).await;
    b.look(&mut online, |o| o.of(&ana) == ["welcome back"])
        .await;
    server.stop().await;
}

/// However the two meet, what the blocked one is left with is somebody offline.
#[actix_web::test]
async fn a_block_that_races_with_a_follow_wins() {
    let server = Server::start().await;
    let [ana, ben] = server.people(["ana", "ben"]).await;
    let mut a = server.shown_socket(&ana).await;
    let mut b = server.socket(&ben).await;
    for n in 0..30 {
        let follow = async {
            for _ in 0..n % 5 {
                tokio::task::yield_now().await;
            }
            b.post_follow(&[&ana]).await
        };
        let (cid, ()) = futures_util::future::join(follow, server.bond(&ana, "block", &ben)).await;
        let mut online = Online::default();
        loop {
            let next = b.next().await;
            if let Some(event) = next.get("status_presence_event") {
                online.apply(event);
            }
            if next["cid"] == cid.as_str() {
                online = Online::default();
                online.enter(&next["status"]["presences"]);
                break;
            }
        }
        // The follow was answered, and the block before it or by now.
        b.look_at_all(&mut online).await;
        assert_eq!(online.len(), 0, "round {n}");
        a.set_status(Some(&n.to_string())).await;
        while a.status_event().await["joins"][0]["status"] != n.to_string().as_str() {}
        assert!(b.everything().await.is_empty(), "round {n}");
        server.bond(&ana, "delete", &ben).await;
    }
    server.stop().await;
}
