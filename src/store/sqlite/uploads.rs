//! Uploads: noted before the first byte leaves, taken by whoever publishes them, condemned and collected otherwise.

use std::time::Duration;

use rusqlite::params;

use super::file::{Outcome, broken};
use super::rows;
use super::staging;
use super::tenant::SqliteTenant;
use crate::model::id::{FreshKey, ObjectId};
use crate::model::stamp::Epoch;
use crate::store::error::StoreResult;
use crate::store::object::PartsId;
use crate::store::sql::{Condemned, Recorded, UploadPurpose};

pub(super) async fn record(tenant: &SqliteTenant, key: &FreshKey, purpose: UploadPurpose, epoch: Epoch) -> StoreResult<Recorded> {
    let (id, object, now) = (tenant.id.clone(), key.object().clone(), tenant.now());
    tenant
        .file
        .write_together("record upload", object.to_string(), move |tx| {
            // The state is read under the write lock: no flip can come between it and the row.
            let state = rows::state(tx, &id)?;
            let allowed = purpose.is_allowed_in(state.phase);
            if !allowed || state.epoch != epoch {
                return Ok(Outcome::Rollback(Recorded::Moved));
            }
            if state.read_only && purpose == UploadPurpose::Write {
                return Ok(Outcome::Rollback(Recorded::ReadOnly));
            }
            tx.execute(
                "INSERT INTO sluss_upload (object, tenant, placement, purpose, epoch, state, changed_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6)",
                params![object.id.to_string(), id.as_str(), object.placement.as_str(), purpose.label(), epoch.0, now],
            )?;
            Ok(Outcome::Commit(Recorded::Yes))
        })
        .await
}

pub(super) async fn parts_begun(tenant: &SqliteTenant, upload: ObjectId, parts: &PartsId) -> StoreResult<bool> {
    let (id, PartsId(parts)) = (tenant.id.clone(), parts.clone());
    tenant
        .file
        .write("note the parts of", upload.to_string(), move |tx| {
            let noted = tx.execute(
                "UPDATE sluss_upload SET multipart = ?3 WHERE object = ?1 AND tenant = ?2 AND state = 'open'",
                params![upload.to_string(), id.as_str(), parts],
            )?;
            Ok(Outcome::Commit(noted == 1))
        })
        .await
}

pub(super) async fn condemn(tenant: &SqliteTenant, upload: ObjectId) -> StoreResult<()> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    tenant
        .file
        .write("condemn", upload.to_string(), move |tx| {
            tx.execute(
                "UPDATE sluss_upload SET state = 'condemned', changed_at = ?3 WHERE object = ?1 AND tenant = ?2 AND state = 'open'",
                params![upload.to_string(), id.as_str(), now],
            )?;
            Ok(Outcome::Commit(()))
        })
        .await
}

pub(super) async fn condemned(tenant: &SqliteTenant, age: Duration, limit: usize) -> StoreResult<Vec<Condemned>> {
    let (id, now) = (tenant.id.clone(), tenant.now());
    let before = now - i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    tenant
        .file
        .write("collect from", tenant.id.to_string(), move |tx| {
            let state = rows::state(tx, &id)?;
            tx.execute(
                "UPDATE sluss_upload SET state = 'condemned', changed_at = ?3 \
                 WHERE tenant = ?1 AND state = 'open' AND changed_at < ?2 AND epoch = ?4",
                params![id.as_str(), before, now, state.epoch.0],
            )?;
            staging::remove_abandoned(tx, id.as_str(), before, state.epoch)?;
            let mut statement = tx.prepare_cached(
                "SELECT placement, object, state = 'removed', multipart FROM sluss_upload \
                 WHERE tenant = ?1 AND (state = 'condemned' OR (state = 'removed' AND changed_at < ?2)) ORDER BY changed_at LIMIT ?3",
            )?;
            let found = statement.query_map(params![id.as_str(), before, limit as u64], |row| {
                let object = rows::read_object(row.get(0)?, row.get(1)?)?.ok_or_else(|| broken("an upload without an object"))?;
                Ok(Condemned { object, parts: row.get::<_, Option<String>>(3)?.map(PartsId), last_round: row.get(2)? })
            })?;
            Ok(Outcome::Commit(found.collect::<rusqlite::Result<Vec<_>>>()?))
        })
        .await
}

pub(super) async fn removed(tenant: &SqliteTenant, condemned: &Condemned) -> StoreResult<()> {
    let (id, now, condemned) = (tenant.id.clone(), tenant.now(), condemned.clone());
    let statement = if condemned.last_round {
        "DELETE FROM sluss_upload WHERE object = ?1 AND tenant = ?2 AND state = 'removed' AND ?3 >= changed_at"
    } else {
        "UPDATE sluss_upload SET state = 'removed', changed_at = ?3 WHERE object = ?1 AND tenant = ?2 AND state = 'condemned'"
    };
    tenant
        .file
        .write("note removal of", condemned.object.to_string(), move |tx| {
            tx.execute(statement, params![condemned.object.id.to_string(), id.as_str(), now])?;
            Ok(Outcome::Commit(()))
        })
        .await
}
