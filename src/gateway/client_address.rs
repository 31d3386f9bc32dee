use std::net::IpAddr;

use actix_http::RequestHead;

/// Where a request comes from, as far as that is known.
pub(super) fn client_address(request: &RequestHead) -> Option<IpAddr> {
    request.peer_addr.map(|peer| peer.ip())
}
