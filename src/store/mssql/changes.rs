//! What changed since the last look, by revision.

use super::fault::Fault;
use super::rows::signed;
use super::scan;
use super::statements;
use super::tenant::SqlServerTenant;
use crate::model::id::CollectionName;
use crate::model::stamp::Revision;
use crate::store::error::StoreResult;
use crate::store::sql::Changes;

pub(super) async fn page(tenant: &SqlServerTenant, collection: &CollectionName, limit: usize) -> StoreResult<Changes> {
    let table = tenant.table(collection).await?;
    let text = table.fill(statements::CHANGES, &[]);
    let batch = tenant.batch(&text).with("collection", "varchar(63)", collection.as_str()).with("inline", "bigint", -1_i64).with(
        "limit",
        "bigint",
        limit as i64,
    );
    let found = async {
        let scan::Collected { seen, last, .. } = scan::collect(tenant.run(&batch).await?, &table);
        let reached = last.and_then(|(_, revision)| revision);
        Ok(Changes { rows: seen.into_iter().map(|seen| seen.row).collect(), reached })
    };
    found.await.map_err(|fault: Fault| fault.at("look for changes of", format!("{}/{collection}", tenant.id)))
}

pub(super) async fn seen(tenant: &SqlServerTenant, collection: &CollectionName, reached: Revision) -> StoreResult<()> {
    let batch = tenant.batch(statements::CHANGES_SEEN).with("collection", "varchar(63)", collection.as_str()).with(
        "revision",
        "bigint",
        signed(reached.0),
    );
    tenant.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("note the changes of", format!("{}/{collection}", tenant.id)))
}
