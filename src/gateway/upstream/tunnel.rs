//! A connection that goes on in another protocol: bytes both ways, until either side ends, nothing moves for too long, or the process stops.

use std::io;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Held for each direction.
const PORTION_BYTES: usize = 16 << 10;

/// How long the end of one side may take to reach the other.
const FAREWELL: Duration = Duration::from_secs(5);

/// `held` is dropped at the end.
pub(super) async fn run(client: OnUpgrade, upstream: OnUpgrade, patience: Duration, drain: CancellationToken, held: impl Send) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok(both) => both,
        Err(error) => return tracing::debug!("a connection was not upgraded: {error}"),
    };
    join(TokioIo::new(client), TokioIo::new(upstream), patience, drain).await;
    drop(held);
}

async fn join<A, B>(client: A, upstream: B, patience: Duration, drain: CancellationToken)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (mut from_client, mut to_client) = split(client);
    let (mut from_upstream, mut to_upstream) = split(upstream);
    let moved = Notify::new();
    let ended = tokio::select! {
        ended = pump(&mut from_client, &mut to_upstream, &moved) => ended.map(|()| "the client has ended"),
        ended = pump(&mut from_upstream, &mut to_client, &moved) => ended.map(|()| "the existing API has ended"),
        () = silence(&moved, patience) => Ok("nothing has moved for too long"),
        () = drain.cancelled() => Ok("the process stops"),
    };
    match ended {
        Ok(why) => tracing::debug!("an upgraded connection ended: {why}"),
        Err(error) => tracing::debug!("an upgraded connection broke: {error}"),
    }
    // Whoever is left hears that it is over; one that is gone already cannot, and need not.
    let _ = timeout(FAREWELL, async { tokio::join!(to_client.shutdown(), to_upstream.shutdown()) }).await;
}

/// All that one side says, to the other.
async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), moved: &Notify) -> io::Result<()> {
    let mut portion = vec![0; PORTION_BYTES];
    loop {
        let length = from.read(&mut portion).await?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&portion[..length]).await?;
        to.flush().await?;
        moved.notify_one();
    }
}

async fn silence(moved: &Notify, patience: Duration) {
    while timeout(patience, moved.notified()).await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    /// The two ends of a tunnel, and how it ends.
    fn tunnel(drain: &CancellationToken) -> (DuplexStream, DuplexStream, impl Future<Output = ()> + use<>) {
        let ((client, ours), (theirs, upstream)) = (duplex(64), duplex(64));
        (client, upstream, join(ours, theirs, Duration::from_secs(60), drain.clone()))
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_go_both_ways_and_all_of_them_arrive_before_the_end() {
        let (mut client, mut upstream, joined) = tunnel(&CancellationToken::new());
        let talk = async {
            client.write_all(&[1; 100_000]).await.unwrap();
            client.shutdown().await.unwrap();
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            rest
        };
        let answer = async {
            upstream.write_all(b"hello").await.unwrap();
            let mut all = Vec::new();
            upstream.read_to_end(&mut all).await.unwrap();
            all.len()
        };
        let (rest, length, ()) = tokio::join!(talk, answer, joined);
        assert_eq!((rest.as_slice(), length), (b"hello".as_slice(), 100_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_in_which_nothing_moves_ends_and_so_do_all_when_the_process_stops() {
        let drain = CancellationToken::new();
        let (_client, _upstream, joined) = tunnel(&drain);
        let begun = Instant::now();
        joined.await;
        assert_eq!(begun.elapsed().as_secs(), 60);
        let (_client, _upstream, joined) = tunnel(&drain);
        drain.cancel();
        joined.await;
        assert_eq!(begun.elapsed().as_secs(), 60);
    }
}
