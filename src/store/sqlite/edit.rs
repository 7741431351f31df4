//! Statements on the customer's row, and on the attributes that its table has no column for. They touch one row or fail.

use rusqlite::types::Null;
use rusqlite::{OptionalExtension, ToSql, params, params_from_iter};

use super::change::Work;
use super::file::broken;
use super::staging;
use super::table::Table;
use crate::config::ColumnValue;
use crate::model::stamp::Revision;
use crate::store::sql::{NewAttributes, Staged};

/// What a statement binds: a value of whatever type the column takes.
pub(super) type Bound = Box<dyn ToSql>;

impl ToSql for ColumnValue {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text.to_sql(),
            Self::Integer(integer) => integer.to_sql(),
            Self::Flag(flag) => flag.to_sql(),
        }
    }
}

/// What the catalogue says of a column.
struct Declared {
    is_integer: bool,
    not_null: bool,
}

#[derive(Default)]
struct Columns {
    names: Vec<String>,
    values: Vec<Bound>,
}

impl Columns {
    fn add(&mut self, name: &str, value: Bound) {
        self.names.push(name.to_owned());
        self.values.push(value);
    }
}

impl Work<'_> {
    /// A client's write into a row that is there: the content, the time, and the attributes that it names. `revive`: it brings a marked
    /// document to light, and sets all of them.
    pub(super) fn put(&self, content: Bound, attributes: &NewAttributes, revive: bool) -> rusqlite::Result<()> {
        let mut columns = Columns::default();
        columns.add(&self.table.content, content);
        self.add_attributes(&mut columns, attributes, revive || attributes.all)?;
        if revive {
            self.add_mark(&mut columns, false)?;
        }
        self.update(columns)?;
        self.keep_attributes(attributes, revive || attributes.all)
    }

    /// A client's write that makes the row.
    pub(super) fn insert(&self, content: Bound, attributes: &NewAttributes) -> rusqlite::Result<()> {
        let mut columns = self.new_row(content, attributes)?;
        columns.add(&self.table.id, Box::new(self.id.clone()));
        self.insert_row(columns)?;
        self.keep_attributes(attributes, true)
    }

    /// A row whose id the database gives. Answers its rowid, which is not yet any document's name: attributes beside it are still to come.
    pub(super) fn insert_nameless(&self, content: Bound, attributes: &NewAttributes) -> rusqlite::Result<i64> {
        self.insert_row(self.new_row(content, attributes)?)?;
        Ok(self.tx.last_insert_rowid())
    }

    fn new_row(&self, content: Bound, attributes: &NewAttributes) -> rusqlite::Result<Columns> {
        let mut columns = Columns::default();
        columns.add(&self.table.content, content);
        self.add_attributes(&mut columns, attributes, false)?;
        Ok(columns)
    }

    /// The content and nothing else: what agents bring or take is no change that a client made.
    pub(super) fn set_content(&self, content: Bound) -> rusqlite::Result<()> {
        let mut columns = Columns::default();
        columns.add(&self.table.content, content);
        self.update(columns)
    }

    /// A client's delete where the row stays.
    pub(super) fn clear_content(&self) -> rusqlite::Result<()> {
        let mut columns = Columns::default();
        columns.add(&self.table.content, self.table.no_content());
        self.add_modified(&mut columns)?;
        self.update(columns)
    }

    pub(super) fn mark_deleted(&self) -> rusqlite::Result<()> {
        let mut columns = Columns::default();
        self.add_mark(&mut columns, true)?;
        self.update(columns)
    }

    pub(super) fn delete_row(&self) -> rusqlite::Result<()> {
        let Table { name, id, .. } = self.table;
        let mine = self.table.mine("");
        one_row(self.tx.execute(&format!("DELETE FROM {name} WHERE {id} = ?1{mine}"), params![self.id])?)
    }

    fn update(&self, mut columns: Columns) -> rusqlite::Result<()> {
        let Table { name, id, .. } = self.table;
        let mine = self.table.mine("");
        let assignments: Vec<String> = columns.names.iter().enumerate().map(|(at, column)| format!("{column} = ?{}", at + 1)).collect();
        let statement = format!("UPDATE {name} SET {} WHERE {id} = ?{}{mine}", assignments.join(", "), columns.names.len() + 1);
        columns.values.push(Box::new(self.id.clone()));
        one_row(self.tx.execute(&statement, params_from_iter(columns.values))?)
    }

    fn insert_row(&self, mut columns: Columns) -> rusqlite::Result<()> {
        for (column, value) in self.table.tenant.iter().chain(&self.table.defaults) {
            columns.add(column, Box::new(value.clone()));
        }
        let marks: Vec<String> = (1..=columns.names.len()).map(|at| format!("?{at}")).collect();
        let statement = format!("INSERT INTO {} ({}) VALUES ({})", self.table.name, columns.names.join(", "), marks.join(", "));
        one_row(self.tx.execute(&statement, params_from_iter(columns.values))?)
    }

    /// `all`: what the client does not name is taken away, where its column lets it.
    fn add_attributes(&self, columns: &mut Columns, attributes: &NewAttributes, all: bool) -> rusqlite::Result<()> {
        let Table { media_type, file_name, .. } = self.table;
        for (column, value) in [(media_type, &attributes.media_type), (file_name, &attributes.file_name)] {
            match (column, value) {
                (Some(column), Some(value)) => columns.add(&column.name, Box::new(value.clone())),
                (Some(column), None) if all && !self.declared(&column.raw)?.not_null => columns.add(&column.name, Box::new(Null)),
                (Some(_), None) | (None, _) => {}
            }
        }
        self.add_modified(columns)
    }

    /// In the customer's own form: Unix seconds in a column declared as an integer, else text in UTC.
    fn add_modified(&self, columns: &mut Columns) -> rusqlite::Result<()> {
        let Some(column) = &self.table.modified else { return Ok(()) };
        let value: Bound = if self.declared(&column.raw)?.is_integer { Box::new(self.now.as_second()) } else { self.now_as_text() };
        columns.add(&column.name, value);
        Ok(())
    }

    fn now_as_text(&self) -> Bound {
        Box::new(self.now.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// A mark is 1 in a column declared as a number, else the time; no mark is 0 there, else NULL or the empty text.
    fn add_mark(&self, columns: &mut Columns, deleted: bool) -> rusqlite::Result<()> {
        let column = self.table.soft_delete.as_ref().ok_or_else(|| broken("a collection without a column for the mark marks nothing"))?;
        let declared = self.declared(&column.raw)?;
        let value: Bound = match (declared.is_integer, deleted) {
            (true, deleted) => Box::new(deleted),
            (false, true) => self.now_as_text(),
            (false, false) if declared.not_null => Box::new(String::new()),
            (false, false) => Box::new(Null),
        };
        columns.add(&column.name, value);
        Ok(())
    }

    fn declared(&self, column: &str) -> rusqlite::Result<Declared> {
        let found: Option<(String, bool)> = self
            .tx
            .prepare_cached("SELECT upper(type), \"notnull\" FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE")?
            .query_row([&self.table.raw_name, column], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (declared, not_null) = found.unwrap_or_default();
        Ok(Declared { is_integer: ["INT", "BOOL", "BIT"].into_iter().any(|word| declared.contains(word)), not_null })
    }

    /// What the customer's table has no column for lies beside it. `anew`: the row is new, or is brought back to light, or all of them are set.
    pub(super) fn keep_attributes(&self, attributes: &NewAttributes, anew: bool) -> rusqlite::Result<()> {
        let Some(attribute) = &self.table.attribute else { return Ok(()) };
        let kept = |column: &str| if anew { format!("excluded.{column}") } else { format!("coalesce(excluded.{column}, {column})") };
        let statement = format!(
            "INSERT INTO {attribute} (id, media_type, file_name) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id) DO UPDATE SET media_type = {}, file_name = {}",
            kept("media_type"),
            kept("file_name")
        );
        self.tx.execute(&statement, params![self.id, attributes.media_type, attributes.file_name]).map(|_| ())
    }

    /// Brings large content into the zeroblob that the statement before left.
    pub(super) fn fill(&self, staged: &Staged) -> rusqlite::Result<()> {
        let Table { name, id, .. } = self.table;
        let statement = format!("SELECT rowid FROM {name} WHERE {id} = ?1{}", self.table.mine(""));
        let rowid = self.tx.query_row(&statement, params![self.id], |row| row.get(0))?;
        staging::move_into(self.tx, self.table, rowid, staged)
    }

    /// Read back under the lock after the last statement: a customer's trigger may have changed the row again.
    pub(super) fn revision(&self) -> rusqlite::Result<Revision> {
        let Table { name, id, revision, .. } = self.table;
        let mine = self.table.mine("d.");
        let statement = format!("SELECT r.revision FROM {name} d JOIN {revision} r ON r.id = d.{id} WHERE d.{id} = ?1{mine}");
        self.tx.query_row(&statement, params![self.id], |row| row.get(0)).map(Revision)
    }
}

pub(super) fn one_row(changed: usize) -> rusqlite::Result<()> {
    if changed == 1 { Ok(()) } else { Err(broken(format!("a statement changed {changed} rows instead of one"))) }
}
