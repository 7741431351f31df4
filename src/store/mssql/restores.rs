//! Restores to an instant: what is known of one document's past, and the runs.

use jiff::Timestamp;

use super::batch::{Misread, Row};
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{signed, strange, time};
use super::state::restart_in;
use super::statements;
use super::tenant::{SqlServerTenant, silent};
use crate::model::content::ContentHash;
use crate::model::id::{CollectionName, DocKey};
use crate::model::job::{JobKind, Priority};
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::store::error::StoreResult;
use crate::store::history::{CANCELLED, RESTORES_LISTED};
use crate::store::sql::WalkEnd;

pub(super) async fn trace(tenant: &SqlServerTenant, key: &DocKey, instant: Timestamp) -> StoreResult<Trace> {
    let version = tenant
        .versions_of(key, statements::TRACE_VERSION, |batch| batch.with("instant", "bigint", instant.as_millisecond()))
        .await?
        .into_iter()
        .next();
    let table = tenant.table(&key.collection).await?;
    let text = table.fill(statements::TRACE, &[]);
    let batch = with_id(tenant.batch(&text), "asked", &table, Some(&key.id)).with("collection", "varchar(63)", key.collection.as_str());
    let found = async { Ok(read_trace(tenant.run(&batch).await?.pop().ok_or_else(silent)?)?) };
    let trace: Trace = found.await.map_err(|fault: Fault| fault.at("look up the past of", key))?;
    Ok(Trace { version, ..trace })
}

fn read_trace(mut row: Row) -> Result<Trace, Misread> {
    let located_begun = row.integer_or_null()?.map(time).transpose()?;
    let at = row.integer_or_null()?.map(time).transpose()?;
    let sha256 = row.bytes_or_null()?.map(|bytes| <[u8; 32]>::try_from(bytes.as_ref()).map_err(|_| strange("a SHA-256", "another length")));
    let noted = at.zip(sha256.transpose()?.map(ContentHash));
    let last_ended = row.integer_or_null()?.map(time).transpose()?;
    let marked = row.integer_or_null()?.map(time).transpose()?;
    Ok(Trace { located_begun, noted, version: None, last_ended, marked })
}

pub(super) async fn begin(tenant: &SqlServerTenant, wish: &RestoreWish) -> StoreResult<Option<u64>> {
    let text = [
        "SET NOCOUNT ON; SET XACT_ABORT ON;\nBEGIN TRANSACTION;\n",
        statements::BEGIN_RESTORE,
        statements::RESTART,
        statements::BEGIN_RESTORE_END,
    ]
    .concat();
    let collections = match &wish.only {
        Some((collection, _)) => format!(",{collection},"),
        None => tenant.collections(),
    };
    let batch = restart_in(tenant, &text, JobKind::Restore, Priority::Housekeeping, collections)
        .with("instant", "bigint", wish.instant.as_millisecond())
        .with("document", "nvarchar(512)", wish.only.as_ref().map(|(_, document)| document.clone()))
        .with("target", "varchar(63)", wish.into.as_ref().map(ToString::to_string))
        .with("figures", "nvarchar(4000)", figures_text(&RestoreFigures::default()));
    let begun = async {
        let mut row = tenant.run(&batch).await?.pop().ok_or_else(silent)?;
        match row.text()?.as_str() {
            "begun" => Ok(Some(row.count()?)),
            _ => Ok(None),
        }
    };
    begun.await.map_err(|fault: Fault| fault.at("begin a restore of", &tenant.id))
}

fn figures_text(figures: &RestoreFigures) -> String {
    serde_json::to_string(figures).expect("the figures are numbers")
}

pub(super) async fn note(
    tenant: &SqlServerTenant,
    number: u64,
    collection: &CollectionName,
    figures: RestoreFigures,
    end: Option<WalkEnd>,
) -> StoreResult<bool> {
    let ended = end.is_some();
    let batch = tenant
        .timed(statements::NOTE_RESTORE)
        .with("number", "bigint", signed(number))
        .with("collection", "varchar(63)", collection.as_str())
        .with("figures", "nvarchar(4000)", figures_text(&figures))
        .with("ended", "bit", ended)
        .with("stopped", "nvarchar(4000)", end.and_then(WalkEnd::stopped));
    let goes_on = tenant.number(&batch).await.map_err(|fault| fault.at("note the restore of", format!("{}/{collection}", tenant.id)))?;
    Ok(goes_on > 0)
}

pub(super) async fn cancel(tenant: &SqlServerTenant, number: u64) -> StoreResult<bool> {
    let batch = tenant
        .timed(statements::CANCEL_RESTORE)
        .with("number", "bigint", signed(number))
        .with("kind", "varchar(16)", JobKind::Restore.label())
        .with("stopped", "nvarchar(4000)", CANCELLED);
    Ok(tenant.number(&batch).await.map_err(|fault| fault.at("cancel a restore of", &tenant.id))? > 0)
}

pub(super) async fn open(tenant: &SqlServerTenant, collection: &CollectionName) -> StoreResult<Option<RestoreRun>> {
    let batch = tenant.batch(statements::OPEN_RESTORE).with("collection", "varchar(63)", collection.as_str());
    let found = async { Ok(tenant.run(&batch).await?.pop().map(read).transpose()?) };
    found.await.map_err(|fault: Fault| fault.at("look for a restore of", format!("{}/{collection}", tenant.id)))
}

pub(super) async fn runs(tenant: &SqlServerTenant) -> StoreResult<Vec<RestoreRun>> {
    let read = async {
        let rows = tenant.run(&tenant.batch(statements::RESTORES).with("limit", "bigint", RESTORES_LISTED as i64)).await?;
        rows.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>()
    };
    read.await.map_err(|fault: Fault| fault.at("read the restores of", &tenant.id))
}

fn read(mut row: Row) -> Result<RestoreRun, Misread> {
    Ok(RestoreRun {
        number: row.count()?,
        collection: row.text()?,
        instant: time(row.integer()?)?,
        document: row.text_or_null()?,
        into: row.text_or_null()?,
        started_at: time(row.integer()?)?,
        ended_at: row.integer_or_null()?.map(time).transpose()?,
        figures: serde_json::from_str(&row.text()?).map_err(|error| strange("a restore's figures", error))?,
        stopped: row.text_or_null()?,
    })
}
