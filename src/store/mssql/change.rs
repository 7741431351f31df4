//! The final transactions. The rows are seen, the plan is made by what was seen, and one batch carries it out if the rows are still the same
//! under their locks; else both begin again. Nothing is decided in T-SQL.

use super::batch::Batch;
use super::edit::Draft;
use super::fault::Fault;
use super::rows::{Seen, unsigned};
use super::table::{Named, Table};
use super::tenant::SqlServerTenant;
use crate::model::document::DocRow;
use crate::model::id::DocKey;
use crate::model::job::Priority;
use crate::model::stamp::{Epoch, Revision};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::plan::{self, Decision, Plan, RowEdit};
use crate::store::sql::{Change, Commit};

/// How often the rows may turn out to be others before the caller hears of it. Each time somebody else's change went through.
pub(super) const TRIES: u32 = 10;

/// What a batch left of the row; nothing where there is no row any more.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) revision: Option<Revision>,
    /// The id in the text form that jobs have.
    pub(super) spelled: Option<String>,
}

/// How a batch of `change_begin` or `insert_begin` ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done(Left),
    /// The rows are others than the plan was made for. Nothing happened.
    Raced,
    /// What the batch was to take is not there any more. Nothing happened.
    Gone,
}

pub(super) async fn commit(tenant: &SqlServerTenant, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit> {
    let operation = change.label();
    for _ in 0..TRIES {
        let table = tenant.table(&key.collection).await?;
        let seen = tenant.see(&table, &key.id, operation, key).await?;
        let decision = plan::decide(&seen.row, epoch, change.clone(), table.rules)
            .map_err(|misfit| StoreError::new(super::STORE, operation, key, StoreErrorKind::Other).because(misfit))?;
        let plan = match decision {
            Decision::Refuse(refusal) => return Ok(refusal),
            Decision::Make(plan) => plan,
        };
        if let Some(reason) = unfit(&table, &plan.row) {
            return Ok(Commit::Unfit(reason));
        }
        match carry_out(tenant, &table, &seen, &plan).await {
            Ok(Ended::Done(Left { revision, .. })) => {
                let after = plan.after(&seen.row, table.rules.column, revision.unwrap_or(Revision(0)));
                return Ok(Commit::Done(plan::committed(&seen.row, &after)));
            }
            Ok(Ended::Raced) => {}
            Ok(Ended::Gone) => return Ok(Commit::Moved),
            // Whatever a trigger has answered before: the batch rolls back before it passes an error on.
            Err(fault) if fault.is_unfit() => return Ok(Commit::Unfit(fault.to_string())),
            Err(fault) if fault.is_refusal() => return Ok(Commit::Refused(fault.to_string())),
            Err(fault) => return Err(fault.at(operation, key)),
        }
    }
    Err(overtaken(operation, key))
}

/// A text that the server would refuse as too long, by what its own catalogue says of the column.
pub(super) fn unfit(table: &Table, edit: &RowEdit) -> Option<String> {
    let attributes = match edit {
        RowEdit::Insert { attributes, .. } | RowEdit::Put { attributes, .. } => attributes,
        RowEdit::Keep | RowEdit::Content(_) | RowEdit::Clear | RowEdit::Mark | RowEdit::Delete => return None,
    };
    [(&table.media_type, &attributes.media_type), (&table.file_name, &attributes.file_name)].into_iter().find_map(|(column, text)| {
        let (Named { name, column }, text) = (column.as_ref()?, text.as_ref()?);
        (!column.has_room_for(text)).then(|| format!("column {name} is {} and too short for this text", column.declared))
    })
}

/// Somebody else's change went through each time.
pub(super) fn overtaken(operation: &'static str, target: impl std::fmt::Display) -> StoreError {
    StoreError::new(super::STORE, operation, target, StoreErrorKind::Timeout).because(format!("the row changed {TRIES} times meanwhile"))
}

async fn carry_out(tenant: &SqlServerTenant, table: &Table, seen: &Seen, plan: &Plan) -> Result<Ended, Fault> {
    // The revision that the transaction will give is not known yet, and who holds the content does not depend on it.
    let after: DocRow = plan.after(&seen.row, table.rules.column, Revision(u64::MAX));
    let mut draft = Draft::begin(table, seen, tenant.at());
    draft.make(plan, &seen.row);
    draft.leave_behind(&seen.row, &after, tenant.mirror, Priority::Write);
    ended(tenant, &draft.end()).await
}

/// Runs a batch that began with `change_begin` or `insert_begin`.
pub(super) async fn ended(tenant: &SqlServerTenant, batch: &Batch<'_>) -> Result<Ended, Fault> {
    let mut rows = tenant.server.run(batch).await?;
    let mut row = rows.pop().ok_or_else(super::tenant::silent)?;
    let outcome = row.text()?;
    match outcome.as_str() {
        "done" => {
            let revision = row.integer_or_null()?.map(|revision| Revision(unsigned(revision)));
            Ok(Ended::Done(Left { revision, spelled: row.text_or_null()? }))
        }
        "raced" => Ok(Ended::Raced),
        "gone" => Ok(Ended::Gone),
        other => Err(super::rows::strange("how the batch ended", other).into()),
    }
}
