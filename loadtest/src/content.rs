//! What a document's content must be, without anybody keeping it: its bytes follow from a seed, the tenant, the id and the version.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sizes::Sizes;

/// What a texture repeats within, and in what.
const BLOCK: u64 = 4096;
const GRAIN: usize = 64;

/// Made and hashed at once.
const PORTION: u64 = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Texture {
    /// Nothing can be compressed, as in pictures and archives.
    Random,
    /// Each block of 4 KiB repeats 64 bytes of its own: a file system that compresses holds it in a small part of the room.
    Repeating,
}

/// All contents that one seed stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    pub seed: u64,
    pub sizes: Sizes,
    pub texture: Texture,
}

impl Contents {
    /// Version 0 is what was seeded; the versions that follow are what clients write.
    pub fn of(&self, tenant: usize, id: u64, version: u32) -> Content {
        let key = word(word(word(self.seed, tenant as u64), id), u64::from(version));
        Content { key, length: self.sizes.draw(key), texture: self.texture }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    key: u64,
    pub length: u64,
    texture: Texture,
}

impl Content {
    /// The bytes from `offset` on.
    pub fn fill(&self, offset: u64, bytes: &mut [u8]) {
        match self.texture {
            Texture::Random => pieces(offset, bytes, 8, |number| word(self.key, number).to_le_bytes()),
            Texture::Repeating => pieces(offset, bytes, BLOCK, |number| grain(self.key, number)),
        }
    }

    pub fn bytes(&self, offset: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).expect("what is asked for at once is small")];
        self.fill(offset, &mut bytes);
        bytes
    }

    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for at in (0..self.length).step_by(PORTION as usize) {
            hash.update(self.bytes(at, PORTION.min(self.length - at)));
        }
        hash.finalize().into()
    }

    /// The next portion to send, of what begins at `offset`.
    pub fn portion(&self, offset: u64) -> Vec<u8> {
        self.bytes(offset, PORTION.min(self.length - offset))
    }
}

/// Puts pieces side by side: each is `every` bytes long, and repeats what `make` answers for its number.
fn pieces<const N: usize>(offset: u64, bytes: &mut [u8], every: u64, make: impl Fn(u64) -> [u8; N]) {
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let made = make(at / every);
        let now = rest.len().min((every - at % every) as usize);
        let (piece, behind) = rest.split_at_mut(now);
        let mut within = (at % N as u64) as usize;
        let mut left = piece;
        while !left.is_empty() {
            let length = left.len().min(N - within);
            let (head, tail) = left.split_at_mut(length);
            head.copy_from_slice(&made[within..within + length]);
            (left, within) = (tail, 0);
        }
        (at, rest) = (at + now as u64, behind);
    }
}

fn grain(key: u64, block: u64) -> [u8; GRAIN] {
    let mut grain = [0; GRAIN];
    for (at, bytes) in grain.chunks_exact_mut(8).enumerate() {
        bytes.copy_from_slice(&word(key, block * (GRAIN as u64 / 8) + at as u64).to_le_bytes());
    }
    grain
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): any word of a seed's sequence in a few operations.
pub fn word(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(texture: Texture) -> Contents {
        Contents { seed: 7, sizes: Sizes::Fixed(20_000), texture }
    }

    #[test]
    fn any_part_is_the_same_part_of_the_whole() {
        for texture in [Texture::Random, Texture::Repeating] {
            let content = contents(texture).of(1, 2, 3);
            let whole = content.bytes(0, content.length);
            for (from, to) in [(0, 1), (3, 70), (4090, 4100), (63, 64), (8191, 20_000), (5, 5)] {
                assert_eq!(content.bytes(from, to - from), whole[from as usize..to as usize], "{texture:?} {from}..{to}");
            }
            assert_eq!(content.sha256(), <[u8; 32]>::from(Sha256::digest(&whole)));
        }
    }

    #[test]
    fn tenant_id_and_version_each_make_another_content() {
        let contents = contents(Texture::Repeating);
        let hashes: Vec<_> = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)].map(|(t, i, v)| contents.of(t, i, v).sha256()).into();
        let different: std::collections::HashSet<_> = hashes.iter().collect();
        assert_eq!(different.len(), hashes.len());
        assert_ne!(contents.of(0, 0, 0).bytes(0, 64), contents.of(0, 0, 0).bytes(BLOCK, 64), "blocks differ from each other");
    }
}
