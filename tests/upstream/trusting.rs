//! An existing API behind TLS, with a certificate of an authority that the operating system does not know.

use sluss_tds::wire::Certificate;

use super::end_tls::end_tls_before;
use super::existing::Existing;
use super::record::Connection;
use super::stage::{Stage, plant};

/// The first line of what the existing API answers through Sluss.
async fn first_line(certificate: &Certificate, trusts: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    plant(&folder.path().join("acme.db"));
    let existing = Existing::start(&folder.path().join("acme.db"));
    let address = end_tls_before(&existing.address.to_string(), certificate);
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
