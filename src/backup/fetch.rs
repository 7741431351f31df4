//! Brings an object back from the offsite store, under the id that it had. Nothing becomes visible that is not what was wanted, byte by byte.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::budget::Budget;
use crate::model::content::{ContentHash, ContentHasher, PIECE_BYTES};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::object::{ByteStream, ObjectMeta, ObjectStore, PutError, Upload};

/// An object that something of the tenant's names.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub object: ObjectRef,
    pub length_bytes: u64,
    pub sha256: ContentHash,
    pub meta: ObjectMeta,
    /// Who names it, for people.
    pub by: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    Back,
    /// The offsite store has none of that id.
    Nowhere,
    /// Its copy is not what is wanted: why.
    Damaged(String),
}

/// A backup's store, and where its objects come back to.
pub struct Fetcher {
    pub offsite: Arc<dyn ObjectStore>,
    pub placement: PlacementName,
    pub primary: Arc<dyn ObjectStore>,
    pub budget: Arc<Budget>,
}

impl Fetcher {
    /// For what is not there, or is of another length.
    pub async fn fetch(&self, wanted: &Wanted) -> StoreResult<Fetched> {
        let memory = self.primary.upload_bytes(Some(wanted.length_bytes)) + 2 * PIECE_BYTES as u64;
        let Some(_grant) = self.budget.acquire(memory.min(self.budget.limit_bytes())).await else {
            return Err(error(wanted, StoreErrorKind::Throttled { retry_after: None }, "no memory came free in time"));
        };
        let copy = ObjectRef { placement: self.placement.clone(), id: wanted.object.id };
        let content = match self.offsite.get(&copy, 0..wanted.length_bytes).await {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(Fetched::Nowhere),
            Err(error) => return damaged(error),
        };
        let content = match self.primary.head(&wanted.object).await? {
            None => content,
            // Of another length, and a store may refuse a key that holds an object. It goes only once its copy is known to be right.
            Some(_) => match self.in_place_of(wanted, &copy, content).await? {
                Ok(content) => content,
                Err(fetched) => return Ok(fetched),
            },
        };
        let key = FreshKey::of_copy(wanted.object.placement.clone(), wanted.object.id);
        let content = verified(content, wanted.clone());
        let upload = Upload::unlogged(key, wanted.meta.clone(), Some(wanted.length_bytes), content);
        match self.primary.put(upload).await {
            Ok(_) => Ok(Fetched::Back),
            Err(PutError::Content(Interrupted::Store(error))) => damaged(error),
            Err(PutError::Content(other)) => Ok(Fetched::Damaged(other.to_string())),
            Err(PutError::Store(error)) => Err(error),
        }
    }
}

impl Fetcher {
    /// Reads the copy once to its end, removes the object, and begins to read the copy again.
    async fn in_place_of(&self, wanted: &Wanted, copy: &ObjectRef, content: ByteStream) -> StoreResult<Result<ByteStream, Fetched>> {
        let mut content = verified(content, wanted.clone());
        while let Some(portion) = content.next().await {
            match portion {
                Ok(_) => {}
                Err(Interrupted::Store(error)) => return damaged(error).map(Err),
                Err(other) => return Ok(Err(Fetched::Damaged(other.to_string()))),
            }
        }
        self.primary.delete(&wanted.object).await?;
        Ok(self.offsite.get(copy, 0..wanted.length_bytes).await?.ok_or(Fetched::Nowhere))
    }
}

/// A store that cannot be asked says nothing of the copy.
fn damaged(error: StoreError) -> StoreResult<Fetched> {
    match error.kind {
        StoreErrorKind::Corrupt => Ok(Fetched::Damaged(error.chain())),
        StoreErrorKind::Unavailable
        | StoreErrorKind::Timeout
        | StoreErrorKind::Throttled { .. }
        | StoreErrorKind::Denied
        | StoreErrorKind::Full
        | StoreErrorKind::Other => Err(error),
    }
}

/// The same content, which breaks at its end where it is not the one that is wanted: so no store makes an object of it.
fn verified(content: ByteStream, wanted: Wanted) -> ByteStream {
    let passing = (content, ContentHasher::default(), wanted);
    Box::pin(stream::try_unfold(passing, async |(mut content, mut hasher, wanted): (ByteStream, ContentHasher, Wanted)| {
        let next: Option<Bytes> = content.next().await.transpose()?;
        let Some(portion) = next else {
            let found = hasher.finish().sha256;
            let right = found == wanted.sha256;
            let reason = || format!("its SHA-256 is {found}, and {} is wanted", wanted.sha256);
            return if right { Ok(None) } else { Err(Interrupted::Store(error(&wanted, StoreErrorKind::Corrupt, &reason()))) };
        };
        hasher.update(&portion);
        Ok(Some((portion, (content, hasher, wanted))))
    }))
}

fn error(wanted: &Wanted, kind: StoreErrorKind, reason: &str) -> StoreError {
    StoreError::new("backup", "fetch", &wanted.object, kind).because(reason)
}
