//! The authorities whose certificates a server may show, for the driver that asks for them one by one. The other driver takes a file's
//! name; this reads the same file, so that both lanes trust the same servers.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::config::Trust;

/// Read for every connection: an authority's file can change while the process runs. Blocks for as long as a small file takes.
pub(super) fn authorities(trust: &Trust) -> Result<Vec<CertificateDer<'static>>, String> {
    match trust {
        Trust::Anyone => Ok(Vec::new()),
        Trust::System => {
            // This driver would use a list of public authorities that it brings along: but a database's is most often the house's own.
            let bundle = openssl_probe::probe()
                .cert_file
                .ok_or("the system's file of authorities is not where it usually is: name one as sql.ca")?;
            // An old certificate that this driver cannot read would cost every connection.
            let is_readable = |certificate: &CertificateDer<'static>| webpki::anchor_from_trusted_cert(certificate).is_ok();
            let authorities: Vec<_> = certificates(&bundle)?.into_iter().filter(is_readable).collect();
            if authorities.is_empty() { Err(format!("{} holds no certificate", bundle.display())) } else { Ok(authorities) }
        }
        Trust::Authority(file) => {
            let authorities = certificates(file)?;
            // The other driver takes the first one of a file and leaves the rest.
            if authorities.len() == 1 {
                Ok(authorities)
            } else {
                Err(format!("{} holds {} certificates, and has to hold the one of the authority", file.display(), authorities.len()))
            }
        }
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect());
    read.map_err(|error| format!("{} is not a file of certificates in PEM: {error}", file.display()))
}
