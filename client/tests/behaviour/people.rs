use banter_client::{ApiError, FriendQuery, FriendState, NotificationQuery, RequestError};

use crate::server::{Person, Server};

async fn friends(of: &Person) -> Vec<(String, FriendState)> {
    let page = of
        .client
        .friends(&of.session, &FriendQuery::default())
        .await
        .unwrap();
    page.friends
        .into_iter()
        .map(|friend| (friend.user.username, friend.state))
        .collect()
}

#[tokio::test]
async fn people_become_friends_and_fall_out() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let name = |name: &str, state| vec![(name.to_owned(), state)];
    ana.client
        .add_friends(&ana.session, &[ben.id()])
        .await
        .unwrap();
    assert_eq!(
        friends(&ana).await,
        name("ben", FriendState::InvitationSent)
    );
    assert_eq!(
        friends(&ben).await,
        name("ana", FriendState::InvitationReceived)
    );
    ben.client
        .add_friends(&ben.session, &[ana.id()])
        .await
        .unwrap();
    assert_eq!(friends(&ana).await, name("ben", FriendState::Friend));
    ana.client
        .block_users(&ana.session, &[ben.id()])
        .await
        .unwrap();
    assert_eq!(friends(&ana).await, name("ben", FriendState::Blocked));
    assert_eq!(friends(&ben).await, []);
    let blocked = FriendQuery {
        state: Some(FriendState::Friend),
        ..FriendQuery::default()
    };
    let page = ana.client.friends(&ana.session, &blocked).await.unwrap();
    assert_eq!(page.friends, []);
    ana.client
        .delete_friends(&ana.session, &[ben.id()])
        .await
        .unwrap();
    assert_eq!(friends(&ana).await, []);
    let oneself = ana.client.add_friends(&ana.session, &[ana.id()]).await;
    assert!(matches!(
        oneself,
        Err(ApiError::Refused { status: 400, .. })
    ));
}

#[tokio::test]
async fn users_are_found_by_id_and_by_name() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let mut found = ana
        .client
        .users(&ana.session, &[ana.id(), ben.id()])
        .await
        .unwrap();
    found.sort_by(|a, b| a.username.cmp(&b.username));
    let names: Vec<_> = found.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["ana", "ben"]);
    assert!(
        found
            .iter()
            .all(|user| user.create_time.is_some() && !user.online)
    );
    let by_name = ana
        .client
        .users_by_name(&ana.session, &["ben", "nobody"])
        .await
        .unwrap();
    assert_eq!(by_name, found[1..]);
    assert_eq!(ana.client.users(&ana.session, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn notifications_are_listed_until_they_are_deleted() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    ana.client
        .add_friends(&ana.session, &[ben.id()])
        .await
        .unwrap();
    let all = NotificationQuery::default();
    let page = ben.client.notifications(&ben.session, &all).await.unwrap();
    let [invitation] = page.notifications.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!(
        (invitation.code, invitation.sender_id.as_str()),
        (-2, ana.id())
    );
    let after = NotificationQuery {
        cacheable_cursor: page.cacheable_cursor.clone(),
        ..all.clone()
    };
    let rest = ben
        .client
        .notifications(&ben.session, &after)
        .await
        .unwrap();
    assert_eq!(rest.notifications, []);
    ben.client
        .delete_notifications(&ben.session, &[&invitation.id])
        .await
        .unwrap();
    let none = ben.client.notifications(&ben.session, &all).await.unwrap();
    assert_eq!(none.notifications, []);
}

#[tokio::test]
async fn refused_requests_leave_the_connection_open() {
    let server = Server::start();
    let (socket, _events) = server.person("ana").await.online().await;
    let room = socket.join_room("lobby").await.unwrap().id;
    let refused = [
        socket.join_room("").await.err(),
        socket.join_direct("nobody").await.err(),
        socket.send_text("2...elsewhere", "{}").await.err(),
        socket.send_text(&room, "not json").await.err(),
        socket.send(&room, &[1, 2]).await.err(),
        socket.remove(&room, "no id").await.err(),
        socket.follow(&["no id"]).await.err(),
        socket.leave("nonsense").await.err(),
    ];
    for error in refused {
        let error = error.unwrap();
        assert!(!error.is_temporary());
        assert!(matches!(error, RequestError::Refused(refusal) if refusal.code == 3));
    }
    let unwritable = std::collections::HashMap::from([(vec![1], 2)]);
    let error = socket.send(&room, &unwritable).await.unwrap_err();
    assert!(matches!(error, RequestError::Content(_)));
    socket.ping().await.unwrap();
}
