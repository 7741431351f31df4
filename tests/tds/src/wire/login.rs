//! LOGIN7 (2.2.6.4): who comes, and to which database.

use bytes::Bytes;

use super::WireError;
use super::packet::DEFAULT_SIZE;
use super::reader::{Reader, utf16};

#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    pub(crate) application: String,
    /// As agreed: the client's wish within what the protocol allows.
    pub(crate) packet_size: usize,
    pub(crate) tds_version: u32,
}

/// Where the fixed part has offset and length of each text, from the message's start.
mod field {
    pub(super) const USER: usize = 40;
    pub(super) const PASSWORD: usize = 44;
    pub(super) const APPLICATION: usize = 48;
    pub(super) const DATABASE: usize = 68;
}

/// TDS 7.4, as LOGIN7 and LOGINACK have it.
pub(crate) const TDS_7_4: u32 = 0x7400_0004;

/// TDS 7.2: below it, DONE has other lengths, and requests have no headers.
const TDS_7_2: u32 = 0x7209_0002;

pub(crate) fn parse(message: &Bytes) -> Result<Login, WireError> {
    let mut fixed = Reader::new(message.clone());
    let _length = fixed.u32()?;
    let tds_version = fixed.u32()?;
    if tds_version < TDS_7_2 {
        return Err(WireError::protocol("a TDS version below 7.2"));
    }
    let packet_size = match fixed.u32()? as usize {
        0 => DEFAULT_SIZE,
        wish => wish.clamp(512, 32_767),
    };
    Ok(Login {
        user: utf16(&text(message, field::USER)?)?,
        password: utf16(&revealed(&text(message, field::PASSWORD)?))?,
        application: utf16(&text(message, field::APPLICATION)?)?,
        database: utf16(&text(message, field::DATABASE)?)?,
        packet_size,
        tds_version: tds_version.min(TDS_7_4),
    })
}

fn text(message: &Bytes, field: usize) -> Result<Bytes, WireError> {
    let outside = || WireError::protocol("a field of LOGIN7 outside of its message");
    let at = message.get(field..field + 4).ok_or_else(outside)?;
    let offset = usize::from(u16::from_le_bytes([at[0], at[1]]));
    let length = 2 * usize::from(u16::from_le_bytes([at[2], at[3]]));
    if offset + length > message.len() {
        return Err(outside());
    }
    Ok(message.slice(offset..offset + length))
}

/// Each byte of a password was turned by four bits and then changed with 0xA5.
fn revealed(password: &[u8]) -> Vec<u8> {
    password.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect()
}
