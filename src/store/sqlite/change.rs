//! The final transactions. Each reads the rows again under the write lock, checks all that it relied on, changes the
//! document and its location together, and leaves the work that follows from it in the outbox.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::blob::ZeroBlob;
use rusqlite::types::Null;
use rusqlite::{ErrorCode, OptionalExtension, ToSql, Transaction, params, params_from_iter};

use super::file::{Outcome, broken};
use super::jobs::{self, Wish};
use super::rows;
use super::staging;
use super::table::Table;
use super::tally;
use super::tenant::SqliteTenant;
use crate::model::content::Fingerprint;
use crate::model::document::{DocRow, Holder, Repair, SqlContent, State};
use crate::model::id::{DocId, DocKey, ObjectRef, TenantId};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::location::Location;
use crate::model::precondition::Precondition;
use crate::model::stamp::{Epoch, Revision, Stamp};
use crate::store::error::StoreResult;
use crate::store::sql::{Change, Commit, Committed, Copied, NewAttributes, NewContent, UploadPurpose};

/// One transaction's view: which document, in which table, at which moment.
struct Work<'a> {
    tx: &'a Transaction<'a>,
    tenant: &'a TenantId,
    table: &'a Table,
    id: &'a DocId,
    now: Timestamp,
}

pub(super) async fn commit(tenant: &SqliteTenant, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit> {
    let table = tenant.table(&key.collection)?;
    let (id, key, mirror, clock) = (tenant.id.clone(), key.clone(), tenant.mirror, Arc::clone(&tenant.clock));
    let operation = change.label();
    tenant
        .file
        .write(operation, key.to_string(), move |tx| {
            let work = Work { tx, tenant: &id, table: &table, id: &key.id, now: clock.now() };
            work.apply(epoch, change, mirror)
        })
        .await
}

impl Work<'_> {
    fn apply(&self, epoch: Epoch, change: Change, mirror: bool) -> rusqlite::Result<Outcome<Commit>> {
        let before = self.look_up()?;
        if before.state.epoch != epoch {
            return Ok(Outcome::Rollback(Commit::Moved));
        }
        let done = match change {
            Change::Store { content, attributes, precondition } => self.store(&before, &content, &attributes, &precondition),
            Change::Point { object, content, attributes, precondition } => self.point(&before, object, content, &attributes, &precondition),
            Change::Publish { seen, copied, content } => self.publish(&before, seen, copied, content),
            Change::WriteBack { seen, content } => self.write_back(&before, &seen, &content),
            Change::Repair { seen, repair } => self.repair(&before, seen, repair),
            Change::Delete { precondition } => self.delete(&before, &precondition),
        };
        let done = match done {
            Ok(None) => None,
            Ok(Some(refusal)) => Some(refusal),
            Err(error) if is_refusal(&error) => Some(Commit::Refused(error.to_string())),
            Err(error) => return Err(error),
        };
        match done {
            Some(refusal) => Ok(Outcome::Rollback(refusal)),
            None => self.follow_up(&before, mirror),
        }
    }

    /// What every change leaves behind: the outbox, the figures, and the stamp to answer with.
    fn follow_up(&self, before: &DocRow, mirror: bool) -> rusqlite::Result<Outcome<Commit>> {
        let after = self.look_up()?;
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

    fn look_up(&self) -> rusqlite::Result<DocRow> {
        rows::look_up(self.tx, self.tenant, self.table, self.id, false)
    }

    fn store(&self, before: &DocRow, content: &NewContent, attributes: &NewAttributes, precondition: &Precondition) -> Refusable {
        if let Some(refusal) = unmet(before, precondition) {
            return Ok(Some(refusal));
        }
        if !self.is_usable(content, before.state)? {
            return Ok(Some(Commit::Moved));
        }
        self.retire()?;
        let id = &before.key.id;
        if before.document.is_some() {
            self.update(id, bound(content)?, Some(attributes))?;
        } else {
            self.insert(id, bound(content)?, attributes)?;
        }
        self.fill(content)?;
        Ok(None)
    }

    fn point(
        &self,
        before: &DocRow,
        object: ObjectRef,
        content: Fingerprint,
        attributes: &NewAttributes,
        precondition: &Precondition,
    ) -> Refusable {
        if let Some(refusal) = unmet(before, precondition) {
            return Ok(Some(refusal));
        }
        if !self.take_upload(&object, UploadPurpose::Write, before.state.epoch)? {
            return Ok(Some(Commit::Moved));
        }
        self.retire()?;
        if before.document.is_some() {
            self.update(&before.key.id, Box::new(Null), Some(attributes))?;
        } else {
            self.insert(&before.key.id, Box::new(Null), attributes)?;
        }
        let stamp = Stamp::Object(object.id);
        self.locate(&NewLocation { object: Some(object), stamp, content, revision: self.revision()?, sole: true })?;
        Ok(None)
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
            Copied::Uploaded(object) => {
                if let Some(object) = &object
                    && !self.take_upload(object, UploadPurpose::Copy, before.state.epoch)?
                {
                    return Ok(Some(Commit::Moved));
                }
                self.retire()?;
                self.locate(&NewLocation { object, stamp, content, revision: seen, sole: false })?;
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
        self.update(&before.key.id, bound(content)?, None)?;
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

    fn delete(&self, before: &DocRow, precondition: &Precondition) -> Refusable {
        if let Some(refusal) = unmet(before, precondition) {
            return Ok(Some(refusal));
        }
        if before.document.is_none() {
            return Ok(Some(Commit::Absent));
        }
        let Table { name, id, .. } = self.table;
        let deleted = self.tx.execute(&format!("DELETE FROM {name} WHERE {id} = ?1"), params![before.key.id])?;
        one_row(deleted)?;
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

    /// The location's own trigger turns it into a version.
    fn retire(&self) -> rusqlite::Result<()> {
        let Table { location, name, id, .. } = self.table;
        let statement = format!("DELETE FROM {location} WHERE id = coalesce((SELECT {id} FROM {name} WHERE {id} = ?1), ?1)");
        self.tx.execute(&statement, params![self.id]).map(|_| ())
    }

    /// `attributes`: a client's write, which also sets the time; a write-back leaves all but the content as it is.
    fn update(&self, id: &DocId, content: Bound, attributes: Option<&NewAttributes>) -> rusqlite::Result<()> {
        let Table { name, id: id_column, content: content_column, .. } = self.table;
        let mut columns = Columns::default();
        columns.add(content_column, content);
        if let Some(attributes) = attributes {
            self.add_attributes(&mut columns, attributes)?;
        }
        let assignments: Vec<String> = columns.names.iter().enumerate().map(|(at, column)| format!("{column} = ?{}", at + 1)).collect();
        let statement = format!("UPDATE {name} SET {} WHERE {id_column} = ?{}", assignments.join(", "), columns.names.len() + 1);
        columns.values.push(Box::new(id.clone()));
        one_row(self.tx.execute(&statement, params_from_iter(columns.values))?)
    }

    fn insert(&self, id: &DocId, content: Bound, attributes: &NewAttributes) -> rusqlite::Result<()> {
        let Table { name, id: id_column, content: content_column, .. } = self.table;
        let mut columns = Columns::default();
        columns.add(id_column, Box::new(id.clone()));
        columns.add(content_column, content);
        self.add_attributes(&mut columns, attributes)?;
        let marks: Vec<String> = (1..=columns.names.len()).map(|at| format!("?{at}")).collect();
        let statement = format!("INSERT INTO {name} ({}) VALUES ({})", columns.names.join(", "), marks.join(", "));
        one_row(self.tx.execute(&statement, params_from_iter(columns.values))?)
    }

    fn add_attributes(&self, columns: &mut Columns, attributes: &NewAttributes) -> rusqlite::Result<()> {
        if let (Some(column), Some(media_type)) = (&self.table.media_type, &attributes.media_type) {
            columns.add(column, Box::new(media_type.clone()));
        }
        if let (Some(column), Some(file_name)) = (&self.table.file_name, &attributes.file_name) {
            columns.add(column, Box::new(file_name.clone()));
        }
        if let (Some(column), Some(raw)) = (&self.table.modified, &self.table.raw_modified) {
            columns.add(column, self.modified_value(raw)?);
        }
        Ok(())
    }

    /// In the customer's own form: Unix seconds in a column declared as an integer, else text in UTC.
    fn modified_value(&self, column: &str) -> rusqlite::Result<Bound> {
        let declared: Option<String> = self
            .tx
            .prepare_cached("SELECT type FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE")?
            .query_row([&self.table.raw_name, column], |row| row.get(0))
            .optional()?;
        let is_integer = declared.is_some_and(|declared| declared.to_ascii_uppercase().contains("INT"));
        Ok(if is_integer { Box::new(self.now.as_second()) } else { Box::new(self.now.strftime("%Y-%m-%d %H:%M:%S").to_string()) })
    }

    /// Brings large content into the zeroblob that the statement before left.
    fn fill(&self, content: &NewContent) -> rusqlite::Result<()> {
        match content {
            NewContent::Inline(_) => Ok(()),
            NewContent::Staged(staged) => {
                let Table { name, id, .. } = self.table;
                let rowid = self.tx.query_row(&format!("SELECT rowid FROM {name} WHERE {id} = ?1"), params![self.id], |row| row.get(0))?;
                staging::move_into(self.tx, self.table, rowid, staged)
            }
        }
    }

    /// Read back under the lock after the last statement: a customer's trigger may have changed the row again.
    fn revision(&self) -> rusqlite::Result<Revision> {
        let Table { name, id, revision, .. } = self.table;
        let statement = format!("SELECT r.revision FROM {name} d JOIN {revision} r ON r.id = d.{id} WHERE d.{id} = ?1");
        self.tx.query_row(&statement, params![self.id], |row| row.get(0)).map(Revision)
    }

    fn locate(&self, new: &NewLocation) -> rusqlite::Result<()> {
        if new.object.is_none() != (new.content.length_bytes == 0) {
            return Err(broken("a location names no object exactly when its content is empty"));
        }
        let Table { location, name, id, .. } = self.table;
        let statement = format!(
            "INSERT INTO {location} (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from) \
             SELECT {id}, ?2, ?3, ?4, ?5, ?5, 0, ?6, ?7, ?8, ?9, ?10 FROM {name} WHERE {id} = ?1"
        );
        one_row(self.tx.execute(
            &statement,
            params![
                self.id,
                new.object.as_ref().map(|object| object.placement.as_str()),
                new.object.as_ref().map(|object| object.id.to_string()),
                new.stamp.to_string(),
                new.content.length_bytes,
                new.content.sha256.0,
                new.content.pieces.to_bytes(),
                new.revision.0,
                new.sole,
                self.now.as_millisecond(),
            ],
        )?)
    }

    /// Bringing up to date and writing back keep the key, so they make no version.
    fn set_location(&self, revision: Revision, stamp: &Stamp, sole: bool) -> rusqlite::Result<()> {
        let Table { location, name, id, .. } = self.table;
        let statement =
            format!("UPDATE {location} SET revision = ?2, stamp = ?3, sole = ?4 WHERE id = (SELECT {id} FROM {name} WHERE {id} = ?1)");
        one_row(self.tx.execute(&statement, params![self.id, revision.0, stamp.to_string(), sole])?)
    }
}

/// `None`: the change was made. `Some`: how the transaction ends instead.
type Refusable = rusqlite::Result<Option<Commit>>;

struct NewLocation {
    object: Option<ObjectRef>,
    stamp: Stamp,
    content: Fingerprint,
    revision: Revision,
    sole: bool,
}

/// What a statement binds: a value of whatever type the column takes.
type Bound = Box<dyn ToSql>;

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

#[derive(Default)]
struct Columns {
    names: Vec<String>,
    values: Vec<Bound>,
}

impl Columns {
    fn add(&mut self, name: &str, value: Bound) {
        self.names.push(name.to_owned());
        self.values.push(value);
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

fn one_row(changed: usize) -> rusqlite::Result<()> {
    if changed == 1 { Ok(()) } else { Err(broken(format!("a statement changed {changed} rows instead of one"))) }
}
