//! Asks an object store to do, on scratch objects, all that Sluss will ask of it. A store that passes may still fail later;
//! one that fails is not given anybody's documents.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::error::{Interrupted, StoreError};
use super::object::{ByteStream, ObjectMeta, ObjectStore, PutError, Upload};
use crate::model::content::PIECE_BYTES;
use crate::model::id::ObjectRef;

/// One that fits a single request of any store, and one that spans pieces and ends within one.
const SIZES_BYTES: [u64; 2] = [1000, 3 * PIECE_BYTES as u64];

/// Writes, reads, and removes scratch objects; whatever the verdict, what was written is removed. `Err` is a reason for operators.
pub async fn probe(objects: &dyn ObjectStore) -> Result<(), String> {
    for size_bytes in SIZES_BYTES {
        let key = objects.mint();
        let object = key.object().clone();
        let meta = scratch_meta(&object);
        // Also after an upload that failed: its outcome is unknown.
        let upload = Upload::unlogged(key, meta.clone(), Some(size_bytes), scratch(0..size_bytes));
        let verdict = match objects.put(upload).await {
            Ok(stored) if stored == object => examine(objects, &object, &meta, size_bytes).await,
            Ok(stored) => Err(format!("it stored a scratch object under another name than it was given: {stored} for {object}")),
            Err(error) => Err(format!("it could not store a scratch object of {size_bytes} bytes: {}", reason(&error))),
        };
        let removed = objects.delete(&object).await.map_err(|error| failed("remove a scratch object", &error));
        verdict.and(removed)?;
        gone(objects, &object).await?;
    }
    Ok(())
}

async fn examine(objects: &dyn ObjectStore, object: &ObjectRef, meta: &ObjectMeta, size_bytes: u64) -> Result<(), String> {
    let facts = objects.head(object).await.map_err(|error| failed("say what a scratch object is", &error))?;
    let facts = facts.ok_or("it says that a scratch object it just stored is not there")?;
    if facts.length_bytes != size_bytes {
        return Err(format!("it says that a scratch object of {size_bytes} bytes has {}", facts.length_bytes));
    }
    if facts.meta != *meta {
        return Err("it changed a scratch object's metadata: names in other scripts than Latin have to survive".to_owned());
    }
    compare(objects, object, 0..size_bytes).await?;
    // From the middle of the first piece to the middle of the last one.
    let middle = (PIECE_BYTES as u64 / 2).min(size_bytes / 3);
    compare(objects, object, middle..size_bytes - middle).await
}

/// Holds one portion at a time, and stops at the first byte that differs or is too many.
async fn compare(objects: &dyn ObjectStore, object: &ObjectRef, range: Range<u64>) -> Result<(), String> {
    let what = format!("read bytes {} to {} of a scratch object", range.start, range.end);
    let content = objects.get(object, range.clone()).await.map_err(|error| failed(&what, &error))?;
    let mut content = content.ok_or_else(|| format!("it could not {what}: it says that there is no such object"))?;
    let mut at = range.start;
    while let Some(portion) = content.next().await {
        let portion = portion.map_err(|error| format!("it could not {what}: {}", interruption(&error)))?;
        let end = at + portion.len() as u64;
        if end > range.end || !portion.iter().zip(at..end).all(|(byte, at)| *byte == scratch_byte(at)) {
            return Err(format!("it answered with other bytes than it was given: {what}"));
        }
        at = end;
    }
    if at == range.end { Ok(()) } else { Err(format!("it answered with fewer bytes than it was given: {what}")) }
}

async fn gone(objects: &dyn ObjectStore, object: &ObjectRef) -> Result<(), String> {
    let facts = objects.head(object).await.map_err(|error| failed("look for a removed scratch object", &error))?;
    let content = objects.get(object, 0..1).await.map_err(|error| failed("look for a removed scratch object", &error))?;
    if facts.is_some() || content.is_some() {
        return Err("a scratch object is still there after it was removed".to_owned());
    }
    objects.delete(object).await.map_err(|error| failed("remove a scratch object that is gone already", &error))
}

/// Whose scratch objects say that they are: no tenant can be called so.
const PROBE: &str = "sluss probe";

/// Whether an object is a probe's: one under way, or one that died.
pub fn is_scratch(meta: &ObjectMeta) -> bool {
    meta.tenant == PROBE
}

fn scratch_meta(object: &ObjectRef) -> ObjectMeta {
    ObjectMeta {
        tenant: PROBE.to_owned(),
        collection: "scratch".to_owned(),
        document: "räksmörgås/中文/🚢".to_owned(),
        stamp: format!("o-{}", object.id),
        media_type: Some("application/octet-stream".to_owned()),
        file_name: Some("ritning å 中 🚢 \"1\" 100%.bin".to_owned()),
        sha256: None,
    }
}

fn scratch(range: Range<u64>) -> ByteStream {
    Box::pin(stream::unfold(range, async |rest| {
        let end = rest.end.min(rest.start + PIECE_BYTES as u64);
        let portion: Bytes = (rest.start..end).map(scratch_byte).collect::<Vec<u8>>().into();
        (!rest.is_empty()).then_some((Ok(portion), end..rest.end))
    }))
}

/// Differs at each offset from what stands a piece, a page or a few bytes away, so that misplaced bytes show.
fn scratch_byte(at: u64) -> u8 {
    at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[1]
}

fn failed(what: &str, error: &StoreError) -> String {
    format!("it could not {what}: {}", error.chain())
}

fn reason(error: &PutError) -> String {
    match error {
        PutError::Store(error) => error.chain(),
        PutError::Content(interrupted) => interruption(interrupted),
    }
}

fn interruption(interrupted: &Interrupted) -> String {
    match interrupted {
        Interrupted::Store(error) => error.chain(),
        Interrupted::Moved | Interrupted::Client(_) => interrupted.to_string(),
    }
}

#[cfg(test)]
mod tests;
