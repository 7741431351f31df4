//! What only this backend has: files, folders and what is left of them after a crash. The contract itself is tested by `tests/conformance`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::object::ObjectMeta;

struct Bench {
    folder: TempDir,
    store: DiskStore,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open("local".parse().unwrap(), folder.path(), "acme/").unwrap();
    Bench { folder, store }
}

impl Bench {
    fn file(&self, object: &ObjectRef) -> PathBuf {
        self.folder.path().join("acme").join(object.id.path())
    }

    fn staged(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.path().join("acme/.staging")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    async fn put(&self, content: &'static [u8]) -> ObjectRef {
        self.store.put(Upload::unlogged(self.store.mint(), meta(), None, once(content))).await.unwrap()
    }
}

fn meta() -> ObjectMeta {
    ObjectMeta {
        tenant: "acme".into(),
        collection: "documents".into(),
        document: "42".into(),
        stamp: "r-1-2a".into(),
        media_type: None,
        file_name: Some("å.txt".into()),
        sha256: None,
    }
}

fn once(content: &'static [u8]) -> ByteStream {
    Box::pin(stream::iter([Ok(Bytes::from_static(content))]))
}

fn kind(error: PutError) -> StoreErrorKind {
    match error {
        PutError::Store(error) => error.kind,
        PutError::Content(interrupted) => panic!("the content is whole: {interrupted}"),
    }
}

#[tokio::test]
async fn a_person_finds_the_content_at_the_start_of_the_file() {
    let bench = bench();
    let object = bench.put(b"hello").await;
    let file = fs::read(bench.file(&object)).unwrap();
    assert!(file.starts_with(b"hello{"));
    assert!(file.ends_with(b"SLUSSOB1"));
    assert_eq!(bench.staged(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_key_that_holds_an_object_is_refused_and_keeps_it() {
    let bench = bench();
    let key = bench.store.mint();
    let path = bench.file(key.object());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"first").unwrap();
    let refused = bench.store.put(Upload::unlogged(key, meta(), None, once(b"second"))).await.unwrap_err();
    assert_eq!(kind(refused), StoreErrorKind::Other);
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(bench.staged(), Vec::<PathBuf>::new());
}

#[test]
fn of_many_that_race_for_one_name_exactly_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("3f/object");
    let won: Vec<bool> = std::thread::scope(|scope| {
        let race = |number: usize| {
            let (from, target) = (folder.path().join(number.to_string()), target.clone());
            fs::write(&from, number.to_string()).unwrap();
            scope.spawn(move || folders::link_durably(&from, &target).is_ok())
        };
        let racers: Vec<_> = (0..8).map(race).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(fs::read_to_string(target).unwrap(), winner.to_string());
}

#[tokio::test]
async fn an_upload_that_is_dropped_midway_leaves_nothing() {
    let bench = bench();
    let (portion, never) = (stream::iter([Ok(Bytes::from_static(b"hello"))]), stream::pending());
    let mut upload = Box::pin(bench.store.put(Upload::unlogged(bench.store.mint(), meta(), None, Box::pin(portion.chain(never)))));
    while bench.staged().is_empty() {
        assert!(upload.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(upload);
    let removed = async {
        while !bench.staged().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), removed).await.expect("the staged file goes");
}

#[tokio::test]
async fn opening_removes_what_killed_uploads_left_a_day_ago_and_nothing_else() {
    let bench = bench();
    let object = bench.put(b"hello").await;
    let staging = bench.folder.path().join("acme/.staging");
    let (old, young, foreign) = (
        staging.join(bench.store.mint().object().id.to_string()),
        staging.join(bench.store.mint().object().id.to_string()),
        staging.join("notes"),
    );
    for (path, modified) in [(&old, Some(SystemTime::UNIX_EPOCH)), (&young, None), (&foreign, Some(SystemTime::UNIX_EPOCH))] {
        let file = File::create(path).unwrap();
        modified.map_or(Ok(()), |modified| file.set_modified(modified)).unwrap();
    }
    let again = DiskStore::open("local".parse().unwrap(), bench.folder.path(), "acme/").unwrap();
    assert_eq!([old, young, foreign].map(|path| path.exists()), [false, true, true]);
    assert!(again.head(&object).await.unwrap().is_some());
}

#[tokio::test]
async fn a_volume_that_is_gone_is_unavailable_and_never_an_absent_object() {
    let bench = bench();
    let object = bench.put(b"hello").await;
    fs::remove_dir_all(bench.folder.path().join("acme")).unwrap();
    assert_eq!(bench.store.get(&object, 0..5).await.err().unwrap().kind, StoreErrorKind::Unavailable);
    assert_eq!(bench.store.head(&object).await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(bench.store.delete(&object).await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(
        kind(bench.store.put(Upload::unlogged(bench.store.mint(), meta(), None, once(b"x"))).await.unwrap_err()),
        StoreErrorKind::Unavailable
    );
}

#[tokio::test]
async fn a_file_cut_anywhere_is_corrupt() {
    let bench = bench();
    let object = bench.put(b"hello").await;
    let path = bench.file(&object);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(bench.store.head(&object).await.unwrap_err().kind, StoreErrorKind::Corrupt, "cut to {length} bytes");
        assert_eq!(bench.store.get(&object, 0..1).await.err().unwrap().kind, StoreErrorKind::Corrupt, "cut to {length} bytes");
    }
}

#[tokio::test]
async fn a_flipped_bit_after_the_content_is_corrupt() {
    let bench = bench();
    let object = bench.put(b"hello").await;
    let path = bench.file(&object);
    let whole = fs::read(&path).unwrap();
    for at in b"hello".len()..whole.len() {
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[whole[at] ^ 0x10], at as u64).unwrap();
        assert_eq!(bench.store.head(&object).await.unwrap_err().kind, StoreErrorKind::Corrupt, "byte {at} flipped");
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(bench.store.head(&object).await.is_ok());
}

#[tokio::test]
async fn an_open_stream_reads_on_after_its_object_is_deleted() {
    let bench = bench();
    let object = bench.put(b"hello").await;
    let mut content = bench.store.get(&object, 0..5).await.unwrap().unwrap();
    bench.store.delete(&object).await.unwrap();
    assert_eq!(content.next().await.unwrap().unwrap(), "hello");
}

#[tokio::test]
async fn metadata_beyond_any_reason_is_refused() {
    let bench = bench();
    let meta = ObjectMeta { file_name: Some("x".repeat(70_000)), ..meta() };
    let refused = bench.store.put(Upload::unlogged(bench.store.mint(), meta, None, once(b"hello"))).await.unwrap_err();
    assert_eq!(kind(refused), StoreErrorKind::Other);
}

#[test]
fn a_prefix_cannot_lead_out_of_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let open = |prefix| DiskStore::open("local".parse().unwrap(), folder.path(), prefix);
    for bad in ["/etc/", "../", "a/../../b", "./a", "a\0b"] {
        assert_eq!(open(bad).unwrap_err().kind, StoreErrorKind::Other, "{bad:?}");
    }
    for good in ["", "a/b/", "acme-"] {
        open(good).unwrap();
    }
    assert!(folder.path().join("acme-.staging").is_dir());
}

#[test]
fn errors_of_the_system_say_what_a_caller_can_do() {
    let kind = |kind: ErrorKind| kind_of(&kind.into());
    let linux = |code| kind_of(&io::Error::from_raw_os_error(code));
    // ENOSPC, EDQUOT, EFBIG; EACCES, EPERM, EROFS; ENOENT; EIO.
    assert_eq!([28, 122, 27].map(linux), [StoreErrorKind::Full; 3]);
    assert_eq!([13, 1, 30].map(linux), [StoreErrorKind::Denied; 3]);
    assert_eq!(linux(2), StoreErrorKind::Unavailable);
    assert_eq!(linux(5), StoreErrorKind::Other);
    assert_eq!(kind(ErrorKind::UnexpectedEof), StoreErrorKind::Corrupt);
}

/// All names, a few at a time.
async fn walk(store: &DiskStore) -> (Vec<ObjectRef>, Vec<String>) {
    let (mut objects, mut foreign, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.list(after.as_deref(), 2).await.unwrap();
        objects.extend(page.objects.into_iter().map(|listed| listed.object));
        foreign.extend(page.foreign);
        match page.next {
            Some(next) => after = Some(next),
            None => return (objects, foreign),
        }
    }
}

#[tokio::test]
async fn what_no_object_of_ours_can_be_called_is_listed_as_foreign() {
    let bench = bench();
    let object = bench.put(b"x").await;
    let root = bench.folder.path().join("acme");
    let own = bench.file(&object).parent().unwrap().to_owned();
    let shard = own.file_name().unwrap().to_str().unwrap();
    // One that sorts before its folder's content in a list by bytes, one in it, one at home in another folder, a folder, a file.
    fs::write(root.join(format!("{shard}-old")), "").unwrap();
    fs::write(own.join("readme"), "").unwrap();
    fs::create_dir(root.join("zz")).unwrap();
    fs::write(root.join("notes.txt"), "").unwrap();
    let elsewhere = if shard == "00" { "01" } else { "00" };
    fs::create_dir(root.join(elsewhere)).unwrap();
    fs::write(root.join(elsewhere).join(object.id.to_string()), "").unwrap();
    let (objects, mut foreign) = walk(&bench.store).await;
    assert_eq!(objects, std::slice::from_ref(&object));
    foreign.sort();
    let mut expected =
        [format!("{shard}-old"), format!("{shard}/readme"), "zz".into(), "notes.txt".into(), format!("{elsewhere}/{}", object.id)];
    expected.sort();
    assert_eq!(foreign, expected);
}

#[tokio::test]
async fn a_prefix_that_ends_within_a_name_lists_its_own_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let [acme, globex] = ["acme-", "globex-"].map(|prefix| DiskStore::open("local".parse().unwrap(), folder.path(), prefix).unwrap());
    let of_acme = acme.put(Upload::unlogged(acme.mint(), meta(), None, once(b"x"))).await.unwrap();
    let of_globex = globex.put(Upload::unlogged(globex.mint(), meta(), None, once(b"y"))).await.unwrap();
    assert_eq!(walk(&acme).await, (vec![of_acme], vec![]));
    assert_eq!(walk(&globex).await, (vec![of_globex], vec![]));
}

#[tokio::test]
async fn a_volume_that_is_gone_is_no_store_without_objects() {
    let bench = bench();
    bench.put(b"x").await;
    fs::rename(bench.folder.path().join("acme"), bench.folder.path().join("away")).unwrap();
    assert_eq!(bench.store.list(None, 10).await.unwrap_err().kind, StoreErrorKind::Unavailable);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_file_is_an_object_or_corrupt(bytes in prop::collection::vec(any::<u8>(), 0..200), footer: bool) {
        let call = Call { operation: "head", target: "local:x".into(), threads: Arc::new(Semaphore::new(1)) };
        let mut bytes = bytes;
        if footer {
            bytes.extend(b"SLUSSOB1");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), bytes).unwrap();
        let read = tail::read(&call, &File::open(folder.path().join("x")).unwrap());
        prop_assert_eq!(read.unwrap_err().kind, StoreErrorKind::Corrupt);
    }
}
