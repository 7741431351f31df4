//! An object store that fails by plan.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::{FaultKind, Faults};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};
use crate::store::doctor::Finding;
use crate::store::error::StoreResult;
use crate::store::object::{ByteStream, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};

pub(super) struct FaultyObjects {
    inner: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
}

impl FaultyObjects {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// The store has all of the content, its answer is an error, and some time later the object is there.
    async fn put_late(&self, Upload { key, meta, length_bytes, mut content, .. }: Upload<'_>) -> PutError {
        let mut portions: Vec<Bytes> = Vec::new();
        while let Some(portion) = content.next().await {
            match portion {
                Ok(portion) => portions.push(portion),
                Err(broken) => return PutError::Content(broken),
            }
        }
        let (inner, wait) = (Arc::clone(&self.inner), self.faults.span() * 2);
        let network = self.faults.network.clone().unwrap_or_else(Handle::current);
        network.spawn(async move {
            sleep(wait).await;
            let content: ByteStream = Box::pin(stream::iter(portions.into_iter().map(Ok)));
            if let Err(error) = inner.put(Upload::unlogged(key, meta, length_bytes, content)).await {
                tracing::debug!("a late upload did not land: {error}");
            }
        });
        self.faults.error("put", FaultKind::Late).into()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for FaultyObjects {
    fn mint(&self) -> FreshKey {
        self.inner.mint()
    }

    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        self.inner.upload_bytes(length_bytes)
    }

    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        if self.faults.strikes(FaultKind::Hang) {
            return std::future::pending().await;
        }
        self.faults.prelude("put").await?;
        if self.faults.strikes(FaultKind::Late) {
            return Err(self.put_late(upload).await);
        }
        let object = self.inner.put(upload).await?;
        self.faults.delay().await;
        match self.faults.strikes(FaultKind::After) {
            true => Err(self.faults.error("put", FaultKind::After).into()),
            false => Ok(object),
        }
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.faults.bounded("abort", self.inner.abort(object, parts)).await
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let content = self.faults.bounded("get", self.inner.get(object, range)).await?;
        if self.faults.strikes(FaultKind::Gone) {
            return Ok(None);
        }
        Ok(content.map(|content| self.faults.breaking("read", self.faults.lying(content))))
    }

    fn hedge_after(&self, object: &ObjectRef) -> Option<Duration> {
        self.inner.hedge_after(object)
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.faults.bounded("head", self.inner.head(object)).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.faults.bounded("delete", self.inner.delete(object)).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        match self.faults.prelude("delete").await {
            Ok(()) => self.inner.delete_all(objects).await,
            Err(_) => objects.iter().map(|_| Err(self.faults.error("delete", FaultKind::Before))).collect(),
        }
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.faults.bounded("list", self.inner.list(after, limit)).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.inner.placements()
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        Ok(Arc::new(Self::new(self.inner.scratch(placement)?, Arc::clone(&self.faults))))
    }

    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        self.inner.examine(placement).await
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.faults.bounded("owner", self.inner.owner(placement)).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.faults.bounded("claim", self.inner.claim(placement, owner)).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.faults.bounded("manifest_list", self.inner.manifest_list(placement)).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.faults.bounded("set_manifest_list", self.inner.set_manifest_list(placement, list)).await
    }
}
