//! In the control database: the name by which this installation owns placements, and what was seen of them.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::control::SqliteControl;
use super::file::{Outcome, broken};
use super::rows::read_timestamp;
use crate::model::id::TenantId;
use crate::store::error::StoreResult;
use crate::store::evidence::Evidence;

pub(super) const TABLES: &str = "
-- One row: the name of this installation, given once.
CREATE TABLE IF NOT EXISTS sluss_installation (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sluss_evidence (
    tenant TEXT NOT NULL, placement TEXT NOT NULL, place TEXT NOT NULL, at INTEGER NOT NULL, findings TEXT NOT NULL,
    PRIMARY KEY (tenant, placement)
) WITHOUT ROWID;
";

pub(super) async fn name(control: &SqliteControl) -> StoreResult<String> {
    let found = control
        .file
        .read("name", "this installation".to_owned(), |connection| {
            connection.query_row("SELECT name FROM sluss_installation", [], |row| row.get(0)).optional()
        })
        .await?;
    if let Some(name) = found {
        return Ok(name);
    }
    control
        .file
        .write("name", "this installation".to_owned(), |tx| {
            tx.execute("INSERT OR IGNORE INTO sluss_installation (one, name) VALUES (1, ?1)", [Uuid::new_v4().to_string()])?;
            let name = tx.query_row("SELECT name FROM sluss_installation", [], |row| row.get(0))?;
            Ok(Outcome::Commit(name))
        })
        .await
}

pub(super) async fn keep(control: &SqliteControl, evidence: &Evidence) -> StoreResult<()> {
    let evidence = evidence.clone();
    control
        .file
        .write("keep what was seen of", evidence.placement.clone(), move |tx| {
            let findings = serde_json::to_string(&evidence.findings).map_err(|error| broken(error.to_string()))?;
            tx.execute(
                "INSERT OR REPLACE INTO sluss_evidence (tenant, placement, place, at, findings) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![evidence.tenant, evidence.placement, evidence.place, evidence.at.as_millisecond(), findings],
            )?;
            Ok(Outcome::Commit(()))
        })
        .await
}

pub(super) async fn evidence(control: &SqliteControl, tenant: &TenantId, within: Duration) -> StoreResult<Vec<Evidence>> {
    let since = control.now().as_millisecond().saturating_sub(i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
    let tenant = tenant.clone();
    control
        .file
        .read("read what was seen of", tenant.to_string(), move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT tenant, placement, place, at, findings FROM sluss_evidence WHERE tenant = ?1 AND at >= ?2 ORDER BY placement",
            )?;
            let found = statement.query_map(params![tenant.as_str(), since], |row| {
                let findings: String = row.get(4)?;
                Ok(Evidence {
                    tenant: row.get(0)?,
                    placement: row.get(1)?,
                    place: row.get(2)?,
                    at: read_timestamp(row.get(3)?)?,
                    findings: serde_json::from_str(&findings).map_err(|error| broken(error.to_string()))?,
                })
            })?;
            found.collect()
        })
        .await
}
