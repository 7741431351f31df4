//! Values between the wire and SQLite, and queries with the session's variables bound.

use rusqlite::Statement;
use rusqlite::types::{Null, Value as Stored};

use super::{Engine, Fired, OrServer};
use crate::engine::catalog::{Catalog, Table, quoted};
use crate::engine::emit::{Emitter, Env, Typed};
use crate::engine::error::{Result, error, refused};
use crate::engine::kind::{Class, Kind};
use crate::engine::native::{cast, time};
use crate::value::Value;

pub type Rows = Vec<Vec<Stored>>;

pub fn from_wire(value: &Value, kind: Kind) -> Result<Stored> {
    Ok(match value {
        Value::Null => Stored::Null,
        Value::Bit(bit) => Stored::Integer((*bit).into()),
        Value::Int(number) => Stored::Integer(*number),
        Value::Float(number) => Stored::Real(*number),
        Value::Text(text) if kind.class() == Class::Time => {
            Stored::Integer(time::parse(text).ok_or_else(|| error(241, "Conversion failed when converting date and/or time."))?)
        }
        Value::Text(text) => Stored::Text(text.clone()),
        Value::Bytes(bytes) => Stored::Blob(bytes.to_vec()),
        Value::Guid(bytes) => Stored::Text(cast::guid_text(bytes)),
    })
}

impl Engine {
    pub(super) fn to_wire(&self, value: Stored, kind: Kind) -> Result<Value> {
        Ok(match (value, kind.class()) {
            (Stored::Null, _) => Value::Null,
            (Stored::Integer(bit), _) if kind == Kind::Bit => Value::Bit(bit != 0),
            (Stored::Integer(ticks), Class::Time) => Value::Text(time::text(ticks, kind, false)),
            (Stored::Integer(version), Class::RowVersion) => Value::Bytes(version.to_be_bytes().to_vec().into()),
            (Stored::Integer(number), Class::Float) => Value::Float(number as f64),
            (Stored::Integer(number), _) => Value::Int(number),
            (Stored::Real(number), Class::Whole) => Value::Int(number as i64),
            (Stored::Real(number), _) => Value::Float(number),
            (Stored::Text(text), Class::Guid) => Value::Guid(cast::guid_bytes(&text)),
            (long @ Stored::Text(_), Class::Bytes) => Value::Bytes(self.database.lobs.whole((&long).into())?.unwrap_or_default().into()),
            (Stored::Text(text), _) => Value::Text(text),
            (Stored::Blob(bytes), _) => Value::Bytes(bytes.into()),
        })
    }

    /// What the running statement can refer to.
    pub(super) fn env(&self) -> Env<'_> {
        let mut pseudo = Vec::new();
        if let Some(fired) = &self.frame.trigger {
            pseudo.push(("inserted", fired.table.clone(), captured(fired, "i")));
            pseudo.push(("deleted", fired.table.clone(), captured(fired, "d")));
        }
        Env {
            catalog: Catalog { connection: &self.connection },
            variables: self.frame.variables.iter().map(|(name, variable)| (name.clone(), variable.kind)).collect(),
            tables: &self.frame.tables,
            pseudo,
            updated: self.frame.trigger.as_ref().and_then(|fired| fired.updated.clone()),
        }
    }

    /// Runs a query and reads all of its rows. `extra`: what it has bound beside the variables.
    pub(super) fn rows(&self, sql: &str, extra: &[(&str, &Stored)]) -> Result<Rows> {
        let mut statement = self.connection.prepare_cached(sql).or_server()?;
        self.bind(&mut statement, extra)?;
        let width = statement.column_count();
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().or_server()? {
            found.push((0..width).map(|at| row.get(at)).collect::<rusqlite::Result<_>>().or_server()?);
        }
        Ok(found)
    }

    fn bind(&self, statement: &mut Statement<'_>, extra: &[(&str, &Stored)]) -> Result<()> {
        for at in 1..=statement.parameter_count() {
            let Some(name) = statement.parameter_name(at).map(str::to_owned) else { continue };
            if let Some((_, value)) = extra.iter().find(|(known, _)| *known == name) {
                statement.raw_bind_parameter(at, value).or_server()?;
            } else if let Some(variable) = self.frame.variables.get(&name) {
                statement.raw_bind_parameter(at, &variable.value).or_server()?;
            } else {
                statement.raw_bind_parameter(at, self.global(&name)?).or_server()?;
            }
        }
        Ok(())
    }

    fn global(&self, name: &str) -> Result<Stored> {
        let caught = self.caught.last();
        let optional = |number: Option<i64>| number.map_or(Stored::Null, Stored::Integer);
        Ok(match name {
            ":rowcount" => Stored::Integer(self.row_count),
            // A trigger is in a transaction, even if its statement began it.
            ":trancount" => Stored::Integer(self.transactions.max(i64::from(!self.triggers.is_empty()))),
            ":xact_state" if self.doomed => Stored::Integer(-1),
            ":xact_state" => Stored::Integer(i64::from(self.transactions > 0)),
            ":error" => Stored::Integer(caught.map_or(0, |error| error.number.into())),
            ":error_number" => optional(caught.map(|error| error.number.into())),
            ":error_severity" => optional(caught.map(|error| error.severity.into())),
            ":error_state" => optional(caught.map(|error| error.state.into())),
            ":error_message" => caught.map_or(Stored::Null, |error| Stored::Text(error.message.clone())),
            ":spid" => Stored::Integer(self.number),
            ":lock_timeout" => Stored::Integer(self.options.lock_timeout.unwrap_or(-1)),
            ":identity" => optional(self.identity),
            ":level" => Stored::Integer(self.triggers.len() as i64),
            ":context_info" => self.context_info.clone().map_or(Null.into(), Stored::Blob),
            ":session_context" => Stored::Text(self.context_json()),
            _ => return Err(refused(format!("the value {name}"))),
        })
    }

    fn context_json(&self) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let pairs: Vec<String> = self.context.iter().map(|(key, value)| format!("{}:{}", quote(key), quote(value))).collect();
        format!("{{{}}}", pairs.join(","))
    }

    /// The value of an expression, as it has its own type or is converted to another one.
    pub(super) fn evaluate(&self, expr: &crate::engine::ast::Expr, to: Option<Kind>) -> Result<Stored> {
        let env = self.env();
        let mut value = Emitter::new(&env).value(expr)?;
        if let Some(to) = to {
            value = converted(value, to)?;
        }
        self.single(&format!("SELECT {}", value.sql))
    }

    pub(super) fn single(&self, sql: &str) -> Result<Stored> {
        let row = self.rows(sql, &[])?.into_iter().next();
        Ok(row.and_then(|row| row.into_iter().next()).unwrap_or(Stored::Null))
    }

    pub(super) fn text(&self, expr: &crate::engine::ast::Expr) -> Result<String> {
        match self.evaluate(expr, Some(Kind::NVarChar(None)))? {
            Stored::Text(text) => Ok(text),
            _ => Err(refused("a text is expected")),
        }
    }

    pub(super) fn set_variable(&mut self, name: &str, value: Stored) -> Result<()> {
        match self.frame.variables.get_mut(name) {
            Some(variable) => {
                variable.value = value;
                Ok(())
            }
            None => Err(error(137, format!("Must declare the scalar variable \"{name}\"."))),
        }
    }
}

/// An implicit conversion, if there is one.
pub fn converted(value: Typed, to: Kind) -> Result<Typed> {
    if !crate::engine::emit::is_implicit(value.kind, to) {
        let message = "is not allowed. Use the CONVERT function to run this query.";
        return Err(error(257, format!("Implicit conversion from data type {} to {to} {message}", value.kind)));
    }
    Ok(crate::engine::emit::convert(value, to))
}

/// The name of the table that keeps the changed rows of another one for its triggers.
pub fn captured_name(table: &Table) -> String {
    quoted(&format!("captured.{}", table.full_name()))
}

fn captured(fired: &Fired, side: &str) -> String {
    let columns: Vec<String> = fired.table.columns.iter().map(|column| quoted(&column.name)).collect();
    format!(
        "(SELECT {} FROM {} WHERE \"tds level\" = {} AND \"tds action\" = '{}' AND \"tds side\" = '{side}')",
        columns.join(", "),
        captured_name(&fired.table),
        fired.level,
        fired.action,
    )
}
