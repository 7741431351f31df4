//! What changed since the last look, by revision. SQLite has one writer, so revisions become visible in their order, and no
//! transaction that is still open can be passed over.

use rusqlite::params;

use super::file::Outcome;
use super::scan;
use super::tenant::SqliteTenant;
use crate::model::id::CollectionName;
use crate::model::stamp::Revision;
use crate::store::error::StoreResult;
use crate::store::sql::Changes;

pub(super) async fn page(tenant: &SqliteTenant, collection: &CollectionName, limit: usize) -> StoreResult<Changes> {
    let (table, id) = (tenant.table(collection)?, tenant.id.clone());
    tenant
        .file
        .read("look for changes of", format!("{}/{collection}", tenant.id), move |connection| {
            let watermark: u64 = connection.query_row(
                "SELECT coalesce(max(revision), 0) FROM sluss_watermark WHERE tenant = ?1 AND collection = ?2",
                [id.as_str(), table.collection.as_str()],
                |row| row.get(0),
            )?;
            let mut statement = connection.prepare_cached(&table.changes_statement())?;
            let found = statement.query(params![id.as_str(), watermark, 0, limit as u64])?;
            let mut reached = None;
            let (rows, _) = scan::collect(found, &id, &table, |row| {
                reached = Some(Revision(row.get(9)?));
                Ok(())
            })?;
            Ok(Changes { rows, reached })
        })
        .await
}

pub(super) async fn seen(tenant: &SqliteTenant, collection: &CollectionName, reached: Revision) -> StoreResult<()> {
    let (id, name) = (tenant.id.clone(), collection.clone());
    tenant
        .file
        .write("note the changes of", format!("{}/{collection}", tenant.id), move |tx| {
            tx.execute(
                "INSERT INTO sluss_watermark (tenant, collection, revision) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (tenant, collection) DO UPDATE SET revision = max(revision, excluded.revision)",
                params![id.as_str(), name.as_str(), reached.0],
            )?;
            Ok(Outcome::Commit(()))
        })
        .await
}
