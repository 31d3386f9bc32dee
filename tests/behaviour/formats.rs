//! The same chat in each format: what a client says and hears does not depend on how it is written.

use actix_http::ws::Message as Frame;
use banter_client::{
    Client, Event, Events, Format, HistoryQuery, MessageCode, RequestError, Session, Socket,
    SocketOptions,
};
use serde_json::json;

use crate::harness::{
    Client as BareClient, Close, Door, Server, room_id, settings, soon, through_both_doors,
};

through_both_doors!(
    all_formats_hear_the_same_in_one_room,
    all_formats_see_who_comes_and_goes,
    direct_chats_blocks_and_status_work_across_formats,
    what_is_refused_is_refused_in_every_format,
    a_frame_of_the_wrong_kind_ends_the_connection,
    bytes_that_are_no_envelope_end_the_connection,
);

/// A user with a socket in a format.
struct Person {
    session: Session,
    socket: Socket,
    events: Events,
}

fn client(server: &Server) -> Client {
    Client::new(&format!("http://{}", server.address)).unwrap()
}

async fn person(server: &Server, name: &str, format: Format) -> Person {
    let client = client(server);
    let device = format!("device of {name}").replace(' ', "-");
    let session = client
        .authenticate_device(&device, Some(name))
        .await
        .unwrap();
    let options = SocketOptions {
        format,
        ..SocketOptions::default()
    };
    let (socket, events) = client.connect(&session, options).await.unwrap().start();
    Person {
        session,
        socket,
        events,
    }
}

/// One for each format.
async fn people(server: &Server) -> Vec<Person> {
    let mut people = Vec::new();
    for format in Format::ALL {
        people.push(person(server, format.name(), format).await);
    }
    people
}

impl Person {
    async fn event(&mut self) -> Event {
        soon("an event", self.events.next())
            .await
            .expect("the connection stands")
    }

    /// The next event that fits.
    async fn hear<T>(&mut self, mut what: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            if let Some(heard) = what(self.event().await) {
                return heard;
            }
        }
    }
}

async fn all_formats_hear_the_same_in_one_room(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut people = people(&server).await;
    let lobby = room_id("lobby");
    for person in &people {
        let channel = person.socket.join_room("lobby").await.unwrap();
        assert_eq!(channel.id, lobby);
    }
    let mut acks = Vec::new();
    for (n, person) in people.iter().enumerate() {
        let said = json!({"n": n, "text": "☃ \"quoted\" \\ \n"});
        acks.push(person.socket.send(&lobby, &said).await.unwrap());
    }
    let changed = json!({"n": "changed"});
    let id = &acks[0].message_id.clone();
    acks.push(people[0].socket.update(&lobby, id, &changed).await.unwrap());
    acks.push(people[0].socket.remove(&lobby, id).await.unwrap());

    let message = |event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    };
    let mut heard = Vec::new();
    for person in &mut people {
        let mut messages = Vec::new();
        for _ in 0..acks.len() {
            messages.push(person.hear(message).await);
        }
        heard.push(messages);
    }
    assert_eq!(heard[0], heard[1]);
    assert_eq!(heard[0], heard[2]);
    for (message, ack) in heard[0].iter().zip(&acks) {
        assert_eq!(message.message_id, ack.message_id);
        assert_eq!(message.create_time, ack.create_time);
        assert_eq!(message.update_time, ack.update_time);
        assert!(message.persistent && ack.persistent);
    }
    let codes: Vec<_> = heard[0].iter().map(|message| message.code).collect();
    let (chat, update, removal) = (
        MessageCode::Chat,
        MessageCode::Updated,
        MessageCode::Removed,
    );
    assert_eq!(codes, [chat, chat, chat, update, removal]);

    let page = client(&server)
        .history(&people[0].session, &lobby, &HistoryQuery::oldest())
        .await
        .unwrap();
    assert_eq!(page.messages, heard[0][1..3]);
    server.stop().await;
}

async fn all_formats_see_who_comes_and_goes(door: Door) {
    let server = Server::through(door, settings()).await;
    let mut people = people(&server).await;
    for person in &people {
        person.socket.join_room("lobby").await.unwrap();
    }
    for format in Format::ALL {
        let guest = person(&server, &format!("{format} guest"), format).await;
        let channel = guest.socket.join_room("lobby").await.unwrap();
        let mut there: Vec<_> = channel.presences.iter().map(|p| &*p.username).collect();
        there.sort_unstable();
        assert_eq!(there, ["bincode", "json", "protobuf"]);
        guest.socket.leave(&channel.id).await.unwrap();
        for person in &mut people {
            let mut come = false;
            person
                .hear(|event| match event {
                    Event::Presence(event) => {
                        come |= event.joins.contains(&channel.me);
                        event.leaves.contains(&channel.me).then_some(())
                    }
                    _ => None,
                })
                .await;
            assert!(come, "left before it came");
        }
    }
    server.stop().await;
}

async fn direct_chats_blocks_and_status_work_across_formats(door: Door) {
    let server = Server::through(door, settings()).await;
    for format in Format::ALL {
        let ana = person(&server, &format!("ana {format}"), format).await;
        for other in Format::ALL {
            let mut ben = person(&server, &format!("ben {format} {other}"), other).await;
            let (ana_id, ben_id) = (&ana.session.user_id, &ben.session.user_id.clone());
            let channel = ana.socket.join_direct(ben_id).await.unwrap();
            let asked = |event| match event {
                Event::Notification(told) => Some(told),
                _ => None,
            };
            let asked = ben.hear(asked).await;
            assert_eq!((asked.code, &asked.sender_id), (-1, ana_id));
            assert_eq!(ben.socket.join_direct(ana_id).await.unwrap().id, channel.id);

            let followed = ben.socket.follow(&[ana_id]).await.unwrap();
            assert_eq!(followed, []);
            let words = format!("at {other}'s");
            ana.socket.update_status(Some(&words)).await.unwrap();
            let shown = |event| match event {
                Event::Status(event) => Some(event),
                _ => None,
            };
            let shown = ben.hear(shown).await;
            assert_eq!(shown.joins[0].user_id, *ana_id);
            assert_eq!(shown.joins[0].status.as_deref(), Some(&*words));
            ana.socket.update_status(None).await.unwrap();

            let api = client(&server);
            api.block_users(&ben.session, &[ana_id]).await.unwrap();
            let silenced = ana.socket.send(&channel.id, &json!({})).await;
            assert!(
                matches!(silenced, Err(RequestError::Refused(_))),
                "{silenced:?}"
            );
        }
    }
    server.stop().await;
}

async fn what_is_refused_is_refused_in_every_format(door: Door) {
    let server = Server::through(door, settings()).await;
    for person in people(&server).await {
        let refused = person.socket.join_room("").await;
        let Err(RequestError::Refused(refusal)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(refusal.code, 3);
        assert!(refusal.message.contains("name"), "{}", refusal.message);
        // The connection goes on.
        person.socket.ping().await.unwrap();
    }
    let tokens = server.sign_in("ana").await;
    for unknown in ["xml", "JSON", "protobuf2"] {
        let query = format!("&format={unknown}");
        let opened = BareClient::open(server.address, "ana", &tokens, &query).await;
        assert_eq!(opened.err(), Some(400), "{unknown}");
    }
    server.stop().await;
}

async fn bare(server: &Server, format: Format) -> BareClient {
    let tokens = server.sign_in("ana").await;
    let query = format!("&format={format}");
    BareClient::open(server.address, "ana", &tokens, &query)
        .await
        .unwrap()
}

async fn a_frame_of_the_wrong_kind_ends_the_connection(door: Door) {
    let server = Server::through(door, settings()).await;
    for (format, reason) in [
        (Format::Json, "binary message where the format is text"),
        (Format::Protobuf, "text message where the format is binary"),
        (Format::Bincode, "text message where the format is binary"),
    ] {
        let mut ana = bare(&server, format).await;
        let ping = r#"{"ping":{}}"#;
        ana.frame(if format == Format::Json {
            Frame::Binary(ping.into())
        } else {
            Frame::Text(ping.into())
        })
        .await;
        assert_eq!(ana.closed().await, Close::Frame(1000, reason.to_owned()));
    }
    server.stop().await;
}

async fn bytes_that_are_no_envelope_end_the_connection(door: Door) {
    let server = Server::through(door, settings()).await;
    for format in [Format::Protobuf, Format::Bincode] {
        for bytes in [&b"\xff\xff\xff\xff\xff"[..], b""] {
            let mut ana = bare(&server, format).await;
            ana.frame(Frame::Binary(bytes.into())).await;
            let refusal = ana.binary().await;
            let refusal = format.decode(&refusal).unwrap().message;
            let Some(banter_protocol::Message::Error(error)) = refusal else {
                panic!("{refusal:?}")
            };
            // An empty message is an empty envelope in protobuf, and nothing in bincode.
            let code = if bytes.is_empty() && format == Format::Protobuf {
                2
            } else {
                3
            };
            assert_eq!(error.code, code, "{error:?}");
            let malformed = Close::Frame(1000, "malformed envelope".to_owned());
            assert_eq!(ana.closed().await, malformed);
        }
    }
    server.stop().await;
}
