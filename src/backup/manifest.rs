//! A manifest's file: JSON lines, compressed with gzip. The first line is the header, the last one the totals; in between is a line a document, and
//! one a version.
//!
//! A base lists every content that an object held at its instant, an increment what changed since the manifest before it. So the state at an
//! increment's instant is that of the base, changed by each increment up to it: a later line of a document takes the place of an earlier one, and
//! `gone` takes it away. Lines of versions, which bear `held_to`, change no state. Neither side ever holds more than a few lines.

use std::collections::VecDeque;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::backup::{BackupKind, Held, text};
use crate::model::content::ContentHash;
use crate::model::id::TenantId;
use crate::model::phase::Phase;

/// Raised with every change of the format that an older reader would misread. Files of older formats are read, too: the first had no versions.
pub const FORMAT: u32 = 2;

/// In the object's metadata, in place of a collection's name. No collection can be called so.
pub const COLLECTION: &str = "sluss.manifest";

/// The longest line: the checksums of the largest content take 11 KiB of it.
const MAX_LINE_BYTES: usize = 64 << 10;

/// So much of a file is unpacked at once. Gzip makes at most about a thousand times as much of it.
const UNPACKED_AT_ONCE: usize = 4 << 10;

/// What a manifest is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub sluss_manifest: u32,
    #[serde(with = "text")]
    pub tenant: TenantId,
    pub number: u64,
    pub instant: Timestamp,
    pub kind: BackupKind,
    /// The manifest before, whose hash chains the two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<Previous>,
    pub collections: Vec<String>,
    pub epoch: u64,
    pub phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    pub number: u64,
    #[serde(with = "text")]
    pub sha256: ContentHash,
}

/// In an increment: no object holds a content of this document any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    pub collection: String,
    pub document: String,
}

/// What a manifest comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Lines with a content that held at the instant.
    pub documents: u64,
    pub bytes: u64,
    #[serde(default)]
    pub versions: u64,
    pub only_in_sql: u64,
}

impl Totals {
    fn count(&mut self, held: &Held) {
        if held.held_to.is_some() {
            self.versions += 1;
        } else {
            self.documents += 1;
            self.bytes += held.length;
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Header(Header),
    Held(Held),
    Version(Held),
    Gone(Gone),
    Totals(Totals),
}

#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("it cannot be unpacked: {0}")]
    Packing(io::Error),
    #[error("line {line} is longer than {MAX_LINE_BYTES} bytes")]
    TooLong { line: u64 },
    #[error("line {line} is none of a manifest: {reason}")]
    Line { line: u64, reason: String },
    #[error("it is of format {0}, and this version reads formats 1 to {FORMAT}")]
    Format(u32),
    #[error("it ends before its totals")]
    CutShort,
    #[error("its totals are not those of its lines")]
    Totals,
}

#[derive(Serialize, Deserialize)]
struct GoneLine {
    gone: bool,
    collection: String,
    document: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TotalsLine {
    totals: Totals,
}

/// Packs lines, which whoever holds it takes away as they come.
pub struct Encoder {
    packed: GzEncoder<Vec<u8>>,
    totals: Totals,
}

impl Encoder {
    pub fn new(header: &Header) -> Self {
        let mut encoder = Self { packed: GzEncoder::new(Vec::new(), Compression::default()), totals: Totals::default() };
        encoder.line(header);
        encoder
    }

    /// A document's content, or that of a version.
    pub fn held(&mut self, held: &Held) {
        self.totals.count(held);
        self.line(held);
    }

    pub fn gone(&mut self, Gone { collection, document }: Gone) {
        self.line(&GoneLine { gone: true, collection, document });
    }

    /// What is packed by now.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.packed.get_mut())
    }

    /// The rest of the file.
    pub fn finish(mut self, only_in_sql: u64) -> (Totals, Vec<u8>) {
        let totals = Totals { only_in_sql, ..self.totals };
        self.line(&TotalsLine { totals });
        (totals, self.packed.finish().expect("a vector takes every byte"))
    }

    fn line(&mut self, line: &impl Serialize) {
        serde_json::to_writer(&mut self.packed, line).expect("a line is text and numbers, and a vector takes every byte");
        self.packed.write_all(b"\n").expect("a vector takes every byte");
    }
}

/// Unpacks a file portion by portion, and checks its order and its totals. What it answers is true of a file whose hash is checked only once
/// that is: whoever acts on lines reads to the end first.
pub struct Decoder {
    packed: GzDecoder<Vec<u8>>,
    /// The line that is not whole yet.
    open: Vec<u8>,
    lines: u64,
    counted: Totals,
    totals: Option<Totals>,
}

impl Default for Decoder {
    fn default() -> Self {
        let packed = GzDecoder::new(Vec::new());
        Self { packed, open: Vec::new(), lines: 0, counted: Totals::default(), totals: None }
    }
}

impl Decoder {
    /// Unpacks some of the portion: the lines that end in it go into `lines`, and what is left of the portion is answered.
    pub fn push<'a>(&mut self, portion: &'a [u8], lines: &mut VecDeque<Line>) -> Result<&'a [u8], FormatError> {
        let (now, later) = portion.split_at(portion.len().min(UNPACKED_AT_ONCE));
        self.packed.write_all(now).map_err(FormatError::Packing)?;
        self.unpacked(lines)?;
        Ok(later)
    }

    /// After the last portion.
    pub fn finish(mut self, lines: &mut VecDeque<Line>) -> Result<(), FormatError> {
        self.packed.try_finish().map_err(FormatError::Packing)?;
        self.unpacked(lines)?;
        let totals = self.totals.filter(|_| self.open.is_empty()).ok_or(FormatError::CutShort)?;
        let counted = Totals { only_in_sql: totals.only_in_sql, ..self.counted };
        if totals == counted { Ok(()) } else { Err(FormatError::Totals) }
    }

    fn unpacked(&mut self, lines: &mut VecDeque<Line>) -> Result<(), FormatError> {
        let unpacked = std::mem::take(self.packed.get_mut());
        let mut rest = &unpacked[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            self.bounded(line.len())?;
            self.open.extend_from_slice(line);
            let whole = std::mem::take(&mut self.open);
            lines.push_back(self.read(&whole)?);
            rest = after;
        }
        self.bounded(rest.len())?;
        self.open.extend_from_slice(rest);
        Ok(())
    }

    fn bounded(&self, further: usize) -> Result<(), FormatError> {
        if self.open.len() + further > MAX_LINE_BYTES { Err(FormatError::TooLong { line: self.lines + 1 }) } else { Ok(()) }
    }

    fn read(&mut self, line: &[u8]) -> Result<Line, FormatError> {
        self.lines += 1;
        let number = self.lines;
        let wrong = |reason: String| FormatError::Line { line: number, reason };
        if self.totals.is_some() {
            return Err(wrong("it comes after the totals".to_owned()));
        }
        if number == 1 {
            let header: Header = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            return if (1..=FORMAT).contains(&header.sluss_manifest) {
                Ok(Line::Header(header))
            } else {
                Err(FormatError::Format(header.sluss_manifest))
            };
        }
        // Most lines hold a content, so they are tried first.
        let held = match serde_json::from_slice::<Held>(line) {
            Ok(held) => {
                self.counted.count(&held);
                return Ok(if held.held_to.is_some() { Line::Version(held) } else { Line::Held(held) });
            }
            Err(reason) => reason,
        };
        if let Ok(GoneLine { gone: true, collection, document }) = serde_json::from_slice(line) {
            return Ok(Line::Gone(Gone { collection, document }));
        }
        let TotalsLine { totals } = serde_json::from_slice(line).map_err(|_| wrong(held.to_string()))?;
        self.totals = Some(totals);
        Ok(Line::Totals(totals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::Fingerprint;
    use crate::model::id::FreshKey;
    use crate::model::stamp::Stamp;
    use proptest::prelude::*;

    fn header() -> Header {
        Header {
            sluss_manifest: FORMAT,
            tenant: "acme".parse().unwrap(),
            number: 7,
            instant: "2026-11-20T12:00:00Z".parse().unwrap(),
            kind: BackupKind::Increment,
            previous: Some(Previous { number: 6, sha256: ContentHash([6; 32]) }),
            collections: vec!["documents".to_owned()],
            epoch: 1,
            phase: Phase::Dual,
        }
    }

    fn held(document: &str, content: &[u8]) -> Held {
        let key = FreshKey::mint("main".parse().unwrap());
        let object = key.object();
        let content = Fingerprint::of(content);
        Held {
            collection: "documents".to_owned(),
            document: document.to_owned(),
            stamp: Stamp::Object(object.id),
            placement: object.placement.clone(),
            object: object.id,
            length: content.length_bytes,
            sha256: content.sha256,
            pieces: content.pieces,
            media_type: Some("text/plain".to_owned()),
            file_name: None,
            held_from: None,
            held_to: None,
        }
    }

    fn packed(lines: &[Line]) -> Vec<u8> {
        let mut encoder = Encoder::new(&header());
        let mut file = encoder.take();
        for line in lines {
            match line {
                Line::Held(held) | Line::Version(held) => encoder.held(held),
                Line::Gone(gone) => encoder.gone(gone.clone()),
                Line::Header(_) | Line::Totals(_) => {}
            }
            file.extend(encoder.take());
        }
        file.extend(encoder.finish(3).1);
        file
    }

    fn unpacked(file: &[u8], portion_bytes: usize) -> Result<Vec<Line>, FormatError> {
        let (mut decoder, mut lines) = (Decoder::default(), VecDeque::new());
        for mut portion in file.chunks(portion_bytes) {
            while !portion.is_empty() {
                portion = decoder.push(portion, &mut lines)?;
            }
        }
        decoder.finish(&mut lines)?;
        Ok(lines.into())
    }

    proptest! {
        #[test]
        fn lines_survive_their_file_in_whatever_portions_it_comes(
            documents in prop::collection::vec((".{1,40}", prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), any::<bool>()), 0..20),
            portion_bytes in 1_usize..6000
        ) {
            let ended = header().instant;
            let lines: Vec<Line> = documents.iter().map(|(document, content, has_ended)| match content {
                Some(content) if *has_ended => Line::Version(Held { held_to: Some(ended), ..held(document, content) }),
                Some(content) => Line::Held(held(document, content)),
                None => Line::Gone(Gone { collection: "documents".to_owned(), document: document.clone() }),
            }).collect();
            let read = unpacked(&packed(&lines), portion_bytes).unwrap();
            prop_assert_eq!(&read[0], &Line::Header(header()));
            prop_assert_eq!(&read[1..=lines.len()], &lines[..]);
            let (ended, held): (Vec<_>, Vec<_>) = documents.iter().filter_map(|(_, content, ended)| Some((content.as_ref()?, *ended))).partition(|(_, ended)| *ended);
            let (documents, bytes, versions) = (held.len() as u64, held.iter().map(|(content, _)| content.len() as u64).sum(), ended.len() as u64);
            prop_assert_eq!(read.last(), Some(&Line::Totals(Totals { documents, bytes, versions, only_in_sql: 3 })));
        }

        #[test]
        fn a_file_that_was_cut_or_changed_never_panics(cut in 0_usize..400, at in 0_usize..400, bit in 0_u8..8) {
            let mut file = packed(&[Line::Held(held("1", b"hello"))]);
            let whole = file.len();
            let at = at % whole;
            file[at] ^= 1 << bit;
            file.truncate(cut.max(1).min(whole));
            let _ = unpacked(&file, 100);
        }
    }

    #[test]
    fn a_file_without_its_end_is_cut_short() {
        let file = packed(&[Line::Held(held("1", b"hello"))]);
        assert!(unpacked(&file[..file.len() - 20], 64).is_err());
        assert!(matches!(unpacked(&[], 64), Err(FormatError::CutShort | FormatError::Packing(_))));
    }
}
