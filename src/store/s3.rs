//! Objects in an S3-compatible store, by the AWS SDK: `<prefix><2 hex>/<uuid>` in one bucket. It relies on PUT, ranged GET, HEAD, DELETE,
//! LIST and uploads in parts, and on nothing that stores are known to differ in: no conditional request, no checksum header, no `ETag`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::doctor::Finding;
use super::error::{StoreErrorKind, StoreResult};
use super::object::{ByteStream, Note, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::{ObjectLock, S3Config};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

mod bucket;
mod client;
mod credentials;
mod doctor;
mod fault;
mod listing;
mod lock;
mod metadata;
mod note;
mod parts;
mod reading;
mod removal;
mod upload;

pub use client::S3Client;
use fault::Call;
use lock::Retention;

/// Names of ours that are no objects begin so, behind the prefix.
const RESERVED: &str = ".sluss-";

/// What probes write lies under it, behind the prefix.
const SCRATCH: &str = ".sluss-probe/";

/// One placement in a bucket.
#[derive(Debug, Clone)]
pub struct S3Store {
    placement: PlacementName,
    client: S3Client,
    bucket: String,
    prefix: String,
    attempts: u32,
    idle_timeout: Duration,
    part_bytes: usize,
    parallel_parts: usize,
    budget: Arc<Budget>,
    /// `None`: objects are not locked.
    retention: Option<Retention>,
}

impl S3Store {
    /// Asks nobody. Parts beside the first are held in what `budget` can spare.
    pub fn new(placement: PlacementName, prefix: &str, config: &S3Config, client: S3Client, budget: Arc<Budget>) -> Self {
        Self {
            placement,
            client,
            bucket: config.bucket.clone(),
            prefix: prefix.to_owned(),
            attempts: config.attempts,
            idle_timeout: config.idle_timeout,
            part_bytes: usize::try_from(config.part_bytes).unwrap_or(usize::MAX),
            parallel_parts: config.parallel_parts,
            budget,
            retention: None,
        }
    }

    /// The store refuses to remove what is put from now on before its time. The bucket has to have Object Lock.
    pub fn locking(self, lock: ObjectLock, clock: Arc<dyn Clock>) -> Self {
        Self { retention: Some(Retention::new(lock, clock)), ..self }
    }

    /// Begins a call on one object. Another placement's object is refused: its id says nothing here.
    fn call(&self, operation: &'static str, object: &ObjectRef) -> StoreResult<Call> {
        let call = Call::on(operation, object);
        if object.placement == self.placement {
            return Ok(call);
        }
        let reason = format!("that is placement {}, and this store is placement {}", object.placement, self.placement);
        Err(call.error(StoreErrorKind::Other, reason))
    }

    fn own(&self, operation: &'static str, placement: &PlacementName) -> StoreResult<()> {
        if *placement == self.placement {
            return Ok(());
        }
        let reason = format!("that is placement {placement}, and this store is placement {}", self.placement);
        Err(self.call_on(operation).error(StoreErrorKind::Other, reason))
    }

    fn call_on(&self, operation: &'static str) -> Call {
        Call::on_placement(operation, self.placement.to_string())
    }

    /// Of one probe, which takes away what it puts.
    fn scratch_store(&self) -> Self {
        Self { retention: None, prefix: format!("{}{SCRATCH}{}/", self.prefix, Uuid::now_v7()), ..self.clone() }
    }

    fn key(&self, object: &ObjectRef) -> String {
        format!("{}{}", self.prefix, object.id.path())
    }

    async fn length_of(&self, call: &Call, object: &ObjectRef) -> StoreResult<Option<u64>> {
        Ok(self.look(call, object).await?.map(|answer| answer.0))
    }

    /// Length and metadata. An answer to HEAD has no body, so it cannot tell a missing object from a missing bucket: the bucket is
    /// asked for, too.
    async fn look(&self, call: &Call, object: &ObjectRef) -> StoreResult<Option<(u64, std::collections::HashMap<String, String>)>> {
        match self.client.asking.head_object().bucket(&self.bucket).key(self.key(object)).send().await {
            Ok(answer) => {
                let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
                let length = length.ok_or_else(|| call.error(StoreErrorKind::Corrupt, "the store says no length"))?;
                Ok(Some((length, answer.metadata.unwrap_or_default())))
            }
            Err(error) if fault::is_missing(&error) => {
                self.client.asking.head_bucket().bucket(&self.bucket).send().await.map_err(|error| match fault::status(&error) {
                    Some(404) => call.error(StoreErrorKind::Denied, format!("there is no bucket {}", self.bucket)),
                    Some(_) | None => call.failed(&error),
                })?;
                Ok(None)
            }
            Err(error) => Err(call.failed(&error)),
        }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn mint(&self) -> FreshKey {
        FreshKey::mint(self.placement.clone())
    }

    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        upload::held_bytes(length_bytes, self.part_bytes as u64)
    }

    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        upload::put(self, upload).await
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        removal::abort(self, object, parts).await
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        reading::get(self, object, range).await
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        let call = self.call("head", object)?;
        let Some((length_bytes, found)) = self.look(&call, object).await? else { return Ok(None) };
        let meta = metadata::read(&found).map_err(|reason| call.error(StoreErrorKind::Corrupt, reason))?;
        Ok(Some(ObjectFacts { length_bytes, meta }))
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        removal::delete(self, object).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        removal::delete_all(self, objects).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        listing::page(self, after, limit).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        vec![self.placement.clone()]
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        self.own("scratch", placement)?;
        Ok(Arc::new(self.scratch_store()))
    }

    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        match self.own("examine", placement) {
            Ok(()) => doctor::examine(self).await,
            Err(error) => vec![Finding::refused("bucket", error.chain(), "")],
        }
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.own("owner", placement)?;
        note::read(self, "owner", Note::Owner).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.own("claim", placement)?;
        note::write(self, "claim", Note::Owner, owner).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.own("manifest list", placement)?;
        note::read(self, "manifest list", Note::Manifests).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.own("set manifest list", placement)?;
        note::write(self, "set manifest list", Note::Manifests, list).await
    }
}
