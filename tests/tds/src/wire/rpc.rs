//! RPC requests (2.2.6.6): a procedure by number or by name, and its arguments.

use super::WireError;
use super::parameter;
use super::reader::Reader;
use crate::value::{Type, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Procedure {
    ExecuteSql,
    Prepare,
    Execute,
    PrepExec,
    Unprepare,
    Other(String),
}

#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) kind: Option<Type>,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) struct Rpc {
    pub(crate) procedure: Procedure,
    pub(crate) arguments: Vec<Argument>,
}

/// Stands for a name's length where a number follows.
const BY_NUMBER: u16 = 0xFFFF;

/// StatusFlags of a parameter: its value is encrypted by the client.
const ENCRYPTED: u8 = 0x08;

pub(crate) fn parse(mut reader: Reader) -> Result<Rpc, WireError> {
    let procedure = match reader.u16()? {
        BY_NUMBER => by_number(reader.u16()?),
        characters => by_name(super::reader::utf16(&reader.bytes(2 * usize::from(characters))?)?),
    };
    let _options = reader.u16()?;
    let mut arguments = Vec::new();
    while !reader.is_empty() {
        let name = reader.b_varchar()?;
        if reader.u8()? & ENCRYPTED != 0 {
            return Err(WireError::protocol("a parameter encrypted by the client"));
        }
        let (kind, value) = parameter::read(&mut reader)?;
        arguments.push(Argument { name, kind, value });
    }
    Ok(Rpc { procedure, arguments })
}

/// ProcID (2.2.6.6).
fn by_number(number: u16) -> Procedure {
    match number {
        10 => Procedure::ExecuteSql,
        11 => Procedure::Prepare,
        12 => Procedure::Execute,
        13 => Procedure::PrepExec,
        15 => Procedure::Unprepare,
        other => Procedure::Other(format!("number {other}")),
    }
}

fn by_name(name: String) -> Procedure {
    match name.to_ascii_lowercase().trim_start_matches("sys.") {
        "sp_executesql" => Procedure::ExecuteSql,
        "sp_prepare" => Procedure::Prepare,
        "sp_execute" => Procedure::Execute,
        "sp_prepexec" => Procedure::PrepExec,
        "sp_unprepare" => Procedure::Unprepare,
        _ => Procedure::Other(name),
    }
}
