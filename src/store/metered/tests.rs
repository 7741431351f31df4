//! The meters around a store that answers, fails or hangs: what is counted, and that no wait is longer than its deadline.

use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::FutureExt;
use jiff::Timestamp;

use super::*;
use crate::model::backup::{BackupFigures, BackupRun, BackupState, BadCopy, Manifest};
use crate::model::content::Fingerprint;
use crate::model::document::{DocRow, State};
use crate::model::history::{MarkName, Tick, Version, VersionNumber};
use crate::model::id::{Attempt, CollectionName, DocId, DocKey, FreshKey, ObjectId, ObjectRef, PlacementName};
use crate::model::phase::FlipPermit;
use crate::model::precondition::Precondition;
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::model::stamp::{Epoch, Revision, Stamp};
use crate::model::verification::{Difference, VerifyRun, VerifyWish};
use crate::store::backups::{BackupEnd, BackupStore, Ended, Located};
use crate::store::doctor::Finding;
use crate::store::error::ClientFault;
use crate::store::history::{HistoryFigures, HistoryStore, VersionCount};
use crate::store::object::{ObjectFacts, ObjectMeta, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use crate::store::sql::{
    Change, Changes, Commit, Condemned, Findings, Flipped, Insertion, NewAttributes, NewContent, NewDocument, Page, PlacementUsage,
    Recorded, Remaining, SqlContentStream, SqlStore, Staged, Staging, Tally, UploadPurpose, WalkEnd,
};

const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Heard(Mutex<Vec<(&'static str, &'static str, u64)>>);

impl StoreObserver for Heard {
    fn observe(&self, _: &'static str, operation: &'static str, outcome: &'static str, took: Duration) {
        self.0.lock().unwrap().push((operation, outcome, took.as_secs()));
    }
}

impl Heard {
    fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.0.lock().unwrap().clone()
    }
}

/// Takes and gives so many portions, each after a while, asks for one more, and hangs for good.
struct Hangs {
    portions: usize,
    each: Duration,
}

#[async_trait]
impl ObjectStore for Hangs {
    fn mint(&self) -> FreshKey {
        FreshKey::mint("local".parse().unwrap())
    }

    fn upload_bytes(&self, _: Option<u64>) -> u64 {
        0
    }

    async fn put(&self, Upload { key, mut content, .. }: Upload<'_>) -> Result<ObjectRef, PutError> {
        for _ in 0..self.portions {
            tokio::time::sleep(self.each).await;
            match content.next().await {
                Some(portion) => drop(portion.map_err(PutError::Content)?),
                None => return Ok(key.stored()),
            }
        }
        let _asked = content.next().now_or_never();
        std::future::pending().await
    }

    async fn get(&self, _: &ObjectRef, _: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let (portions, each) = (self.portions, self.each);
        let given = stream::iter(0..portions).then(move |_| async move {
            tokio::time::sleep(each).await;
            Ok(Bytes::from_static(b"x"))
        });
        Ok(Some(Box::pin(given.chain(stream::pending()))))
    }

    async fn head(&self, _: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        std::future::pending().await
    }

    async fn delete(&self, _: &ObjectRef) -> StoreResult<()> {
        tokio::time::sleep(self.each).await;
        Ok(())
    }

    async fn list(&self, _: Option<&str>, _: usize) -> StoreResult<ObjectPage> {
        std::future::pending().await
    }

    async fn abort(&self, _: &ObjectRef, _: &PartsId) -> StoreResult<()> {
        std::future::pending().await
    }

    async fn delete_all(&self, _: &[ObjectRef]) -> Vec<StoreResult<()>> {
        std::future::pending().await
    }

    fn placements(&self) -> Vec<PlacementName> {
        Vec::new()
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        Err(StoreError::new("hangs", "scratch", placement, StoreErrorKind::Other))
    }

    async fn examine(&self, _: &PlacementName) -> Vec<Finding> {
        Vec::new()
    }

    async fn owner(&self, _: &PlacementName) -> StoreResult<Option<String>> {
        std::future::pending().await
    }

    async fn claim(&self, _: &PlacementName, _: &str) -> StoreResult<()> {
        std::future::pending().await
    }

    async fn manifest_list(&self, _: &PlacementName) -> StoreResult<Option<String>> {
        std::future::pending().await
    }

    async fn set_manifest_list(&self, _: &PlacementName, _: &str) -> StoreResult<()> {
        std::future::pending().await
    }
}

fn objects(portions: usize, each: Duration) -> (MeteredObjects, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let meter = Meter::new("disk", DEADLINE, Arc::clone(&heard) as Arc<dyn StoreObserver>);
    (MeteredObjects::new(Arc::new(Hangs { portions, each }), meter), heard)
}

fn meta() -> ObjectMeta {
    ObjectMeta {
        tenant: "acme".into(),
        collection: "documents".into(),
        document: "42".into(),
        stamp: "r-1-2a".into(),
        media_type: None,
        file_name: None,
        sha256: None,
    }
}

fn slow_client(portions: usize, each: Duration) -> ByteStream {
    Box::pin(stream::iter(0..portions).then(move |_| async move {
        tokio::time::sleep(each).await;
        Ok(Bytes::from_static(b"x"))
    }))
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_a_timeout_after_the_deadline() {
    let (store, heard) = objects(0, Duration::ZERO);
    let error = store.head(store.mint().object()).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Timeout);
    assert_eq!(heard.all(), [("head", "timeout", 10)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_passes_with_the_time_it_took() {
    let (store, heard) = objects(0, Duration::from_secs(9));
    store.delete(store.mint().object()).await.unwrap();
    assert_eq!(heard.all(), [("delete", "ok", 9)]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_stream_is_for_each_portion_and_not_for_the_whole() {
    let (store, heard) = objects(5, Duration::from_secs(9));
    let mut content = store.get(store.mint().object(), 0..9).await.unwrap().unwrap();
    for _ in 0..5 {
        content.next().await.unwrap().unwrap();
        // The reader's own time.
        tokio::time::sleep(Duration::from_secs(100)).await;
    }
    assert!(matches!(content.next().await, Some(Err(Interrupted::Store(error))) if error.kind == StoreErrorKind::Timeout));
    assert!(content.next().await.is_none());
    assert_eq!(heard.all(), [("get", "ok", 0), ("read", "timeout", 55)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_reader_leaves_is_heard_of_too() {
    let (store, heard) = objects(5, Duration::from_secs(1));
    drop(store.get(store.mint().object(), 0..9).await.unwrap());
    assert_eq!(heard.all(), [("get", "ok", 0), ("read", "dropped", 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_may_take_long_as_long_as_the_store_takes_portions() {
    let (store, heard) = objects(9, Duration::from_secs(9));
    store.put(Upload::unlogged(store.mint(), meta(), None, slow_client(5, Duration::ZERO))).await.unwrap();
    assert_eq!(heard.all(), [("put", "ok", 54)]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_slow_client_never_counts_against_the_store() {
    let (store, heard) = objects(9, Duration::from_secs(9));
    store.put(Upload::unlogged(store.mint(), meta(), None, slow_client(2, Duration::from_secs(1000)))).await.unwrap();
    assert_eq!(heard.all(), [("put", "ok", 2027)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_no_further_portion_times_out() {
    let (store, heard) = objects(2, Duration::from_secs(1));
    assert!(store.put(Upload::unlogged(store.mint(), meta(), None, slow_client(5, Duration::ZERO))).await.is_err());
    assert_eq!(heard.all(), [("put", "timeout", 12)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_asked_for_a_portion_and_does_not_take_it_times_out_after_it_came() {
    let (store, heard) = objects(2, Duration::from_secs(1));
    let error = store.put(Upload::unlogged(store.mint(), meta(), None, slow_client(5, Duration::from_secs(20)))).await.unwrap_err();
    assert!(matches!(error, PutError::Store(error) if error.kind == StoreErrorKind::Timeout));
    assert_eq!(heard.all(), [("put", "timeout", 72)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_off_is_not_the_stores_failure() {
    let (store, heard) = objects(2, Duration::ZERO);
    let broken = stream::iter([Err(Interrupted::Client(ClientFault::Broken))]);
    assert!(matches!(store.put(Upload::unlogged(store.mint(), meta(), None, Box::pin(broken))).await, Err(PutError::Content(_))));
    assert_eq!(heard.all(), [("put", "content", 0)]);
}

/// Answers nothing for a hundred deadlines, and then that nothing is left to do.
struct Slow;

async fn slowly<T>(answer: T) -> StoreResult<T> {
    tokio::time::sleep(100 * DEADLINE).await;
    Ok(answer)
}

#[async_trait]
impl HistoryStore for Slow {
    async fn versions(&self, _: &DocKey, _: Option<VersionNumber>, _: usize) -> StoreResult<Vec<Version>> {
        slowly(Vec::new()).await
    }
    async fn all_versions(&self, _: Option<VersionNumber>, _: usize) -> StoreResult<Vec<Version>> {
        slowly(Vec::new()).await
    }
    async fn version(&self, _: &DocKey, _: &Stamp) -> StoreResult<Option<Version>> {
        slowly(None).await
    }
    async fn staged_version(&self, _: Attempt) -> StoreResult<Option<Version>> {
        slowly(None).await
    }
    async fn open_staged(&self, _: Attempt, _: u64) -> StoreResult<SqlContentStream> {
        std::future::pending().await
    }
    async fn publish_kept(&self, _: Attempt, _: Epoch, _: &ObjectRef, _: &Fingerprint) -> StoreResult<bool> {
        slowly(true).await
    }
    async fn expire(&self, _: u64, _: usize) -> StoreResult<VersionCount> {
        slowly(VersionCount::default()).await
    }
    async fn history(&self, _: Option<u64>) -> StoreResult<HistoryFigures> {
        slowly(HistoryFigures::default()).await
    }
    async fn tick(&self) -> StoreResult<Tick> {
        std::future::pending().await
    }
    async fn raise_tick(&self, _: Tick) -> StoreResult<Tick> {
        std::future::pending().await
    }
    async fn go_on_from(&self, _: Tick) -> StoreResult<bool> {
        slowly(true).await
    }
    async fn mark(&self, _: &MarkName) -> StoreResult<Timestamp> {
        slowly(Timestamp::UNIX_EPOCH).await
    }
    async fn trace(&self, _: &DocKey, _: Timestamp) -> StoreResult<Trace> {
        slowly(Trace::default()).await
    }
    async fn begin_restore(&self, _: &RestoreWish) -> StoreResult<Option<u64>> {
        slowly(None).await
    }
    async fn note_restore(&self, _: u64, _: &CollectionName, _: RestoreFigures, _: Option<WalkEnd>) -> StoreResult<bool> {
        slowly(true).await
    }
    async fn open_restore(&self, _: &CollectionName) -> StoreResult<Option<RestoreRun>> {
        slowly(None).await
    }
    async fn cancel_restore(&self, _: u64) -> StoreResult<bool> {
        slowly(false).await
    }
    async fn restores(&self) -> StoreResult<Vec<RestoreRun>> {
        slowly(Vec::new()).await
    }
}

#[async_trait]
impl BackupStore for Slow {
    async fn begin_backup(&self) -> StoreResult<Option<BackupRun>> {
        slowly(None).await
    }
    async fn backups(&self, _: Option<u64>, _: usize) -> StoreResult<Vec<BackupRun>> {
        slowly(Vec::new()).await
    }
    async fn backups_in(&self, _: BackupState) -> StoreResult<Vec<BackupRun>> {
        slowly(Vec::new()).await
    }
    async fn note_backup(&self, _: u64, _: BackupFigures) -> StoreResult<()> {
        slowly(()).await
    }
    async fn end_backup(&self, _: u64, _: BackupFigures, _: BackupEnd) -> StoreResult<()> {
        slowly(()).await
    }
    async fn set_backup(&self, _: u64, _: BackupState, _: Option<&str>) -> StoreResult<()> {
        slowly(()).await
    }
    async fn adopt_backups(&self, _: Vec<Manifest>) -> StoreResult<()> {
        slowly(()).await
    }
    async fn note_bad_copies(&self, _: Vec<BadCopy>) -> StoreResult<()> {
        slowly(()).await
    }
    async fn bad_copies(&self, _: usize) -> StoreResult<Vec<BadCopy>> {
        slowly(Vec::new()).await
    }
    async fn forget_bad_copy(&self, _: ObjectId) -> StoreResult<()> {
        slowly(()).await
    }
    async fn located_since(&self, _: &CollectionName, _: Timestamp, _: Option<&Located>, _: usize) -> StoreResult<Vec<Located>> {
        slowly(Vec::new()).await
    }
    async fn ended_since(&self, _: Timestamp, _: Option<Ended>, _: usize) -> StoreResult<Vec<Version>> {
        slowly(Vec::new()).await
    }
}

#[async_trait]
impl SqlStore for Slow {
    async fn row(&self, _: &DocKey) -> StoreResult<DocRow> {
        std::future::pending().await
    }
    async fn bare_row(&self, _: &DocKey) -> StoreResult<DocRow> {
        std::future::pending().await
    }
    async fn open(&self, _: &DocKey, _: Revision, _: u64, _: usize) -> StoreResult<Option<SqlContentStream>> {
        slowly(None).await
    }
    async fn stage(&self, _: Epoch) -> StoreResult<Box<dyn Staging>> {
        Ok(Box::new(Slow))
    }
    async fn commit(&self, _: &DocKey, _: Epoch, _: Change) -> StoreResult<Commit> {
        slowly(Commit::Absent).await
    }
    async fn insert(&self, _: &CollectionName, _: Epoch, _: NewDocument) -> StoreResult<Insertion> {
        slowly(Insertion::Refused(Commit::Moved)).await
    }
    async fn record_upload(&self, _: &FreshKey, _: UploadPurpose, _: Epoch) -> StoreResult<Recorded> {
        slowly(Recorded::Yes).await
    }
    async fn parts_begun(&self, _: ObjectId, _: &PartsId) -> StoreResult<bool> {
        slowly(true).await
    }
    async fn condemn_upload(&self, _: ObjectId) -> StoreResult<()> {
        slowly(()).await
    }
    async fn condemned(&self, _: Duration, _: usize) -> StoreResult<Vec<Condemned>> {
        slowly(Vec::new()).await
    }
    async fn upload_removed(&self, _: &Condemned) -> StoreResult<()> {
        slowly(()).await
    }
    async fn scan(&self, _: &CollectionName, _: Option<&DocId>, _: usize) -> StoreResult<Page> {
        slowly(Page { rows: Vec::new(), next: None }).await
    }
    async fn sample(&self, _: &CollectionName, _: usize) -> StoreResult<Vec<DocRow>> {
        slowly(Vec::new()).await
    }
    async fn state(&self) -> StoreResult<State> {
        std::future::pending().await
    }
    async fn flip(&self, _: FlipPermit) -> StoreResult<Flipped> {
        slowly(Flipped::Done).await
    }
    async fn set_read_only(&self, _: bool) -> StoreResult<()> {
        slowly(()).await
    }
    async fn tally(&self) -> StoreResult<Tally> {
        slowly(Tally::default()).await
    }
    async fn sweep_page(&self, _: &CollectionName, _: Option<&DocId>, _: usize) -> StoreResult<Page> {
        slowly(Page { rows: Vec::new(), next: None }).await
    }
    async fn remaining(&self) -> StoreResult<Remaining> {
        slowly(Remaining::default()).await
    }
    async fn changes(&self, _: &CollectionName, _: usize) -> StoreResult<Changes> {
        slowly(Changes { rows: Vec::new(), reached: None }).await
    }
    async fn changes_seen(&self, _: &CollectionName, _: Revision) -> StoreResult<()> {
        slowly(()).await
    }
    async fn begin_purge(&self, _: bool) -> StoreResult<()> {
        slowly(()).await
    }
    async fn note_purge(&self, _: &CollectionName, _: PurgeFigures, _: Option<WalkEnd>) -> StoreResult<()> {
        slowly(()).await
    }
    async fn purges(&self) -> StoreResult<Vec<PurgeRun>> {
        slowly(Vec::new()).await
    }
    async fn begin_verification(&self, _: VerifyWish) -> StoreResult<Option<u64>> {
        slowly(None).await
    }
    async fn verifications(&self) -> StoreResult<Vec<VerifyRun>> {
        slowly(Vec::new()).await
    }
    async fn note_findings(&self, _: &CollectionName, _: Epoch, _: Findings) -> StoreResult<bool> {
        slowly(true).await
    }
    async fn differences(&self, _: u64, _: usize) -> StoreResult<Vec<Difference>> {
        slowly(Vec::new()).await
    }
    async fn open_differences(&self) -> StoreResult<u64> {
        slowly(0).await
    }
    async fn unverified(&self, _: &CollectionName, _: usize) -> StoreResult<Vec<DocRow>> {
        slowly(Vec::new()).await
    }
    async fn placement_usage(&self) -> StoreResult<Vec<PlacementUsage>> {
        slowly(Vec::new()).await
    }
    async fn unnamed(&self, _: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
        slowly(Vec::new()).await
    }
}

#[async_trait]
impl Staging for Slow {
    async fn append(&mut self, _: Bytes) -> StoreResult<()> {
        slowly(()).await
    }
    async fn finish(self: Box<Self>, _: Fingerprint) -> StoreResult<Staged> {
        std::future::pending().await
    }
    async fn abandon(self: Box<Self>) -> StoreResult<()> {
        slowly(()).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_does_not_answer_is_a_timeout() {
    let (sql, heard) = sql();
    assert_eq!(sql.row(&document()).await.unwrap_err().kind, StoreErrorKind::Timeout);
    let error = sql.state().await.unwrap_err();
    assert!(error.chain().starts_with("state acme in sqlite: no answer in time"), "{}", error.chain());
    assert_eq!(heard.all(), [("row", "timeout", 10), ("state", "timeout", 10)]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_and_a_staged_piece_are_never_given_up_midway() {
    let (sql, heard) = sql();
    let delete = Change::Delete { precondition: Precondition::default() };
    assert!(matches!(sql.commit(&document(), Epoch(1), delete).await, Ok(Commit::Absent)));
    let new = NewDocument { content: NewContent::Inline(Bytes::new()), attributes: NewAttributes::default() };
    assert!(matches!(sql.insert(&document().collection, Epoch(1), new).await, Ok(Insertion::Refused(Commit::Moved))));
    let mut staging = sql.stage(Epoch(1)).await.unwrap();
    staging.append(Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(heard.all(), [("commit", "ok", 1000), ("insert", "ok", 1000), ("stage", "ok", 0), ("append", "ok", 1000)]);
}

fn sql() -> (MeteredSql, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let meter = Meter::new("sqlite", DEADLINE, Arc::clone(&heard) as Arc<dyn StoreObserver>);
    (MeteredSql::new(Arc::new(Slow), "acme".parse().unwrap(), meter), heard)
}

fn document() -> DocKey {
    DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(1) }
}
