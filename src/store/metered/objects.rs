//! An object store with deadlines and an observer.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::put::Watchdog;
use super::{CONTENT, Meter, OK};
use crate::model::id::{FreshKey, ObjectRef};
use crate::store::error::StoreResult;
use crate::store::object::{ByteStream, ObjectFacts, ObjectMeta, ObjectPage, ObjectStore, PutError};

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

    /// The deadline is for progress, so a large upload may take as long as its bytes do.
    async fn put(&self, key: FreshKey, meta: ObjectMeta, length_bytes: Option<u64>, content: ByteStream) -> Result<ObjectRef, PutError> {
        let (begun, object, watchdog) = (Instant::now(), key.object().clone(), Watchdog::new());
        let upload = self.inner.put(key, meta, length_bytes, watchdog.follow(content));
        let answer = tokio::select! {
            biased;
            answer = upload => answer,
            () = watchdog.stalled(self.meter.deadline) => Err(self.meter.late("put", &object).into()),
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

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let content = self.meter.within("get", object, self.inner.get(object, range)).await?;
        Ok(content.map(|content| self.meter.stream("read", object, content)))
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.meter.within("head", object, self.inner.head(object)).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.meter.within("delete", object, self.inner.delete(object)).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.meter.within("list", &"the placement's objects", self.inner.list(after, limit)).await
    }
}
