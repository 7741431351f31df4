//! Which protocol a connection speaks. Under TLS the handshake has said it; without, HTTP/2 begins with a preface that no
//! HTTP/1.1 request can begin with. What was read to tell is read again by the protocol itself.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// RFC 9113, 3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The names by which TLS negotiates them, the preferred one first.
pub(super) const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// By ALPN. A client that does not know of it knows no HTTP/2 either.
    pub(super) fn negotiated(name: Option<&[u8]>) -> Self {
        if name == Some(ALPN[0]) { Self::Http2 } else { Self::Http1 }
    }
}

/// A connection with the bytes that were read of it already.
pub(super) struct Told<I> {
    io: I,
    bytes: [u8; PREFACE.len()],
    begin: usize,
    end: usize,
}

/// Reads no further than to the first byte that tells.
pub(super) async fn tell<I: AsyncRead + Unpin>(mut io: I) -> io::Result<(Protocol, Told<I>)> {
    let (mut bytes, mut end) = ([0; PREFACE.len()], 0);
    while end < PREFACE.len() && bytes[..end] == PREFACE[..end] {
        match io.read(&mut bytes[end..]).await? {
            0 => break,
            read => end += read,
        }
    }
    let protocol = if bytes == *PREFACE { Protocol::Http2 } else { Protocol::Http1 };
    Ok((protocol, Told { io, bytes, begin: 0, end }))
}

impl<I: AsyncRead + Unpin> AsyncRead for Told<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let told = &self.bytes[self.begin..self.end];
        if told.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let taken = told.len().min(buf.remaining());
        buf.put_slice(&told[..taken]);
        self.begin += taken;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Told<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(bytes: &[u8]) -> (Protocol, Vec<u8>) {
        let (protocol, mut io) = tell(io::Cursor::new(bytes.to_vec())).await.unwrap();
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.unwrap();
        (protocol, all)
    }

    #[tokio::test]
    async fn the_preface_tells_and_nothing_of_it_is_lost() {
        let http2 = [PREFACE.as_slice(), b"and frames"].concat();
        for (bytes, protocol) in [
            (http2.as_slice(), Protocol::Http2),
            (b"GET / HTTP/1.1\r\n\r\n", Protocol::Http1),
            (b"PUT /v1/a HTTP/1.1\r\nHost: a\r\n\r\n", Protocol::Http1),
            (b"PRI * HTTP/1.1\r\nHost: a\r\n\r\nbody", Protocol::Http1),
            (b"PRI", Protocol::Http1),
            (b"", Protocol::Http1),
        ] {
            assert_eq!(told(bytes).await, (protocol, bytes.to_vec()), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
