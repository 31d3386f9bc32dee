//! Opening a socket.

use std::{io, net::SocketAddr, time::Duration};

use banter_protocol::Format;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self,
        client::IntoClientRequest,
        handshake::client::Request,
        http::{HeaderValue, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};

use crate::{Client, ConnectError, Connection, Session, rest::excerpt};

/// What WebSocket messages travel on.
#[cfg(not(feature = "tls"))]
pub(crate) type Transport = TcpStream;
/// What WebSocket messages travel on.
#[cfg(feature = "tls")]
pub(crate) type Transport = tokio_tungstenite::MaybeTlsStream<TcpStream>;

/// How to open a socket. For most programs the default is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// How envelopes are written. JSON unless changed, which every server speaks; Nakama also knows protobuf, and
    /// banter bincode beside it. A server refuses with status 400 what it does not know.
    pub format: Format,
    /// Whether the user is shown as online at once, with an empty status; `false` unless changed.
    pub status: bool,
    /// The longest message of the server that is taken, in bytes; a longer one ends the connection. 16 MiB unless
    /// changed: the answer to a join lists everybody who is in the channel.
    pub max_message_bytes: usize,
    /// The longest message that is sent, in bytes as it is written, with everything around the content. 4096 unless
    /// changed, which is what servers take unless they are told otherwise (banter's setting `max_message_bytes`); a longer
    /// one is refused here, as [`TooLong`](crate::RequestError::TooLong), because it would cost the connection. Not for a
    /// bare [`Connection`].
    pub max_request_bytes: usize,
    /// Events that may wait to be read, at least 1; when there are more, the connection is closed with
    /// [`EventsNotRead`](crate::Disconnected::EventsNotRead). 4096 unless changed. Not for a bare [`Connection`].
    pub event_buffer: usize,
    /// Requests under way at once, at least 1; more wait for their turn. 64 unless changed, which is what
    /// banter answers at once. Not for a bare [`Connection`].
    pub max_requests: usize,
    /// The longest that a request may take, waiting for its turn included. 10 seconds unless changed. Not for
    /// a bare [`Connection`].
    pub request_timeout: Duration,
    /// A server that is silent for this long is sent a ping, and given up after as long again. 20 seconds unless
    /// changed (servers ping every 15); at least a millisecond. [`Duration::MAX`] is never. Not for a bare
    /// [`Connection`].
    pub heartbeat: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            format: Format::Json,
            status: false,
            max_message_bytes: 16 << 20,
            max_request_bytes: 4096,
            event_buffer: 4096,
            max_requests: 64,
            request_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(20),
        }
    }
}

impl Client {
    /// Opens a socket for the user of a session: a [`Connection`], to be used as it is or
    /// [started](Connection::start).
    ///
    /// # Errors
    ///
    /// [`Refused`](ConnectError::Refused): 401 for a session that has ended, 400 for a format the server does not
    /// speak, 503 for now. The others when it could not be asked, within [`timeout`](Self::timeout).
    pub async fn connect(
        &self,
        session: &Session,
        options: SocketOptions,
    ) -> Result<Connection, ConnectError> {
        match tokio::time::timeout(self.place.timeout, self.open(session, options)).await {
            Ok(connection) => connection,
            Err(_) => Err(ConnectError::Timeout),
        }
    }

    async fn open(
        &self,
        session: &Session,
        options: SocketOptions,
    ) -> Result<Connection, ConnectError> {
        let request = self.handshake(session, options)?;
        let stream = self.dial().await.map_err(ConnectError::Transport)?;
        let (socket, _) = shake_hands(request, stream, settings(options)).await?;
        Ok(Connection::new(socket, options))
    }

    fn handshake(
        &self,
        session: &Session,
        options: SocketOptions,
    ) -> Result<Request, ConnectError> {
        let mut url = self.url_of(&["ws"]);
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // Never fails between these.
        let _ = url.set_scheme(scheme);
        url.query_pairs_mut()
            .append_pair("lang", "en")
            .append_pair("format", options.format.name())
            .append_pair("status", if options.status { "true" } else { "false" });
        let mut request = url.as_str().into_client_request()?;
        // Not in the URL, which ends up in the logs of proxies.
        let bearer = HeaderValue::try_from(format!("Bearer {}", session.token));
        let bearer = bearer.map_err(|_| ConnectError::Handshake {
            why: "the token holds what no header may hold".to_owned(),
        })?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        Ok(request)
    }

    /// A TCP connection to the first address of the server that takes one.
    async fn dial(&self) -> io::Result<TcpStream> {
        let url = &self.place.url;
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().unwrap_or(80);
        let mut failure = io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "the server has no address of the wanted kind",
        );
        for address in lookup_host((host, port)).await? {
            match self.dial_one(address).await {
                Ok(Some(stream)) => return Ok(stream),
                Ok(None) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// `None` when the address is of another kind than that of this side.
    async fn dial_one(&self, to: SocketAddr) -> io::Result<Option<TcpStream>> {
        let socket = match to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(from) = self.place.from {
            if from.is_ipv4() != to.is_ipv4() {
                return Ok(None);
            }
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Some(stream))
    }
}

/// A connection that waits for something holds few bytes; longer messages get room of their own.
fn settings(options: SocketOptions) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10)
        .max_message_size(Some(options.max_message_bytes))
        .max_frame_size(Some(options.max_message_bytes))
}

type Opened = (
    WebSocketStream<Transport>,
    tungstenite::handshake::client::Response,
);

#[cfg(not(feature = "tls"))]
async fn shake_hands(
    request: Request,
    stream: TcpStream,
    settings: WebSocketConfig,
) -> Result<Opened, tungstenite::Error> {
    tokio_tungstenite::client_async_with_config(request, stream, Some(settings)).await
}

#[cfg(feature = "tls")]
async fn shake_hands(
    request: Request,
    stream: TcpStream,
    settings: WebSocketConfig,
) -> Result<Opened, tungstenite::Error> {
    let connector = match request.uri().scheme_str() {
        Some("wss") => {
            let config = crate::tls::config().map_err(io::Error::other)?;
            tokio_tungstenite::Connector::Rustls(std::sync::Arc::new(config))
        }
        _ => tokio_tungstenite::Connector::Plain,
    };
    let (settings, connector) = (Some(settings), Some(connector));
    tokio_tungstenite::client_async_tls_with_config(request, stream, settings, connector).await
}

impl From<tungstenite::Error> for ConnectError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => Self::Refused {
                status: response.status().as_u16(),
                message: excerpt(response.body().as_deref().unwrap_or_default()),
            },
            tungstenite::Error::Io(error) => Self::Transport(error),
            // The server, or what stands before it, hung up.
            tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::HandshakeIncomplete,
            ) => Self::Transport(io::ErrorKind::ConnectionReset.into()),
            other => Self::Handshake {
                why: other.to_string(),
            },
        }
    }
}
