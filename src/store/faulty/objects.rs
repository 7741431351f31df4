//! An object store that fails by plan.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::{FaultKind, Faults};
use crate::model::id::{FreshKey, ObjectRef};
use crate::store::error::StoreResult;
use crate::store::object::{ByteStream, ObjectFacts, ObjectMeta, ObjectPage, ObjectStore, PutError};

pub(super) struct FaultyObjects {
    inner: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
}

impl FaultyObjects {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// The store has all of the content, its answer is an error, and some time later the object is there.
    async fn put_late(&self, key: FreshKey, meta: ObjectMeta, length_bytes: Option<u64>, mut content: ByteStream) -> PutError {
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
            if let Err(error) = inner.put(key, meta, length_bytes, content).await {
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

    async fn put(&self, key: FreshKey, meta: ObjectMeta, length_bytes: Option<u64>, content: ByteStream) -> Result<ObjectRef, PutError> {
        if self.faults.strikes(FaultKind::Hang) {
            return std::future::pending().await;
        }
        self.faults.prelude("put").await?;
        if self.faults.strikes(FaultKind::Late) {
            return Err(self.put_late(key, meta, length_bytes, content).await);
        }
        let object = self.inner.put(key, meta, length_bytes, content).await?;
        self.faults.delay().await;
        match self.faults.strikes(FaultKind::After) {
            true => Err(self.faults.error("put", FaultKind::After).into()),
            false => Ok(object),
        }
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let content = self.faults.bounded("get", self.inner.get(object, range)).await?;
        if self.faults.strikes(FaultKind::Gone) {
            return Ok(None);
        }
        Ok(content.map(|content| self.faults.breaking("read", self.faults.lying(content))))
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.faults.bounded("head", self.inner.head(object)).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.faults.bounded("delete", self.inner.delete(object)).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.faults.bounded("list", self.inner.list(after, limit)).await
    }
}
