//! The part of the tenant database's contract that is about contents that documents had. Versions are made by [`super::sql::SqlStore::commit`] and by
//! triggers, in the transaction that ends their time; here they are read, brought to the object store, and given up.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::StoreResult;
use super::sql::{SqlContentStream, WalkEnd};
use crate::model::content::Fingerprint;
use crate::model::history::{MarkName, Tick, Version, VersionNumber};
use crate::model::id::{Attempt, CollectionName, DocKey, ObjectRef};
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::model::stamp::{Epoch, Stamp};

/// Parts of restores that are listed.
pub const RESTORES_LISTED: usize = 1000;

/// Why a restore ended that an operator has cancelled.
pub const CANCELLED: &str = "cancelled by an operator";

/// What versions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VersionCount {
    pub versions: u64,
    pub bytes: u64,
}

/// A tenant's history in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryFigures {
    pub all: VersionCount,
    /// In the database still, on their way to the object store.
    pub staged: VersionCount,
    /// Past their time: the collector removes them.
    pub past: VersionCount,
    /// When the youngest version ended that was given up: what held before is not known as a whole.
    pub expired_to: Option<Timestamp>,
}

#[async_trait]
pub trait HistoryStore: Send + Sync {
    /// Up to `limit` versions of a document below `before`, the newest first. The document need not exist any more; its id has to be spelled as
    /// its row did.
    async fn versions(&self, key: &DocKey, before: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>>;

    /// Up to `limit` versions of all documents above `after`, the oldest first.
    async fn all_versions(&self, after: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>>;

    /// The newest version that bears this stamp.
    async fn version(&self, key: &DocKey, stamp: &Stamp) -> StoreResult<Option<Version>>;

    /// The version whose bytes this attempt in staging has. `None`: they are in the object store by now, or gone.
    async fn staged_version(&self, attempt: Attempt) -> StoreResult<Option<Version>>;

    /// Its bytes from `offset` on, in portions of at most [`crate::model::content::PIECE_BYTES`]. They end with
    /// [`super::error::Interrupted::Moved`] where they leave staging meanwhile.
    async fn open_staged(&self, attempt: Attempt, offset: u64) -> StoreResult<SqlContentStream>;

    /// One transaction: the version names the object, its upload and the bytes in staging go. `false`: the version or its upload is there no
    /// more, or the epoch is another one, and nothing happened.
    async fn publish_kept(&self, attempt: Attempt, epoch: Epoch, object: &ObjectRef, content: &Fingerprint) -> StoreResult<bool>;

    /// Gives up to `limit` versions up that are older than so many ticks: their rows go, and their objects are condemned in the same
    /// transaction. An object that something else names stays. Uploads of older epochs are condemned where the epoch is older than that.
    async fn expire(&self, older_than: u64, limit: usize) -> StoreResult<VersionCount>;

    /// `older_than`: in ticks; `None`: nothing is past its time.
    async fn history(&self, older_than: Option<u64>) -> StoreResult<HistoryFigures>;

    /// Where the tenant's database has come to.
    async fn tick(&self) -> StoreResult<Tick>;

    /// Raises the tick by one where [`crate::model::history::TICK`] has passed by the database's clock, and answers it. One that is behind what
    /// was seen stays where it is: else a database that was put back would catch up with what was seen.
    async fn raise_tick(&self, seen: Tick) -> StoreResult<Tick>;

    /// One transaction, after the database was put back: it goes on from this tick. Leases are void, and so are uploads of older epochs; versions that were made since it was put
    /// back are as young as this tick; their
    /// objects stay until [`HistoryStore::expire`] finds that the new epoch is older than what it is told. `false`: it has come as far already.
    async fn go_on_from(&self, tick: Tick) -> StoreResult<bool>;

    /// Names this moment in the database's log, where it has such names, and answers when it was by the database's clock. The tick rises behind
    /// it, so that a database that is restored to the mark is seen to be put back.
    async fn mark(&self, name: &MarkName) -> StoreResult<Timestamp>;

    /// What is known of a document's contents around an instant. The document need not exist any more; its id has to be spelled as its row did.
    async fn trace(&self, key: &DocKey, instant: Timestamp) -> StoreResult<Trace>;

    /// Begins a restore to an instant: a row and a job for each collection that it is about, in one transaction, and answers its number. `None`:
    /// one is under way. One whose job was given up has ended by that.
    async fn begin_restore(&self, wish: &RestoreWish) -> StoreResult<Option<u64>>;

    /// Notes how far a collection's part of the restore of this number is, and whether it has ended. `false`: it had ended, or somebody has cancelled
    /// it, and whoever is at it changes nothing more. Who has lost the job may say so late, and has nothing to say of the next restore.
    async fn note_restore(
        &self,
        number: u64,
        collection: &CollectionName,
        figures: RestoreFigures,
        end: Option<WalkEnd>,
    ) -> StoreResult<bool>;

    /// A collection's part of the restore that is under way. One that was cancelled is `stopped`, and has not ended: whoever is at it ends it.
    async fn open_restore(&self, collection: &CollectionName) -> StoreResult<Option<RestoreRun>>;

    /// Cancels a restore. One transaction: parts that no agent is at end, with their jobs. An agent that is at one hears of it from
    /// [`HistoryStore::note_restore`], and ends it; until then the restore is under way. `false`: it was not.
    async fn cancel_restore(&self, number: u64) -> StoreResult<bool>;

    /// The last [`RESTORES_LISTED`] parts of restores, the newest first.
    async fn restores(&self) -> StoreResult<Vec<RestoreRun>>;
}
