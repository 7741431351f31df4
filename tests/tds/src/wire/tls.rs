//! The server's certificate, and the server's side of TLS.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::WireError;
use super::tunnel::Tunnel;

/// A chain and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The server's certificate first.
    pub chain_pem: String,
    pub key_pem: String,
    /// What a client has to trust.
    pub authority_pem: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate could not be made: {0}")]
    Made(#[from] rcgen::Error),
    #[error("the certificate or its key is not PEM: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Certificate {
    /// A new authority, and a certificate of it for this machine, good for a server and for a client.
    ///
    /// Two certificates, because some clients take none that is an authority's for a server's.
    pub fn generate() -> Result<Self, CertificateError> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "sluss-tds test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();

        let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let chain_pem = server.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
        Ok(Self { chain_pem, key_pem: key.serialize_pem(), authority_pem })
    }

    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())?;
        // Named, since other crates of a test's process may bring another provider, and then none is the default.
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            // TDS 7 ends at TLS 1.2: the tickets that 1.3 sends after its handshake would have no packet to travel in.
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

pub(crate) async fn accept(acceptor: &TlsAcceptor, stream: TcpStream) -> Result<TlsStream<Tunnel<TcpStream>>, WireError> {
    let mut stream = acceptor.accept(Tunnel::new(stream)).await?;
    stream.get_mut().0.handshake_is_over();
    Ok(stream)
}
