//! Uploads. A part is held in memory whole: it goes out signed with its SHA-256, so that the store refuses what arrived as other bytes,
//! and can be sent again. Content of one part goes in one request, longer content in parts.

use aws_sdk_s3::primitives::{ByteStream as SdkBody, SdkBody as Inner};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::fault::Call;
use super::parts::Parts;
use super::{S3Store, lock, metadata};
use crate::model::content::PIECE_BYTES;
use crate::model::id::ObjectRef;
use crate::store::error::{ClientFault, Interrupted, StoreErrorKind};
use crate::store::object::{ByteStream, ObjectMeta, PutError, Upload};

pub(super) async fn put(store: &S3Store, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
    let Upload { key, meta, length_bytes, content, log } = upload;
    let call = store.call("put", key.object())?;
    let mut content = Cutter::new(content, length_bytes, store.part_bytes);
    let first = content.next().await?.unwrap_or_default();
    match content.is_at_end().await? {
        true => whole(store, &call, key.object(), &meta, first).await?,
        false => Parts::begin(store, key.object(), &meta, log).await?.all(first, content).await?,
    }
    Ok(key.stored())
}

async fn whole(store: &S3Store, call: &Call, object: &ObjectRef, meta: &ObjectMeta, content: Bytes) -> Result<(), PutError> {
    let request = store.client.sending.put_object().bucket(&store.bucket).key(store.key(object));
    let request = request.set_metadata(Some(metadata::write(meta)));
    let request = match &store.retention {
        Some(retention) => request
            .object_lock_mode(retention.mode())
            .object_lock_retain_until_date(retention.until())
            .set_content_md5(lock::digest(&content)),
        None => request,
    };
    request.body(body(content)).send().await.map_err(|error| call.failed(&error))?;
    Ok(())
}

/// One part. Content of one portion is its part as it came.
pub(super) fn held_bytes(length_bytes: Option<u64>, part_bytes: u64) -> u64 {
    match length_bytes {
        Some(length_bytes) if length_bytes <= PIECE_BYTES as u64 => 0,
        Some(length_bytes) => length_bytes.min(part_bytes),
        None => part_bytes,
    }
}

/// Bytes that the SDK signs, and sends again where it has to.
pub(super) fn body(content: Bytes) -> SdkBody {
    SdkBody::new(Inner::from(content))
}

/// Cuts content into parts, and holds it to its announced length.
pub(super) struct Cutter {
    content: ByteStream,
    announced: Option<u64>,
    part_bytes: usize,
    seen_bytes: u64,
    /// Came with the last portion, and belongs to the next part.
    pending: Bytes,
    ended: bool,
}

impl Cutter {
    fn new(content: ByteStream, announced: Option<u64>, part_bytes: usize) -> Self {
        Self { content, announced, part_bytes, seen_bytes: 0, pending: Bytes::new(), ended: false }
    }

    pub(super) fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }

    /// A whole part, or what was left of the content; `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, PutError> {
        let mut part = BytesMut::new();
        while part.len() < self.part_bytes && !self.is_at_end().await? {
            let missing = self.part_bytes - part.len();
            let portion = self.pending.split_to(missing.min(self.pending.len()));
            // Content of one portion is passed on as it is.
            if part.is_empty() && (portion.len() == self.part_bytes || self.is_at_end().await?) {
                return Ok(Some(portion));
            }
            part.reserve(self.announced.map_or(missing, |announced| missing.min((announced - self.seen_bytes) as usize + portion.len())));
            part.extend_from_slice(&portion);
        }
        Ok((!part.is_empty()).then(|| part.freeze()))
    }

    /// Whether nothing is left. An end before the announced one, or none where it should be, is the content's fault.
    pub(super) async fn is_at_end(&mut self) -> Result<bool, PutError> {
        while self.pending.is_empty() && !self.ended {
            match self.content.next().await {
                Some(portion) => self.pending = portion.map_err(PutError::Content)?,
                None => self.ended = true,
            }
            self.seen_bytes += self.pending.len() as u64;
            let wrong = self.announced.is_some_and(|announced| match self.ended {
                true => self.seen_bytes != announced,
                false => self.seen_bytes > announced,
            });
            if wrong {
                return Err(PutError::Content(Interrupted::Client(ClientFault::Broken)));
            }
        }
        Ok(self.pending.is_empty())
    }
}

/// What the store has of an upload in parts is looked at before anybody relies on it: one request for many megabytes.
pub(super) async fn confirm(store: &S3Store, call: &Call, object: &ObjectRef, length_bytes: u64) -> Result<(), PutError> {
    let found = store.length_of(call, object).await?;
    if found == Some(length_bytes) {
        return Ok(());
    }
    let found = found.map_or_else(|| "no object".to_owned(), |found| format!("{found} bytes"));
    Err(call.error(StoreErrorKind::Corrupt, format!("{length_bytes} bytes were sent, and the store has {found}")).into())
}
