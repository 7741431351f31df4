//! Walks over whole tables.

use rusqlite::types::{Null, ValueRef};
use rusqlite::{Connection, Row, Rows, ToSql, params};

use super::file::broken;
use super::rows;
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::model::document::{DocRow, Holder};
use crate::model::id::{CollectionName, DocId, TenantId};
use crate::store::error::StoreResult;
use crate::store::sql::{COUNTED_SOLE, Page, Remaining};

pub(super) async fn page(tenant: &SqliteTenant, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
    let (table, id, after) = (tenant.table(collection)?, tenant.id.clone(), after.cloned());
    tenant
        .file
        .read("scan", format!("{}/{collection}", tenant.id), move |connection| read_page(connection, &id, &table, after.as_ref(), limit))
        .await
}

pub(super) fn read_page(
    connection: &Connection,
    tenant: &TenantId,
    table: &Table,
    after: Option<&DocId>,
    limit: usize,
) -> rusqlite::Result<Page> {
    let cursor: &dyn ToSql = match after {
        Some(after) => after,
        None => &Null,
    };
    let mut statement = connection.prepare_cached(&table.page_statement(after.is_none()))?;
    let found = statement.query(params![tenant.as_str(), cursor, 0, limit as u64])?;
    let mut last = None;
    let (rows, seen) = collect(found, tenant, table, |row| {
        last = rows::spelled(row, table).unwrap_or(last.take());
        Ok(())
    })?;
    if seen == limit && last.is_none() {
        return Err(broken(format!("{limit} rows in succession have ids that are not of the type that `id_type` says")));
    }
    Ok(Page { rows, next: last.filter(|_| seen == limit) })
}

/// One row that is not as the configuration says must not keep a walk from all that come after it. Answers how many were there, too.
pub(super) fn collect(
    mut found: Rows<'_>,
    tenant: &TenantId,
    table: &Table,
    mut look: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<(Vec<DocRow>, usize)> {
    let (mut rows, mut seen) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        seen += 1;
        look(row)?;
        match rows::read(row, tenant, table, None) {
            Ok(row) => rows.push(row),
            Err(error) => tracing::error!(event = "alarm", "{tenant}/{}/{}: {error}", table.collection, shown(row.get_ref(2)?)),
        }
    }
    Ok((rows, seen))
}

/// An id of whatever type, for people.
fn shown(id: ValueRef<'_>) -> String {
    match id {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(id) => id.to_string(),
        ValueRef::Real(id) => id.to_string(),
        ValueRef::Text(id) => String::from_utf8_lossy(id).into_owned(),
        ValueRef::Blob(id) => format!("a value of {} bytes", id.len()),
    }
}

pub(super) async fn sample(tenant: &SqliteTenant, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
    let (table, id) = (tenant.table(collection)?, tenant.id.clone());
    tenant
        .file
        .read("sample", format!("{}/{collection}", tenant.id), move |connection| {
            let located = format!("SELECT id FROM {} WHERE NOT sole ORDER BY random() LIMIT ?1", table.location);
            let mut rows = look_up_all(connection, &id, &table, &located, limit)?;
            rows.retain(|row| row.truth().holder == Holder::Both);
            Ok(rows)
        })
        .await
}

/// The documents whose ids a statement selects, up to a number that it takes as its one parameter.
pub(super) fn look_up_all(
    connection: &Connection,
    tenant: &TenantId,
    table: &Table,
    ids: &str,
    limit: usize,
) -> rusqlite::Result<Vec<DocRow>> {
    let mut statement = connection.prepare_cached(ids)?;
    let ids = statement.query_map([limit as u64], |row| rows::read_id(row.get_ref(0)?, table.id_kind))?;
    let ids = ids.collect::<rusqlite::Result<Vec<Option<DocId>>>>()?;
    ids.iter().flatten().map(|id| rows::look_up(connection, tenant, table, id, false)).collect()
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
                    "SELECT count(*) FROM (SELECT 1 FROM {location} l WHERE l.sole AND l.length > 0 \
                     AND EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = l.id{}) LIMIT ?1)",
                    table.mine("d.")
                );
                sole += connection.query_row(&statement, [COUNTED_SOLE - sole], |row| row.get::<_, u64>(0))?;
            }
            Ok(Remaining { sole, open_uploads })
        })
        .await
}
