//! A cursor over the bytes of a message. Values are slices of the message, not copies.

use bytes::{Buf, Bytes};

use super::WireError;

pub(crate) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(crate) fn new(message: Bytes) -> Self {
        Self { rest: message }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<Bytes, WireError> {
        if self.rest.len() < length {
            return Err(WireError::protocol("a message ends in the middle of a value"));
        }
        Ok(self.rest.split_to(length))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.bytes(1)?.get_u8())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, WireError> {
        Ok(self.bytes(2)?.get_u16_le())
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        Ok(self.bytes(4)?.get_u32_le())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        Ok(self.bytes(8)?.get_u64_le())
    }

    /// B_VARCHAR (2.2.5.2.2): a length in characters in one byte.
    pub(crate) fn b_varchar(&mut self) -> Result<String, WireError> {
        let characters = usize::from(self.u8()?);
        utf16(&self.bytes(characters * 2)?)
    }

    /// What is left of the message, as text.
    pub(crate) fn text_to_the_end(self) -> Result<String, WireError> {
        utf16(&self.rest)
    }
}

/// UTF-16 in little-endian, as all text on the wire but `varchar`.
pub(crate) fn utf16(bytes: &[u8]) -> Result<String, WireError> {
    if !bytes.len().is_multiple_of(2) {
        return Err(WireError::protocol("UTF-16 text with half a unit"));
    }
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    // SQL Server itself keeps lone surrogates; nothing that Sluss sends has any.
    char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| WireError::protocol("text that is not UTF-16"))
}
