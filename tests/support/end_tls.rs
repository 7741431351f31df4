//! TLS before a server that speaks none, with a certificate of an authority that the operating system does not know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use sluss_tds::wire::Certificate;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::support::wait::block_on;

/// Ends TLS before a server, whose address is `host:port`, and passes everything on. It ends with the test's process.
pub fn end_tls_before(server: &str, certificate: &Certificate) -> SocketAddr {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap();
    // Named, since other crates of this process bring another provider, and then none is the default.
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider())).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (acceptor, server) = (TlsAcceptor::from(Arc::new(config)), server.to_owned());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        block_on(async move {
            let (listener, mut connections) = (TcpListener::from_std(listener).unwrap(), JoinSet::new());
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                connections.spawn(async move {
                    // A client that does not trust the certificate is an error here.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    });
    address
}
