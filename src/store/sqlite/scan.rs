//! Walks over whole tables, and the figures they leave.

use rusqlite::types::Null;
use rusqlite::{ToSql, Transaction, params};

use super::file::Outcome;
use super::rows;
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::model::document::{DocRow, Holder};
use crate::model::id::{CollectionName, DocId, TenantId};
use crate::store::error::StoreResult;
use crate::store::sql::{Holding, Page, Remaining, Tally};

pub(super) async fn page(tenant: &SqliteTenant, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
    let (table, id, after) = (tenant.table(collection)?, tenant.id.clone(), after.cloned());
    tenant
        .file
        .read("scan", format!("{}/{collection}", tenant.id), move |connection| {
            let statement = table.page_statement(after.is_none());
            let cursor: &dyn ToSql = match &after {
                Some(after) => after,
                None => &Null,
            };
            let mut statement = connection.prepare_cached(&statement)?;
            let found = statement.query_map(params![id.as_str(), cursor, 0, limit as u64], |row| rows::read(row, &id, &table, None))?;
            let rows = found.collect::<rusqlite::Result<Vec<DocRow>>>()?;
            let next = if rows.len() < limit { None } else { rows.last().map(|row| row.key.id.clone()) };
            Ok(Page { rows, next })
        })
        .await
}

pub(super) async fn sample(tenant: &SqliteTenant, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
    let (table, id) = (tenant.table(collection)?, tenant.id.clone());
    tenant
        .file
        .read("sample", format!("{}/{collection}", tenant.id), move |connection| {
            let located = format!("SELECT id FROM {} WHERE NOT sole ORDER BY random() LIMIT ?1", table.location);
            let mut statement = connection.prepare(&located)?;
            let ids = statement.query_map([limit as u64], |row| rows::read_id(row.get_ref(0)?, table.id_kind))?;
            let ids = ids.collect::<rusqlite::Result<Vec<Option<DocId>>>>()?;
            let rows = ids.iter().flatten().map(|doc| rows::look_up(connection, &id, &table, doc, false));
            let mut rows = rows.collect::<rusqlite::Result<Vec<DocRow>>>()?;
            rows.retain(|row| row.truth().holder == Holder::Both);
            Ok(rows)
        })
        .await
}

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

pub(super) async fn set_tally(tenant: &SqliteTenant, collection: &CollectionName, tally: Tally) -> StoreResult<()> {
    let (id, collection) = (tenant.id.clone(), collection.clone());
    tenant
        .file
        .write("set the figures of", tenant.id.to_string(), move |tx| {
            for (held_by, holding) in [("sql", tally.sql), ("both", tally.both), ("object", tally.object)] {
                tx.execute(
                    "UPDATE sluss_tally SET documents = ?4, bytes = ?5, swept_at = ?6 WHERE tenant = ?1 AND collection = ?2 AND held_by = ?3",
                    params![
                        id.as_str(),
                        collection.as_str(),
                        held_by,
                        holding.documents,
                        holding.bytes,
                        tally.swept_at.map(|at| at.as_millisecond())
                    ],
                )?;
            }
            Ok(Outcome::Commit(()))
        })
        .await
}

/// Carries one commit into the figures of the last sweep.
pub(super) fn tally_change(tx: &Transaction<'_>, tenant: &TenantId, before: &DocRow, after: &DocRow) -> rusqlite::Result<()> {
    for (row, sign) in [(before, -1_i64), (after, 1)] {
        let held_by = row.truth().holder.label();
        tx.prepare_cached(
            "UPDATE sluss_tally SET documents = documents + ?4, bytes = bytes + ?5 \
             WHERE tenant = ?1 AND collection = ?2 AND held_by = ?3",
        )?
        .execute(params![
            tenant.as_str(),
            row.key.collection.as_str(),
            held_by,
            sign,
            sign * i64::try_from(row.length_bytes()).unwrap_or(i64::MAX)
        ])?;
    }
    Ok(())
}

pub(super) async fn remaining(tenant: &SqliteTenant) -> StoreResult<Remaining> {
    let (id, tables) = (tenant.id.clone(), tenant.tables().to_vec());
    tenant
        .file
        .read("count what remains of", tenant.id.to_string(), move |connection| {
            let open_uploads = connection.query_row(
                "SELECT count(*) FROM sluss_upload u JOIN sluss_state s ON s.tenant = u.tenant AND s.epoch = u.epoch \
                 WHERE u.tenant = ?1 AND u.state = 'open' AND u.purpose = 'write'",
                [id.as_str()],
                |row| row.get(0),
            )?;
            let mut sole = 0;
            for table in &tables {
                let Table { location, name, id, .. } = &**table;
                let statement = format!(
                    "SELECT count(*) FROM {location} l WHERE l.sole AND l.length > 0 AND EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = l.id)"
                );
                sole += connection.query_row(&statement, [], |row| row.get::<_, u64>(0))?;
            }
            Ok(Remaining { sole, open_uploads })
        })
        .await
}
