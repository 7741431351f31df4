//! Rows whose id the database gives. The plan is that of a write where no row is; the batch compares the state alone, and learns the id from
//! its own INSERT.

use super::change::{Ended, Left, TRIES, ended, overtaken, unfit};
use super::edit::Draft;
use super::fault::Fault;
use super::table::Table;
use super::tenant::SqlServerTenant;
use crate::model::document::DocRow;
use crate::model::id::{CollectionName, DocId};
use crate::model::job::Priority;
use crate::model::stamp::{Epoch, Revision};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::plan::{self, Decision, Plan};
use crate::store::sql::{Commit, Inserted, Insertion, NewDocument, SqlStore};

pub(super) async fn insert(
    tenant: &SqlServerTenant,
    collection: &CollectionName,
    epoch: Epoch,
    new: NewDocument,
) -> StoreResult<Insertion> {
    let target = || format!("{}/{collection}", tenant.id);
    for _ in 0..TRIES {
        let table = tenant.table(collection).await?;
        let unborn = plan::unborn(&tenant.id, collection, tenant.state().await?);
        let decision = plan::decide(&unborn, epoch, new.clone().into(), table.rules)
            .map_err(|misfit| StoreError::new(super::STORE, "insert", target(), StoreErrorKind::Other).because(misfit))?;
        let plan = match decision {
            Decision::Refuse(refusal) => return Ok(Insertion::Refused(refusal)),
            Decision::Make(plan) => plan,
        };
        if let Some(reason) = unfit(&table, &plan.row) {
            return Ok(Insertion::Refused(Commit::Unfit(reason)));
        }
        match carry_out(tenant, &table, &unborn, &plan).await {
            Ok(Ended::Done(left)) => return inserted(&table, &unborn, &plan, left).map_err(|fault| fault.at("insert", target())),
            Ok(Ended::Raced) => {}
            Ok(Ended::Gone) => return Ok(Insertion::Refused(Commit::Moved)),
            Err(fault) if fault.is_refusal() => return Ok(Insertion::Refused(Commit::Refused(fault.to_string()))),
            Err(fault) if fault.is_unfit() => return Ok(Insertion::Refused(Commit::Unfit(fault.to_string()))),
            Err(fault) => return Err(fault.at("insert", target())),
        }
    }
    Err(overtaken("insert", target()))
}

async fn carry_out(tenant: &SqlServerTenant, table: &Table, unborn: &DocRow, plan: &Plan) -> Result<Ended, Fault> {
    let after = plan.after(unborn, table.rules.column, Revision(u64::MAX));
    let mut draft = Draft::begin_nameless(table, unborn.state, tenant.at());
    draft.make(plan, unborn);
    draft.leave_behind(unborn, &after, tenant.mirror, Priority::Access);
    ended(tenant, &draft.end()).await
}

fn inserted(table: &Table, unborn: &DocRow, plan: &Plan, left: Left) -> Result<Insertion, Fault> {
    let (Some(revision), Some(spelled)) = (left.revision, left.spelled) else {
        return Err(super::rows::strange("the new row", "none").into());
    };
    let committed = plan::committed(unborn, &plan.after(unborn, table.rules.column, revision));
    Ok(Insertion::Done(Inserted { id: DocId::from_row(table.id_kind, &spelled), stamp: committed.stamp }))
}
