//! Both drivers, connected.

use std::path::Path;

use mssql_client::{Client, Config, Credentials, Ready};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::toy::{PASSWORD, Started, USER};

pub type Tiberius = tiberius::Client<Compat<TcpStream>>;
pub type Mssql = Client<Ready>;

pub fn tiberius_config(started: &Started, level: tiberius::EncryptionLevel) -> tiberius::Config {
    let mut config = tiberius::Config::new();
    config.host("127.0.0.1");
    config.port(started.server.address().port());
    config.authentication(tiberius::AuthMethod::sql_server(USER, PASSWORD));
    config.database("documents");
    config.encryption(level);
    config
}

pub async fn connect_tiberius(config: tiberius::Config) -> tiberius::Result<Tiberius> {
    let tcp = TcpStream::connect(config.get_addr()).await?;
    tcp.set_nodelay(true)?;
    tiberius::Client::connect(config, tcp.compat_write()).await
}

/// Without encryption.
pub async fn tiberius_of(started: &Started) -> Tiberius {
    connect_tiberius(tiberius_config(started, tiberius::EncryptionLevel::NotSupported)).await.unwrap()
}

pub fn mssql_config(started: &Started) -> Config {
    Config::new()
        .host("127.0.0.1")
        .port(started.server.address().port())
        .database("documents")
        .credentials(Credentials::sql_server(USER, PASSWORD))
        // It takes a wrong password for a passing trouble, and would try it four times.
        .max_retries(0)
}

pub async fn mssql_of(started: &Started) -> Mssql {
    Client::connect(mssql_config(started).no_tls(true)).await.unwrap()
}

/// tiberius reads the authority from a file, whose ending tells it the format.
pub fn trusting_tiberius(config: &mut tiberius::Config, started: &Started, folder: &Path) {
    let file = folder.join("authority.pem");
    std::fs::write(&file, started.server.certificate_pem()).unwrap();
    config.trust_cert_ca(file.to_str().unwrap());
}

/// `mssql-client` takes DER from memory.
pub fn trusting_mssql(mut config: Config, started: &Started) -> Config {
    let authority = CertificateDer::from_pem_slice(started.server.certificate_pem().as_bytes()).unwrap();
    config.tls = config.tls.add_root_certificate(authority);
    config
}
