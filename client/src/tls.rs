//! TLS of calls and sockets: rustls on ring, with the certificates of Mozilla.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// For a client or a socket.
pub(crate) fn config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
