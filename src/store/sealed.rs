//! An object store that nobody can read who runs it: content and names are encrypted before they leave this process, by the format of
//! age (age-encryption.org/v1), for one or several public keys. What it never does is answer with a byte that was not authenticated.
//!
//! An object is one age file. Its text begins with one line of JSON that says what a location or a version has to know, padded, and then
//! comes the content. So whoever has a private key and the bucket needs nothing of ours: `age --decrypt` and `tail -n +2` give the content.
//! What stands beside the file, for the store to see, is the tenant, whether it is a document, and how long header and line are.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::doctor::Finding;
use super::error::{BoxError, StoreError, StoreErrorKind, StoreResult};
use super::object::{ByteStream, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use super::secret;
use crate::config::SealingConfig;
use crate::model::content::PIECE_BYTES;
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

mod frame;
mod header;
mod identity;
mod payload;
#[cfg(test)]
mod tests;

use frame::Shape;
use header::NotOpened;
use identity::Identity;

const STORE: &str = "sealed";

const SEALING: &str = "sealing";

/// Everything that is put is sealed. Without an identity all works but reading, and `head` answers what the store may see.
pub struct SealedObjects {
    inner: Arc<dyn ObjectStore>,
    config: SealingConfig,
}

impl SealedObjects {
    pub fn new(inner: Arc<dyn ObjectStore>, config: SealingConfig) -> Self {
        Self { inner, config }
    }

    /// Length and shape of what lies there. `None`: no such object.
    async fn look(&self, call: &Call<'_>) -> StoreResult<Option<(ObjectFacts, Shape)>> {
        let Some(found) = self.inner.head(call.object).await? else { return Ok(None) };
        let shape = Shape::of(&found).map_err(|reason| call.error(StoreErrorKind::Corrupt, reason))?;
        Ok(Some((found, shape)))
    }

    /// The private keys of this moment.
    async fn identities(&self, call: &Call<'_>) -> StoreResult<Vec<Identity>> {
        let Some(source) = &self.config.identity else {
            return Err(call.error(StoreErrorKind::Denied, NotOpened::NoKey.reason(&self.config.recipients, &[])));
        };
        read_identities(source).await.map_err(|reason| call.error(StoreErrorKind::Denied, reason))
    }

    /// The line and the content up to this byte of it, and no more of the object than that takes.
    async fn open(&self, call: &Call<'_>, shape: Shape, content: Range<u64>) -> StoreResult<Option<payload::Opening>> {
        let identities = self.identities(call).await?;
        let Some(sealed) = self.inner.get(call.object, 0..shape.sealed_up_to(content.end)).await? else { return Ok(None) };
        let mut opening = payload::Opening::new(sealed, shape, content, call.object.clone());
        let opened = opening.header().await?;
        let key = header::open(&opened, &identities).map_err(|why| {
            let kind = match why {
                NotOpened::NoKey => StoreErrorKind::Denied,
                NotOpened::Altered(_) => StoreErrorKind::Corrupt,
            };
            call.error(kind, why.reason(&self.config.recipients, &identities))
        })?;
        opening.begin(key).await?;
        Ok(Some(opening))
    }
}

async fn read_identities(source: &crate::config::SecretSource) -> Result<Vec<Identity>, String> {
    let secret = secret::read(source).await.map_err(|reason| format!("the identity's {reason}"))?;
    identity::parse(&secret)
}

/// What is being done to what.
struct Call<'a> {
    operation: &'static str,
    object: &'a ObjectRef,
}

impl Call<'_> {
    fn error(&self, kind: StoreErrorKind, reason: impl Into<BoxError>) -> StoreError {
        StoreError::new(STORE, self.operation, self.object, kind).because(reason)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for SealedObjects {
    fn mint(&self) -> FreshKey {
        self.inner.mint()
    }

    /// Besides what the store itself holds, the portion that is being sealed.
    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        let sealed =
            length_bytes.map(|length_bytes| header::bytes(self.config.recipients.len()) + payload::most_sealed_bytes(length_bytes));
        let portion = sealed.map_or(PIECE_BYTES as u64, |sealed| sealed.min(PIECE_BYTES as u64));
        self.inner.upload_bytes(sealed) + portion
    }

    async fn put(&self, Upload { key, meta, length_bytes, content, log }: Upload<'_>) -> Result<ObjectRef, PutError> {
        let call = Call { operation: "put", object: key.object() };
        let unsealed = |reason: String| call.error(StoreErrorKind::Other, reason);
        let (head, seal) = header::begin(&self.config.recipients).map_err(unsealed)?;
        let line = frame::line(&meta).map_err(unsealed)?;
        let outer = frame::outer(&meta, head.len(), line.len());
        let sealed_bytes = length_bytes.map(|length_bytes| head.len() as u64 + payload::sealed_bytes(line.len() as u64 + length_bytes));
        let content = payload::seal(&head, seal, line, content);
        self.inner.put(Upload { key, meta: outer, length_bytes: sealed_bytes, content, log }).await
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.inner.abort(object, parts).await
    }

    /// Opens from the beginning of the object and cuts the range out: whoever reads what is sealed reads it whole. A range that ends with the
    /// content is answered to its end only where the object is whole, too.
    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let call = Call { operation: "get", object };
        let Some((_, shape)) = self.look(&call).await? else { return Ok(None) };
        let length_bytes = shape.content_bytes();
        if range.end > length_bytes {
            let reason = format!("the object has {length_bytes} bytes, and bytes {} to {} were asked for", range.start, range.end);
            return Err(call.error(StoreErrorKind::Corrupt, reason));
        }
        Ok(self.open(&call, shape, range).await?.map(payload::Opening::stream))
    }

    /// This store is nobody's other holder.
    fn hedge_after(&self, object: &ObjectRef) -> Option<Duration> {
        self.inner.hedge_after(object)
    }

    /// With an identity, what was put; without, the length and what the store may see.
    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        let call = Call { operation: "head", object };
        let Some((found, shape)) = self.look(&call).await? else { return Ok(None) };
        let length_bytes = shape.content_bytes();
        if self.config.identity.is_none() {
            return Ok(Some(ObjectFacts { length_bytes, meta: found.meta }));
        }
        Ok(self.open(&call, shape, 0..0).await?.map(|opening| ObjectFacts { length_bytes, meta: opening.into_meta() }))
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.inner.delete(object).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        self.inner.delete_all(objects).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.inner.list(after, limit).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.inner.placements()
    }

    /// Not sealed: what a probe writes is nobody's, and it is to be read without an identity, too.
    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        self.inner.scratch(placement)
    }

    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        let mut findings = self.inner.examine(placement).await;
        findings.push(self.examine_keys().await);
        findings
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.inner.owner(placement).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.inner.claim(placement, owner).await
    }

    /// Not sealed: it names no document, and is what everything begins with where all else was lost.
    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.inner.manifest_list(placement).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.inner.set_manifest_list(placement, list).await
    }
}

impl SealedObjects {
    async fn examine_keys(&self) -> Finding {
        let recipients = &self.config.recipients;
        let sealed = format!("objects are sealed for {} key{}", recipients.len(), if recipients.len() == 1 { "" } else { "s" });
        let Some(source) = &self.config.identity else {
            return Finding::note(
                SEALING,
                format!("{sealed}, and none is here to open them"),
                "drill, verify and rebuild need an identity",
            );
        };
        match read_identities(source).await {
            Ok(identities) if identities.iter().any(|identity| recipients.contains(identity.recipient())) => {
                Finding::ok(SEALING, format!("{sealed}, and one is here to open them"))
            }
            Ok(_) => Finding::refused(
                SEALING,
                format!("{sealed}, and none of those that are here opens them"),
                "name the identity's public key among the recipients, or the identity of one that is",
            ),
            Err(reason) => {
                Finding::refused(SEALING, format!("{sealed}, and {reason}"), "let the identity's file hold what age-keygen writes")
            }
        }
    }
}
