//! The functions and collations that SQLite needs to run what the engine sends it.

pub mod cast;
pub mod text;
pub mod time;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use sha2::{Digest, Sha256, Sha512};

use super::error::{Result, carried, error};
use super::kind::Kind;
use super::lob::Lobs;

/// What the functions of one connection tell its session, and the other way round.
#[derive(Default)]
pub struct Shared {
    /// The last row version that was given out.
    pub version: AtomicI64,
    /// How deep in triggers the running statement is.
    pub level: AtomicI64,
    /// Tables whose rows the running statement changed, with the action, where triggers are to see them.
    pub fired: Mutex<Vec<(i64, String)>>,
}

type Arguments<'a> = &'a Context<'a>;

pub fn register(connection: &Connection, lobs: &Arc<Lobs>, shared: &Arc<Shared>) -> rusqlite::Result<()> {
    connection.create_collation("tds_ci", text::compare)?;
    connection.create_collation("tds_guid", text::compare_guids)?;
    for (name, arguments, run) in PURE {
        function(connection, name, *arguments, true, *run)?;
    }
    for (name, arguments, run) in WITH_LOBS {
        let lobs = Arc::clone(lobs);
        function(connection, name, *arguments, true, move |a| run(&lobs, a))?;
    }
    let own = Arc::clone(shared);
    function(connection, "tds_next_version", 0, false, move |_| Ok(Value::Integer(own.version.fetch_add(1, Ordering::Relaxed) + 1)))?;
    let own = Arc::clone(shared);
    function(connection, "tds_fired", 2, false, move |a| {
        if let (Value::Integer(table), Some(action), Ok(mut fired)) = (value(a, 0), string(a, 1), own.fired.lock())
            && !fired.iter().any(|(known, same)| *known == table && *same == action)
        {
            fired.push((table, action));
        }
        Ok(Value::Integer(own.level.load(Ordering::Relaxed)))
    })
}

fn function(
    connection: &Connection,
    name: &str,
    arguments: i32,
    pure: bool,
    run: impl Fn(Arguments<'_>) -> Result<Value> + Send + 'static,
) -> rusqlite::Result<()> {
    let mut flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    flags.set(FunctionFlags::SQLITE_DETERMINISTIC, pure);
    connection.create_scalar_function(name, arguments, flags, move |context| run(context).map_err(|e| carried(&e)))
}

fn value(a: Arguments<'_>, at: usize) -> Value {
    match a.get_raw(at) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn string(a: Arguments<'_>, at: usize) -> Option<String> {
    a.get_raw(at).as_str_or_null().ok().flatten().map(str::to_owned)
}

fn whole(a: Arguments<'_>, at: usize) -> Option<i64> {
    a.get_raw(at).as_i64_or_null().ok().flatten()
}

fn kind(a: Arguments<'_>, at: usize) -> Kind {
    string(a, at).and_then(|spelled| Kind::spelled(&spelled)).unwrap_or(Kind::Null)
}

fn texted(text: Option<String>) -> Result<Value> {
    Ok(text.map_or(Value::Null, Value::Text))
}

fn number(number: Option<i64>) -> Result<Value> {
    Ok(number.map_or(Value::Null, Value::Integer))
}

fn on_text(a: Arguments<'_>, change: impl Fn(&str) -> String) -> Result<Value> {
    texted(string(a, 0).map(|text| change(&text)))
}

type Pure = fn(Arguments<'_>) -> Result<Value>;

const PURE: &[(&str, i32, Pure)] = &[
    ("tds_upper", 1, |a| on_text(a, str::to_uppercase)),
    ("tds_lower", 1, |a| on_text(a, str::to_lowercase)),
    ("tds_len", 2, |a| number(string(a, 0).map(|text| cast::units(text.trim_end_matches(' '), kind(a, 1)) as i64))),
    ("tds_left", 2, |a| {
        let length = whole(a, 1);
        texted(length.zip(string(a, 0)).map(|(length, text)| text::substring(&text, 1, length)))
    }),
    ("tds_right", 2, |a| {
        let length = whole(a, 1);
        texted(length.zip(string(a, 0)).map(|(length, text)| {
            let all = text.chars().count() as i64;
            text::substring(&text, all - length + 1, length)
        }))
    }),
    ("tds_position", 3, |a| {
        let from = usize::try_from(whole(a, 2).unwrap_or(1)).unwrap_or(1);
        number(string(a, 0).zip(string(a, 1)).map(|(needle, text)| text::position(&needle, &text, from) as i64))
    }),
    ("tds_replace", 3, |a| {
        let arguments = string(a, 0).zip(string(a, 1)).zip(string(a, 2));
        texted(arguments.map(|((text, from), to)| if from.is_empty() { text } else { text::replace(&text, &from, &to) }))
    }),
    ("tds_quote_name", 2, |a| texted(string(a, 0).and_then(|text| text::quote_name(&text, &string(a, 1).unwrap_or_default())))),
    ("tds_like", 4, |a| {
        let escape = string(a, 2).and_then(|mark| mark.chars().next());
        let exact = whole(a, 3) == Some(1);
        number(string(a, 0).zip(string(a, 1)).map(|(text, pattern)| text::like(&text, &pattern, escape, exact).into()))
    }),
    ("tds_add_time", 3, |a| match (string(a, 0), whole(a, 1), whole(a, 2)) {
        (Some(part), Some(number), Some(ticks)) => time::add(&part, number, ticks).map(Value::Integer),
        _ => Ok(Value::Null),
    }),
    ("tds_difference", 4, |a| match (string(a, 0), whole(a, 1), whole(a, 2)) {
        (Some(part), Some(from), Some(to)) => time::difference(&part, from, to, whole(a, 3) == Some(1)).map(Value::Integer),
        _ => Ok(Value::Null),
    }),
    ("tds_guid", 1, |a| match value(a, 0) {
        Value::Blob(mut bytes) if bytes.len() == 16 => {
            bytes[6] = bytes[6] & 0x0F | 0x40;
            bytes[8] = bytes[8] & 0x3F | 0x80;
            Ok(Value::Text(cast::guid_text(&bytes)))
        }
        _ => Ok(Value::Null),
    }),
    ("tds_int", 1, |a| match value(a, 0) {
        Value::Integer(number) if i32::try_from(number).is_err() => {
            Err(error(8115, "Arithmetic overflow error converting expression to data type int."))
        }
        // SQLite turns whole numbers that overflow 64 bits into floating ones.
        Value::Real(_) => Err(error(8115, "Arithmetic overflow error converting expression to data type int.")),
        other => Ok(other),
    }),
    ("tds_bigint", 1, |a| match value(a, 0) {
        Value::Real(_) => Err(error(8115, "Arithmetic overflow error converting expression to data type bigint.")),
        other => Ok(other),
    }),
    ("tds_divisor", 1, |a| match value(a, 0) {
        Value::Integer(0) => Err(error(8134, "Divide by zero error encountered.")),
        Value::Real(0.0) => Err(error(8134, "Divide by zero error encountered.")),
        other => Ok(other),
    }),
    ("tds_object", 1, |a| {
        let parts = string(a, 0).and_then(|text| super::parse::name(&text));
        texted(parts.map(|parts| super::catalog::full_name(&parts)))
    }),
    ("tds_bare_name", 1, |a| texted(string(a, 0).and_then(|text| super::parse::name(&text)).and_then(|mut parts| parts.pop()))),
];

type WithLobs = fn(&Lobs, Arguments<'_>) -> Result<Value>;

const WITH_LOBS: &[(&str, i32, WithLobs)] = &[
    // value, type, type, style, whether a failure is NULL
    ("tds_cast", 5, |lobs, a| {
        let cast = cast::cast(lobs, value(a, 0), kind(a, 1), kind(a, 2), whole(a, 3).unwrap_or(0));
        if whole(a, 4) == Some(1) { Ok(cast.unwrap_or(Value::Null)) } else { cast }
    }),
    ("tds_length", 2, |_, a| {
        let kind = kind(a, 1);
        number(match a.get_raw(0) {
            ValueRef::Null => None,
            bytes if kind.class() == super::kind::Class::Bytes => Lobs::length(bytes).map(|length| length as i64),
            ValueRef::Text(text) if kind.is_text() => {
                let units = cast::units(&String::from_utf8_lossy(text), kind) as i64;
                Some(if kind.is_national() { units * 2 } else { units })
            }
            _ => Some(kind.bytes().into()),
        })
    }),
    ("tds_substring", 3, |lobs, a| {
        let (Some(from), Some(length)) = (whole(a, 1), whole(a, 2)) else { return Ok(Value::Null) };
        if length < 0 {
            return Err(error(537, "Invalid length parameter passed to the LEFT or SUBSTRING function."));
        }
        let end = u64::try_from(from.saturating_add(length) - 1).unwrap_or(0);
        let from = u64::try_from(from - 1).unwrap_or(0);
        Ok(lobs.slice(a.get_raw(0), from, end.saturating_sub(from))?.map_or(Value::Null, Value::Blob))
    }),
    ("tds_substring_text", 3, |_, a| {
        let (Some(from), Some(length)) = (whole(a, 1), whole(a, 2)) else { return Ok(Value::Null) };
        if length < 0 {
            return Err(error(537, "Invalid length parameter passed to the LEFT or SUBSTRING function."));
        }
        on_text(a, |text| text::substring(text, from, length))
    }),
    ("tds_write", 4, |lobs, a| {
        let unsigned = |at| whole(a, at).map(|number| u64::try_from(number).unwrap_or(0));
        lobs.write(a.get_raw(0), a.get_raw(1), unsigned(2), unsigned(3))
    }),
    ("tds_bytes", 1, |lobs, a| Ok(lobs.whole(a.get_raw(0))?.map_or(Value::Null, Value::Blob))),
    ("tds_join", 2, |lobs, a| {
        let both = lobs.whole(a.get_raw(0))?.zip(lobs.whole(a.get_raw(1))?);
        Ok(both.map_or(Value::Null, |(mut first, second)| {
            first.extend(second);
            Value::Blob(first)
        }))
    }),
    ("tds_hash", 3, |lobs, a| {
        let bytes = cast::cast(lobs, value(a, 1), kind(a, 2), Kind::VarBinary(None), 0)?;
        match string(a, 0).unwrap_or_default().to_ascii_uppercase().as_str() {
            "SHA2_256" => hash::<Sha256>(lobs, &bytes),
            "SHA2_512" => hash::<Sha512>(lobs, &bytes),
            _ => Ok(Value::Null),
        }
    }),
];

/// Reads a long value piece by piece.
fn hash<D: Digest>(lobs: &Lobs, bytes: &Value) -> Result<Value> {
    let Some(length) = Lobs::length(bytes.into()) else { return Ok(Value::Null) };
    let (mut hasher, mut at) = (D::new(), 0);
    while at < length {
        let piece = lobs.slice(bytes.into(), at, 1 << 20)?.unwrap_or_default();
        at += piece.len() as u64;
        hasher.update(&piece);
    }
    Ok(Value::Blob(hasher.finalize().to_vec()))
}
