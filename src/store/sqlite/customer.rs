//! The customer's table as the catalogue describes it: what `init` has to know, and what it refuses.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::file::broken;
use super::table::Table;
use crate::model::document::ContentColumn;
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
    check_nulls(connection, table)?;
    id_type(connection, table)
}

/// What stands for no content depends on it, so it is not left to be found out by a refused write.
fn check_nulls(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    let (name, content) = (&table.raw_name, &table.raw_content);
    let not_null = column(connection, name, content)?.is_some_and(|content| content.not_null);
    match (table.column, not_null) {
        (ContentColumn::Nullable, true) => {
            Err(broken(format!("column {content:?} of table {name:?} is NOT NULL: say content_nullable = false")))
        }
        (ContentColumn::NotNull, false) => {
            Err(broken(format!("column {content:?} of table {name:?} takes NULL, and content_nullable = false says that it does not")))
        }
        (ContentColumn::Nullable, false) | (ContentColumn::NotNull, true) => Ok(()),
    }
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
    if table.id_kind == IdKind::Uuid {
        check_uuids(connection, table)?;
    }
    // An INTEGER PRIMARY KEY is the rowid, and has no index of its own.
    let collation = match unique_collation(connection, table)? {
        None if found.is_key && found.declared == "INTEGER" => "BINARY".to_owned(),
        None => {
            return Err(broken(format!(
                "column {id:?} of table {name:?} is not unique: make it the primary key, or give it a unique index (with the tenant column, where there is one)"
            )));
        }
        Some(collation) => collation,
    };
    match (table.id_kind, collation.as_str()) {
        (IdKind::Integer, _) => Ok("INTEGER".to_owned()),
        (IdKind::Text | IdKind::Uuid, "BINARY" | "NOCASE" | "RTRIM") => Ok(format!("TEXT COLLATE {collation}")),
        (IdKind::Text | IdKind::Uuid, _) => {
            Err(broken(format!("column {id:?} of table {name:?} has the collation {collation:?}, which only its application knows")))
        }
    }
}

/// Look-ups meet a UUID in lower and in upper case, and no other spelling; and no two rows may spell the same one.
fn check_uuids(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    let Table { name, id, raw_name, raw_id, .. } = table;
    let mine = table.mine("");
    let strange = format!(
        "SELECT CAST({id} AS TEXT) FROM {name} WHERE {id} IS NOT NULL{mine} AND (typeof({id}) <> 'text' OR length({id}) <> 36 \
         OR ({id} COLLATE BINARY <> lower({id}) AND {id} COLLATE BINARY <> upper({id}))) LIMIT 1"
    );
    if let Some(found) = first_text(connection, &strange)? {
        return Err(broken(format!(
            "column {raw_id:?} of table {raw_name:?} holds {found:?}: id_type = \"uuid\" takes texts of 36 characters, all in lower or all \
             in upper case; say \"text\" for others"
        )));
    }
    let twice = format!("SELECT lower({id}) FROM {name} WHERE {id} IS NOT NULL{mine} GROUP BY lower({id}) HAVING count(*) > 1 LIMIT 1");
    match first_text(connection, &twice)? {
        None => Ok(()),
        Some(found) => Err(broken(format!(
            "column {raw_id:?} of table {raw_name:?} holds {found:?} twice, in lower and in upper case: say id_type = \"text\""
        ))),
    }
}

/// The first value that a query answers, whatever it holds.
fn first_text(connection: &Connection, query: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row(query, [], |row| Ok(String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned())).optional()
}

/// The collation of the id in a unique index over exactly this column, or over it and the tenant column.
fn unique_collation(connection: &Connection, table: &Table) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT upper(x.coll) FROM pragma_index_list(?1) i JOIN pragma_index_xinfo(i.name) x \
             WHERE i.\"unique\" AND NOT i.partial AND x.key AND x.name = ?2 COLLATE NOCASE \
             AND NOT EXISTS (SELECT 1 FROM pragma_index_info(i.name) o \
                 WHERE o.name IS NULL OR (o.name IS NOT ?2 COLLATE NOCASE AND o.name IS NOT ?3 COLLATE NOCASE))",
            params![table.raw_name, table.raw_id, table.raw_tenant],
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
        IdKind::Text | IdKind::Uuid => !is_integer,
    }
}
