//! Backups: their runs, what changed since an instant, and copies that are not what they should be.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::file::{Outcome, broken};
use super::tenant::SqliteTenant;
use super::{history, jobs, rows};
use crate::model::backup::{BackupFigures, BackupRun, BackupState, BadCopy, Manifest};
use crate::model::history::Version;
use crate::model::id::{CollectionName, ObjectId, TenantId};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::store::backups::{BackupEnd, BackupStore, Ended, Located};
use crate::store::error::StoreResult;

/// The order that `read` relies on.
const COLUMNS: &str =
    "number, state, instant, ended_at, documents, bytes, only_in_sql, left_out, objects_copied, bytes_copied, reason, manifest";

/// A condition on a version `v`: it held at the instant of a manifest that is kept, or is being made, or a restore that is under way may ask for
/// it; so that it may not go.
pub(super) const HELD_BACK: &str = "(EXISTS (SELECT 1 FROM sluss_backup_run b WHERE b.tenant = v.tenant AND b.state IN ('kept', 'running') \
                                    AND b.instant >= v.held_from AND b.instant < v.held_to) \
                                    OR EXISTS (SELECT 1 FROM sluss_restore r WHERE r.tenant = v.tenant AND r.ended_at IS NULL \
                                    AND r.instant < v.held_to))";

fn read(row: &Row<'_>) -> rusqlite::Result<BackupRun> {
    let state: String = row.get(1)?;
    let manifest: Option<String> = row.get(11)?;
    Ok(BackupRun {
        number: row.get(0)?,
        state: state.parse().map_err(|error| broken(format!("sluss_backup_run: {error}")))?,
        instant: rows::read_timestamp(row.get(2)?)?,
        ended_at: row.get::<_, Option<i64>>(3)?.map(rows::read_timestamp).transpose()?,
        figures: BackupFigures {
            documents: row.get(4)?,
            bytes: row.get(5)?,
            only_in_sql: row.get(6)?,
            left_out: row.get(7)?,
            objects_copied: row.get(8)?,
            bytes_copied: row.get(9)?,
        },
        reason: row.get(10)?,
        manifest: manifest.map(|text| parsed(&text, "a manifest")).transpose()?,
    })
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| broken(format!("{what} as it was noted: {error}")))
}

fn spelled(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it is made of text and numbers")
}

fn run(tx: &Transaction<'_>, tenant: &TenantId, number: u64) -> rusqlite::Result<BackupRun> {
    let statement = format!("SELECT {COLUMNS} FROM sluss_backup_run WHERE tenant = ?1 AND number = ?2");
    tx.query_row(&statement, params![tenant.as_str(), number], read)
}

/// Answers whether a run goes on, or its job removes what left the backup: the next one must not take such an object for there. A run whose job
/// is gone, or was given up, does not go on.
fn goes_on(tx: &Transaction<'_>, tenant: &TenantId, now: i64) -> rusqlite::Result<bool> {
    let has_job = "SELECT EXISTS (SELECT 1 FROM sluss_job WHERE tenant = ?1 AND kind = 'backup' AND state <> 'quarantined')";
    if tx.query_row(has_job, [tenant.as_str()], |row| row.get(0))? {
        return Ok(true);
    }
    let given_up = "UPDATE sluss_backup_run SET state = 'failed', ended_at = ?2, reason = coalesce(reason, 'its job was given up') \
                    WHERE tenant = ?1 AND state = 'running'";
    tx.execute(given_up, params![tenant.as_str(), now])?;
    Ok(false)
}

#[async_trait]
impl BackupStore for SqliteTenant {
    async fn begin_backup(&self) -> StoreResult<Option<BackupRun>> {
        let (id, now) = (self.id.clone(), self.now());
        self.file
            .write("begin a backup of", self.id.to_string(), move |tx| {
                if goes_on(tx, &id, now)? {
                    return Ok(Outcome::Rollback(None));
                }
                let number: u64 =
                    tx.query_row("SELECT coalesce(max(number), 0) + 1 FROM sluss_backup_run WHERE tenant = ?1", [id.as_str()], |row| row.get(0))?;
                tx.execute(
                    "INSERT INTO sluss_backup_run (tenant, number, state, instant, documents, bytes, only_in_sql, left_out, objects_copied, \
                     bytes_copied) VALUES (?1, ?2, 'running', ?3, 0, 0, 0, 0, 0, 0)",
                    params![id.as_str(), number, now],
                )?;
                let job = NewJob { kind: JobKind::Backup, target: JobTarget::Tenant(id.clone()), priority: Priority::Housekeeping };
                jobs::restart(tx, &job, now)?;
                Ok(Outcome::Commit(Some(run(tx, &id, number)?)))
            })
            .await
    }

    async fn backups(&self, before: Option<u64>, limit: usize) -> StoreResult<Vec<BackupRun>> {
        let id = self.id.clone();
        self.file
            .read("list the backups of", self.id.to_string(), move |connection| {
                let statement =
                    format!("SELECT {COLUMNS} FROM sluss_backup_run WHERE tenant = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3");
                let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
                connection.prepare_cached(&statement)?.query_map(params![id.as_str(), before, limit as u64], read)?.collect()
            })
            .await
    }

    async fn backups_in(&self, state: BackupState) -> StoreResult<Vec<BackupRun>> {
        let id = self.id.clone();
        self.file
            .read("list the backups of", self.id.to_string(), move |connection| {
                let statement = format!("SELECT {COLUMNS} FROM sluss_backup_run WHERE tenant = ?1 AND state = ?2 ORDER BY number");
                connection.prepare_cached(&statement)?.query_map([id.as_str(), state.label()], read)?.collect()
            })
            .await
    }

    async fn note_backup(&self, number: u64, figures: BackupFigures) -> StoreResult<()> {
        let id = self.id.clone();
        self.file
            .write("note a backup of", self.id.to_string(), move |tx| {
                note(tx, &id, number, figures)?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn end_backup(&self, number: u64, figures: BackupFigures, end: BackupEnd) -> StoreResult<()> {
        let (id, now) = (self.id.clone(), self.now());
        self.file
            .write("end a backup of", self.id.to_string(), move |tx| {
                let (state, reason, manifest) = match &end {
                    BackupEnd::Kept(manifest) => (BackupState::Kept, None, Some(spelled(manifest))),
                    BackupEnd::Failed(reason) => (BackupState::Failed, Some(reason.as_str()), None),
                };
                note(tx, &id, number, figures)?;
                tx.execute(
                    "UPDATE sluss_backup_run SET state = ?3, ended_at = ?4, reason = ?5, manifest = ?6 \
                     WHERE tenant = ?1 AND number = ?2 AND state = 'running'",
                    params![id.as_str(), number, state.label(), now, reason, manifest],
                )?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn set_backup(&self, number: u64, state: BackupState, reason: Option<&str>) -> StoreResult<()> {
        let (id, reason) = (self.id.clone(), reason.map(str::to_owned));
        self.file
            .write("note what became of a backup of", self.id.to_string(), move |tx| {
                let statement = "UPDATE sluss_backup_run SET state = ?3, reason = coalesce(?4, reason) WHERE tenant = ?1 AND number = ?2";
                tx.execute(statement, params![id.as_str(), number, state.label(), reason])?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn adopt_backups(&self, manifests: Vec<Manifest>) -> StoreResult<()> {
        let id = self.id.clone();
        self.file
            .write("take in manifests of", self.id.to_string(), move |tx| {
                let highest = manifests.iter().map(|manifest| manifest.number).max().unwrap_or_default();
                tx.execute(
                    "UPDATE sluss_backup_run SET number = (SELECT max(max(number), ?2) + 1 FROM sluss_backup_run WHERE tenant = ?1) \
                     WHERE tenant = ?1 AND state = 'running' AND number <= ?2",
                    params![id.as_str(), highest],
                )?;
                for manifest in &manifests {
                    let Manifest { number, instant, documents, bytes, .. } = manifest;
                    tx.execute(
                        "INSERT INTO sluss_backup_run (tenant, number, state, instant, ended_at, documents, bytes, only_in_sql, left_out, \
                         objects_copied, bytes_copied, manifest) VALUES (?1, ?2, 'kept', ?3, ?3, ?4, ?5, 0, 0, 0, 0, ?6) \
                         ON CONFLICT (tenant, number) DO UPDATE SET state = excluded.state, instant = excluded.instant, \
                         ended_at = excluded.ended_at, documents = excluded.documents, bytes = excluded.bytes, manifest = excluded.manifest",
                        params![id.as_str(), number, instant.as_millisecond(), documents, bytes, spelled(manifest)],
                    )?;
                }
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn note_bad_copies(&self, bad: Vec<BadCopy>) -> StoreResult<()> {
        let id = self.id.clone();
        self.file
            .write("note bad copies of", self.id.to_string(), move |tx| {
                for BadCopy { held, what, found_at } in &bad {
                    tx.execute(
                        "INSERT OR REPLACE INTO sluss_backup_bad (tenant, object, held, what, found_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![id.as_str(), held.object.to_string(), spelled(held), what, found_at.as_millisecond()],
                    )?;
                }
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn bad_copies(&self, limit: usize) -> StoreResult<Vec<BadCopy>> {
        let id = self.id.clone();
        self.file
            .read("list bad copies of", self.id.to_string(), move |connection| {
                let statement = "SELECT held, what, found_at FROM sluss_backup_bad WHERE tenant = ?1 ORDER BY object LIMIT ?2";
                let mut statement = connection.prepare_cached(statement)?;
                let found = statement.query_map(params![id.as_str(), limit as u64], |row| {
                    let held = parsed(&row.get::<_, String>(0)?, "a bad copy")?;
                    Ok(BadCopy { held, what: row.get(1)?, found_at: rows::read_timestamp(row.get(2)?)? })
                })?;
                found.collect()
            })
            .await
    }

    async fn forget_bad_copy(&self, object: ObjectId) -> StoreResult<()> {
        let id = self.id.clone();
        self.file
            .write("forget a bad copy of", self.id.to_string(), move |tx| {
                tx.execute("DELETE FROM sluss_backup_bad WHERE tenant = ?1 AND object = ?2", [id.as_str(), object.to_string().as_str()])?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn located_since(
        &self,
        collection: &CollectionName,
        since: Timestamp,
        after: Option<&Located>,
        limit: usize,
    ) -> StoreResult<Vec<Located>> {
        let (table, after) = (self.table(collection)?, after.cloned());
        self.file
            .read("walk what was located in", format!("{}/{collection}", self.id), move |connection| {
                let behind = if after.is_some() { "(held_from, id) > (?1, ?3)" } else { "held_from >= ?1 AND ?3 IS NULL" };
                let statement = format!("SELECT held_from, id FROM {} WHERE {behind} ORDER BY held_from, id LIMIT ?2", table.location);
                let from = after.as_ref().map_or(since, |after| after.at).as_millisecond();
                let mut statement = connection.prepare_cached(&statement)?;
                let mut found = statement.query(params![from, limit as u64, after.map(|after| after.id)])?;
                let mut located = Vec::new();
                while let Some(row) = found.next()? {
                    let id = rows::read_id(row.get_ref(1)?, table.id_kind)?.ok_or_else(|| broken("a location without an id"))?;
                    located.push(Located { at: rows::read_timestamp(row.get(0)?)?, id });
                }
                Ok(located)
            })
            .await
    }

    async fn ended_since(&self, since: Timestamp, after: Option<Ended>, limit: usize) -> StoreResult<Vec<Version>> {
        let id = self.id.clone();
        self.file
            .read("walk what ended in", self.id.to_string(), move |connection| {
                let statement = format!(
                    "SELECT {} FROM sluss_version WHERE tenant = ?1 AND (held_to, number) > (?2, ?3) ORDER BY held_to, number LIMIT ?4",
                    history::COLUMNS
                );
                let (at, number) = match after {
                    Some(Ended { at, number }) => (at, i64::try_from(number.0).unwrap_or(i64::MAX)),
                    // Numbers begin above it.
                    None => (since, -1),
                };
                let asked = params![id.as_str(), at.as_millisecond(), number, limit as u64];
                connection.prepare_cached(&statement)?.query_map(asked, history::read_version)?.collect()
            })
            .await
    }
}

fn note(tx: &Transaction<'_>, tenant: &TenantId, number: u64, figures: BackupFigures) -> rusqlite::Result<()> {
    let BackupFigures { documents, bytes, only_in_sql, left_out, objects_copied, bytes_copied } = figures;
    tx.execute(
        "UPDATE sluss_backup_run SET documents = ?3, bytes = ?4, only_in_sql = ?5, left_out = ?6, objects_copied = ?7, bytes_copied = ?8 \
         WHERE tenant = ?1 AND number = ?2 AND state = 'running'",
        params![tenant.as_str(), number, documents, bytes, only_in_sql, left_out, objects_copied, bytes_copied],
    )?;
    Ok(())
}
