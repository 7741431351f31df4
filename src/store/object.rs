//! The object store's contract: immutable bytes under keys that are written once.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use serde::{Deserialize, Serialize};

use super::doctor::Finding;
use super::error::{Interrupted, StoreError, StoreResult};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

/// Content on its way, in portions of at most [`crate::model::content::PIECE_BYTES`].
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Interrupted>> + Send>>;

/// What an object says of itself, so that locations can be rebuilt from a bucket alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    pub tenant: String,
    pub collection: String,
    pub document: String,
    pub stamp: String,
    pub media_type: Option<String>,
    pub file_name: Option<String>,
    /// Known in advance only where the content was in memory before the upload.
    pub sha256: Option<String>,
}

/// What `head` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    pub length_bytes: u64,
    pub meta: ObjectMeta,
}

/// One object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    pub object: ObjectRef,
    /// As the store counts it, which may be more than the content.
    pub stored_bytes: u64,
}

/// One page of the names in a tenant's placements.
#[derive(Debug, Default)]
pub struct ObjectPage {
    pub objects: Vec<ListedObject>,
    /// Names that no object of ours can have, as the store spells them.
    pub foreign: Vec<String>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Why an upload did not come to its end. Nobody names its key, so nothing of it is ever seen.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The content's own stream broke.
    #[error("the content ended early: {0}")]
    Content(Interrupted),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's own name for an upload in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsId(pub String);

/// Hears of an upload in parts before its first part leaves, so that whoever comes after a crash can give it up.
#[async_trait]
pub trait PartsLog: Send + Sync {
    /// Durable on return. `false`: nobody may publish this upload any more, so the store gives it up.
    async fn begun(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<bool>;
}

/// Of an upload that nobody has to find again.
#[derive(Debug)]
struct Unlogged;

#[async_trait]
impl PartsLog for Unlogged {
    async fn begun(&self, _: &ObjectRef, _: &PartsId) -> StoreResult<bool> {
        Ok(true)
    }
}

/// One object on its way to the store.
pub struct Upload<'a> {
    pub key: FreshKey,
    pub meta: ObjectMeta,
    /// `None`: known when the content has ended.
    pub length_bytes: Option<u64>,
    pub content: ByteStream,
    pub log: &'a dyn PartsLog,
}

impl Upload<'static> {
    /// Whoever makes it removes what it leaves.
    pub fn unlogged(key: FreshKey, meta: ObjectMeta, length_bytes: Option<u64>, content: ByteStream) -> Self {
        Self { key, meta, length_bytes, content, log: &Unlogged }
    }
}

/// A small text of ours beside a placement's objects, which is replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Note {
    /// Who removes objects from the placement.
    Owner,
    /// The manifests of backups that lie among the objects.
    Manifests,
}

impl Note {
    /// Behind the prefix; no object of ours can be called so.
    pub(in crate::store) const fn name(self) -> &'static str {
        match self {
            Self::Owner => ".sluss-owner",
            Self::Manifests => ".sluss-manifests",
        }
    }

    /// Far more than any of ours has.
    pub(in crate::store) const fn max_bytes(self) -> u64 {
        match self {
            Self::Owner => 1024,
            Self::Manifests => 16 << 20,
        }
    }

    pub(in crate::store) fn is_one(name: &str) -> bool {
        [Self::Owner, Self::Manifests].iter().any(|note| note.name() == name)
    }

    pub(in crate::store) fn too_long(self) -> String {
        format!("{} is longer than {} bytes", self.name(), self.max_bytes())
    }

    /// Its text, or why it is none of ours.
    pub(in crate::store) fn read(self, bytes: Vec<u8>) -> Result<String, String> {
        if bytes.len() as u64 > self.max_bytes() {
            return Err(self.too_long());
        }
        String::from_utf8(bytes).map_err(|_| format!("{} holds no text", self.name()))
    }
}

#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// A key that was never used, in the placement that takes new objects.
    fn mint(&self) -> FreshKey;

    /// Memory that an upload of this length holds beside its content's portions, in bytes. Whoever uploads acquires it with the rest.
    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64;

    /// Atomic and durable on return: a reader sees the whole object or none. Refuses a key that holds an object, as far as the store
    /// can say. What a failed upload left in parts is given up where the store can be reached.
    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError>;

    /// Gives up an upload in parts. One that has ended, either way, or never was is none: that succeeds, too.
    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()>;

    /// The bytes of a range that lies within the object, in portions of at most [`crate::model::content::PIECE_BYTES`]. `None`: no such object.
    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>>;

    /// How long a read of this object had better wait for its first bytes before another holder is asked beside this one. Zero: this
    /// store owes so many answers that the other holder is asked first. `None`: it cannot tell, and is waited for.
    fn hedge_after(&self, object: &ObjectRef) -> Option<Duration> {
        let _ = object;
        None
    }

    /// `None`: no such object.
    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>>;

    /// Durable on return. Removing what is not there succeeds.
    async fn delete(&self, object: &ObjectRef) -> StoreResult<()>;

    /// The same for many, in as few requests as the store allows; an answer each, in their order.
    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>>;

    /// Up to `limit` names of all placements after `after`, in an order of the store's own. What is put or deleted meanwhile may
    /// be in it or not.
    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage>;

    /// Where objects of this tenant may lie, the first to be filled first.
    fn placements(&self) -> Vec<PlacementName>;

    /// The same place for objects that nobody keeps, out of the way of those that are.
    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>>;

    /// What is found on a placement beside what it does with objects.
    async fn examine(&self, placement: &PlacementName) -> Vec<Finding>;

    /// Who has written [`ObjectStore::claim`] into a placement. `None`: nobody.
    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>>;

    /// Writes who removes objects from this placement into its owner object, over whoever stood there.
    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()>;

    /// The list of manifests that was written last into a placement. `None`: nobody has written one.
    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>>;

    /// Replaces the list of manifests. Durable on return: a crash leaves the old one or the new one.
    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()>;
}
