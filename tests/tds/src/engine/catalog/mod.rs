//! What tables there are: the engine's own record of every CREATE TABLE, in tables of its own beside the customer's.

pub mod record;
pub mod views;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ast::ColumnText;
use super::error::{Result, error, from_sqlite};
use super::kind::Kind;

/// The collation of the database, and of every text that has no other one.
pub const COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";

#[derive(Debug, Clone)]
pub struct Column {
    pub number: i64,
    pub name: String,
    pub kind: Kind,
    pub collation: Option<Arc<str>>,
    pub nullable: bool,
    pub identity: bool,
    /// The text of the default's expression.
    pub default: Option<String>,
}

impl Column {
    pub fn of_text(number: i64, text: &ColumnText) -> Self {
        let collation = text.kind.is_text().then(|| Arc::from(text.collation.as_deref().unwrap_or(COLLATION)));
        Self {
            number,
            name: text.name.clone(),
            kind: text.kind,
            collation,
            nullable: text.nullable && text.kind != Kind::RowVersion,
            identity: text.identity.is_some(),
            default: text.default.as_ref().map(|(_, text)| text.clone()),
        }
    }

    /// As it is declared in SQLite.
    pub fn declared(&self) -> String {
        // `BIGINT`, because a primary key of the type `INTEGER` would be SQLite's own row number.
        let kind = match self.kind.class() {
            super::kind::Class::Bytes => "BLOB".to_owned(),
            super::kind::Class::Text => format!("TEXT COLLATE {}", collation(self.collation.as_deref().unwrap_or(COLLATION))),
            super::kind::Class::Guid => "TEXT COLLATE tds_guid".to_owned(),
            super::kind::Class::Float => "REAL".to_owned(),
            _ => "BIGINT".to_owned(),
        };
        format!("{} {kind}", quoted(&self.name))
    }
}

/// A table with its columns.
#[derive(Debug, Clone)]
pub struct Table {
    /// 0: a table variable.
    pub id: i64,
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
}

impl Table {
    /// Its name in SQLite.
    pub fn sql(&self) -> String {
        if self.id == 0 { format!("temp.{}", quoted(&self.name)) } else { quoted(&self.full_name()) }
    }

    pub fn full_name(&self) -> String {
        if self.id == 0 { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    pub fn column(&self, name: &str) -> Result<&Column> {
        let found = self.columns.iter().find(|column| same(&column.name, name));
        found.ok_or_else(|| error(207, format!("Invalid column name '{name}'.")))
    }
}

/// Whether two names are the same one.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.to_lowercase() == b.to_lowercase()
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQLite's collation for one of SQL Server's.
pub fn collation(name: &str) -> &'static str {
    let upper = name.to_ascii_uppercase();
    // All of SQL Server's pass over blanks at the end, and so does RTRIM, which is binary otherwise.
    if upper.contains("_BIN") || upper.contains("_CS") { "RTRIM" } else { "tds_ci" }
}

/// `schema.name` of the last two parts.
pub fn full_name(parts: &[String]) -> String {
    let (schema, name) = split(parts);
    format!("{schema}.{name}")
}

pub fn split(parts: &[String]) -> (String, String) {
    match parts {
        [.., schema, name] => (if schema.is_empty() { "dbo".to_owned() } else { schema.clone() }, name.clone()),
        [name] => ("dbo".to_owned(), name.clone()),
        [] => Default::default(),
    }
}

pub struct Catalog<'a> {
    pub connection: &'a Connection,
}

impl Catalog<'_> {
    /// A table; error 208 where there is none of the name.
    pub fn table(&self, parts: &[String]) -> Result<Table> {
        self.find(parts)?.ok_or_else(|| error(208, format!("Invalid object name '{}'.", parts.join("."))))
    }

    pub fn find(&self, parts: &[String]) -> Result<Option<Table>> {
        let (schema, name) = split(parts);
        let Some(id) = self.object(&schema, &name, "U")? else { return Ok(None) };
        self.by_id(id).map(Some)
    }

    pub fn by_id(&self, id: i64) -> Result<Table> {
        self.load(id).map_err(|e| from_sqlite(&e))
    }

    fn load(&self, id: i64) -> rusqlite::Result<Table> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT s.name, o.name FROM engine_object AS o JOIN engine_schema AS s ON s.id = o.schema WHERE o.id = ?1")?;
        let (schema, name) = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut statement = self.connection.prepare_cached(
            "SELECT number, name, kind, collation, nullable, identity, default_text FROM engine_column WHERE object = ?1 ORDER BY number",
        )?;
        let columns = statement.query_map([id], column)?.collect::<rusqlite::Result<_>>()?;
        Ok(Table { id, schema, name, columns })
    }

    /// The rows of `sys.partitions`: every table is one, with as many rows as it has now.
    pub fn partitions(&self) -> Result<String> {
        let read = || {
            let tables = "SELECT o.id, s.name || '.' || o.name FROM engine_object AS o JOIN engine_schema AS s ON s.id = o.schema \
                          WHERE o.type = 'U'";
            let mut statement = self.connection.prepare_cached(tables)?;
            let counted = |id: i64, name: &str| format!(" UNION ALL SELECT {id}, 1, 1, (SELECT count(*) FROM {})", quoted(name));
            let rows = statement.query_map([], |row| Ok(counted(row.get(0)?, &row.get::<_, String>(1)?)))?;
            rows.collect::<rusqlite::Result<String>>()
        };
        let rows = read().map_err(|e| from_sqlite(&e))?;
        let none = "SELECT NULL, NULL, NULL, NULL WHERE 0";
        Ok(format!("(WITH v (object_id, index_id, partition_number, rows) AS ({none}{rows}) SELECT * FROM v)"))
    }

    /// The number of an object of a type.
    pub fn object(&self, schema: &str, name: &str, kind: &str) -> Result<Option<i64>> {
        let find = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT o.id FROM engine_schema AS s JOIN engine_object AS o ON o.schema = s.id \
                 WHERE s.name = ?1 AND o.name = ?2 AND o.type = ?3",
            )?;
            statement.query_row(params![schema, name, kind], |row| row.get(0)).optional()
        };
        find().map_err(|e| from_sqlite(&e))
    }
}

fn column(row: &Row<'_>) -> rusqlite::Result<Column> {
    let kind: String = row.get(2)?;
    Ok(Column {
        number: row.get(0)?,
        name: row.get(1)?,
        kind: Kind::spelled(&kind).unwrap_or(Kind::Null),
        collation: row.get::<_, Option<String>>(3)?.map(Arc::from),
        nullable: row.get(4)?,
        identity: row.get(5)?,
        default: row.get(6)?,
    })
}
