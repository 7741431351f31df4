//! The runs of purges: what each collection's last one did, or would have done.

use rusqlite::{Row, params};

use super::file::Outcome;
use super::jobs;
use super::rows;
use super::tenant::SqliteTenant;
use crate::model::id::CollectionName;
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::store::error::StoreResult;
use crate::store::sql::WalkEnd;

pub(super) async fn begin(tenant: &SqliteTenant, dry_run: bool) -> StoreResult<()> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    let collections: Vec<CollectionName> = tenant.tables().iter().map(|table| table.collection.clone()).collect();
    tenant
        .file
        .write("begin a purge of", tenant.id.to_string(), move |tx| {
            for collection in &collections {
                tx.execute(
                    "INSERT OR REPLACE INTO sluss_purge \
                     (tenant, collection, dry_run, started_at, documents, bytes, unverified, too_young, moved) \
                     VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 0)",
                    params![id.as_str(), collection.as_str(), dry_run, now],
                )?;
                let target = JobTarget::Collection(id.clone(), collection.clone());
                jobs::restart(tx, &NewJob { kind: JobKind::Purge, target, priority: Priority::Housekeeping }, now)?;
            }
            Ok(Outcome::Commit(()))
        })
        .await
}

pub(super) async fn note(
    tenant: &SqliteTenant,
    collection: &CollectionName,
    figures: PurgeFigures,
    end: Option<WalkEnd>,
) -> StoreResult<()> {
    let (id, name, now) = (tenant.id.clone(), collection.clone(), tenant.now());
    tenant
        .file
        .write("note the purge of", format!("{}/{collection}", tenant.id), move |tx| {
            let ended_at = end.as_ref().map(|_| now);
            let stopped = end.and_then(WalkEnd::stopped);
            let PurgeFigures { documents, bytes, unverified, too_young, moved } = figures;
            tx.execute(
                "UPDATE sluss_purge SET documents = ?3, bytes = ?4, unverified = ?5, too_young = ?6, moved = ?7, ended_at = ?8, stopped = ?9 \
                 WHERE tenant = ?1 AND collection = ?2",
                params![id.as_str(), name.as_str(), documents, bytes, unverified, too_young, moved, ended_at, stopped],
            )?;
            Ok(Outcome::Commit(()))
        })
        .await
}

pub(super) async fn runs(tenant: &SqliteTenant) -> StoreResult<Vec<PurgeRun>> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("read the purges of", tenant.id.to_string(), move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT collection, dry_run, started_at, ended_at, documents, bytes, unverified, too_young, moved, stopped \
                 FROM sluss_purge WHERE tenant = ?1 ORDER BY collection",
            )?;
            statement.query_map([id.as_str()], read)?.collect()
        })
        .await
}

fn read(row: &Row<'_>) -> rusqlite::Result<PurgeRun> {
    Ok(PurgeRun {
        collection: row.get(0)?,
        dry_run: row.get(1)?,
        started_at: rows::read_timestamp(row.get(2)?)?,
        ended_at: row.get::<_, Option<i64>>(3)?.map(rows::read_timestamp).transpose()?,
        figures: PurgeFigures {
            documents: row.get(4)?,
            bytes: row.get(5)?,
            unverified: row.get(6)?,
            too_young: row.get(7)?,
            moved: row.get(8)?,
        },
        stopped: row.get(9)?,
    })
}
