//! What follows the content in an object's file: the metadata as JSON and a footer of fixed size. Both are in the file before
//! it gets its name, so an object and its metadata appear at once.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::Call;
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::object::ObjectMeta;

/// Ends every file, so that a file that was cut is known by its end. The last digit is the layout's version.
const MAGIC: [u8; 8] = *b"SLUSSOB1";

/// Content length (8 bytes), metadata length (4), CRC32C of the metadata and the two lengths (4), magic (8); numbers big endian.
const FOOTER_BYTES: usize = 24;

/// Document ids and what S3 keeps beside an object are far below this, also with every character escaped.
const MAX_META_BYTES: usize = 64 << 10;

pub(super) fn encode_meta(call: &Call, meta: &ObjectMeta) -> StoreResult<Vec<u8>> {
    let json = serde_json::to_vec(meta).map_err(|error| call.error(StoreErrorKind::Other, error))?;
    if json.len() > MAX_META_BYTES {
        return Err(call.error(StoreErrorKind::Other, format!("the metadata takes {} bytes, and {MAX_META_BYTES} is the most", json.len())));
    }
    Ok(json)
}

/// The metadata and the footer of a content of this length.
pub(super) fn encode(meta: &[u8], length_bytes: u64) -> Vec<u8> {
    let lengths = lengths(length_bytes, u32::try_from(meta.len()).expect("encode_meta limits the metadata"));
    let mut tail = meta.to_vec();
    tail.extend(lengths);
    tail.extend(checksum(meta, &lengths).to_be_bytes());
    tail.extend(MAGIC);
    tail
}

/// Content length and metadata, if the file's end is whole and fits the file's length. Blocks.
pub(super) fn read(call: &Call, file: &File) -> StoreResult<(u64, ObjectMeta)> {
    let corrupt = |reason: &'static str| call.error(StoreErrorKind::Corrupt, reason);
    let file_bytes = file.metadata().map_err(|error| call.io("read the file's length", &error))?.len();
    let footer_at = file_bytes.checked_sub(FOOTER_BYTES as u64).ok_or_else(|| corrupt("the file is shorter than its footer"))?;
    let mut footer = [0; FOOTER_BYTES];
    file.read_exact_at(&mut footer, footer_at).map_err(|error| call.io("read the footer", &error))?;
    let (lengths, sum_and_magic) = footer.split_at(12);
    let (sum, magic) = sum_and_magic.split_at(4);
    if magic != MAGIC {
        return Err(corrupt("the file does not end with a footer"));
    }
    let (length_bytes, meta_bytes) = split_lengths(lengths);
    if meta_bytes as usize > MAX_META_BYTES || length_bytes.checked_add(u64::from(meta_bytes)) != Some(footer_at) {
        return Err(corrupt("the footer's lengths are not the file's"));
    }
    let mut meta = vec![0; meta_bytes as usize];
    file.read_exact_at(&mut meta, length_bytes).map_err(|error| call.io("read the metadata", &error))?;
    if checksum(&meta, lengths).to_be_bytes() != sum {
        return Err(corrupt("the metadata does not match its checksum"));
    }
    // The parser's own words could quote the metadata.
    let meta = serde_json::from_slice(&meta).map_err(|_| corrupt("the metadata is not what this version writes"))?;
    Ok((length_bytes, meta))
}

fn checksum(meta: &[u8], lengths: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(meta), lengths)
}

fn lengths(length_bytes: u64, meta_bytes: u32) -> [u8; 12] {
    let mut lengths = [0; 12];
    lengths[..8].copy_from_slice(&length_bytes.to_be_bytes());
    lengths[8..].copy_from_slice(&meta_bytes.to_be_bytes());
    lengths
}

fn split_lengths(lengths: &[u8]) -> (u64, u32) {
    let (length_bytes, meta_bytes) = lengths.split_at(8);
    let length_bytes = u64::from_be_bytes(length_bytes.try_into().expect("split at eight bytes"));
    (length_bytes, u32::from_be_bytes(meta_bytes.try_into().expect("the lengths are twelve bytes")))
}
