//! One connection from its accepting to its end.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::WireError;
use super::handshake;
use super::talk::Talk;
use crate::server::Shared;

pub(crate) async fn serve(tcp: TcpStream, shared: Arc<Shared>) {
    shared.faults.count(|counts| {
        counts.connections_open += 1;
        counts.connections_ever += 1;
    });
    let mut generation = shared.faults.generation();
    generation.mark_unchanged();
    tokio::select! {
        () = shared.stop.cancelled() => {}
        _ = generation.changed() => shared.faults.count(|counts| counts.cut_at_once += 1),
        result = talk(tcp, Arc::clone(&shared)) => {
            // The other ends are of the everyday kind; this one means that client or server has a mistake.
            if let Err(WireError::Protocol(problem)) = result {
                eprintln!("sluss-tds: a connection was given up: {problem}");
            }
        }
    }
    shared.faults.count(|counts| counts.connections_open -= 1);
}

async fn talk(tcp: TcpStream, shared: Arc<Shared>) -> Result<(), WireError> {
    tcp.set_nodelay(true)?;
    match handshake::welcome(tcp, &shared).await? {
        Some(welcome) => Talk::begin(shared, welcome).await?.run().await,
        None => Ok(()),
    }
}
