//! What an object says of itself when it is sealed: all of it in the first line of the text, and beside the file what has to be known
//! before anything is opened.

use serde_json::Error;

use super::payload;
use crate::store::object::{ObjectFacts, ObjectMeta};

/// The line is padded to a multiple, so that its length does not tell that of a name.
const STEP: usize = 256;

/// Names, labels and a hash, each escaped, take far less.
pub(super) const MOST_LINE_BYTES: usize = 16 << 10;

/// For more recipients than can be configured.
const MOST_HEADER_BYTES: usize = 16 << 10;

/// Collections of Sluss's own begin so, and customers' cannot.
const OWN: &str = "sluss.";
const DOCUMENT: &str = "sluss.document";

const MARK: &str = "age-";

/// How header, line and content share an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// With the nonce.
    pub(super) header_bytes: usize,
    pub(super) line_bytes: usize,
    /// Line and content.
    pub(super) text_bytes: u64,
    pub(super) stored_bytes: u64,
}

impl Shape {
    /// Of what lies in the store. Nothing of it is authenticated yet. `Err`: why it is none of ours.
    pub(super) fn of(found: &ObjectFacts) -> Result<Self, String> {
        let parts = found.meta.stamp.strip_prefix(MARK).and_then(|parts| parts.split_once('-'));
        let (header_bytes, line_bytes) = parts
            .and_then(|(header, line)| Some((header.parse::<usize>().ok()?, line.parse::<usize>().ok()?)))
            .filter(|(header, line)| (1..=MOST_HEADER_BYTES).contains(header) && (1..=MOST_LINE_BYTES).contains(line))
            .ok_or("it is not sealed: objects of before recipients were named lie in a placement, or behind a prefix, of their own")?;
        let text = found.length_bytes.checked_sub(header_bytes as u64).and_then(payload::text_bytes);
        let text_bytes = text.filter(|text| *text >= line_bytes as u64).ok_or("it was cut: it is too short for what it says of itself")?;
        Ok(Self { header_bytes, line_bytes, text_bytes, stored_bytes: found.length_bytes })
    }

    pub(super) fn content_bytes(&self) -> u64 {
        self.text_bytes - self.line_bytes as u64
    }

    /// How much of the object has to be read for the content up to this byte.
    pub(super) fn sealed_up_to(&self, content: u64) -> u64 {
        (self.header_bytes as u64 + payload::sealed_up_to(self.line_bytes as u64 + content)).min(self.stored_bytes)
    }
}

/// All that is known, in one line of JSON.
pub(super) fn line(meta: &ObjectMeta) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(meta).map_err(|error| format!("what it says of itself cannot be written: {error}"))?;
    line.resize((line.len() + 1).next_multiple_of(STEP) - 1, b' ');
    line.push(b'\n');
    if line.len() > MOST_LINE_BYTES {
        return Err(format!("what it says of itself is longer than {MOST_LINE_BYTES} bytes"));
    }
    Ok(line)
}

pub(super) fn read(line: &[u8]) -> Result<ObjectMeta, Error> {
    serde_json::from_slice(line)
}

/// What the store sees.
pub(super) fn outer(meta: &ObjectMeta, header_bytes: usize, line_bytes: usize) -> ObjectMeta {
    let kind = if meta.collection.starts_with(OWN) { &meta.collection } else { DOCUMENT };
    ObjectMeta {
        tenant: meta.tenant.clone(),
        collection: kind.to_owned(),
        document: String::new(),
        stamp: format!("{MARK}{header_bytes}-{line_bytes}"),
        media_type: None,
        file_name: None,
        sha256: None,
    }
}
