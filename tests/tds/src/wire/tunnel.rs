//! During its handshake, TLS travels in PRELOGIN packets (2.2.6.5, 3.3.5.2); after it, packets travel in TLS.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::packet::{DEFAULT_SIZE, HEADER, kind, status};

/// A stream that wraps what is written, and unwraps what is read, until the handshake is over.
pub(crate) struct Tunnel<S> {
    inner: S,
    handshake: bool,
    header: BytesMut,
    in_packet: usize,
    unsent: BytesMut,
    wrapped: BytesMut,
}

impl<S> Tunnel<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, handshake: true, header: BytesMut::new(), in_packet: 0, unsent: BytesMut::new(), wrapped: BytesMut::new() }
    }

    pub(crate) fn handshake_is_over(&mut self) {
        self.handshake = false;
    }

    pub(crate) fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tunnel<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if !this.handshake {
            return Pin::new(&mut this.inner).poll_read(context, buffer);
        }
        while this.in_packet == 0 {
            let mut bytes = [0; HEADER];
            let mut header = ReadBuf::new(&mut bytes[this.header.len()..]);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut header))?;
            if header.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.header.put_slice(header.filled());
            if this.header.len() == HEADER {
                this.in_packet = usize::from(u16::from_be_bytes([this.header[2], this.header[3]])).saturating_sub(HEADER);
                let wrong = this.header[0] != kind::PRELOGIN;
                this.header.clear();
                if wrong {
                    return Poll::Ready(Err(std::io::Error::other("a packet of another type within the handshake")));
                }
            }
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(this.in_packet.min(buffer.remaining())));
        ready!(Pin::new(&mut this.inner).poll_read(context, &mut part))?;
        let read = part.filled().len();
        this.in_packet -= read;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tunnel<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        if !this.handshake {
            return Pin::new(&mut this.inner).poll_write(context, bytes);
        }
        this.unsent.put_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        // Each packet is a message of its own, so its reader needs none of the others.
        while !this.unsent.is_empty() {
            let payload = this.unsent.split_to(this.unsent.len().min(DEFAULT_SIZE - HEADER));
            this.wrapped.put_u8(kind::PRELOGIN);
            this.wrapped.put_u8(status::END);
            this.wrapped.put_u16((HEADER + payload.len()) as u16);
            this.wrapped.put_slice(&[0; 4]);
            this.wrapped.put_slice(&payload);
        }
        while !this.wrapped.is_empty() {
            let written = ready!(Pin::new(&mut this.inner).poll_write(context, &this.wrapped))?;
            this.wrapped.advance(written);
        }
        Pin::new(&mut this.inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
