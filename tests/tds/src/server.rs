//! The server: options, the listener, and its end.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::Faults;
use crate::value::Session;
use crate::wire::{Certificate, CertificateError, Encryption, connection};

/// Opens a database's session for one connection. It may block.
pub type Factory = Arc<dyn Fn() -> Box<dyn Session> + Send + Sync>;

pub struct Options {
    pub listen: SocketAddr,
    /// User and password.
    pub logins: BTreeMap<String, String>,
    /// A login that names none gets the first.
    pub databases: BTreeMap<String, Factory>,
    pub encryption: Encryption,
    /// `None`: a new one for this machine.
    pub certificate: Option<Certificate>,
}

impl Default for Options {
    /// A free port of this machine, and nobody to let in.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            logins: BTreeMap::new(),
            databases: BTreeMap::new(),
            encryption: Encryption::default(),
            certificate: None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A running server. It ends with [`Server::stop`], or when it is dropped, without waiting then.
pub struct Server {
    address: SocketAddr,
    authority_pem: String,
    shared: Arc<Shared>,
}

/// What the connections have in common.
pub(crate) struct Shared {
    pub(crate) logins: BTreeMap<String, String>,
    pub(crate) databases: BTreeMap<String, Factory>,
    pub(crate) encryption: Encryption,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) faults: Faults,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Server {
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let certificate = match options.certificate {
            Some(certificate) => certificate,
            None => Certificate::generate()?,
        };
        let shared = Arc::new(Shared {
            logins: options.logins,
            databases: options.databases,
            encryption: options.encryption,
            acceptor: certificate.acceptor()?,
            faults: Faults::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        shared.tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, authority_pem: certificate.authority_pem, shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// What a client has to trust.
    pub fn certificate_pem(&self) -> &str {
        &self.authority_pem
    }

    /// Cuts every connection, and waits until their sessions have rolled back.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => drop(shared.tasks.spawn(connection::serve(tcp, Arc::clone(&shared)))),
                // The client's own haste, or no descriptors left: neither ends the server, and the latter must not make it spin.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            },
        }
    }
}
