//! What the adapter of S3 makes of a network that fails: a proxy stands before Ceph.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use sluss::model::content::PIECE_BYTES;
use sluss::model::id::ObjectRef;
use sluss::store::checked::open_checked;
use sluss::store::error::{Interrupted, StoreErrorKind};
use sluss::store::object::Upload;
use sluss_s3::proxy::{Fault, Rule};
use sluss_s3::{Bucket, Proxy, Server};

use crate::objects::{Objects, content, drain, location, meta, portions, put, s3_store};
use crate::s3::config;

const LENGTH: usize = 3 * PIECE_BYTES + 77;

struct Scene {
    _bucket: Bucket,
    proxy: Proxy,
    objects: Objects,
}

impl Scene {
    /// One request is tried three times, and nothing is waited for longer than this.
    fn waiting(longest: Duration) -> Self {
        let proxy = Proxy::before(Server::shared());
        let bucket = Bucket::new().behind(proxy.endpoint());
        let mut config = config(&bucket);
        (config.first_byte_timeout, config.idle_timeout, config.connect_timeout) = (longest, longest, longest);
        let objects = Arc::new(s3_store(&config));
        Self { _bucket: bucket, proxy, objects }
    }

    async fn stored(&self) -> (ObjectRef, Vec<u8>) {
        let content = content(LENGTH);
        (put(&self.objects, &content).await, content)
    }

    /// Reads all of it, and says how many requests that took.
    async fn read(&self, object: &ObjectRef) -> (Result<Vec<u8>, StoreErrorKind>, u64) {
        let before = self.proxy.faults().requests(&Method::GET);
        let read = match self.objects.get(object, 0..LENGTH as u64).await {
            Ok(found) => match drain(found.expect("the object is there")).await {
                (read, Ok(())) => Ok(read),
                (_, Err(Interrupted::Store(error))) => Err(error.kind),
                (_, Err(other)) => panic!("{other}"),
            },
            Err(error) => Err(error.kind),
        };
        (read, self.proxy.faults().requests(&Method::GET) - before)
    }

    fn gets(&self, fault: Fault) -> Rule {
        Rule::new(fault).method(Method::GET)
    }
}

#[tokio::test]
async fn a_read_goes_on_at_the_byte_where_its_connection_broke() {
    let scene = Scene::waiting(Duration::from_secs(10));
    let (object, content) = scene.stored().await;
    for at in [1, 700_001, PIECE_BYTES as u64 + 1, LENGTH as u64 - 1] {
        scene.proxy.faults().add(scene.gets(Fault::CutInAnswer(at)).times(1));
        let (read, requests) = scene.read(&object).await;
        assert!(read.is_ok_and(|read| read == content), "cut at byte {at}");
        assert_eq!(requests, 2, "cut at byte {at}: the rest is one request");
    }
}

#[tokio::test]
async fn an_answer_that_ends_early_by_its_own_account_is_gone_on_with_too() {
    let scene = Scene::waiting(Duration::from_secs(10));
    let (object, content) = scene.stored().await;
    scene.proxy.faults().add(scene.gets(Fault::Truncate(54_321)).times(1));
    let (read, requests) = scene.read(&object).await;
    assert!(read.is_ok_and(|read| read == content));
    assert_eq!(requests, 2);
}

#[tokio::test]
async fn a_read_that_breaks_again_and_again_ends_as_an_outage() {
    let scene = Scene::waiting(Duration::from_secs(10));
    let (object, _) = scene.stored().await;
    scene.proxy.faults().add(scene.gets(Fault::CutInAnswer(0)));
    assert_eq!(scene.read(&object).await, (Err(StoreErrorKind::Unavailable), 3));
}

#[tokio::test]
async fn a_store_that_hangs_or_is_busy_for_a_moment_is_asked_again() {
    let scene = Scene::waiting(Duration::from_millis(300));
    let (object, content) = scene.stored().await;
    for fault in [Fault::Hang, Fault::InternalError, Fault::SlowDown { retry_after_seconds: None }, Fault::CutBefore, Fault::CutAfter] {
        scene.proxy.faults().add(scene.gets(fault).times(1));
        let (read, _) = scene.read(&object).await;
        assert!(read.as_ref().is_ok_and(|read| *read == content), "{fault:?}: {:?}", read.err());
        scene.proxy.faults().clear();
    }
}

#[tokio::test]
async fn a_store_that_stays_away_is_told_apart_from_one_that_is_busy() {
    let scene = Scene::waiting(Duration::from_millis(300));
    let (object, _) = scene.stored().await;
    for (fault, expected) in [
        (Fault::Hang, StoreErrorKind::Timeout),
        (Fault::InternalError, StoreErrorKind::Unavailable),
        (Fault::SlowDown { retry_after_seconds: None }, StoreErrorKind::Throttled { retry_after: None }),
        (Fault::CutBefore, StoreErrorKind::Unavailable),
    ] {
        scene.proxy.faults().add(scene.gets(fault));
        assert_eq!(scene.read(&object).await.0, Err(expected), "{fault:?}");
        scene.proxy.faults().clear();
    }
    scene.proxy.down();
    assert_eq!(scene.read(&object).await.0, Err(StoreErrorKind::Unavailable));
    scene.proxy.up();
    assert!(scene.read(&object).await.0.is_ok());
}

#[tokio::test]
async fn an_answer_of_another_range_is_corrupt_and_so_is_another_byte() {
    let scene = Scene::waiting(Duration::from_secs(10));
    let (object, content) = scene.stored().await;
    scene.proxy.faults().add(scene.gets(Fault::IgnoreRange).times(1));
    let error = scene.objects.get(&object, 5..9).await.err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Corrupt, "{}", error.chain());
    scene.proxy.faults().add(scene.gets(Fault::Flip(PIECE_BYTES as u64 + 5)).times(1));
    let location = location(Some(object), &content);
    let checked = open_checked(&*scene.objects, &location, 0..LENGTH as u64).await.unwrap().unwrap();
    let (read, end) = drain(checked).await;
    assert!(read == content[..PIECE_BYTES], "the piece before it is sound");
    assert!(matches!(end, Err(Interrupted::Store(error)) if error.kind == StoreErrorKind::Corrupt));
}

#[tokio::test]
async fn an_upload_survives_what_single_requests_meet_and_its_object_is_whole() {
    let scene = Scene::waiting(Duration::from_secs(10));
    let long = content((10 << 20) + 4321);
    let faults = [Fault::CutBefore, Fault::CutAfter, Fault::CutInRequest(300_000), Fault::InternalError];
    for (content, fault) in [&long[..1000], &long[..LENGTH], &long[..]].into_iter().flat_map(|part| faults.map(|fault| (part, fault))) {
        scene.proxy.faults().add(Rule::new(fault).method(Method::PUT).times(1));
        let upload = Upload::unlogged(scene.objects.mint(), meta("42"), Some(content.len() as u64), portions(content));
        let object = scene.objects.put(upload).await.unwrap_or_else(|error| panic!("{} bytes, {fault:?}: {error}", content.len()));
        let (read, end) = drain(scene.objects.get(&object, 0..content.len() as u64).await.unwrap().unwrap()).await;
        assert!(end.is_ok() && read == content, "{} bytes, {fault:?}", content.len());
        scene.proxy.faults().clear();
    }
}

#[tokio::test]
async fn a_page_of_something_in_between_neither_removes_nor_hides_an_object() {
    let scene = Scene::waiting(Duration::from_secs(10));
    let (object, content) = scene.stored().await;
    scene.proxy.faults().add(Rule::new(Fault::NoSuchPage).method(Method::DELETE));
    scene.proxy.faults().add(scene.gets(Fault::NoSuchPage).times(1));
    assert_eq!(scene.objects.delete(&object).await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(scene.objects.get(&object, 0..5).await.err().unwrap().kind, StoreErrorKind::Unavailable);
    scene.proxy.faults().clear();
    assert!(scene.read(&object).await.0.is_ok_and(|read| read == content));
    scene.objects.delete(&object).await.unwrap();
    assert!(scene.objects.get(&object, 0..5).await.unwrap().is_none());
    scene.objects.delete(&object).await.unwrap();
}
