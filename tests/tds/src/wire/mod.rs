//! TDS 7.4 on the wire, as MS-TDS has it: packets, logins, requests in, tokens out. What a batch means is the session's business.
//!
//! Numbers are named where they stand with the section of MS-TDS they come from.

mod answer;
mod code_page;
pub(crate) mod connection;
mod declaration;
mod handshake;
mod login;
mod packet;
mod parameter;
mod prelogin;
mod prepared;
mod reader;
mod request;
mod row;
mod rpc;
mod talk;
pub(crate) mod tls;
mod token;
mod transaction;
mod tunnel;

pub use prelogin::Encryption;
pub use tls::{Certificate, CertificateError};

/// Why a connection is given up. Nothing is answered then: the other side speaks no TDS that this server knows, or is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("the client broke the protocol: {0}")]
    Protocol(String),
    /// The connection goes on: only this request is refused.
    #[error("{0}")]
    Refused(crate::value::ServerError),
    /// Asked for by a fault, or by the server's end.
    #[error("the connection was cut")]
    Cut,
}

impl WireError {
    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }
}
