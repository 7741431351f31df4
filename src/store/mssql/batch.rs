//! What the adapter sends and what it gets back, in no driver's words: a batch of plain T-SQL with declared parameters, and rows of cells.
//! Nothing that a caller sends ever becomes part of a batch's text.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use super::text::literal;

/// A value on its way to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// NULL; the declaration gives it a type.
    Null,
    Flag(bool),
    Integer(i64),
    Text(String),
    Bytes(Bytes),
}

/// One parameter of a batch.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// Without its `@`.
    pub(super) name: &'static str,
    /// The T-SQL type of the variable. A driver sends every text as nvarchar, and comparing a varchar column with one turns a seek into
    /// a scan: so the batch begins by declaring variables of the columns' own types.
    pub(super) declared: &'static str,
    pub(super) value: Value,
}

/// A statement of the catalogue, or several in one transaction, with its parameters.
#[derive(Debug, Clone)]
pub(super) struct Batch<'a> {
    text: Cow<'a, str>,
    pub(super) parameters: Vec<Parameter>,
    /// How much longer than other batches it may take, because the server moves much.
    pub(super) allowance: Duration,
}

impl<'a> Batch<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), parameters: Vec::new(), allowance: Duration::ZERO }
    }

    pub(super) fn with(mut self, name: &'static str, declared: &'static str, value: impl Into<Value>) -> Self {
        self.parameters.push(Parameter { name, declared, value: value.into() });
        self
    }

    /// The whole text, for somebody to run it by hand: the parameters as literals.
    pub(super) fn by_hand(&self) -> String {
        let mut text = String::new();
        for Parameter { name, declared, value } in &self.parameters {
            let value = match value {
                Value::Null => "NULL".to_owned(),
                Value::Flag(flag) => u8::from(*flag).to_string(),
                Value::Integer(integer) => integer.to_string(),
                Value::Text(text) => literal(text),
                Value::Bytes(bytes) => bytes.iter().fold("0x".to_owned(), |hex, byte| format!("{hex}{byte:02X}")),
            };
            text.push_str(&format!("DECLARE @{name} {declared} = {value};\n"));
        }
        text.push_str(&self.text);
        text
    }

    /// The whole text, as somebody could run it by hand with values in place of the driver's parameters. `marker`: how the driver
    /// spells its first parameter without the number; a database with a case-sensitive collation tells `@P1` from `@p1`.
    pub(super) fn text(&self, marker: &str) -> String {
        let mut text = String::with_capacity(self.text.len() + self.parameters.len() * 40);
        for (at, Parameter { name, declared, .. }) in self.parameters.iter().enumerate() {
            text.push_str(&format!("DECLARE @{name} {declared} = {marker}{};\n", at + 1));
        }
        text.push_str(&self.text);
        text
    }
}

/// A value that came back. Statements cast what they select, so there are no more types than these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Flag(bool),
    Integer(i64),
    Text(String),
    Bytes(Bytes),
}

/// One row of a result set, read from the left.
#[derive(Debug, Clone)]
pub(super) struct Row {
    cells: std::vec::IntoIter<Cell>,
}

/// A row that is not as its statement selects it: a fault of ours, or somebody changed one of our tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a result is not as its statement selects it: {wanted} was expected, and {found} came")]
pub(super) struct Misread {
    wanted: &'static str,
    found: String,
}

impl Misread {
    pub(super) fn new(wanted: &'static str, found: impl std::fmt::Display) -> Self {
        Self { wanted, found: found.to_string() }
    }
}

impl Row {
    pub(super) fn new(cells: Vec<Cell>) -> Self {
        Self { cells: cells.into_iter() }
    }

    #[cfg(test)]
    pub(super) fn into_cells(self) -> Vec<Cell> {
        self.cells.collect()
    }

    /// A row of one cell, which says that there is nothing.
    pub(super) fn is_short(&self) -> bool {
        self.cells.len() <= 1
    }

    fn next(&mut self, wanted: &'static str) -> Result<Cell, Misread> {
        self.cells.next().ok_or_else(|| Misread { wanted, found: "the end of the row".to_owned() })
    }

    pub(super) fn flag_or_null(&mut self) -> Result<Option<bool>, Misread> {
        match self.next("a flag")? {
            Cell::Flag(flag) => Ok(Some(flag)),
            Cell::Null => Ok(None),
            other => Err(misread("a flag", &other)),
        }
    }

    pub(super) fn flag(&mut self) -> Result<bool, Misread> {
        match self.next("a flag")? {
            Cell::Flag(flag) => Ok(flag),
            other => Err(misread("a flag", &other)),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, Misread> {
        self.integer_or_null()?.ok_or_else(|| misread("an integer", &Cell::Null))
    }

    pub(super) fn integer_or_null(&mut self) -> Result<Option<i64>, Misread> {
        match self.next("an integer")? {
            Cell::Null => Ok(None),
            Cell::Integer(integer) => Ok(Some(integer)),
            other => Err(misread("an integer", &other)),
        }
    }

    /// An integer that cannot be negative.
    pub(super) fn count(&mut self) -> Result<u64, Misread> {
        let integer = self.integer()?;
        u64::try_from(integer).map_err(|_| Misread { wanted: "a count", found: integer.to_string() })
    }

    pub(super) fn text(&mut self) -> Result<String, Misread> {
        self.text_or_null()?.ok_or_else(|| misread("a text", &Cell::Null))
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<String>, Misread> {
        match self.next("a text")? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            other => Err(misread("a text", &other)),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Misread> {
        self.bytes_or_null()?.ok_or_else(|| misread("bytes", &Cell::Null))
    }

    pub(super) fn bytes_or_null(&mut self) -> Result<Option<Bytes>, Misread> {
        match self.next("bytes")? {
            Cell::Null => Ok(None),
            Cell::Bytes(bytes) => Ok(Some(bytes)),
            other => Err(misread("bytes", &other)),
        }
    }
}

fn misread(wanted: &'static str, cell: &Cell) -> Misread {
    let found = match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Flag(_) => "a flag".to_owned(),
        Cell::Integer(_) => "an integer".to_owned(),
        Cell::Text(_) => "a text".to_owned(),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
    };
    Misread { wanted, found }
}

macro_rules! value_from {
    ($($type:ty => $make:expr),+ $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                ($make)(value)
            }
        })+
    };
}

value_from! {
    bool => Value::Flag,
    i64 => Value::Integer,
    u32 => |value| Value::Integer(i64::from(value)),
    &str => |value: &str| Value::Text(value.to_owned()),
    String => Value::Text,
    Bytes => Value::Bytes,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The rows of a batch's last result set: triggers of the customer's may answer with sets of their own before it.
pub(super) type Rows = Vec<Row>;
