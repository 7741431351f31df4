//! Content that can be made and checked at any offset without being held: a document of any size costs no memory here.

use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::body::BoxError;

/// What is sent at once.
const PORTION: u64 = 64 << 10;

/// The bytes that a seed and a length stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    pub seed: u64,
    pub length: u64,
}

impl Pattern {
    /// The bytes from `offset` on.
    pub fn fill(&self, offset: u64, bytes: &mut [u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let word = word(self.seed, at / 8).to_le_bytes();
            let from = (at % 8) as usize;
            let now = rest.len().min(8 - from);
            let (head, tail) = rest.split_at_mut(now);
            head.copy_from_slice(&word[from..from + now]);
            at += now as u64;
            rest = tail;
        }
    }

    pub fn bytes(&self, offset: u64, length: u64) -> Bytes {
        let mut bytes = vec![0; usize::try_from(length).expect("portions are small")];
        self.fill(offset, &mut bytes);
        bytes.into()
    }

    /// True when `found` is what stands at `offset`.
    pub fn matches(&self, offset: u64, found: &[u8]) -> bool {
        offset + found.len() as u64 <= self.length && self.bytes(offset, found.len() as u64) == found
    }

    pub fn stream(self) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
        stream::unfold(0, move |at| async move {
            let portion = (self.length - at).min(PORTION);
            (portion > 0).then(|| (Ok(self.bytes(at, portion)), at + portion))
        })
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): any word of the sequence in a few operations.
fn word(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_part_is_the_same_part_of_the_whole(seed: u64, length in 1_u64..500, from in 0_u64..500, to in 0_u64..500) {
            let pattern = Pattern { seed, length };
            let (from, to) = (from.min(to).min(length), from.max(to).min(length));
            let whole = pattern.bytes(0, length);
            let part = pattern.bytes(from, to - from);
            prop_assert_eq!(&part[..], &whole[from as usize..to as usize]);
            prop_assert!(pattern.matches(from, &part));
        }
    }

    #[test]
    fn another_seed_is_another_content() {
        let (one, two) = (Pattern { seed: 1, length: 64 }, Pattern { seed: 2, length: 64 });
        assert!(!two.matches(0, &one.bytes(0, 64)));
        assert!(!one.matches(1, &one.bytes(0, 64)), "beyond its length nothing matches");
    }
}
