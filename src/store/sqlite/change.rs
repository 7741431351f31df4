//! The final transactions. Each reads the rows again under the write lock, has the plan made by what it sees there, changes the
//! document and its location together, and leaves the work that follows from it in the outbox. The statements themselves stand in
//! `edit`, on the customer's row, and in `locate`, on the location.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::blob::ZeroBlob;
use rusqlite::{ErrorCode, Transaction, params};

use super::edit::Bound;
use super::file::{Outcome, broken};
use super::jobs::{self, Wish};
use super::rows;
use super::staging;
use super::table::Table;
use super::tally;
use super::tenant::SqliteTenant;
use crate::model::document::DocRow;
use crate::model::id::DocKey;
use crate::model::id::{DocId, ObjectRef, TenantId};
use crate::model::job::{JobTarget, NewJob, Priority};
use crate::model::stamp::Epoch;
use crate::store::error::{StoreError, StoreResult};
use crate::store::plan::{self, Decision, Filling, LocationEdit, Plan, RowEdit, Rules};
use crate::store::sql::{Change, Commit, Committed, UploadPurpose};

/// One transaction's view: which document, in which table, at which moment.
pub(super) struct Work<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) tenant: &'a TenantId,
    pub(super) table: &'a Table,
    /// As the row spells it, where there is one.
    pub(super) id: &'a DocId,
    pub(super) now: Timestamp,
}

pub(super) async fn commit(tenant: &SqliteTenant, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit> {
    let table = tenant.table(&key.collection)?;
    let (id, key, mirror, clock) = (tenant.id.clone(), key.clone(), tenant.mirror, Arc::clone(&tenant.clock));
    let rules = table.rules(tenant.history);
    let (operation, target) = (change.label(), key.to_string());
    // A copy is published in tables of ours alone; every other change can meet the customer's constraints.
    let is_ours_alone = matches!(change, Change::Publish { .. });
    let commit = move |tx: &Transaction<'_>| {
        let before = rows::look_up(tx, &id, &table, &key.id, false)?;
        let work = Work { tx, tenant: &id, table: &table, id: &before.key.id, now: clock.now() };
        match plan::decide(&before, epoch, change, rules).map_err(|misfit| broken(misfit.to_string()))? {
            Decision::Refuse(refusal) => Ok(Outcome::Rollback(refusal)),
            Decision::Make(plan) => work.make(&before, &plan, rules, mirror),
        }
    };
    let ended = if is_ours_alone {
        tenant.file.write_together(operation, target, commit).await
    } else {
        tenant.file.write(operation, target, commit).await
    };
    ended.or_else(|error| refused_at_the_end(&error).ok_or(error))
}

impl Work<'_> {
    fn make(&self, before: &DocRow, plan: &Plan, rules: Rules, mirror: bool) -> rusqlite::Result<Outcome<Commit>> {
        match self.carry_out(before, plan, rules) {
            Ok(true) => Ok(Outcome::Commit(Commit::Done(self.follow_up(before, mirror, Priority::Write)?))),
            Ok(false) => Ok(Outcome::Rollback(Commit::Moved)),
            Err(error) if is_refusal(&error) => Ok(Outcome::Rollback(Commit::Refused(error.to_string()))),
            Err(error) => Err(error),
        }
    }

    /// False: what the plan takes is not there any more.
    fn carry_out(&self, before: &DocRow, plan: &Plan, rules: Rules) -> rusqlite::Result<bool> {
        if let Some((object, purpose)) = &plan.upload
            && !take_upload(self.tx, self.tenant, object, *purpose, before.state.epoch)?
        {
            return Ok(false);
        }
        if let Some(object) = plan.revived()
            && self.has_upload(object)?
        {
            return Ok(false);
        }
        if !self.has_content(plan, before.state.epoch)? {
            return Ok(false);
        }
        if plan.keep {
            // What the location has is older than what was written over it.
            self.retire()?;
            self.keep(before)?;
        }
        match plan.location {
            LocationEdit::Retire | LocationEdit::Replace(_) => self.retire()?,
            LocationEdit::Keep | LocationEdit::Update { .. } | LocationEdit::MakeSole => {}
        }
        match plan.row {
            RowEdit::Mark => self.note_mark()?,
            RowEdit::Put { revive: true, .. } => self.forget_mark()?,
            RowEdit::Put { .. } | RowEdit::Keep | RowEdit::Insert { .. } | RowEdit::Content(_) | RowEdit::Clear | RowEdit::Delete => {}
        }
        self.edit_row(&plan.row)?;
        // Before there is a new location: what was noted of the content before is not of a client's own.
        self.note_beginning(before, plan, rules)?;
        self.settle(plan)?;
        Ok(true)
    }

    fn has_upload(&self, object: &ObjectRef) -> rusqlite::Result<bool> {
        self.tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM sluss_upload WHERE object = ?1)")?
            .query_row([object.id.to_string()], |row| row.get(0))
    }

    /// What was noted of the content before is no more, unless its location has taken it over.
    pub(super) fn note_beginning(&self, before: &DocRow, plan: &Plan, rules: Rules) -> rusqlite::Result<()> {
        match (&plan.row, plan.begins(before, rules)) {
            (_, Some(content)) => self.begin(&content),
            (RowEdit::Insert { .. } | RowEdit::Put { .. } | RowEdit::Clear | RowEdit::Delete, None) => self.forget_begun(),
            (RowEdit::Keep | RowEdit::Content(_) | RowEdit::Mark, None) => Ok(()),
        }
    }

    /// False: what was staged for this plan is not there any more.
    pub(super) fn has_content(&self, plan: &Plan, epoch: Epoch) -> rusqlite::Result<bool> {
        match plan.filling() {
            Some(Filling::Staged(staged)) => staging::is_whole(self.tx, staged, epoch),
            Some(Filling::Nothing | Filling::Inline(_)) | None => Ok(true),
        }
    }

    /// What follows once the row is as the plan has it: large content, and the location at the row's new revision.
    pub(super) fn settle(&self, plan: &Plan) -> rusqlite::Result<()> {
        if let Some(Filling::Staged(staged)) = plan.filling() {
            self.fill(staged)?;
        }
        match &plan.location {
            LocationEdit::Keep | LocationEdit::Retire => Ok(()),
            LocationEdit::Replace(new) => self.locate(new, self.revision()?, plan.row.is_a_clients_content()),
            LocationEdit::Update { revision, stamp, sole } => self.set_location(revision.revision(self.revision()?), stamp, *sole),
            LocationEdit::MakeSole => self.make_sole(self.revision()?),
        }
    }

    fn edit_row(&self, edit: &RowEdit) -> rusqlite::Result<()> {
        match edit {
            RowEdit::Keep => Ok(()),
            RowEdit::Insert { content, attributes } => self.insert(self.bound(content)?, attributes),
            RowEdit::Put { content, attributes, revive } => self.put(self.bound(content)?, attributes, *revive),
            RowEdit::Content(content) => self.set_content(self.bound(content)?),
            RowEdit::Clear => self.clear_content(),
            RowEdit::Mark => self.mark_deleted(),
            RowEdit::Delete => self.delete_row(),
        }
    }

    /// Large content begins as a zeroblob of its length, which SQLite writes without holding it.
    pub(super) fn bound(&self, content: &Filling) -> rusqlite::Result<Bound> {
        match content {
            Filling::Nothing => Ok(self.table.no_content()),
            Filling::Inline(bytes) => Ok(Box::new(bytes.to_vec())),
            Filling::Staged(staged) => {
                let length = i32::try_from(staged.content.length_bytes).map_err(|_| broken("content over 2^31-1 bytes"))?;
                Ok(Box::new(ZeroBlob(length)))
            }
        }
    }

    /// What every change leaves behind: the outbox, the figures, and the stamp to answer with.
    pub(super) fn follow_up(&self, before: &DocRow, mirror: bool, priority: Priority) -> rusqlite::Result<Committed> {
        let after = rows::look_up(self.tx, self.tenant, self.table, self.id, false)?;
        for kind in plan::called_for(&after, mirror) {
            let job = NewJob { kind, target: JobTarget::Document(after.key.clone()), priority };
            jobs::enqueue(self.tx, &job, Wish::Anew, self.now.as_millisecond())?;
        }
        tally::carry(self.tx, self.tenant, self.table, before, &after)?;
        Ok(plan::committed(before, &after))
    }
}

/// False: it is not there any more, or condemned.
pub(super) fn take_upload(
    tx: &Transaction<'_>,
    tenant: &TenantId,
    object: &ObjectRef,
    purpose: UploadPurpose,
    epoch: Epoch,
) -> rusqlite::Result<bool> {
    let taken = tx.execute(
        "DELETE FROM sluss_upload WHERE object = ?1 AND tenant = ?2 AND state = 'open' AND epoch = ?3 AND purpose = ?4",
        params![object.id.to_string(), tenant.as_str(), epoch.0, purpose.label()],
    )?;
    Ok(taken == 1)
}

/// A deferred foreign key refuses the row no earlier than at COMMIT, and nothing of the transaction is left then either.
pub(super) fn refused_at_the_end(error: &StoreError) -> Option<Commit> {
    let cause = std::error::Error::source(error)?.downcast_ref::<rusqlite::Error>()?;
    is_refusal(cause).then(|| Commit::Refused(cause.to_string()))
}

/// The row cannot be: a constraint forbids it, or it is larger than a row may be.
pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
}
