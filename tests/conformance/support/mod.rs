//! What the cases stand on: a world with one tenant, its stores, its clock, and a customer who writes around all of them.

pub(crate) mod mssql;
pub(crate) mod sqlite;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use sluss::clock::ManualClock;
use sluss::model::content::Fingerprint;
use sluss::model::document::{DocRow, Holder};
use sluss::model::id::{CollectionName, DocId, DocKey, FreshKey, ObjectRef, TenantId};
use sluss::model::job::{JobKind, JobState, JobTarget, Priority};
use sluss::model::location::Labels;
use sluss::model::phase::{FlipFacts, Phase, Sample, permit};
use sluss::model::precondition::Precondition;
use sluss::model::stamp::{Revision, Stamp};
use sluss::model::verification::VerificationFacts;
use sluss::store::control::ControlStore;
use sluss::store::error::Interrupted;
use sluss::store::queue::{JobFilter, JobQueue, JobView};
use sluss::store::sql::{Change, Commit, Committed, Copied, Flipped, NewAttributes, NewContent, Recorded, SqlStore, Staged, UploadPurpose};

/// Makes each case a test of every backend that is here.
macro_rules! on_every_backend {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::support::sqlite::world().await).await;
                }
            )+
        }
        mod mssql {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::support::mssql::world().await).await;
                }
            )+
        }
    };
}

pub(crate) const TENANT: &str = "acme";

/// Integer ids, every optional column, and a check that refuses the file name `forbidden.txt`.
const DOCUMENTS: &str = "documents";
/// Text ids that are compared without regard to case, an integer for the time, and names that need quoting.
const LETTERS: &str = "letters";
/// Text ids, and no column but id and content.
const BARE: &str = "bare";
/// UUIDs, a column that marks deleted documents, a column with a default from the configuration, and none for the media type.
const GUIDS: &str = "guids";
/// A table that two tenants share, whose rows their application inserts, with content that is NOT NULL; a DELETE takes the content only.
const SHARED: &str = "shared";

/// Integer ids that the database counts, a check as that of the documents, and triggers that change the row again and count a table of their own.
pub(crate) const COUNTED: &str = "counted";
/// UUIDs that a default draws, in a table that tenants share, with content that is NOT NULL.
pub(crate) const DRAWN: &str = "drawn";
/// Texts of more than one script that a default makes.
pub(crate) const SPOKEN: &str = "spoken";
/// A file name that is NOT NULL and unique.
pub(crate) const FUSSY: &str = "fussy";
/// A foreign key that no row fulfils; on SQLite it is deferred to the end of the transaction.
pub(crate) const ORPHANS: &str = "orphans";

/// The customer's own program: it knows nothing of Sluss, but for the last few, which ask what Sluss wrote.
pub(crate) trait Customer: Send + Sync {
    fn insert(&self, key: &DocKey, content: Option<&[u8]>);
    /// Deletes and inserts in one step, by the shortest way the database has.
    fn replace(&self, key: &DocKey, content: Option<&[u8]>);
    fn set_content(&self, key: &DocKey, content: Option<&[u8]>);
    /// Changes another column (in a table without one: the id, to itself).
    fn touch(&self, key: &DocKey);
    fn rename(&self, key: &DocKey, id: &DocId);
    fn delete(&self, key: &DocKey);
    /// Marks a document as deleted, or takes the mark away.
    fn mark(&self, key: &DocKey, deleted: bool);
    /// Makes a row of the shared table the neighbour's; the database's own words where it refuses.
    fn give_away(&self, key: &DocKey) -> Result<(), String>;
    /// What a column of the row says, as text.
    fn column(&self, key: &DocKey, column: &str) -> Option<String>;
    /// The content as the table has it now.
    fn content(&self, key: &DocKey) -> Option<Vec<u8>>;
    /// The time column as it stands there.
    fn modified(&self, key: &DocKey) -> Option<String>;
    /// The stamps of a document's versions, the oldest first.
    fn versions(&self, key: &DocKey) -> Vec<String>;
    fn staged_pieces(&self) -> u64;
    fn uploads(&self) -> u64;
    /// What a restore does.
    fn raise_epoch(&self);
    fn forget_the_tenant(&self);
    /// Alters the control database: `column` of audit entry `number`.
    fn alter_audit(&self, number: u64, column: &str, value: &str);
    fn remove_audit(&self, number: u64);
}

/// Another process on the same databases.
pub(crate) struct Peer {
    pub(crate) sql: Arc<dyn SqlStore>,
    pub(crate) jobs: Arc<dyn JobQueue>,
    pub(crate) control: Arc<dyn ControlStore>,
}

pub(crate) struct World {
    pub(crate) sql: Arc<dyn SqlStore>,
    pub(crate) jobs: Arc<dyn JobQueue>,
    pub(crate) control: Arc<dyn ControlStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) customer: Arc<dyn Customer>,
    pub(crate) peer: Peer,
    /// The other tenant of the shared table.
    pub(crate) neighbour: Arc<dyn SqlStore>,
    /// Keeps what the backend needs until the world ends.
    _ground: Box<dyn std::any::Any + Send + Sync>,
}

fn key(collection: &str, id: DocId) -> DocKey {
    DocKey { tenant: TENANT.parse().unwrap(), collection: collection.parse().unwrap(), id }
}

pub(crate) fn numbered(id: i64) -> DocKey {
    key(DOCUMENTS, DocId::Integer(id))
}

pub(crate) fn lettered(id: &str) -> DocKey {
    key(LETTERS, DocId::Text(id.to_owned()))
}

pub(crate) fn bare(id: &str) -> DocKey {
    key(BARE, DocId::Text(id.to_owned()))
}

pub(crate) fn guid(id: &str) -> DocKey {
    key(GUIDS, DocId::Text(id.to_owned()))
}

pub(crate) fn shared(id: i64) -> DocKey {
    key(SHARED, DocId::Integer(id))
}

/// By a name above; for those whose ids the database gives.
pub(crate) fn of(collection: &str, id: &DocId) -> DocKey {
    key(collection, id.clone())
}

pub(crate) fn documents() -> CollectionName {
    DOCUMENTS.parse().unwrap()
}

pub(crate) fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

/// Content that shows where each of its bytes belongs.
pub(crate) fn content(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at >> 13) as u8 ^ seed).collect()
}

pub(crate) fn if_match(stamp: &Stamp) -> Precondition {
    use sluss::model::precondition::{EntityTag, EntityTags};
    let tag = EntityTag { weak: false, opaque: stamp.to_string() };
    Precondition { if_match: Some(EntityTags::Of(vec![tag])), ..Precondition::default() }
}

pub(crate) fn if_absent() -> Precondition {
    Precondition { if_none_match: Some(sluss::model::precondition::EntityTags::Any), ..Precondition::default() }
}

pub(crate) fn done(commit: Commit) -> Committed {
    match commit {
        Commit::Done(committed) => committed,
        Commit::Moved | Commit::Unmet(_) | Commit::Absent | Commit::ReadOnly | Commit::Refused(_) | Commit::Unfit(_) => {
            panic!("not done: {commit:?}")
        }
    }
}

pub(crate) fn moved(commit: &Commit) {
    assert!(matches!(commit, Commit::Moved), "not moved: {commit:?}");
}

pub(crate) fn inline(bytes: &[u8]) -> NewContent {
    NewContent::Inline(Bytes::copy_from_slice(bytes))
}

pub(crate) fn store_of(content: NewContent) -> Change {
    Change::Store { content, attributes: NewAttributes::default(), precondition: Precondition::default() }
}

pub(crate) fn point_of(object: ObjectRef, bytes: &[u8]) -> Change {
    let content = Fingerprint::of(bytes);
    Change::Point {
        object,
        labels: Labels::default(),
        content,
        attributes: NewAttributes::default(),
        precondition: Precondition::default(),
    }
}

pub(crate) fn mint() -> FreshKey {
    FreshKey::mint("local".parse().unwrap())
}

impl World {
    pub(crate) async fn row(&self, key: &DocKey) -> DocRow {
        self.sql.row(key).await.unwrap()
    }

    pub(crate) async fn holder(&self, key: &DocKey) -> Holder {
        self.row(key).await.truth().holder
    }

    pub(crate) async fn stamp(&self, key: &DocKey) -> Option<Stamp> {
        self.row(key).await.truth().stamp
    }

    pub(crate) async fn revision(&self, key: &DocKey) -> Revision {
        self.row(key).await.document.expect("the document is there").revision
    }

    /// What SQL holds of the revision that is current now; `None` if it moved on meanwhile.
    pub(crate) async fn read(&self, key: &DocKey) -> Option<Vec<u8>> {
        self.read_from(key, self.revision(key).await, 0).await
    }

    pub(crate) async fn read_from(&self, key: &DocKey, revision: Revision, offset: u64) -> Option<Vec<u8>> {
        let portions = self.sql.open(key, revision, offset, 64 << 10).await.unwrap()?;
        let portions: Vec<Bytes> = match portions.try_collect().await {
            Err(Interrupted::Moved) => return None,
            portions => portions.unwrap(),
        };
        assert!(portions.iter().all(|portion| (1..=64 << 10).contains(&portion.len())));
        Some(portions.concat())
    }

    pub(crate) async fn commit(&self, key: &DocKey, change: Change) -> Commit {
        let epoch = self.sql.state().await.unwrap().epoch;
        self.sql.commit(key, epoch, change).await.unwrap()
    }

    pub(crate) async fn store(&self, key: &DocKey, bytes: &[u8]) -> Committed {
        done(self.commit(key, store_of(inline(bytes))).await)
    }

    pub(crate) async fn delete(&self, key: &DocKey) -> Committed {
        done(self.commit(key, Change::Delete { precondition: Precondition::default() }).await)
    }

    pub(crate) async fn stage(&self, bytes: &[u8]) -> Staged {
        let epoch = self.sql.state().await.unwrap().epoch;
        let mut staging = self.sql.stage(epoch).await.unwrap();
        for piece in bytes.chunks(300_000) {
            staging.append(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        staging.finish(Fingerprint::of(bytes)).await.unwrap()
    }

    /// An upload that has ended, in a phase that allows it.
    pub(crate) async fn upload(&self, purpose: UploadPurpose) -> ObjectRef {
        let (fresh, epoch) = (mint(), self.sql.state().await.unwrap().epoch);
        assert_eq!(self.sql.record_upload(&fresh, purpose, epoch).await.unwrap(), Recorded::Yes);
        fresh.stored()
    }

    pub(crate) async fn point(&self, key: &DocKey, bytes: &[u8]) -> ObjectRef {
        let object = self.upload(UploadPurpose::Write).await;
        done(self.commit(key, point_of(object.clone(), bytes)).await);
        object
    }

    /// What the copy agent does, in a phase that calls for copies.
    pub(crate) async fn copy(&self, key: &DocKey) -> Option<ObjectRef> {
        let seen = self.revision(key).await;
        let bytes = self.read(key).await.expect("nobody else writes");
        let object = if bytes.is_empty() { None } else { Some(self.upload(UploadPurpose::Copy).await) };
        let copied = Copied::Uploaded(object.clone(), Labels::default());
        done(self.commit(key, Change::Publish { seen, copied, content: Fingerprint::of(&bytes) }).await);
        object
    }

    /// Flips step by step, as an operator would whose guards all pass.
    pub(crate) async fn flip_to(&self, to: Phase) {
        let sample = Some(Sample { compared: 1, ..Sample::default() });
        let facts = FlipFacts { probe: Some(Ok("passed".into())), sample, verification: Some(VerificationFacts::default()) };
        let mut from = self.sql.state().await.unwrap().phase;
        while from != to {
            let next = if to < from { to } else { Phase::ALL[Phase::ALL.iter().position(|phase| *phase == from).unwrap() + 1] };
            assert_eq!(self.sql.flip(permit(from, next, &facts).unwrap()).await.unwrap(), Flipped::Done);
            from = next;
        }
    }

    pub(crate) async fn all_jobs(&self) -> Vec<JobView> {
        self.jobs.list(JobFilter::default(), None, 10_000).await.unwrap()
    }

    /// The open jobs about one document.
    pub(crate) async fn jobs_of(&self, key: &DocKey) -> Vec<(JobKind, Priority, JobState)> {
        let about = JobTarget::Document(key.clone());
        self.all_jobs().await.into_iter().filter(|job| job.target == about).map(|job| (job.kind, job.priority, job.state)).collect()
    }
}
