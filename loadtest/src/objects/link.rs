//! A link of a known speed between the store and whoever uses it, as a network is and this machine's inside is not. It ends with this value.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What goes over in one go.
const PORTION: usize = 128 << 10;

/// What was lost to a timer's grain may be made up for within this time.
const SLACK: Duration = Duration::from_millis(10);

pub struct Link {
    pub endpoint: String,
    /// Ends with the value.
    _connections: JoinSet<()>,
}

impl Link {
    /// All connections together get `bytes_per_second` in each direction.
    pub async fn to(endpoint: &str, bytes_per_second: f64) -> anyhow::Result<Self> {
        let store = endpoint.strip_prefix("http://").context("a link is made to a store behind plain http")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let directions = [(); 2].map(|()| watch::Sender::new(Instant::now()));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (store, directions) = (store.clone(), directions.clone());
                connections.spawn(async move { connect(near, &store, &directions, bytes_per_second).await });
            }
        });
        Ok(Self { endpoint, _connections: accepting })
    }
}

async fn connect(near: TcpStream, store: &str, directions: &[watch::Sender<Instant>; 2], bytes_per_second: f64) -> std::io::Result<()> {
    let far = TcpStream::connect::<SocketAddr>(store.parse().map_err(std::io::Error::other)?).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    let [out, back] = directions;
    tokio::try_join!(carry(from_near, to_far, out, bytes_per_second), carry(from_far, to_near, back, bytes_per_second))?;
    Ok(())
}

/// `free` is when the link has carried what was given to it so far.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    free: &watch::Sender<Instant>,
    bytes_per_second: f64,
) -> std::io::Result<()> {
    let mut portion = vec![0; PORTION];
    loop {
        let length = from.read(&mut portion).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let takes = Duration::from_secs_f64(length as f64 / bytes_per_second);
        let mut carried = Instant::now() - SLACK;
        free.send_modify(|free| {
            carried = carried.max(*free) + takes;
            *free = carried;
        });
        sleep_until(carried).await;
        to.write_all(&portion[..length]).await?;
    }
}
