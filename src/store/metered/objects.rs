//! An object store with deadlines and an observer.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use super::put::Watchdog;
use super::{CONTENT, Meter, OK};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};
use crate::store::doctor::Finding;
use crate::store::error::StoreResult;
use crate::store::object::{ByteStream, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};

pub struct MeteredObjects {
    inner: Arc<dyn ObjectStore>,
    meter: Meter,
}

impl MeteredObjects {
    pub fn new(inner: Arc<dyn ObjectStore>, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for MeteredObjects {
    fn mint(&self) -> FreshKey {
        self.inner.mint()
    }

    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        self.inner.upload_bytes(length_bytes)
    }

    /// The deadline is for progress, so a large upload may take as long as its bytes do.
    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        let (begun, object, watchdog) = (Instant::now(), upload.key.object().clone(), Watchdog::new());
        let content = watchdog.follow(upload.content);
        let upload = self.inner.put(Upload { content, ..upload });
        let answer = tokio::select! {
            biased;
            answer = upload => answer,
            () = watchdog.stalled(self.meter.stall) => Err(self.meter.late_by(self.meter.stall, "put", &object).into()),
        };
        let outcome = match &answer {
            Ok(_) => OK,
            Err(PutError::Store(error)) => error.kind.label(),
            // Whatever broke the content, it was not this store.
            Err(PutError::Content(_)) => CONTENT,
        };
        self.meter.note("put", outcome, begun.elapsed());
        answer
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.meter.within("abort", object, self.inner.abort(object, parts)).await
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let content = self.meter.within("get", object, self.inner.get(object, range)).await?;
        Ok(content.map(|content| self.meter.stream("read", object, content)))
    }

    fn hedge_after(&self, object: &ObjectRef) -> Option<Duration> {
        self.inner.hedge_after(object)
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.meter.within("head", object, self.inner.head(object)).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.meter.within("delete", object, self.inner.delete(object)).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        let begun = Instant::now();
        // Where the store takes one after the other, each has its time.
        let deadline = self.meter.deadline * u32::try_from(objects.len()).unwrap_or(u32::MAX).max(1);
        let answers = timeout(deadline, self.inner.delete_all(objects)).await;
        let late = |_| objects.iter().map(|object| Err(self.meter.late("delete", object))).collect();
        let answers: Vec<StoreResult<()>> = answers.unwrap_or_else(late);
        let failed = answers.iter().find_map(|answer| answer.as_ref().err());
        self.meter.note("delete_all", failed.map_or(OK, |error| error.kind.label()), begun.elapsed());
        answers
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.meter.within("list", &"the placement's objects", self.inner.list(after, limit)).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.inner.placements()
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        Ok(Arc::new(Self::new(self.inner.scratch(placement)?, self.meter.clone())))
    }

    /// No deadline over all of it: it is many questions, each with its own.
    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        self.inner.examine(placement).await
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.meter.within("owner", placement, self.inner.owner(placement)).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.meter.within("claim", placement, self.inner.claim(placement, owner)).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.meter.within("manifest_list", placement, self.inner.manifest_list(placement)).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.meter.within("set_manifest_list", placement, self.inner.set_manifest_list(placement, list)).await
    }
}
