//! DROP, and ALTER TABLE DROP.

use rusqlite::OptionalExtension;

use super::bind::captured_name;
use super::{Engine, OrServer};
use crate::engine::catalog::{Table, quoted, record, split};
use crate::engine::error::{Result, error, refused};

/// The name of an index in SQLite, where it must be the only one of its name in the whole file.
pub fn index_name(table: &Table, index: &str) -> String {
    quoted(&format!("index.{}.{index}", table.full_name()))
}

impl Engine {
    pub(super) fn drop_object(&mut self, what: &str, name: &[String], table: &[String], lenient: bool) -> Result<()> {
        let (schema, last) = split(name);
        let missing = || {
            let message = "because it does not exist or you do not have permission.";
            if lenient { Ok(()) } else { Err(error(3701, format!("Cannot drop the {what} '{}', {message}", name.join(".")))) }
        };
        match what {
            "SCHEMA" => self.drop_schema(&last, lenient),
            "TABLE" => match self.env().catalog.find(name)? {
                Some(table) => self.drop_table(&table),
                None => missing(),
            },
            "TRIGGER" => {
                let Some(id) = self.env().catalog.object(&schema, &last, "TR")? else { return missing() };
                let sql = "SELECT parent FROM engine_object WHERE id = ?1";
                let parent = self.connection.query_row(sql, [id], |row| row.get(0)).or_server()?;
                record::forget(&self.connection, id).or_server()?;
                let table = self.env().catalog.by_id(parent)?;
                self.capture(&table)
            }
            _ => {
                // `DROP INDEX name ON table`, or the older `DROP INDEX table.name`.
                let before = name.len().saturating_sub(1);
                let of = if table.is_empty() { &name[..before] } else { table };
                let Some(table) = self.env().catalog.find(of)? else { return missing() };
                if record::drop_index(&self.connection, table.id, &last).or_server()? == 0 {
                    return missing();
                }
                self.connection.execute_batch(&format!("DROP INDEX {}", index_name(&table, &last))).or_server()
            }
        }
    }

    fn drop_schema(&self, name: &str, lenient: bool) -> Result<()> {
        let Some(id) = record::schema_id(&self.connection, name).or_server()? else {
            let message = "because it does not exist or you do not have permission.";
            return if lenient { Ok(()) } else { Err(error(15151, format!("Cannot drop the schema '{name}', {message}"))) };
        };
        let held = "SELECT name FROM engine_object WHERE schema = ?1 LIMIT 1";
        if let Some(held) = self.connection.query_row(held, [id], |row| row.get::<_, String>(0)).optional().or_server()? {
            return Err(error(3729, format!("Cannot drop schema '{name}' because it is being referenced by object '{held}'.")));
        }
        self.connection.execute("DELETE FROM engine_schema WHERE id = ?1", [id]).or_server()?;
        Ok(())
    }

    fn drop_table(&self, table: &Table) -> Result<()> {
        let pointing = "SELECT o.name FROM engine_foreign_key AS f JOIN engine_object AS o ON o.id = f.id \
                        WHERE f.referenced = ?1 AND o.parent <> ?1";
        let pointing: Option<String> = self.connection.query_row(pointing, [table.id], |row| row.get(0)).optional().or_server()?;
        if let Some(key) = pointing {
            let name = table.full_name();
            return Err(error(
                3726,
                format!("Could not drop object '{name}' because it is referenced by the FOREIGN KEY constraint '{key}'."),
            ));
        }
        record::forget(&self.connection, table.id).or_server()?;
        let sql = format!("DROP TABLE {}; DROP TABLE IF EXISTS {}", table.sql(), captured_name(table));
        self.connection.execute_batch(&sql).or_server()
    }

    pub(super) fn drop_column(&self, table: &Table, name: &str) -> Result<()> {
        let column = table.column(name)?;
        let used = "SELECT i.name FROM engine_index_column AS x JOIN engine_index AS i ON i.object = x.object AND i.number = x.number \
                    WHERE x.object = ?1 AND x.column_number = ?2 UNION ALL \
                    SELECT o.name FROM engine_column AS c JOIN engine_object AS o ON o.id = c.default_object \
                    WHERE c.object = ?1 AND c.number = ?2";
        let used: Option<String> = self.connection.query_row(used, (table.id, column.number), |row| row.get(0)).optional().or_server()?;
        if let Some(used) = used {
            return Err(error(5074, format!("The object '{used}' is dependent on column '{name}'.")));
        }
        self.connection.execute("DELETE FROM engine_column WHERE object = ?1 AND number = ?2", (table.id, column.number)).or_server()?;
        let left = Table { columns: table.columns.iter().filter(|c| c.number != column.number).cloned().collect(), ..table.clone() };
        // The hidden triggers name every column, so they must not be there in between.
        let hidden: String = ["INSERT", "UPDATE", "DELETE"]
            .iter()
            .map(|action| format!("DROP TRIGGER IF EXISTS {};", super::trigger::hidden(table, action)))
            .collect();
        let version = quoted(&format!("version.{}", table.full_name()));
        let version = if column.kind == crate::engine::kind::Kind::RowVersion { format!("DROP TRIGGER {version};") } else { String::new() };
        let sql = format!("{hidden}{version}ALTER TABLE {} DROP COLUMN {}", table.sql(), quoted(&column.name));
        self.connection.execute_batch(&sql).or_server()?;
        self.capture(&left)
    }

    pub(super) fn drop_constraint(&self, table: &Table, name: &str) -> Result<()> {
        let sql = "SELECT id, type FROM engine_object WHERE parent = ?1 AND name = ?2";
        let found: Option<(i64, String)> =
            self.connection.query_row(sql, (table.id, name), |row| Ok((row.get(0)?, row.get(1)?))).optional().or_server()?;
        let Some((id, kind)) = found else { return Err(error(3728, format!("'{name}' is not a constraint."))) };
        match kind.as_str() {
            "D" => {
                let sql = "UPDATE engine_column SET default_object = 0, default_text = NULL WHERE default_object = ?1";
                self.connection.execute(sql, [id]).or_server()?;
            }
            "PK" | "UQ" => {
                record::drop_index(&self.connection, table.id, name).or_server()?;
                self.connection.execute_batch(&format!("DROP INDEX {}", index_name(table, name))).or_server()?;
            }
            _ => return Err(refused("ALTER TABLE DROP of a check or foreign key")),
        }
        record::forget(&self.connection, id).or_server()
    }
}
