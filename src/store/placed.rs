//! Several placements as one store: an object is where its name says, and new ones go to the first placement that is not full.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;

use super::doctor::Finding;
use super::error::{StoreError, StoreErrorKind, StoreResult};
use super::object::{ByteStream, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

mod filling;
#[cfg(test)]
mod tests;

pub use filling::{Amount, FillLimits, Filling, Level};

const STORE: &str = "objects";

/// One of a tenant's placements.
pub struct Place {
    pub name: PlacementName,
    pub limits: FillLimits,
    pub store: Arc<dyn ObjectStore>,
}

/// The placements as one store, and how full they are. A single one is answered as it is. At least one.
pub fn placed(mut places: Vec<Place>) -> (Arc<dyn ObjectStore>, Arc<Filling>) {
    let filling = Arc::new(Filling::new(places.iter().map(|place| (place.name.clone(), place.limits))));
    let store: Arc<dyn ObjectStore> = match places.len() {
        1 => places.remove(0).store,
        _ => Arc::new(PlacedObjects { places, filling: Arc::clone(&filling) }),
    };
    (store, filling)
}

struct PlacedObjects {
    places: Vec<Place>,
    /// In the order of the places.
    filling: Arc<Filling>,
}

impl PlacedObjects {
    fn position(&self, placement: &PlacementName) -> Option<usize> {
        self.places.iter().position(|place| place.name == *placement)
    }

    /// The store of a placement. One that the configuration does not name any more is an error, whatever is asked of it: nothing is
    /// known of what lies there.
    fn store(&self, operation: &'static str, placement: &PlacementName) -> StoreResult<&dyn ObjectStore> {
        let at = self.position(placement).ok_or_else(|| not_configured(operation, placement))?;
        Ok(&*self.places[at].store)
    }

    fn of(&self, operation: &'static str, object: &ObjectRef) -> StoreResult<&dyn ObjectStore> {
        self.store(operation, &object.placement)
    }
}

fn not_configured(operation: &'static str, placement: &PlacementName) -> StoreError {
    let reason = format!("placement {placement} is not configured: name it again in the tenant's file");
    StoreError::new(STORE, operation, placement, StoreErrorKind::Other).because(reason)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for PlacedObjects {
    fn mint(&self) -> FreshKey {
        self.places[self.filling.take()].store.mint()
    }

    /// The most that any of them holds: which one it will be is not known yet.
    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        self.places.iter().map(|place| place.store.upload_bytes(length_bytes)).max().unwrap_or_default()
    }

    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        let placement = &upload.key.object().placement;
        let at = self.position(placement).ok_or_else(|| not_configured("put", placement))?;
        let filling = Arc::clone(&self.filling);
        let counted = upload.content.inspect(move |portion| {
            if let Ok(portion) = portion {
                filling.add_bytes(at, portion.len() as u64);
            }
        });
        self.places[at].store.put(Upload { content: Box::pin(counted), ..upload }).await
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.of("abort", object)?.abort(object, parts).await
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        self.of("get", object)?.get(object, range).await
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.of("head", object)?.head(object).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.of("delete", object)?.delete(object).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        let not_configured = |object: &ObjectRef| Err(not_configured("delete", &object.placement));
        let mut answers: Vec<StoreResult<()>> = objects.iter().map(not_configured).collect();
        for place in &self.places {
            let own = objects.iter().enumerate().filter(|(_, object)| object.placement == place.name);
            let (at, own): (Vec<usize>, Vec<ObjectRef>) = own.map(|(at, object)| (at, object.clone())).unzip();
            if !own.is_empty() {
                at.into_iter().zip(place.store.delete_all(&own).await).for_each(|(at, answer)| answers[at] = answer);
            }
        }
        answers
    }

    /// Where a page ends, its placement stands before that placement's own word for it.
    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        let (at, inner) = self.begin(after);
        let Place { name, store, .. } = &self.places[at];
        let mut page = store.list(inner, limit).await?;
        // The same name may lie in two placements.
        page.foreign.iter_mut().for_each(|foreign| *foreign = format!("{name}:{foreign}"));
        page.next = match (page.next, self.places.get(at + 1)) {
            (Some(next), _) => Some(format!("{name}:{next}")),
            (None, Some(next)) => Some(format!("{}:", next.name)),
            (None, None) => None,
        };
        Ok(page)
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.places.iter().map(|place| place.name.clone()).collect()
    }

    fn hedge_after(&self, object: &ObjectRef) -> Option<Duration> {
        self.of("get", object).ok()?.hedge_after(object)
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        self.store("scratch", placement)?.scratch(placement)
    }

    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        match self.store("examine", placement) {
            Ok(store) => store.examine(placement).await,
            Err(error) => vec![Finding::refused("placement", error.chain(), "")],
        }
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.store("owner", placement)?.owner(placement).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.store("claim", placement)?.claim(placement, owner).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.store("manifest list", placement)?.manifest_list(placement).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.store("set manifest list", placement)?.set_manifest_list(placement, list).await
    }
}

impl PlacedObjects {
    /// The placement that a walk has come to, and where in it. A walk that began among other placements begins again.
    fn begin<'a>(&self, after: Option<&'a str>) -> (usize, Option<&'a str>) {
        let place = after.and_then(|after| after.split_once(':')).and_then(|(name, inner)| {
            let at = self.places.iter().position(|place| place.name.as_str() == name)?;
            Some((at, Some(inner).filter(|inner| !inner.is_empty())))
        });
        place.unwrap_or((0, None))
    }
}
