//! Manifests as they lie in the offsite store: their list, and their files line by line, checked against what the list says of them.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;

use super::chain::{ManifestList, TrustedKeys};
use super::manifest::{Decoder, FormatError, Header, Line};
use crate::model::backup::Manifest;
use crate::model::content::ContentHasher;
use crate::model::id::{ObjectRef, PlacementName, TenantId};
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::object::{ByteStream, ObjectStore};

/// Names the offsite store in errors of its content.
pub(super) const STORE: &str = "offsite";

/// Why a manifest's file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what was written: nothing that it says counts.
    #[error("{0}")]
    Broken(String),
    /// Nothing is known of it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FormatError> for ReadError {
    fn from(error: FormatError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// One file being read.
pub struct Reading<'a> {
    tenant: &'a TenantId,
    manifest: &'a Manifest,
    content: ByteStream,
    portion: Bytes,
    /// `None` once the file has ended.
    decoder: Option<Decoder>,
    hasher: ContentHasher,
    lines: VecDeque<Line>,
}

impl<'a> Reading<'a> {
    pub async fn open(
        objects: &dyn ObjectStore,
        placement: &PlacementName,
        tenant: &'a TenantId,
        manifest: &'a Manifest,
    ) -> Result<Self, ReadError> {
        let object = ObjectRef { placement: placement.clone(), id: manifest.object };
        let content = match objects.get(&object, 0..manifest.length).await {
            Ok(Some(content)) => content,
            Ok(None) => return Err(ReadError::Broken("its file is not there".to_owned())),
            Err(error) => return Err(broken_or_unknown(error)),
        };
        let (decoder, hasher) = (Some(Decoder::default()), ContentHasher::default());
        Ok(Self { tenant, manifest, content, portion: Bytes::new(), decoder, hasher, lines: VecDeque::new() })
    }

    /// `None` at the end, once the whole file was found to be what the list says. Lines before that may be of a file that was altered.
    pub async fn next(&mut self) -> Result<Option<Line>, ReadError> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                if let Line::Header(header) = &line {
                    self.compare(header)?;
                }
                return Ok(Some(line));
            }
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            if !self.portion.is_empty() {
                let left = decoder.push(&self.portion, &mut self.lines)?.len();
                self.portion.advance(self.portion.len() - left);
                continue;
            }
            match self.content.next().await {
                Some(Ok(portion)) => {
                    self.hasher.update(&portion);
                    self.portion = portion;
                }
                Some(Err(Interrupted::Store(error))) => return Err(broken_or_unknown(error)),
                Some(Err(error @ (Interrupted::Moved | Interrupted::Client(_)))) => return Err(ReadError::Broken(error.to_string())),
                None => self.end()?,
            }
        }
    }

    fn end(&mut self) -> Result<(), ReadError> {
        let found = std::mem::take(&mut self.hasher).finish();
        if (found.length_bytes, found.sha256) != (self.manifest.length, self.manifest.sha256) {
            return Err(ReadError::Broken(format!("its SHA-256 is {}, and {} was signed", found.sha256, self.manifest.sha256)));
        }
        match self.decoder.take() {
            Some(decoder) => Ok(decoder.finish(&mut self.lines)?),
            None => Ok(()),
        }
    }

    fn compare(&self, header: &Header) -> Result<(), ReadError> {
        let Manifest { number, instant, kind, epoch, previous, .. } = self.manifest;
        let same = header.tenant == *self.tenant
            && (header.number, header.instant, header.kind, header.epoch) == (*number, *instant, *kind, *epoch)
            && header.previous.as_ref().map(|previous| previous.sha256) == *previous;
        if same { Ok(()) } else { Err(ReadError::Broken("its header is that of another manifest".to_owned())) }
    }
}

/// A file that is shorter than it should be, or whose store says that it is damaged, is broken.
fn broken_or_unknown(error: StoreError) -> ReadError {
    if error.kind == StoreErrorKind::Corrupt { ReadError::Broken(error.chain()) } else { ReadError::Store(error) }
}

/// What the offsite store lists of a tenant, as far as the keys vouch for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// By their numbers.
    pub manifests: Vec<Manifest>,
    /// What is wrong with the list.
    pub problems: Vec<String>,
    /// Whether there is a list at all.
    pub is_there: bool,
}

pub async fn listed(objects: &dyn ObjectStore, placement: &PlacementName, tenant: &TenantId, keys: &TrustedKeys) -> StoreResult<Listed> {
    let text = match objects.manifest_list(placement).await {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Listed::default()),
        Err(error) if error.kind == StoreErrorKind::Corrupt => return Ok(unreadable(&error.chain())),
        Err(error) => return Err(error),
    };
    let list: ManifestList = match serde_json::from_str(&text) {
        Ok(list) => list,
        Err(error) => return Ok(unreadable(&error.to_string())),
    };
    let mut listed = Listed { is_there: true, ..Listed::default() };
    for manifest in list.manifests {
        if keys.vouch_for(tenant, &manifest) {
            listed.manifests.push(manifest);
        } else {
            listed
                .problems
                .push(format!("manifest {} of the list in the offsite store is not signed by a configured key", manifest.number));
        }
    }
    listed.manifests.sort_by_key(|manifest| manifest.number);
    Ok(listed)
}

fn unreadable(reason: &str) -> Listed {
    Listed { problems: vec![format!("the list in the offsite store cannot be read: {reason}")], is_there: true, ..Listed::default() }
}

/// Writes the list of these manifests.
pub async fn list(
    objects: &dyn ObjectStore,
    placement: &PlacementName,
    tenant: &TenantId,
    keys: &TrustedKeys,
    manifests: Vec<Manifest>,
) -> StoreResult<()> {
    let list = ManifestList { tenant: tenant.to_string(), public_key: keys.own.to_string(), manifests };
    let text = serde_json::to_string_pretty(&list).expect("a list is made of text and numbers");
    objects.set_manifest_list(placement, &text).await
}
