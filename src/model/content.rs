//! What content weighs: its SHA-256 and the checksums of its pieces, taken over the stream as it passes.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The span of one checksum, and so the unit in which an object is fetched and checked before a byte of it leaves.
pub const PIECE_BYTES: usize = 1 << 20;

/// What every backend can hold beside the row's other columns, because more could not be written back. SQL Server's
/// `varbinary(max)` ends at 2^31-1 bytes for the value, SQLite for the whole row: 1 MiB is left for the rest of it.
pub const MAX_CONTENT_BYTES: u64 = (1 << 31) - 1 - (1 << 20);

/// SHA-256 of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in 64 hex digits")]
pub struct HashError;

impl FromStr for ContentHash {
    type Err = HashError;
    fn from_str(text: &str) -> Result<Self, HashError> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(HashError);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HashError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HashError)?;
        }
        Ok(Self(hash))
    }
}

/// CRC32C of each [`PIECE_BYTES`] of a content, the last one of what is left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PieceSums(Vec<u32>);

impl PieceSums {
    /// True when `piece` is what was seen as piece number `index`.
    pub fn matches(&self, index: u64, piece: &[u8]) -> bool {
        usize::try_from(index).ok().and_then(|index| self.0.get(index)).is_some_and(|sum| *sum == crc32c::crc32c(piece))
    }

    /// The first piece that has not the same sum in both, or only in one of them.
    pub fn first_difference(&self, other: &Self) -> Option<u64> {
        let pieces = self.0.len().max(other.0.len());
        (0..pieces).find(|at| self.0.get(*at) != other.0.get(*at)).map(|at| at as u64)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|sum| sum.to_be_bytes()).collect()
    }

    /// `None` when the bytes are not whole checksums.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sums, rest) = bytes.as_chunks::<4>();
        rest.is_empty().then(|| Self(sums.iter().map(|sum| u32::from_be_bytes(*sum)).collect()))
    }
}

/// All that is known of a content once its last byte has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    pub length_bytes: u64,
    pub sha256: ContentHash,
    pub pieces: PieceSums,
}

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = ContentHasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Takes a [`Fingerprint`] over a stream, in whatever portions it comes.
#[derive(Default)]
pub struct ContentHasher {
    sha256: Sha256,
    sums: Vec<u32>,
    open_sum: u32,
    length_bytes: u64,
}

impl ContentHasher {
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.sha256.update(bytes);
        while !bytes.is_empty() {
            let filled = (self.length_bytes % PIECE_BYTES as u64) as usize;
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - filled));
            self.open_sum = crc32c::crc32c_append(self.open_sum, now);
            self.length_bytes += now.len() as u64;
            if filled + now.len() == PIECE_BYTES {
                self.sums.push(std::mem::take(&mut self.open_sum));
            }
            bytes = later;
        }
    }

    pub fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    pub fn finish(mut self) -> Fingerprint {
        if !self.length_bytes.is_multiple_of(PIECE_BYTES as u64) {
            self.sums.push(self.open_sum);
        }
        Fingerprint { length_bytes: self.length_bytes, sha256: ContentHash(self.sha256.finalize().into()), pieces: PieceSums(self.sums) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_empty_content_has_the_hash_of_nothing_and_no_piece() {
        let empty = Fingerprint::of(b"");
        assert_eq!(empty.sha256.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.pieces, PieceSums::default());
    }

    #[test]
    fn a_changed_piece_does_not_match_its_sum() {
        let mut content = vec![7; PIECE_BYTES + 5];
        let sums = Fingerprint::of(&content).pieces;
        assert!(sums.matches(0, &content[..PIECE_BYTES]));
        assert!(sums.matches(1, &content[PIECE_BYTES..]));
        assert!(!sums.matches(2, &[]));
        content[PIECE_BYTES] ^= 1;
        assert!(!sums.matches(1, &content[PIECE_BYTES..]));
    }

    #[test]
    fn the_first_difference_is_told_also_where_one_content_is_longer() {
        let content = vec![7; 2 * PIECE_BYTES + 5];
        let sums = |bytes: &[u8]| Fingerprint::of(bytes).pieces;
        let mut changed = content.clone();
        changed[PIECE_BYTES + 1] ^= 1;
        assert_eq!(sums(&content).first_difference(&sums(&content)), None);
        assert_eq!(sums(&content).first_difference(&sums(&changed)), Some(1));
        assert_eq!(sums(&content[..PIECE_BYTES]).first_difference(&sums(&content)), Some(1));
    }

    proptest! {
        #[test]
        fn the_portions_of_a_stream_do_not_change_its_fingerprint(
            length in 0..3 * PIECE_BYTES, cuts in prop::collection::vec(1..PIECE_BYTES, 0..8)
        ) {
            let content: Vec<u8> = (0..length).map(|i| (i * 31 % 251) as u8).collect();
            let mut hasher = ContentHasher::default();
            let mut rest = &content[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                hasher.update(now);
                rest = later;
            }
            hasher.update(rest);
            let parts = hasher.finish();
            prop_assert_eq!(&parts, &Fingerprint::of(&content));
            prop_assert_eq!(PieceSums::from_bytes(&parts.pieces.to_bytes()), Some(parts.pieces));
        }

        #[test]
        fn a_hash_survives_its_text(hash: [u8; 32]) {
            prop_assert_eq!(ContentHash(hash).to_string().parse(), Ok(ContentHash(hash)));
        }
    }
}
