//! Streams of content that break in the middle, or in which a byte is another.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use rand::RngExt;

use super::{FaultKind, Faults};
use crate::store::error::Interrupted;
use crate::store::object::ByteStream;

/// Portions after which a stream breaks or lies, at the latest.
const WITHIN_PORTIONS: usize = 3;

impl Faults {
    pub(super) fn breaking(self: &Arc<Self>, operation: &'static str, content: ByteStream) -> ByteStream {
        if !self.strikes(FaultKind::Break) {
            return content;
        }
        let left = self.throw(|rng| rng.random_range(0..WITHIN_PORTIONS));
        let faults = Arc::clone(self);
        let state = Some((content, left));
        Box::pin(stream::unfold((state, faults), move |(state, faults)| async move {
            let (mut content, left) = state?;
            let broken = || Interrupted::Store(faults.error(operation, FaultKind::Break));
            match content.next().await {
                Some(Ok(bytes)) if left > 0 => Some((Ok(bytes), (Some((content, left - 1)), faults))),
                Some(Ok(bytes)) if bytes.len() > 1 => {
                    let half = bytes.slice(..bytes.len() / 2);
                    let error = broken();
                    // The half goes out, and then the stream breaks.
                    let rest: ByteStream = Box::pin(stream::iter([Err(error)]));
                    Some((Ok(half), (Some((rest, 0)), faults)))
                }
                Some(Ok(_)) | None => Some((Err(broken()), (None, faults))),
                Some(Err(error)) => Some((Err(error), (None, faults))),
            }
        }))
    }

    pub(super) fn lying(self: &Arc<Self>, content: ByteStream) -> ByteStream {
        if !self.strikes(FaultKind::Flip) {
            return content;
        }
        let (faults, mut left) = (Arc::clone(self), self.throw(|rng| rng.random_range(0..WITHIN_PORTIONS)));
        let mut done = false;
        Box::pin(content.map(move |portion| {
            let bytes = portion?;
            if done || bytes.is_empty() {
                return Ok(bytes);
            }
            if left > 0 {
                left -= 1;
                return Ok(bytes);
            }
            done = true;
            let (at, bit) = faults.throw(|rng| (rng.random_range(0..bytes.len()), rng.random_range(0..8)));
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            Ok(Bytes::from(flipped))
        }))
    }
}
