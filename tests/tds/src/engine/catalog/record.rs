//! The tables of the engine's own record, and how an object gets into it and out of it.

use rusqlite::{Connection, OptionalExtension, params};

use super::views::{TYPES, type_numbers};
use crate::engine::ast::ColumnText;
use crate::engine::kind::Kind;

/// Row versions begin where a new database of SQL Server has them.
const FIRST_VERSION: i64 = 2000;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS engine_schema (id INTEGER PRIMARY KEY, name TEXT COLLATE tds_ci UNIQUE);
INSERT OR IGNORE INTO engine_schema VALUES (1, 'dbo'), (4, 'sys');
CREATE TABLE IF NOT EXISTS engine_object (id INTEGER PRIMARY KEY AUTOINCREMENT, schema INTEGER, name TEXT COLLATE tds_ci, type TEXT,
    parent INTEGER, definition TEXT, disabled INTEGER NOT NULL DEFAULT 0, UNIQUE (schema, name));
CREATE INDEX IF NOT EXISTS engine_object_parent ON engine_object (parent);
CREATE TABLE IF NOT EXISTS engine_column (object INTEGER, number INTEGER, name TEXT COLLATE tds_ci, kind TEXT, system_type INTEGER,
    user_type INTEGER, max_length INTEGER, precision INTEGER, scale INTEGER, nullable INTEGER, identity INTEGER, collation TEXT, row_guid INTEGER,
    default_object INTEGER, default_text TEXT, PRIMARY KEY (object, number), UNIQUE (object, name));
CREATE TABLE IF NOT EXISTS engine_index (object INTEGER, number INTEGER, name TEXT COLLATE tds_ci, is_unique INTEGER,
    primary_key INTEGER, unique_constraint INTEGER, clustered INTEGER, filter TEXT, PRIMARY KEY (object, number), UNIQUE (object, name));
CREATE TABLE IF NOT EXISTS engine_index_column (object INTEGER, number INTEGER, ordinal INTEGER, column_number INTEGER,
    descending INTEGER, included INTEGER, PRIMARY KEY (object, number, ordinal));
CREATE TABLE IF NOT EXISTS engine_foreign_key (id INTEGER PRIMARY KEY, referenced INTEGER, on_delete TEXT, on_update TEXT);
CREATE TABLE IF NOT EXISTS engine_foreign_key_column (id INTEGER, ordinal INTEGER, parent_column INTEGER, referenced_column INTEGER,
    PRIMARY KEY (id, ordinal));
CREATE TABLE IF NOT EXISTS engine_trigger_event (trigger INTEGER, action TEXT, PRIMARY KEY (trigger, action));
CREATE TABLE IF NOT EXISTS engine_identity (object INTEGER PRIMARY KEY, next INTEGER, step INTEGER);
CREATE TABLE IF NOT EXISTS engine_counter (value INTEGER);
CREATE TABLE IF NOT EXISTS engine_type (name TEXT, system_type INTEGER, user_type INTEGER PRIMARY KEY);
";

pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES}"))?;
    connection.execute("INSERT INTO engine_counter SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM engine_counter)", [FIRST_VERSION])?;
    for spelled in TYPES {
        connection.execute("INSERT OR IGNORE INTO engine_type VALUES (?1, ?2, ?3)", type_numbers(spelled))?;
    }
    connection.execute_batch("COMMIT")
}

pub fn schema_id(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT id FROM engine_schema WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// A new object's number.
pub fn object(c: &Connection, schema: i64, name: &str, kind: &str, parent: i64, definition: Option<&str>) -> rusqlite::Result<i64> {
    c.execute(
        "INSERT INTO engine_object (schema, name, type, parent, definition) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![schema, name, kind, parent, definition],
    )?;
    Ok(c.last_insert_rowid())
}

pub fn column(c: &Connection, object: i64, column: &super::Column, text: &ColumnText, default: i64) -> rusqlite::Result<()> {
    let (precision, scale) = match column.kind {
        Kind::Decimal(digits) => (digits, 0),
        Kind::DateTime2(digits) => (0, digits),
        _ => (0, 0),
    };
    let number = column.kind.system().1;
    c.execute(
        "INSERT INTO engine_column VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            object,
            column.number,
            column.name,
            column.kind.to_string(),
            number,
            column.kind.max_length(),
            precision,
            scale,
            column.nullable,
            column.identity,
            column.collation.as_deref(),
            text.row_guid,
            default,
            column.default,
        ],
    )?;
    if let Some((first, step)) = text.identity {
        c.execute("INSERT INTO engine_identity VALUES (?1, ?2, ?3)", params![object, first, step])?;
    }
    Ok(())
}

/// What an index is, beside its columns.
pub struct IndexRecord<'a> {
    pub name: &'a str,
    pub unique: bool,
    pub primary: bool,
    pub constraint: bool,
    pub clustered: bool,
    pub filter: Option<&'a str>,
}

/// `columns`: their numbers, whether they are descending, whether they are only included.
pub fn index(c: &Connection, object: i64, index: &IndexRecord<'_>, columns: &[(i64, bool, bool)]) -> rusqlite::Result<()> {
    let number: i64 = c.query_row("SELECT coalesce(max(number), 0) + 1 FROM engine_index WHERE object = ?1", [object], |row| row.get(0))?;
    c.execute(
        "INSERT INTO engine_index VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![object, number, index.name, index.unique, index.primary, index.constraint, index.clustered, index.filter],
    )?;
    for ((column, descending, included), ordinal) in columns.iter().zip(1..) {
        c.execute(
            "INSERT INTO engine_index_column VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![object, number, ordinal, column, descending, included],
        )?;
    }
    Ok(())
}

pub fn drop_index(c: &Connection, object: i64, name: &str) -> rusqlite::Result<usize> {
    c.execute(
        "DELETE FROM engine_index_column WHERE object = ?1 AND number = (SELECT number FROM engine_index WHERE object = ?1 AND name = ?2)",
        params![object, name],
    )?;
    c.execute("DELETE FROM engine_index WHERE object = ?1 AND name = ?2", params![object, name])
}

/// Everything about a table or a trigger, and what belongs to it.
pub fn forget(c: &Connection, object: i64) -> rusqlite::Result<()> {
    for statement in [
        "DELETE FROM engine_trigger_event WHERE trigger = ?1 OR trigger IN (SELECT id FROM engine_object WHERE parent = ?1)",
        "DELETE FROM engine_foreign_key WHERE id IN (SELECT id FROM engine_object WHERE parent = ?1)",
        "DELETE FROM engine_foreign_key_column WHERE id IN (SELECT id FROM engine_object WHERE parent = ?1)",
        "DELETE FROM engine_index_column WHERE object = ?1",
        "DELETE FROM engine_index WHERE object = ?1",
        "DELETE FROM engine_identity WHERE object = ?1",
        "DELETE FROM engine_column WHERE object = ?1",
        "DELETE FROM engine_object WHERE id = ?1 OR parent = ?1",
    ] {
        c.execute(statement, [object])?;
    }
    Ok(())
}
