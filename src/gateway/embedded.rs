//! A socket inside somebody else's `App`: the handshake of actix-web-actors and a streaming response.
//!
//! Only this door uses actix-web-actors (deprecated upstream), and only its handshake: its
//! `WebsocketContext` is polled while the peer reads, so a peer that stops reading would freeze it.

use std::{
    cell::OnceCell,
    future::{Future as _, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_http::ws;
use actix_rt::time::{Sleep, sleep};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    http::header,
    middleware::from_fn,
    web,
};
use bytes::{Bytes, BytesMut};
use futures_core::Stream as _;

use super::{handshake, inbox::Inbox, peer::Peer, rest, socket::PAUSE, worker::Worker};
use crate::{chat::Shared, relay::Outbox};

/// What the sockets of one `App` share; actix-web makes an `App` per thread.
struct Door {
    shared: Arc<Shared>,
    worker: OnceCell<Rc<Worker>>,
}

/// Mounts the socket.
pub(crate) fn configure_socket(app: &mut web::ServiceConfig, shared: &Arc<Shared>) {
    let door = Rc::new(Door {
        shared: shared.clone(),
        worker: OnceCell::new(),
    });
    app.service(
        rest::resource(rest::SOCKET_PATH)
            .route(rest::get_or_head().to(move |request, payload| {
                let response = upgrade(&door, &request, payload);
                std::future::ready(response)
            }))
            .unmetered()
            .wrap(from_fn(rest::title_case)),
    );
}

fn upgrade(door: &Door, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let worker = door.worker.get_or_init(|| Worker::new(door.shared.clone()));
    let admission = match handshake::admit(worker, request.head()) {
        Ok(admission) => admission,
        Err(refusal) => return refusal.into(),
    };
    match actix_web_actors::ws::handshake(request) {
        Ok(mut response) => {
            name_as_clients_do(request, &mut response);
            let peer = handshake::open(worker, admission);
            stream(&mut response, payload, peer)
        }
        Err(error) => HttpResponse::from_error(error),
    }
}

/// The C++ client for Nakama looks through the head for `Sec-WebSocket-Accept: ` in just these letters, and actix-web can
/// write a header's name with a capital at the beginning of each word only. So it stands in a value, too, where that
/// client finds it; to all others it is a header they do not know.
fn name_as_clients_do(request: &HttpRequest, response: &mut HttpResponseBuilder) {
    if let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) {
        let accepted = ws::hash_key(key.as_bytes());
        let accepted = String::from_utf8_lossy(&accepted);
        let line = format!("Sec-WebSocket-Accept: {accepted}");
        response.insert_header(("x-banter-handshake", line));
    }
}

/// Reads the request's body in a task of its own and answers with the outbox.
fn stream<I: Inbox>(
    response: &mut HttpResponseBuilder,
    payload: web::Payload,
    peer: Peer<I>,
) -> HttpResponse {
    let outbox = peer.outbox.clone();
    actix_rt::spawn(read(payload, peer));
    response.body(OutboxBody {
        outbox,
        pause: Some(Box::pin(sleep(PAUSE))),
    })
}

async fn read<I: Inbox>(payload: web::Payload, mut peer: Peer<I>) {
    let mut payload = payload.into_inner();
    let mut unread = BytesMut::new();
    let outbox = peer.outbox.clone();
    // Ends when the client has, when the connection breaks, or when the socket is dead.
    poll_fn(move |cx| {
        outbox.register_reader(cx.waker());
        loop {
            if peer.outbox.is_dead() {
                return Poll::Ready(());
            }
            if !unread.is_empty() && peer.wants_more() {
                peer.receive(&mut unread);
            }
            if !peer.wants_more() && !peer.outbox.is_closing() {
                return Poll::Pending;
            }
            match Pin::new(&mut payload).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    unread.extend_from_slice(&bytes);
                    peer.heard();
                    peer.receive(&mut unread);
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// The response body: whatever waits in the outbox, until the socket ends.
struct OutboxBody {
    outbox: Rc<Outbox>,
    /// Until the first frame may follow the answer to the handshake.
    pause: Option<Pin<Box<Sleep>>>,
}

impl MessageBody for OutboxBody {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.outbox.register(cx.waker());
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        match self.outbox.pop() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if self.outbox.is_closing() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for OutboxBody {
    /// The connection is gone: nothing will be written any more.
    fn drop(&mut self) {
        self.outbox.kill();
    }
}
