//! Documents and bytes by holder: counted by a sweep, and carried on by every commit. A page is counted in a transaction that sees that none of
//! its rows has changed since it was read, so nothing is counted twice or lost.

use super::batch::Batch;
use super::edit::with_id;
use super::fault::Fault;
use super::rows::time;
use super::scan::{self, Walked};
use super::statements;
use super::table::Table;
use super::tenant::SqlServerTenant;
use crate::model::id::{CollectionName, DocId};
use crate::store::error::StoreResult;
use crate::store::sql::{Holding, Page, Tally};

/// How often a page may change under the count. After that it is counted as it was read, and the next sweep puts the figures right.
const TRIES: u32 = 5;

/// How many rows that outlived their documents go with one page, where no foreign key takes them along.
const FORGOTTEN_AT_ONCE: i64 = 500;

pub(super) async fn tally(tenant: &SqlServerTenant) -> StoreResult<Tally> {
    let read = async {
        let mut tally = Tally::default();
        for mut row in tenant.run(&tenant.batch(statements::TALLY)).await? {
            let held_by = row.text()?;
            let holding = Holding { documents: row.integer()?, bytes: row.integer()? };
            match held_by.as_str() {
                "sql" => tally.sql = holding,
                "both" => tally.both = holding,
                _ => tally.object = holding,
            }
            tally.swept_at = row.integer_or_null()?.map(time).transpose()?;
        }
        Ok(tally)
    };
    read.await.map_err(|fault: Fault| fault.at("read the figures of", &tenant.id))
}

pub(super) async fn sweep_page(
    tenant: &SqlServerTenant,
    collection: &CollectionName,
    after: Option<&DocId>,
    limit: usize,
) -> StoreResult<Page> {
    let table = tenant.table(collection).await?;
    sweep(tenant, &table, after, limit).await.map_err(|fault| fault.at("sweep", format!("{}/{collection}", tenant.id)))
}

async fn sweep(tenant: &SqlServerTenant, table: &Table, after: Option<&DocId>, limit: usize) -> Result<Page, Fault> {
    if !table.cascades {
        forget_rowless(tenant, table).await?;
    }
    let mut tries = 0;
    loop {
        let walked = scan::walk(tenant, table, after, limit).await?;
        tries += 1;
        let raced = tenant.outcome(&count(tenant, table, after, &walked, tries < TRIES)).await? == "raced";
        if !raced || tries == TRIES {
            return Ok(Page { rows: walked.seen.into_iter().map(|seen| seen.row).collect(), next: walked.next });
        }
    }
}

async fn forget_rowless(tenant: &SqlServerTenant, table: &Table) -> Result<(), Fault> {
    let mut statements = vec![statements::FORGET_ROWLESS];
    if table.lacks_attributes() {
        statements.push(statements::FORGET_ROWLESS_ATTRIBUTES);
    }
    for statement in statements {
        tenant.run(&Batch::new(table.fill(statement, &[])).with("limit", "bigint", FORGOTTEN_AT_ONCE)).await?;
    }
    Ok(())
}

/// `strictly`: only if none of the rows is another one now.
fn count(tenant: &SqlServerTenant, table: &Table, after: Option<&DocId>, walked: &Walked, strictly: bool) -> Batch<'static> {
    let mut page = Tally::default();
    walked.seen.iter().for_each(|seen| page.count(&seen.row));
    let up_to = if walked.next.is_some() { format!(" AND d.{} <= @last_id", table.id.name) } else { String::new() };
    let place = if after.is_some() { statements::COUNT_NEXT } else { statements::COUNT_FIRST };
    let end = if walked.next.is_some() { statements::COUNT_GO_ON } else { statements::COUNT_END };
    let text = [statements::COUNT_BEGIN, place, statements::COUNT_ADD, end].concat();
    let text = table.fill(&text, &[("after", &scan::after_condition(table, after)), ("up_to", &up_to)]);
    let sum = |of: fn(&super::rows::Seen) -> i64| walked.seen.iter().map(|seen| i128::from(of(seen))).sum::<i128>().to_string();
    let batch = tenant
        .timed(&text)
        .with("collection", "varchar(63)", table.collection.as_str())
        .with("strictly", "bit", strictly)
        .with("rows", "bigint", walked.seen.len() as i64)
        // Wider than a bigint, so it travels as text.
        .with("sum", "varchar(40)", sum(super::rows::Seen::revision))
        .with("located_sum", "varchar(40)", sum(|seen| seen.located))
        .with("sql_documents", "bigint", page.sql.documents)
        .with("sql_bytes", "bigint", page.sql.bytes)
        .with("both_documents", "bigint", page.both.documents)
        .with("both_bytes", "bigint", page.both.bytes)
        .with("object_documents", "bigint", page.object.documents)
        .with("object_bytes", "bigint", page.object.bytes);
    with_id(with_id(batch, "asked", table, after), "last", table, walked.next.as_ref())
}
