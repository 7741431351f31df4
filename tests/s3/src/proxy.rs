//! A proxy that stands before a store and fails on request. What it does not fail in passes unchanged, `Host` and signature too, in bounded
//! memory. It runs on threads of its own, so that a test may block while it works.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use crate::aside;
use crate::server::Server;

mod answer;
mod body;
mod faults;
mod forward;
mod rule;

pub use faults::Faults;
use forward::Forward;
pub use rule::{Fault, Rule};

pub struct Proxy {
    address: SocketAddr,
    faults: Faults,
    forward: Arc<Forward>,
    /// Who accepts connections; `None` while it is down.
    open: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Proxy {
    /// # Panics
    ///
    /// Where it cannot listen, or the store is behind TLS, which it cannot look into.
    pub fn before(server: &Server) -> Self {
        let faults = Faults::default();
        let forward = Arc::new(Forward::to(server, faults.clone()));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = aside::wait(TcpListener::bind(any)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let proxy = Self { address, faults, forward, open: Arc::default() };
        proxy.accept(Some(listener));
        proxy
    }

    /// What clients take for the store's.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Cuts every connection, and refuses new ones.
    pub fn down(&self) {
        let open = Arc::clone(&self.open);
        aside::wait(async move {
            if let Some(accepting) = open.lock().await.take() {
                accepting.abort();
                // It ends because it was told to, and has let go of the port then.
                let _ = accepting.await;
            }
        });
    }

    /// Takes connections again, at the same address.
    pub fn up(&self) {
        self.accept(None);
    }

    fn accept(&self, listener: Option<TcpListener>) {
        let (open, address, forward) = (Arc::clone(&self.open), self.address, Arc::clone(&self.forward));
        aside::wait(async move {
            let mut open = open.lock().await;
            if open.is_none() {
                let listener = match listener {
                    Some(listener) => listener,
                    None => bind_again(address).await.expect("nobody else has taken the port"),
                };
                *open = Some(aside::spawn(accept(listener, forward)));
            }
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.down();
    }
}

/// The port may still be held for an instant by a connection that is being cut.
async fn bind_again(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..100 {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::time::sleep(Duration::from_millis(20)).await,
            bound => return bound,
        }
    }
    TcpListener::bind(address).await
}

/// Its connections end with it.
async fn accept(listener: TcpListener, forward: Arc<Forward>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        // A proxy that waits for more bytes would be a delay that nobody asked for.
        let _ = stream.set_nodelay(true);
        let forward = Arc::clone(&forward);
        connections.spawn(async move {
            let pass = service_fn(move |request| {
                let forward = Arc::clone(&forward);
                async move { forward.pass(request).await }
            });
            // A connection that was cut on purpose is an error here, and one that its client left may be.
            let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), pass).await;
        });
    }
}
