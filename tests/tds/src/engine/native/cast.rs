//! CAST and CONVERT between the types, on values as SQLite keeps them.

use rusqlite::types::Value;

use super::time;
use crate::engine::error::{Result, error};
use crate::engine::kind::{Class, Kind};
use crate::engine::lexer::nibble;
use crate::engine::lob::Lobs;

/// `style`: the third argument of CONVERT, 0 without one.
pub fn cast(lobs: &Lobs, value: Value, from: Kind, to: Kind, style: i64) -> Result<Value> {
    if value == Value::Null {
        return Ok(Value::Null);
    }
    match to.class() {
        Class::Null => Ok(value),
        Class::Whole => whole(lobs, value, from, to).map(Value::Integer),
        Class::Float => float(&value, from, to).map(Value::Real),
        Class::Text => text(lobs, value, from, to, style).map(|text| Value::Text(cut(text, to))),
        Class::Guid => guid(lobs, value, from).map(Value::Text),
        Class::Time => moment(&value, from, to).map(Value::Integer),
        Class::RowVersion => whole(lobs, value, from, Kind::BigInt).map(Value::Integer),
        Class::Bytes => bytes(lobs, value, from, to, style),
    }
}

fn clash(from: Kind, to: Kind) -> crate::value::ServerError {
    error(529, format!("Explicit conversion from data type {} to {} is not allowed.", from.system().0, to.system().0))
}

fn whole(lobs: &Lobs, value: Value, from: Kind, to: Kind) -> Result<i64> {
    let number = match value {
        Value::Integer(number) if from.class() != Class::Time => number,
        Value::Real(number) => number.trunc() as i64,
        Value::Text(text) if from.is_text() => match text.trim() {
            "" => 0,
            word if to == Kind::Bit && word.eq_ignore_ascii_case("true") => 1,
            word if to == Kind::Bit && word.eq_ignore_ascii_case("false") => 0,
            digits => digits.parse().map_err(|_| {
                let kind = from.system().0;
                error(245, format!("Conversion failed when converting the {kind} value '{text}' to data type {}.", to.system().0))
            })?,
        },
        other if from.class() == Class::Bytes => {
            let bytes = lobs.whole((&other).into())?.unwrap_or_default();
            let last = &bytes[bytes.len().saturating_sub(usize::from(to.bytes()))..];
            let number = last.iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
            if to == Kind::Int { i64::from(number as i32) } else { number }
        }
        _ => return Err(clash(from, to)),
    };
    let fits = match to {
        Kind::Bit => return Ok(i64::from(number != 0)),
        Kind::TinyInt => u8::try_from(number).is_ok(),
        Kind::SmallInt => i16::try_from(number).is_ok(),
        Kind::Int => i32::try_from(number).is_ok(),
        _ => true,
    };
    let message = || format!("Arithmetic overflow error converting expression to data type {}.", to.system().0);
    if fits { Ok(number) } else { Err(error(8115, message())) }
}

fn float(value: &Value, from: Kind, to: Kind) -> Result<f64> {
    match value {
        Value::Integer(number) if from.class() != Class::Time => Ok(*number as f64),
        Value::Real(number) => Ok(*number),
        Value::Text(text) if from.is_text() => {
            let parsed = text.trim().parse();
            parsed.map_err(|_| error(8114, format!("Error converting data type {} to float.", from.system().0)))
        }
        _ => Err(clash(from, to)),
    }
}

fn text(lobs: &Lobs, value: Value, from: Kind, to: Kind, style: i64) -> Result<String> {
    Ok(match value {
        Value::Text(text) if matches!(from.class(), Class::Text | Class::Guid) => text,
        Value::Integer(ticks) if from.class() == Class::Time => time::text(ticks, from, matches!(style, 126 | 127)),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        other if from.class() == Class::Bytes => {
            let bytes = lobs.whole((&other).into())?.unwrap_or_default();
            match style {
                1 => format!("0x{}", hex(&bytes)),
                2 => hex(&bytes),
                _ if to.is_national() => utf16(&bytes),
                _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
            }
        }
        _ => return Err(clash(from, to)),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// As a variable or a cast of the type keeps it: what is too long is cut, what `varchar` has no letter for becomes a question mark.
pub fn cut(text: String, to: Kind) -> String {
    let text = if to.is_national() { text } else { narrow(text) };
    let Some(length) = to.length() else { return text };
    let text: String = if units(&text, to) > length { text.chars().take(length).collect() } else { text };
    match to {
        Kind::Char(_) | Kind::NChar(_) => format!("{text:<length$}"),
        _ => text,
    }
}

/// The length of a text as its type counts.
pub fn units(text: &str, kind: Kind) -> usize {
    if kind.is_national() { text.encode_utf16().count() } else { text.chars().count() }
}

/// What Windows-1252 has beyond Latin-1.
const WESTERN: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

fn narrow(text: String) -> String {
    let known = |c: char| u32::from(c) < 0x100 || WESTERN.contains(c);
    if text.is_ascii() || text.chars().all(known) {
        return text;
    }
    text.chars().map(|c| if known(c) { c } else { '?' }).collect()
}

fn guid(lobs: &Lobs, value: Value, from: Kind) -> Result<String> {
    let failed = || error(8169, "Conversion failed when converting from a character string to uniqueidentifier.");
    match value {
        Value::Text(text) if from.is_text() => spelled_guid(&text).ok_or_else(failed),
        Value::Text(text) if from == Kind::Guid => Ok(text),
        other if from.class() == Class::Bytes => {
            let mut bytes = lobs.whole((&other).into())?.unwrap_or_default();
            bytes.resize(16, 0);
            Ok(guid_text(&mixed(&bytes)))
        }
        _ => Err(clash(from, Kind::Guid)),
    }
}

/// 36 characters, or 38 in braces, to the one spelling that is kept; what follows them is passed over.
pub fn spelled_guid(text: &str) -> Option<String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.get(..36)?.to_ascii_uppercase();
    let right = text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    right.then_some(text)
}

/// 16 bytes in the order of the text.
pub fn guid_text(bytes: &[u8]) -> String {
    let digits = hex(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]].join("-")
}

/// The 16 bytes of a text, in its order.
pub fn guid_bytes(text: &str) -> [u8; 16] {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | nibble(*digit));
    }
    bytes
}

/// Between the order of the text and the one that SQL Server stores: the first three groups are numbers with their low byte first.
fn mixed(bytes: &[u8]) -> Vec<u8> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    ORDER.iter().map(|at| bytes[*at]).collect()
}

fn moment(value: &Value, from: Kind, to: Kind) -> Result<i64> {
    let ticks = match value {
        Value::Integer(ticks) if from.class() == Class::Time => *ticks,
        Value::Text(text) if from.is_text() => {
            let message = "Conversion failed when converting date and/or time from character string.";
            time::parse(text).ok_or_else(|| error(241, message))?
        }
        _ => return Err(clash(from, to)),
    };
    Ok(time::rounded(ticks, to))
}

fn bytes(lobs: &Lobs, value: Value, from: Kind, to: Kind, style: i64) -> Result<Value> {
    let whole = match value {
        long @ Value::Text(_) if from.class() == Class::Bytes && to.is_large() => return Ok(long),
        Value::Integer(number) if matches!(from.class(), Class::Whole | Class::RowVersion) => {
            let all = number.to_be_bytes();
            // A binary takes a number's bytes from the right, and fills up on the left.
            let own = if from.class() == Class::RowVersion { 8 } else { usize::from(from.bytes()) };
            let mut bytes = all[8 - own..].to_vec();
            if let Kind::Binary(length) = to {
                let length = usize::from(length);
                let fill = if number < 0 { 0xFF } else { 0 };
                while bytes.len() < length {
                    bytes.insert(0, fill);
                }
                bytes.drain(..bytes.len() - length);
            }
            bytes
        }
        Value::Text(text) if from == Kind::Guid => mixed(&guid_bytes(&text)),
        Value::Text(text) if from.is_text() && style > 0 => from_hex(&text)?,
        Value::Text(text) if from.is_national() => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Value::Text(text) if from.is_text() => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        other if from.class() == Class::Bytes => lobs.whole((&other).into())?.unwrap_or_default(),
        _ => return Err(clash(from, to)),
    };
    let mut whole = whole;
    if let Some(length) = to.length() {
        whole.truncate(length);
        if let Kind::Binary(_) = to {
            whole.resize(length, 0);
        }
    }
    Ok(Value::Blob(whole))
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(error(8114, "Error converting data type varchar to varbinary."));
    }
    Ok(digits.as_bytes().chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect())
}
