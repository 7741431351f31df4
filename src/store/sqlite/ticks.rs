//! The tick of a tenant's database, by which a put-back one is noticed, and how it goes on after that.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::file::Outcome;
use super::history::signed;
use super::rows;
use super::tenant::SqliteTenant;
use crate::model::history::{TICK, Tick};
use crate::model::id::TenantId;
use crate::model::stamp::Epoch;
use crate::store::error::StoreResult;

fn read(connection: &Connection, tenant: &TenantId) -> rusqlite::Result<Tick> {
    let number = connection
        .query_row("SELECT tick FROM sluss_tick WHERE tenant = ?1", [tenant.as_str()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| rows::not_initialised(tenant))?;
    Ok(Tick { epoch: rows::state(connection, tenant)?.epoch, number })
}

pub(super) async fn tick(tenant: &SqliteTenant) -> StoreResult<Tick> {
    let id = tenant.id.clone();
    tenant.file.read("read the tick of", tenant.id.to_string(), move |connection| read(connection, &id)).await
}

pub(super) async fn raise(tenant: &SqliteTenant, seen: Tick) -> StoreResult<Tick> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    tenant
        .file
        .write("raise the tick of", tenant.id.to_string(), move |tx| {
            let found = read(tx, &id)?;
            if found.is_behind(seen) {
                return Ok(Outcome::Rollback(found));
            }
            // A clock that was put back gives a new beginning, and no tick.
            let raise = "UPDATE sluss_tick SET tick = tick + (at <= ?2 - ?3), at = ?2 WHERE tenant = ?1 AND (at <= ?2 - ?3 OR at > ?2)";
            tx.execute(raise, params![id.as_str(), now, TICK.as_millis() as i64])?;
            Ok(Outcome::Commit(read(tx, &id)?))
        })
        .await
}

/// A file has no log that a mark could be put into.
pub(super) async fn mark(tenant: &SqliteTenant) -> StoreResult<Timestamp> {
    let (id, clock) = (tenant.id.clone(), Arc::clone(&tenant.clock));
    tenant
        .file
        .write("mark a moment of", tenant.id.to_string(), move |tx| {
            tx.execute("UPDATE sluss_tick SET tick = tick + 1 WHERE tenant = ?1", [id.as_str()])?;
            Ok(Outcome::Commit(clock.now()))
        })
        .await
}

pub(super) async fn go_on_from(tenant: &SqliteTenant, from: Tick) -> StoreResult<bool> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    tenant
        .file
        .write("go on in", tenant.id.to_string(), move |tx| {
            let found = read(tx, &id)?;
            if !found.is_behind(from) {
                return Ok(Outcome::Rollback(false));
            }
            // Neither ever falls: the tick may have risen since somebody looked.
            tx.execute("UPDATE sluss_state SET epoch = max(epoch, ?2) WHERE tenant = ?1", params![id.as_str(), from.epoch.0])?;
            tx.execute(
                "UPDATE sluss_tick SET tick = max(tick, ?2), at = ?3, epoch_at = max(tick, ?2) WHERE tenant = ?1",
                params![id.as_str(), signed(from.number), now],
            )?;
            // What ended since the database was put back bears the tick that stood still, and is not as old as that.
            tx.execute(
                "UPDATE sluss_version SET tick = max(tick, ?3) WHERE tenant = ?1 AND tick >= ?2",
                params![id.as_str(), signed(found.number), signed(from.number)],
            )?;
            tx.execute(
                "UPDATE sluss_job SET state = 'ready', owner = NULL, token = NULL, due_at = ?2 WHERE tenant = ?1 AND state = 'leased'",
                params![id.as_str(), now],
            )?;
            Ok(Outcome::Commit(true))
        })
        .await
}

/// Uploads of older epochs: nobody can publish them, and a later restore may still name their objects.
pub(super) fn condemn_void(tx: &Transaction<'_>, tenant: &TenantId, epoch: Epoch, older_than: u64, now: i64) -> rusqlite::Result<usize> {
    tx.execute(
        "UPDATE sluss_upload SET state = 'condemned', changed_at = ?4 WHERE tenant = ?1 AND state = 'open' AND epoch <> ?2 \
         AND EXISTS (SELECT 1 FROM sluss_tick t WHERE t.tenant = ?1 AND t.epoch_at <= t.tick - ?3)",
        params![tenant.as_str(), epoch.0, signed(older_than), now],
    )
}
