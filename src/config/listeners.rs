//! `[listeners]` of `sluss.toml`: addresses, TLS, and what has to be so before an address may be off loopback.

use std::net::{Ipv4Addr, SocketAddr};

use toml::de::DeValue;

use super::gateway::AuthMode;
use super::section::Section;
use super::value::{self, Parsed};
use super::{ClientCertificates, Listeners, TlsConfig};

pub(super) fn read(section: &mut Section<'_>, mode: Option<AuthMode>) -> Listeners {
    let behind_tls_proxy = section.flag("behind_tls_proxy", false);
    // A table with a mistake in it is meant to be TLS: it is not refused once more for the lack of it.
    let secured = ["documents_tls", "admin_tls"].map(|key| section.holds(key) || behind_tls_proxy);
    let documents = read_address(section, "documents", 8080, mode, secured[0]);
    let admin = read_address(section, "admin", 8081, mode, secured[1]);
    if documents == admin && documents.port() != 0 && !section.is_refused("documents") && !section.is_refused("admin") {
        section.refuse("admin", format!("{admin} is the address of the documents, too"));
    }
    let documents_tls = section.section_or_none("documents_tls", read_tls).flatten();
    let admin_tls = section.section_or_none("admin_tls", read_tls).flatten();
    Listeners { documents, admin, documents_tls, admin_tls, behind_tls_proxy }
}

fn read_address(section: &mut Section<'_>, key: &'static str, port: u16, mode: Option<AuthMode>, secured: bool) -> SocketAddr {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let parse = |value: &DeValue<'_>| {
        let text = value::text(value)?;
        text.parse().map_err(|_| format!("{} is not an address and a port, such as \"{default}\"", value::shown(text)))
    };
    let address: SocketAddr = section.optional(key, parse).unwrap_or(default);
    if address.ip().is_loopback() {
        return address;
    }
    if mode == Some(AuthMode::None) {
        section.refuse(key, format!("{address} is not on loopback, and auth = \"none\" lets anybody in who reaches it"));
    } else if !secured {
        let reason = format!(
            "is not on loopback, and speaks no TLS: give it a certificate in [listeners.{key}_tls], listen on loopback, \
             or set listeners.behind_tls_proxy = true where a proxy in front ends TLS"
        );
        section.refuse(key, format!("{address} {reason}"));
    }
    address
}

/// `None` only beside a problem. The files are read when the listener starts.
fn read_tls(section: &mut Section<'_>) -> Option<TlsConfig> {
    let file = section.file();
    let path = |value: &DeValue<'_>| value::path_beside(file, value::text(value)?);
    let certificate = section.required("certificate", "name the file of the listener's certificate and those above it, in PEM", path);
    let key = section.required("key", "name the file of the certificate's private key, in PEM", path);
    let wanted = section.optional("client_certificates", value::parsed::<Wanted>).unwrap_or(Wanted::No);
    let authority = section.optional("client_ca", path);
    let clients = match (wanted, authority) {
        (Wanted::No, None) => ClientCertificates::None,
        (Wanted::Optional, Some(authority)) => ClientCertificates::Optional(authority),
        (Wanted::Required, Some(authority)) => ClientCertificates::Required(authority),
        (Wanted::No, Some(_)) => {
            let reason = "is asked for nothing while client_certificates is \"none\": say \"optional\" or \"required\" there, or remove it";
            section.refuse("client_ca", reason);
            return None;
        }
        (Wanted::Optional | Wanted::Required, None) => {
            if !section.is_refused("client_ca") {
                section.miss("client_ca", "name the file of the authorities that vouch for clients, in PEM");
            }
            return None;
        }
    };
    Some(TlsConfig { certificate: certificate?, key: key?, clients })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    No,
    Optional,
    Required,
}

impl std::str::FromStr for Wanted {
    type Err = String;
    fn from_str(text: &str) -> Parsed<Self> {
        match text {
            "none" => Ok(Self::No),
            "optional" => Ok(Self::Optional),
            "required" => Ok(Self::Required),
            _ => Err(format!("{} is not known: say \"none\", \"optional\" or \"required\"", value::shown(text))),
        }
    }
}
