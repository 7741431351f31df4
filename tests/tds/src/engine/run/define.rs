//! CREATE and ALTER: into the record of the catalogue, and into SQLite.

use rusqlite::OptionalExtension;

use super::{Engine, OrServer};
use crate::engine::ast::{Alter, ColumnText, Constraint, Index, Rule, Statement, Table as TableText, Trigger};
use crate::engine::catalog::record::{self, IndexRecord};
use crate::engine::catalog::{Catalog, Column, Table, quoted, same, split};
use crate::engine::emit::Emitter;
use crate::engine::error::{Result, error, refused};
use crate::engine::kind::Kind;

impl Engine {
    pub(super) fn define(&mut self, statement: &Statement) -> Result<()> {
        self.row_count = 0;
        self.write(|s| match statement {
            Statement::CreateSchema(name) => s.create_schema(name),
            Statement::CreateTable(name, table) => s.create_table(name, table),
            Statement::CreateIndex(index, table) => {
                let table = s.env().catalog.table(table)?;
                s.create_index(&table, index)
            }
            Statement::CreateTrigger(trigger) => s.create_trigger(trigger),
            Statement::Alter(_, Alter::Ignored) => Ok(()),
            Statement::Alter(table, alter) => {
                let table = s.env().catalog.table(table)?;
                s.alter(&table, alter)
            }
            Statement::Switch { trigger, table, disabled } => s.switch(trigger.as_deref(), table, *disabled),
            Statement::Drop { what, name, table, lenient } => s.drop_object(what, name, table, *lenient),
            _ => Err(refused("a statement of an unknown kind")),
        })
    }

    fn create_schema(&self, name: &str) -> Result<()> {
        if record::schema_id(&self.connection, name).or_server()?.is_some() {
            return Err(error(2714, format!("There is already an object named '{name}' in the database.")));
        }
        self.connection.execute("INSERT INTO engine_schema (name) VALUES (?1)", [name]).or_server()?;
        Ok(())
    }

    fn schema(&self, name: &str) -> Result<i64> {
        let message = "either does not exist or you do not have permission to use it.";
        let found = record::schema_id(&self.connection, name).or_server()?;
        found.ok_or_else(|| error(2760, format!("The specified schema name \"{name}\" {message}")))
    }

    /// A new object in the record; its name must be free in its schema.
    pub(super) fn new_object(&self, schema: i64, name: &str, kind: &str, parent: i64, definition: Option<&str>) -> Result<i64> {
        let sql = "SELECT 1 FROM engine_object WHERE schema = ?1 AND name = ?2";
        if self.connection.query_row(sql, (schema, name), |_| Ok(())).optional().or_server()?.is_some() {
            return Err(error(2714, format!("There is already an object named '{name}' in the database.")));
        }
        record::object(&self.connection, schema, name, kind, parent, definition).or_server()
    }

    fn create_table(&self, name: &[String], text: &TableText) -> Result<()> {
        let (schema_name, name) = split(name);
        let schema = self.schema(&schema_name)?;
        let id = self.new_object(schema, &name, "U", 0, None)?;
        let mut table = Table { id, schema: schema_name, name, columns: Vec::new() };
        for (column, number) in text.columns.iter().zip(1..) {
            table.columns.push(self.new_column(&table, schema, number, column)?);
        }
        let mut parts: Vec<String> = table.columns.iter().map(Column::declared).collect();
        for (at, constraint) in text.constraints.iter().enumerate() {
            parts.extend(self.inline(&table, schema, constraint, at)?);
        }
        let sql = format!("CREATE TABLE {} ({})", table.sql(), parts.join(", "));
        self.connection.execute_batch(&sql).or_server()?;
        for (at, constraint) in text.constraints.iter().enumerate() {
            self.unique(&table, schema, constraint, at)?;
        }
        self.versioned_by_cascades(&table)
    }

    fn new_column(&self, table: &Table, schema: i64, number: i64, text: &ColumnText) -> Result<Column> {
        let column = Column::of_text(number, text);
        if table.columns.iter().any(|known| same(&known.name, &column.name)) {
            let message = "Column names in each table must be unique. Column name";
            return Err(error(2705, format!("{message} '{}' is specified more than once.", column.name)));
        }
        let mut default = 0;
        if let Some((name, definition)) = &text.default {
            let name = name.clone().unwrap_or_else(|| format!("DF__{}__{}", table.name, column.name));
            default = self.new_object(schema, &name, "D", table.id, Some(definition))?;
        }
        record::column(&self.connection, table.id, &column, text, default).or_server()?;
        Ok(column)
    }

    /// What of a constraint stands in SQLite's CREATE TABLE.
    fn inline(&self, table: &Table, schema: i64, constraint: &Constraint, at: usize) -> Result<Option<String>> {
        match &constraint.rule {
            Rule::Unique { .. } => Ok(None),
            Rule::Check(condition, text) => {
                let name = constraint.name.clone().unwrap_or_else(|| format!("CK__{}__{at}", table.name));
                self.new_object(schema, &name, "C", table.id, Some(text))?;
                let env = self.env();
                let condition = Emitter::over(&env, table, "").condition(condition)?;
                Ok(Some(format!("CONSTRAINT {} CHECK ({condition})", quoted(&name))))
            }
            Rule::Foreign { columns, table: other, referenced, on_delete, on_update } => {
                let catalog = Catalog { connection: &self.connection };
                let other = catalog
                    .find(other)?
                    .ok_or_else(|| error(1767, format!("A foreign key references invalid table '{}'.", other.join("."))))?;
                let referenced = if referenced.is_empty() { self.primary_key(&other)? } else { referenced.clone() };
                let name = constraint.name.clone().unwrap_or_else(|| format!("FK__{}__{at}", table.name));
                let id = self.new_object(schema, &name, "F", table.id, None)?;
                let sql = "INSERT INTO engine_foreign_key VALUES (?1, ?2, ?3, ?4)";
                self.connection.execute(sql, (id, other.id, on_delete, on_update)).or_server()?;
                for ((column, target), ordinal) in columns.iter().zip(&referenced).zip(1..) {
                    let (from, to) = (table.column(column)?.number, other.column(target)?.number);
                    let sql = "INSERT INTO engine_foreign_key_column VALUES (?1, ?2, ?3, ?4)";
                    self.connection.execute(sql, (id, ordinal, from, to)).or_server()?;
                }
                let list = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
                Ok(Some(format!(
                    "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {on_delete} ON UPDATE {on_update}",
                    quoted(&name),
                    list(columns),
                    other.sql(),
                    list(&referenced)
                )))
            }
        }
    }

    fn primary_key(&self, table: &Table) -> Result<Vec<String>> {
        let sql = "SELECT c.name FROM engine_index AS i JOIN engine_index_column AS x ON x.object = i.object AND x.number = i.number \
                   JOIN engine_column AS c ON c.object = x.object AND c.number = x.column_number \
                   WHERE i.object = ?1 AND i.primary_key = 1 ORDER BY x.ordinal";
        let mut statement = self.connection.prepare_cached(sql).or_server()?;
        let names = statement.query_map([table.id], |row| row.get(0)).or_server()?;
        names.collect::<rusqlite::Result<_>>().or_server()
    }

    /// A primary key or unique constraint, as an index of its own.
    fn unique(&self, table: &Table, schema: i64, constraint: &Constraint, at: usize) -> Result<()> {
        let Rule::Unique { primary, clustered, columns } = &constraint.rule else { return Ok(()) };
        let (kind, prefix) = if *primary { ("PK", "PK") } else { ("UQ", "UQ") };
        let name = constraint.name.clone().unwrap_or_else(|| format!("{prefix}__{}__{at}", table.name));
        self.new_object(schema, &name, kind, table.id, None)?;
        let known = IndexRecord { name: &name, unique: true, primary: *primary, constraint: !primary, clustered: *clustered, filter: None };
        self.new_index(table, &known, columns, &[], "")?;
        if *primary {
            for (column, _) in columns {
                let sql = "UPDATE engine_column SET nullable = 0 WHERE object = ?1 AND name = ?2";
                self.connection.execute(sql, (table.id, column)).or_server()?;
            }
        }
        Ok(())
    }

    fn create_index(&self, table: &Table, index: &Index) -> Result<()> {
        let exists = "SELECT 1 FROM engine_index WHERE object = ?1 AND name = ?2";
        if self.connection.query_row(exists, (table.id, &index.name), |_| Ok(())).optional().or_server()?.is_some() {
            let message = format!("an index or statistics with name '{}' already exists on table '{}'.", index.name, table.full_name());
            return Err(error(1913, format!("The operation failed because {message}")));
        }
        let filter = match &index.filter {
            Some((condition, _)) => {
                let env = self.env();
                format!(" WHERE {}", Emitter::over(&env, table, "").condition(condition)?)
            }
            None => String::new(),
        };
        let known = IndexRecord {
            name: &index.name,
            unique: index.unique,
            primary: false,
            constraint: false,
            clustered: index.clustered,
            filter: index.filter.as_ref().map(|(_, text)| text.as_str()),
        };
        self.new_index(table, &known, &index.columns, &index.included, &filter)
    }

    fn new_index(&self, table: &Table, index: &IndexRecord<'_>, keys: &[(String, bool)], more: &[String], filter: &str) -> Result<()> {
        let (mut columns, mut list) = (Vec::new(), Vec::new());
        for (name, descending) in keys {
            columns.push((table.column(name)?.number, *descending, false));
            list.push(format!("{}{}", quoted(name), if *descending { " DESC" } else { "" }));
        }
        for name in more {
            columns.push((table.column(name)?.number, false, true));
        }
        record::index(&self.connection, table.id, index, &columns).or_server()?;
        let unique = if index.unique { "UNIQUE " } else { "" };
        let name = super::drop::index_name(table, index.name);
        let sql = format!("CREATE {unique}INDEX {name} ON {} ({}){filter}", table.sql(), list.join(", "));
        self.connection.execute_batch(&sql).map_err(|failure| self.constraint_error(&failure, "CREATE INDEX", table))
    }

    /// The engine's own statements raise a row's version themselves; a cascade of SQLite does not.
    fn versioned_by_cascades(&self, table: &Table) -> Result<()> {
        let Some(column) = table.columns.iter().find(|column| column.kind == Kind::RowVersion) else { return Ok(()) };
        let (name, column) = (quoted(&format!("version.{}", table.full_name())), quoted(&column.name));
        let sql = format!(
            "CREATE TRIGGER {name} AFTER UPDATE ON {table} WHEN NEW.{column} IS OLD.{column} \
             BEGIN UPDATE {table} SET {column} = tds_next_version() WHERE _rowid_ = NEW._rowid_; END",
            table = table.sql()
        );
        self.connection.execute_batch(&sql).or_server()
    }

    fn create_trigger(&self, trigger: &Trigger) -> Result<()> {
        let table = self.env().catalog.table(&trigger.table)?;
        let (schema, name) = split(&trigger.name);
        let schema_id = self.schema(&schema)?;
        let known = self.env().catalog.object(&schema, &name, "TR")?;
        let id = match known {
            Some(id) if trigger.replace => {
                let sql = "UPDATE engine_object SET definition = ?2, parent = ?3 WHERE id = ?1";
                self.connection.execute(sql, (id, &trigger.text, table.id)).or_server()?;
                self.connection.execute("DELETE FROM engine_trigger_event WHERE trigger = ?1", [id]).or_server()?;
                id
            }
            _ => self.new_object(schema_id, &name, "TR", table.id, Some(&trigger.text))?,
        };
        for action in &trigger.actions {
            self.connection.execute("INSERT OR IGNORE INTO engine_trigger_event VALUES (?1, ?2)", (id, action)).or_server()?;
        }
        self.capture(&table)
    }

    fn switch(&self, trigger: Option<&[String]>, table: &[String], disabled: bool) -> Result<()> {
        let table = self.env().catalog.table(table)?;
        let name = trigger.and_then(|parts| parts.last());
        let sql = "UPDATE engine_object SET disabled = ?1 WHERE parent = ?2 AND type = 'TR' AND (?3 IS NULL OR name = ?3)";
        if self.connection.execute(sql, (disabled, table.id, name)).or_server()? == 0 && name.is_some() {
            return Err(error(1088, "Cannot find the trigger because it does not exist or you do not have permissions."));
        }
        self.capture(&table)
    }

    fn alter(&mut self, table: &Table, alter: &Alter) -> Result<()> {
        match alter {
            Alter::Add(text) => self.add(table, text),
            Alter::DropColumn(name) => self.drop_column(table, name),
            Alter::DropConstraint(name) => self.drop_constraint(table, name),
            Alter::Ignored => Ok(()),
        }
    }

    fn add(&mut self, table: &Table, text: &TableText) -> Result<()> {
        let schema = self.schema(&table.schema)?;
        let mut table = table.clone();
        for column in &text.columns {
            let number = table.columns.iter().map(|column| column.number).max().unwrap_or(0) + 1;
            let new = self.new_column(&table, schema, number, column)?;
            table.columns.push(new.clone());
            let mut declared = new.declared();
            for (at, constraint) in text.constraints.iter().enumerate() {
                let of_column = matches!(&constraint.rule, Rule::Foreign { columns, .. } if columns.iter().all(|c| same(c, &new.name)));
                if of_column
                    && let Some(inline) = self.inline(&table, schema, constraint, at + usize::try_from(number).unwrap_or(0) * 100)?
                {
                    let references = inline.find("REFERENCES").map_or("", |at| &inline[at..]);
                    declared = format!("{declared} {references}");
                }
            }
            self.connection.execute_batch(&format!("ALTER TABLE {} ADD COLUMN {declared}", table.sql())).or_server()?;
            self.fill(&table, &new)?;
        }
        for (at, constraint) in text.constraints.iter().enumerate() {
            match &constraint.rule {
                Rule::Unique { .. } => self.unique(&table, schema, constraint, at + table.columns.len() * 100)?,
                Rule::Foreign { .. } if !text.columns.is_empty() => {}
                _ => return Err(refused("ALTER TABLE ADD of a check, or of a foreign key over a column that was there before")),
            }
        }
        self.capture(&table)
    }

    /// Rows that are there get the new column's default, or a row version.
    fn fill(&self, table: &Table, column: &Column) -> Result<()> {
        let name = quoted(&column.name);
        let rows = self.single(&format!("SELECT EXISTS (SELECT 1 FROM {})", table.sql()))?;
        let value = if column.kind == Kind::RowVersion {
            self.connection.execute_batch(&format!("UPDATE {} SET {name} = tds_next_version()", table.sql())).or_server()?;
            return self.versioned_by_cascades(table);
        } else {
            let env = self.env();
            super::insert::default(&mut Emitter::new(&env), column)?
        };
        if value == "NULL" && !column.nullable && rows == rusqlite::types::Value::Integer(1) {
            let message = "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified.";
            return Err(error(4901, message));
        }
        self.connection.execute_batch(&format!("UPDATE {} SET {name} = {value}", table.sql())).or_server()
    }
}
