//! COLMETADATA (2.2.7.4) and ROW (2.2.7.20).

use bytes::{BufMut, Bytes, BytesMut};

use super::answer::Answer;
use super::code_page;
use super::parameter::{MAX, PLP_NULL, swap_guid, tag};
use super::token::{COLLATION, put_b_varchar};
use crate::value::{Column, ServerError, Type, Value};

const COLUMNS: u8 = 0x81;
const ROW: u8 = 0xD1;

/// Flags of a column: it may be NULL.
const NULLABLE: u16 = 0x0001;

/// A value of max goes in pieces of this size.
const CHUNK: usize = 64 * 1024;

/// One result set. Fails where a row has what its column cannot hold.
pub(crate) fn put(answer: &mut Answer, columns: &[Column], rows: &[Vec<Value>]) -> Result<(), ServerError> {
    let buffer = &mut answer.tail;
    buffer.put_u8(COLUMNS);
    buffer.put_u16_le(columns.len() as u16);
    for column in columns {
        // No user type.
        buffer.put_u32_le(0);
        buffer.put_u16_le(NULLABLE);
        put_type(buffer, &column.kind);
        put_b_varchar(buffer, &column.name);
    }
    for row in rows {
        if row.len() != columns.len() {
            return Err(error(213, format!("A row has {} values for {} columns.", row.len(), columns.len())));
        }
        answer.tail.put_u8(ROW);
        for (column, value) in columns.iter().zip(row) {
            put_value(answer, column, value)?;
        }
    }
    Ok(())
}

/// TYPE_INFO (2.2.5.6).
fn put_type(buffer: &mut BytesMut, kind: &Type) {
    match kind {
        Type::Bit => buffer.put_slice(&[tag::BIT_N, 1]),
        Type::Int => buffer.put_slice(&[tag::INT_N, 4]),
        Type::BigInt => buffer.put_slice(&[tag::INT_N, 8]),
        Type::Float => buffer.put_slice(&[tag::FLOAT_N, 8]),
        Type::UniqueIdentifier => buffer.put_slice(&[tag::GUID, 16]),
        Type::NVarChar(_) | Type::DateTime2 | Type::VarChar(_) | Type::VarBinary(_) => {
            let (tag, collated) = match kind {
                Type::VarChar(_) => (tag::VARCHAR, true),
                Type::VarBinary(_) => (tag::VARBINARY, false),
                _ => (tag::NVARCHAR, true),
            };
            buffer.put_u8(tag);
            buffer.put_u16_le(size(kind).unwrap_or(MAX));
            if collated {
                buffer.put_slice(&COLLATION);
            }
        }
    }
}

/// In bytes; `None`: max.
fn size(kind: &Type) -> Option<u16> {
    match kind {
        Type::NVarChar(length) => length.map(|length| length.saturating_mul(2)),
        Type::VarChar(length) | Type::VarBinary(length) => *length,
        // As text, with all seven decimals.
        Type::DateTime2 => Some(2 * 27),
        _ => None,
    }
}

fn put_value(answer: &mut Answer, column: &Column, value: &Value) -> Result<(), ServerError> {
    let buffer = &mut answer.tail;
    match (&column.kind, value) {
        (Type::Bit | Type::Int | Type::BigInt | Type::Float | Type::UniqueIdentifier, Value::Null) => buffer.put_u8(0),
        (kind, Value::Null) if size(kind).is_some() => buffer.put_u16_le(MAX),
        (_, Value::Null) => buffer.put_u64_le(PLP_NULL),
        (Type::Bit, Value::Bit(bit)) => buffer.put_slice(&[1, u8::from(*bit)]),
        (Type::Bit, Value::Int(bit @ (0 | 1))) => buffer.put_slice(&[1, *bit as u8]),
        (Type::Int, Value::Bit(bit)) => {
            buffer.put_u8(4);
            buffer.put_i32_le(i32::from(*bit));
        }
        (Type::Int, Value::Int(number)) => {
            let number = i32::try_from(*number)
                .map_err(|_| error(8115, "Arithmetic overflow error converting expression to data type int.".to_owned()))?;
            buffer.put_u8(4);
            buffer.put_i32_le(number);
        }
        (Type::BigInt, Value::Int(number)) => {
            buffer.put_u8(8);
            buffer.put_i64_le(*number);
        }
        (Type::Float, Value::Float(number)) => {
            buffer.put_u8(8);
            buffer.put_f64_le(*number);
        }
        (Type::Float, Value::Int(number)) => {
            buffer.put_u8(8);
            buffer.put_f64_le(*number as f64);
        }
        (Type::UniqueIdentifier, Value::Guid(guid)) => {
            buffer.put_u8(16);
            buffer.put_slice(&swap_guid(*guid));
        }
        (Type::VarBinary(_), Value::Bytes(bytes)) => put_bytes(answer, column, bytes.clone())?,
        (Type::VarChar(_), Value::Text(text)) => put_bytes(answer, column, code_page::encode(text).into())?,
        (Type::NVarChar(_) | Type::DateTime2, Value::Text(text)) => {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            put_bytes(answer, column, bytes.into())?;
        }
        (kind, value) => return Err(error(8114, format!("Column '{}' is {kind:?}, and has {}.", column.name, name(value)))),
    }
    Ok(())
}

fn put_bytes(answer: &mut Answer, column: &Column, bytes: Bytes) -> Result<(), ServerError> {
    if let Some(size) = size(&column.kind) {
        if bytes.len() > usize::from(size) {
            return Err(error(2628, format!("String or binary data would be truncated in column '{}'.", column.name)));
        }
        answer.tail.put_u16_le(bytes.len() as u16);
        answer.tail.put_slice(&bytes);
        return Ok(());
    }
    // PLP (2.2.5.2.3): the whole length, the pieces with theirs, and an empty piece.
    answer.tail.put_u64_le(bytes.len() as u64);
    let mut rest = bytes;
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(CHUNK));
        answer.tail.put_u32_le(piece.len() as u32);
        answer.put_value(piece);
    }
    answer.tail.put_u32_le(0);
    Ok(())
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bit(_) => "a bit",
        Value::Int(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Guid(_) => "a GUID",
    }
}

fn error(number: u32, message: String) -> ServerError {
    ServerError { number, severity: 16, state: 1, message }
}
