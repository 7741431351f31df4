//! Packets and messages (2.2.3): a message is one or more packets of one type, the last of which says so.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::WireError;

pub(crate) const HEADER: usize = 8;

/// Before a login has agreed on another size (2.2.3.1.3).
pub(crate) const DEFAULT_SIZE: usize = 4096;

/// Packet types (2.2.3.1.1).
pub(crate) mod kind {
    pub(crate) const SQL_BATCH: u8 = 0x01;
    pub(crate) const RPC: u8 = 0x03;
    pub(crate) const ANSWER: u8 = 0x04;
    pub(crate) const ATTENTION: u8 = 0x06;
    pub(crate) const TRANSACTION: u8 = 0x0E;
    pub(crate) const LOGIN: u8 = 0x10;
    pub(crate) const PRELOGIN: u8 = 0x12;
}

/// Status bits (2.2.3.1.2).
pub(crate) mod status {
    pub(crate) const END: u8 = 0x01;
    pub(crate) const RESET: u8 = 0x08;
    pub(crate) const RESET_KEEPING_TRANSACTION: u8 = 0x10;
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// Of the first packet: it has the bits that ask for a reset.
    pub(crate) status: u8,
    pub(crate) payload: Bytes,
}

/// Reads messages. What has arrived stays here, so a call may be dropped and made again.
#[derive(Default)]
pub(crate) struct Incoming {
    arrived: BytesMut,
    first: Option<(u8, u8)>,
    payload: BytesMut,
}

impl Incoming {
    /// `None`: the client has closed the connection between two messages.
    pub(crate) async fn message(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Message>, WireError> {
        loop {
            while let Some(last) = self.take_packet()? {
                if last {
                    let (kind, status) = self.first.take().unwrap_or_default();
                    return Ok(Some(Message { kind, status, payload: self.payload.split().freeze() }));
                }
            }
            self.arrived.reserve(32 * 1024);
            if stream.read_buf(&mut self.arrived).await? == 0 {
                let between = self.arrived.is_empty() && self.first.is_none();
                return if between { Ok(None) } else { Err(WireError::protocol("the connection ended within a message")) };
            }
        }
    }

    /// Whether bytes of a further message are here already. Before a change between plain and TLS there must be none.
    pub(crate) fn has_more(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// Moves one whole packet to the message, and tells whether it was the last.
    fn take_packet(&mut self) -> Result<Option<bool>, WireError> {
        if self.arrived.len() < HEADER {
            return Ok(None);
        }
        let length = usize::from(u16::from_be_bytes([self.arrived[2], self.arrived[3]]));
        if length < HEADER {
            return Err(WireError::protocol("a packet shorter than its header"));
        }
        if self.arrived.len() < length {
            return Ok(None);
        }
        let (kind, status) = (self.arrived[0], self.arrived[1]);
        if self.first.get_or_insert((kind, status)).0 != kind {
            return Err(WireError::protocol("a message of packets of two types"));
        }
        self.payload.extend_from_slice(&self.arrived[HEADER..length]);
        self.arrived.advance(length);
        Ok(Some(status & status::END != 0))
    }
}

/// Writes one message in packets of at most `size`.
///
/// With a `limit` it stops after that many bytes, headers among them: the rest is never sent.
pub(crate) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    kind: u8,
    size: usize,
    segments: Vec<Bytes>,
    limit: Option<u64>,
) -> Result<(), WireError> {
    let mut left = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut remaining: usize = segments.iter().map(Bytes::len).sum();
    let mut source = segments.into_iter().peekable();
    let mut packet = BytesMut::with_capacity(size);
    let mut number: u8 = 1;
    loop {
        let payload = remaining.min(size - HEADER);
        remaining -= payload;
        packet.clear();
        packet.put_u8(kind);
        packet.put_u8(if remaining == 0 { status::END } else { 0 });
        packet.put_u16((HEADER + payload) as u16);
        // The server's process number, which clients only show.
        packet.put_u16(SESSION);
        packet.put_u8(number);
        packet.put_u8(0);
        let mut wanted = payload;
        while wanted > 0 {
            let Some(segment) = source.peek_mut() else { break };
            let part = segment.split_to(wanted.min(segment.len()));
            wanted -= part.len();
            packet.put_slice(&part);
            if segment.is_empty() {
                source.next();
            }
        }
        let part = packet.len().min(left);
        stream.write_all(&packet[..part]).await?;
        left -= part;
        if part < packet.len() || remaining == 0 {
            stream.flush().await?;
            return Ok(());
        }
        number = number.wrapping_add(1);
    }
}

/// The session's number in every packet and in messages about deadlocks. SQL Server's own sessions are those below.
pub(crate) const SESSION: u16 = 51;
