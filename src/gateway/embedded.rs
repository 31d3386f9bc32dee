//! A socket inside somebody else's `App`: the handshake of actix-web-actors and a streaming response.
//!
//! Only this door uses actix-web-actors (deprecated upstream), and only its handshake: its
//! `WebsocketContext` is polled while the peer reads, so a peer that stops reading would freeze it.

use std::{
    cell::OnceCell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_core::Stream as _;

use super::{handshake, inbox::Inbox, peer::Peer, rest, worker::Worker};
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
        web::resource(rest::SOCKET_PATH).route(web::get().to(move |request, payload| {
            let response = upgrade(&door, &request, payload);
            std::future::ready(response)
        })),
    );
}

fn upgrade(door: &Door, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let worker = door.worker.get_or_init(|| Worker::new(door.shared.clone()));
    let admission = match handshake::admit(worker, request.head()) {
        Ok(admission) => admission,
        Err(refusal) => return HttpResponse::build(refusal.status()).body(refusal.to_string()),
    };
    match actix_web_actors::ws::handshake(request) {
        Ok(mut response) => {
            let peer = handshake::open(worker, admission);
            stream(&mut response, payload, peer)
        }
        Err(error) => HttpResponse::from_error(error),
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
    response.body(OutboxBody { outbox })
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
}

impl MessageBody for OutboxBody {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.outbox.register(cx.waker());
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
