//! The probe against a store that is sound, and against stores with one fault each.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::model::id::{FreshKey, PlacementName};
use crate::store::disk::DiskStore;
use crate::store::doctor::Gravity;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::object::{ObjectFacts, ObjectPage, PartsId, PutError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    RefusesWrites,
    FlipsABit,
    CutsReads,
    IgnoresRanges,
    LosesOtherScripts,
    MiscountsLength,
    KeepsWhatIsDeleted,
}

/// A disk store with one fault.
struct Faulty {
    disk: DiskStore,
    fault: Fault,
}

#[async_trait]
impl ObjectStore for Faulty {
    fn mint(&self) -> FreshKey {
        self.disk.mint()
    }

    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        self.disk.upload_bytes(length_bytes)
    }

    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        if self.fault == Fault::RefusesWrites {
            return Err(StoreError::new("faulty", "put", upload.key.object(), StoreErrorKind::Denied).into());
        }
        self.disk.put(upload).await
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.disk.abort(object, parts).await
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let range = if self.fault == Fault::IgnoresRanges && range.start > 0 { 0..range.end - range.start } else { range };
        let Some(content) = self.disk.get(object, range).await? else { return Ok(None) };
        let fault = self.fault;
        let spoilt = content.map(move |portion| {
            portion.map(|portion| {
                let mut bytes = portion.to_vec();
                match fault {
                    Fault::FlipsABit => bytes[99] ^= 1,
                    Fault::CutsReads => bytes.truncate(99),
                    Fault::RefusesWrites
                    | Fault::IgnoresRanges
                    | Fault::LosesOtherScripts
                    | Fault::MiscountsLength
                    | Fault::KeepsWhatIsDeleted => {}
                }
                bytes.into()
            })
        });
        Ok(Some(Box::pin(spoilt)))
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        let mut facts = self.disk.head(object).await?;
        if let Some(facts) = &mut facts {
            match self.fault {
                Fault::LosesOtherScripts => facts.meta.file_name = facts.meta.file_name.as_ref().map(|name| name.replace('å', "?")),
                Fault::MiscountsLength => facts.length_bytes += 1,
                Fault::RefusesWrites | Fault::FlipsABit | Fault::CutsReads | Fault::IgnoresRanges | Fault::KeepsWhatIsDeleted => {}
            }
        }
        Ok(facts)
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        if self.fault == Fault::KeepsWhatIsDeleted { Ok(()) } else { self.disk.delete(object).await }
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.disk.list(after, limit).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        self.disk.delete_all(objects).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.disk.placements()
    }

    fn scratch(&self, _: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        Ok(Arc::new(Self { disk: self.disk.clone(), fault: self.fault }))
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

fn files_in(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_in(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn each_fault_of_a_store_is_found_and_named_and_nothing_is_left_behind() {
    let cases = [
        (Fault::RefusesWrites, "could not store a scratch object of 1000 bytes: put "),
        (Fault::FlipsABit, "other bytes than it was given: read bytes 0 to 1000"),
        (Fault::CutsReads, "fewer bytes than it was given: read bytes 0 to 1000"),
        (Fault::IgnoresRanges, "other bytes than it was given: read bytes 333 to 667"),
        (Fault::LosesOtherScripts, "changed a scratch object's metadata"),
        (Fault::MiscountsLength, "a scratch object of 1000 bytes has 1001"),
        (Fault::KeepsWhatIsDeleted, "still there after it was removed"),
    ];
    for (fault, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskStore::open("local".parse().unwrap(), folder.path(), "").unwrap();
        let findings = probe(&Faulty { disk, fault }, &"local".parse().unwrap()).await;
        let reason = &findings.iter().find(|finding| finding.gravity == Gravity::Refused).unwrap().found;
        assert!(reason.contains(expected), "{fault:?}: {reason}");
        assert_eq!(files_in(folder.path()), usize::from(fault == Fault::KeepsWhatIsDeleted), "{fault:?}");
    }
}
