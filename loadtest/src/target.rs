//! Where a run connects to, and from which of this machine's addresses.

use std::net::{IpAddr, Ipv4Addr};

use banter_protocol::Format;
use url::{Host, Url};

/// Connections from one address. It has about 28,000 ports to connect from, of which the kernel first hands out one
/// half, and then searches long for each.
const CONNECTIONS_PER_ADDRESS: usize = 10_000;

/// A server to be tested.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where it serves REST and sockets.
    pub(crate) url: Url,
    /// What clients present when they sign in.
    pub(crate) server_key: String,
    /// Addresses to connect from, in turn. None: the system chooses.
    pub(crate) local_addresses: Vec<IpAddr>,
    /// How envelopes are written.
    pub(crate) format: Format,
}

impl Target {
    /// The server at this address, with as many addresses of this machine as so many connections need. Only a
    /// server on the loopback can be reached from more than one.
    pub(crate) fn new(url: Url, server_key: String, format: Format, connections: usize) -> Self {
        let local_addresses = match is_loopback(&url) {
            true => loopback_addresses(connections),
            false => Vec::new(),
        };
        Self {
            url,
            server_key,
            local_addresses,
            format,
        }
    }

    /// Where the connection with this number comes from; `None`: the system chooses.
    pub(crate) fn local_address(&self, connection: usize) -> Option<IpAddr> {
        let addresses = self.local_addresses.len();
        (addresses > 0).then(|| self.local_addresses[connection % addresses])
    }
}

/// 127.0.0.1 and those that follow, enough of them.
fn loopback_addresses(connections: usize) -> Vec<IpAddr> {
    let needed = connections.div_ceil(CONNECTIONS_PER_ADDRESS).clamp(1, 254);
    (1..=u8::try_from(needed).unwrap_or(254))
        .map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
        .collect()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        // ::1 is the only one of its kind.
        Some(Host::Ipv6(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, connections: usize) -> Target {
        let url = Url::parse(url).unwrap();
        Target::new(url, "defaultkey".into(), Format::Json, connections)
    }

    #[test]
    fn many_connections_come_from_several_addresses() {
        let few = target("http://127.0.0.1:7350", 2000);
        assert_eq!(few.local_address(1999), Some([127, 0, 0, 1].into()));
        let many = target("http://127.0.0.1:7350", 20_001);
        assert_eq!(many.local_addresses.len(), 3);
        assert_eq!(many.local_address(5), Some([127, 0, 0, 3].into()));
    }

    #[test]
    fn elsewhere_the_system_chooses() {
        assert_eq!(
            target("http://chat.example:7350", 40_000).local_address(1),
            None
        );
        assert_eq!(target("http://[::1]:7350", 40_000).local_address(1), None);
    }
}
