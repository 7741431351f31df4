//! Failures of constraints, told with their names, which SQLite does not know.

use rusqlite::{OptionalExtension, ffi};

use super::Engine;
use crate::engine::catalog::Table;
use crate::engine::error::{error, from_sqlite};
use crate::value::ServerError;

impl Engine {
    pub(super) fn constraint_error(&self, failure: &rusqlite::Error, verb: &str, table: &Table) -> ServerError {
        let code = failure.sqlite_error().map_or(0, |failure| failure.extended_code);
        let message = failure.to_string();
        let told = match code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => self.duplicate(&message, table),
            ffi::SQLITE_CONSTRAINT_CHECK => Ok(Some(conflict(verb, "CHECK", name_in(&message), &table.full_name()))),
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => self.reference(verb, table),
            _ => Ok(None),
        };
        match told {
            Ok(Some(told)) => told,
            _ => from_sqlite(failure),
        }
    }

    /// `UNIQUE constraint failed: sluss.job.tenant, sluss.job.kind`
    fn duplicate(&self, message: &str, table: &Table) -> rusqlite::Result<Option<ServerError>> {
        let name = table.full_name();
        let prefix = format!("{name}.");
        let columns: Vec<&str> = name_in(message).split(", ").filter_map(|column| column.strip_prefix(&prefix)).collect();
        let found: Option<(String, bool, bool)> = self
            .connection
            .query_row(
                "SELECT i.name, i.primary_key, i.unique_constraint FROM engine_index AS i WHERE i.object = ?1 AND i.is_unique = 1 AND \
                 (SELECT group_concat(c.name, ', ' ORDER BY x.ordinal) FROM engine_index_column AS x \
                  JOIN engine_column AS c ON c.object = x.object AND c.number = x.column_number \
                  WHERE x.object = i.object AND x.number = i.number AND x.included = 0) = ?2 COLLATE tds_ci",
                (table.id, columns.join(", ")),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        Ok(Some(match found {
            Some((index, false, false)) => {
                error(2601, format!("Cannot insert duplicate key row in object '{name}' with unique index '{index}'."))
            }
            Some((index, primary, _)) => {
                let what = if primary { "PRIMARY" } else { "UNIQUE" };
                error(2627, format!("Violation of {what} KEY constraint '{index}'. Cannot insert duplicate key in object '{name}'."))
            }
            None => error(2627, format!("Violation of a UNIQUE KEY constraint. Cannot insert duplicate key: {}.", name_in(message))),
        }))
    }

    /// SQLite does not say which key it was: a table's own one is named before one that points at it, except where rows are deleted.
    fn reference(&self, verb: &str, table: &Table) -> rusqlite::Result<Option<ServerError>> {
        let find = |side: &str, other: &str| {
            let sql = format!(
                "SELECT o.name, s.name || '.' || t.name FROM engine_object AS o JOIN engine_foreign_key AS f ON f.id = o.id \
                 JOIN engine_object AS t ON t.id = {other} JOIN engine_schema AS s ON s.id = t.schema WHERE {side} = ?1 ORDER BY o.id"
            );
            self.connection.query_row(&sql, [table.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        };
        let own: Option<(String, String)> = if verb == "DELETE" { None } else { find("o.parent", "f.referenced")? };
        if let Some((name, other)) = own {
            return Ok(Some(conflict(verb, "FOREIGN KEY", &name, &other)));
        }
        let pointing: Option<(String, String)> = find("f.referenced", "o.parent")?;
        Ok(pointing.map(|(name, other)| conflict(verb, "REFERENCE", &name, &other)))
    }
}

fn conflict(verb: &str, what: &str, name: &str, table: &str) -> ServerError {
    let place = format!("The conflict occurred in database \"tds\", table \"{table}\".");
    error(547, format!("The {verb} statement conflicted with the {what} constraint \"{name}\". {place}"))
}

/// What stands behind the colon.
fn name_in(message: &str) -> &str {
    message.rsplit_once(": ").map_or(message, |(_, name)| name)
}
