//! Asks an object store to do, on scratch objects, all that Sluss will ask of it. A store that passes may still fail later;
//! one that fails is not given anybody's documents.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::doctor::Finding;
use super::object::{ByteStream, ObjectMeta, ObjectStore, Upload};
use crate::model::content::PIECE_BYTES;
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

mod failure;
mod parts;

use failure::Failure;

/// One that fits a single request of any store, and one that spans pieces and ends within one.
const SIZES_BYTES: [u64; 2] = [1000, 3 * PIECE_BYTES as u64];

/// Where scratch objects lie among others, nobody looks for one among more than this.
const LISTED_PAGES: usize = 5;

/// A step of the probe: what it tries.
struct Step {
    about: &'static str,
    passed: &'static str,
}

const SMALL: Step =
    Step { about: "a small object", passed: "written, read back whole and by range, with names in other scripts, listed and removed" };
const LARGE: Step = Step { about: "a larger object", passed: "the same for one of three pieces" };
const PARTS: Step =
    Step { about: "uploads in parts", passed: "a large object went up in parts, and an upload that was given up left nothing" };

/// Examines one placement: whatever the verdict, what was written is removed. A placement with a finding `Refused` is not to be trusted.
pub async fn probe(objects: &dyn ObjectStore, placement: &PlacementName) -> Vec<Finding> {
    let scratch = match objects.scratch(placement) {
        Ok(scratch) => scratch,
        Err(error) => return vec![Finding::refused("placement", error.chain(), "")],
    };
    let mut findings = Vec::new();
    for (step, size_bytes) in [(&SMALL, SIZES_BYTES[0]), (&LARGE, SIZES_BYTES[1])] {
        let tried = round(&*scratch, placement, size_bytes).await;
        let failed = tried.is_err();
        findings.push(verdict(step, tried));
        // The rest would fail the same way, each after its own time-out.
        if failed {
            return findings;
        }
    }
    if let Some(tried) = parts::try_parts(&*scratch, placement).await {
        findings.push(verdict(&PARTS, tried));
    }
    findings.extend(objects.examine(placement).await);
    findings
}

fn verdict(step: &Step, tried: Result<(), Failure>) -> Finding {
    match tried {
        Ok(()) => Finding::ok(step.about, step.passed),
        Err(Failure { reason, advice }) => Finding::refused(step.about, reason, advice),
    }
}

/// Everything with one object of that size.
async fn round(objects: &dyn ObjectStore, placement: &PlacementName, size_bytes: u64) -> Result<(), Failure> {
    let key = FreshKey::mint(placement.clone());
    let object = key.object().clone();
    let meta = scratch_meta(&object);
    let upload = Upload::unlogged(key, meta.clone(), Some(size_bytes), scratch(0..size_bytes));
    // Also after an upload that failed: its outcome is unknown.
    let verdict = match objects.put(upload).await {
        Ok(stored) if stored == object => examine(objects, &object, &meta, size_bytes).await,
        Ok(stored) => Err(format!("it stored a scratch object under another name than it was given: {stored} for {object}").into()),
        Err(error) => Err(Failure::of_put(&format!("store a scratch object of {size_bytes} bytes"), &error)),
    };
    let removed = objects.delete(&object).await.map_err(|error| Failure::of("remove a scratch object", &error));
    verdict.and(removed)?;
    gone(objects, &object).await
}

async fn examine(objects: &dyn ObjectStore, object: &ObjectRef, meta: &ObjectMeta, size_bytes: u64) -> Result<(), Failure> {
    let facts = objects.head(object).await.map_err(|error| Failure::of("say what a scratch object is", &error))?;
    let facts = facts.ok_or("it says that a scratch object it just stored is not there")?;
    if facts.length_bytes != size_bytes {
        return Err(format!("it says that a scratch object of {size_bytes} bytes has {}", facts.length_bytes).into());
    }
    if facts.meta != *meta {
        return Err("it changed a scratch object's metadata: names in other scripts than Latin have to survive".into());
    }
    compare(objects, object, 0..size_bytes).await?;
    // From the middle of the first piece to the middle of the last one.
    let middle = (PIECE_BYTES as u64 / 2).min(size_bytes / 3);
    compare(objects, object, middle..size_bytes - middle).await?;
    listed(objects, object).await
}

async fn listed(objects: &dyn ObjectStore, object: &ObjectRef) -> Result<(), Failure> {
    let mut after = None;
    for _ in 0..LISTED_PAGES {
        let page = objects.list(after.as_deref(), 1000).await.map_err(|error| Failure::of("list objects", &error))?;
        if page.objects.iter().any(|listed| listed.object == *object) {
            return Ok(());
        }
        after = Some(page.next.ok_or("it does not list a scratch object that it just stored")?);
    }
    Ok(())
}

/// Holds one portion at a time, and stops at the first byte that differs or is too many.
async fn compare(objects: &dyn ObjectStore, object: &ObjectRef, range: Range<u64>) -> Result<(), Failure> {
    let what = format!("read bytes {} to {} of a scratch object", range.start, range.end);
    let content = objects.get(object, range.clone()).await.map_err(|error| Failure::of(&what, &error))?;
    let mut content = content.ok_or_else(|| format!("it could not {what}: it says that there is no such object"))?;
    let mut at = range.start;
    while let Some(portion) = content.next().await {
        let portion = portion.map_err(|error| Failure::of_reading(&what, &error))?;
        let end = at + portion.len() as u64;
        if end > range.end || !portion.iter().zip(at..end).all(|(byte, at)| *byte == scratch_byte(at)) {
            return Err(format!("it answered with other bytes than it was given: {what}").into());
        }
        at = end;
    }
    if at == range.end { Ok(()) } else { Err(format!("it answered with fewer bytes than it was given: {what}").into()) }
}

async fn gone(objects: &dyn ObjectStore, object: &ObjectRef) -> Result<(), Failure> {
    let facts = objects.head(object).await.map_err(|error| Failure::of("look for a removed scratch object", &error))?;
    let content = objects.get(object, 0..1).await.map_err(|error| Failure::of("look for a removed scratch object", &error))?;
    if facts.is_some() || content.is_some() {
        return Err("a scratch object is still there after it was removed".into());
    }
    objects.delete(object).await.map_err(|error| Failure::of("remove a scratch object that is gone already", &error))
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

#[cfg(test)]
mod tests;
