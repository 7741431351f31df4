//! Whether a value fits its column, and how it is kept there.

use rusqlite::types::Value as Stored;

use super::Engine;
use crate::engine::catalog::{Column, Table};
use crate::engine::error::{Result, error};
use crate::engine::kind::Kind;
use crate::engine::lob::Lobs;
use crate::engine::native::cast;

impl Engine {
    pub(super) fn checked(&self, value: Stored, column: &Column, table: &Table, verb: &str) -> Result<Stored> {
        let name = table.full_name();
        match value {
            Stored::Null if !column.nullable => Err(error(
                515,
                format!(
                    "Cannot insert the value NULL into column '{}', table 'tds.{name}'; column does not allow nulls. {verb} fails.",
                    column.name
                ),
            )),
            Stored::Text(text) if column.kind.is_text() => {
                if column.kind.length().is_some_and(|length| cast::units(text.trim_end_matches(' '), column.kind) > length) {
                    return Err(too_long(column, &name, &text.chars().take(20).collect::<String>()));
                }
                Ok(Stored::Text(cast::cut(text, column.kind)))
            }
            value @ (Stored::Blob(_) | Stored::Text(_)) if column.kind.class() == crate::engine::kind::Class::Bytes => {
                let long = Lobs::length((&value).into()).unwrap_or(0);
                if column.kind.length().is_some_and(|length| long > length as u64) {
                    return Err(too_long(column, &name, ""));
                }
                match (value, column.kind) {
                    (Stored::Blob(mut bytes), Kind::Binary(length)) => {
                        bytes.resize(length.into(), 0);
                        Ok(Stored::Blob(bytes))
                    }
                    (value, _) => self.database.lobs.kept(value),
                }
            }
            value => Ok(value),
        }
    }
}

fn too_long(column: &Column, table: &str, start: &str) -> crate::value::ServerError {
    let name = &column.name;
    let message = format!("String or binary data would be truncated in table 'tds.{table}', column '{name}'. Truncated value: '{start}'.");
    error(2628, message)
}
