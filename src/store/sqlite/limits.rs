//! Operators' limits in the control database: one row for each scope for which something was set. It never judges them.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::file::broken;
use crate::model::limits::{Limit, LimitScope, LimitTable, LimitsChange, WorkLimits};

const FIGURES: &str = "documents_per_second, bytes_per_second, concurrency, paused";

/// How the table names a scope: no tenant's name is empty.
fn name(scope: &LimitScope) -> &str {
    scope.tenant().map_or("", |tenant| tenant.as_str())
}

pub(super) fn table(connection: &Connection) -> rusqlite::Result<LimitTable> {
    let mut statement = connection.prepare_cached(&format!("SELECT {FIGURES}, tenant FROM sluss_limit"))?;
    let mut found = statement.query([])?;
    let mut table = LimitTable::default();
    while let Some(row) = found.next()? {
        let (limits, tenant): (WorkLimits, String) = (read(row)?, row.get(4)?);
        if tenant.is_empty() {
            table.all = limits;
        } else {
            table.tenants.insert(tenant.parse().map_err(|error| broken(format!("sluss_limit: {error}")))?, limits);
        }
    }
    Ok(table)
}

/// Answers what held before and what holds now.
pub(super) fn change(tx: &Transaction<'_>, scope: &LimitScope, change: LimitsChange) -> rusqlite::Result<(WorkLimits, WorkLimits)> {
    let before =
        tx.query_row(&format!("SELECT {FIGURES} FROM sluss_limit WHERE tenant = ?1"), [name(scope)], read).optional()?.unwrap_or_default();
    let after = change.apply(before);
    let figure = |limit: Option<Limit>| limit.map(Limit::get);
    tx.execute(
        &format!("INSERT OR REPLACE INTO sluss_limit ({FIGURES}, tenant) VALUES (?1, ?2, ?3, ?4, ?5)"),
        params![figure(after.documents_per_second), figure(after.bytes_per_second), figure(after.concurrency), after.paused, name(scope)],
    )?;
    Ok((before, after))
}

fn read(row: &Row<'_>) -> rusqlite::Result<WorkLimits> {
    let figure = |at| -> rusqlite::Result<Option<Limit>> {
        let figure: Option<u64> = row.get(at)?;
        figure.map(Limit::try_from).transpose().map_err(|error| broken(format!("sluss_limit: {error}")))
    };
    Ok(WorkLimits { documents_per_second: figure(0)?, bytes_per_second: figure(1)?, concurrency: figure(2)?, paused: row.get(3)? })
}
