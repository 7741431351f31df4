//! The server as a process of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use mssql_client::{Client, Config, Credentials, Error};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

#[tokio::test]
async fn it_tells_its_address_obeys_lines_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("password"), "secret\n").unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_sluss-tds"))
        .args(["--login", &format!("gateway={}", file("password"))])
        .args(["--database", &format!("documents={}", file("documents.db"))])
        .args(["--tls", "required", "--certificate-out", &file("authority.pem")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let address: std::net::SocketAddr = output.next().unwrap().unwrap().parse().unwrap();

    let mut config = Config::new()
        .host("127.0.0.1")
        .port(address.port())
        .database("documents")
        .credentials(Credentials::sql_server("gateway", "secret"))
        .max_retries(0);
    config.tls = config.tls.add_root_certificate(CertificateDer::from_pem_file(file("authority.pem")).unwrap());
    let mut client = Client::connect(config).await.unwrap();
    let mut rows = client.query("SELECT @p1 AS n", &[&7_i32]).await.unwrap();
    assert_eq!(rows.try_next().unwrap().get::<i32>(0).unwrap(), 7);
    drop(rows);

    writeln!(input, "error 1205 times 1 containing FROM somewhere").unwrap();
    assert_eq!(output.next().unwrap().unwrap(), "ok");
    client.execute("BEGIN TRANSACTION", &[]).await.unwrap();
    assert!(client.is_in_transaction());
    // The victim's transaction is gone.
    for (batch, expected) in [("SELECT 1 FROM somewhere", 1205), ("COMMIT TRANSACTION", 3902)] {
        match client.execute(batch, &[]).await.unwrap_err() {
            Error::Server { number, .. } => assert_eq!(number, expected),
            other => panic!("{other}"),
        }
    }
    writeln!(input, "counts").unwrap();
    assert!(output.next().unwrap().unwrap().contains("errors: {1205: 1}"));
    drop(input);
    assert!(process.wait().unwrap().success());
}
