//! What an upload in parts promises beyond the rules of every object store: real parts, on Ceph.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use sluss::model::id::ObjectRef;
use sluss::store::error::{ClientFault, Interrupted, StoreError, StoreErrorKind, StoreResult};
use sluss::store::object::{PartsId, PartsLog, PutError, Upload};
use tokio::sync::Notify;

use crate::objects::{content, drain, meta, on_s3, portions};

/// Two whole parts of the least size that S3 takes, and a rest.
const LENGTH: usize = (10 << 20) + 4321;

/// Writes down what it hears, and answers the same always.
struct Log {
    heard: Mutex<Vec<(ObjectRef, PartsId)>>,
    answer: fn() -> StoreResult<bool>,
}

impl Log {
    fn answering(answer: fn() -> StoreResult<bool>) -> Self {
        Self { heard: Mutex::default(), answer }
    }
}

#[async_trait]
impl PartsLog for Log {
    async fn begun(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<bool> {
        self.heard.lock().unwrap().push((object.clone(), parts.clone()));
        (self.answer)()
    }
}

#[tokio::test]
async fn long_content_goes_up_in_parts_under_a_name_that_was_written_down_before() {
    let (bucket, objects) = on_s3();
    let content = content(LENGTH);
    for length_bytes in [Some(LENGTH as u64), None] {
        let log = Log::answering(|| Ok(true));
        let upload = Upload { key: objects.mint(), meta: meta("42"), length_bytes, content: portions(&content), log: &log };
        let object = objects.put(upload).await.unwrap();
        assert_eq!(log.heard.lock().unwrap().iter().map(|(object, _)| object.clone()).collect::<Vec<_>>(), std::slice::from_ref(&object));
        for range in [0..LENGTH as u64, (5 << 20) - 1..(5 << 20) + 1, (10 << 20) - 7..LENGTH as u64] {
            let (read, end) = drain(objects.get(&object, range.clone()).await.unwrap().unwrap()).await;
            assert!(end.is_ok() && read == content[range.start as usize..range.end as usize], "{range:?}");
        }
        assert_eq!(objects.head(&object).await.unwrap().unwrap().meta, meta("42"));
    }
    assert!(bucket.open_uploads().is_empty());
}

#[tokio::test]
async fn content_of_one_part_needs_no_name() {
    let (_bucket, objects) = on_s3();
    let log = Log::answering(|| panic!("nothing goes up in parts"));
    let whole = content(5 << 20);
    let upload = Upload { key: objects.mint(), meta: meta("42"), length_bytes: None, content: portions(&whole), log: &log };
    let object = objects.put(upload).await.unwrap();
    assert_eq!(objects.head(&object).await.unwrap().unwrap().length_bytes, 5 << 20);
}

#[tokio::test]
async fn an_upload_that_breaks_leaves_neither_object_nor_parts() {
    let (bucket, objects) = on_s3();
    let unwritten = || Err(StoreError::new("sql", "note", "parts", StoreErrorKind::Unavailable));
    let logs: [fn() -> StoreResult<bool>; 3] = [|| Ok(true), || Ok(false), unwritten];
    for answer in logs {
        let log = Log::answering(answer);
        let half: Vec<_> = content(LENGTH).chunks(700_000).map(|portion| Ok(bytes::Bytes::copy_from_slice(portion))).collect();
        let broken = stream::iter(half).chain(stream::iter([Err(Interrupted::Client(ClientFault::Broken))]));
        let key = objects.mint();
        let object = key.object().clone();
        let upload = Upload { key, meta: meta("42"), length_bytes: None, content: Box::pin(broken), log: &log };
        let error = objects.put(upload).await.unwrap_err();
        assert_eq!(log.heard.lock().unwrap().len(), 1);
        assert!(!matches!(error, PutError::Store(ref error) if error.kind != StoreErrorKind::Unavailable), "{error}");
        assert_eq!(objects.head(&object).await.unwrap(), None);
        assert_eq!((bucket.open_uploads(), bucket.keys()), (Vec::new(), Vec::new()));
    }
}

#[tokio::test]
async fn an_upload_whose_process_died_is_given_up_by_its_name_and_can_not_end_any_more() {
    let (bucket, objects) = on_s3();
    let log = Log::answering(|| Ok(true));
    let reached = Arc::new(Notify::new());
    let hangs = {
        let reached = Arc::clone(&reached);
        stream::once(async move {
            reached.notify_one();
            std::future::pending().await
        })
    };
    let content = Box::pin(portions(&content(6 << 20)).chain(hangs));
    let upload = Upload { key: objects.mint(), meta: meta("42"), length_bytes: Some(LENGTH as u64), content, log: &log };
    tokio::select! {
        _ = objects.put(upload) => panic!("its content never ends"),
        () = reached.notified() => {}
    }
    let (object, parts) = log.heard.lock().unwrap()[0].clone();
    assert_eq!(bucket.open_uploads().len(), 1);
    for _ in 0..2 {
        objects.abort(&object, &parts).await.unwrap();
        assert!(bucket.open_uploads().is_empty());
    }
    assert_eq!(objects.head(&object).await.unwrap(), None);
}
