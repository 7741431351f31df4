//! Ranges of an object. A read whose connection breaks, stalls or ends early goes on at the byte where it was.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream as SdkBody;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::{sleep, timeout};

use super::S3Store;
use super::fault::{self, Call};
use crate::model::content::PIECE_BYTES;
use crate::model::id::ObjectRef;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::object::ByteStream;

/// Doubled with each attempt that gives less than a piece.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn get(store: &S3Store, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
    let call = store.call("get", object)?;
    if range.is_empty() {
        return nothing(store, &call, object, range.end).await;
    }
    let Some(body) = ask(store, &call, object, range.clone()).await? else { return Ok(None) };
    let reading = Reading {
        store: store.clone(),
        call,
        object: object.clone(),
        body,
        pending: Bytes::new(),
        at: range.start,
        end: range.end,
        breaks: 0,
        began_at: range.start,
    };
    Ok(Some(Box::pin(stream::try_unfold(reading, async |mut reading| Ok(reading.next().await?.map(|portion| (portion, reading)))))))
}

/// S3 has no empty range.
async fn nothing(store: &S3Store, call: &Call, object: &ObjectRef, end: u64) -> StoreResult<Option<ByteStream>> {
    match store.length_of(call, object).await? {
        None => Ok(None),
        Some(length_bytes) if length_bytes < end => Err(too_short(call, length_bytes, end)),
        Some(_) => Ok(Some(Box::pin(stream::empty()))),
    }
}

fn too_short(call: &Call, length_bytes: u64, end: u64) -> StoreError {
    call.error(StoreErrorKind::Corrupt, format!("the object has {length_bytes} bytes, and those up to {end} were asked for"))
}

/// `None`: no such object.
async fn ask(store: &S3Store, call: &Call, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<SdkBody>> {
    let request = store.client.asking.get_object().bucket(&store.bucket).key(store.key(object));
    match request.range(format!("bytes={}-{}", range.start, range.end - 1)).send().await {
        Ok(answer) => check(call, &answer, &range).map(|()| Some(answer.body)),
        Err(error) if fault::is_no_such_key(&error) => Ok(None),
        Err(error) => Err(call.failed(&error)),
    }
}

/// The answer is the range that was asked for, and nothing else.
fn check(call: &Call, answer: &GetObjectOutput, range: &Range<u64>) -> StoreResult<()> {
    let (given, whole) = match &answer.content_range {
        Some(header) => parse(header).ok_or_else(|| call.error(StoreErrorKind::Corrupt, format!("it gave a range {header:?}")))?,
        None => {
            let whole = answer.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
            (0..whole, whole)
        }
    };
    if whole < range.end {
        return Err(too_short(call, whole, range.end));
    }
    if given != *range {
        let reason = format!("bytes {} to {} were asked for, and {} to {} given", range.start, range.end, given.start, given.end);
        return Err(call.error(StoreErrorKind::Corrupt, reason));
    }
    Ok(())
}

/// `bytes 0-4/10`: the range, and the length of the object.
fn parse(header: &str) -> Option<(Range<u64>, u64)> {
    let (range, whole) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?, whole.parse().ok()?))
}

struct Reading {
    store: S3Store,
    call: Call,
    object: ObjectRef,
    body: SdkBody,
    /// Came with the last frame, beyond the size of a portion.
    pending: Bytes,
    at: u64,
    end: u64,
    /// How often it broke since then; a whole piece in between counts as a new beginning.
    breaks: u32,
    began_at: u64,
}

/// Why a body gave no further byte.
type Broken = String;

impl Reading {
    async fn next(&mut self) -> StoreResult<Option<Bytes>> {
        if self.at == self.end {
            return Ok(None);
        }
        if self.pending.is_empty() {
            self.pending = self.frame().await?;
        }
        let portion = self.pending.split_to(self.pending.len().min(PIECE_BYTES));
        self.at += portion.len() as u64;
        if self.at > self.end {
            return Err(self.call.error(StoreErrorKind::Corrupt, "it gave more bytes than it announced"));
        }
        Ok(Some(portion))
    }

    /// At least one byte, by as many requests as the settings allow.
    async fn frame(&mut self) -> StoreResult<Bytes> {
        loop {
            let failed = match self.next_of_body().await {
                Ok(frame) => return Ok(frame),
                Err(broken) => self.call.error(StoreErrorKind::Unavailable, broken),
            };
            if self.at - self.began_at >= PIECE_BYTES as u64 {
                (self.breaks, self.began_at) = (0, self.at);
            }
            self.breaks += 1;
            if self.breaks >= self.store.attempts {
                return Err(failed);
            }
            tracing::debug!("reading {} goes on at byte {} after: {}", self.object, self.at, failed.chain());
            sleep(FIRST_PAUSE * (1 << (self.breaks - 1).min(8))).await;
            self.body = match ask(&self.store, &self.call, &self.object, self.at..self.end).await? {
                Some(body) => body,
                None => return Err(self.call.error(StoreErrorKind::Corrupt, "the object went while it was read")),
            };
        }
    }

    async fn next_of_body(&mut self) -> Result<Bytes, Broken> {
        loop {
            match timeout(self.store.idle_timeout, self.body.next()).await {
                Ok(Some(Ok(frame))) if frame.is_empty() => {}
                Ok(Some(Ok(frame))) => return Ok(frame),
                Ok(Some(Err(error))) => return Err(format!("the connection broke at byte {}: {error}", self.at)),
                Ok(None) => return Err(format!("the answer ended at byte {} of {}", self.at, self.end)),
                Err(_) => return Err(format!("nothing came for {:?} at byte {}", self.store.idle_timeout, self.at)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_given_with_the_objects_length() {
        assert_eq!(parse("bytes 0-4/10"), Some((0..5, 10)));
        for odd in ["bytes 0-4/*", "0-4/10", "bytes */10", "bytes 0-18446744073709551615/10", ""] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
