//! Each fault does what its name says, and nothing else.

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::*;
use crate::model::id::{FreshKey, ObjectRef};
use crate::store::disk::DiskStore;
use crate::store::object::{ByteStream, ObjectMeta, PutError, Upload};

const BYTES: &[u8] = b"bytes that are there";

/// A store in which `kind` always strikes, the same store as it is, and the folder that it lives in.
fn store(kind: FaultKind) -> (Arc<Faults>, objects::FaultyObjects, Arc<dyn ObjectStore>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let inner: Arc<dyn ObjectStore> = Arc::new(DiskStore::open("local".parse().unwrap(), folder.path(), "").unwrap());
    let faults = Arc::new(Faults::new(FaultPlan::quiet(1).with(kind, 1.0)));
    (Arc::clone(&faults), objects::FaultyObjects::new(Arc::clone(&inner), faults), inner, folder)
}

async fn put(store: &dyn ObjectStore) -> (ObjectRef, Result<ObjectRef, PutError>) {
    let (key, content) = (store.mint(), stream::iter([Ok(Bytes::from_static(BYTES))]));
    (key.object().clone(), put_as(store, key, Box::pin(content)).await)
}

async fn put_as(store: &dyn ObjectStore, key: FreshKey, content: ByteStream) -> Result<ObjectRef, PutError> {
    let meta = ObjectMeta {
        tenant: "acme".into(),
        collection: "documents".into(),
        document: "1".into(),
        stamp: "r-1-1".into(),
        media_type: None,
        file_name: None,
        sha256: None,
    };
    store.put(Upload::unlogged(key, meta, None, content)).await
}

async fn is_there(store: &dyn ObjectStore, object: &ObjectRef) -> bool {
    store.head(object).await.unwrap().is_some()
}

/// What a whole read brings, and whether it came to its end.
async fn read(store: &dyn ObjectStore, object: &ObjectRef) -> (Vec<u8>, bool) {
    let mut content = store.get(object, 0..BYTES.len() as u64).await.unwrap().unwrap();
    let mut read = Vec::new();
    while let Some(portion) = content.next().await {
        match portion {
            Ok(bytes) => read.extend_from_slice(&bytes),
            Err(_) => return (read, false),
        }
    }
    (read, true)
}

#[tokio::test]
async fn an_error_before_leaves_nothing_and_one_after_leaves_everything() {
    for (kind, there) in [(FaultKind::Before, false), (FaultKind::Full, false), (FaultKind::After, true)] {
        let (faults, faulty, inner, _folder) = store(kind);
        let (object, answer) = put(&faulty).await;
        assert!(answer.is_err());
        assert_eq!(is_there(&*inner, &object).await, there, "{kind:?}");
        assert!(faults.counts().contains(&(kind, 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_upload_is_refused_first_and_there_afterwards() {
    let (_, faulty, inner, _folder) = store(FaultKind::Late);
    let (object, answer) = put(&faulty).await;
    assert!(answer.is_err());
    assert!(!is_there(&*inner, &object).await);
    while !is_there(&*inner, &object).await {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_broken_stream_gives_some_of_the_bytes_and_an_error() {
    let (_, faulty, inner, _folder) = store(FaultKind::Break);
    let object = put(&*inner).await.1.unwrap();
    let (read, whole) = read(&faulty, &object).await;
    assert!(!whole && BYTES.starts_with(&read));
}

#[tokio::test]
async fn a_lying_stream_differs_in_one_bit_at_most() {
    let (_, faulty, inner, _folder) = store(FaultKind::Flip);
    let object = put(&*inner).await.1.unwrap();
    let mut flipped = 0;
    for _ in 0..20 {
        let (read, _) = read(&faulty, &object).await;
        let bits: u32 = read.iter().zip(BYTES).map(|(one, other)| (one ^ other).count_ones()).sum();
        assert!(bits <= 1 && read.len() == BYTES.len());
        flipped += bits;
    }
    assert!(flipped > 0);
}

#[tokio::test]
async fn an_object_that_is_gone_once_is_there_for_the_next_look() {
    let (faults, faulty, inner, _folder) = store(FaultKind::Gone);
    let object = put(&*inner).await.1.unwrap();
    assert!(faulty.get(&object, 0..1).await.unwrap().is_none());
    faults.disarm();
    assert_eq!(read(&faulty, &object).await, (BYTES.to_vec(), true));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_ends_with_its_caller_patience() {
    let (_, faulty, _, _folder) = store(FaultKind::Hang);
    let object = faulty.mint().object().clone();
    assert!(tokio::time::timeout(Duration::from_secs(60), faulty.head(&object)).await.is_err());
}

#[test]
fn a_plan_survives_its_text() {
    let plan: FaultPlan = "seed=7,rate=0.02,hang=0,delay=0.5".parse().unwrap();
    assert_eq!((plan.seed, plan.rate(FaultKind::After), plan.rate(FaultKind::Hang), plan.rate(FaultKind::Delay)), (7, 0.02, 0.0, 0.5));
    assert_eq!(plan.to_string().parse(), Ok(plan));
}

#[test]
fn a_plan_that_is_none_is_refused() {
    for bad in ["rate", "rate=2", "rate=x", "seed=-1", "flood=0.1"] {
        assert!(bad.parse::<FaultPlan>().is_err(), "{bad}");
    }
}
