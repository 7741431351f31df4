//! OUTPUT: rows as they were and as they are, to the client or into a table variable.

use rusqlite::types::Value as Stored;

use super::bind::Rows;
use super::{Engine, OrServer};
use crate::engine::ast::Output;
use crate::engine::catalog::{Column, Table, quoted};
use crate::engine::emit::{Emitter, OutColumn};
use crate::engine::error::{Result, error};
use crate::value::Column as WireColumn;

/// What a statement has put out so far.
pub struct Written {
    sql: String,
    columns: Vec<OutColumn>,
    table: Table,
    rows: Rows,
}

impl Written {
    /// Adds what the clause gives for one row. `inserted`: its number in the table.
    pub fn row(&mut self, engine: &Engine, inserted: Option<i64>, deleted: Option<Vec<Stored>>) -> Result<()> {
        let number = inserted.map_or(Stored::Null, Stored::Integer);
        let names: Vec<String> = (0..self.table.columns.len()).map(|at| format!(":old{at}")).collect();
        let old = deleted.unwrap_or_else(|| vec![Stored::Null; names.len()]);
        let mut bound: Vec<(&str, &Stored)> = names.iter().map(String::as_str).zip(&old).collect();
        bound.push((":new", &number));
        self.rows.extend(engine.rows(&self.sql, &bound)?);
        Ok(())
    }
}

impl Engine {
    pub(super) fn output(&self, output: Option<&Output>, table: &Table) -> Result<Option<Written>> {
        let Some(output) = output else { return Ok(None) };
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
        let old: Vec<String> = columns.iter().enumerate().map(|(at, name)| format!(":old{at} AS {name}")).collect();
        let mut env = self.env();
        // One row of each, so that a statement without the one or the other gives its NULLs.
        let inserted = format!("(SELECT {} FROM (SELECT 1) LEFT JOIN {} ON _rowid_ = :new)", columns.join(", "), table.sql());
        env.pseudo = vec![("inserted", table.clone(), inserted), ("deleted", table.clone(), format!("(SELECT {})", old.join(", ")))];
        let emitted = Emitter::new(&env).output(&output.items)?;
        Ok(Some(Written { sql: emitted.sql, columns: emitted.columns, table: table.clone(), rows: Vec::new() }))
    }

    /// SQL Server does not put out to the client what a trigger may still change.
    pub(super) fn refuse_output(&self, output: Option<&Output>, table: &Table, action: &str) -> Result<()> {
        if output.is_none_or(|output| output.into.is_some()) || self.triggers_of(table.id, action)?.is_empty() {
            return Ok(());
        }
        let message = "cannot have any enabled triggers if the statement contains an OUTPUT clause without INTO clause.";
        Err(error(334, format!("The target table '{}' of the DML statement {message}", table.full_name())))
    }

    /// Whether the client got rows.
    pub(super) fn put_out(&mut self, written: Option<Written>, output: Option<&Output>) -> Result<bool> {
        let Some(written) = written else { return Ok(false) };
        let Some((variable, names)) = output.and_then(|output| output.into.as_ref()) else {
            let kinds: Vec<_> = written.columns.iter().map(|column| column.kind).collect();
            let columns = written.columns.into_iter();
            let columns: Vec<WireColumn> =
                columns.map(|column| WireColumn { name: column.name.unwrap_or_default(), kind: column.kind.wire() }).collect();
            self.answer(columns, &kinds, written.rows)?;
            return Ok(true);
        };
        let table = self.frame.tables.get(variable).cloned();
        let table = table.ok_or_else(|| error(1087, format!("Must declare the table variable \"{variable}\".")))?;
        let columns: Vec<&Column> = match &names[..] {
            [] => table.columns.iter().collect(),
            names => names.iter().map(|name| table.column(name)).collect::<Result<_>>()?,
        };
        for row in written.rows {
            self.insert_row(&table, &columns, row)?;
        }
        Ok(false)
    }

    /// The enabled triggers of a table for an action, oldest first.
    pub(super) fn triggers_of(&self, table: i64, action: &str) -> Result<Vec<(i64, String)>> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT o.id, o.definition FROM engine_object AS o JOIN engine_trigger_event AS e ON e.trigger = o.id \
                 WHERE o.parent = ?1 AND o.type = 'TR' AND o.disabled = 0 AND e.action = ?2 ORDER BY o.id",
            )
            .or_server()?;
        let found = statement.query_map((table, action), |row| Ok((row.get(0)?, row.get(1)?))).or_server()?;
        found.collect::<rusqlite::Result<_>>().or_server()
    }
}
