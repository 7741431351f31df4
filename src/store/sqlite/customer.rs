//! The customer's table as the catalogue describes it: what `init` has to know, and what it refuses.

use rusqlite::{Connection, OptionalExtension, Row};

use super::file::broken;
use super::table::Table;
use crate::model::id::IdKind;

/// One column, by the catalogue.
struct Column {
    declared: String,
    not_null: bool,
    is_key: bool,
}

fn read_column(row: &Row<'_>) -> rusqlite::Result<Column> {
    Ok(Column { declared: row.get::<_, String>(0)?.to_ascii_uppercase(), not_null: row.get(1)?, is_key: row.get(2)? })
}

/// The table must be there as the configuration says. Answers how our own tables declare the id: two spellings that meet in
/// the customer's column have to meet in ours.
pub(super) fn id_definition(connection: &Connection, table: &Table) -> rusqlite::Result<String> {
    let name = &table.raw_name;
    let without_rowid: Option<bool> = connection
        .query_row("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ?1", [name], |row| row.get(0))
        .optional()?;
    match without_rowid {
        None => return Err(broken(format!("the database has no table {name:?}; create it first, or correct `table`"))),
        Some(true) => return Err(broken(format!("table {name:?} is WITHOUT ROWID, and blob handles need a rowid"))),
        Some(false) => {}
    }
    for column in &table.raw_columns {
        if self::column(connection, name, column)?.is_none() {
            return Err(broken(format!("table {name:?} has no column {column:?}")));
        }
    }
    if column(connection, name, &table.raw_content)?.is_some_and(|content| content.not_null) {
        let content = &table.raw_content;
        return Err(broken(format!(
            "column {content:?} of table {name:?} is NOT NULL, which this version cannot serve: content has to be able to leave sql"
        )));
    }
    id_type(connection, table)
}

fn column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<Option<Column>> {
    connection
        .prepare_cached("SELECT type, \"notnull\", pk > 0 FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE")?
        .query_row([table, column], read_column)
        .optional()
}

fn id_type(connection: &Connection, table: &Table) -> rusqlite::Result<String> {
    let (name, id) = (&table.raw_name, &table.raw_id);
    let found = column(connection, name, id)?.ok_or_else(|| broken(format!("table {name:?} has no column {id:?}")))?;
    if !suits(table.id_kind, &found.declared) {
        let declared = &found.declared;
        return Err(broken(format!("column {id:?} of table {name:?} is declared as {declared:?}, which `id_type` contradicts")));
    }
    // An INTEGER PRIMARY KEY is the rowid, and has no index of its own.
    let collation = match unique_collation(connection, name, id)? {
        None if found.is_key && found.declared == "INTEGER" => "BINARY".to_owned(),
        None => {
            return Err(broken(format!(
                "column {id:?} of table {name:?} is not unique: make it the primary key, or give it a unique index"
            )));
        }
        Some(collation) => collation,
    };
    match (table.id_kind, collation.as_str()) {
        (IdKind::Integer, _) => Ok("INTEGER".to_owned()),
        (IdKind::Text, "BINARY" | "NOCASE" | "RTRIM") => Ok(format!("TEXT COLLATE {collation}")),
        (IdKind::Text, _) => {
            Err(broken(format!("column {id:?} of table {name:?} has the collation {collation:?}, which only its application knows")))
        }
    }
}

/// The collation of a unique index over exactly this column.
fn unique_collation(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT upper(x.coll) FROM pragma_index_list(?1) i JOIN pragma_index_xinfo(i.name) x \
             WHERE i.\"unique\" AND NOT i.partial AND x.key AND x.name = ?2 COLLATE NOCASE \
             AND (SELECT count(*) FROM pragma_index_info(i.name)) = 1",
            [table, column],
            |row| row.get(0),
        )
        .optional()
}

/// By SQLite's rules of affinity: a column that turns texts into numbers keeps no text id, and the other way about.
fn suits(kind: IdKind, declared: &str) -> bool {
    let is_integer = declared.contains("INT");
    let is_text = !is_integer && ["CHAR", "CLOB", "TEXT"].into_iter().any(|word| declared.contains(word));
    match kind {
        IdKind::Integer => !is_text,
        IdKind::Text => !is_integer,
    }
}
