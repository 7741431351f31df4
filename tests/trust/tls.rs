//! A store behind TLS, with a certificate of an authority that the operating system does not know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use http::StatusCode;
use sluss_s3::{Bucket, Server};
use sluss_tds::wire::Certificate;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::site::{Site, in_bucket};
use crate::support::wait::block_on;

/// Ends TLS before a server, and passes everything on. It ends with the test's process.
fn end_tls_before(server: &Server, certificate: &Certificate) -> SocketAddr {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap();
    // Named, since other crates of this process bring another provider, and then none is the default.
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider())).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (acceptor, store) = (TlsAcceptor::from(Arc::new(config)), server.endpoint.strip_prefix("http://").unwrap().to_owned());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        block_on(async move {
            let (listener, mut connections) = (TcpListener::from_std(listener).unwrap(), JoinSet::new());
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, store) = (acceptor.clone(), store.clone());
                connections.spawn(async move {
                    // A client that does not trust the certificate is an error here.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut store = TcpStream::connect(store).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut store).await;
                });
            }
        });
    });
    address
}

#[test]
fn a_store_of_an_own_authority_is_trusted_where_the_tenants_file_names_it() {
    let certificate = Certificate::generate().unwrap();
    let address = end_tls_before(Server::shared(), &certificate);
    let bucket = Bucket::new().behind(format!("https://{address}"));
    let site = Site::new(&in_bucket(&bucket));
    let findings = site.doctor(1);
    let refused = findings.iter().find(|finding| finding.gravity == "refused").unwrap();
    assert!(refused.found.contains("certificate") && refused.advice.contains("ca_file"), "{findings:#?}");

    let authority = site.tenant_file().with_file_name("authority.pem");
    std::fs::write(&authority, certificate.authority_pem).unwrap();
    site.place(&format!("{}ca_file = {authority:?}\n", in_bucket(&bucket)));
    site.doctor(0);
    let _process = site.serve();
    assert_eq!(site.put(1, "one").status, StatusCode::CREATED);
    assert_eq!((site.get(1).status, site.get(1).body), (StatusCode::OK, "one".to_owned()));
}
