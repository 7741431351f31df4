//! Verifications: their runs, and what one step of them found. Nothing here reads a document.

use super::batch::{Batch, Misread, Row};
use super::differences;
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{signed, time, unsigned};
use super::state::restart;
use super::statements;
use super::table::Table;
use super::tenant::{SqlServerTenant, not_initialised, silent};
use crate::model::id::CollectionName;
use crate::model::job::{JobKind, Priority};
use crate::model::stamp::Epoch;
use crate::model::verification::{Verified, VerifyFigures, VerifyRun, VerifyWish};
use crate::store::error::StoreResult;
use crate::store::sql::{Findings, Reached, VerifyProgress};

pub(super) async fn begin(tenant: &SqlServerTenant, wish: VerifyWish) -> StoreResult<Option<u64>> {
    let text = [
        "SET NOCOUNT ON; SET XACT_ABORT ON;\nBEGIN TRANSACTION;\n",
        statements::BEGIN_VERIFICATION,
        statements::RESTART,
        statements::BEGIN_VERIFICATION_END,
    ]
    .concat();
    let priority = if wish.background { Priority::Sweep } else { Priority::Write };
    let batch =
        restart(tenant, &text, JobKind::Verify, priority).with("repair", "bit", wish.repair).with("background", "bit", wish.background);
    let begun = async {
        let mut row = tenant.run(&batch).await?.pop().ok_or_else(silent)?;
        match row.text()?.as_str() {
            "begun" => Ok(Some(row.count()?)),
            "under way" => Ok(None),
            _ => Err(not_initialised(&tenant.id)),
        }
    };
    begun.await.map_err(|fault: Fault| fault.at("begin a verification of", &tenant.id))
}

pub(super) async fn runs(tenant: &SqlServerTenant) -> StoreResult<Vec<VerifyRun>> {
    let read = async {
        let rows = tenant.run(&tenant.batch(statements::VERIFICATIONS)).await?;
        rows.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>()
    };
    read.await.map_err(|fault: Fault| fault.at("read the verifications of", &tenant.id))
}

fn read(mut row: Row) -> Result<VerifyRun, Misread> {
    Ok(VerifyRun {
        collection: row.text()?,
        number: row.count()?,
        repair: row.flag()?,
        background: row.flag()?,
        started_at: time(row.integer()?)?,
        ended_at: row.integer_or_null()?.map(time).transpose()?,
        epoch: row.count()?,
        revision: unsigned(row.integer()?),
        place: row.text_or_null()?,
        figures: VerifyFigures {
            documents: row.count()?,
            bytes: row.count()?,
            verified: row.count()?,
            unlocated: row.count()?,
            moved: row.count()?,
            different: row.count()?,
            failed: row.count()?,
            objects: row.count()?,
        },
    })
}

pub(super) async fn note(tenant: &SqlServerTenant, collection: &CollectionName, epoch: Epoch, findings: Findings) -> StoreResult<bool> {
    let table = tenant.table(collection).await?;
    let about = |text: &str| tenant.timed(text).with("collection", "varchar(63)", collection.as_str());
    let mut batches = vec![tenant.batch(statements::FINDINGS_BEGIN).with("epoch", "bigint", signed(epoch.0))];
    if let Some(progress) = &findings.progress {
        batches.push(go_on(about(statements::FINDINGS_GO_ON), progress));
    }
    batches.extend(findings.verified.iter().map(|verified| mark(tenant, &table, verified)));
    for finding in &findings.found {
        let noted = differences::note(tenant, &table, finding);
        batches.push(noted.map_err(|misread| Fault::from(misread).at("note what was found in", format!("{}/{collection}", tenant.id)))?);
    }
    if let Some(VerifyProgress { reached: Reached::End { with_objects }, .. }) = &findings.progress {
        batches.push(about(statements::FINDINGS_FORGET).with("with_objects", "bit", *with_objects));
    }
    let target = format!("{}/{collection}", tenant.id);
    let noted = tenant.server.run_series(&batches).await.map_err(|fault| fault.at("note what was found in", &target))?;
    match noted.as_str() {
        "no state" => Err(not_initialised(&tenant.id).at("note what was found in", target)),
        outcome => Ok(outcome == "done"),
    }
}

fn go_on<'a>(batch: Batch<'a>, progress: &VerifyProgress) -> Batch<'a> {
    let VerifyFigures { documents, bytes, verified, unlocated, moved, different, failed, objects } = progress.figures;
    let (place, ended) = match &progress.reached {
        Reached::Place(place) => (Some(place.as_str()), false),
        Reached::End { .. } => (None, true),
    };
    batch
        .with("number", "bigint", signed(progress.run))
        .with("from", "nvarchar(4000)", progress.from.as_deref())
        .with("place", "nvarchar(4000)", place)
        .with("ended", "bit", ended)
        .with("documents", "bigint", signed(documents))
        .with("bytes", "bigint", signed(bytes))
        .with("verified", "bigint", signed(verified))
        .with("unlocated", "bigint", signed(unlocated))
        .with("moved", "bigint", signed(moved))
        .with("different", "bigint", signed(different))
        .with("failed", "bigint", signed(failed))
        .with("objects", "bigint", signed(objects))
}

fn mark(tenant: &SqlServerTenant, table: &Table, verified: &Verified) -> Batch<'static> {
    let batch = tenant
        .timed(&table.fill(statements::FINDING_VERIFIED, &[]))
        .with("collection", "varchar(63)", table.collection.as_str())
        .with("object", "varchar(36)", verified.object.as_ref().map(|object| object.id.to_string()))
        .with("revision", "bigint", signed(verified.revision.0))
        .with("subject", "nvarchar(700)", verified.id.to_string());
    with_id(batch, "asked", table, Some(&verified.id))
}
