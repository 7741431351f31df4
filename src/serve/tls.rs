//! TLS of one listener, from 1.2 on. Its certificate, its key and the authority of its clients can be replaced while it
//! serves; what cannot be used replaces nothing. A client's certificate lets a connection in, and gives no right beyond that.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::x509::X509;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::preface::ALPN;
use crate::lock;

/// Where the parts stand, all of them PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The listener's own certificate first, then those that lead to its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub clients: Clients,
}

impl TlsFiles {
    pub fn all(&self) -> Vec<PathBuf> {
        let authority = match &self.clients {
            Clients::NoCertificate => None,
            Clients::Optional(file) | Clients::Required(file) => Some(file.clone()),
        };
        [self.certificate.clone(), self.key.clone()].into_iter().chain(authority).collect()
    }
}

/// Which certificates clients show. The file holds the authorities that vouch for them.
#[derive(Debug, Clone)]
pub enum Clients {
    NoCertificate,
    /// One that is shown has to be good.
    Optional(PathBuf),
    Required(PathBuf),
}

/// Why files cannot be used. Nothing of a key is told.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} cannot be read as PEM: {reason}", file.display())]
    Pem { file: PathBuf, reason: String },
    #[error("{} holds no certificate", file.display())]
    Empty { file: PathBuf },
    #[error("{} and {} do not make a listener's certificate: {reason}", certificate.display(), key.display())]
    Unusable { certificate: PathBuf, key: PathBuf, reason: rustls::Error },
    #[error("{} holds no authority of clients that can be used: {reason}", file.display())]
    Authority { file: PathBuf, reason: String },
}

/// A listener's TLS as its files last had it.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    expires_at: Timestamp,
}

impl Tls {
    /// Reads small files: blocks for as long as that takes.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// New connections go by what the files hold now. After an error all is as before.
    pub fn read_again(&self) -> Result<(), TlsError> {
        let read = read(&self.files)?;
        *lock::write(&self.current) = read;
        Ok(())
    }

    /// When the first of the certificates that are shown ends: clients refuse the listener from then on.
    pub fn expires_at(&self) -> Timestamp {
        lock::read(&self.current).expires_at
    }

    pub fn files(&self) -> &TlsFiles {
        &self.files
    }

    pub(super) async fn accept<I: AsyncRead + AsyncWrite + Unpin>(&self, io: I) -> io::Result<TlsStream<I>> {
        let config = Arc::clone(&lock::read(&self.current).config);
        TlsAcceptor::from(config).accept(io).await
    }
}

fn read(files: &TlsFiles) -> Result<Current, TlsError> {
    let chain = certificates(&files.certificate)?;
    let expires_at = first_end(&chain).map_err(|error| pem(&files.certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| pem(&files.key, &error))?;
    // Named, since another crate of this process brings another one, and then none is the default.
    let provider = Arc::new(ring::default_provider());
    let unusable = |reason| TlsError::Unusable { certificate: files.certificate.clone(), key: files.key.clone(), reason };
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions).map_err(unusable)?;
    let config = match &files.clients {
        Clients::NoCertificate => config.with_no_client_auth(),
        Clients::Optional(file) | Clients::Required(file) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities(file)?, provider);
            let verifier = match &files.clients {
                Clients::Required(_) => verifier,
                Clients::Optional(_) | Clients::NoCertificate => verifier.allow_unauthenticated(),
            };
            let verifier = verifier.build().map_err(|error| TlsError::Authority { file: file.clone(), reason: error.to_string() })?;
            config.with_client_cert_verifier(verifier)
        }
    };
    let mut config = config.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    Ok(Current { config: Arc::new(config), expires_at })
}

/// The earliest end among certificates, of which there is one at least.
fn first_end(chain: &[CertificateDer<'_>]) -> Result<Timestamp, openssl::error::ErrorStack> {
    let epoch = Asn1Time::from_unix(0)?;
    let mut first = Timestamp::MAX;
    for certificate in chain {
        let until = epoch.diff(X509::from_der(certificate)?.not_after())?;
        let seconds = i64::from(until.days) * 86_400 + i64::from(until.secs);
        // A time beyond what a timestamp holds never ends.
        first = first.min(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX));
    }
    Ok(first)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
    let read = read.map_err(|error| pem(file, &error))?;
    if read.is_empty() { Err(TlsError::Empty { file: file.to_owned() }) } else { Ok(read) }
}

fn authorities(file: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| TlsError::Authority { file: file.to_owned(), reason: error.to_string() })?;
    }
    Ok(Arc::new(roots))
}

fn pem(file: &Path, error: &impl ToString) -> TlsError {
    TlsError::Pem { file: file.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use openssl::asn1::Asn1Integer;
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::X509Builder;

    use super::*;

    /// A certificate that ends then, and its key.
    fn made(ends_at: Timestamp) -> (Vec<u8>, Vec<u8>) {
        let key = PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap()).unwrap();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(7).unwrap()).unwrap()).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(ends_at.as_second()).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
    }

    #[test]
    fn a_listener_ends_with_the_first_of_its_certificates_and_goes_on_with_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
        let late: Timestamp = "2049-12-31T23:59:59Z".parse().unwrap();
        let early = late - Duration::from_secs(86_400 + 7);
        let write = |(own, key): (Vec<u8>, Vec<u8>), other: Timestamp| {
            std::fs::write(&files[0], [own, made(other).0].concat()).unwrap();
            std::fs::write(&files[1], key).unwrap();
        };
        write(made(late), early);
        let [certificate, key] = files.clone();
        let tls = Tls::load(TlsFiles { certificate, key, clients: Clients::NoCertificate }).unwrap();
        assert_eq!(tls.expires_at(), early);
        write(made(late), late);
        assert_eq!(tls.expires_at(), early);
        tls.read_again().unwrap();
        assert_eq!(tls.expires_at(), late);
    }
}
