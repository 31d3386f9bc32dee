use std::{
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix_http::{RequestHead, StatusCode, header, ws};
use actix_web::{HttpResponse, http::header::ContentType};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};
use url::form_urlencoded;
use uuid::Uuid;

use super::{
    client_address, inbox::SessionInbox, metrics::REFUSED_HANDSHAKES, peer::Peer, rest::auth,
    worker::Worker,
};
use crate::{
    account::Caller,
    channel::SessionId,
    chat::Shared,
    directory::OnlineSession,
    rate::{self, Limited},
    relay::{Closing, Outbox},
    session::{Session, SessionParts},
    user::Home,
    wire::Format,
};

/// A client that may come in.
pub(super) struct Admission {
    caller: Caller,
    format: Format,
    online: OnlineSession,
    address: IpAddr,
}

/// Why a handshake is refused, before the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, EnumDiscriminants)]
#[strum_discriminants(
    name(RefusalReason),
    doc = "For the metric.",
    derive(VariantArray, IntoStaticStr),
    strum(serialize_all = "lowercase"),
    vis(pub(super))
)]
pub(super) enum Refusal {
    #[error("not a WebSocket handshake")]
    #[strum_discriminants(strum(serialize = "not a handshake"))]
    NotAHandshake,
    #[error("missing or invalid token")]
    Token,
    #[error("format must be json, protobuf or bincode")]
    Format,
    #[error("too many sessions")]
    #[strum_discriminants(strum(serialize = "too many sessions"))]
    TooManySessions,
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "too often"))]
    Limited(Limited),
    #[error("the server is shutting down")]
    #[strum_discriminants(strum(serialize = "shutting down"))]
    ShuttingDown,
}

impl Refusal {
    /// Seconds after which the client had better come again, for the `Retry-After` header.
    pub(super) fn retry_after(self) -> Option<u128> {
        match self {
            Self::Limited(limited) => Some(limited.wait_ms().div_ceil(1000)),
            _ => None,
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NotAHandshake | Self::Format => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManySessions | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The same words whichever way a request for a socket came.
impl From<Refusal> for HttpResponse {
    fn from(refusal: Refusal) -> Self {
        let mut answer = HttpResponse::build(refusal.status());
        if let Some(seconds) = refusal.retry_after() {
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        answer
            .content_type(ContentType::plaintext())
            .body(refusal.to_string())
    }
}

/// Checks a request for a socket. Parameters: `token` (or a Bearer header, which wins), `format`,
/// `status`; `lang` and unknown ones are accepted and ignored, as the reference does.
pub(super) fn admit(worker: &Worker, head: &RequestHead) -> Result<Admission, Refusal> {
    check(worker, head).map_err(|refusal| counted(refusal, &worker.shared, head))
}

fn counted(refusal: Refusal, shared: &Shared, head: &RequestHead) -> Refusal {
    REFUSED_HANDSHAKES.of(refusal.into()).increment(1);
    let address = client_address(head, &shared.settings.trusted_proxies);
    tracing::debug!(reason = %refusal, %address, "socket refused");
    refusal
}

fn check(worker: &Worker, head: &RequestHead) -> Result<Admission, Refusal> {
    let Introduction {
        caller,
        format,
        status,
    } = introduction(&worker.shared, head)?;
    ws::verify_handshake(head).map_err(|_| Refusal::NotAHandshake)?;
    let account = &worker.shared.rates.account;
    account
        .take_many(&caller.user, rate::CONNECT)
        .map_err(Refusal::Limited)?;
    let id = SessionId(Uuid::new_v4());
    if worker.shared.is_draining() {
        return Err(Refusal::ShuttingDown);
    }
    // A copy of its own: threads had better not share the count of references.
    let name = Arc::from(&*caller.username);
    let online = worker.shared.directory.enter(caller.user, id, name, status);
    let online = online.map_err(|_| Refusal::TooManySessions)?;
    Ok(Admission {
        caller,
        format,
        online,
        address: client_address(head, &worker.shared.settings.trusted_proxies),
    })
}

/// Why a request at the socket's path that asks for no upgrade is refused: what is wrong with it besides comes
/// first, as in the reference.
pub(super) fn refusal_without_upgrade(shared: &Shared, head: &RequestHead) -> Refusal {
    let refusal = introduction(shared, head).err();
    counted(refusal.unwrap_or(Refusal::NotAHandshake), shared, head)
}

/// What a client says of itself when it asks for a socket.
struct Introduction {
    caller: Caller,
    format: Format,
    status: bool,
}

fn introduction(shared: &Shared, head: &RequestHead) -> Result<Introduction, Refusal> {
    let (mut token, mut format, mut status) = (None, None, false);
    for (name, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "token" => token = Some(value),
            "format" => format = Some(value),
            "status" => {
                status = matches!(value.as_ref(), "true" | "1" | "t" | "T" | "TRUE" | "True")
            }
            _ => {}
        }
    }
    // A header of any other kind is refused even beside a good parameter.
    let token = if head.headers().contains_key(header::AUTHORIZATION) {
        auth::bearer(head.headers())
    } else {
        token.as_deref()
    };
    let token = token.ok_or(Refusal::Token)?;
    let format = match format.as_deref() {
        None | Some("") => Format::Json,
        Some(name) => name.parse().map_err(|_| Refusal::Format)?,
    };
    let caller = shared.accounts.verify(token).map_err(|_| Refusal::Token)?;
    Ok(Introduction {
        caller,
        format,
        status,
    })
}

/// Starts the session of an admitted client on this thread.
pub(super) fn open(worker: &Worker, admission: Admission) -> Peer<SessionInbox> {
    let Admission {
        caller,
        format,
        online,
        address,
    } = admission;
    tracing::debug!(
        user = %caller.user,
        session = %online.session.0,
        %address,
        %format,
        "connected"
    );
    let settings = &worker.shared.settings;
    let around = worker.surroundings();
    let relay = &around.relay;
    let outbox = Rc::new(Outbox::new(format, worker.shared.outbox_limits()));
    if settings.close_at_token_expiry {
        let expires = UNIX_EPOCH + Duration::from_secs(caller.expires);
        let left = expires.duration_since(SystemTime::now());
        outbox.expire_at(Instant::now() + left.unwrap_or_default());
    }
    let hides = settings.hide_blocked.then_some(caller.user);
    let socket = relay.attach(outbox.clone(), hides);
    let home = Home {
        relay: relay.addr.clone(),
        relay_id: relay.id,
        socket,
    };
    let arrival = online.arrive(caller.token, home);
    // Asked now that the user's actor has the session before it: a shutdown or logout in between finds
    // either the session or these questions.
    if worker.shared.is_draining() {
        outbox.close(Closing::SHUTDOWN);
    } else if worker.shared.accounts.is_ended(caller.user, caller.token) {
        outbox.close(Closing::LOGGED_OUT);
    }
    let session = Session::start(SessionParts {
        around,
        outbox: outbox.clone(),
        socket,
        online,
        arrival: Some(arrival),
    });
    Peer::new(
        outbox,
        settings.max_message_bytes,
        SessionInbox::new(session),
    )
}
