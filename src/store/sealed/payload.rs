//! The payload of an age file: chunks of 64 KiB, each encrypted and authenticated with its number and with whether it is the last one, so
//! that none can be changed, moved, left out or cut off. Both ways stream, and hold a portion.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use ring::aead::{Aad, LessSafeKey, Nonce};

use super::Call;
use super::frame::{self, Shape};
use crate::model::content::PIECE_BYTES;
use crate::model::id::ObjectRef;
use crate::store::error::{BoxError, Interrupted, StoreError, StoreErrorKind};
use crate::store::object::{ByteStream, ObjectMeta};

const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
const SEALED_CHUNK: usize = CHUNK + TAG;

/// What so many bytes take once they are sealed. An empty text has one chunk, too.
pub(super) fn sealed_bytes(text_bytes: u64) -> u64 {
    text_bytes + text_bytes.div_ceil(CHUNK as u64).max(1) * TAG as u64
}

/// The same for a content whose line nobody knows yet.
pub(super) fn most_sealed_bytes(content_bytes: u64) -> u64 {
    sealed_bytes(content_bytes + frame::MOST_LINE_BYTES as u64)
}

/// The text of so many sealed bytes. `None`: no text has so many.
pub(super) fn text_bytes(sealed_bytes: u64) -> Option<u64> {
    let chunks = sealed_bytes.div_ceil(SEALED_CHUNK as u64);
    let text = sealed_bytes.checked_sub(chunks * TAG as u64)?;
    (chunks > 0 && self::sealed_bytes(text) == sealed_bytes).then_some(text)
}

/// The end of the chunk that holds the last byte before this one.
pub(super) fn sealed_up_to(text: u64) -> u64 {
    text.div_ceil(CHUNK as u64) * SEALED_CHUNK as u64
}

/// No two chunks of a key have the same.
fn nonce(number: u64, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

/// Header, line and content as they go to the store.
pub(super) fn seal(header: &[u8], key: LessSafeKey, line: Vec<u8>, content: ByteStream) -> ByteStream {
    let sealing = Sealing { key, content, pending: line.into(), sealed: BytesMut::from(header), open_bytes: 0, number: 0, ended: false };
    Box::pin(stream::try_unfold(sealing, async |mut sealing| Ok(sealing.next().await?.map(|portion| (portion, sealing)))))
}

struct Sealing {
    key: LessSafeKey,
    content: ByteStream,
    /// Came with the last portion and is in no chunk yet.
    pending: Bytes,
    /// What goes out next, and at its end the chunk that is being filled.
    sealed: BytesMut,
    open_bytes: usize,
    number: u64,
    ended: bool,
}

impl Sealing {
    async fn next(&mut self) -> Result<Option<Bytes>, Interrupted> {
        while !self.ended {
            if self.pending.is_empty() {
                match self.content.next().await {
                    Some(portion) => self.pending = portion?,
                    None => {
                        self.close(true);
                        self.ended = true;
                    }
                }
                continue;
            }
            // Only now is it known that this chunk is not the last one.
            if self.open_bytes == CHUNK {
                self.close(false);
                if self.sealed.len() + SEALED_CHUNK > PIECE_BYTES {
                    return Ok(Some(self.sealed.split().freeze()));
                }
            }
            let taken = self.pending.len().min(CHUNK - self.open_bytes);
            self.sealed.extend_from_slice(&self.pending[..taken]);
            self.pending.advance(taken);
            self.open_bytes += taken;
        }
        Ok((!self.sealed.is_empty()).then(|| self.sealed.split().freeze()))
    }

    fn close(&mut self, is_last: bool) {
        let begins = self.sealed.len() - self.open_bytes;
        let tag = self.key.seal_in_place_separate_tag(nonce(self.number, is_last), Aad::empty(), &mut self.sealed[begins..]);
        self.sealed.extend_from_slice(tag.expect("a chunk is far below the cipher's limit").as_ref());
        self.number += 1;
        self.open_bytes = 0;
    }
}

/// An object on its way back: first [`Opening::header`], then [`Opening::begin`], then its line and its content.
pub(super) struct Opening {
    sealed: ByteStream,
    pending: BytesMut,
    shape: Shape,
    key: Option<LessSafeKey>,
    meta: Option<ObjectMeta>,
    number: u64,
    /// Of the text: what was opened and is wanted, what comes next, and up to where it is wanted.
    opened: Bytes,
    at: u64,
    wanted: Range<u64>,
    object: ObjectRef,
}

impl Opening {
    pub(super) fn new(sealed: ByteStream, shape: Shape, content: Range<u64>, object: ObjectRef) -> Self {
        let line = shape.line_bytes as u64;
        Self {
            sealed,
            pending: BytesMut::new(),
            shape,
            key: None,
            meta: None,
            number: 0,
            opened: Bytes::new(),
            at: 0,
            wanted: line + content.start..line + content.end,
            object,
        }
    }

    pub(super) async fn header(&mut self) -> Result<Bytes, StoreError> {
        self.gather(self.shape.header_bytes).await.map(BytesMut::freeze)
    }

    /// Opens the line, which lies in the first chunk.
    pub(super) async fn begin(&mut self, key: LessSafeKey) -> Result<(), StoreError> {
        self.key = Some(key);
        let mut first = self.chunk().await?;
        if first.len() < self.shape.line_bytes {
            return Err(self.corrupt("its first line is longer than it says"));
        }
        let line = first.split_to(self.shape.line_bytes);
        let meta = frame::read(&line).map_err(|error| self.corrupt(format!("its first line cannot be read: {error}")))?;
        self.meta = Some(meta);
        self.at = self.shape.line_bytes as u64;
        self.opened = first;
        Ok(())
    }

    pub(super) fn into_meta(self) -> ObjectMeta {
        self.meta.expect("whoever asks has begun")
    }

    pub(super) fn stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, async |mut opening| Ok(opening.next().await?.map(|portion| (portion, opening)))))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Interrupted> {
        while self.at < self.wanted.end {
            if self.opened.is_empty() {
                self.opened = self.chunk().await?;
            }
            let begins = self.at;
            let mut portion = std::mem::take(&mut self.opened);
            self.at += portion.len() as u64;
            portion.truncate((self.wanted.end - begins).min(portion.len() as u64) as usize);
            portion.advance(self.wanted.start.saturating_sub(begins).min(portion.len() as u64) as usize);
            if !portion.is_empty() {
                return Ok(Some(portion));
            }
        }
        Ok(None)
    }

    /// The next chunk, authenticated.
    async fn chunk(&mut self) -> Result<Bytes, StoreError> {
        let payload = self.shape.stored_bytes - self.shape.header_bytes as u64;
        let left = payload.saturating_sub(self.number * SEALED_CHUNK as u64);
        let is_last = left <= SEALED_CHUNK as u64;
        let mut chunk = self.gather(left.min(SEALED_CHUNK as u64) as usize).await?;
        let key = self.key.as_ref().expect("whoever asks has begun");
        let opened = key.open_in_place(nonce(self.number, is_last), Aad::empty(), &mut chunk).map(|text| text.len());
        let length = opened.map_err(|_| self.corrupt(format!("chunk {} was altered, or the object was cut", self.number)))?;
        chunk.truncate(length);
        self.number += 1;
        Ok(chunk.freeze())
    }

    async fn gather(&mut self, bytes: usize) -> Result<BytesMut, StoreError> {
        while self.pending.len() < bytes {
            match self.sealed.next().await {
                Some(Ok(portion)) => self.pending.extend_from_slice(&portion),
                Some(Err(Interrupted::Store(error))) => return Err(error),
                Some(Err(other)) => return Err(self.error(StoreErrorKind::Other, other)),
                None => return Err(self.corrupt("it ended early")),
            }
        }
        Ok(self.pending.split_to(bytes))
    }

    fn corrupt(&self, reason: impl Into<BoxError>) -> StoreError {
        self.error(StoreErrorKind::Corrupt, reason)
    }

    fn error(&self, kind: StoreErrorKind, reason: impl Into<BoxError>) -> StoreError {
        Call { operation: "get", object: &self.object }.error(kind, reason)
    }
}
