//! Triggers: hidden row triggers of SQLite keep the changed rows of a table that has any, and after the statement each trigger's body
//! runs once over all of them, as it does in SQL Server. So rows that a foreign key's cascade took away are seen, too.

use std::sync::atomic::Ordering;

use super::bind::captured_name;
use super::{Engine, Fired, Frame, OrServer};
use crate::engine::ast::Statement;
use crate::engine::catalog::{Catalog, Column, Table, quoted};
use crate::engine::error::{Result, error};

/// How deep triggers may run in triggers.
const DEEPEST: usize = 32;

impl Engine {
    /// Runs the triggers that a statement's rows call for. `updated`: the columns that it set.
    pub(super) fn fire(&mut self, count: usize, updated: Option<&[String]>) -> Result<()> {
        let fired = self.shared.fired.lock().map(|mut fired| std::mem::take(&mut *fired)).unwrap_or_default();
        if fired.is_empty() {
            return Ok(());
        }
        let level = self.shared.level.load(Ordering::Relaxed);
        if self.triggers.len() >= DEEPEST {
            return Err(error(217, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32)."));
        }
        self.shared.level.store(level + 1, Ordering::Relaxed);
        let result = self.run_triggers(&fired, level, count, updated);
        self.shared.level.store(level, Ordering::Relaxed);
        result?;
        let mut tables: Vec<i64> = fired.into_iter().map(|(table, _)| table).collect();
        tables.dedup();
        for table in tables {
            let table = Catalog { connection: &self.connection }.by_id(table)?;
            let sql = format!("DELETE FROM {} WHERE \"tds level\" = ?1", captured_name(&table));
            self.connection.prepare_cached(&sql).or_server()?.execute([level]).or_server()?;
        }
        Ok(())
    }

    fn run_triggers(&mut self, fired: &[(i64, String)], level: i64, count: usize, updated: Option<&[String]>) -> Result<()> {
        for (table, action) in fired {
            for (trigger, definition) in self.triggers_of(*table, action)? {
                // A trigger does not call itself.
                if self.triggers.contains(&trigger) {
                    continue;
                }
                let table = Catalog { connection: &self.connection }.by_id(*table)?;
                let fired = Fired { table, level, action: action.clone(), updated: updated.map(<[String]>::to_vec) };
                let frame = Frame { trigger: Some(fired), ..Frame::default() };
                self.run_trigger(trigger, &definition, frame, count)?;
            }
        }
        Ok(())
    }

    fn run_trigger(&mut self, trigger: i64, definition: &str, frame: Frame, count: usize) -> Result<()> {
        let steps = self.parse(definition)?;
        let Some(Statement::CreateTrigger(definition)) = steps.first().map(|step| &step.statement) else { return Ok(()) };
        let (identity, options, outer) = (self.identity, self.options.clone(), std::mem::replace(&mut self.frame, frame));
        self.triggers.push(trigger);
        self.row_count = count as i64;
        let result = self.steps(&definition.body);
        self.triggers.pop();
        self.end_frame(outer);
        (self.identity, self.options) = (identity, options);
        if let Err(failure) = result {
            // Triggers run under XACT_ABORT, whoever fires them.
            self.doomed = self.transactions > 0;
            return Err(failure);
        }
        if self.connection.is_autocommit() {
            return Err(error(3609, "The transaction ended in the trigger. The batch has been aborted."));
        }
        Ok(())
    }

    /// Makes the hidden triggers of a table new, after its own triggers or columns have changed.
    pub(super) fn capture(&self, table: &Table) -> Result<()> {
        let kept = captured_name(table);
        let mut sql = String::new();
        for action in ["INSERT", "UPDATE", "DELETE"] {
            sql.push_str(&format!("DROP TRIGGER IF EXISTS {};", hidden(table, action)));
        }
        sql.push_str(&format!("DROP TABLE IF EXISTS {kept};"));
        let columns: Vec<String> = table.columns.iter().map(Column::declared).collect();
        sql.push_str(&format!(
            "CREATE TABLE {kept} (\"tds level\" BIGINT, \"tds action\" TEXT, \"tds side\" TEXT, {});",
            columns.join(", ")
        ));
        let mut any = false;
        for (action, sides) in [("INSERT", &["i"][..]), ("UPDATE", &["d", "i"]), ("DELETE", &["d"])] {
            let wanted = "SELECT EXISTS (SELECT 1 FROM engine_object AS o JOIN engine_trigger_event AS e ON e.trigger = o.id \
                          WHERE o.parent = ?1 AND o.type = 'TR' AND o.disabled = 0 AND e.action = ?2)";
            if !self.connection.query_row(wanted, (table.id, action), |row| row.get(0)).or_server()? {
                continue;
            }
            any = true;
            let inserts: String = sides.iter().map(|side| kept_row(table, action, side)).collect();
            sql.push_str(&format!("CREATE TRIGGER {} AFTER {action} ON {} BEGIN {inserts} END;", hidden(table, action), table.sql()));
        }
        if !any {
            sql.push_str(&format!("DROP TABLE {kept};"));
        }
        self.connection.execute_batch(&sql).or_server()
    }
}

pub fn hidden(table: &Table, action: &str) -> String {
    quoted(&format!("captured.{}.{action}", table.full_name()))
}

fn kept_row(table: &Table, action: &str, side: &str) -> String {
    let row = if side == "i" { "NEW" } else { "OLD" };
    let columns: Vec<String> = table.columns.iter().map(|column| format!("{row}.{}", quoted(&column.name))).collect();
    format!(
        "INSERT INTO {} SELECT tds_fired({}, '{action}'), '{action}', '{side}', {};",
        captured_name(table),
        table.id,
        columns.join(", ")
    )
}
