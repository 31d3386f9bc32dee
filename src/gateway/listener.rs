//! The server's own listener: REST goes to an actix-web `App`, an upgrade hands over the raw stream.

use std::{
    cell::RefCell,
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_codec::Framed;
use actix_http::{HttpMessage as _, HttpService, Request, StatusCode, h1, ws};
use actix_rt::net::TcpStream;
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactoryExt as _, fn_factory, fn_service, map_config};
use actix_web::{App, dev::AppConfig, web};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    connection::{self, Connection, ConnectionLimits},
    handshake::{self, Refusal},
    inbox::EchoInbox,
    peer::Peer,
    rest,
    socket::Socket,
    stream::Stream,
    tls::Tls,
    worker::Worker,
};
use crate::{
    chat::Shared,
    relay::{Outbox, OutboxLimits, Relay},
    wire::Format,
};

/// A listener that serves.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
}

/// Connections that may wait to be accepted: a tournament begins with everybody at once.
const BACKLOG: u32 = 8192;

/// Binds the address and serves until the handle stops it.
pub(crate) fn listen(shared: &Arc<Shared>, tls: Option<Arc<Tls>>) -> io::Result<Listener> {
    let socket = bind(shared.settings.listen)?;
    let address = socket.local_addr()?;
    let per_thread = shared.clone();
    let settings = &shared.settings;
    let limits = ConnectionLimits::of(settings);
    let builder = Server::build();
    // Tells idle connections that the server stops: it would wait for them.
    let stopping = builder.graceful_shutdown_signal();
    let server = builder
        .workers(shared.settings.worker_threads())
        // With the many threads that are the default, a crowd that reads pages keeps the sockets from the processor.
        .worker_max_blocking_threads(settings.page_threads + settings.password_hashers)
        .max_concurrent_connections(connection::to_accept(limits.count))
        .backlog(BACKLOG)
        .disable_signals()
        .shutdown_timeout(shared.settings.shutdown_grace.as_secs().max(1))
        .listen("banter", socket, move || {
            let shared = per_thread.clone();
            let worker = Worker::new(shared.clone());
            let app = App::new().configure(|app| configure(app, &shared));
            let (stopping, stops) = (stopping.clone(), stopping.clone());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                // The default keeps each closing connection for a second.
                .client_disconnect_timeout(Duration::ZERO)
                .upgrade(fn_factory(move || {
                    let worker = worker.clone();
                    async move {
                        Ok::<_, ()>(fn_service(move |(request, stream)| {
                            upgrade(&worker, &request, stream);
                            std::future::ready(Ok::<_, Infallible>(()))
                        }))
                    }
                }))
                .finish(map_config(app, |()| AppConfig::default()));
            let stops = async move { stops.notified().await };
            let trusted = shared.settings.trusted_proxies.clone();
            connection::places(limits, trusted, tls.clone(), stops).and_then(http)
        })?
        .run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(Listener { address, handle })
}

fn configure(app: &mut web::ServiceConfig, shared: &Arc<Shared>) {
    rest::configure(app, shared);
    rest::configure_standalone(app);
}

/// Has the metrics of all routes exist: the workers, who mount them, start a moment after the listener.
pub(crate) fn announce_routes(shared: &Arc<Shared>) {
    drop(App::new().configure(|app| configure(app, shared)));
}

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG as i32)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Takes an upgraded connection over, or refuses it. Its task lives on without the HTTP service, so
/// that an open socket does not hold the memory of a request.
fn upgrade(worker: &Rc<Worker>, request: &Request, stream: Framed<Connection, h1::Codec>) {
    let (connection, unread, unsent) = take_apart(stream);
    let stream = connection.into_stream();
    let refused = if request.path() != rest::SOCKET_PATH {
        refusal_head(StatusCode::NOT_FOUND, None, "not found")
    } else {
        match handshake::admit(worker, request.head()) {
            Ok(admission) => {
                let peer = handshake::open(worker, admission);
                let head = switching_protocols(&unsent, request);
                let socket = Socket::new(stream, peer, head, unread, worker.buffer.clone());
                actix_rt::spawn(socket);
                return;
            }
            Err(refusal) => refusal_head(
                refusal.status(),
                refusal.retry_after(),
                &refusal.to_string(),
            ),
        }
    };
    actix_rt::spawn(refuse(stream, unsent, refused));
}

/// The stream, what was read behind the head, and answers to earlier requests not yet written.
fn take_apart<T>(stream: Framed<T, h1::Codec>) -> (T, BytesMut, Bytes) {
    let parts = stream.into_parts();
    // The buffer of the HTTP service is large; what came behind the head is usually nothing.
    (
        parts.io,
        BytesMut::from(&parts.read_buf[..]),
        parts.write_buf.freeze(),
    )
}

/// The answer to a handshake, behind those to earlier requests that are not yet written.
///
/// These lines and no others, in these letters: clients compare them byte by byte. The one in C++ finds the accepted key
/// only as it stands here; the one in .NET wants just this reason; Godot counts the lines.
fn switching_protocols(unsent: &[u8], request: &Request) -> Bytes {
    let key = request
        .headers()
        .get("sec-websocket-key")
        .map_or(&b""[..], |key| key.as_bytes());
    let accept = ws::hash_key(key);
    let mut head = BytesMut::with_capacity(unsent.len() + 160);
    head.extend_from_slice(unsent);
    head.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    );
    head.extend_from_slice(b"Sec-WebSocket-Accept: ");
    head.extend_from_slice(&accept);
    head.extend_from_slice(b"\r\n\r\n");
    head.freeze()
}

/// A refusal as it is written.
fn refusal_head(status: StatusCode, retry_after: Option<u128>, message: &str) -> String {
    let retry_after = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n{message}",
        message.len(),
        retry_after.unwrap_or_default(),
    )
}

async fn refuse(mut stream: Stream, unsent: Bytes, answer: String) {
    /// Time for the peer to take the refusal, and to end the connection.
    const PATIENCE: Duration = Duration::from_secs(1);
    let refusal = async {
        stream.write_all(&unsent).await?;
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // To close with input unread would take the refusal back.
        let mut ignored = [0; 512];
        while stream.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that does not wait for its refusal misses nothing else.
    let _ = tokio::time::timeout(PATIENCE, refusal).await;
}

/// An echo server on the frame code of the chat, for the WebSocket conformance suite: every message
/// of up to 64 MiB comes back. Serves until the process ends; calls `ready` with its address.
#[doc(hidden)]
pub async fn echo(address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    const MOST: usize = 64 << 20;
    let limits = OutboxLimits {
        bytes: 2 * MOST,
        pipeline: 1,
        ping_period: Duration::from_secs(60),
        pong_wait: Duration::from_secs(120),
        write_timeout: Duration::from_secs(60),
        close_wait: Duration::from_secs(1),
    };
    let socket = bind(address)?;
    ready(socket.local_addr()?);
    let server = Server::build().workers(1).listen("echo", socket, move || {
        HttpService::build()
            .tcp_nodelay(true)
            .client_disconnect_timeout(Duration::ZERO)
            .upgrade(fn_factory(move || async move {
                let relay = Relay::start_here(Duration::from_millis(100));
                let buffer = Rc::new(RefCell::new(BytesMut::new()));
                Ok::<_, ()>(fn_service(
                    move |(request, stream): (Request, Framed<TcpStream, h1::Codec>)| {
                        let (stream, unread, _) = take_apart(stream);
                        let stream = Stream::Plain(stream);
                        let outbox = Rc::new(Outbox::new(Format::Json, limits));
                        relay.attach(outbox.clone(), None);
                        let peer = Peer::new(outbox, MOST, EchoInbox);
                        let head = switching_protocols(&[], &request);
                        let socket = Socket::new(stream, peer, head, unread, buffer.clone());
                        actix_rt::spawn(socket);
                        std::future::ready(Ok::<_, Infallible>(()))
                    },
                ))
            }))
            .finish(fn_service(|_| {
                let refusal = Refusal::NotAHandshake;
                std::future::ready(Ok::<_, Infallible>(
                    actix_http::Response::build(refusal.status()).finish(),
                ))
            }))
            .tcp()
    })?;
    server.run().await
}
