//! Verifications: their runs, what one step of them found, and what they ask of the locations. Nothing here reads a document.

use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, params};

use super::differences::List;
use super::file::Outcome;
use super::jobs;
use super::rows;
use super::scan;
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::model::document::DocRow;
use crate::model::id::{CollectionName, ObjectRef, TenantId};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::stamp::Epoch;
use crate::model::verification::{Verified, VerifyFigures, VerifyRun, VerifyWish};
use crate::store::error::StoreResult;
use crate::store::sql::{Findings, Reached, VerifyProgress};

pub(super) async fn begin(tenant: &SqliteTenant, wish: VerifyWish) -> StoreResult<Option<u64>> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    let collections: Vec<CollectionName> = tenant.tables().iter().map(|table| table.collection.clone()).collect();
    tenant
        .file
        .write("begin a verification of", tenant.id.to_string(), move |tx| {
            if wish.background && is_under_way(tx, &id)? {
                return Ok(Outcome::Rollback(None));
            }
            let epoch = rows::state(tx, &id)?.epoch;
            let last = "SELECT coalesce(max(number), 0) FROM sluss_verification WHERE tenant = ?1";
            let number = 1 + tx.query_row(last, [id.as_str()], |row| row.get::<_, u64>(0))?;
            tx.execute("DELETE FROM sluss_verification WHERE tenant = ?1 AND ended_at IS NULL", [id.as_str()])?;
            for collection in &collections {
                tx.execute(
                    "INSERT INTO sluss_verification (tenant, collection, number, repair, background, started_at, epoch, revision, \
                     documents, bytes, verified, unlocated, moved, different, failed, objects) \
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, value, 0, 0, 0, 0, 0, 0, 0, 0 FROM sluss_counter",
                    params![id.as_str(), collection.as_str(), number, wish.repair, wish.background, now, epoch.0],
                )?;
                let target = JobTarget::Collection(id.clone(), collection.clone());
                let priority = if wish.background { Priority::Sweep } else { Priority::Write };
                jobs::restart(tx, &NewJob { kind: JobKind::Verify, target, priority }, now)?;
            }
            Ok(Outcome::Commit(Some(number)))
        })
        .await
}

fn is_under_way(tx: &Transaction<'_>, tenant: &TenantId) -> rusqlite::Result<bool> {
    tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM sluss_job WHERE tenant = ?1 AND kind = ?2 AND state <> 'quarantined')",
        [tenant.as_str(), JobKind::Verify.label()],
        |row| row.get(0),
    )
}

pub(super) async fn runs(tenant: &SqliteTenant) -> StoreResult<Vec<VerifyRun>> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("read the verifications of", tenant.id.to_string(), move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT collection, number, repair, background, started_at, ended_at, epoch, revision, place, \
                 documents, bytes, verified, unlocated, moved, different, failed, objects \
                 FROM sluss_verification WHERE tenant = ?1 ORDER BY collection, number",
            )?;
            statement.query_map([id.as_str()], read)?.collect()
        })
        .await
}

fn read(row: &Row<'_>) -> rusqlite::Result<VerifyRun> {
    Ok(VerifyRun {
        collection: row.get(0)?,
        number: row.get(1)?,
        repair: row.get(2)?,
        background: row.get(3)?,
        started_at: rows::read_timestamp(row.get(4)?)?,
        ended_at: row.get::<_, Option<i64>>(5)?.map(rows::read_timestamp).transpose()?,
        epoch: row.get(6)?,
        revision: row.get(7)?,
        place: row.get(8)?,
        figures: VerifyFigures {
            documents: row.get(9)?,
            bytes: row.get(10)?,
            verified: row.get(11)?,
            unlocated: row.get(12)?,
            moved: row.get(13)?,
            different: row.get(14)?,
            failed: row.get(15)?,
            objects: row.get(16)?,
        },
    })
}

pub(super) async fn note(tenant: &SqliteTenant, collection: &CollectionName, epoch: Epoch, findings: Findings) -> StoreResult<bool> {
    let (table, id, now) = (tenant.table(collection)?, tenant.id.clone(), tenant.now());
    tenant
        .file
        .write("note what was found in", format!("{}/{collection}", tenant.id), move |tx| {
            if rows::state(tx, &id)?.epoch != epoch {
                return Ok(Outcome::Rollback(false));
            }
            if let Some(progress) = &findings.progress
                && !go_on(tx, &id, &table, progress, now)?
            {
                return Ok(Outcome::Rollback(false));
            }
            let list = List { tx, tenant: &id, table: &table, now, run: latest(tx, &id, &table)? };
            for verified in &findings.verified {
                mark(tx, &table, verified, now)?;
                list.forget(verified)?;
            }
            for finding in &findings.found {
                list.note(finding)?;
            }
            if let Some(VerifyProgress { reached: Reached::End { with_objects }, .. }) = &findings.progress {
                list.forget_unseen(*with_objects)?;
            }
            Ok(Outcome::Commit(true))
        })
        .await
}

fn latest(tx: &Transaction<'_>, tenant: &TenantId, table: &Table) -> rusqlite::Result<u64> {
    tx.prepare_cached("SELECT coalesce(max(number), 0) FROM sluss_verification WHERE tenant = ?1 AND collection = ?2")?
        .query_row([tenant.as_str(), table.collection.as_str()], |row| row.get(0))
}

/// False where the run is not, or no longer, where this step began.
fn go_on(tx: &Transaction<'_>, tenant: &TenantId, table: &Table, progress: &VerifyProgress, now: i64) -> rusqlite::Result<bool> {
    let VerifyFigures { documents, bytes, verified, unlocated, moved, different, failed, objects } = progress.figures;
    let (place, ended_at) = match &progress.reached {
        Reached::Place(place) => (Some(place), None),
        Reached::End { .. } => (None, Some(now)),
    };
    let collection = table.collection.as_str();
    let moved_on = tx.execute(
        "UPDATE sluss_verification SET documents = ?5, bytes = ?6, verified = ?7, unlocated = ?8, moved = ?9, different = ?10, failed = ?11, \
         objects = ?12, place = ?13, ended_at = ?14 \
         WHERE tenant = ?1 AND collection = ?2 AND number = ?3 AND ended_at IS NULL AND place IS ?4",
        params![
            tenant.as_str(),
            collection,
            progress.run,
            progress.from,
            documents,
            bytes,
            verified,
            unlocated,
            moved,
            different,
            failed,
            objects,
            place,
            ended_at
        ],
    )?;
    if moved_on == 1 && ended_at.is_some() {
        tx.execute(
            "DELETE FROM sluss_verification WHERE tenant = ?1 AND collection = ?2 AND number < ?3",
            params![tenant.as_str(), collection, progress.run],
        )?;
    }
    Ok(moved_on == 1)
}

/// The location still names what was read, or nothing is marked.
fn mark(tx: &Transaction<'_>, table: &Table, verified: &Verified, now: i64) -> rusqlite::Result<()> {
    let statement = format!("UPDATE {} SET verified_at = ?4 WHERE id = ?1 AND object IS ?2 AND revision = ?3", table.location);
    let object = verified.object.as_ref().map(|object| object.id.to_string());
    tx.prepare_cached(&statement)?.execute(params![verified.id, object, verified.revision.0, now])?;
    Ok(())
}

pub(super) async fn unverified(tenant: &SqliteTenant, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
    let (table, id) = (tenant.table(collection)?, tenant.id.clone());
    tenant
        .file
        .read("look for what is not verified in", format!("{}/{collection}", tenant.id), move |connection| {
            let located = format!("SELECT id FROM {} WHERE verified_at IS NULL AND object IS NOT NULL LIMIT ?1", table.location);
            scan::look_up_all(connection, &id, &table, &located, limit)
        })
        .await
}

pub(super) async fn unnamed(tenant: &SqliteTenant, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
    let tables: Vec<Arc<Table>> = tenant.tables().to_vec();
    tenant
        .file
        .read("ask who names objects of", tenant.id.to_string(), move |connection| {
            let named = names_statement(&tables);
            let mut unnamed = Vec::new();
            for object in objects {
                if !is_named(connection, &named, &object)? {
                    unnamed.push(object);
                }
            }
            Ok(unnamed)
        })
        .await
}

/// One statement, and so one instant: a name moves from uploads to locations to versions.
pub(super) fn names_statement(tables: &[Arc<Table>]) -> String {
    let tables = tables.iter().map(|table| table.location.as_str()).chain(["sluss_upload", "sluss_version"]);
    let named: Vec<String> = tables.map(|table| format!("EXISTS (SELECT 1 FROM {table} WHERE object = ?1)")).collect();
    format!("SELECT {}", named.join(" OR "))
}

pub(super) fn is_named(connection: &Connection, statement: &str, object: &ObjectRef) -> rusqlite::Result<bool> {
    connection.prepare_cached(statement)?.query_row([object.id.to_string()], |row| row.get(0))
}
