//! What every statement that writes has around it: a transaction or savepoint of its own, row versions, triggers.

use std::sync::atomic::Ordering;

use rusqlite::types::Value as Stored;

use super::{Engine, OrServer};
use crate::engine::catalog::Table;
use crate::engine::error::{Result, error};
use crate::value::Outcome;

impl Engine {
    /// All of the work or nothing of it.
    pub(super) fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.doomed {
            return Err(error(
                3930,
                "The current transaction cannot be committed and cannot support operations that write to the log file.",
            ));
        }
        let alone = self.connection.is_autocommit();
        self.connection.execute_batch(if alone { "BEGIN IMMEDIATE" } else { "SAVEPOINT statement" }).or_server()?;
        let outermost = !std::mem::replace(&mut self.writing, true);
        let result = self.versioned(outermost, work);
        if outermost {
            self.writing = false;
        }
        if result.is_ok() {
            self.connection.execute_batch(if alone { "COMMIT" } else { "RELEASE statement" }).or_server()?;
        } else if !self.connection.is_autocommit() {
            self.connection.execute_batch(if alone { "ROLLBACK" } else { "ROLLBACK TO statement; RELEASE statement" }).or_server()?;
        }
        result
    }

    /// Row versions go on from the database's counter, which only the one who writes can move, and then say where they ended.
    fn versioned<T>(&mut self, outermost: bool, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !outermost {
            return work(self);
        }
        let kept = match self.single("SELECT value FROM engine_counter")? {
            Stored::Integer(version) => version,
            _ => 0,
        };
        let before = kept.max(self.database.version.load(Ordering::SeqCst));
        self.shared.version.store(before, Ordering::SeqCst);
        let result = work(self);
        let after = self.shared.version.load(Ordering::SeqCst);
        self.database.version.fetch_max(after, Ordering::SeqCst);
        if result.is_ok() && after != before {
            self.connection.execute("UPDATE engine_counter SET value = ?1", [after]).or_server()?;
        }
        result
    }

    /// Runs one row's statement, with the failure told as one of this table's constraints.
    pub(super) fn write_row(&self, sql: &str, values: &[Stored], verb: &str, table: &Table) -> Result<usize> {
        let mut statement = self.connection.prepare_cached(sql).or_server()?;
        for (value, at) in values.iter().zip(1..) {
            statement.raw_bind_parameter(at, value).or_server()?;
        }
        statement.raw_execute().map_err(|failure| self.constraint_error(&failure, verb, table))
    }

    /// How many rows a statement touched, to those who ask and to the client.
    pub(super) fn count(&mut self, rows: usize, answered: bool) {
        self.row_count = rows as i64;
        if !answered && !self.options.no_count && self.triggers.is_empty() {
            self.outcomes.push(Outcome::Done(rows as u64));
        }
    }
}
