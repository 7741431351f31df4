//! Uploads in parts, where a store has them: one that comes to its end, and one that is given up.

use async_trait::async_trait;

use super::{Failure, compare, gone, scratch, scratch_meta};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};
use crate::store::error::{Interrupted, StoreResult};
use crate::store::object::{ObjectStore, PartsId, PartsLog, PutError, Upload};

/// Beyond two whole parts, so that the last one is shorter.
const REST_BYTES: u64 = 12_345;

/// `None`: the store uploads everything in one go.
pub(super) async fn try_parts(objects: &dyn ObjectStore, placement: &PlacementName) -> Option<Result<(), Failure>> {
    let part_bytes = objects.upload_bytes(None);
    if part_bytes == 0 {
        return None;
    }
    let size_bytes = 2 * part_bytes + REST_BYTES;
    let key = FreshKey::mint(placement.clone());
    let object = key.object().clone();
    let whole = match objects.put(Upload::unlogged(key, scratch_meta(&object), Some(size_bytes), scratch(0..size_bytes))).await {
        Ok(_) => compare(objects, &object, part_bytes - 1..size_bytes).await,
        Err(error) => Err(Failure::of_put(&format!("store a scratch object of {size_bytes} bytes in parts"), &error)),
    };
    // In the way of the collector.
    let removed = objects
        .delete_all(std::slice::from_ref(&object))
        .await
        .pop()
        .unwrap_or(Ok(()))
        .map_err(|error| Failure::of("remove a scratch object", &error));
    match whole.and(removed) {
        Ok(()) => Some(given_up(objects, placement, size_bytes).await),
        Err(reason) => Some(Err(reason)),
    }
}

/// An upload that nobody may publish any more: the store gives it up before the first part.
struct Condemned;

#[async_trait]
impl PartsLog for Condemned {
    async fn begun(&self, _: &ObjectRef, _: &PartsId) -> StoreResult<bool> {
        Ok(false)
    }
}

async fn given_up(objects: &dyn ObjectStore, placement: &PlacementName, size_bytes: u64) -> Result<(), Failure> {
    let key = FreshKey::mint(placement.clone());
    let object = key.object().clone();
    let (meta, content) = (scratch_meta(&object), scratch(0..size_bytes));
    match objects.put(Upload { key, meta, length_bytes: Some(size_bytes), content, log: &Condemned }).await {
        Err(PutError::Content(Interrupted::Moved)) => gone(objects, &object).await,
        Err(error) => Err(Failure::of_put("give up an upload in parts", &error)),
        Ok(_) => Err("an upload in parts that was given up came to its end".into()),
    }
}
