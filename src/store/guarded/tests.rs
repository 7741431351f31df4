//! The gate around a store that answers, fails, hangs or is slow, as the test says: what passes, what is refused, and what is learned.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::*;
use crate::store::doctor::Finding;
use crate::store::error::{ClientFault, StoreErrorKind};
use crate::store::metered::{Meter, MeteredObjects, StoreObserver};
use crate::store::object::ObjectMeta;
use crate::telemetry::Metrics;

const MS: Duration = Duration::from_millis(1);
const DEADLINE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(3);

/// How a store takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers(Duration),
    Fails(StoreErrorKind),
    Hangs,
    /// Gives one portion of a read, and fails.
    Breaks,
    Absent,
}

/// A store with a mood, which notes what it was asked.
struct Moody {
    mood: Mutex<Mood>,
    asked: Mutex<VecDeque<&'static str>>,
}

impl Moody {
    async fn call<T>(&self, operation: &'static str, answer: T) -> StoreResult<T> {
        self.asked.lock().unwrap().push_back(operation);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Answers(after) => sleep(after).await,
            Mood::Fails(kind) => return Err(StoreError::new("moody", operation, "it", kind)),
            Mood::Hangs => std::future::pending().await,
            Mood::Breaks | Mood::Absent => {}
        }
        Ok(answer)
    }
}

#[async_trait]
impl ObjectStore for Moody {
    fn mint(&self) -> FreshKey {
        FreshKey::mint("local".parse().unwrap())
    }
    fn upload_bytes(&self, _: Option<u64>) -> u64 {
        0
    }
    async fn put(&self, mut upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        while let Some(portion) = upload.content.next().await {
            portion.map_err(PutError::Content)?;
        }
        Ok(self.call("put", upload.key.stored()).await?)
    }
    async fn abort(&self, _: &ObjectRef, _: &PartsId) -> StoreResult<()> {
        self.call("abort", ()).await
    }
    async fn get(&self, _: &ObjectRef, _: Range<u64>) -> StoreResult<Option<ByteStream>> {
        self.call("get", ()).await?;
        let mood = *self.mood.lock().unwrap();
        let portion = || Ok(Bytes::from_static(b"x"));
        let broken = || Err(StoreError::new("moody", "read", "it", StoreErrorKind::Unavailable).into());
        Ok(match mood {
            Mood::Absent => None,
            Mood::Breaks => Some(Box::pin(stream::iter([portion(), broken()]))),
            Mood::Answers(_) | Mood::Fails(_) | Mood::Hangs => Some(Box::pin(stream::iter([portion(), portion()]))),
        })
    }
    async fn head(&self, _: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.call("head", None).await
    }
    async fn delete(&self, _: &ObjectRef) -> StoreResult<()> {
        self.call("delete", ()).await
    }
    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        let mut answers = Vec::new();
        for _ in objects {
            answers.push(self.call("delete", ()).await);
        }
        answers
    }
    async fn list(&self, _: Option<&str>, _: usize) -> StoreResult<ObjectPage> {
        self.call("list", ObjectPage::default()).await
    }
    fn placements(&self) -> Vec<PlacementName> {
        vec!["local".parse().unwrap()]
    }
    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        Err(StoreError::new("moody", "scratch", placement, StoreErrorKind::Other))
    }
    async fn examine(&self, _: &PlacementName) -> Vec<Finding> {
        Vec::new()
    }
    async fn owner(&self, _: &PlacementName) -> StoreResult<Option<String>> {
        self.call("owner", None).await
    }
    async fn claim(&self, _: &PlacementName, _: &str) -> StoreResult<()> {
        self.call("claim", ()).await
    }
    async fn manifest_list(&self, _: &PlacementName) -> StoreResult<Option<String>> {
        self.call("manifest_list", None).await
    }
    async fn set_manifest_list(&self, _: &PlacementName, _: &str) -> StoreResult<()> {
        self.call("set_manifest_list", ()).await
    }
}

struct Bench {
    store: Arc<Moody>,
    metrics: Arc<Metrics>,
    objects: GuardedObjects,
    object: ObjectRef,
}

impl Bench {
    /// Behind a gate of so many places.
    fn new(limit: usize) -> Self {
        let store = Arc::new(Moody { mood: Mutex::new(Mood::Answers(Duration::ZERO)), asked: Mutex::default() });
        let metrics = Arc::new(Metrics::new("1.2.3"));
        let meter = Meter::new("moody", DEADLINE, Arc::clone(&metrics) as Arc<dyn StoreObserver>);
        let metered = MeteredObjects::new(Arc::clone(&store) as Arc<dyn ObjectStore>, meter);
        let gate = Gate::new("s3.example:443", GateSettings { limit, patience: PATIENCE, least_hedge: 5 * MS }, Arc::clone(&metrics));
        let objects = GuardedObjects::new(Arc::new(metered), gate);
        let object = objects.mint().stored();
        Self { store, metrics, objects, object }
    }

    fn is(&self, mood: Mood) -> &Self {
        *self.store.mood.lock().unwrap() = mood;
        self
    }

    fn asked(&self) -> Vec<&'static str> {
        self.store.asked.lock().unwrap().drain(..).collect()
    }

    /// Reads the object to its end.
    async fn read(&self) -> Result<Option<usize>, StoreError> {
        let Some(mut content) = self.objects.get(&self.object, 0..2).await? else { return Ok(None) };
        let mut portions = 0;
        while let Some(portion) = content.next().await {
            match portion {
                Ok(_) => portions += 1,
                Err(Interrupted::Store(error)) => return Err(error),
                Err(other) => panic!("{other}"),
            }
        }
        Ok(Some(portions))
    }

    /// Leaves a read after this long, as one whose hedge has won.
    async fn leave_after(&self, wait: Duration) {
        assert!(timeout(wait, self.objects.get(&self.object, 0..2)).await.is_err());
    }

    fn hedge_after(&self) -> Duration {
        self.objects.hedge_after(&self.object).unwrap()
    }

    fn metric(&self, series: &str) -> f64 {
        let page = self.metrics.render();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).unwrap_or_else(|| panic!("no {series}"));
        value.parse().unwrap()
    }

    fn is_open(&self) -> bool {
        self.metric("sluss_breaker_open{store=\"s3.example:443\"}") == 1.0
    }

    fn in_flight(&self) -> f64 {
        self.metric("sluss_store_requests_in_flight{store=\"s3.example:443\"}")
    }

    async fn take_out(&self) {
        self.is(Mood::Fails(StoreErrorKind::Unavailable));
        while !self.is_open() {
            self.objects.head(&self.object).await.unwrap_err();
        }
        self.asked();
    }

    fn upload(&self, content: ByteStream) -> Upload<'static> {
        let text = String::new;
        let (tenant, collection, document, stamp) = (text(), text(), text(), text());
        let meta = ObjectMeta { tenant, collection, document, stamp, media_type: None, file_name: None, sha256: None };
        Upload::unlogged(self.objects.mint(), meta, None, content)
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_out_is_not_asked_and_every_call_says_why() {
    let bench = Bench::new(8);
    bench.take_out().await;
    let object = &bench.object;
    let placement = &object.placement;
    let mut errors = vec![
        bench.read().await.unwrap_err(),
        bench.objects.head(object).await.unwrap_err(),
        bench.objects.delete(object).await.unwrap_err(),
        bench.objects.abort(object, &PartsId("1".into())).await.unwrap_err(),
        bench.objects.list(None, 1).await.unwrap_err(),
        bench.objects.owner(placement).await.unwrap_err(),
        bench.objects.claim(placement, "us").await.unwrap_err(),
    ];
    let Err(PutError::Store(error)) = bench.objects.put(bench.upload(Box::pin(stream::empty()))).await else { panic!("it was put") };
    errors.push(error);
    errors.extend(bench.objects.delete_all(&[object.clone(), bench.objects.mint().stored()]).await.into_iter().map(Result::unwrap_err));
    for error in &errors {
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        let chain = error.chain();
        assert!(chain.contains("s3.example:443 was taken for out") && chain.contains("is tried again in"), "{chain}");
    }
    assert_eq!((errors.len(), bench.asked().len()), (10, 0));
    assert_eq!(bench.metric("sluss_store_requests_refused_total{reason=\"out\",store=\"s3.example:443\"}"), 9.0);
    assert_eq!(bench.objects.placements().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_is_used_again() {
    let bench = Bench::new(8);
    bench.take_out().await;
    bench.is(Mood::Answers(MS));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.read().await.unwrap(), Some(2));
    assert!(!bench.is_open());
    assert_eq!(bench.metric("sluss_breaker_opened_total{store=\"s3.example:443\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_one_object_takes_no_store_out() {
    let bench = Bench::new(8);
    for kind in [StoreErrorKind::Denied, StoreErrorKind::Full, StoreErrorKind::Corrupt, StoreErrorKind::Other] {
        for _ in 0..50 {
            assert_eq!(bench.is(Mood::Fails(kind)).read().await.unwrap_err().kind, kind);
        }
    }
    for _ in 0..50 {
        assert_eq!(bench.is(Mood::Absent).read().await.unwrap(), None);
    }
    for _ in 0..50 {
        let broken: ByteStream = Box::pin(stream::iter([Err(Interrupted::Client(ClientFault::Broken))]));
        assert!(matches!(bench.objects.put(bench.upload(broken)).await, Err(PutError::Content(_))));
    }
    assert!(!bench.is_open());
}

#[tokio::test(start_paused = true)]
async fn reads_that_break_in_the_middle_take_it_out() {
    let bench = Bench::new(8);
    bench.is(Mood::Breaks);
    for _ in 0..5 {
        assert_eq!(bench.read().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    }
    assert!(bench.is_open());
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_than_the_limit_are_under_way_and_a_read_is_one_until_it_is_left() {
    let bench = Bench::new(2);
    let first = bench.objects.get(&bench.object, 0..2).await.unwrap().unwrap();
    let mut second = bench.objects.get(&bench.object, 0..2).await.unwrap().unwrap();
    assert_eq!(bench.in_flight(), 2.0);
    let begun = Instant::now();
    let refusal = bench.objects.head(&bench.object).await.unwrap_err();
    assert_eq!((refusal.kind, begun.elapsed()), (StoreErrorKind::Throttled { retry_after: None }, PATIENCE));
    assert_eq!(bench.metric("sluss_store_requests_refused_total{reason=\"busy\",store=\"s3.example:443\"}"), 1.0);
    // Its end is enough; whoever holds the stream need not drop it.
    while second.next().await.is_some() {}
    assert_eq!(bench.in_flight(), 1.0);
    bench.objects.head(&bench.object).await.unwrap();
    drop(first);
    assert_eq!(bench.in_flight(), 0.0);
    assert!(!bench.is_open(), "being busy is not being out");
}

#[tokio::test(start_paused = true)]
async fn the_wait_before_a_hedge_follows_the_stores_own_speed() {
    let bench = Bench::new(8);
    assert_eq!(bench.hedge_after(), 500 * MS);
    for _ in 0..40 {
        bench.is(Mood::Answers(30 * MS)).read().await.unwrap();
    }
    assert_eq!(bench.hedge_after(), 30 * MS);
}

/// Reads that a hedge beats would never be seen to end: a slower store would look as fast as before, and be beaten for ever.
#[tokio::test(start_paused = true)]
async fn a_store_that_has_become_slower_is_learned_of_though_every_read_is_left() {
    let bench = Bench::new(8);
    for _ in 0..128 {
        bench.is(Mood::Answers(10 * MS)).read().await.unwrap();
    }
    bench.is(Mood::Answers(40 * MS));
    for _ in 0..128 {
        let after = bench.hedge_after();
        match after < 40 * MS {
            true => bench.leave_after(after).await,
            false => drop(bench.read().await.unwrap()),
        }
        sleep(40 * MS).await;
    }
    assert_eq!((bench.hedge_after(), bench.is_open(), bench.in_flight()), (40 * MS, false, 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_soon_spared_and_out_when_its_deadline_is_over() {
    let bench = Bench::new(16);
    for _ in 0..64 {
        bench.is(Mood::Answers(10 * MS)).read().await.unwrap();
    }
    bench.is(Mood::Hangs);
    bench.asked();
    let mut left = 0;
    while !bench.hedge_after().is_zero() {
        bench.leave_after(bench.hedge_after()).await;
        left += 1;
    }
    // A quarter of the places, so that reads which have no other holder have the rest.
    assert_eq!((left, bench.in_flight(), bench.is_open()), (4, 4.0, false));
    // Its caller is gone, and no more are waited for: this one is dropped.
    bench.leave_after(10 * MS).await;
    assert_eq!(bench.in_flight(), 4.0);
    sleep(DEADLINE).await;
    assert_eq!((bench.in_flight(), bench.hedge_after()), (0.0, 10 * MS));
    sleep(PATIENCE).await;
    assert!(!bench.is_open(), "four failures are few beside 64 answers");
    for _ in 0..6 {
        bench.leave_after(10 * MS).await;
    }
    sleep(DEADLINE).await;
    bench.read().await.unwrap_err();
    bench.read().await.unwrap_err();
    assert!(bench.is_open(), "ten reads have failed since the last one that was answered");
}

#[tokio::test(start_paused = true)]
async fn a_slow_twentieth_never_takes_a_store_out() {
    let bench = Bench::new(16);
    for n in 0..2000 {
        if n % 20 == 0 {
            bench.is(Mood::Answers(300 * MS)).leave_after(bench.hedge_after().min(299 * MS)).await;
        } else {
            bench.is(Mood::Answers(10 * MS)).read().await.unwrap();
        }
    }
    assert!(!bench.is_open() && bench.hedge_after() == 10 * MS, "{:?}", bench.hedge_after());
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_left_decides_all_the_same() {
    let bench = Bench::new(1);
    bench.take_out().await;
    bench.is(Mood::Answers(700 * MS));
    sleep(Duration::from_secs(1)).await;
    bench.leave_after(20 * MS).await;
    assert_eq!(bench.read().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert!(bench.is_open());
    sleep(680 * MS).await;
    yield_now().await;
    assert!(!bench.is_open());
    // And one that hangs.
    bench.take_out().await;
    bench.is(Mood::Hangs);
    sleep(Duration::from_secs(1)).await;
    bench.leave_after(20 * MS).await;
    sleep(DEADLINE).await;
    let refusal = bench.read().await.unwrap_err().chain();
    assert!(refusal.contains("is tried again in"), "{refusal}");
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(bench.read().await.unwrap_err().kind, StoreErrorKind::Unavailable, "the wait has doubled");
}

#[tokio::test(start_paused = true)]
async fn any_other_trial_that_is_left_leaves_the_next_call_to_try() {
    let bench = Bench::new(8);
    bench.take_out().await;
    sleep(Duration::from_secs(1)).await;
    assert!(timeout(MS, bench.is(Mood::Hangs).objects.head(&bench.object)).await.is_err());
    bench.is(Mood::Answers(MS)).objects.head(&bench.object).await.unwrap();
    assert!(!bench.is_open());
}

#[tokio::test(start_paused = true)]
async fn an_upload_asks_a_short_question_before_it_is_sent_to_a_store_that_was_out() {
    let bench = Bench::new(8);
    bench.take_out().await;
    sleep(Duration::from_secs(1)).await;
    assert!(bench.objects.put(bench.upload(Box::pin(stream::empty()))).await.is_err());
    assert_eq!(bench.asked(), ["head"]);
    sleep(Duration::from_secs(2)).await;
    // The sender never ends, and others are let through meanwhile.
    let endless: ByteStream = Box::pin(stream::pending());
    let upload = bench.is(Mood::Answers(MS)).objects.put(bench.upload(endless));
    assert!(timeout(5 * MS, upload).await.is_err());
    assert!(!bench.is_open());
    bench.objects.put(bench.upload(Box::pin(stream::empty()))).await.unwrap();
    assert_eq!(bench.asked(), ["head", "put"]);
}
