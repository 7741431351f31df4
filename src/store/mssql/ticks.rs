//! The tick of a tenant's database, by which a put-back one is noticed, and how it goes on after that.

use jiff::Timestamp;

use super::batch::{Batch, Misread, Row};
use super::fault::Fault;
use super::rows::{signed, time};
use super::statements;
use super::tenant::{SqlServerTenant, not_initialised, silent};
use super::uploads::millis;
use crate::model::history::{MarkName, TICK, Tick};
use crate::model::stamp::Epoch;
use crate::store::error::StoreResult;

pub(super) fn read(mut row: Row) -> Result<Tick, Misread> {
    Ok(Tick { epoch: Epoch(row.count()?), number: row.count()? })
}

/// A batch with a tick as its parameters.
pub(super) fn given(batch: Batch<'_>, tick: Tick) -> Batch<'_> {
    batch.with("epoch", "bigint", signed(tick.epoch.0)).with("number", "bigint", signed(tick.number))
}

pub(super) async fn tick(tenant: &SqlServerTenant) -> StoreResult<Tick> {
    one(tenant, &tenant.timed(statements::TICK), "read the tick of").await
}

pub(super) async fn raise(tenant: &SqlServerTenant, seen: Tick) -> StoreResult<Tick> {
    let batch = given(tenant.timed(statements::RAISE_TICK), seen).with("minute", "bigint", millis(TICK));
    one(tenant, &batch, "raise the tick of").await
}

async fn one(tenant: &SqlServerTenant, batch: &Batch<'_>, operation: &'static str) -> StoreResult<Tick> {
    let found = async { Ok(read(tenant.run(batch).await?.pop().ok_or_else(|| not_initialised(&tenant.id))?)?) };
    found.await.map_err(|fault: Fault| fault.at(operation, &tenant.id))
}

pub(super) async fn mark(tenant: &SqlServerTenant, name: &MarkName) -> StoreResult<Timestamp> {
    let batch = tenant.batch(statements::MARK).with("at", "bigint", tenant.at()).with("mark", "varchar(32)", name.as_str());
    let marked = async {
        let at = tenant.run(&batch).await?.pop().ok_or_else(silent)?.integer()?;
        Ok(time(at)?)
    };
    marked.await.map_err(|fault: Fault| fault.at("mark a moment of", &tenant.id))
}

pub(super) async fn go_on_from(tenant: &SqlServerTenant, from: Tick) -> StoreResult<bool> {
    let batch = given(tenant.timed(statements::GO_ON_FROM), from);
    let gone_on = async {
        match tenant.outcome(&batch).await?.as_str() {
            "gone on" => Ok(true),
            "as far" => Ok(false),
            _ => Err(not_initialised(&tenant.id)),
        }
    };
    gone_on.await.map_err(|fault: Fault| fault.at("go on in", &tenant.id))
}
