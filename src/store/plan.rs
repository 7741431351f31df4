//! What a change does to a document's rows, decided in one pure function from the rows as they were seen under their lock (or are
//! compared with under it). The adapters carry the plan out; none of them decides anything about a document by itself.

use bytes::Bytes;

mod relocation;

use super::sql::{Change, Commit, Committed, Copied, NewAttributes, NewContent, NewDocument, Staged, UploadPurpose};
use crate::config::{CreateRule, DeleteRule};
use crate::model::content::Fingerprint;
use crate::model::document::{Attributes, ContentColumn, DocRow, Document, Holder, Repair, SqlContent, State};
use crate::model::id::{CollectionName, DocId, DocKey, ObjectRef, TenantId};
use crate::model::job::JobKind;
use crate::model::location::{Labels, Location};
use crate::model::phase::Phase;
use crate::model::precondition::Precondition;
use crate::model::purge::{Purgeable, judge};
use crate::model::stamp::{Epoch, Revision, Stamp};

/// What a collection's configuration allows a PUT and a DELETE to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) column: ContentColumn,
    pub(super) create: CreateRule,
    pub(super) delete: DeleteRule,
    /// Content that only SQL holds is kept when it is overwritten.
    pub(super) history: bool,
}

#[derive(Debug)]
pub(super) enum Decision {
    /// Nothing happens; this is how the transaction ends.
    Refuse(Commit),
    Make(Box<Plan>),
}

/// The effects of one change, all of them in one transaction or none.
#[derive(Debug)]
pub(super) struct Plan {
    /// The upload's row must still be there and open, and goes: whoever publishes a key takes it.
    pub(super) upload: Option<(ObjectRef, UploadPurpose)>,
    /// What the row held before goes into staging, as a version: nobody else has it.
    pub(super) keep: bool,
    pub(super) row: RowEdit,
    pub(super) location: LocationEdit,
}

/// What becomes of the customer's row.
#[derive(Debug)]
pub(super) enum RowEdit {
    Keep,
    /// A client's write where no row is.
    Insert {
        content: Filling,
        attributes: NewAttributes,
    },
    /// A client's write. `revive`: the row was marked as deleted, so it is brought to light, and all its attributes are set.
    Put {
        content: Filling,
        attributes: NewAttributes,
        revive: bool,
    },
    /// The content and nothing else: what agents bring or take is no change that a client made.
    Content(Filling),
    /// A client's delete where the row stays.
    Clear,
    /// A client's delete where the row stays and is marked.
    Mark,
    Delete,
}

impl RowEdit {
    /// Whether a client's content comes in.
    pub(super) fn is_a_clients_content(&self) -> bool {
        match self {
            Self::Insert { .. } | Self::Put { .. } => true,
            Self::Keep | Self::Content(_) | Self::Clear | Self::Mark | Self::Delete => false,
        }
    }

    /// Whether a client's change ends the time of what stood in the content column.
    fn ends_content(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Clear | Self::Delete => true,
            // What agents take, another holder has; a marked row keeps its content.
            Self::Keep | Self::Insert { .. } | Self::Content(_) | Self::Mark => false,
        }
    }
}

/// What comes to stand in the content column.
#[derive(Debug)]
pub(super) enum Filling {
    /// NULL, or what stands for it.
    Nothing,
    Inline(Bytes),
    /// The attempt must be whole, of this epoch, and what its writer says it is; its pieces go.
    Staged(Staged),
}

impl From<NewContent> for Filling {
    fn from(content: NewContent) -> Self {
        match content {
            NewContent::Inline(bytes) => Self::Inline(bytes),
            NewContent::Staged(staged) => Self::Staged(staged),
        }
    }
}

/// What becomes of the location.
#[derive(Debug)]
pub(super) enum LocationEdit {
    Keep,
    /// The location, if there is one, becomes a version.
    Retire,
    /// The one that was there becomes a version.
    Replace(NewLocation),
    /// The key stays, so there is no version. What was verified before counts no more.
    Update {
        revision: At,
        stamp: Stamp,
        sole: bool,
    },
    /// The object is as it was verified, so the time of that stays.
    MakeSole,
}

impl LocationEdit {
    fn is_sound(&self) -> bool {
        match self {
            Self::Replace(new) => new.object.is_none() == (new.content.length_bytes == 0),
            Self::Keep | Self::Retire | Self::Update { .. } | Self::MakeSole => true,
        }
    }
}

#[derive(Debug)]
pub(super) struct NewLocation {
    pub(super) object: Option<ObjectRef>,
    pub(super) labels: Labels,
    pub(super) name: Naming,
    pub(super) content: Fingerprint,
    pub(super) revision: At,
    pub(super) sole: bool,
}

impl Plan {
    /// What comes into the content column, where something does.
    pub(super) fn filling(&self) -> Option<&Filling> {
        match &self.row {
            RowEdit::Insert { content, .. } | RowEdit::Put { content, .. } | RowEdit::Content(content) => Some(content),
            RowEdit::Keep | RowEdit::Clear | RowEdit::Mark | RowEdit::Delete => None,
        }
    }

    /// The content that a client's write leaves in the row alone: from when it holds is noted beside it, because its copy comes later.
    pub(super) fn begins(&self, before: &DocRow, rules: Rules) -> Option<Fingerprint> {
        let is_the_rows = match &self.location {
            LocationEdit::Keep | LocationEdit::Retire => true,
            LocationEdit::Replace(_) | LocationEdit::Update { .. } | LocationEdit::MakeSole => false,
        };
        if !(self.row.is_a_clients_content() && is_the_rows && rules.history) || before.state.phase == Phase::Sql {
            return None;
        }
        match self.filling()? {
            Filling::Inline(bytes) => Some(Fingerprint::of(bytes)),
            Filling::Staged(staged) => Some(staged.content.clone()),
            Filling::Nothing => None,
        }
    }

    /// The rows once the plan is carried out and the row has this revision, as far as no trigger of the customer's changes them further.
    pub(super) fn after(&self, before: &DocRow, column: ContentColumn, revision: Revision) -> DocRow {
        DocRow {
            document: self.document_after(before, column, revision),
            location: self.location_after(before, revision),
            ..before.clone()
        }
    }

    fn document_after(&self, before: &DocRow, column: ContentColumn, revision: Revision) -> Option<Document> {
        let vacant = match column {
            ContentColumn::Nullable => SqlContent::Null,
            ContentColumn::NotNull => SqlContent::Empty,
        };
        let filled = match self.filling() {
            Some(Filling::Nothing) | None => vacant,
            Some(Filling::Inline(bytes)) => SqlContent::of_length(Some(bytes.len() as u64)),
            Some(Filling::Staged(staged)) => SqlContent::of_length(Some(staged.content.length_bytes)),
        };
        let document = before.document.clone();
        match &self.row {
            RowEdit::Keep => document,
            RowEdit::Insert { .. } => {
                Some(Document { revision, content: filled, column, soft_deleted: false, attributes: Attributes::default() })
            }
            RowEdit::Put { .. } => document.map(|document| Document { revision, content: filled, soft_deleted: false, ..document }),
            RowEdit::Content(_) | RowEdit::Clear => document.map(|document| Document { revision, content: filled, ..document }),
            RowEdit::Mark => document.map(|document| Document { revision, soft_deleted: true, ..document }),
            RowEdit::Delete => None,
        }
    }

    fn location_after(&self, before: &DocRow, revision: Revision) -> Option<Location> {
        let location = before.location.clone();
        match (&self.row, &self.location) {
            (RowEdit::Delete, _) | (_, LocationEdit::Retire) => None,
            (_, LocationEdit::Keep) => location,
            (_, LocationEdit::Replace(new)) => Some(Location {
                object: new.object.clone(),
                stamp: new.name.stamp(revision),
                content: new.content.clone(),
                revision: new.revision.revision(revision),
                sole: new.sole,
                labels: new.labels.clone(),
                held_from: jiff::Timestamp::UNIX_EPOCH,
                verified_at: None,
            }),
            (_, LocationEdit::Update { revision: at, stamp, sole }) => location.map(|location| Location {
                revision: at.revision(revision),
                stamp: stamp.clone(),
                sole: *sole,
                verified_at: None,
                ..location
            }),
            (_, LocationEdit::MakeSole) => location.map(|location| Location { revision, sole: true, ..location }),
        }
    }
}

/// Which revision of the row a location is true at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Seen(Revision),
    /// The one that this transaction gives the row.
    New,
}

impl At {
    pub(super) fn revision(self, new: Revision) -> Revision {
        match self {
            Self::Seen(seen) => seen,
            Self::New => new,
        }
    }
}

/// Where a new location has its stamp from.
#[derive(Debug)]
pub(super) enum Naming {
    Given(Stamp),
    /// SQL's content at the row's new revision.
    Row(Epoch),
}

impl Naming {
    pub(super) fn stamp(&self, new: Revision) -> Stamp {
        match self {
            Self::Given(stamp) => stamp.clone(),
            Self::Row(epoch) => Stamp::Row { epoch: *epoch, revision: new },
        }
    }
}

/// The change contradicts itself or the rows in a way that no race explains: a fault of the caller.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misfit(&'static str);

/// What is seen of a document before its row is inserted and the database gives it an id: nothing. No row is ever looked for by the id
/// that stands here.
pub(super) fn unborn(tenant: &TenantId, collection: &CollectionName, state: State) -> DocRow {
    let key = DocKey { tenant: tenant.clone(), collection: collection.clone(), id: DocId::Text(String::new()) };
    DocRow { key, state, document: None, location: None, inline: None }
}

/// A new document is a client's content where no row is, in every phase: its object would have to name an id that nobody knows yet.
impl From<NewDocument> for Change {
    fn from(NewDocument { content, attributes }: NewDocument) -> Self {
        Self::Store { content, attributes, precondition: Precondition::default() }
    }
}

/// `epoch`: the one that the caller acts in.
pub(super) fn decide(before: &DocRow, epoch: Epoch, change: Change, rules: Rules) -> Result<Decision, Misfit> {
    if before.state.epoch != epoch {
        return Ok(Decision::Refuse(Commit::Moved));
    }
    if before.state.read_only && change.is_a_clients() {
        return Ok(Decision::Refuse(Commit::ReadOnly));
    }
    let decision = match change {
        Change::Store { content, attributes, precondition } => store(before, content, attributes, &precondition, rules),
        Change::Point { object, labels, content, attributes, precondition } => {
            point(before, NewObject { object, labels, content }, attributes, &precondition, rules)
        }
        Change::Publish { seen, copied, content } => publish(before, seen, copied, content),
        Change::WriteBack { seen, content } => write_back(before, &seen, content)?,
        Change::Repair { seen, repair } => put_right(before, seen, repair),
        Change::Purge { seen, object, located_before } => {
            let still = match judge(before, located_before) {
                Purgeable::Yes { seen: revision, object: holder, .. } => revision == seen && holder == object,
                Purgeable::Nothing | Purgeable::Unverified | Purgeable::TooYoung => false,
            };
            let allowed = still && before.state.phase.calls_for(JobKind::Purge, false);
            if allowed { make(RowEdit::Content(Filling::Nothing), LocationEdit::MakeSole) } else { moved() }
        }
        Change::Distrust { seen, object } => {
            let named = before.location.as_ref().is_some_and(|location| location.revision == seen && location.object == object);
            let doubted = named && before.truth().holder == Holder::Both;
            if doubted { make(RowEdit::Keep, LocationEdit::Retire) } else { moved() }
        }
        Change::Relocate { seen, located, sole } => relocation::decide(before, seen, *located, sole),
        Change::Delete { precondition } => delete(before, &precondition, rules),
    };
    let decision = match decision {
        Decision::Make(plan) => {
            let keep = keeps(before, rules) && plan.row.ends_content();
            Decision::Make(Box::new(Plan { keep, ..*plan }))
        }
        Decision::Refuse(refusal) => Decision::Refuse(refusal),
    };
    match &decision {
        Decision::Make(plan) if !plan.location.is_sound() => Err(Misfit("a location names no object exactly when its content is empty")),
        Decision::Make(_) | Decision::Refuse(_) => Ok(decision),
    }
}

/// Whether what is overwritten now would be lost. By the phase of this transaction: in `sql` Sluss keeps no history.
fn keeps(before: &DocRow, rules: Rules) -> bool {
    rules.history && before.state.phase != Phase::Sql && before.truth().holder == Holder::Sql
}

fn moved() -> Decision {
    Decision::Refuse(Commit::Moved)
}

fn make(row: RowEdit, location: LocationEdit) -> Decision {
    Decision::Make(Box::new(Plan { upload: None, keep: false, row, location }))
}

fn unmet(before: &DocRow, precondition: &Precondition) -> Option<Decision> {
    let unmet = precondition.check(&before.current()).err()?;
    Some(Decision::Refuse(Commit::Unmet(unmet)))
}

/// A client's content goes into the row that is there, or into one that is made, where the configuration lets a PUT make rows.
fn put(before: &DocRow, content: Filling, attributes: NewAttributes, rules: Rules) -> Option<RowEdit> {
    match (&before.document, rules.create) {
        (Some(document), CreateRule::Insert | CreateRule::Existing) => {
            Some(RowEdit::Put { content, attributes, revive: document.soft_deleted })
        }
        (None, CreateRule::Insert) => Some(RowEdit::Insert { content, attributes }),
        (None, CreateRule::Existing) => None,
    }
}

fn store(before: &DocRow, content: NewContent, attributes: NewAttributes, precondition: &Precondition, rules: Rules) -> Decision {
    let is_empty_document = content.is_empty() && rules.column == ContentColumn::NotNull;
    // RFC 9110, 13.2.1: what would be refused without a condition is refused for that, whatever the condition says.
    let Some(row) = put(before, content.into(), attributes, rules) else { return Decision::Refuse(Commit::Absent) };
    if let Some(refusal) = unmet(before, precondition) {
        return refusal;
    }
    // In a column that is NOT NULL the empty value stands for no content; the location says that this one is the empty document. It is
    // sole, so that content written straight over it retires it: else the empty document came back once that is cleared.
    let location = if is_empty_document {
        LocationEdit::Replace(NewLocation {
            object: None,
            labels: Labels::default(),
            name: Naming::Row(before.state.epoch),
            content: Fingerprint::of(b""),
            revision: At::New,
            sole: true,
        })
    } else {
        LocationEdit::Retire
    };
    make(row, location)
}

/// A client's upload, about to become the document's content.
struct NewObject {
    object: ObjectRef,
    labels: Labels,
    content: Fingerprint,
}

fn point(before: &DocRow, new: NewObject, attributes: NewAttributes, precondition: &Precondition, rules: Rules) -> Decision {
    let Some(row) = put(before, Filling::Nothing, attributes, rules) else { return Decision::Refuse(Commit::Absent) };
    if let Some(refusal) = unmet(before, precondition) {
        return refusal;
    }
    let NewObject { object, labels, content } = new;
    let name = Naming::Given(Stamp::Object(object.id));
    let upload = Some((object.clone(), UploadPurpose::Write));
    let location = LocationEdit::Replace(NewLocation { object: Some(object), labels, name, content, revision: At::New, sole: true });
    Decision::Make(Box::new(Plan { upload, keep: false, row, location }))
}

fn publish(before: &DocRow, seen: Revision, copied: Copied, content: Fingerprint) -> Decision {
    let Some(document) = before.document.as_ref().filter(|document| document.revision == seen) else { return moved() };
    let is_located = before.location.as_ref().is_some_and(|location| location.revision == seen);
    let is_whole = document.content == SqlContent::of_length(Some(content.length_bytes));
    if is_located || !is_whole || before.truth().holder != Holder::Sql {
        return moved();
    }
    let stamp = Stamp::Row { epoch: before.state.epoch, revision: seen };
    match copied {
        Copied::Uploaded(object, labels) => {
            let upload = object.clone().map(|object| (object, UploadPurpose::Copy));
            let new = NewLocation { object, labels, name: Naming::Given(stamp), content, revision: At::Seen(seen), sole: false };
            Decision::Make(Box::new(Plan { upload, keep: false, row: RowEdit::Keep, location: LocationEdit::Replace(new) }))
        }
        Copied::SameAs(object) => {
            let same = before.location.as_ref().is_some_and(|location| location.object == object && location.content == content);
            let update = LocationEdit::Update { revision: At::Seen(seen), stamp, sole: false };
            if same { make(RowEdit::Keep, update) } else { moved() }
        }
    }
}

fn write_back(before: &DocRow, seen: &Stamp, content: NewContent) -> Result<Decision, Misfit> {
    let truth = before.truth();
    let Some(location) = before.location.as_ref().filter(|_| truth.holder == Holder::Object && truth.stamp.as_ref() == Some(seen)) else {
        return Ok(moved());
    };
    if !is_content_of(location, &content) {
        return Err(Misfit("what was written back is not the location's content"));
    }
    let update = LocationEdit::Update { revision: At::New, stamp: seen.clone(), sole: false };
    Ok(make(RowEdit::Content(content.into()), update))
}

/// The last look before the object is no longer the only holder.
fn is_content_of(location: &Location, content: &NewContent) -> bool {
    match content {
        NewContent::Inline(bytes) => Fingerprint::of(bytes) == location.content,
        NewContent::Staged(staged) => staged.content == location.content,
    }
}

fn put_right(before: &DocRow, seen: Revision, repair: Repair) -> Decision {
    let current = before.document.as_ref().is_some_and(|document| document.revision == seen);
    if !current || before.truth().repair != Some(repair) {
        return moved();
    }
    match (repair, &before.location) {
        (Repair::BringUpToDate, Some(location)) => {
            let update = LocationEdit::Update { revision: At::Seen(seen), stamp: location.stamp.clone(), sole: location.sole };
            make(RowEdit::Keep, update)
        }
        (Repair::RetireWrittenAround | Repair::RetireCleared, Some(_)) => make(RowEdit::Keep, LocationEdit::Retire),
        (Repair::Alarm(_), _) | (_, None) => moved(),
    }
}

fn delete(before: &DocRow, precondition: &Precondition, rules: Rules) -> Decision {
    let truth = before.truth();
    let is_there = match rules.delete {
        DeleteRule::Row | DeleteRule::Soft => truth.visible,
        DeleteRule::Content => truth.visible && truth.stamp.is_some(),
    };
    if !is_there {
        return Decision::Refuse(Commit::Absent);
    }
    if let Some(refusal) = unmet(before, precondition) {
        return refusal;
    }
    match rules.delete {
        // The cascade of the row turns the location into a version.
        DeleteRule::Row => make(RowEdit::Delete, LocationEdit::Keep),
        DeleteRule::Soft => make(RowEdit::Mark, LocationEdit::Keep),
        DeleteRule::Content => make(RowEdit::Clear, LocationEdit::Retire),
    }
}

/// The answer once the change is made.
pub(super) fn committed(before: &DocRow, after: &DocRow) -> Committed {
    let (had, has) = (before.truth(), after.truth());
    Committed { created: !had.visible || had.stamp.is_none(), stamp: has.stamp }
}

/// The work that the outbox has to ask for once the change is made.
pub(super) fn called_for(after: &DocRow, mirror: bool) -> impl Iterator<Item = JobKind> {
    [JobKind::Copy, JobKind::WriteBack].into_iter().filter(move |kind| after.needs(*kind, mirror))
}
