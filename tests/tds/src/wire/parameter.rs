//! One typed value of a request: TYPE_INFO (2.2.5.6) and the value behind it (2.2.5.5).

use bytes::{Buf, Bytes, BytesMut};

use super::reader::{Reader, utf16};
use super::{WireError, code_page};
use crate::value::{ServerError, Type, Value};

/// Data types (2.2.5.4).
pub(crate) mod tag {
    pub(crate) const NULL: u8 = 0x1F;
    pub(crate) const INT1: u8 = 0x30;
    pub(crate) const BIT: u8 = 0x32;
    pub(crate) const INT2: u8 = 0x34;
    pub(crate) const INT4: u8 = 0x38;
    pub(crate) const INT8: u8 = 0x7F;
    pub(crate) const FLOAT4: u8 = 0x3B;
    pub(crate) const FLOAT8: u8 = 0x3E;
    pub(crate) const GUID: u8 = 0x24;
    pub(crate) const INT_N: u8 = 0x26;
    pub(crate) const BIT_N: u8 = 0x68;
    pub(crate) const FLOAT_N: u8 = 0x6D;
    pub(crate) const VARBINARY: u8 = 0xA5;
    pub(crate) const VARCHAR: u8 = 0xA7;
    pub(crate) const BINARY: u8 = 0xAD;
    pub(crate) const CHAR: u8 = 0xAF;
    pub(crate) const NVARCHAR: u8 = 0xE7;
    pub(crate) const NCHAR: u8 = 0xEF;
}

/// The length that stands for `max` in a type, and for NULL in a short value.
pub(crate) const MAX: u16 = 0xFFFF;
/// NULL in a partially length-prefixed value (2.2.5.2.3).
pub(crate) const PLP_NULL: u64 = u64::MAX;

/// `None` as type: a NULL that tells nothing of its type.
pub(crate) fn read(reader: &mut Reader) -> Result<(Option<Type>, Value), WireError> {
    let tag = reader.u8()?;
    let (kind, value) = match tag {
        tag::NULL => return Ok((None, Value::Null)),
        tag::BIT => (Type::Bit, Value::Bit(reader.u8()? != 0)),
        tag::INT1 => (Type::Int, integer(&reader.bytes(1)?)?),
        tag::INT2 => (Type::Int, integer(&reader.bytes(2)?)?),
        tag::INT4 => (Type::Int, integer(&reader.bytes(4)?)?),
        tag::INT8 => (Type::BigInt, integer(&reader.bytes(8)?)?),
        tag::FLOAT4 => (Type::Float, float(&reader.bytes(4)?)?),
        tag::FLOAT8 => (Type::Float, float(&reader.bytes(8)?)?),
        tag::BIT_N => (Type::Bit, short(reader, |bytes| Ok(Value::Bit(bytes[0] != 0)))?.1),
        tag::INT_N => {
            let (size, value) = short(reader, integer)?;
            (if size == 8 { Type::BigInt } else { Type::Int }, value)
        }
        tag::FLOAT_N => (Type::Float, short(reader, float)?.1),
        tag::GUID => (Type::UniqueIdentifier, short(reader, guid)?.1),
        tag::VARBINARY | tag::BINARY => {
            let (length, bytes) = long(reader, false)?;
            (Type::VarBinary(length), bytes.map_or(Value::Null, Value::Bytes))
        }
        tag::VARCHAR | tag::CHAR => {
            let (length, bytes) = long(reader, true)?;
            (Type::VarChar(length), bytes.map_or(Value::Null, |bytes| Value::Text(code_page::decode(&bytes))))
        }
        tag::NVARCHAR | tag::NCHAR => {
            let (length, bytes) = long(reader, true)?;
            let value = bytes.map(|bytes| utf16(&bytes)).transpose()?.map_or(Value::Null, Value::Text);
            (Type::NVarChar(length.map(|length| length / 2)), value)
        }
        other => return Err(unsupported(other)),
    };
    Ok((Some(kind), value))
}

fn unsupported(tag: u8) -> WireError {
    WireError::Refused(ServerError {
        number: 8009,
        severity: 16,
        state: 1,
        message: format!("sluss-tds takes no parameters of data type 0x{tag:02X}."),
    })
}

/// A value whose type and whose length have one byte each: the type's size, and the value.
fn short(reader: &mut Reader, parse: fn(&Bytes) -> Result<Value, WireError>) -> Result<(u8, Value), WireError> {
    let size = reader.u8()?;
    let length = reader.u8()?;
    if length == 0 {
        return Ok((size, Value::Null));
    }
    Ok((size, parse(&reader.bytes(usize::from(length))?)?))
}

/// A value of bytes or of characters: the type's length, `None` for max, and the bytes.
fn long(reader: &mut Reader, collated: bool) -> Result<(Option<u16>, Option<Bytes>), WireError> {
    let size = reader.u16()?;
    if collated {
        reader.bytes(5)?;
    }
    if size == MAX {
        return Ok((None, plp(reader)?));
    }
    let bytes = match reader.u16()? {
        MAX => None,
        length => Some(reader.bytes(usize::from(length))?),
    };
    Ok((Some(size), bytes))
}

/// Chunks up to an empty one. A value that came as one chunk is not copied.
fn plp(reader: &mut Reader) -> Result<Option<Bytes>, WireError> {
    // The total may be unknown, and is not needed: the chunks say where they end.
    if reader.u64()? == PLP_NULL {
        return Ok(None);
    }
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let length = reader.u32()? as usize;
        if length == 0 {
            return Ok(Some(if joined.is_empty() { whole } else { joined.freeze() }));
        }
        let chunk = reader.bytes(length)?;
        if whole.is_empty() {
            whole = chunk;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&whole);
            }
            joined.extend_from_slice(&chunk);
        }
    }
}

fn integer(bytes: &Bytes) -> Result<Value, WireError> {
    let mut bytes = bytes.clone();
    Ok(Value::Int(match bytes.len() {
        // `tinyint` is the one without a sign.
        1 => i64::from(bytes.get_u8()),
        2 => i64::from(bytes.get_i16_le()),
        4 => i64::from(bytes.get_i32_le()),
        8 => bytes.get_i64_le(),
        _ => return Err(WireError::protocol("an integer of a length that there is not")),
    }))
}

fn float(bytes: &Bytes) -> Result<Value, WireError> {
    let mut bytes = bytes.clone();
    Ok(Value::Float(match bytes.len() {
        4 => f64::from(bytes.get_f32_le()),
        8 => bytes.get_f64_le(),
        _ => return Err(WireError::protocol("a float of a length that there is not")),
    }))
}

fn guid(bytes: &Bytes) -> Result<Value, WireError> {
    let bytes: [u8; 16] = bytes.as_ref().try_into().map_err(|_| WireError::protocol("a GUID that has not 16 bytes"))?;
    Ok(Value::Guid(swap_guid(bytes)))
}

/// Between the order of the wire and that of the text form (2.2.5.5.1): the first three groups are little-endian on the wire.
pub(crate) fn swap_guid(mut guid: [u8; 16]) -> [u8; 16] {
    guid[0..4].reverse();
    guid[4..6].reverse();
    guid[6..8].reverse();
    guid
}
