//! An object store that is slow, hangs or is out, while SQL has the content too: who answers, and after how long. Time is paused, so
//! what a read waited for is known.

use std::future::pending;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use sluss::budget::Budget;
use sluss::cache::ContentCache;
use sluss::clock::SystemClock;
use sluss::config::{Config, SqlConfig};
use sluss::gateway::follow::{Follow, HELD_BYTES};
use sluss::model::id::{DocId, DocKey, FreshKey, ObjectRef, PlacementName};
use sluss::model::phase::{Phase, Side};
use sluss::store::disk::DiskStore;
use sluss::store::doctor::Finding;
use sluss::store::error::{StoreError, StoreErrorKind, StoreResult};
use sluss::store::guarded::{Gate, GateSettings, GuardedObjects};
use sluss::store::metered::{Meter, MeteredObjects, StoreObserver};
use sluss::store::object::{ByteStream, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use sluss::store::placed::{FillLimits, Place, placed};
use sluss::store::settings::{PlacementSettings, TenantSettings};
use sluss::store::sqlite::{SqliteFile, SqliteTenant};
use sluss::telemetry::Metrics;
use sluss::tenants::Tenant;
use sluss::watch::transfers::Progress;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::house::{House, content, document};
use super::support::customers::ACME;

const MS: Duration = Duration::from_millis(1);
const DEADLINE: Duration = Duration::from_secs(10);

/// What the store on disk is like just now.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Takes(Duration),
    Hangs,
    /// After this long.
    Fails(Duration),
    /// Its first bytes come at once, and the rest of the first piece after this long.
    Dawdles(Duration),
}

struct Moody {
    disk: DiskStore,
    mood: Arc<Mutex<Mood>>,
}

#[async_trait]
impl ObjectStore for Moody {
    fn mint(&self) -> FreshKey {
        self.disk.mint()
    }

    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        self.disk.upload_bytes(length_bytes)
    }

    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        self.disk.put(upload).await
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.disk.abort(object, parts).await
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let mood = *self.mood.lock().unwrap();
        let dawdling = match mood {
            Mood::Takes(time) => {
                sleep(time).await;
                return self.disk.get(object, range).await;
            }
            Mood::Hangs => pending().await,
            Mood::Fails(time) => {
                sleep(time).await;
                return Err(StoreError::new("moody", "get", object, StoreErrorKind::Unavailable));
            }
            Mood::Dawdles(time) => time,
        };
        let Some(whole) = self.disk.get(object, range).await? else { return Ok(None) };
        let halves = whole.map_ok(move |portion| {
            let (one, other) = (portion.slice(..portion.len() / 2), portion.slice(portion.len() / 2..));
            let late = async move {
                sleep(dawdling).await;
                Ok(other)
            };
            futures_util::stream::iter([Ok(one)]).chain(futures_util::stream::once(late))
        });
        Ok(Some(Box::pin(halves.try_flatten())))
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.disk.head(object).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.disk.delete(object).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        self.disk.delete_all(objects).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.disk.list(after, limit).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.disk.placements()
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        self.disk.scratch(placement)
    }

    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        self.disk.examine(placement).await
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.disk.owner(placement).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.disk.claim(placement, owner).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.disk.manifest_list(placement).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.disk.set_manifest_list(placement, list).await
    }
}

/// One document that SQL and a moody object store both hold.
struct Scene {
    _folder: TempDir,
    tenant: Arc<Tenant>,
    metrics: Arc<Metrics>,
    mood: Arc<Mutex<Mood>>,
    content: Vec<u8>,
}

impl Scene {
    async fn open() -> Self {
        let content = content(1, 300_000);
        let house = House::in_phase(Phase::Dual).await;
        house.plant(&document(&ACME, "1"), content.clone()).await;
        house.settle(&ACME).await;
        let folder = house.leave().await;
        let config = Config::load(&folder.path().join("sluss.toml")).unwrap();
        let config = config.tenants.iter().find(|tenant| tenant.id.as_str() == ACME.tenant).unwrap();
        let [placement] = &config.objects[..] else { panic!("this house has one placement") };
        let SqlConfig::Sqlite(database) = &config.sql else { panic!("this house is on SQLite") };
        let settings = TenantSettings {
            id: config.id.clone(),
            initial_phase: config.initial_phase,
            mirror: config.mirror,
            history: true,
            collections: config.collections.clone(),
            placements: vec![PlacementSettings { name: placement.name.clone(), description: placement.place() }],
        };
        let file = SqliteFile::new(&database.path, 4, database.busy_timeout, false).unwrap();
        let sql = Arc::new(SqliteTenant::new(file, &settings, Arc::new(SystemClock)));
        let disk = DiskStore::open(placement.name.clone(), &folder.path().join("objects"), &placement.prefix).unwrap();
        let (mood, metrics) = (Arc::new(Mutex::new(Mood::Takes(Duration::ZERO))), Arc::new(Metrics::new("1.2.3")));
        let meter = Meter::new("moody", DEADLINE, Arc::clone(&metrics) as Arc<dyn StoreObserver>);
        let metered = MeteredObjects::new(Arc::new(Moody { disk, mood: Arc::clone(&mood) }), meter);
        let gate = Gate::new("moody", GateSettings { limit: 32, patience: DEADLINE, least_hedge: 5 * MS }, Arc::clone(&metrics));
        let store = Arc::new(GuardedObjects::new(Arc::new(metered), gate));
        let limits = FillLimits { max_objects: None, max_bytes: None };
        let (objects, filling) = placed(vec![Place { name: placement.name.clone(), limits, store }]);
        let tenant = Arc::new(Tenant::new(config, Arc::clone(&sql) as _, sql, objects, filling));
        metrics.add_tenant(&tenant.id);
        tokio::time::pause();
        Self { _folder: folder, tenant, metrics, mood, content }
    }

    fn is(&self, mood: Mood) -> &Self {
        *self.mood.lock().unwrap() = mood;
        self
    }

    /// Reads the document whole, and answers who gave its first bytes and after how long.
    async fn read(&self) -> (Side, Duration) {
        let begun = Instant::now();
        let key = DocKey { tenant: self.tenant.id.clone(), collection: "documents".parse().unwrap(), id: DocId::Integer(1) };
        let row = self.tenant.sql.row(&key).await.unwrap();
        let follow = Follow {
            tenant: Arc::clone(&self.tenant),
            cache: Arc::new(ContentCache::new(0, Arc::clone(&self.metrics))),
            metrics: Arc::clone(&self.metrics),
            key,
            stamp: row.truth().stamp.unwrap(),
            at: 0,
            end: row.length_bytes(),
            portion: 1 << 20,
            progress: Progress::default(),
        };
        let source = follow.open(row).await.unwrap();
        // Each timer rounds up to its next millisecond, and nothing here takes less than ten.
        let found = (source.side, begun.elapsed().as_millis() as u32 / 10 * 10 * MS);
        let budget = Arc::new(Budget::new(16 << 20, Duration::from_secs(1)));
        let grant = budget.acquire_again(HELD_BYTES).await;
        let read: Vec<u8> = follow.into_stream(source, grant, budget).map_ok(|bytes| bytes.to_vec()).try_concat().await.unwrap();
        assert!(read == self.content, "other bytes from {found:?}");
        found
    }

    /// Lets the gate learn that the store takes this long.
    async fn get_used_to(&self, time: Duration) {
        for _ in 0..30 {
            assert_eq!(self.is(Mood::Takes(time)).read().await, (Side::Object, time));
        }
        assert_eq!((self.hedges("sql"), self.hedges("object")), (0.0, 0.0));
    }

    fn metric(&self, series: &str) -> f64 {
        let page = self.metrics.render();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    fn hedges(&self, winner: &str) -> f64 {
        self.metric(&format!("sluss_hedges_total{{tenant=\"acme\",winner=\"{winner}\"}}"))
    }

    fn fallbacks(&self) -> f64 {
        self.metric("sluss_fallbacks_total{reason=\"unavailable\",tenant=\"acme\"}")
    }

    fn is_out(&self) -> bool {
        self.metric("sluss_breaker_open{store=\"moody\"}") == 1.0
    }
}

#[tokio::test]
async fn sql_is_asked_beside_a_store_that_takes_longer_than_it_usually_does() {
    let scene = Scene::open().await;
    scene.get_used_to(40 * MS).await;
    assert_eq!(scene.is(Mood::Takes(3000 * MS)).read().await, (Side::Sql, 40 * MS));
    assert_eq!((scene.hedges("sql"), scene.fallbacks()), (1.0, 0.0), "a slow store has not failed");
}

#[tokio::test]
async fn a_failure_is_not_waited_out_and_is_a_fallback() {
    let scene = Scene::open().await;
    scene.get_used_to(40 * MS).await;
    assert_eq!(scene.is(Mood::Fails(10 * MS)).read().await, (Side::Sql, 10 * MS));
    assert_eq!((scene.hedges("sql"), scene.fallbacks()), (0.0, 1.0));
}

#[tokio::test]
async fn a_store_that_has_begun_is_left_to_its_deadlines() {
    let scene = Scene::open().await;
    scene.get_used_to(40 * MS).await;
    assert_eq!(scene.is(Mood::Dawdles(3000 * MS)).read().await, (Side::Object, 3000 * MS));
    assert_eq!((scene.hedges("sql"), scene.hedges("object")), (0.0, 0.0));
}

#[tokio::test]
async fn while_a_store_hangs_no_read_waits_longer_than_the_store_usually_takes() {
    let scene = Scene::open().await;
    scene.get_used_to(40 * MS).await;
    scene.is(Mood::Hangs);
    let (mut waits, begun) = (Vec::new(), Instant::now());
    while begun.elapsed() < 60 * Duration::from_secs(1) {
        let (side, waited) = scene.read().await;
        assert_eq!(side, Side::Sql);
        waits.push(waited);
        sleep(5 * MS).await;
    }
    assert!(scene.is_out());
    assert!(waits.iter().all(|waited| [Duration::ZERO, 40 * MS].contains(waited)), "{waits:?}");
    let late = waits.iter().filter(|waited| !waited.is_zero()).count();
    assert!(late < 40, "{late} of {} reads waited for the store", waits.len());
}

#[tokio::test]
async fn a_store_that_is_out_costs_a_read_nothing_and_is_used_again_once_it_is_back() {
    let scene = Scene::open().await;
    scene.get_used_to(40 * MS).await;
    scene.is(Mood::Fails(20 * MS));
    while !scene.is_out() {
        assert_eq!(scene.read().await, (Side::Sql, 20 * MS));
    }
    assert_eq!(scene.read().await, (Side::Sql, Duration::ZERO));
    scene.is(Mood::Takes(40 * MS));
    assert_eq!(scene.read().await, (Side::Sql, Duration::ZERO), "it is not known yet that it is back");
    sleep(1000 * MS).await;
    assert_eq!(scene.read().await, (Side::Object, 40 * MS));
    assert!(!scene.is_out());
}
