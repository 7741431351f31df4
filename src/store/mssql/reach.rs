//! A listener's name that stands for addresses in several networks, of which one answers: all of them are tried at once, and the first
//! that takes the connection is used. The read lane's driver does the same by itself.

use std::io;

use deadpool_tiberius::tiberius;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use super::commands::fault;
use super::fault::Fault;
use crate::config::SqlServerConfig;
use crate::store::error::StoreErrorKind;

/// A listener redirects nobody, so an answer that points elsewhere is an error here.
pub(super) async fn log_in(settings: &SqlServerConfig, config: tiberius::Config) -> Result<deadpool_tiberius::Client, Fault> {
    let SqlServerConfig { host, port, connect_timeout, .. } = settings;
    let stream = match timeout(*connect_timeout, side_by_side(host, *port)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Fault::before(StoreErrorKind::Unavailable, error)),
        Err(_) => return Err(Fault::before(StoreErrorKind::Timeout, format!("no address of it answers within {connect_timeout:?}"))),
    };
    tiberius::Client::connect(config, stream.compat_write()).await.map_err(|error| fault(&error, false))
}

async fn side_by_side(host: &str, port: u16) -> io::Result<TcpStream> {
    // Ends the other attempts when it is dropped.
    let mut attempts: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    for address in lookup_host((host, port)).await? {
        attempts.spawn(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
    }
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(error) => last = io::Error::other(error),
        }
    }
    Err(last)
}
