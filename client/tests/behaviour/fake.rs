//! A server that does what a test says.

use std::net::SocketAddr;

use banter_client::{Client, Envelope, Events, Format, Session, Socket, SocketOptions};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::soon;

pub(crate) struct FakeServer {
    listener: TcpListener,
    pub(crate) client: Client,
    pub(crate) url: String,
}

/// The server's side of one socket.
pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) address: SocketAddr,
    format: Format,
}

impl FakeServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            listener,
            client: Client::new(&url).unwrap(),
            url,
        }
    }

    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        let accepted = soon("a connection", self.listener.accept()).await;
        let stream = accepted.unwrap().0;
        // What was sent is on its way, whatever happens next.
        stream.set_nodelay(true).unwrap();
        stream
    }

    // The type of the error is that of tungstenite.
    #[allow(clippy::result_large_err)]
    pub(crate) async fn accept(&self) -> Peer {
        let stream = self.accept_tcp().await;
        let address = stream.peer_addr().unwrap();
        let mut format = None;
        let socket = accept_hdr_async(stream, |request: &Request, response: Response| {
            let query = request.uri().query().unwrap().to_owned();
            format = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("format="))
                .map(|name| name.parse().unwrap());
            assert_eq!(
                request.headers()["authorization"].as_bytes()[..7],
                *b"Bearer "
            );
            Ok(response)
        });
        Peer {
            socket: soon("a handshake", socket).await.unwrap(),
            address,
            format: format.unwrap(),
        }
    }

    /// Both sides of a started connection.
    pub(crate) async fn started(&self, options: SocketOptions) -> (Socket, Events, Peer) {
        let session = somebody();
        let (connection, peer) =
            tokio::join!(self.client.connect(&session, options), self.accept());
        let (socket, events) = connection.unwrap().start();
        (socket, events, peer)
    }
}

impl Peer {
    pub(crate) async fn receive(&mut self) -> Envelope {
        soon("a request", async {
            loop {
                match self.socket.next().await.unwrap().unwrap() {
                    Message::Text(text) => return self.decode(text.as_bytes()),
                    Message::Binary(payload) => return self.decode(&payload),
                    _ => {}
                }
            }
        })
        .await
    }

    fn decode(&self, payload: &[u8]) -> Envelope {
        self.format.decode(payload).unwrap()
    }

    pub(crate) async fn send(&mut self, envelope: &Envelope) {
        let payload = self.format.encode(envelope);
        self.raw(match self.format.is_text() {
            true => Message::text(String::from_utf8(payload).unwrap()),
            false => Message::binary(payload),
        })
        .await;
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let code = CloseCode::from(code);
        let reason = reason.into();
        self.raw(Message::Close(Some(CloseFrame { code, reason })))
            .await;
    }

    /// The code of the client's close frame (0: without one), or `None` if the connection just ends.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        soon("the end", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        return Some(frame.map_or(0, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        })
        .await
    }
}

/// A session that only fake servers take.
pub(crate) fn somebody() -> Session {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"uid":"u","usn":"ana","exp":4000000000}"#);
    Session::restore(format!("e30.{claims}.c2ln"), "").unwrap()
}

/// More than the system takes for a peer that does not read, and less than a peer takes.
pub(crate) fn enough() -> String {
    "x".repeat(15 << 20)
}
