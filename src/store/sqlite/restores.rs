//! Restores to an instant: what is known of one document's past, and the runs.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::file::{Outcome, broken};
use super::tenant::SqliteTenant;
use super::{history, jobs, rows};
use crate::model::content::ContentHash;
use crate::model::id::{CollectionName, DocKey};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::store::error::StoreResult;
use crate::store::history::{CANCELLED, RESTORES_LISTED};
use crate::store::sql::WalkEnd;

pub(super) async fn trace(tenant: &SqliteTenant, key: &DocKey, instant: Timestamp) -> StoreResult<Trace> {
    let table = tenant.table(&key.collection)?;
    let (id, key) = (tenant.id.clone(), key.clone());
    tenant
        .file
        .read("look up the past of", key.to_string(), move |connection| {
            let located = format!("SELECT begun_at FROM {} WHERE id = ?1", table.location);
            let located: Option<Option<i64>> =
                connection.prepare_cached(&located)?.query_row(params![key.id], |row| row.get(0)).optional()?;
            let document = key.id.to_string();
            let place = params![id.as_str(), key.collection.as_str(), document];
            let noted = connection
                .prepare_cached("SELECT at, sha256 FROM sluss_begun WHERE tenant = ?1 AND collection = ?2 AND document = ?3")?
                .query_row(place, |row| Ok((rows::read_timestamp(row.get(0)?)?, ContentHash(row.get(1)?))))
                .optional()?;
            let last_ended: Option<i64> = connection
                .prepare_cached("SELECT max(held_to) FROM sluss_version WHERE tenant = ?1 AND collection = ?2 AND document = ?3")?
                .query_row(place, |row| row.get(0))?;
            let marked: Option<i64> = connection
                .prepare_cached("SELECT at FROM sluss_marked WHERE tenant = ?1 AND collection = ?2 AND document = ?3")?
                .query_row(place, |row| row.get(0))
                .optional()?;
            Ok(Trace {
                marked: marked.map(rows::read_timestamp).transpose()?,
                located_begun: located.flatten().map(rows::read_timestamp).transpose()?,
                noted,
                version: history::oldest_after(connection, id.as_str(), &key, instant)?,
                last_ended: last_ended.map(rows::read_timestamp).transpose()?,
            })
        })
        .await
}

pub(super) async fn begin(tenant: &SqliteTenant, wish: &RestoreWish) -> StoreResult<Option<u64>> {
    let (id, now, wish) = (tenant.id.clone(), tenant.now(), wish.clone());
    let collections: Vec<CollectionName> = match &wish.only {
        Some((collection, _)) => vec![collection.clone()],
        None => tenant.tables().iter().map(|table| table.collection.clone()).collect(),
    };
    tenant
        .file
        .write("begin a restore of", tenant.id.to_string(), move |tx| {
            // One whose job an operator has given up, or nobody has any more, will not go on.
            tx.execute(
                "UPDATE sluss_restore SET ended_at = ?2, stopped = 'its job was given up' WHERE tenant = ?1 AND ended_at IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM sluss_job j WHERE j.tenant = ?1 AND j.kind = 'restore' AND j.collection = sluss_restore.collection \
                 AND j.state <> 'quarantined')",
                params![id.as_str(), now],
            )?;
            let (number, is_under_way): (u64, bool) = tx.query_row(
                "SELECT coalesce(max(number), 0) + 1, coalesce(max(ended_at IS NULL), 0) FROM sluss_restore WHERE tenant = ?1",
                [id.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if is_under_way {
                return Ok(Outcome::Rollback(None));
            }
            let document = wish.only.as_ref().map(|(_, document)| document.as_str());
            let into = wish.into.as_ref().map(|tenant| tenant.as_str());
            for collection in &collections {
                tx.execute(
                    "INSERT INTO sluss_restore (tenant, number, collection, instant, document, target, started_at, figures) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![
                        id.as_str(),
                        number,
                        collection.as_str(),
                        wish.instant.as_millisecond(),
                        document,
                        into,
                        now,
                        figures_text(&RestoreFigures::default())?,
                    ],
                )?;
                let target = JobTarget::Collection(id.clone(), collection.clone());
                jobs::restart(tx, &NewJob { kind: JobKind::Restore, target, priority: Priority::Housekeeping }, now)?;
            }
            Ok(Outcome::Commit(Some(number)))
        })
        .await
}

fn figures_text(figures: &RestoreFigures) -> rusqlite::Result<String> {
    serde_json::to_string(figures).map_err(|error| broken(format!("a restore's figures: {error}")))
}

pub(super) async fn note(
    tenant: &SqliteTenant,
    number: u64,
    collection: &CollectionName,
    figures: RestoreFigures,
    end: Option<WalkEnd>,
) -> StoreResult<bool> {
    let (id, name, now) = (tenant.id.clone(), collection.clone(), tenant.now());
    tenant
        .file
        .write("note the restore of", format!("{}/{collection}", tenant.id), move |tx| {
            let (ended, ended_at) = (end.is_some(), end.as_ref().map(|_| now));
            let goes_on: Option<bool> = tx
                .query_row(
                    "UPDATE sluss_restore SET figures = ?3, ended_at = ?4, stopped = CASE WHEN ?5 THEN ?6 ELSE stopped END \
                     WHERE tenant = ?1 AND collection = ?2 AND number = ?7 AND ended_at IS NULL RETURNING ended_at IS NULL AND stopped IS NULL",
                    params![id.as_str(), name.as_str(), figures_text(&figures)?, ended_at, ended, end.and_then(WalkEnd::stopped), number],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(Outcome::Commit(goes_on.unwrap_or(false)))
        })
        .await
}

pub(super) async fn cancel(tenant: &SqliteTenant, number: u64) -> StoreResult<bool> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    tenant
        .file
        .write("cancel a restore of", tenant.id.to_string(), move |tx| {
            let parts = tx.execute(
                "UPDATE sluss_restore SET stopped = ?3 WHERE tenant = ?1 AND number = ?2 AND ended_at IS NULL",
                params![id.as_str(), number, CANCELLED],
            )?;
            if parts == 0 {
                return Ok(Outcome::Rollback(false));
            }
            // What no agent is at ends here: nobody can claim a job that is gone.
            tx.execute(
                "DELETE FROM sluss_job WHERE tenant = ?1 AND kind = 'restore' AND (state <> 'leased' OR due_at < ?2)",
                params![id.as_str(), now],
            )?;
            tx.execute(
                "UPDATE sluss_restore SET ended_at = ?3 WHERE tenant = ?1 AND number = ?2 AND ended_at IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM sluss_job j WHERE j.tenant = ?1 AND j.kind = 'restore' AND j.collection = sluss_restore.collection)",
                params![id.as_str(), number, now],
            )?;
            Ok(Outcome::Commit(true))
        })
        .await
}

pub(super) async fn open(tenant: &SqliteTenant, collection: &CollectionName) -> StoreResult<Option<RestoreRun>> {
    let (id, name) = (tenant.id.clone(), collection.clone());
    tenant
        .file
        .read("look for a restore of", format!("{}/{collection}", tenant.id), move |connection| {
            let text = format!("SELECT {VIEW} FROM sluss_restore WHERE tenant = ?1 AND collection = ?2 AND ended_at IS NULL");
            connection.prepare_cached(&text)?.query_row(params![id.as_str(), name.as_str()], read).optional()
        })
        .await
}

pub(super) async fn runs(tenant: &SqliteTenant) -> StoreResult<Vec<RestoreRun>> {
    let id = tenant.id.clone();
    tenant.file.read("read the restores of", tenant.id.to_string(), move |connection| list(connection, id.as_str())).await
}

const VIEW: &str = "number, collection, instant, document, target, started_at, ended_at, figures, stopped";

fn list(connection: &Connection, tenant: &str) -> rusqlite::Result<Vec<RestoreRun>> {
    let text = format!("SELECT {VIEW} FROM sluss_restore WHERE tenant = ?1 ORDER BY number DESC, collection LIMIT ?2");
    let mut statement = connection.prepare_cached(&text)?;
    statement.query_map(params![tenant, RESTORES_LISTED as u64], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<RestoreRun> {
    let figures: String = row.get(7)?;
    Ok(RestoreRun {
        number: row.get(0)?,
        collection: row.get(1)?,
        instant: rows::read_timestamp(row.get(2)?)?,
        document: row.get(3)?,
        into: row.get(4)?,
        started_at: rows::read_timestamp(row.get(5)?)?,
        ended_at: row.get::<_, Option<i64>>(6)?.map(rows::read_timestamp).transpose()?,
        figures: serde_json::from_str(&figures).map_err(|error| broken(format!("a restore's figures: {error}")))?,
        stopped: row.get(8)?,
    })
}
