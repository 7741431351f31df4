//! What is sealed, and who can open it. The rules of every object store are checked by the conformance suite.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;

use super::*;
use crate::config::{Recipient, Secret, SecretSource};
use crate::store::disk::DiskStore;
use crate::store::doctor::Gravity;
use crate::store::error::Interrupted;
use crate::store::object::ObjectMeta;

const FIRST: &str = "age1lpeuvf53vmt4hqt4tmyz32gtlqxl368wmuvgn38mka7lu9skmdeqh0j0sz";
const FIRST_PRIVATE: &str = "AGE-SECRET-KEY-10AGPMK70QQJMZJSSCCHHVMURJPCX9SDZVPAWPYE0HJ6GJGXKVD4Q30JQFH";
const SECOND: &str = "age1v7k859pujz57lnxt553r0q70lm6d0trkh5r27mggy4kxv0jc5deq37x665";
const SECOND_PRIVATE: &str = "AGE-SECRET-KEY-1KJCZLCDRT4Z9VXP67PHADXKYTE00F2QSD83AGX5GSTVP0H3ANN8SKN0XTR";

/// What age 1.1.1 made of a line and a content, for both keys.
const OF_THE_PROGRAM: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBxbUZvcDRWMlJscDhSKzBJMXdtMlBuL25jUFdGc3R3eDhqd3E3OVorRFNJClpNdmVTL1VaY0I5VnQv \
     ZUdBUHYzSGRRUTByQ2RNY3RNSklsaWRGWCsvN1kKLT4gWDI1NTE5IElLa1F6cjJsbmIva2MwRFJqbFI2L0VZSERSWEJPQjJMMHo1UzlhQVZwMDAKamUwUlc3 \
     cVhHb1lMZ0UxN3VzL09IWkU5RlJ1WFlieGt1K283MFByK2N6QQotLS0gMlZwbURub04xWXg2dkZJS3Vnb3pCL2ZrbjRuNmdsdkdYbDJSZU9CaGFnawpfG9qN \
     55KTTEqaIE1uBBRwGbNsFMdSela0pbOsv/trmj4J3AOFCdBhHUJad/1HuqeHnpqE/JTDpETrX4uxhJ40fSGT8vUbmHJZdF1PfX833k6Q93gO9YsgDv7o8DLS \
     dksXHEkQxoMeBwg5V9B4cEHm/wLgHsDwnrXFwALSEy6Z5HrZamsKmgpQMS+6gVz4D+o0ql5iuEC5mGbGO6vwNC8s0/N8jlTL8X7ntPr9pua9mP48miVxQWN9 \
     J55UjvZuoUEFQHF3Ix3Dp0I80QatLtlRN8zaHZbp3qWe0f93Nv/bNXIS9iN9+aaEeUFDF71NUlWK7JNBW0bNfRtYky7pqX5K1qcNGe0pPiq+tPfO5Nn4BMqx \
     v1HSAP3ZFSN2bp1yEPGzTRPsh8rat1WvK3mqByE=";

/// A line of names as short as these.
const LINE_BYTES: usize = 256;
const CHUNK: usize = 64 << 10;

struct Bench {
    folder: TempDir,
    disk: Arc<dyn ObjectStore>,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let disk = Arc::new(DiskStore::open("offsite".parse().unwrap(), folder.path(), "").unwrap());
        Self { folder, disk }
    }

    fn sealed(&self, recipients: &[&str], private: Option<&str>) -> SealedObjects {
        let recipients = recipients.iter().map(|key| key.parse::<Recipient>().unwrap()).collect();
        let identity = private.map(|key| SecretSource::Environment { variable: "KEY".to_owned(), value: Secret::new(key) });
        SealedObjects::new(Arc::clone(&self.disk), SealingConfig { recipients, identity })
    }

    fn both_ways(&self) -> SealedObjects {
        self.sealed(&[FIRST], Some(FIRST_PRIVATE))
    }

    fn file(&self, object: &ObjectRef) -> PathBuf {
        self.folder.path().join(object.id.path())
    }

    /// The same bytes but for what `change` does to them, as another object.
    async fn altered(&self, object: &ObjectRef, change: impl FnOnce(&mut Vec<u8>)) -> ObjectRef {
        let facts = self.disk.head(object).await.unwrap().unwrap();
        let mut bytes = read(&*self.disk, object, facts.length_bytes).await.unwrap();
        change(&mut bytes);
        let upload = Upload::unlogged(self.disk.mint(), facts.meta, Some(bytes.len() as u64), one_portion(&bytes));
        self.disk.put(upload).await.unwrap()
    }
}

fn one_portion(bytes: &[u8]) -> ByteStream {
    let portions: Vec<_> = bytes.chunks(PIECE_BYTES).map(|portion| Ok(Bytes::copy_from_slice(portion))).collect();
    Box::pin(stream::iter(portions))
}

fn meta() -> ObjectMeta {
    ObjectMeta {
        tenant: "acme".to_owned(),
        collection: "contracts".to_owned(),
        document: "case-4711".to_owned(),
        stamp: "r-1-2a".to_owned(),
        media_type: Some("text/plain".to_owned()),
        file_name: Some("verdict.txt".to_owned()),
        sha256: Some("5e".repeat(32)),
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[1]).collect()
}

async fn put(objects: &dyn ObjectStore, content: &[u8]) -> ObjectRef {
    objects.put(Upload::unlogged(objects.mint(), meta(), Some(content.len() as u64), one_portion(content))).await.unwrap()
}

/// All that came, and the error that ended it.
async fn drain(mut content: ByteStream) -> (Vec<u8>, Option<StoreError>) {
    let mut read = Vec::new();
    while let Some(portion) = content.next().await {
        match portion {
            Ok(portion) => read.extend_from_slice(&portion),
            Err(Interrupted::Store(error)) => return (read, Some(error)),
            Err(other) => panic!("{other}"),
        }
    }
    (read, None)
}

async fn read(objects: &dyn ObjectStore, object: &ObjectRef, length_bytes: u64) -> Result<Vec<u8>, StoreError> {
    let (read, error) = drain(objects.get(object, 0..length_bytes).await?.expect("it is there")).await;
    error.map_or(Ok(read), Err)
}

#[tokio::test]
async fn what_the_age_program_sealed_is_opened_with_either_key() {
    let bench = Bench::new();
    let file = BASE64.decode(OF_THE_PROGRAM).unwrap();
    let header_bytes = header::bytes(2) as usize;
    let outer = frame::outer(&meta(), header_bytes, LINE_BYTES);
    let object = bench.disk.put(Upload::unlogged(bench.disk.mint(), outer, None, one_portion(&file))).await.unwrap();
    for private in [FIRST_PRIVATE, SECOND_PRIVATE] {
        let objects = bench.sealed(&[FIRST, SECOND], Some(private));
        let facts = objects.head(&object).await.unwrap().unwrap();
        assert_eq!((facts.meta.document.as_str(), facts.meta.file_name.as_deref(), facts.length_bytes), ("42", Some("plan.txt"), 15));
        assert_eq!(read(&objects, &object, 15).await.unwrap(), b"The first plan.");
    }
}

#[tokio::test]
async fn contents_of_every_length_around_a_chunk_and_a_portion_come_back() {
    let bench = Bench::new();
    let objects = bench.both_ways();
    let edges = [0, CHUNK - LINE_BYTES, 2 * CHUNK - LINE_BYTES, 15 * CHUNK - LINE_BYTES, 16 * CHUNK - LINE_BYTES, PIECE_BYTES];
    for edge in edges {
        for length in [edge.saturating_sub(1), edge, edge + 1] {
            let content = content(length);
            let object = put(&objects, &content).await;
            assert!(read(&objects, &object, length as u64).await.unwrap() == content, "{length}");
            let facts = objects.head(&object).await.unwrap().unwrap();
            assert_eq!(facts, ObjectFacts { length_bytes: length as u64, meta: meta() });
        }
    }
}

#[tokio::test]
async fn the_store_sees_the_tenant_and_no_name_no_hash_and_no_content() {
    let bench = Bench::new();
    let object = put(&bench.both_ways(), b"The defendant is guilty.").await;
    let file = fs::read(bench.file(&object)).unwrap();
    let lies_there = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(lies_there("age-encryption.org/v1\n") && lies_there("acme"));
    for told in ["contracts", "4711", "verdict", "text/plain", "r-1-2a", "5e5e", "guilty"] {
        assert!(!lies_there(told), "{told}");
    }
    // Neither does the length of a name.
    let shorter = ObjectMeta { file_name: Some("v.txt".to_owned()), ..meta() };
    assert_eq!(frame::line(&shorter).unwrap().len(), frame::line(&meta()).unwrap().len());
}

#[tokio::test]
async fn a_manifest_can_be_told_from_a_document_without_a_key() {
    let bench = Bench::new();
    let objects = bench.sealed(&[FIRST], None);
    let manifest = ObjectMeta { collection: "sluss.manifest".to_owned(), ..meta() };
    let manifest = objects.put(Upload::unlogged(objects.mint(), manifest, Some(1), one_portion(b"x"))).await.unwrap();
    let document = put(&objects, b"x").await;
    for (object, kind) in [(manifest, "sluss.manifest"), (document, "sluss.document")] {
        assert_eq!(objects.head(&object).await.unwrap().unwrap().meta.collection, kind);
    }
}

#[tokio::test]
async fn without_an_identity_all_works_but_reading_and_the_missing_key_is_named() {
    let bench = Bench::new();
    let objects = bench.sealed(&[FIRST, SECOND], None);
    let object = put(&objects, b"hello").await;
    let facts = objects.head(&object).await.unwrap().unwrap();
    assert_eq!((facts.length_bytes, facts.meta.document.as_str()), (5, ""));
    let error = read(&objects, &object, 5).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Denied);
    assert!(error.chain().contains(FIRST) && error.chain().contains(SECOND) && error.chain().contains("identity"), "{}", error.chain());
    assert_eq!(objects.list(None, 10).await.unwrap().objects.len(), 1);
    objects.delete(&object).await.unwrap();
    assert_eq!(objects.head(&object).await.unwrap(), None);
}

#[tokio::test]
async fn another_key_than_those_it_was_sealed_for_opens_nothing() {
    let bench = Bench::new();
    let object = put(&bench.sealed(&[FIRST], None), b"hello").await;
    let error = read(&bench.sealed(&[FIRST], Some(SECOND_PRIVATE)), &object, 5).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Denied);
    assert!(error.chain().contains(SECOND) && !error.chain().contains(SECOND_PRIVATE), "{}", error.chain());
}

#[tokio::test]
async fn an_identity_that_is_none_is_told_without_its_text() {
    let bench = Bench::new();
    let object = put(&bench.both_ways(), b"hello").await;
    let slip = FIRST_PRIVATE.replace("7X", "X7").replace("70", "07");
    for bad in [slip.as_str(), FIRST, "# only a comment"] {
        let error = read(&bench.sealed(&[FIRST], Some(bad)), &object, 5).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Denied);
        assert!(!error.chain().contains(&bad[..20.min(bad.len())]), "{}", error.chain());
    }
}

#[tokio::test]
async fn an_object_that_was_changed_anywhere_is_corrupt_and_gives_no_false_byte() {
    let bench = Bench::new();
    let objects = bench.both_ways();
    let content = content(3 * CHUNK);
    let object = put(&objects, &content).await;
    let stored = bench.disk.head(&object).await.unwrap().unwrap().length_bytes as usize;
    let header = header::bytes(1) as usize;
    // The version, a key's share, the code, the nonce, and the begin and end of chunks.
    let places = [3, 40, 90, header - 20, header - 1, header, header + CHUNK, header + CHUNK + 16, header + 2 * CHUNK + 40, stored - 1];
    for place in places {
        let changed = bench.altered(&object, |bytes| bytes[place] ^= 1).await;
        assert_is_refused(&objects, &changed, &content).await;
    }
}

#[tokio::test]
async fn an_object_that_was_cut_or_put_together_anew_is_corrupt() {
    let bench = Bench::new();
    let objects = bench.both_ways();
    let content = content(3 * CHUNK);
    let object = put(&objects, &content).await;
    let header = header::bytes(1) as usize;
    let chunk = |number: usize| header + number * (CHUNK + 16);
    let cuts = [chunk(1), chunk(2), chunk(3), chunk(2) - 1, header + 20, header];
    for cut in cuts {
        let changed = bench.altered(&object, |bytes| bytes.truncate(cut)).await;
        assert_is_refused(&objects, &changed, &content).await;
    }
    let longer = bench.altered(&object, |bytes| bytes.extend([0; 40])).await;
    assert_is_refused(&objects, &longer, &content).await;
    let swapped = bench.altered(&object, |bytes| bytes[chunk(1)..chunk(3)].rotate_left(CHUNK + 16)).await;
    assert_is_refused(&objects, &swapped, &content).await;
}

/// Whatever came first is the content's own beginning.
async fn assert_is_refused(objects: &SealedObjects, object: &ObjectRef, content: &[u8]) {
    let length_bytes = match objects.head(object).await {
        Ok(facts) => facts.unwrap().length_bytes,
        Err(error) => return assert_kind(&error),
    };
    let (read, error) = match objects.get(object, 0..length_bytes).await {
        Ok(opened) => drain(opened.unwrap()).await,
        Err(error) => (Vec::new(), Some(error)),
    };
    assert!(content.starts_with(&read));
    assert_kind(&error.expect("it did not end as if it were whole"));
}

/// A share that was changed is for somebody else.
fn assert_kind(error: &StoreError) {
    assert!(matches!(error.kind, StoreErrorKind::Corrupt | StoreErrorKind::Denied), "{}", error.chain());
}

#[tokio::test]
async fn an_object_that_was_never_sealed_is_no_answer() {
    let bench = Bench::new();
    let object = put(&*bench.disk, b"hello").await;
    let error = bench.both_ways().head(&object).await.unwrap_err();
    assert!(error.kind == StoreErrorKind::Corrupt && error.chain().contains("not sealed"), "{}", error.chain());
}

#[tokio::test]
async fn a_doctor_is_told_whether_the_identity_belongs_to_the_recipients() {
    let bench = Bench::new();
    let placement = "offsite".parse().unwrap();
    for (private, gravity) in
        [(Some(FIRST_PRIVATE), Gravity::Ok), (None, Gravity::Note), (Some(SECOND_PRIVATE), Gravity::Refused), (Some("x"), Gravity::Refused)]
    {
        let findings = bench.sealed(&[FIRST], private).examine(&placement).await;
        assert_eq!(findings.last().unwrap().gravity, gravity, "{findings:?}");
    }
}

#[test]
fn a_text_has_one_sealed_length_and_the_other_way_round() {
    for text in [0, 1, CHUNK as u64 - 1, CHUNK as u64, CHUNK as u64 + 1, 5 * CHUNK as u64, (1 << 31) + 12345] {
        assert_eq!(payload::text_bytes(payload::sealed_bytes(text)), Some(text));
    }
    for none in [0, 15, CHUNK as u64 + 17, CHUNK as u64 + 32] {
        assert_eq!(payload::text_bytes(none), None, "{none}");
    }
}
