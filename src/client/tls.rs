//! TLS of the client: whom it trusts, and what it shows where a server asks for a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{ClientError, ClientResult};

/// Files in PEM. Without any, the system's authorities are trusted and nothing is shown.
#[derive(Debug, Clone, Default)]
pub struct ClientTls {
    /// The authorities that vouch for the server.
    pub authority: Option<PathBuf>,
    /// A certificate with those above it, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl ClientTls {
    /// `secured`: whether the server's address asks for TLS at all; without it no file is read.
    pub(super) fn connector(&self, http: HttpConnector, secured: bool) -> ClientResult<HttpsConnector<HttpConnector>> {
        let mut roots = RootCertStore::empty();
        if secured {
            let file = self.authority.clone().or_else(|| openssl_probe::probe().cert_file).ok_or_else(|| {
                ClientError::Tls("the system's file of authorities is not where it usually is: name one with --admin-ca".to_owned())
            })?;
            // Systems have some certificates that this library cannot use; one that was named has to be of use.
            let (used, _) = roots.add_parsable_certificates(certificates(&file)?);
            if used == 0 {
                return Err(ClientError::Tls(format!("{} holds no authority's certificate", file.display())));
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::Tls(error.to_string()))?
            .with_root_certificates(roots);
        let config = match self.identity.as_ref().filter(|_| secured) {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let read = PrivateKeyDer::from_pem_file(key);
                let key = read.map_err(|error| ClientError::Tls(format!("{} is not a private key in PEM: {error}", key.display())))?;
                let shown = config.with_client_auth_cert(certificates(chain)?, key);
                shown.map_err(|error| ClientError::Tls(format!("{} and its key cannot be used: {error}", chain.display())))?
            }
        };
        Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http))
    }
}

fn certificates(file: &Path) -> ClientResult<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect());
    read.map_err(|error| ClientError::Tls(format!("{} is not a file of certificates in PEM: {error}", file.display())))
}
