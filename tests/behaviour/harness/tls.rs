use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use banter::config::OptionalFile;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use socket2::SockRef;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self {
            cert: cert.pem(),
            key: signing_key.serialize_pem(),
            der: cert.der().clone(),
        }
    }

    /// Puts both into a directory.
    pub(crate) fn write(&self, directory: &Path) -> (PathBuf, PathBuf) {
        let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        fs::write(&cert, &self.cert).unwrap();
        fs::write(&key, &self.key).unwrap();
        (cert, key)
    }

    /// As [`write`](Self::write), for the settings of a server.
    pub(crate) fn settings(&self, directory: &Path) -> (OptionalFile, OptionalFile) {
        let (cert, key) = self.write(directory);
        (OptionalFile::At(cert), OptionalFile::At(key))
    }
}

/// Brings the harness's clients, which know no TLS, to a server that speaks it, as long as it shows a certain certificate.
pub(crate) struct Tunnel {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Tunnel {
    pub(crate) async fn to(server: SocketAddr, trusted: &Identity) -> Self {
        Self::with_buffers(server, trusted, None).await
    }

    /// With buffers of a size, so that not reading is felt soon at the other end.
    pub(crate) async fn with_buffers(
        server: SocketAddr,
        trusted: &Identity,
        buffers: Option<usize>,
    ) -> Self {
        let connector = TlsConnector::from(Arc::new(trust(trusted)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = actix_web::rt::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let connector = connector.clone();
                actix_web::rt::spawn(async move {
                    let far = TcpStream::connect(server).await.unwrap();
                    near.set_nodelay(true).unwrap();
                    far.set_nodelay(true).unwrap();
                    if let Some(size) = buffers {
                        SockRef::from(&near).set_send_buffer_size(size).unwrap();
                        SockRef::from(&far).set_recv_buffer_size(size).unwrap();
                    }
                    let name = ServerName::try_from("localhost").unwrap();
                    // To whoever is not trusted the near end is closed without a word.
                    let Ok(mut far) = connector.connect(name, far).await else {
                        return;
                    };
                    assert_eq!(far.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn trust(identity: &Identity) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(identity.der.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
