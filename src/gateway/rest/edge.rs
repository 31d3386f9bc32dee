//! What every answer of a route owes to clients and proxies in the field. Not of actix-http itself, which answers what is
//! no HTTP.
//!
//! - Header names have the usual capitals (`Content-Type`): they mean the same in any case, and there are clients
//!   that look for one spelling.
//! - A request that offers an upgrade nobody takes (`Connection: upgrade` from a proxy, `Upgrade: h2c`) is an
//!   ordinary one. actix-http would answer with `Connection: upgrade` and close all the same, so the answer says
//!   that it closes.
//! - A browser must take it for what its type says, whatever it looks like.
//! - What is left of a body is read before the answer leaves, see [`Body`].
//! - HTTP/1.0 has no chunks, in which a packed answer would come.
//! - A preflight may name headers that need no permission, or none.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_http::ConnectionType;
use actix_web::{
    Error, HttpMessage as _,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{
        Version,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use bytes::Bytes;
use futures_core::Stream;

use super::RestState;
use crate::gateway::metrics::{BODIES_DISCARDED, BodyEnd};

/// What a browser is told so that it takes an answer for nothing but what its type says.
pub(crate) const NO_SNIFFING: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");

/// Around each route; see the module.
pub(super) async fn serve<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.version() <= Version::HTTP_10 {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    name_only_what_needs_permission(request.headers_mut());
    let upgrades = request.head().connection_type() == ConnectionType::Upgrade;
    let body = Body::share(&mut request);
    let body = body.zip(request.app_data::<web::Data<RestState>>().cloned());
    let mut answer = next.call(request).await?;
    let read = match body {
        Some((body, state)) => body.discard(&state).await,
        None => true,
    };
    let head = answer.response_mut().head_mut();
    head.set_camel_case_headers(true);
    let (name, value) = NO_SNIFFING;
    head.headers_mut()
        .insert(name, HeaderValue::from_static(value));
    if !read || (upgrades && !head.upgrade()) {
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}

/// Gives the answer the usual capitals, and nothing else: for the socket inside another program's `App`.
pub(crate) async fn title_case<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut answer = next.call(request).await?;
    let head = answer.response_mut().head_mut();
    head.set_camel_case_headers(true);
    Ok(answer)
}

/// How much of a body is read that nobody wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiscardLimits {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

/// A request's body, which the route may have left unread: a refusal is often known before all of it is here.
///
/// To answer and close at once would lose the refusal. The system then resets the connection as soon as more of the
/// body arrives, and the client, which is still sending, reads nothing any more. So the rest is read first, within
/// bounds in bytes and time, and thrown away; beyond them the answer says that the connection is closed.
#[derive(Clone)]
struct Body(Rc<RefCell<Unread>>);

struct Unread {
    payload: Payload,
    ended: bool,
}

impl Body {
    /// Keeps hold of a request's body while a route reads it. `None` if it has none.
    fn share(request: &mut ServiceRequest) -> Option<Self> {
        let payload = request.take_payload();
        if matches!(payload, Payload::None) {
            return None;
        }
        let ended = false;
        let body = Self(Rc::new(RefCell::new(Unread { payload, ended })));
        request.set_payload(Payload::Stream {
            payload: Box::pin(body.clone()),
        });
        Some(body)
    }

    /// Reads what is left, within bounds, and not while the server shuts down. Whether that was all.
    async fn discard(mut self, state: &RestState) -> bool {
        /// How often it is looked whether the server shuts down.
        const STEP: Duration = Duration::from_millis(200);
        if self.0.borrow().ended {
            return true;
        }
        let DiscardLimits { mut bytes, time } = state.discard;
        let until = Instant::now() + time;
        while !state.shared.is_draining() {
            let left = until.saturating_duration_since(Instant::now());
            let next = poll_fn(|cx| Pin::new(&mut self).poll_next(cx));
            match actix_rt::time::timeout(left.min(STEP), next).await {
                Ok(Some(Ok(chunk))) if chunk.len() <= bytes => bytes -= chunk.len(),
                Err(_) if left > STEP => {}
                _ => break,
            }
        }
        let ended = self.0.borrow().ended;
        let end = match ended {
            true => BodyEnd::Read,
            false => BodyEnd::CutOff,
        };
        BODIES_DISCARDED.of(end).increment(1);
        ended
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let unread = &mut *self.0.borrow_mut();
        if unread.ended {
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut unread.payload).poll_next(cx);
        unread.ended = matches!(next, Poll::Ready(None | Some(Err(_))));
        next
    }
}

/// Takes the headers that every page may send, permitted or not, out of what a preflight asks for: actix-cors
/// refuses what it has not been told of, and an empty list as well.
fn name_only_what_needs_permission(headers: &mut HeaderMap) {
    const SAFE: [&str; 4] = ["accept", "accept-language", "content-language", "origin"];
    let name = header::ACCESS_CONTROL_REQUEST_HEADERS;
    if !headers.contains_key(&name) {
        return;
    }
    let asked: Result<Vec<_>, _> = headers.get_all(&name).map(HeaderValue::to_str).collect();
    let Ok(asked) = asked else {
        return;
    };
    let needed: Vec<&str> = asked
        .iter()
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !SAFE.iter().any(|safe| name.eq_ignore_ascii_case(safe)))
        .collect();
    match HeaderValue::from_str(&needed.join(", ")) {
        Ok(needed) if !needed.is_empty() => {
            headers.insert(name, needed);
        }
        _ => {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preflight_names_only_what_needs_permission() {
        for (asked, needed) in [
            ("", None),
            (" ", None),
            ("accept", None),
            ("Accept, Origin,accept-language, content-language", None),
            ("authorization", Some("authorization")),
            (
                "accept, authorization,content-type",
                Some("authorization, content-type"),
            ),
            ("origin, x-own", Some("x-own")),
        ] {
            let mut headers = HeaderMap::new();
            let name = header::ACCESS_CONTROL_REQUEST_HEADERS;
            headers.insert(name.clone(), HeaderValue::from_static(asked));
            name_only_what_needs_permission(&mut headers);
            let left = headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(left, needed, "{asked:?}");
        }
    }

    #[test]
    fn every_line_of_a_preflight_counts() {
        let mut headers = HeaderMap::new();
        let name = header::ACCESS_CONTROL_REQUEST_HEADERS;
        for line in ["accept", "x-own"] {
            headers.append(name.clone(), HeaderValue::from_static(line));
        }
        name_only_what_needs_permission(&mut headers);
        let left: Vec<_> = headers.get_all(name).collect();
        assert_eq!(left, ["x-own"]);
    }
}
