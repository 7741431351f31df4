//! What a tenant held at a manifest's instant, put together from the manifest's chain. The newest manifest is read first, so the first line
//! that names a document is the one that holds, and nothing but a set of names grows with the tenant, in a temporary file.

use super::manifest::{Header, Line};
use super::reading::{ReadError, Reading};
use super::scratch_name;
use crate::model::backup::{Held, Manifest};
use crate::model::id::{PlacementName, TenantId};
use crate::store::Scratch;
use crate::store::error::StoreError;
use crate::store::object::ObjectStore;

/// Lines of one look.
const PAGE: usize = 500;

/// Why a state cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("manifest {number}: {reason}")]
    Manifest { number: u64, reason: ReadError },
    /// Of the names that were met, or of what is done with the documents.
    #[error("{}", .0.chain())]
    Store(#[from] StoreError),
}

/// Where manifests lie, and whose they are.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    pub objects: &'a dyn ObjectStore,
    pub placement: &'a PlacementName,
    pub tenant: &'a TenantId,
}

impl<'a> Files<'a> {
    async fn open(&self, manifest: &'a Manifest) -> Result<Reading<'a>, StateError> {
        let opened = Reading::open(self.objects, self.placement, self.tenant, manifest).await;
        opened.map_err(|reason| StateError::Manifest { number: manifest.number, reason })
    }
}

async fn next(reading: &mut Reading<'_>, manifest: &Manifest) -> Result<Option<Line>, StateError> {
    reading.next().await.map_err(|reason| StateError::Manifest { number: manifest.number, reason })
}

/// Reads every manifest of a chain to its end, and answers the header of the last one. What follows may rely on their lines.
pub async fn check(files: Files<'_>, chain: &[Manifest]) -> Result<Option<Header>, StateError> {
    let mut newest = None;
    for manifest in chain {
        let mut reading = files.open(manifest).await?;
        while let Some(line) = next(&mut reading, manifest).await? {
            if let Line::Header(header) = line {
                newest = Some(header);
            }
        }
    }
    Ok(newest)
}

/// The contents at the instant of the last manifest of a chain, each document once and in no order.
pub struct State<'a> {
    files: Files<'a>,
    /// The oldest first.
    left: &'a [Manifest],
    reading: Option<(&'a Manifest, Reading<'a>)>,
    seen: Scratch,
}

impl<'a> State<'a> {
    pub fn new(files: Files<'a>, chain: &'a [Manifest]) -> Result<Self, StateError> {
        Ok(Self { files, left: chain, reading: None, seen: Scratch::new()? })
    }

    /// Some of them; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Held>>, StateError> {
        loop {
            let Some(lines) = self.page().await? else { return Ok(None) };
            let names = lines.iter().map(Entry::name).collect();
            let first = self.seen.add(names).await?;
            let entries = lines.into_iter().zip(first).filter(|(_, first)| *first);
            let held: Vec<Held> = entries.filter_map(|(entry, _)| entry.held()).collect();
            if !held.is_empty() {
                return Ok(Some(held));
            }
        }
    }

    async fn page(&mut self) -> Result<Option<Vec<Entry>>, StateError> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            if self.reading.is_none() {
                let Some((newest, older)) = self.left.split_last() else { break };
                self.left = older;
                self.reading = Some((newest, self.files.open(newest).await?));
            }
            let Some((manifest, reading)) = &mut self.reading else { break };
            match next(reading, manifest).await? {
                Some(Line::Held(held)) => page.push(Entry::Held(Box::new(held))),
                Some(Line::Gone(gone)) => page.push(Entry::Gone { collection: gone.collection, document: gone.document }),
                Some(Line::Header(_) | Line::Version(_) | Line::Totals(_)) => {}
                None => self.reading = None,
            }
        }
        Ok((!page.is_empty()).then_some(page))
    }
}

/// What a manifest says of a document.
enum Entry {
    Held(Box<Held>),
    Gone { collection: String, document: String },
}

impl Entry {
    fn name(&self) -> crate::store::ScratchName {
        match self {
            Self::Held(held) => scratch_name(&held.collection, &held.document),
            Self::Gone { collection, document } => scratch_name(collection, document),
        }
    }

    fn held(self) -> Option<Held> {
        match self {
            Self::Held(held) => Some(*held),
            Self::Gone { .. } => None,
        }
    }
}
