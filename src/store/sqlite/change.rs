//! The final transactions. Each reads the rows again under the write lock, checks all that it relied on, changes the
//! document and its location together, and leaves the work that follows from it in the outbox. The statements themselves stand in
//! `edit`, on the customer's row, and in `locate`, on the location.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::blob::ZeroBlob;
use rusqlite::{ErrorCode, Transaction, params};

use super::edit::Bound;
use super::file::{Outcome, broken};
use super::jobs::{self, Wish};
use super::locate::NewLocation;
use super::rows;
use super::staging;
use super::table::Table;
use super::tally;
use super::tenant::SqliteTenant;
use crate::config::{CreateRule, DeleteRule};
use crate::model::content::Fingerprint;
use crate::model::document::{ContentColumn, DocRow, Holder, Repair, SqlContent, State};
use crate::model::id::DocKey;
use crate::model::id::{DocId, ObjectRef, TenantId};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::location::{Labels, Location};
use crate::model::precondition::Precondition;
use crate::model::purge::{Purgeable, judge};
use crate::model::stamp::{Epoch, Revision, Stamp};
use crate::store::error::StoreResult;
use crate::store::sql::{Change, Commit, Committed, Copied, NewAttributes, NewContent, UploadPurpose};

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
    let operation = change.label();
    tenant
        .file
        .write(operation, key.to_string(), move |tx| {
            let before = rows::look_up(tx, &id, &table, &key.id, false)?;
            let work = Work { tx, tenant: &id, table: &table, id: &before.key.id, now: clock.now() };
            work.apply(&before, epoch, change, mirror)
        })
        .await
}

impl Work<'_> {
    fn apply(&self, before: &DocRow, epoch: Epoch, change: Change, mirror: bool) -> rusqlite::Result<Outcome<Commit>> {
        if before.state.epoch != epoch {
            return Ok(Outcome::Rollback(Commit::Moved));
        }
        if before.state.read_only && change.is_a_clients() {
            return Ok(Outcome::Rollback(Commit::ReadOnly));
        }
        let done = match change {
            Change::Store { content, attributes, precondition } => self.store(before, &content, &attributes, &precondition),
            Change::Point { object, labels, content, attributes, precondition } => {
                self.point(before, NewObject { object, labels, content }, &attributes, &precondition)
            }
            Change::Publish { seen, copied, content } => self.publish(before, seen, copied, content),
            Change::WriteBack { seen, content } => self.write_back(before, &seen, &content),
            Change::Repair { seen, repair } => self.repair(before, seen, repair),
            Change::Purge { seen, object, located_before } => self.purge(before, seen, &object, located_before),
            Change::Distrust { seen, object } => self.distrust(before, seen, object.as_ref()),
            Change::Delete { precondition } => self.delete(before, &precondition),
        };
        let done = match done {
            Ok(None) => None,
            Ok(Some(refusal)) => Some(refusal),
            Err(error) if is_refusal(&error) => Some(Commit::Refused(error.to_string())),
            Err(error) => return Err(error),
        };
        match done {
            Some(refusal) => Ok(Outcome::Rollback(refusal)),
            None => self.follow_up(before, mirror),
        }
    }

    /// What every change leaves behind: the outbox, the figures, and the stamp to answer with.
    fn follow_up(&self, before: &DocRow, mirror: bool) -> rusqlite::Result<Outcome<Commit>> {
        let after = rows::look_up(self.tx, self.tenant, self.table, self.id, false)?;
        for kind in [JobKind::Copy, JobKind::WriteBack] {
            if after.needs(kind, mirror) {
                let job = NewJob { kind, target: JobTarget::Document(after.key.clone()), priority: Priority::Write };
                jobs::enqueue(self.tx, &job, Wish::Anew, self.now.as_millisecond())?;
            }
        }
        tally::carry(self.tx, self.tenant, self.table, before, &after)?;
        let (had, has) = (before.truth(), after.truth());
        let created = !had.visible || had.stamp.is_none();
        Ok(Outcome::Commit(Commit::Done(Committed { created, stamp: has.stamp })))
    }

    fn store(&self, before: &DocRow, content: &NewContent, attributes: &NewAttributes, precondition: &Precondition) -> Refusable {
        if let Some(refusal) = unmet(before, precondition) {
            return Ok(Some(refusal));
        }
        if !self.may_put(before) {
            return Ok(Some(Commit::Absent));
        }
        if !self.is_usable(content, before.state)? {
            return Ok(Some(Commit::Moved));
        }
        self.retire()?;
        self.put(before, bound(content)?, attributes)?;
        self.fill(content)?;
        if content.is_empty() && self.table.column == ContentColumn::NotNull {
            self.locate_empty(before.state.epoch)?;
        }
        Ok(None)
    }

    fn point(&self, before: &DocRow, new: NewObject, attributes: &NewAttributes, precondition: &Precondition) -> Refusable {
        let NewObject { object, labels, content } = new;
        if let Some(refusal) = unmet(before, precondition) {
            return Ok(Some(refusal));
        }
        if !self.may_put(before) {
            return Ok(Some(Commit::Absent));
        }
        if !self.take_upload(&object, UploadPurpose::Write, before.state.epoch)? {
            return Ok(Some(Commit::Moved));
        }
        self.retire()?;
        self.put(before, self.table.no_content(), attributes)?;
        let stamp = Stamp::Object(object.id);
        self.locate(&NewLocation { object: Some(object), labels, stamp, content, revision: self.revision()?, sole: true })?;
        Ok(None)
    }

    /// Where the application inserts the rows, a PUT gives content to one that is there.
    fn may_put(&self, before: &DocRow) -> bool {
        match self.table.create {
            CreateRule::Insert => true,
            CreateRule::Existing => before.document.is_some(),
        }
    }

    /// In a column that is NOT NULL the empty value stands for no content; the location says that this one is the empty document. It
    /// is sole, so that content written straight over it retires it: else the empty document came back once that is cleared.
    fn locate_empty(&self, epoch: Epoch) -> rusqlite::Result<()> {
        let revision = self.revision()?;
        let stamp = Stamp::Row { epoch, revision };
        self.locate(&NewLocation { object: None, labels: Labels::default(), stamp, content: Fingerprint::of(b""), revision, sole: true })
    }

    fn publish(&self, before: &DocRow, seen: Revision, copied: Copied, content: Fingerprint) -> Refusable {
        let Some(document) = before.document.as_ref().filter(|document| document.revision == seen) else { return Ok(Some(Commit::Moved)) };
        let is_located = before.location.as_ref().is_some_and(|location| location.revision == seen);
        let is_whole = document.content == SqlContent::of_length(Some(content.length_bytes));
        if is_located || !is_whole || before.truth().holder != Holder::Sql {
            return Ok(Some(Commit::Moved));
        }
        let stamp = Stamp::Row { epoch: before.state.epoch, revision: seen };
        match copied {
            Copied::Uploaded(object, labels) => {
                if let Some(object) = &object
                    && !self.take_upload(object, UploadPurpose::Copy, before.state.epoch)?
                {
                    return Ok(Some(Commit::Moved));
                }
                self.retire()?;
                self.locate(&NewLocation { object, labels, stamp, content, revision: seen, sole: false })?;
            }
            Copied::SameAs(object) => {
                let same = before.location.as_ref().is_some_and(|location| location.object == object && location.content == content);
                if !same {
                    return Ok(Some(Commit::Moved));
                }
                self.set_location(seen, &stamp, false)?;
            }
        }
        Ok(None)
    }

    fn write_back(&self, before: &DocRow, seen: &Stamp, content: &NewContent) -> Refusable {
        let truth = before.truth();
        if truth.holder != Holder::Object || truth.stamp.as_ref() != Some(seen) || !self.is_usable(content, before.state)? {
            return Ok(Some(Commit::Moved));
        }
        if !before.location.as_ref().is_some_and(|location| is_content_of(location, content)) {
            return Err(broken("what was written back is not the location's content"));
        }
        self.set_content(bound(content)?)?;
        self.fill(content)?;
        self.set_location(self.revision()?, seen, false)?;
        Ok(None)
    }

    fn repair(&self, before: &DocRow, seen: Revision, repair: Repair) -> Refusable {
        let current = before.document.as_ref().is_some_and(|document| document.revision == seen);
        if !current || before.truth().repair != Some(repair) {
            return Ok(Some(Commit::Moved));
        }
        match (repair, &before.location) {
            (Repair::BringUpToDate, Some(location)) => self.set_location(seen, &location.stamp, location.sole)?,
            (Repair::RetireWrittenAround | Repair::RetireCleared, Some(_)) => self.retire()?,
            (Repair::Alarm(_), _) | (_, None) => return Ok(Some(Commit::Moved)),
        }
        Ok(None)
    }

    /// The object stays as it was verified, so it keeps its stamp and the time of that.
    fn purge(&self, before: &DocRow, seen: Revision, object: &ObjectRef, located_before: Timestamp) -> Refusable {
        let still = match judge(before, located_before) {
            Purgeable::Yes { seen: revision, object: holder, .. } => revision == seen && holder == *object,
            Purgeable::Nothing | Purgeable::Unverified | Purgeable::TooYoung => false,
        };
        if !still || !before.state.phase.calls_for(JobKind::Purge, false) {
            return Ok(Some(Commit::Moved));
        }
        self.set_content(self.table.no_content())?;
        self.make_sole(self.revision()?)?;
        Ok(None)
    }

    fn distrust(&self, before: &DocRow, seen: Revision, object: Option<&ObjectRef>) -> Refusable {
        let named = before.location.as_ref().is_some_and(|location| location.revision == seen && location.object.as_ref() == object);
        if !named || before.truth().holder != Holder::Both {
            return Ok(Some(Commit::Moved));
        }
        self.retire().map(|()| None)
    }

    fn delete(&self, before: &DocRow, precondition: &Precondition) -> Refusable {
        if let Some(refusal) = unmet(before, precondition) {
            return Ok(Some(refusal));
        }
        let truth = before.truth();
        if !truth.visible {
            return Ok(Some(Commit::Absent));
        }
        match self.table.delete {
            DeleteRule::Row => self.delete_row()?,
            DeleteRule::Soft => self.mark_deleted()?,
            DeleteRule::Content if truth.stamp.is_none() => return Ok(Some(Commit::Absent)),
            DeleteRule::Content => {
                self.retire()?;
                self.clear_content()?;
            }
        }
        Ok(None)
    }

    fn is_usable(&self, content: &NewContent, state: State) -> rusqlite::Result<bool> {
        match content {
            NewContent::Inline(_) => Ok(true),
            NewContent::Staged(staged) => staging::is_whole(self.tx, staged, state.epoch),
        }
    }

    /// The upload's row must still be there and not condemned: whoever publishes a key takes it.
    fn take_upload(&self, object: &ObjectRef, purpose: UploadPurpose, epoch: Epoch) -> rusqlite::Result<bool> {
        let taken = self.tx.execute(
            "DELETE FROM sluss_upload WHERE object = ?1 AND tenant = ?2 AND state = 'open' AND epoch = ?3 AND purpose = ?4",
            params![object.id.to_string(), self.tenant.as_str(), epoch.0, purpose.label()],
        )?;
        Ok(taken == 1)
    }
}

/// `None`: the change was made. `Some`: how the transaction ends instead.
type Refusable = rusqlite::Result<Option<Commit>>;

/// A client's upload, about to become the document's content.
struct NewObject {
    object: ObjectRef,
    labels: Labels,
    content: Fingerprint,
}

/// Large content begins as a zeroblob of its length, which SQLite writes without holding it.
fn bound(content: &NewContent) -> rusqlite::Result<Bound> {
    match content {
        NewContent::Inline(bytes) => Ok(Box::new(bytes.to_vec())),
        NewContent::Staged(staged) => {
            let length = i32::try_from(staged.content.length_bytes).map_err(|_| broken("content over 2^31-1 bytes"))?;
            Ok(Box::new(ZeroBlob(length)))
        }
    }
}

/// The last look before the object is no longer the only holder.
fn is_content_of(location: &Location, content: &NewContent) -> bool {
    match content {
        NewContent::Inline(bytes) => Fingerprint::of(bytes) == location.content,
        NewContent::Staged(staged) => staged.content == location.content,
    }
}

fn unmet(before: &DocRow, precondition: &Precondition) -> Option<Commit> {
    let truth = before.truth();
    precondition.check(truth.stamp.as_ref().filter(|_| truth.visible)).err().map(Commit::Unmet)
}

/// The row cannot be: a constraint forbids it, or it is larger than a row may be.
fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
}
