//! The tenant's own row: its phase, its epoch, whether it is read-only.

use super::batch::Batch;
use super::rows::read_state;
use super::statements;
use super::tenant::{SqlServerTenant, not_initialised};
use crate::model::document::State;
use crate::model::job::{JobKind, Priority};
use crate::model::phase::FlipPermit;
use crate::store::error::StoreResult;
use crate::store::sql::Flipped;

pub(super) async fn read(tenant: &SqlServerTenant) -> StoreResult<State> {
    let read = async {
        let mut rows = tenant.run(&tenant.batch(statements::STATE)).await?;
        let mut row = rows.pop().ok_or_else(|| not_initialised(&tenant.id))?;
        Ok(read_state(&mut row)?)
    };
    read.await.map_err(|fault: super::fault::Fault| fault.at("read the state of", &tenant.id))
}

pub(super) async fn flip(tenant: &SqlServerTenant, permit: FlipPermit) -> StoreResult<Flipped> {
    let text = transaction(&[statements::FLIP, statements::RESTART]);
    let batch = restart(tenant, &text, JobKind::Sweep, Priority::Housekeeping).with("from", "varchar(16)", permit.from().label()).with(
        "to",
        "varchar(16)",
        permit.to().label(),
    );
    match tenant.outcome(&batch).await.map_err(|fault| fault.at("flip", &tenant.id))?.as_str() {
        "done" => Ok(Flipped::Done),
        _ => Ok(Flipped::Moved),
    }
}

pub(super) async fn set_read_only(tenant: &SqlServerTenant, on: bool) -> StoreResult<()> {
    let batch = tenant.batch(statements::SET_READ_ONLY).with("on", "bit", on);
    let done = async {
        match tenant.number(&batch).await? {
            0 => Err(not_initialised(&tenant.id)),
            _ => Ok(()),
        }
    };
    done.await.map_err(|fault| fault.at("set read-only", &tenant.id))
}

/// Statements in one transaction that answers `done` behind its commit, unless one of them has ended it before.
pub(super) fn transaction(statements: &[&str]) -> String {
    format!(
        "SET NOCOUNT ON; SET XACT_ABORT ON;\nBEGIN TRANSACTION;\n{}COMMIT TRANSACTION;\nSELECT 'done' AS outcome;\n",
        statements.concat()
    )
}

/// A batch with what `restart.sql` takes.
pub(super) fn restart(tenant: &SqlServerTenant, text: &str, kind: JobKind, priority: Priority) -> Batch<'static> {
    restart_in(tenant, text, kind, priority, tenant.collections())
}

/// The same for some of the collections, listed as [`SqlServerTenant::collections`] lists all.
pub(super) fn restart_in(tenant: &SqlServerTenant, text: &str, kind: JobKind, priority: Priority, collections: String) -> Batch<'static> {
    tenant.timed(text).with("kind", "varchar(16)", kind.label()).with("job_priority", "int", i64::from(priority.rank())).with(
        "collections",
        "varchar(8000)",
        collections,
    )
}
