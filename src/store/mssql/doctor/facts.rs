//! What the server and the catalogue say, gathered once. What this login may not see is `None`, and never a failure.

use std::sync::Arc;

use crate::config::CollectionConfig;
use crate::store::mssql::batch::{Batch, Row};
use crate::store::mssql::fault::{Fault, seen};
use crate::store::mssql::grants::{Grant, On};
use crate::store::mssql::printed::rows_of;
use crate::store::mssql::server::SqlServer;
use crate::store::mssql::statements;
use crate::store::mssql::table::document_of;

#[derive(Debug, Clone)]
pub(super) struct ServerFacts {
    pub(super) version: String,
    pub(super) edition: String,
    /// As SERVERPROPERTY('EngineEdition') has it.
    pub(super) engine: i64,
}

#[derive(Debug, Clone)]
pub(super) struct DatabaseFacts {
    pub(super) read_committed_snapshot: bool,
    pub(super) compatibility_level: i64,
    pub(super) recovery_model: String,
    pub(super) read_only: bool,
}

/// What concerns one of the customer's tables.
#[derive(Debug, Clone, Default)]
pub(super) struct TableFacts {
    pub(super) rows: Option<u64>,
    pub(super) traits: Option<Traits>,
    pub(super) columns: Option<Vec<ColumnFacts>>,
    pub(super) foreign_keys: Option<Vec<ForeignKey>>,
    pub(super) triggers: Option<Vec<Trigger>>,
    pub(super) full_text: Option<bool>,
    /// Whether an index begins with the revision; also `None` where the configuration names none.
    pub(super) revision_indexed: Option<bool>,
    /// In bytes; -1: none.
    pub(super) replication_limit: Option<i64>,
    /// 0: what a trigger writes fires no other trigger.
    pub(super) nested_triggers: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Traits {
    /// `None`: whoever owns the schema's owner; 1: dbo.
    pub(super) schema_owner: Option<i64>,
    pub(super) replicated: bool,
    pub(super) change_data_capture: bool,
    pub(super) temporal: bool,
    pub(super) memory_optimized: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ColumnFacts {
    pub(super) name: String,
    /// A row needs a value in it that nobody else gives.
    pub(super) is_needed: bool,
    pub(super) is_rowversion: bool,
}

#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    /// The table's own, which leads to another; else it leads here.
    pub(super) is_its_own: bool,
    pub(super) other_schema: String,
    pub(super) other_table: String,
    pub(super) on_delete: String,
}

#[derive(Debug, Clone)]
pub(super) struct Trigger {
    pub(super) name: String,
    pub(super) is_instead_of: bool,
    pub(super) is_disabled: bool,
}

/// Every row of a statement, in its own form. `None`: the server does not tell.
async fn all<T>(server: &Arc<SqlServer>, batch: &Batch<'_>, read: impl Fn(&mut Row) -> Result<T, Fault>) -> Result<Option<Vec<T>>, Fault> {
    let Some(rows) = seen(server.run(batch).await)? else { return Ok(None) };
    rows.into_iter().map(|mut row| read(&mut row)).collect::<Result<_, _>>().map(Some)
}

async fn first<T>(server: &Arc<SqlServer>, batch: &Batch<'_>, read: impl Fn(&mut Row) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    Ok(all(server, batch, read).await?.and_then(|mut rows| rows.pop()))
}

pub(super) async fn server_facts(server: &Arc<SqlServer>) -> Result<Option<ServerFacts>, Fault> {
    let read = |row: &mut Row| Ok(ServerFacts { version: row.text()?, edition: row.text()?, engine: row.integer()? });
    first(server, &Batch::new(statements::DOCTOR_SERVER), read).await
}

pub(super) async fn database_facts(server: &Arc<SqlServer>) -> Result<Option<DatabaseFacts>, Fault> {
    let read = |row: &mut Row| {
        Ok(DatabaseFacts {
            read_committed_snapshot: row.flag()?,
            compatibility_level: row.integer()?,
            recovery_model: row.text()?,
            read_only: row.flag()?,
        })
    };
    first(server, &Batch::new(statements::DOCTOR_DATABASE), read).await
}

pub(super) async fn table_facts(server: &Arc<SqlServer>, config: &CollectionConfig) -> Result<TableFacts, Fault> {
    let document = document_of(config);
    let about = |text: &'static str| Batch::new(text).with("table", "nvarchar(600)", document.as_str());
    let about_column = |text: &'static str, column: &str| about(text).with("column", "nvarchar(128)", column);
    let count = |row: &mut Row| Ok(row.count()? > 0);
    let revision_indexed = match &config.revision_column {
        Some(column) => first(server, &about_column(statements::DOCTOR_REVISION_INDEX, column), count).await?,
        None => None,
    };
    Ok(TableFacts {
        rows: rows_of(server, &document).await?,
        traits: first(server, &about(statements::DOCTOR_TABLE), traits).await?,
        columns: all(server, &about(statements::DOCTOR_COLUMNS), column).await?,
        foreign_keys: all(server, &about(statements::DOCTOR_FOREIGN_KEYS), foreign_key).await?,
        triggers: all(server, &about(statements::DOCTOR_TRIGGERS), trigger).await?,
        full_text: first(server, &about_column(statements::DOCTOR_FULL_TEXT, &config.content_column), count).await?,
        revision_indexed,
        replication_limit: option(server, "max text repl size (B)").await?,
        nested_triggers: option(server, "nested triggers").await?,
    })
}

/// One of the server's options, as it is in use.
async fn option(server: &Arc<SqlServer>, name: &str) -> Result<Option<i64>, Fault> {
    let batch = Batch::new(statements::DOCTOR_OPTION).with("option", "nvarchar(35)", name);
    first(server, &batch, |row| Ok(row.integer()?)).await
}

fn traits(row: &mut Row) -> Result<Traits, Fault> {
    Ok(Traits {
        schema_owner: row.integer_or_null()?,
        replicated: row.flag()?,
        change_data_capture: row.flag()?,
        temporal: row.flag()?,
        memory_optimized: row.flag()?,
    })
}

fn column(row: &mut Row) -> Result<ColumnFacts, Fault> {
    Ok(ColumnFacts { name: row.text()?, is_needed: row.flag()?, is_rowversion: row.flag()? })
}

/// The other table may be one that this login does not see: then it has no name.
fn foreign_key(row: &mut Row) -> Result<ForeignKey, Fault> {
    let unseen = || "?".to_owned();
    Ok(ForeignKey {
        name: row.text()?,
        is_its_own: row.flag()?,
        other_schema: row.text_or_null()?.unwrap_or_else(unseen),
        other_table: row.text_or_null()?.unwrap_or_else(unseen),
        on_delete: row.text()?,
    })
}

fn trigger(row: &mut Row) -> Result<Trigger, Fault> {
    Ok(Trigger { name: row.text()?, is_instead_of: row.flag()?, is_disabled: row.flag()? })
}

/// Whether this login has it, each right by itself. `None`: the server does not tell.
pub(super) async fn has(server: &Arc<SqlServer>, grant: &Grant) -> Result<Option<bool>, Fault> {
    let mut all = Some(true);
    for permission in grant.permission.split(", ") {
        let plain = |securable: &str, class: &str| {
            Batch::new(statements::DOCTOR_GRANT).with("securable", "nvarchar(600)", securable).with("class", "nvarchar(60)", class)
        };
        let batches = match &grant.on {
            On::Sluss => vec![plain("sluss", "SCHEMA")],
            On::Table(table) => vec![plain(table, "OBJECT")],
            On::Columns(table, columns) => columns.iter().map(|column| of_column(table, column)).collect(),
        };
        for batch in batches {
            let batch = batch.with("permission", "nvarchar(128)", permission);
            let has = first(server, &batch, |row| Ok(row.integer_or_null()?)).await?.flatten();
            all = match (all, has) {
                (_, Some(0)) => return Ok(Some(false)),
                (Some(all), Some(_)) => Some(all),
                (None, _) | (_, None) => None,
            };
        }
    }
    Ok(all)
}

/// The column's name as it is: brackets would be taken for a part of it.
fn of_column(table: &str, column: &str) -> Batch<'static> {
    Batch::new(statements::DOCTOR_COLUMN_GRANT).with("securable", "nvarchar(600)", table).with("column", "nvarchar(128)", column)
}
