//! What a tenant held at a manifest's instant, put together from the manifest's chain. The newest manifest is read first, so the first line
//! that names a document is the one that holds, and nothing but a set of names grows with the tenant, in a temporary file.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use super::manifest::{Decoder, FormatError, Header, Line};
use crate::model::backup::{Held, Manifest};
use crate::model::content::{ContentHash, ContentHasher};
use crate::model::id::{ObjectRef, PlacementName};
use crate::store::error::{Interrupted, StoreError};
use crate::store::object::{ByteStream, ObjectStore};
use crate::store::{Scratch, ScratchName};

/// Documents of one answer.
const PAGE: usize = 500;

/// Why a state cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("manifest {0} is not in the offsite store")]
    Missing(u64),
    #[error("manifest {number} is not what was written: {reason}")]
    Format { number: u64, reason: FormatError },
    #[error("manifest {number} is not what was signed: its SHA-256 is {found}")]
    Hash { number: u64, found: ContentHash },
    #[error("manifest {number} cannot be read: {}", .reason.chain())]
    Unread { number: u64, reason: StoreError },
    /// Of the names that were met, or of what is done with the documents.
    #[error("{}", .0.chain())]
    Store(#[from] StoreError),
}

/// One manifest's file on its way, line by line. Its hash is checked at its end.
pub struct Lines {
    manifest: Manifest,
    content: ByteStream,
    portion: Bytes,
    hasher: ContentHasher,
    /// `None`: the file has ended.
    decoder: Option<Decoder>,
    lines: VecDeque<Line>,
}

impl Lines {
    pub async fn open(offsite: &dyn ObjectStore, placement: &PlacementName, manifest: &Manifest) -> Result<Self, StateError> {
        let number = manifest.number;
        let object = ObjectRef { placement: placement.clone(), id: manifest.object };
        let content = offsite.get(&object, 0..manifest.length).await.map_err(|reason| StateError::Unread { number, reason })?;
        Ok(Self {
            manifest: manifest.clone(),
            content: content.ok_or(StateError::Missing(number))?,
            portion: Bytes::new(),
            hasher: ContentHasher::default(),
            decoder: Some(Decoder::default()),
            lines: VecDeque::new(),
        })
    }

    /// `None` at the end of a file that is what was signed.
    pub async fn next(&mut self) -> Result<Option<Line>, StateError> {
        let number = self.manifest.number;
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(line));
            }
            let Some(mut decoder) = self.decoder.take() else { return Ok(None) };
            let wrong = |reason| StateError::Format { number, reason };
            if self.portion.has_remaining() {
                let left = decoder.push(&self.portion, &mut self.lines).map_err(wrong)?.len();
                self.portion.advance(self.portion.len() - left);
                self.decoder = Some(decoder);
                continue;
            }
            match self.content.next().await {
                Some(Ok(portion)) => {
                    self.hasher.update(&portion);
                    self.portion = portion;
                    self.decoder = Some(decoder);
                }
                Some(Err(Interrupted::Store(reason))) => return Err(StateError::Unread { number, reason }),
                Some(Err(Interrupted::Moved | Interrupted::Client(_))) => return Err(StateError::Missing(number)),
                None => {
                    decoder.finish(&mut self.lines).map_err(wrong)?;
                    let found = std::mem::take(&mut self.hasher).finish().sha256;
                    if found != self.manifest.sha256 {
                        return Err(StateError::Hash { number, found });
                    }
                }
            }
        }
    }
}

/// Reads every manifest of a chain to its end. What follows may rely on their lines.
pub async fn check(offsite: &dyn ObjectStore, placement: &PlacementName, chain: &[Manifest]) -> Result<Option<Header>, StateError> {
    let mut newest = None;
    for manifest in chain {
        let mut lines = Lines::open(offsite, placement, manifest).await?;
        while let Some(line) = lines.next().await? {
            if let Line::Header(header) = line {
                newest = Some(header);
            }
        }
    }
    Ok(newest)
}

/// The contents at the instant of the last manifest of a chain, each document once and in no order.
pub struct State<'a> {
    offsite: &'a dyn ObjectStore,
    placement: &'a PlacementName,
    /// The oldest first.
    left: &'a [Manifest],
    reading: Option<Lines>,
    seen: Scratch,
}

impl<'a> State<'a> {
    pub fn new(offsite: &'a dyn ObjectStore, placement: &'a PlacementName, chain: &'a [Manifest]) -> Result<Self, StateError> {
        Ok(Self { offsite, placement, left: chain, reading: None, seen: Scratch::new()? })
    }

    /// Some of them; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Held>>, StateError> {
        loop {
            let Some(lines) = self.page().await? else { return Ok(None) };
            let names = lines.iter().map(|(collection, document, _)| name(collection, document)).collect();
            let first = self.seen.add(names).await?;
            let held: Vec<Held> = lines.into_iter().zip(first).filter(|(_, first)| *first).filter_map(|((.., held), _)| held).collect();
            if !held.is_empty() {
                return Ok(Some(held));
            }
        }
    }

    async fn page(&mut self) -> Result<Option<Vec<(String, String, Option<Held>)>>, StateError> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let reading = match &mut self.reading {
                Some(reading) => reading,
                None => {
                    let Some((newest, older)) = self.left.split_last() else { break };
                    self.left = older;
                    self.reading.insert(Lines::open(self.offsite, self.placement, newest).await?)
                }
            };
            match reading.next().await? {
                Some(Line::Held(held)) => page.push((held.collection.clone(), held.document.clone(), Some(held))),
                Some(Line::Gone(gone)) => page.push((gone.collection, gone.document, None)),
                Some(Line::Header(_) | Line::Totals(_)) => {}
                None => self.reading = None,
            }
        }
        Ok((!page.is_empty()).then_some(page))
    }
}

/// Half of a hash: no two documents of a tenant share one.
fn name(collection: &str, document: &str) -> ScratchName {
    let mut hasher = Sha256::new();
    // No collection's name has this character.
    hasher.update(collection);
    hasher.update([0]);
    hasher.update(document);
    let hash: [u8; 32] = hasher.finalize().into();
    *hash.first_chunk().expect("16 of 32 bytes")
}
