//! Content that an agent brings into SQL: in one statement where it is one piece, else by staging. Whoever brings it says what it has to be.

use bytes::BytesMut;
use futures_util::StreamExt;

use super::work::JobError;
use crate::model::content::{ContentHasher, Fingerprint, PIECE_BYTES};
use crate::model::stamp::Epoch;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::object::ByteStream;
use crate::store::sql::{NewContent, Staging};
use crate::tenants::Tenant;

/// What is said of a content that has been read to its end.
pub(super) type Check<'a> = &'a (dyn Fn(&Fingerprint) -> StoreResult<()> + Sync);

/// Ready for a commit, and checked. Nothing of it is visible; what was staged for nothing is left to the collector.
pub(super) async fn bring_in(
    tenant: &Tenant,
    epoch: Epoch,
    content: ByteStream,
    length_bytes: u64,
    check: Check<'_>,
) -> Result<NewContent, JobError> {
    if length_bytes <= PIECE_BYTES as u64 { inline(content, check).await } else { staged(tenant, epoch, content, check).await }
}

async fn inline(mut content: ByteStream, check: Check<'_>) -> Result<NewContent, JobError> {
    let mut bytes = BytesMut::new();
    while let Some(portion) = content.next().await {
        bytes.extend_from_slice(&portion.map_err(interrupted)?);
    }
    let bytes = bytes.freeze();
    check(&Fingerprint::of(&bytes))?;
    Ok(NewContent::Inline(bytes))
}

async fn staged(tenant: &Tenant, epoch: Epoch, content: ByteStream, check: Check<'_>) -> Result<NewContent, JobError> {
    let mut staging = tenant.sql.stage(epoch).await?;
    match fill(&mut *staging, content, check).await {
        Ok(fingerprint) => Ok(NewContent::Staged(staging.finish(fingerprint).await?)),
        Err(error) => {
            staging.abandon().await?;
            Err(error)
        }
    }
}

async fn fill(staging: &mut dyn Staging, mut content: ByteStream, check: Check<'_>) -> Result<Fingerprint, JobError> {
    let mut hasher = ContentHasher::default();
    while let Some(portion) = content.next().await {
        let portion = portion.map_err(interrupted)?;
        hasher.update(&portion);
        staging.append(portion).await?;
    }
    let fingerprint = hasher.finish();
    check(&fingerprint)?;
    Ok(fingerprint)
}

fn interrupted(error: Interrupted) -> StoreError {
    match error {
        Interrupted::Store(error) => error,
        Interrupted::Moved | Interrupted::Client(_) => {
            StoreError::new("object", "read", "a content", StoreErrorKind::Other).because(error.to_string())
        }
    }
}
