//! Documents and bytes by holder: counted by a sweep, and carried on by every commit. A page is counted in one transaction with
//! the sweep's place, so a commit knows whether its document was counted already, and nothing is counted twice or lost.

use rusqlite::{Transaction, params};

use super::file::Outcome;
use super::rows;
use super::scan;
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::model::document::DocRow;
use crate::model::id::{CollectionName, DocId, TenantId};
use crate::store::error::StoreResult;
use crate::store::sql::{Holding, Page, Tally};

pub(super) async fn tally(tenant: &SqliteTenant) -> StoreResult<Tally> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("read the figures of", tenant.id.to_string(), move |connection| {
            let mut tally = Tally::default();
            let mut statement = connection.prepare_cached(
                "SELECT held_by, sum(documents), sum(bytes), min(swept_at) FROM sluss_tally WHERE tenant = ?1 GROUP BY held_by",
            )?;
            let mut found = statement.query([id.as_str()])?;
            while let Some(row) = found.next()? {
                let holding = Holding { documents: row.get(1)?, bytes: row.get(2)? };
                match row.get::<_, String>(0)?.as_str() {
                    "sql" => tally.sql = holding,
                    "both" => tally.both = holding,
                    _ => tally.object = holding,
                }
                tally.swept_at = row.get::<_, Option<i64>>(3)?.map(rows::read_timestamp).transpose()?;
            }
            Ok(tally)
        })
        .await
}

pub(super) async fn sweep_page(
    tenant: &SqliteTenant,
    collection: &CollectionName,
    after: Option<&DocId>,
    limit: usize,
) -> StoreResult<Page> {
    let (table, id, after, now) = (tenant.table(collection)?, tenant.id.clone(), after.cloned(), tenant.now());
    tenant
        .file
        .write("sweep", format!("{}/{collection}", tenant.id), move |tx| {
            let count = Count { tx, tenant: &id, table: &table };
            let counts = count.begin_or_go_on(after.as_ref())?;
            let page = scan::read_page(tx, &id, &table, after.as_ref(), limit)?;
            if counts {
                count.add(&page.rows)?;
                count.move_to(page.next.as_ref(), now)?;
            }
            Ok(Outcome::Commit(page))
        })
        .await
}

/// The count that a sweep is at, in the transaction at hand.
struct Count<'a> {
    tx: &'a Transaction<'a>,
    tenant: &'a TenantId,
    table: &'a Table,
}

impl Count<'_> {
    /// A page counts only where the count has come to: one that is read again, after a crash or by two agents, does not.
    fn begin_or_go_on(&self, after: Option<&DocId>) -> rusqlite::Result<bool> {
        let Table { place, .. } = self.table;
        if let Some(after) = after {
            return self.tx.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {place} WHERE id = ?1)"), params![after], |row| row.get(0));
        }
        self.tx.execute(&format!("DELETE FROM {place}"), [])?;
        self.update("counted_documents = 0, counted_bytes = 0", params![])?;
        Ok(true)
    }

    fn add(&self, rows: &[DocRow]) -> rusqlite::Result<()> {
        let mut page = Tally::default();
        rows.iter().for_each(|row| page.count(row));
        for (held_by, holding) in [("sql", page.sql), ("both", page.both), ("object", page.object)] {
            self.tx
                .prepare_cached(
                    "UPDATE sluss_tally SET counted_documents = counted_documents + ?4, counted_bytes = counted_bytes + ?5 \
                     WHERE tenant = ?1 AND collection = ?2 AND held_by = ?3",
                )?
                .execute(params![self.tenant.as_str(), self.table.collection.as_str(), held_by, holding.documents, holding.bytes])?;
        }
        Ok(())
    }

    /// At the end of the table the count becomes the figures.
    fn move_to(&self, next: Option<&DocId>, now: i64) -> rusqlite::Result<()> {
        let Table { place, .. } = self.table;
        self.tx.execute(&format!("DELETE FROM {place}"), [])?;
        match next {
            Some(next) => self.tx.execute(&format!("INSERT INTO {place} (id) VALUES (?1)"), params![next]).map(|_| ()),
            None => self.update("documents = counted_documents, bytes = counted_bytes, swept_at = ?3", params![now]),
        }
    }

    fn update(&self, assignments: &str, extra: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<()> {
        let (tenant, collection) = (self.tenant.as_str(), self.table.collection.as_str());
        let parameters: Vec<&dyn rusqlite::ToSql> =
            [&tenant as &dyn rusqlite::ToSql, &collection].into_iter().chain(extra.iter().copied()).collect();
        self.tx.execute(&format!("UPDATE sluss_tally SET {assignments} WHERE tenant = ?1 AND collection = ?2"), &parameters[..])?;
        Ok(())
    }
}

/// Carries one commit into the figures, and into the count of a sweep that has passed its document.
pub(super) fn carry(tx: &Transaction<'_>, tenant: &TenantId, table: &Table, before: &DocRow, after: &DocRow) -> rusqlite::Result<()> {
    let passed = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE id >= ?1)", table.place);
    let passed: bool = tx.prepare_cached(&passed)?.query_row(params![after.key.id], |row| row.get(0))?;
    for (row, sign) in [(before, -1_i64), (after, 1)] {
        let bytes = sign * i64::try_from(row.length_bytes()).unwrap_or(i64::MAX);
        let (counted_documents, counted_bytes) = if passed { (sign, bytes) } else { (0, 0) };
        tx.prepare_cached(
            "UPDATE sluss_tally SET documents = documents + ?4, bytes = bytes + ?5, \
             counted_documents = counted_documents + ?6, counted_bytes = counted_bytes + ?7 \
             WHERE tenant = ?1 AND collection = ?2 AND held_by = ?3",
        )?
        .execute(params![
            tenant.as_str(),
            table.collection.as_str(),
            row.truth().holder.label(),
            sign,
            bytes,
            counted_documents,
            counted_bytes
        ])?;
    }
    Ok(())
}
