//! The list of differences: at most one of a kind for a document or an object. It holds what somebody found, and judges nothing.

use super::batch::{Batch, Misread, Row};
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{signed, strange, time};
use super::statements;
use super::table::Table;
use super::tenant::SqlServerTenant;
use crate::model::verification::{Difference, DifferenceKind, Finding, FoundBy, Remedy, Subject};
use crate::store::error::StoreResult;
use crate::store::sql::COUNTED_DIFFERENCES;

/// A name among the objects can be longer than an index takes.
const SUBJECT_CHARS: usize = 700;

/// The statement that notes a finding.
pub(super) fn note(tenant: &SqlServerTenant, table: &Table, finding: &Finding) -> Result<Batch<'static>, Misread> {
    let (collection, id, subject) = match &finding.subject {
        Subject::Document(collection, id) => (collection.as_str(), Some(id), id.to_string()),
        Subject::Object(name) => ("", None, name.chars().take(SUBJECT_CHARS).collect()),
    };
    // Only an accusation of a location can be out of date.
    let located = match (id, finding.remedy) {
        (Some(_), Remedy::Open) => finding.located,
        (Some(_) | None, _) => None,
    };
    let sides = serde_json::to_string(&finding.sides).map_err(|error| strange("a difference", error))?;
    let batch = tenant
        .timed(&table.fill(statements::FINDING_DIFFERENT, &[]))
        .with("collection", "varchar(63)", collection)
        .with("verified_collection", "varchar(63)", table.collection.as_str())
        .with("subject", "nvarchar(700)", subject)
        .with("kind", "varchar(32)", finding.kind.label())
        .with("object", "varchar(36)", finding.object.as_ref().map(|object| object.id.to_string()))
        .with("located", "bigint", located.map(|revision| signed(revision.0)))
        .with("sole", "bit", finding.sole)
        .with("found_by", "varchar(32)", finding.found_by.label())
        .with("remedy", "varchar(32)", finding.remedy.label())
        .with("sides", "nvarchar(max)", sides);
    Ok(with_id(batch, "asked", table, id))
}

pub(super) async fn list(tenant: &SqlServerTenant, after: u64, limit: usize) -> StoreResult<Vec<Difference>> {
    let batch = tenant.batch(statements::DIFFERENCES).with("after", "bigint", signed(after)).with("limit", "bigint", limit as i64);
    let read = async { tenant.run(&batch).await?.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>() };
    read.await.map_err(|fault: Fault| fault.at("list differences of", &tenant.id))
}

fn read(mut row: Row) -> Result<Difference, Misread> {
    let number = row.count()?;
    let kind = row.text()?.parse::<DifferenceKind>().map_err(|error| strange("a kind of difference", error))?;
    let (collection, subject, object) = (row.text()?, row.text()?, row.text_or_null()?);
    let is_document = !collection.is_empty();
    Ok(Difference {
        number,
        kind,
        collection: is_document.then_some(collection),
        document: is_document.then(|| subject.clone()),
        object: if is_document { object } else { Some(subject) },
        sole: row.flag()?,
        found_by: row.text()?.parse::<FoundBy>().map_err(|error| strange("who found it", error))?,
        found_at: time(row.integer()?)?,
        remedy: row.text()?.parse::<Remedy>().map_err(|error| strange("a remedy", error))?,
        sides: serde_json::from_str(&row.text()?).map_err(|error| strange("two sides", error))?,
    })
}

pub(super) async fn count_open(tenant: &SqlServerTenant) -> StoreResult<u64> {
    let batch = tenant.batch(statements::DIFFERENCES_OPEN).with("limit", "bigint", signed(COUNTED_DIFFERENCES));
    tenant.number(&batch).await.map_err(|fault| fault.at("count differences of", &tenant.id))
}
