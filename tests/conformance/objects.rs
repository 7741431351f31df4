//! The rules of `ObjectStore`: a function each, over any backend. A backend is added at the end of this file.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, future, stream};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sluss::budget::Budget;
use sluss::config::{S3Config, SealingConfig, Secret, SecretSource};
use sluss::model::content::{Fingerprint, PIECE_BYTES};
use sluss::model::id::{FreshKey, ObjectRef};
use sluss::model::location::{Labels, Location};
use sluss::model::stamp::{Revision, Stamp};
use sluss::store::checked::open_checked;
use sluss::store::disk::DiskStore;
use sluss::store::doctor::Gravity;
use sluss::store::error::{ClientFault, Interrupted, StoreErrorKind};
use sluss::store::measured::measured;
use sluss::store::object::{ByteStream, ObjectFacts, ObjectMeta, ObjectStore, PartsId, PutError, Upload};
use sluss::store::probe::probe;
use sluss::store::s3::{S3Client, S3Store};
use sluss::store::sealed::SealedObjects;
use sluss_s3::Bucket;

use crate::s3::config;

pub(crate) type Objects = Arc<dyn ObjectStore>;

const PIECE: u64 = PIECE_BYTES as u64;

pub(crate) fn meta(document: &str) -> ObjectMeta {
    ObjectMeta {
        tenant: "acme".into(),
        collection: "documents".into(),
        document: document.into(),
        stamp: "r-1-2a".into(),
        media_type: None,
        file_name: None,
        sha256: None,
    }
}

/// Bytes that differ from what stands near them, and a piece away.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[1]).collect()
}

/// Odd portions on purpose: they end nowhere near a piece's end.
pub(crate) fn portions(content: &[u8]) -> ByteStream {
    let portions: Vec<_> = content.chunks(300_001).map(|portion| Ok(Bytes::copy_from_slice(portion))).collect();
    Box::pin(stream::iter(portions))
}

async fn put_as(
    objects: &Objects,
    key: FreshKey,
    meta: ObjectMeta,
    length_bytes: Option<u64>,
    content: ByteStream,
) -> Result<ObjectRef, PutError> {
    objects.put(Upload::unlogged(key, meta, length_bytes, content)).await
}

pub(crate) async fn put(objects: &Objects, content: &[u8]) -> ObjectRef {
    put_as(objects, objects.mint(), meta("42"), Some(content.len() as u64), portions(content)).await.unwrap()
}

pub(crate) fn location(object: Option<ObjectRef>, content: &[u8]) -> Location {
    let stamp = Stamp::Row { epoch: sluss::model::stamp::Epoch(1), revision: Revision(42) };
    Location {
        object,
        stamp,
        content: Fingerprint::of(content),
        revision: Revision(42),
        sole: false,
        labels: Labels::default(),
        held_from: jiff::Timestamp::UNIX_EPOCH,
        verified_at: None,
    }
}

/// What came of a stream, and how it ended.
pub(crate) async fn drain(mut content: ByteStream) -> (Vec<u8>, Result<(), Interrupted>) {
    let mut read = Vec::new();
    while let Some(portion) = content.next().await {
        match portion {
            Ok(portion) => {
                assert!(portion.len() <= PIECE_BYTES, "a portion is at most a piece");
                read.extend_from_slice(&portion);
            }
            Err(interrupted) => return (read, Err(interrupted)),
        }
    }
    (read, Ok(()))
}

async fn read(objects: &Objects, object: &ObjectRef, range: Range<u64>) -> Vec<u8> {
    let (read, end) = drain(objects.get(object, range).await.unwrap().expect("the object is there")).await;
    end.unwrap();
    read
}

async fn what_was_put_is_read_back_whole(objects: Objects) {
    for length in [1, 1000, PIECE_BYTES, 2 * PIECE_BYTES + 1] {
        let content = content(length);
        let object = put(&objects, &content).await;
        assert!(read(&objects, &object, 0..length as u64).await == content, "{length} bytes");
    }
}

async fn a_put_needs_no_length_in_advance(objects: Objects) {
    let content = content(PIECE_BYTES + 7);
    let object = put_as(&objects, objects.mint(), meta("42"), None, portions(&content)).await.unwrap();
    assert!(read(&objects, &object, 0..content.len() as u64).await == content);
}

async fn a_put_takes_its_content_to_the_end(objects: Objects) {
    let content = content(PIECE_BYTES + 7);
    let (stream, measured) = measured(portions(&content));
    put_as(&objects, objects.mint(), meta("42"), Some(content.len() as u64), stream).await.unwrap();
    assert_eq!(measured.fingerprint(), Some(Fingerprint::of(&content)));
}

async fn an_object_may_be_empty(objects: Objects) {
    let object = put(&objects, b"").await;
    assert_eq!(objects.head(&object).await.unwrap().unwrap().length_bytes, 0);
    assert_eq!(read(&objects, &object, 0..0).await, b"");
}

async fn an_object_that_was_never_put_is_absent(objects: Objects) {
    let object = objects.mint().stored();
    assert!(objects.get(&object, 0..1).await.unwrap().is_none());
    assert_eq!(objects.head(&object).await.unwrap(), None);
}

async fn every_key_is_another(objects: Objects) {
    assert_ne!(objects.mint().object(), objects.mint().object());
}

async fn content_that_breaks_midway_leaves_no_object(objects: Objects) {
    for fault in [Interrupted::Client(ClientFault::Broken), Interrupted::Moved] {
        let key = objects.mint();
        let object = key.object().clone();
        let half: Vec<_> = content(PIECE_BYTES + 5).chunks(400_000).map(|portion| Ok(Bytes::copy_from_slice(portion))).collect();
        let broken = Box::pin(stream::iter(half).chain(stream::iter([Err(fault)])));
        let error = put_as(&objects, key, meta("42"), None, broken).await.unwrap_err();
        assert!(matches!(error, PutError::Content(_)), "{error}");
        assert_eq!(objects.head(&object).await.unwrap(), None);
    }
}

async fn content_of_another_length_than_announced_leaves_no_object(objects: Objects) {
    for announced in [0, 999, 1001, 3 * PIECE] {
        let key = objects.mint();
        let object = key.object().clone();
        let error = put_as(&objects, key, meta("42"), Some(announced), portions(&content(1000))).await.unwrap_err();
        assert!(matches!(error, PutError::Content(Interrupted::Client(ClientFault::Broken))), "{error}");
        assert_eq!(objects.head(&object).await.unwrap(), None, "1000 bytes, announced as {announced}");
    }
}

async fn nobody_sees_an_object_before_its_put_ends(objects: Objects) {
    let key = objects.mint();
    let object = key.object().clone();
    let watched = {
        let (objects, object) = (Arc::clone(&objects), object.clone());
        stream::iter(0..4).then(move |_| {
            let (objects, object) = (Arc::clone(&objects), object.clone());
            async move {
                assert_eq!(objects.head(&object).await.unwrap(), None);
                Ok(Bytes::from(content(PIECE_BYTES)))
            }
        })
    };
    put_as(&objects, key, meta("42"), None, Box::pin(watched)).await.unwrap();
    assert_eq!(objects.head(&object).await.unwrap().unwrap().length_bytes, 4 * PIECE);
}

async fn metadata_survives_in_any_script(objects: Objects) {
    let names = ["ritning.pdf", "räksmörgås å.txt", "中文 文件.docx", "🚢.bin", "a \"b\" \\ %41;=?\t", "=?UTF-8?B?w6U=?=", " spaces ", ""];
    for name in names {
        let meta = ObjectMeta {
            media_type: Some("text/plain; charset=utf-8".into()),
            file_name: Some(name.into()),
            sha256: Some(Fingerprint::of(b"x").sha256.to_string()),
            ..meta(&format!("{name}/42"))
        };
        let object = put_as(&objects, objects.mint(), meta.clone(), Some(1), portions(b"x")).await.unwrap();
        assert_eq!(objects.head(&object).await.unwrap(), Some(ObjectFacts { length_bytes: 1, meta }));
    }
}

async fn the_longest_id_and_name_fit_into_the_metadata(objects: Objects) {
    let meta = ObjectMeta { file_name: Some("x".repeat(255)), ..meta(&"x".repeat(sluss::model::id::MAX_DOC_ID_BYTES)) };
    let object = put_as(&objects, objects.mint(), meta.clone(), Some(1), portions(b"x")).await.unwrap();
    assert_eq!(objects.head(&object).await.unwrap().unwrap().meta, meta);
}

async fn a_range_is_that_part_of_the_content(objects: Objects) {
    let content = content(3 * PIECE_BYTES + 17);
    let object = put(&objects, &content).await;
    let length = content.len() as u64;
    let edges = [0..1, 0..length, length - 1..length, PIECE - 1..PIECE + 1, PIECE..2 * PIECE, 5..length - 5, 7..7, 0..0, length..length];
    for range in edges {
        let expected = &content[range.start as usize..range.end as usize];
        assert!(read(&objects, &object, range.clone()).await == expected, "{range:?}");
    }
}

async fn deleting_twice_succeeds_and_what_is_deleted_is_absent(objects: Objects) {
    let object = put(&objects, b"hello").await;
    for _ in 0..2 {
        objects.delete(&object).await.unwrap();
        assert!(objects.get(&object, 0..5).await.unwrap().is_none());
        assert_eq!(objects.head(&object).await.unwrap(), None);
    }
}

async fn twenty_puts_side_by_side_all_land(objects: Objects) {
    let contents: Vec<Vec<u8>> = (0..20).map(|number| content(100_000 * number + number)).collect();
    let stored = future::join_all(contents.iter().map(|content| put(&objects, content))).await;
    for (object, content) in stored.iter().zip(&contents) {
        assert!(read(&objects, object, 0..content.len() as u64).await == *content);
    }
}

async fn an_object_of_another_placement_is_refused_by_name(objects: Objects) {
    let own = objects.mint().object().placement.to_string();
    let key = FreshKey::mint("elsewhere".parse().unwrap());
    let object = key.object().clone();
    let errors = [
        match put_as(&objects, key, meta("42"), Some(1), portions(b"x")).await.unwrap_err() {
            PutError::Store(error) => error,
            PutError::Content(interrupted) => panic!("the content is whole: {interrupted}"),
        },
        objects.get(&object, 0..1).await.err().unwrap(),
        objects.head(&object).await.unwrap_err(),
        objects.delete(&object).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, StoreErrorKind::Other);
        assert!(error.chain().contains("elsewhere") && error.chain().contains(&own), "{}", error.chain());
    }
}

async fn the_probe_passes(objects: Objects) {
    let findings = probe(objects.as_ref(), &objects.placements()[0]).await;
    assert!(findings.iter().all(|finding| finding.gravity != Gravity::Refused), "{findings:#?}");
    assert!(names(&objects, 10).await.is_empty());
}

async fn a_checked_read_of_the_empty_content_asks_no_store(objects: Objects) {
    let stream = open_checked(objects.as_ref(), &location(None, b""), 0..0).await.unwrap().unwrap();
    assert!(matches!(drain(stream).await, (read, Ok(())) if read.is_empty()));
}

async fn a_checked_read_of_an_object_that_is_gone_is_absent(objects: Objects) {
    let location = location(Some(objects.mint().stored()), b"hello");
    assert!(open_checked(objects.as_ref(), &location, 0..5).await.unwrap().is_none());
}

async fn a_checked_read_beyond_the_content_is_refused(objects: Objects) {
    let location = location(Some(put(&objects, b"hello").await), b"hello");
    assert!(open_checked(objects.as_ref(), &location, 0..6).await.is_err());
}

async fn an_object_shorter_than_its_location_says_is_corrupt(objects: Objects) {
    let whole = content(2 * PIECE_BYTES);
    let location = location(Some(put(&objects, &whole[..PIECE_BYTES + 9]).await), &whole);
    let kind = match open_checked(objects.as_ref(), &location, 0..2 * PIECE).await {
        Ok(stream) => match drain(stream.expect("the object is there")).await {
            (read, Err(Interrupted::Store(error))) if whole.starts_with(&read) => error.kind,
            (_, end) => panic!("it ended with {end:?}"),
        },
        Err(error) => error.kind,
    };
    assert_eq!(kind, StoreErrorKind::Corrupt);
}

/// A content, and ranges that lie within it.
fn content_and_ranges() -> impl Strategy<Value = (Vec<u8>, Vec<Range<u64>>)> {
    (0..3 * PIECE_BYTES + 100).prop_flat_map(|length| {
        let range = (0..=length as u64, 0..=length as u64).prop_map(|(one, other)| one.min(other)..one.max(other));
        (Just(content(length)), prop::collection::vec(range, 1..6))
    })
}

fn any_range_is_that_slice_plain_and_checked(objects: &Objects, runtime: &tokio::runtime::Runtime) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(24) });
    let rule = |(content, ranges): (Vec<u8>, Vec<Range<u64>>)| {
        runtime.block_on(async {
            let location = location(Some(put(objects, &content).await), &content);
            let object = location.object.as_ref().expect("it was just put");
            for range in ranges {
                let slice = &content[range.start as usize..range.end as usize];
                prop_assert!(read(objects, object, range.clone()).await == slice, "plain {:?}", range);
                let checked = open_checked(objects.as_ref(), &location, range.clone()).await.unwrap().unwrap();
                let (read, end) = drain(checked).await;
                prop_assert!(end.is_ok() && read == slice, "checked {:?}", range);
            }
            Ok(())
        })
    };
    runner.run(&content_and_ranges(), rule).unwrap();
}

/// A test for each rule, over one backend. `$bench` answers what has to outlive the store, and the store.
async fn names(objects: &Objects, limit: usize) -> Vec<ObjectRef> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = objects.list(after.as_deref(), limit).await.unwrap();
        assert!(page.objects.len() <= limit && page.foreign.is_empty(), "{page:?}");
        names.extend(page.objects.into_iter().map(|listed| listed.object));
        match page.next {
            Some(next) => after = Some(next),
            None => return names,
        }
    }
}

async fn every_object_is_listed_once_in_pages_of_any_size(objects: Objects) {
    let mut put_there = future::join_all((0..40).map(|_| put(&objects, b"x"))).await;
    put_there.sort_by_key(|object| object.id);
    for limit in [1, 7, 40, 1000] {
        let mut listed = names(&objects, limit).await;
        listed.sort_by_key(|object| object.id);
        assert!(listed == put_there, "{limit} a page");
    }
}

async fn what_is_deleted_is_not_listed(objects: Objects) {
    let (one, two) = (put(&objects, b"x").await, put(&objects, b"y").await);
    objects.delete(&one).await.unwrap();
    assert_eq!(names(&objects, 10).await, [two]);
}

async fn the_list_of_manifests_is_the_one_that_was_written_last_and_is_no_object(objects: Objects) {
    let placement = &objects.placements()[0];
    assert_eq!(objects.manifest_list(placement).await.unwrap(), None);
    for list in ["{}", &"[1, 2]".repeat(100_000)] {
        objects.set_manifest_list(placement, list).await.unwrap();
        assert_eq!(objects.manifest_list(placement).await.unwrap().as_deref(), Some(list));
    }
    assert_eq!(objects.owner(placement).await.unwrap(), None);
    let page = objects.list(None, 10).await.unwrap();
    assert!(page.objects.is_empty() && page.foreign.is_empty(), "{page:?}");
}

async fn the_owner_is_who_claimed_last_and_is_no_object(objects: Objects) {
    let [placement] = &objects.placements()[..] else { panic!("one placement") };
    assert_eq!(objects.owner(placement).await.unwrap(), None);
    for owner in ["control 1", "control 2"] {
        objects.claim(placement, owner).await.unwrap();
        assert_eq!(objects.owner(placement).await.unwrap().as_deref(), Some(owner));
    }
    assert!(names(&objects, 10).await.is_empty());
}

async fn many_are_deleted_at_once_whether_they_are_there_or_not(objects: Objects) {
    let mut put_there = future::join_all((0..30).map(|_| put(&objects, b"x"))).await;
    let kept = put_there.pop().unwrap();
    put_there.push(objects.mint().stored());
    assert!(objects.delete_all(&put_there).await.iter().all(Result::is_ok));
    assert_eq!(names(&objects, 100).await, [kept]);
    assert!(objects.delete_all(&[]).await.is_empty());
}

async fn giving_up_parts_that_are_not_there_succeeds(objects: Objects) {
    let object = put(&objects, b"x").await;
    objects.abort(&object, &PartsId("unheard-of".into())).await.unwrap();
    assert_eq!(read(&objects, &object, 0..1).await, b"x");
}

async fn a_list_tells_what_an_object_takes(objects: Objects) {
    put(&objects, &content(1000)).await;
    assert!(objects.list(None, 10).await.unwrap().objects[0].stored_bytes >= 1000);
}

macro_rules! conforms {
    ($backend:ident, $bench:expr, [$($rule:ident),* $(,)?]) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $rule() {
                    let (_outlives, objects) = $bench;
                    super::$rule(objects).await;
                }
            )*

            #[test]
            fn any_range_is_that_slice_plain_and_checked() {
                let (_outlives, objects) = $bench;
                super::any_range_is_that_slice_plain_and_checked(&objects, &tokio::runtime::Runtime::new().unwrap());
            }
        }
    };
}

macro_rules! conforming {
    ($($backend:ident: $bench:expr;)*) => {
        $(
            conforms!($backend, $bench, [
                what_was_put_is_read_back_whole,
                a_put_needs_no_length_in_advance,
                a_put_takes_its_content_to_the_end,
                an_object_may_be_empty,
                an_object_that_was_never_put_is_absent,
                every_key_is_another,
                content_that_breaks_midway_leaves_no_object,
                content_of_another_length_than_announced_leaves_no_object,
                nobody_sees_an_object_before_its_put_ends,
                metadata_survives_in_any_script,
                the_longest_id_and_name_fit_into_the_metadata,
                a_range_is_that_part_of_the_content,
                deleting_twice_succeeds_and_what_is_deleted_is_absent,
                twenty_puts_side_by_side_all_land,
                an_object_of_another_placement_is_refused_by_name,
                the_probe_passes,
                every_object_is_listed_once_in_pages_of_any_size,
                what_is_deleted_is_not_listed,
                a_list_tells_what_an_object_takes,
                the_owner_is_who_claimed_last_and_is_no_object,
                the_list_of_manifests_is_the_one_that_was_written_last_and_is_no_object,
                many_are_deleted_at_once_whether_they_are_there_or_not,
                giving_up_parts_that_are_not_there_succeeds,
                a_checked_read_of_the_empty_content_asks_no_store,
                a_checked_read_of_an_object_that_is_gone_is_absent,
                a_checked_read_beyond_the_content_is_refused,
                an_object_shorter_than_its_location_says_is_corrupt,
            ]);
        )*
    };
}

pub(crate) fn on_disk() -> (tempfile::TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open("local".parse().unwrap(), folder.path(), "acme/").unwrap();
    (folder, Arc::new(store))
}

/// Sealed for two keys, of which one is here.
fn sealed_on_disk() -> (tempfile::TempDir, Objects) {
    let (folder, disk) = on_disk();
    let recipients = [
        "age1lpeuvf53vmt4hqt4tmyz32gtlqxl368wmuvgn38mka7lu9skmdeqh0j0sz",
        "age1v7k859pujz57lnxt553r0q70lm6d0trkh5r27mggy4kxv0jc5deq37x665",
    ];
    let recipients = recipients.iter().map(|key| key.parse().unwrap()).collect();
    let private = Secret::new("AGE-SECRET-KEY-1KJCZLCDRT4Z9VXP67PHADXKYTE00F2QSD83AGX5GSTVP0H3ANN8SKN0XTR");
    let identity = Some(SecretSource::Environment { variable: "KEY".into(), value: private });
    (folder, Arc::new(SealedObjects::new(disk, SealingConfig { recipients, identity })))
}

/// On a bucket of its own.
pub(crate) fn on_s3() -> (Bucket, Objects) {
    let bucket = Bucket::new();
    let store = Arc::new(s3_store(&config(&bucket)));
    (bucket, store)
}

pub(crate) fn s3_store(config: &S3Config) -> S3Store {
    let budget = Arc::new(Budget::new(64 << 20, Duration::from_secs(5)));
    S3Store::new("ceph".parse().unwrap(), "acme/", config, S3Client::new(config).unwrap(), budget)
}

conforming! {
    disk: super::on_disk();
    sealed: super::sealed_on_disk();
    s3: super::on_s3();
}
