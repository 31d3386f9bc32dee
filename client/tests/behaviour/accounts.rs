use std::{collections::BTreeMap, time::SystemTime};

use banter_client::{ApiError, Client, ConnectError, Credentials, Session, SignIn, SocketOptions};

use crate::{fake::somebody, server::Server};

fn status(error: ApiError) -> u16 {
    match error {
        ApiError::Refused { status, .. } => status,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn an_account_is_made_once_and_found_again() {
    let server = Server::start();
    let client = &server.client;
    let first = client
        .authenticate_device("a-device-of-ana", Some("ana"))
        .await
        .unwrap();
    assert!(first.created && first.username == "ana");
    assert!(first.expires_at > SystemTime::now());
    let again = client
        .authenticate_device("a-device-of-ana", None)
        .await
        .unwrap();
    assert!(!again.created);
    assert_eq!(
        (&again.user_id, &again.username),
        (&first.user_id, &first.username)
    );

    let custom = client.authenticate_custom("custom-id", None).await.unwrap();
    assert_ne!(custom.user_id, first.user_id);
    let email = client
        .authenticate_email("ben@example.com", "a long password", Some("ben"))
        .await
        .unwrap();
    let by_name = Credentials::Username {
        username: "ben".into(),
        password: "a long password".into(),
    };
    let by_name = client
        .authenticate(&by_name, &SignIn::default())
        .await
        .unwrap();
    assert_eq!(by_name.user_id, email.user_id);
}

#[tokio::test]
async fn sign_ins_that_are_refused_say_why() {
    let server = Server::start();
    let client = &server.client;
    server.person("ana").await;
    let returning = SignIn {
        create: false,
        ..SignIn::default()
    };
    let unknown = Credentials::Device("an-unknown-device".into());
    let unknown = client.authenticate(&unknown, &returning).await.unwrap_err();
    assert_eq!(status(unknown), 404);
    let taken = client
        .authenticate_device("another-device", Some("ana"))
        .await;
    assert_eq!(status(taken.unwrap_err()), 409);
    let short = client.authenticate_device("short", None).await.unwrap_err();
    assert_eq!(status(short), 400);
    let stranger = client.clone().server_key("wrong");
    let stranger = stranger.authenticate_device("a-good-device", None).await;
    assert!(stranger.unwrap_err().is_unauthenticated());
}

#[tokio::test]
async fn variables_stay_with_a_session_that_is_refreshed() {
    let server = Server::start();
    let vars = BTreeMap::from([("region".to_owned(), "eu".to_owned())]);
    let sign_in = SignIn {
        vars: vars.clone(),
        ..SignIn::default()
    };
    let device = Credentials::Device("a-device-of-ana".into());
    let session = server.client.authenticate(&device, &sign_in).await.unwrap();
    assert_eq!(session.vars, vars);
    let kept = Session::restore(session.token.clone(), session.refresh_token.clone()).unwrap();
    let fresh = server.client.refresh(&kept).await.unwrap();
    assert!(fresh.expires_at >= session.expires_at);
    assert_eq!((&fresh.user_id, fresh.vars), (&session.user_id, vars));
}

#[tokio::test]
async fn a_session_that_was_ended_opens_nothing() {
    let server = Server::start();
    let ana = server.person("ana").await;
    ana.client.logout(&ana.session).await.unwrap();
    let error = ana
        .client
        .users(&ana.session, &[ana.id()])
        .await
        .unwrap_err();
    assert!(error.is_unauthenticated() && !error.is_temporary());
    assert!(
        ana.client
            .refresh(&ana.session)
            .await
            .unwrap_err()
            .is_unauthenticated()
    );
    for session in [&ana.session, &somebody()] {
        let error = ana
            .client
            .connect(session, SocketOptions::default())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ConnectError::Refused { status: 401, .. }),
            "{error:?}"
        );
        assert!(error.is_unauthenticated() && !error.is_temporary());
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_refuses() {
    // A port of one's own, on which nobody listens.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = silent.local_addr().unwrap();
    let client = Client::new(&format!("http://{address}")).unwrap();
    let error = client
        .authenticate_device("a-device-of-ana", None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ApiError::Transport(_)) && error.is_temporary(),
        "{error:?}"
    );
    let error = client
        .connect(&somebody(), SocketOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::Transport(_)) && error.is_temporary(),
        "{error:?}"
    );
}
