//! TLS of the server's own listeners: the certificate and its key, read at the start and again when their files change.
//!
//! Invariant: what is served is a pair that fits. A pair that does not (half of it written, no PEM, gone) leaves the one
//! there is in force, with a line in the log, and is looked at again as soon as it changes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use actix_rt::net::TcpStream;
use parking_lot::RwLock;
use tokio_rustls::{
    Accept, TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject as _},
        },
    },
};

use crate::config::{OptionalFile, Settings};

/// How often it is looked whether the files have changed.
const PERIOD: Duration = Duration::from_secs(1);

/// Bytes written to a connection that its peer has not taken; what waits beyond them waits in the outbox, and is counted.
const UNSENT: usize = 16 * 1024;

/// Why the listeners have no TLS, or not the one in the files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: cannot read {}", path.display())]
    Unreadable {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{setting}: {} is not a PEM file of {wanted}", path.display())]
    Malformed {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What the parser said.
        #[source]
        source: pem::Error,
    },
    /// The certificate cannot be used, or the key is another one's.
    #[error("tls_cert, tls_key: {} and {} do not make a certificate and its key", cert.display(), key.display())]
    Unusable {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
}

/// What connections are encrypted with at this time.
pub(crate) struct Tls {
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files that the settings name, if they do, and goes on looking at them for as long as the value lives.
    /// To be called within an actix system.
    pub(crate) fn load(settings: &Settings) -> Result<Option<Arc<Self>>, TlsError> {
        let (OptionalFile::At(cert), OptionalFile::At(key)) =
            (&settings.tls_cert, &settings.tls_key)
        else {
            return Ok(None);
        };
        let files = Files {
            cert: cert.clone(),
            key: key.clone(),
        };
        let pair = files.read()?;
        let tls = Arc::new(Self {
            current: RwLock::new(files.configure(&pair)?),
        });
        warn_if_everybody_may_read(key);
        actix_rt::spawn(watch(Arc::downgrade(&tls), Arc::new(files), pair));
        Ok(Some(tls))
    }

    /// The server's side of a handshake.
    pub(super) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        let config = self.current.read().clone();
        TlsAcceptor::from(config).accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(UNSENT));
        })
    }
}

struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Pair {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(&self) -> Result<Pair, TlsError> {
        let read = |setting, path: &Path| {
            fs::read(path).map_err(|source| TlsError::Unreadable {
                setting,
                path: path.to_owned(),
                source,
            })
        };
        Ok(Pair {
            cert: read("tls_cert", &self.cert)?,
            key: read("tls_key", &self.key)?,
        })
    }

    fn configure(&self, pair: &Pair) -> Result<Arc<ServerConfig>, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pair.cert).collect();
        let chain = chain.and_then(|chain| match chain.is_empty() {
            true => Err(pem::Error::NoItemsFound),
            false => Ok(chain),
        });
        let chain = chain.map_err(|source| TlsError::Malformed {
            setting: "tls_cert",
            path: self.cert.clone(),
            wanted: "certificates",
            source,
        })?;
        let key =
            PrivateKeyDer::from_pem_slice(&pair.key).map_err(|source| TlsError::Malformed {
                setting: "tls_key",
                path: self.key.clone(),
                wanted: "a private key",
                source,
            })?;
        configure(chain, key).map_err(|source| TlsError::Unusable {
            cert: self.cert.clone(),
            key: self.key.clone(),
            source,
        })
    }
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // What the listeners speak; sockets, too, begin with it.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Clients that come back, as all do after a restart of their network, cost no signature, and nothing is kept for them.
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

/// Puts a new pair in force when there is one, until nobody serves it any more.
async fn watch(tls: Weak<Tls>, files: Arc<Files>, mut seen: Pair) {
    // The last trouble that the log was told of.
    let mut told = None;
    loop {
        actix_rt::time::sleep(PERIOD).await;
        let Some(tls) = tls.upgrade() else {
            return;
        };
        let looking = files.clone();
        // A disk that hangs must not hold what else this thread does.
        let Ok(read) = actix_rt::task::spawn_blocking(move || looking.read()).await else {
            continue;
        };
        let changed = match read {
            Ok(pair) if pair == seen => continue,
            Ok(pair) => {
                let config = files.configure(&pair);
                seen = pair;
                config
            }
            Err(error) => Err(error),
        };
        match changed {
            Ok(config) => {
                *tls.current.write() = config;
                told = None;
                tracing::info!("tls_cert: new connections get the new certificate");
            }
            Err(error) => {
                let trouble = with_causes(&error);
                if told.as_ref() != Some(&trouble) {
                    tracing::warn!("{trouble}; the certificate there was stays in force");
                    told = Some(trouble);
                }
            }
        }
    }
}

fn with_causes(error: &TlsError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// No reason to refuse: it may be the only way to hand the key over. A group's right to read it is somebody's intent.
#[cfg(unix)]
fn warn_if_everybody_may_read(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let everybody = |mode: u32| mode & 0o004 != 0;
    if fs::metadata(key).is_ok_and(|file| everybody(file.permissions().mode())) {
        tracing::warn!(path = %key.display(), "tls_key: every user of this machine may read the key");
    }
}

#[cfg(not(unix))]
fn warn_if_everybody_may_read(_: &Path) {}
