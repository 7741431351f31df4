//! What passes between the wire and the engine: typed values, result sets, errors with SQL Server's numbers.

use bytes::Bytes;

/// A SQL Server type, as far as the adapter's statements use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Bit,
    Int,
    BigInt,
    /// `nvarchar(n)`, in characters; `None`: max.
    NVarChar(Option<u16>),
    /// `varchar(n)`; `None`: max.
    VarChar(Option<u16>),
    /// `varbinary(n)` or `binary(n)`; `None`: max.
    VarBinary(Option<u16>),
    UniqueIdentifier,
    /// Sent as text by this server where a statement selects it bare; the adapter never does.
    DateTime2,
    Float,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bit(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Bytes),
    /// The 16 bytes in the order of the text form.
    Guid([u8; 16]),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// With its `@`, as the driver spells it.
    pub name: String,
    pub kind: Type,
    pub value: Value,
}

/// What one statement of a batch answers, in the order of the batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Rows {
        columns: Vec<Column>,
        rows: Vec<Vec<Value>>,
    },
    /// Rows affected; only where `SET NOCOUNT` is off.
    Done(u64),
}

/// An error as SQL Server reports it. The batch ends with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{number}: {message}")]
pub struct ServerError {
    pub number: u32,
    pub severity: u8,
    pub state: u8,
    pub message: String,
}

/// One connection's session: its transaction, its SET options.
pub trait Session: Send {
    /// Runs a batch to its end or to its first error; what came before the error was answered.
    fn execute(&mut self, batch: &str, parameters: &[Parameter]) -> (Vec<Outcome>, Option<ServerError>);

    /// The connection is gone or is reset: an open transaction is rolled back.
    fn reset(&mut self);
}
