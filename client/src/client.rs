//! Where the server is, and how to ask it.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use url::Url;

use crate::{ApiError, UrlError};

/// A server, for REST calls and for opening sockets.
///
/// Cheap to clone; clones share a pool of HTTP connections, which belong to the tokio runtime they were made in: with
/// several runtimes make a client in each. It holds no session: one client serves any number of users.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) place: Arc<Place>,
    /// Made at the first call, as the settings are known then.
    http: Arc<OnceLock<reqwest::Client>>,
}

/// What a client has been told.
#[derive(Clone)]
pub(crate) struct Place {
    /// With the path that all others are under, without its last slash.
    pub(crate) url: Url,
    pub(crate) server_key: String,
    pub(crate) from: Option<IpAddr>,
    pub(crate) timeout: Duration,
}

impl Client {
    /// The server at a URL such as `http://127.0.0.1:7350`. With the feature `tls` also `https`. Nothing is
    /// asked yet. Proxies that the environment names are not used.
    ///
    /// # Errors
    ///
    /// When it is not such a URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let mut url = Url::parse(url)?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => return Err(UrlError::NoTls),
            other => return Err(UrlError::Scheme(other.to_owned())),
        }
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
        }
        Ok(Self {
            place: Arc::new(Place {
                url,
                server_key: "defaultkey".to_owned(),
                from: None,
                timeout: Duration::from_secs(10),
            }),
            http: Arc::default(),
        })
    }

    /// The key that is needed to sign in. `defaultkey` unless set.
    pub fn server_key(mut self, key: &str) -> Self {
        self.place_mut().server_key = key.to_owned();
        self
    }

    /// The address of this machine that connections come from, for calls and sockets. The system chooses unless set.
    /// (From one address to one server there can be some 28,000 connections; a load test needs several.)
    pub fn local_address(mut self, from: IpAddr) -> Self {
        self.place_mut().from = Some(from);
        self.http = Arc::default();
        self
    }

    /// The longest that a REST call, or opening a socket, may take. 10 seconds unless set.
    pub fn timeout(mut self, each_request: Duration) -> Self {
        self.place_mut().timeout = each_request;
        self
    }

    fn place_mut(&mut self) -> &mut Place {
        Arc::make_mut(&mut self.place)
    }

    pub(crate) fn http(&self) -> Result<&reqwest::Client, ApiError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = reqwest::Client::builder()
            // Tokens are for this server.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .local_address(self.place.from);
        #[cfg(feature = "tls")]
        let http =
            http.tls_backend_preconfigured(crate::tls::config().map_err(ApiError::transport)?);
        let http = http.build()?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// Without the key.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("host", &self.url.host_str())
            .field("port", &self.url.port_or_known_default())
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_servers_make_a_client() {
        assert!(Client::new("http://127.0.0.1:7350").is_ok());
        assert!(Client::new("http://[::1]:7350/").is_ok());
        assert!(Client::new("https://chat.example/behind/").is_ok() == cfg!(feature = "tls"));
        assert!(matches!(Client::new("ws://a"), Err(UrlError::Scheme(_))));
        for bad in ["", "127.0.0.1:7350", "http://", "http://a:b"] {
            assert!(Client::new(bad).is_err(), "{bad}");
        }
    }
}
