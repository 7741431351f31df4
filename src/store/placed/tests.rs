//! Several placements over folders: who gets what, who is asked, and how walks go on from one to the next.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tempfile::TempDir;
use tokio::time::advance;

use super::*;
use crate::store::disk::DiskStore;
use crate::store::object::ObjectMeta;
use crate::store::sql::PlacementUsage;

struct Bench {
    folder: TempDir,
    objects: Arc<dyn ObjectStore>,
    filling: Arc<Filling>,
}

fn max_objects(limit: u64) -> FillLimits {
    FillLimits { max_objects: Some(limit), max_bytes: None }
}

const UNLIMITED: FillLimits = FillLimits { max_objects: None, max_bytes: None };

fn bench(placements: &[(&str, FillLimits)]) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let places = placements.iter().map(|(name, limits)| Place {
        name: name.parse().unwrap(),
        limits: *limits,
        store: Arc::new(DiskStore::open(name.parse().unwrap(), folder.path(), &format!("{name}/")).unwrap()),
    });
    let (objects, filling) = placed(places.collect());
    Bench { objects, filling, folder }
}

impl Bench {
    async fn put(&self, content: &'static [u8]) -> ObjectRef {
        let text = || "x".to_owned();
        let meta = ObjectMeta {
            tenant: text(),
            collection: text(),
            document: text(),
            stamp: text(),
            media_type: None,
            file_name: None,
            sha256: None,
        };
        let content: ByteStream = Box::pin(stream::iter([Ok(Bytes::from_static(content))]));
        self.objects.put(Upload::unlogged(self.objects.mint(), meta, None, content)).await.unwrap()
    }

    /// Where the next objects would go.
    fn minted(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.objects.mint().object().placement.to_string()).collect()
    }

    async fn counted(&self, figures: &[(&str, u64, u64)]) {
        let usage = |(placement, objects, bytes): &(&str, u64, u64)| PlacementUsage {
            placement: placement.parse().unwrap(),
            objects: *objects,
            bytes: *bytes,
        };
        self.filling.count(async { Ok(figures.iter().map(usage).collect()) }).await.unwrap();
    }
}

fn elsewhere() -> ObjectRef {
    FreshKey::mint("gone".parse().unwrap()).stored()
}

#[tokio::test]
async fn new_objects_go_to_the_first_placement_that_is_not_full_and_at_last_to_the_last() {
    let bench = bench(&[("one", max_objects(2)), ("two", max_objects(1)), ("three", max_objects(1))]);
    assert_eq!(bench.minted(6), ["one", "one", "two", "three", "three", "three"]);
    assert!(bench.filling.levels().iter().all(Level::is_full));
    assert_eq!(bench.objects.placements().iter().map(PlacementName::as_str).collect::<Vec<_>>(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_count_takes_the_place_of_what_was_minted_before_it() {
    let bench = bench(&[("one", max_objects(10)), ("two", UNLIMITED)]);
    assert_eq!(bench.minted(10), ["one"; 10]);
    assert_eq!(bench.minted(1), ["two"]);
    // Eight of the keys came to nothing; another tenant's figures, or those of a placement that went, are nobody's here.
    bench.counted(&[("one", 2, 20), ("gone", 99, 99)]).await;
    assert_eq!(bench.minted(9).iter().filter(|placement| *placement == "one").count(), 8);
    bench.counted(&[("one", 10, 100)]).await;
    assert_eq!(bench.minted(2), ["two"; 2]);
}

#[tokio::test]
async fn what_is_minted_while_a_count_runs_is_kept_beside_it() {
    let bench = bench(&[("one", max_objects(3)), ("two", UNLIMITED)]);
    bench.minted(1);
    let counting = async {
        bench.minted(2);
        Ok(vec![PlacementUsage { placement: "one".parse().unwrap(), objects: 1, bytes: 0 }])
    };
    bench.filling.count(counting).await.unwrap();
    assert_eq!(bench.minted(1), ["two"], "one that was counted and two that may not have been");
}

#[tokio::test]
async fn bytes_fill_a_placement_whether_or_not_their_number_was_known() {
    let bench = bench(&[("one", FillLimits { max_objects: None, max_bytes: Some(10) }), ("two", UNLIMITED)]);
    assert_eq!(bench.put(b"six by").await.placement.as_str(), "one");
    assert_eq!(bench.put(b"teen").await.placement.as_str(), "one");
    assert_eq!(bench.put(b"more").await.placement.as_str(), "two");
    assert_eq!(bench.filling.levels()[0].since, Amount { objects: 2, bytes: 10 });
}

/// So a new place is filled before an old one that is read from only.
#[tokio::test]
async fn a_placement_without_a_limit_is_never_full() {
    let bench = bench(&[("new", UNLIMITED), ("old", UNLIMITED)]);
    assert!(!bench.filling.is_limited());
    assert_eq!(bench.minted(3), ["new"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_count_is_due_at_once_and_then_every_few_minutes_and_sooner_after_one_that_failed() {
    let bench = bench(&[("one", max_objects(3)), ("two", UNLIMITED)]);
    assert!(bench.filling.is_due());
    bench.counted(&[("one", 3, 0)]).await;
    assert!(!bench.filling.is_due());
    advance(Duration::from_secs(299)).await;
    assert!(!bench.filling.is_due());
    advance(Duration::from_secs(1)).await;
    assert!(bench.filling.is_due());
    let failed = async { Err(not_configured("count", &"one".parse().unwrap())) };
    assert!(bench.filling.count(failed).await.is_err());
    assert_eq!(bench.minted(1), ["two"], "the last count holds");
    advance(Duration::from_secs(60)).await;
    assert!(bench.filling.is_due());
}

#[tokio::test]
async fn an_object_is_asked_for_where_its_name_says() {
    let bench = bench(&[("one", max_objects(1)), ("two", UNLIMITED)]);
    let (first, second) = (bench.put(b"first").await, bench.put(b"second").await);
    assert_eq!((first.placement.as_str(), second.placement.as_str()), ("one", "two"));
    assert_eq!(bench.objects.head(&first).await.unwrap().unwrap().length_bytes, 5);
    assert_eq!(bench.objects.head(&second).await.unwrap().unwrap().length_bytes, 6);
    let other_way = ObjectRef { placement: second.placement.clone(), id: first.id };
    assert!(bench.objects.get(&other_way, 0..1).await.unwrap().is_none());
    bench.objects.claim(&second.placement, "me").await.unwrap();
    assert_eq!(bench.objects.owner(&second.placement).await.unwrap().as_deref(), Some("me"));
    assert_eq!(bench.objects.owner(&first.placement).await.unwrap(), None);
    bench.objects.delete(&first).await.unwrap();
    assert!(bench.objects.head(&first).await.unwrap().is_none());
}

#[tokio::test]
async fn an_object_of_a_placement_that_is_not_configured_is_an_error_and_not_an_absence() {
    let bench = bench(&[("one", UNLIMITED), ("two", UNLIMITED)]);
    let told = |error: StoreError| error.chain().contains("placement gone is not configured");
    assert!(told(bench.objects.head(&elsewhere()).await.unwrap_err()));
    assert!(told(bench.objects.get(&elsewhere(), 0..1).await.err().unwrap()));
    assert!(told(bench.objects.delete(&elsewhere()).await.unwrap_err()));
    assert!(told(bench.objects.owner(&elsewhere().placement).await.unwrap_err()));
}

#[tokio::test]
async fn many_go_at_once_and_each_has_its_own_answer() {
    let bench = bench(&[("one", max_objects(1)), ("two", UNLIMITED)]);
    let (first, second, third) = (bench.put(b"1").await, bench.put(b"2").await, bench.put(b"3").await);
    let answers = bench.objects.delete_all(&[second.clone(), elsewhere(), first.clone()]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    for (object, is_there) in [(&first, false), (&second, false), (&third, true)] {
        assert_eq!(bench.objects.head(object).await.unwrap().is_some(), is_there, "{object}");
    }
}

#[tokio::test]
async fn a_walk_meets_every_object_of_every_placement_once_whatever_its_pages() {
    let bench = bench(&[("one", max_objects(5)), ("two", max_objects(5)), ("empty", UNLIMITED)]);
    let mut put = BTreeSet::new();
    for _ in 0..10 {
        put.insert(bench.put(b"x").await.to_string());
    }
    for limit in [1, 2, 5, 100] {
        let (mut met, mut after) = (Vec::new(), None);
        loop {
            let page = bench.objects.list(after.as_deref(), limit).await.unwrap();
            assert!(page.objects.len() <= limit);
            met.extend(page.objects.into_iter().map(|listed| listed.object.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((met.len(), &met.into_iter().collect::<BTreeSet<_>>()), (10, &put), "{limit}");
    }
}

#[tokio::test]
async fn a_foreign_name_tells_its_placement_and_a_walk_from_elsewhere_begins_again() {
    let bench = bench(&[("one", UNLIMITED), ("two", UNLIMITED)]);
    std::fs::write(bench.folder.path().join("two/notes.txt"), "x").unwrap();
    let first = bench.objects.list(None, 10).await.unwrap();
    let second = bench.objects.list(first.next.as_deref(), 10).await.unwrap();
    assert_eq!((first.foreign, second.foreign), (Vec::new(), vec!["two:notes.txt".to_owned()]));
    for strange in ["gone:ab", "ab/6f9619ff-8b86-d011-b42d-00cf4fc964ff"] {
        assert_eq!(bench.objects.list(Some(strange), 10).await.unwrap().next.as_deref(), Some("two:"), "{strange}");
    }
}

#[tokio::test]
async fn a_single_placement_is_the_store_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(DiskStore::open("one".parse().unwrap(), folder.path(), "one/").unwrap());
    let (objects, filling) = placed(vec![Place { name: "one".parse().unwrap(), limits: max_objects(1), store: Arc::clone(&store) }]);
    assert!(Arc::ptr_eq(&objects, &store) && filling.is_limited());
}
