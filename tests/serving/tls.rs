//! TLS on the listeners: what is spoken over it, certificates that are replaced, and certificates of clients.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use sluss_tds::wire::Certificate;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::house::{House, Plan, content, document, wait_until};
use super::http2::Http2;
use super::support::customers::ACME;
use super::support::lab::Seat;
use super::support::process::Process;
use super::wire::Ask;

fn place(folder: &Path, certificate: &Certificate) {
    std::fs::write(folder.join("chain.pem"), &certificate.chain_pem).unwrap();
    std::fs::write(folder.join("key.pem"), &certificate.key_pem).unwrap();
}

/// Settings of one listener, as a test's plan takes them.
fn listener(name: &str, folder: &Path, further: &str) -> &'static str {
    let folder = folder.display();
    let text = format!("[listeners.{name}_tls]\ncertificate = \"{folder}/chain.pem\"\nkey = \"{folder}/key.pem\"\n{further}");
    Box::leak(text.into_boxed_str())
}

/// A house whose listener has this certificate; the folder holds its files.
async fn secured(name: &str, certificate: &Certificate, further: &str) -> (House, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), certificate);
    let house = House::open(Plan { limits: listener(name, folder.path(), further), ..Plan::default() }).await;
    (house, folder)
}

/// Connects, shows a certificate where there is one, and waits for a byte of the server's where the handshake may still fail.
async fn connect(
    address: SocketAddr,
    trusted: &Certificate,
    shown: Option<&Certificate>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.authority_pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some(shown) => {
            let chain = CertificateDer::pem_slice_iter(shown.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(shown.key_pem.as_bytes()).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = if protocol.is_empty() { Vec::new() } else { vec![protocol.to_vec()] };
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

/// The status of one request on a connection that stays open.
async fn status(stream: &mut TlsStream<TcpStream>, path: &str) -> std::io::Result<u16> {
    stream.write_all(format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head).unwrap()[9..12].parse().unwrap())
}

#[tokio::test]
async fn both_protocols_are_spoken_as_the_handshake_says() {
    let certificate = Certificate::generate().unwrap();
    let (house, _folder) = secured("documents", &certificate, "").await;
    let path = document(&ACME, "1");
    let stream = connect(house.documents, &certificate, None, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let mut http2 = Http2::over(stream).await;
    let bytes = content(1, 3_000_000);
    assert_eq!(http2.ask(&Ask::put(&path, bytes.clone())).await.status, 201);
    assert!(http2.ask(&Ask::get(&path)).await.body == bytes);
    for protocol in [b"http/1.1".as_slice(), b""] {
        let mut stream = connect(house.documents, &certificate, None, protocol).await.unwrap();
        assert_eq!(status(&mut stream, &path).await.unwrap(), 200);
        assert_eq!(status(&mut stream, &document(&ACME, "2")).await.unwrap(), 404, "on the same connection");
    }
    house.close().await;
}

/// The first bytes of what is answered to a ClientHello of this version.
async fn first_answer(address: SocketAddr, version: [u8; 2]) -> [u8; 7] {
    // ECDHE-ECDSA with AES in GCM, and in CBC as TLS 1.1 had it; P-256; ECDSA and RSA with SHA-256.
    let suites = [0, 4, 0xc0, 0x2b, 0xc0, 0x09, 1, 0];
    let extensions = [0, 18, 0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 6, 0, 4, 4, 3, 4, 1];
    let hello = [&version[..], &[7; 32], &[0], &suites, &extensions].concat();
    let length = u8::try_from(hello.len()).unwrap();
    let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&record).await.unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn tls_below_1_2_and_clear_text_are_turned_away() {
    let certificate = Certificate::generate().unwrap();
    let (house, _folder) = secured("documents", &certificate, "").await;
    // Handshake records and alerts: 2 is fatal, 70 protocol_version. The same hello passes where only its version is another.
    assert_eq!(first_answer(house.documents, [3, 2]).await, [21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(first_answer(house.documents, [3, 3]).await[0], 22);

    let mut stream = TcpStream::connect(house.documents).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    house.close().await;
}

#[tokio::test]
async fn a_certificate_is_replaced_while_open_connections_go_on() {
    let [first, second] = [Certificate::generate().unwrap(), Certificate::generate().unwrap()];
    let (house, folder) = secured("documents", &first, "").await;
    let path = document(&ACME, "1");
    let mut open = connect(house.documents, &first, None, b"").await.unwrap();
    assert_eq!(status(&mut open, &path).await.unwrap(), 404);

    place(folder.path(), &second);
    wait_until("the new certificate is shown", async || connect(house.documents, &second, None, b"").await.is_ok()).await;
    assert!(connect(house.documents, &first, None, b"").await.is_err());
    assert_eq!(status(&mut open, &path).await.unwrap(), 404);

    // A key of another certificate: everything stays as it is.
    std::fs::write(folder.path().join("key.pem"), &first.key_pem).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert!(connect(house.documents, &second, None, b"").await.is_ok());
    house.close().await;
}

#[tokio::test]
async fn clients_show_certificates_where_they_have_to() {
    let [certificate, stranger] = [Certificate::generate().unwrap(), Certificate::generate().unwrap()];
    let authority = tempfile::tempdir().unwrap();
    let file = authority.path().join("clients.pem");
    std::fs::write(&file, &certificate.authority_pem).unwrap();
    for (wanted, without) in [("required", false), ("optional", true)] {
        let further = format!("client_certificates = \"{wanted}\"\nclient_ca = {file:?}\n");
        let (house, _folder) = secured("documents", &certificate, &further).await;
        for (shown, passes) in [(None, without), (Some(&certificate), true), (Some(&stranger), false)] {
            // In TLS 1.3 the client is done before the server has judged it.
            let answered = async { status(&mut connect(house.documents, &certificate, shown, b"").await?, &document(&ACME, "1")).await };
            let answered = answered.await;
            assert_eq!(answered.as_ref().ok(), passes.then_some(&404), "{wanted}, shown {}: {answered:?}", shown.is_some());
        }
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_reaches_an_admin_listener_with_tls() {
    let certificate = Certificate::generate().unwrap();
    let (house, folder) = secured("admin", &certificate, "").await;
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, &certificate.authority_pem).unwrap();
    let url = format!("https://localhost:{}", house.admin.port());
    let seat = Seat { name: "operator".to_owned(), documents: 0, admin: 0, config: folder.path().join("none.toml") };
    let list = |further: &[&str]| {
        let arguments = [&["tenant", "list", "--admin-url", &url][..], further].concat();
        Process::command(&seat, &arguments).output().unwrap()
    };
    let trusted = list(&["--admin-ca", authority.to_str().unwrap()]);
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    assert!(String::from_utf8_lossy(&trusted.stdout).contains("acme"));
    let untrusted = list(&[]);
    assert_eq!(untrusted.status.code(), Some(1));
    house.close().await;
}
