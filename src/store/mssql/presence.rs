//! What of Sluss is in a database already, so that `init` can do with a login that may make nothing, `doctor` can tell what is missing, and a
//! removal leaves nothing behind.

use std::sync::Arc;

use super::batch::Batch;
use super::fault::Fault;
use super::schema::{self, fill};
use super::server::SqlServer;
use super::statements;
use super::table::Table;
use crate::model::id::TenantId;

/// Of the shared tables, the one that the DDL makes last.
const LAST_SHARED: &str = "sluss.backup_bad";

/// Columns that tables of older schema versions lack: the last that the DDL adds to each.
const ADDED_COLUMNS: [(&str, &str); 2] = [("sluss.version", "hidden_at"), ("sluss.staging", "kept")];

/// Every trigger that a collection may have; the first is on the customer's table, the others on ours.
pub(super) const TRIGGERS: [&str; 4] = ["{revision_trigger}", "{moved_trigger}", "{attribute_moved_trigger}", "{retired_trigger}"];

/// Tables and triggers of ours beside one of the customer's, quoted: those that the DDL makes.
fn beside(table: &Table) -> Vec<String> {
    let ddl = schema::beside(table).concat();
    let made = |what: &str, name: &str| ddl.contains(&format!("{what} {}", fill(table, name)));
    let tables = ["{location}", "{place}", "{attribute}", "{revisions}"].into_iter().filter(|name| made("CREATE TABLE", name));
    let triggers = TRIGGERS.into_iter().filter(|name| made("CREATE OR ALTER TRIGGER", name));
    tables.chain(triggers).map(|name| fill(table, name)).collect()
}

/// What is missing of all that the DDL makes.
pub(super) async fn missing(server: &Arc<SqlServer>, tables: &[Table]) -> Result<Vec<String>, Fault> {
    let mut missing = Vec::new();
    for name in std::iter::once(LAST_SHARED.to_owned()).chain(tables.iter().flat_map(beside)) {
        if !is_there(server, &name).await? {
            missing.push(name);
        }
    }
    for (table, column) in ADDED_COLUMNS {
        if is_there(server, table).await? && !has_column(server, table, column).await? {
            missing.push(format!("{table}.{column}"));
        }
    }
    Ok(missing)
}

pub(super) async fn is_there(server: &Arc<SqlServer>, name: &str) -> Result<bool, Fault> {
    let mut rows = server.run(&Batch::new(statements::DOCTOR_OBJECT).with("name", "nvarchar(600)", name)).await?;
    Ok(rows.pop().ok_or_else(super::tenant::silent)?.flag()?)
}

async fn has_column(server: &Arc<SqlServer>, table: &str, column: &str) -> Result<bool, Fault> {
    let batch = Batch::new(statements::DOCTOR_COLUMN).with("table", "nvarchar(600)", table).with("column", "nvarchar(128)", column);
    Ok(server.run(&batch).await?.pop().ok_or_else(super::tenant::silent)?.flag()?)
}

/// The version that the tenant's tables have; `None`: it has no state here.
pub(super) async fn schema_version(server: &Arc<SqlServer>, tenant: &TenantId) -> Result<Option<i64>, Fault> {
    if !is_there(server, "sluss.state").await? {
        return Ok(None);
    }
    let mut rows = server.run(&Batch::new(statements::DOCTOR_SCHEMA_VERSION).with("tenant", "varchar(63)", tenant.as_str())).await?;
    Ok(rows.pop().map(|mut row| row.integer()).transpose()?)
}

/// The names of the tables in our schema.
pub(super) async fn own_tables(server: &Arc<SqlServer>) -> Result<Vec<String>, Fault> {
    let rows = server.run(&Batch::new(statements::DOCTOR_OWN_OBJECTS)).await?;
    rows.into_iter().map(|mut row| Ok(row.text()?)).collect()
}
