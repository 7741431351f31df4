//! Objects that the store refuses to remove before their time: a bucket with Object Lock on Ceph.

use std::sync::Arc;
use std::time::Duration;

use sluss::clock::{Clock, SystemClock};
use sluss::config::{LockMode, ObjectLock};
use sluss::model::id::ObjectRef;
use sluss::store::doctor::{Finding, Gravity};
use sluss::store::error::StoreErrorKind;
use sluss::store::object::{ObjectStore, Upload};
use sluss_s3::Bucket;

use crate::objects::{Objects, content, meta, portions, put, s3_store};
use crate::s3::config;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A test's bucket can be emptied in this mode.
fn locking(bucket: &Bucket) -> Objects {
    let lock = ObjectLock { mode: LockMode::Governance, days: 2 };
    Arc::new(s3_store(&config(bucket)).locking(lock, Arc::new(SystemClock)))
}

async fn finding_about(objects: &Objects, about: &str) -> Finding {
    let findings = objects.examine(&objects.placements()[0]).await;
    findings.into_iter().find(|finding| finding.about == about).unwrap()
}

async fn versions(bucket: &Bucket, object: &ObjectRef) -> usize {
    let (client, path) = (bucket.client(), object.id.path());
    let page = client.list_object_versions().bucket(bucket.name()).prefix(format!("acme/{path}")).send().await.unwrap();
    page.versions().len() + page.delete_markers().len()
}

#[tokio::test]
async fn what_is_put_stays_until_its_time_and_says_until_when() {
    let bucket = Bucket::with_object_lock();
    let objects = locking(&bucket);
    // In one request, and in parts.
    for length in [1000, (5 << 20) + 1] {
        let object = put(&objects, &content(length)).await;
        for error in
            [objects.delete(&object).await.unwrap_err(), objects.delete_all(std::slice::from_ref(&object)).await.remove(0).unwrap_err()]
        {
            assert_eq!(error.kind, StoreErrorKind::Denied);
            let until = error.locked_until().expect("it is locked, not forbidden");
            let left = until.duration_since(SystemClock.now()).unsigned_abs();
            assert!(left > DAY && left <= 2 * DAY, "{left:?}");
        }
        assert_eq!(objects.head(&object).await.unwrap().unwrap().length_bytes, length as u64);
        assert_eq!(versions(&bucket, &object).await, 1);
    }
}

#[tokio::test]
async fn what_is_locked_no_more_goes_with_all_its_versions() {
    let bucket = Bucket::with_object_lock();
    let unlocked: Objects = Arc::new(s3_store(&config(&bucket)));
    let object = put(&unlocked, b"hello").await;
    bucket.put(&format!("acme/{}", object.id.path()), "hello again");
    assert_eq!(versions(&bucket, &object).await, 2);
    let objects = locking(&bucket);
    objects.delete(&object).await.unwrap();
    assert_eq!(versions(&bucket, &object).await, 0);
    objects.delete(&object).await.unwrap();
}

#[tokio::test]
async fn what_a_probe_puts_can_be_taken_away_again() {
    let bucket = Bucket::with_object_lock();
    let objects = locking(&bucket);
    let scratch = objects.scratch(&objects.placements()[0]).unwrap();
    let upload = Upload::unlogged(scratch.mint(), meta("42"), Some(1), portions(b"x"));
    let object = scratch.put(upload).await.unwrap();
    scratch.delete(&object).await.unwrap();
    assert_eq!(scratch.head(&object).await.unwrap(), None);
}

#[tokio::test]
async fn a_doctor_finds_a_bucket_that_cannot_lock() {
    let (able, unable) = (Bucket::with_object_lock(), Bucket::new());
    let locked = finding_about(&locking(&able), "object lock").await;
    assert!(locked.gravity == Gravity::Ok && locked.found.contains("2 days in mode governance"), "{locked:?}");
    assert_eq!(finding_about(&locking(&able), "versioning").await.gravity, Gravity::Ok);
    assert_eq!(finding_about(&locking(&unable), "object lock").await.gravity, Gravity::Refused);
}
