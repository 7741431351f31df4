//! What a client asks, taken out of its message.

use bytes::Bytes;

use super::WireError;
use super::packet::{Message, kind};
use super::reader::Reader;
use super::rpc::{self, Rpc};
use super::transaction;

#[derive(Debug)]
pub(crate) enum Request {
    Batch(String),
    Rpc(Rpc),
    Attention,
}

pub(crate) fn parse(message: Message) -> Result<Request, WireError> {
    match message.kind {
        kind::SQL_BATCH => Ok(Request::Batch(behind_headers(message.payload)?.text_to_the_end()?)),
        kind::RPC => Ok(Request::Rpc(rpc::parse(behind_headers(message.payload)?)?)),
        kind::TRANSACTION => Ok(Request::Batch(transaction::batch(behind_headers(message.payload)?)?)),
        kind::ATTENTION => Ok(Request::Attention),
        other => Err(WireError::protocol(format!("a message of type 0x{other:02X}"))),
    }
}

/// ALL_HEADERS (2.2.5.3): which transaction, which notification. One connection has one transaction here, so nothing in it is needed.
fn behind_headers(payload: Bytes) -> Result<Reader, WireError> {
    let mut reader = Reader::new(payload);
    let length = reader.u32()? as usize;
    reader.bytes(length.saturating_sub(4))?;
    Ok(reader)
}
