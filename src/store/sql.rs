//! The tenant database's contract: documents, locations, state. Whoever changes a document's row or its location does it
//! through [`SqlStore::commit`], so no change can miss its history entry or its outbox.

use std::collections::BTreeMap;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use jiff::Timestamp;

use super::backups::BackupStore;
use super::error::{Interrupted, StoreResult};
use super::history::HistoryStore;
use super::object::{PartsId, PartsLog};
pub use super::walk::WalkEnd;
use crate::model::content::Fingerprint;
use crate::model::document::{DocRow, Holder, Repair, State};
use crate::model::id::{Attempt, CollectionName, DocId, DocKey, FreshKey, ObjectId, ObjectRef, PlacementName};
use crate::model::job::JobKind;
use crate::model::location::Labels;
use crate::model::phase::{FlipPermit, Phase, Side};
use crate::model::precondition::{Precondition, Unmet};
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::model::stamp::{Epoch, Revision, Stamp};
use crate::model::verification::{Difference, Finding, Verified, VerifyFigures, VerifyRun, VerifyWish};

/// Content of exactly one revision, or an early end.
pub type SqlContentStream = Pin<Box<dyn Stream<Item = Result<Bytes, Interrupted>> + Send>>;

/// Content on its way into SQL that is too large for one statement. Dropping it abandons the attempt: the collector removes its pieces.
#[async_trait]
pub trait Staging: Send {
    /// Durable on return; nothing of it is visible.
    async fn append(&mut self, piece: Bytes) -> StoreResult<()>;

    /// Marks the attempt as whole. The final transaction checks what is said here against what was appended.
    async fn finish(self: Box<Self>, content: Fingerprint) -> StoreResult<Staged>;

    /// Removes the pieces now.
    async fn abandon(self: Box<Self>) -> StoreResult<()>;
}

/// An attempt whose pieces are all there.
#[derive(Debug, Clone)]
pub struct Staged {
    pub attempt: Attempt,
    pub content: Fingerprint,
}

/// Content that a client sent, on its way into SQL.
#[derive(Debug, Clone)]
pub enum NewContent {
    Inline(Bytes),
    Staged(Staged),
}

impl NewContent {
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Inline(bytes) => bytes.is_empty(),
            Self::Staged(staged) => staged.content.length_bytes == 0,
        }
    }
}

/// What a write sets beside the content. `None` leaves what the row has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewAttributes {
    pub media_type: Option<String>,
    pub file_name: Option<String>,
    /// `None` takes away what the row has, where its column takes NULL.
    pub all: bool,
}

/// A document that a client makes, and whose id the database gives.
#[derive(Debug, Clone)]
pub struct NewDocument {
    pub content: NewContent,
    pub attributes: NewAttributes,
}

/// What a copy found.
#[derive(Debug, Clone)]
pub enum Copied {
    /// A new object was uploaded with these labels; no object for the empty content, for which nothing is stored.
    Uploaded(Option<ObjectRef>, Labels),
    /// The bytes are those of the location that names this object: only the revision and the stamp change.
    SameAs(Option<ObjectRef>),
}

/// One change of a document, in one transaction.
#[derive(Debug, Clone)]
pub enum Change {
    /// A client's content, into SQL. The location becomes a version.
    Store { content: NewContent, attributes: NewAttributes, precondition: Precondition },
    /// A client's content, already in the object store. The row's content becomes NULL, the old location a version.
    Point { object: ObjectRef, labels: Labels, content: Fingerprint, attributes: NewAttributes, precondition: Precondition },
    /// A copy of the content of `seen`: the location becomes (seen, not sole).
    Publish { seen: Revision, copied: Copied, content: Fingerprint },
    /// The content of a sole location, staged: it becomes the row's content, and the location not sole.
    WriteBack { seen: Stamp, content: NewContent },
    /// What the truth of `seen` marked, if it still does.
    Repair { seen: Revision, repair: Repair },
    /// The content of `seen` leaves the row, and the object that holds it becomes the only holder. In `sealed` only, and only
    /// where `model::purge::judge` still says so.
    Purge { seen: Revision, object: ObjectRef, located_before: Timestamp },
    /// The object of `seen` is not what it should be, and SQL holds the content, too: the location becomes a version, and the
    /// outbox asks for a copy. A sole object is never given up.
    Distrust { seen: Revision, object: Option<ObjectRef> },
    /// A document without a location gets the one that a manifest, or the object itself, tells of, at `seen`. `sole` exactly where the row has no
    /// content; else whoever asks has found the row's bytes equal. A location that is there is never touched.
    Relocate { seen: Revision, located: Box<Relocated>, sole: bool },
    /// The row goes, and its location becomes a version.
    Delete { precondition: Precondition },
}

/// A location that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocated {
    pub object: ObjectRef,
    pub stamp: Stamp,
    pub labels: Labels,
    pub content: Fingerprint,
}

impl Change {
    /// Whether clients see a difference: such changes are refused while the tenant is read-only.
    pub const fn is_a_clients(&self) -> bool {
        match self {
            Self::Store { .. } | Self::Point { .. } | Self::Delete { .. } => true,
            Self::Publish { .. }
            | Self::WriteBack { .. }
            | Self::Repair { .. }
            | Self::Purge { .. }
            | Self::Distrust { .. }
            | Self::Relocate { .. } => false,
        }
    }

    pub const fn label(&self) -> &'static str {
        match self {
            Self::Store { .. } => "store",
            Self::Point { .. } => "point",
            Self::Publish { .. } => "publish",
            Self::WriteBack { .. } => "write_back",
            Self::Repair { .. } => "repair",
            Self::Purge { .. } => "purge",
            Self::Distrust { .. } => "distrust",
            Self::Relocate { .. } => "relocate",
            Self::Delete { .. } => "delete",
        }
    }
}

/// How a final transaction ended. Only `Done` changed anything. An `Err` beside it is an unknown outcome: look again.
#[derive(Debug)]
pub enum Commit {
    Done(Committed),
    /// The rows are not as the change relied on, or its upload is gone or condemned: rolled back.
    Moved,
    /// The client's precondition does not hold.
    Unmet(Unmet),
    /// There is no such document to delete.
    Absent,
    /// The tenant is read-only for now, and this would have been a client's change.
    ReadOnly,
    /// A constraint of the customer's table refused the row; the text is the database's own.
    Refused(String),
    /// What the client said of the content does not fit into the row; the text names the column.
    Unfit(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The document had no content that a client could see before.
    pub created: bool,
    /// The name of the content now; `None` after a delete.
    pub stamp: Option<Stamp>,
}

/// How an insertion ended. An `Err` beside it is an unknown outcome, and nobody knows under which id to look.
#[derive(Debug)]
pub enum Insertion {
    Done(Inserted),
    /// Nothing was inserted. Never [`Commit::Done`].
    Refused(Commit),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// As the new row spells it.
    pub id: DocId,
    /// `None` where a trigger of the customer's has taken the content away again.
    pub stamp: Option<Stamp>,
}

/// Who uploads, and so in which phases the upload may be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadPurpose {
    /// A client's PUT: only where the phase writes to the object store.
    Write,
    /// An agent's copy: only where the phase calls for copies.
    Copy,
    /// A content that was overwritten: in every phase, because nobody else has it.
    Keep,
}

impl UploadPurpose {
    /// As the upload's row has it.
    pub(in crate::store) const fn label(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Copy => "copy",
            Self::Keep => "keep",
        }
    }

    /// Whether such an upload may be recorded in this phase.
    pub(in crate::store) fn is_allowed_in(self, phase: Phase) -> bool {
        match self {
            Self::Write => phase.writes_to() == Side::Object,
            Self::Copy => phase.calls_for(JobKind::Copy, false),
            Self::Keep => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    Yes,
    /// The phase or the epoch is another one now: start over by it.
    Moved,
    /// The tenant is read-only for now, and this would have been a client's write.
    ReadOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flipped {
    Done,
    /// Somebody else flipped first.
    Moved,
}

/// One page of a walk by primary key, in SQL's own order.
#[derive(Debug)]
pub struct Page {
    /// Look-ups without content.
    pub rows: Vec<DocRow>,
    /// Where the next page begins; `None` at the end of the table.
    pub next: Option<DocId>,
}

/// What changed in a collection since somebody last looked.
#[derive(Debug)]
pub struct Changes {
    /// Look-ups without content, in the order of their revisions.
    pub rows: Vec<DocRow>,
    /// The watermark once these are dealt with; `None` where nothing changed.
    pub reached: Option<Revision>,
}

/// The tenant's database remembers uploads in parts beside the uploads themselves.
pub struct PartsInSql<'a>(pub &'a dyn SqlStore);

#[async_trait]
impl PartsLog for PartsInSql<'_> {
    async fn begun(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<bool> {
        self.0.parts_begun(object.id, parts).await
    }
}

/// An upload that nobody may publish any more, and how far its removal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condemned {
    pub object: ObjectRef,
    /// Where it was one in parts, and its maker lived to say so.
    pub parts: Option<PartsId>,
    /// The object was removed once, a while ago: an upload that landed late goes with the second removal, and the row with it.
    pub last_round: bool,
}

/// Documents and bytes by holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    pub documents: i64,
    pub bytes: i64,
}

/// Figures of the last full sweep plus the commits since.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub sql: Holding,
    pub both: Holding,
    pub object: Holding,
    /// When the sweep behind these figures ended; `None` before the first.
    pub swept_at: Option<jiff::Timestamp>,
}

impl Tally {
    /// Counts one document; what has no content counts nowhere.
    pub fn count(&mut self, row: &DocRow) {
        let holding = match row.truth().holder {
            Holder::NoDocument | Holder::NoContent => return,
            Holder::Sql => &mut self.sql,
            Holder::Both => &mut self.both,
            Holder::Object | Holder::EmptyDocument => &mut self.object,
        };
        holding.documents += 1;
        holding.bytes += i64::try_from(row.length_bytes()).unwrap_or(i64::MAX);
    }
}

/// What comparisons of documents of one collection came to.
#[derive(Debug, Default)]
pub struct Findings {
    pub verified: Vec<Verified>,
    pub found: Vec<Finding>,
    /// Where they belong to a verification: how far it is with them.
    pub progress: Option<VerifyProgress>,
}

/// One step of a verification. It counts only if the run is still at `from`: two agents never count a document twice.
#[derive(Debug)]
pub struct VerifyProgress {
    pub run: u64,
    pub from: Option<String>,
    pub reached: Reached,
    pub figures: VerifyFigures,
}

/// Where a verification has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    Place(String),
    /// `with_objects`: the objects were walked, too, not only the documents. What it has not found again is no more.
    End {
        with_objects: bool,
    },
}

/// Beyond this many differences nobody counts on.
pub const COUNTED_DIFFERENCES: u64 = 10_000;

/// Beyond this many nobody counts on: that there are so many is answer enough, and the look stays short in a table of any size.
pub const COUNTED_SOLE: u64 = 10_000;

/// What keeps `sql` from being complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remaining {
    /// Documents whose content only the object store holds.
    pub sole: u64,
    /// Uploads of clients' writes that may still be published.
    pub open_uploads: u64,
}

/// Connections of one pool, for the gauge of the process that owns them.
#[derive(Debug, Clone, Copy)]
pub struct PoolUse {
    pub in_use: usize,
    pub idle: usize,
    /// Operations that wait for one.
    pub waiting: usize,
}

/// What a placement holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementUsage {
    pub placement: PlacementName,
    pub objects: u64,
    pub bytes: u64,
}

/// One figure a placement, in the order of their names.
pub(in crate::store) fn sum_by_placement(parts: Vec<PlacementUsage>) -> Vec<PlacementUsage> {
    let mut sums = BTreeMap::<PlacementName, (u64, u64)>::new();
    for part in parts {
        let (objects, bytes) = sums.entry(part.placement).or_default();
        *objects += part.objects;
        *bytes += part.bytes;
    }
    sums.into_iter().map(|(placement, (objects, bytes))| PlacementUsage { placement, objects, bytes }).collect()
}

#[async_trait]
pub trait SqlStore: HistoryStore + BackupStore {
    /// The document's row, its location and the tenant's state as of one instant; bytes ride along up to 64 KiB.
    async fn row(&self, key: &DocKey) -> StoreResult<DocRow>;

    /// The same without the bytes, for who has them.
    async fn bare_row(&self, key: &DocKey) -> StoreResult<DocRow>;

    /// The content from `offset` on, of exactly that revision, in portions of at most `portion` bytes. `None`: it has moved on.
    async fn open(&self, key: &DocKey, revision: Revision, offset: u64, portion: usize) -> StoreResult<Option<SqlContentStream>>;

    /// Begins an attempt to bring in content in pieces.
    async fn stage(&self, epoch: Epoch) -> StoreResult<Box<dyn Staging>>;

    /// One transaction: the rows, their history, their outbox. A dropped caller does not cancel it.
    async fn commit(&self, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit>;

    /// One transaction: a new row with its content, whose id the database gives, and its outbox. A dropped caller does not cancel it.
    async fn insert(&self, collection: &CollectionName, epoch: Epoch, new: NewDocument) -> StoreResult<Insertion>;

    /// Notes that somebody is about to upload under this key.
    async fn record_upload(&self, key: &FreshKey, purpose: UploadPurpose, epoch: Epoch) -> StoreResult<Recorded>;

    /// Notes that this upload goes on in parts. `false`: nobody may publish it any more.
    async fn parts_begun(&self, upload: ObjectId, parts: &PartsId) -> StoreResult<bool>;

    /// No transaction can publish this upload from now on; the collector removes its object.
    async fn condemn_upload(&self, upload: ObjectId) -> StoreResult<()>;

    /// Condemns what was abandoned for longer than `age` in this epoch, drops old attempts in staging, and names up to `limit` objects to remove.
    async fn condemned(&self, age: std::time::Duration, limit: usize) -> StoreResult<Vec<Condemned>>;

    /// Notes that the object of a condemned upload was removed; after the last round the upload's row goes.
    async fn upload_removed(&self, condemned: &Condemned) -> StoreResult<()>;

    /// The documents of a collection after `after`.
    async fn scan(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page>;

    /// Documents that both stores hold, chosen at random.
    async fn sample(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>>;

    async fn state(&self) -> StoreResult<State>;

    /// Compare and set. The same transaction enqueues a sweep of every collection, because another phase calls for other work.
    async fn flip(&self, permit: FlipPermit) -> StoreResult<Flipped>;

    /// From the next look-up on in every process, clients' changes are refused, or no longer.
    async fn set_read_only(&self, on: bool) -> StoreResult<()>;

    /// The figures of all collections together.
    async fn tally(&self) -> StoreResult<Tally>;

    /// The same page as [`SqlStore::scan`], counted in the transaction that read it. The last page makes the count the figures.
    async fn sweep_page(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page>;

    /// `sole` is counted up to [`COUNTED_SOLE`].
    async fn remaining(&self) -> StoreResult<Remaining>;

    /// Up to `limit` documents whose revision is above the collection's watermark. A change whose transaction is still open is not
    /// passed over: it comes with a later call.
    async fn changes(&self, collection: &CollectionName, limit: usize) -> StoreResult<Changes>;

    /// Raises the collection's watermark; a lower one is left out.
    async fn changes_seen(&self, collection: &CollectionName, reached: Revision) -> StoreResult<()>;

    /// Begins a purge of every collection, or a dry run of one: the run's row and its job in one transaction.
    async fn begin_purge(&self, dry_run: bool) -> StoreResult<()>;

    /// Notes how far the collection's run is, and whether it has ended.
    async fn note_purge(&self, collection: &CollectionName, figures: PurgeFigures, end: Option<WalkEnd>) -> StoreResult<()>;

    /// The run of each collection that is under way, or its last one.
    async fn purges(&self) -> StoreResult<Vec<PurgeRun>>;

    /// Begins a verification of every collection, runs and jobs in one transaction, and answers its number; one that is under way
    /// starts over. `None`: a wish by the clock, while one is under way.
    async fn begin_verification(&self, wish: VerifyWish) -> StoreResult<Option<u64>>;

    /// Of each collection the verification that is under way, and the last one that came to the end.
    async fn verifications(&self) -> StoreResult<Vec<VerifyRun>>;

    /// One transaction: what was found equal is verified where the location still names what was read, and differs no more; what
    /// was found different is listed; the verification goes on. `false`: another epoch, or another run or agent has gone on: nothing was noted.
    async fn note_findings(&self, collection: &CollectionName, epoch: Epoch, findings: Findings) -> StoreResult<bool>;

    /// Differences in the order of their numbers.
    async fn differences(&self, after: u64, limit: usize) -> StoreResult<Vec<Difference>>;

    /// How many are open, counted up to [`COUNTED_DIFFERENCES`].
    async fn open_differences(&self) -> StoreResult<u64>;

    /// Up to `limit` documents whose holders were not found equal since their location changed.
    async fn unverified(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>>;

    /// Those of these objects that no location, version or upload of the tenant names.
    async fn unnamed(&self, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>>;

    /// How many objects each placement holds, and the bytes that they take, by the uploads, locations and versions that name them: an
    /// estimate, that may read what is not committed. A placement that nothing names is left out. It reads an index over all of them.
    async fn placement_usage(&self) -> StoreResult<Vec<PlacementUsage>>;
}
