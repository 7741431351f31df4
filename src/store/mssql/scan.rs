//! Walks over whole tables, and questions about their locations.

use std::sync::Arc;

use super::batch::{Batch, Rows};
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{self, Seen};
use super::statements;
use super::table::Table;
use super::tenant::SqlServerTenant;
use crate::model::document::{DocRow, Holder};
use crate::model::id::{CollectionName, DocId, ObjectRef};
use crate::model::stamp::Revision;
use crate::store::error::StoreResult;
use crate::store::sql::{COUNTED_SOLE, Page, Remaining};

/// A page, as a count compares it.
pub(super) struct Walked {
    pub(super) seen: Vec<Seen>,
    pub(super) next: Option<DocId>,
}

/// Rows of a walk.
pub(super) struct Collected {
    pub(super) seen: Vec<Seen>,
    /// How many there were, readable or not.
    pub(super) all: usize,
    /// The last row whose place can be read.
    pub(super) last: Option<(DocId, Option<Revision>)>,
}

/// One row that is not as the configuration says must not keep a walk from all that come after it.
pub(super) fn collect(found: Rows, table: &Table) -> Collected {
    let all = found.len();
    let last = found.iter().rev().find_map(|row| rows::place(row, table));
    let read = found.into_iter().filter_map(|row| match rows::read(row, table, None) {
        Ok(seen) => Some(seen),
        Err(error) => {
            tracing::error!(event = "alarm", "a row of {}/{}: {error}", table.tenant, table.collection);
            None
        }
    });
    Collected { seen: read.collect(), all, last }
}

pub(super) async fn page(tenant: &SqlServerTenant, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
    let table = tenant.table(collection).await?;
    let walked = walk(tenant, &table, after, limit).await.map_err(|fault| fault.at("scan", format!("{}/{collection}", tenant.id)))?;
    Ok(Page { rows: walked.seen.into_iter().map(|seen| seen.row).collect(), next: walked.next })
}

/// The condition that a page begins with, on the customer's row.
pub(super) fn after_condition(table: &Table, after: Option<&DocId>) -> String {
    match after {
        Some(_) => format!("d.{} > @id", table.id.name),
        None => "1 = 1".to_owned(),
    }
}

pub(super) async fn walk(tenant: &SqlServerTenant, table: &Table, after: Option<&DocId>, limit: usize) -> Result<Walked, Fault> {
    let check_after = if after.is_some() { statements::AFTER_IS_THERE } else { "" };
    let text = table.fill(statements::PAGE, &[("after", &after_condition(table, after)), ("check_after", check_after)]);
    let batch = tenant.batch(&text).with("inline", "bigint", -1_i64).with("limit", "bigint", limit as i64);
    let found = tenant.run(&with_id(batch, "asked", table, after)).await?;
    let Collected { seen, all, last } = collect(found, table);
    let next = last.map(|(id, _)| id).filter(|_| all == limit);
    if all == limit && next.is_none() {
        return Err(rows::strange("an id", format!("{limit} rows in succession without one that can be read")).into());
    }
    Ok(Walked { seen, next })
}

pub(super) async fn sample(tenant: &SqlServerTenant, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
    let mut rows = look_up_all(tenant, collection, statements::SAMPLE, "sample", limit).await?;
    rows.retain(|row| row.truth().holder == Holder::Both);
    Ok(rows)
}

pub(super) async fn unverified(tenant: &SqlServerTenant, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
    look_up_all(tenant, collection, statements::UNVERIFIED, "look for what is not verified in", limit).await
}

/// The documents whose ids a statement selects.
async fn look_up_all(
    tenant: &SqlServerTenant,
    collection: &CollectionName,
    ids: &str,
    operation: &'static str,
    limit: usize,
) -> StoreResult<Vec<DocRow>> {
    let table = tenant.table(collection).await?;
    let text = table.fill(ids, &[]);
    let target = || format!("{}/{collection}", tenant.id);
    let found = async {
        let rows = tenant.run(&Batch::new(text.as_str()).with("limit", "bigint", limit as i64)).await?;
        rows.into_iter().map(|mut row| Ok(rows::read_id(&mut row, table.id_kind)?)).collect::<Result<Vec<Option<DocId>>, Fault>>()
    };
    let ids = found.await.map_err(|fault| fault.at(operation, target()))?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids.iter().flatten() {
        rows.push(tenant.see(&table, id, operation, target()).await?.row);
    }
    Ok(rows)
}

pub(super) async fn remaining(tenant: &SqlServerTenant) -> StoreResult<Remaining> {
    let tables = tenant.tables().await?;
    let counted = async {
        let open_uploads = tenant.number(&tenant.batch(statements::REMAINING_UPLOADS)).await?;
        let mut sole = 0;
        for table in &tables {
            let text = table.fill(statements::REMAINING_SOLE, &[]);
            sole += tenant.number(&Batch::new(text.as_str()).with("limit", "bigint", (COUNTED_SOLE - sole) as i64)).await?;
        }
        Ok(Remaining { sole, open_uploads })
    };
    counted.await.map_err(|fault: Fault| fault.at("count what remains of", &tenant.id))
}

/// Tables that name objects, in the order in which a name moves.
pub(super) fn places(tables: &[Arc<Table>]) -> impl Iterator<Item = String> {
    let locations = tables.iter().map(|table| table.own("location"));
    std::iter::once("sluss.upload".to_owned()).chain(locations).chain(std::iter::once("sluss.version".to_owned()))
}

pub(super) async fn unnamed(tenant: &SqlServerTenant, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
    let named: String = places(&tenant.tables().await?)
        .map(|place| format!("    IF @named = 0 AND EXISTS (SELECT 1 FROM {place} AS x WHERE x.object = @object) SET @named = 1;\n"))
        .collect();
    let text = super::text::fill(statements::IS_NAMED, &[("named", &named)]);
    let ids: Vec<String> = objects.iter().map(|object| object.id.to_string()).collect();
    let batch = Batch::new(text.as_str()).with("objects", "varchar(max)", ids.join(","));
    let asked = async {
        let answer = tenant.run(&batch).await?.pop().ok_or_else(super::tenant::silent)?.text()?;
        if answer.len() != objects.len() {
            return Err(rows::strange("an answer for each object", answer).into());
        }
        Ok(objects.into_iter().zip(answer.chars()).filter(|(_, named)| *named == '0').map(|(object, _)| object).collect())
    };
    asked.await.map_err(|fault: Fault| fault.at("ask who names objects of", &tenant.id))
}
