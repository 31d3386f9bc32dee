use banter_client::{
    ApiError, ChannelKind, GroupRole, GroupUserQuery, HistoryQuery, MessageCode, NewGroup,
    RequestError,
};

use crate::{
    next_message,
    server::{Person, Server},
};

async fn roles(who: &Person, group: &str, role: Option<GroupRole>) -> Vec<(String, GroupRole)> {
    let query = GroupUserQuery {
        role,
        ..GroupUserQuery::default()
    };
    let page = who
        .client
        .group_users(&who.session, group, &query)
        .await
        .unwrap();
    assert_eq!(page.cursor, None);
    page.users
        .into_iter()
        .map(|entry| (entry.user.username, entry.role))
        .collect()
}

#[tokio::test]
async fn a_group_tells_its_channel_what_happens() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let group = ana
        .client
        .create_group(&ana.session, &NewGroup::closed("Foxes"))
        .await
        .unwrap();
    assert_eq!(
        (group.name.as_str(), group.open, group.edge_count),
        ("Foxes", false, 1)
    );
    assert!(group.create_time.is_some());
    let (socket, mut events) = ana.online().await;
    let channel = socket.join_group(&group.id).await.unwrap();
    let id = group.id.clone();
    assert_eq!(channel.kind, ChannelKind::Group { id });

    ben.client
        .join_group(&ben.session, &group.id)
        .await
        .unwrap();
    let asking = roles(&ana, &group.id, Some(GroupRole::JoinRequest)).await;
    assert_eq!(asking, [("ben".to_owned(), GroupRole::JoinRequest)]);
    ana.client
        .add_group_users(&ana.session, &group.id, &[ben.id()])
        .await
        .unwrap();
    assert_eq!(next_message(&mut events).await.code, MessageCode::Added);
    ana.client
        .kick_group_users(&ana.session, &group.id, &[ben.id()])
        .await
        .unwrap();
    let kicked = next_message(&mut events).await;
    assert_eq!(
        (kicked.code, kicked.sender_id.as_str()),
        (MessageCode::Kicked, ben.id())
    );
    assert!(kicked.code.is_group_event());
    ana.client
        .add_group_users(&ana.session, &group.id, &[ben.id()])
        .await
        .unwrap();
    ben.client
        .leave_group(&ben.session, &group.id)
        .await
        .unwrap();
    let history = ana
        .client
        .history(&ana.session, &channel.id, &HistoryQuery::oldest())
        .await;
    let codes: Vec<_> = history.unwrap().messages.iter().map(|m| m.code).collect();
    use MessageCode::{Added, Kicked, Left};
    assert_eq!(codes, [Added, Kicked, Added, Left]);

    ana.client
        .add_group_users(&ana.session, &group.id, &[ben.id()])
        .await
        .unwrap();
    ana.client
        .ban_group_users(&ana.session, &group.id, &[ben.id()])
        .await
        .unwrap();
    let banned = roles(&ana, &group.id, Some(GroupRole::Banned)).await;
    assert_eq!(banned, [("ben".to_owned(), GroupRole::Banned)]);
    assert_eq!(
        roles(&ana, &group.id, None).await,
        [("ana".to_owned(), GroupRole::Superadmin)]
    );
    ana.client
        .delete_group(&ana.session, &group.id)
        .await
        .unwrap();
}

#[tokio::test]
async fn groups_refuse_with_reasons() {
    let server = Server::start();
    let (ana, ben) = (server.person("ana").await, server.person("ben").await);
    let group = ana
        .client
        .create_group(&ana.session, &NewGroup::open("Foxes"))
        .await
        .unwrap();
    let taken = ben
        .client
        .create_group(&ben.session, &NewGroup::open("Foxes"))
        .await;
    assert!(matches!(
        taken,
        Err(ApiError::Refused {
            status: 409,
            code: 6,
            ..
        })
    ));
    let not_his = ben
        .client
        .kick_group_users(&ben.session, &group.id, &[ana.id()])
        .await;
    assert!(matches!(
        not_his,
        Err(ApiError::Refused { status: 404, .. })
    ));
    let (socket, _events) = ben.online().await;
    let Err(RequestError::Refused(refusal)) = socket.join_group(&group.id).await else {
        panic!("a stranger got in");
    };
    assert_eq!(refusal.code, 3);
    assert!(!refusal.message.is_empty());
}
