//! The runs of purges: what each collection's last one did, or would have done.

use super::batch::{Misread, Row};
use super::fault::Fault;
use super::rows::{signed, time};
use super::state::{restart, transaction};
use super::statements;
use super::tenant::SqlServerTenant;
use crate::model::id::CollectionName;
use crate::model::job::{JobKind, Priority};
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::store::error::StoreResult;
use crate::store::sql::WalkEnd;

pub(super) async fn begin(tenant: &SqlServerTenant, dry_run: bool) -> StoreResult<()> {
    let text = transaction(&[statements::BEGIN_PURGE, statements::RESTART]);
    let batch = restart(tenant, &text, JobKind::Purge, Priority::Housekeeping).with("dry_run", "bit", dry_run);
    tenant.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("begin a purge of", &tenant.id))
}

pub(super) async fn note(
    tenant: &SqlServerTenant,
    collection: &CollectionName,
    figures: PurgeFigures,
    end: Option<WalkEnd>,
) -> StoreResult<()> {
    let PurgeFigures { documents, bytes, unverified, too_young, moved } = figures;
    let ended = end.is_some();
    let stopped = end.and_then(WalkEnd::stopped);
    let batch = tenant
        .timed(statements::NOTE_PURGE)
        .with("collection", "varchar(63)", collection.as_str())
        .with("documents", "bigint", signed(documents))
        .with("bytes", "bigint", signed(bytes))
        .with("unverified", "bigint", signed(unverified))
        .with("too_young", "bigint", signed(too_young))
        .with("moved", "bigint", signed(moved))
        .with("ended", "bit", ended)
        .with("stopped", "nvarchar(4000)", stopped);
    tenant.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("note the purge of", format!("{}/{collection}", tenant.id)))
}

pub(super) async fn runs(tenant: &SqlServerTenant) -> StoreResult<Vec<PurgeRun>> {
    let read = async {
        let rows = tenant.run(&tenant.batch(statements::PURGES)).await?;
        rows.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>()
    };
    read.await.map_err(|fault: Fault| fault.at("read the purges of", &tenant.id))
}

fn read(mut row: Row) -> Result<PurgeRun, Misread> {
    Ok(PurgeRun {
        collection: row.text()?,
        dry_run: row.flag()?,
        started_at: time(row.integer()?)?,
        ended_at: row.integer_or_null()?.map(time).transpose()?,
        figures: PurgeFigures {
            documents: row.count()?,
            bytes: row.count()?,
            unverified: row.count()?,
            too_young: row.count()?,
            moved: row.count()?,
        },
        stopped: row.text_or_null()?,
    })
}
