//! An existing API behind TLS, with a certificate of an authority that the operating system does not know.

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

use super::existing::Existing;
use super::record::Connection;
use super::stage::{Stage, plant};
use super::support::wait::block_on;

/// Ends TLS before a server, and passes everything on. It ends with the test's process.
fn end_tls_before(server: SocketAddr, certificate: &Certificate) -> SocketAddr {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap();
    // Named, since other crates of this process bring another provider, and then none is the default.
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider())).with_safe_default_protocol_versions();
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        block_on(async move {
            let (listener, mut connections) = (TcpListener::from_std(listener).unwrap(), JoinSet::new());
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
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

/// The first line of what the existing API answers through Sluss.
async fn first_line(certificate: &Certificate, trusts: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    plant(&folder.path().join("acme.db"));
    let existing = Existing::start(&folder.path().join("acme.db"));
    let address = end_tls_before(existing.address, certificate);
    std::fs::write(folder.path().join("authority.pem"), &certificate.authority_pem).unwrap();
    let ca_file = if trusts { "ca_file = \"authority.pem\"\n" } else { "" };
    let upstream = format!("url = \"https://{address}\"\n{ca_file}");
    let stage = Stage::before(folder, address, existing, &upstream, "").await;
    let mut connection = Connection::open(stage.documents);
    connection.send("GET /app/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = connection.rest();
    stage.close().await;
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_trusted_where_the_configuration_names_its_authority_and_nowhere_else() {
    let certificate = Certificate::generate().unwrap();
    assert_eq!(first_line(&certificate, true).await, "HTTP/1.1 200 Be So Good");
    assert_eq!(first_line(&certificate, false).await, "HTTP/1.1 502 Bad Gateway");
}
