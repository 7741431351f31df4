//! Reading an object against its location: a byte leaves only after the whole piece it stands in matched its checksum.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

use super::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use super::object::{ByteStream, ObjectStore};
use crate::model::content::{Fingerprint, PIECE_BYTES};
use crate::model::id::ObjectRef;
use crate::model::location::Location;

const PIECE: u64 = PIECE_BYTES as u64;

/// No byte of a piece that differs from its checksum ever leaves: the stream ends before it with `Corrupt`, as it does where
/// the object is too short. `None`: the object is gone. The range has to lie within the location's length.
///
/// Holds the piece being put together and the portion it is made from. Checking 1 MiB takes well under a millisecond of an async thread.
pub async fn open_checked(objects: &dyn ObjectStore, location: &Location, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
    match &location.object {
        Some(object) => open_checked_object(objects, object, &location.content, range).await,
        None => Ok(Some(nothing())),
    }
}

/// The same of an object that no location has to name.
pub async fn open_checked_object(
    objects: &dyn ObjectStore,
    object: &ObjectRef,
    truth: &Fingerprint,
    range: Range<u64>,
) -> StoreResult<Option<ByteStream>> {
    let length_bytes = truth.length_bytes;
    if range.end > length_bytes {
        let reason = format!("bytes {} to {} were asked for, and the content has {length_bytes}", range.start, range.end);
        return Err(error(object, StoreErrorKind::Other, &reason));
    }
    if range.is_empty() {
        return Ok(Some(nothing()));
    }
    let whole_pieces = range.start / PIECE * PIECE..range.end.next_multiple_of(PIECE).min(length_bytes);
    let Some(content) = objects.get(object, whole_pieces.clone()).await? else { return Ok(None) };
    let pieces = Pieces { content, pending: Bytes::new(), at: whole_pieces.start, object: object.clone(), truth: truth.clone() };
    Ok(Some(trimmed(pieces, range)))
}

fn nothing() -> ByteStream {
    Box::pin(stream::empty())
}

fn trimmed(pieces: Pieces, range: Range<u64>) -> ByteStream {
    Box::pin(stream::try_unfold((pieces, range), async |(mut pieces, range)| {
        let at = pieces.at;
        if at >= range.end {
            return Ok(None);
        }
        let piece = pieces.next().await?;
        let (from, to) = (range.start.saturating_sub(at), (range.end - at).min(piece.len() as u64));
        Ok(Some((piece.slice(from as usize..to as usize), (pieces, range))))
    }))
}

/// Portions of any size on one side, checked pieces on the other.
struct Pieces {
    content: ByteStream,
    /// What came with the last portion and belongs to the next piece.
    pending: Bytes,
    /// Where the next piece begins in the content.
    at: u64,
    object: ObjectRef,
    truth: Fingerprint,
}

impl Pieces {
    async fn next(&mut self) -> Result<Bytes, Interrupted> {
        let piece_bytes = (self.truth.length_bytes - self.at).min(PIECE) as usize;
        let piece = self.gather(piece_bytes).await?;
        let number = self.at / PIECE;
        if !self.truth.pieces.matches(number, &piece) {
            return Err(self.corrupt(&format!("piece {number} does not match its checksum")));
        }
        self.at += piece_bytes as u64;
        Ok(piece)
    }

    async fn gather(&mut self, piece_bytes: usize) -> Result<Bytes, Interrupted> {
        let mut gathered = BytesMut::new();
        loop {
            let missing = piece_bytes - gathered.len();
            // A store that answers in whole pieces costs no copy.
            if gathered.is_empty() && self.pending.len() >= missing {
                return Ok(self.pending.split_to(missing));
            }
            if !self.pending.is_empty() {
                gathered.reserve(missing);
                gathered.extend_from_slice(&self.pending.split_to(missing.min(self.pending.len())));
            }
            if gathered.len() == piece_bytes {
                return Ok(gathered.freeze());
            }
            self.pending = match self.content.next().await {
                Some(portion) => portion?,
                None => return Err(self.corrupt("the object is shorter than its location says")),
            };
        }
    }

    fn corrupt(&self, reason: &str) -> Interrupted {
        Interrupted::Store(error(&self.object, StoreErrorKind::Corrupt, reason))
    }
}

fn error(object: &ObjectRef, kind: StoreErrorKind, reason: &str) -> StoreError {
    StoreError::new("objects", "get", object, kind).because(reason)
}
