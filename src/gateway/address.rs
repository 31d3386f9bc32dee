//! Whose address a request comes from: the peer's, or behind proxies the one that they name.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

use actix_http::{RequestHead, header::HeaderMap};

use crate::config::Networks;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address. Of `X-Forwarded-For` the last one counts that is not of a trusted proxy: what stands before it
/// anybody can have written. Without a peer (a Unix socket) it is the unspecified address.
pub(crate) fn client_address(head: &RequestHead, trusted: &Networks) -> IpAddr {
    let peer = head.peer_addr.as_ref().map(SocketAddr::ip);
    let peer = peer.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
    if !trusted.contain(peer) {
        warn_of_an_untrusted_proxy(head.headers(), peer);
        return peer.to_canonical();
    }
    let mut client = peer;
    for address in forwarded_for(head.headers()) {
        match address {
            Some(address) => client = address,
            // Beyond it nothing can be told.
            None => break,
        }
        if !trusted.contain(client) {
            break;
        }
    }
    client.to_canonical()
}

/// The addresses in the header, last one first; `None` for what is none.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
    let lines = lines.into_iter().rev();
    lines.flat_map(|line| {
        // Each part by itself: proxies append to whatever a client has sent.
        let parts = line.as_bytes().rsplit(|byte| *byte == b',');
        parts.map(|part| address(str::from_utf8(part).ok()?.trim()))
    })
}

/// An address, with or without a port or brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    bare.unwrap_or(text).parse().ok().or_else(with_port)
}

fn warn_of_an_untrusted_proxy(headers: &HeaderMap, peer: IpAddr) {
    static ONCE: Once = Once::new();
    if headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded") {
        ONCE.call_once(|| {
            tracing::warn!(
                %peer,
                "trusted_proxies: a request names the client it was forwarded for, and its peer is not among the \
                 trusted proxies; if it is one, all its clients count as one address"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header::{HeaderName, HeaderValue};

    use super::*;

    fn client(peer: &str, lines: &[&'static str]) -> String {
        let mut head = RequestHead::default();
        head.peer_addr = Some(SocketAddr::new(peer.parse().unwrap(), 1));
        for line in lines {
            let name = HeaderName::from_static(FORWARDED_FOR);
            head.headers_mut()
                .append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let trusted = "10.0.0.0/8, ::1".parse().unwrap();
        client_address(&head, &trusted).to_string()
    }

    #[test]
    fn what_a_stranger_says_of_others_does_not_count() {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
    }

    #[test]
    fn behind_proxies_the_last_address_counts_that_is_none_of_them() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&["198.51.100.1"], "198.51.100.1"),
            (&["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            (&["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (&["203.0.113.9", "198.51.100.1,10.0.0.2"], "198.51.100.1"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["nonsense"], "10.0.0.1"),
            (&["\u{e9}, 198.51.100.1"], "198.51.100.1"),
            (&["198.51.100.1:443"], "198.51.100.1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            assert_eq!(client("10.0.0.1", lines), expected, "{lines:?}");
            assert_eq!(client("::ffff:10.0.0.1", lines), expected, "{lines:?}");
        }
    }
}
