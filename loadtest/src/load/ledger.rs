//! What each document may be by now. Seeded documents have version 0; a write puts the next version on the list, and its acknowledgement
//! rules out all before it. One request at a time changes a document, and any number read it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderValue;

use crate::content::Content;
use crate::seed::Manifest;

/// A state of one document: nothing, or this version.
pub type State = Option<u32>;

/// A document of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Document {
    pub tenant: usize,
    pub id: u64,
}

#[derive(Debug)]
struct Entry {
    /// All states that somebody has asked for, in their order.
    asked: Vec<State>,
    /// Hashes of those that were compared already.
    hashes: HashMap<u32, [u8; 32]>,
    /// Nothing before this one can be seen any more.
    from: usize,
    is_changing: bool,
    /// A change had no clear answer: it may still come to pass, so nobody changes the document any more.
    is_unclear: bool,
    /// Of the state `from`.
    tag: Option<Tag>,
    /// Of a state from before that one: no read that begins now may be told that it still holds.
    outdated: Option<Tag>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { asked: vec![Some(0)], hashes: HashMap::new(), from: 0, is_changing: false, is_unclear: false, tag: None, outdated: None }
    }
}

/// What a reader has seen of the ledger when it began.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

impl Mark {
    /// Of a reader who may have begun before everything.
    pub const FIRST: Self = Self(0);
}

/// An entity tag that was seen, and of which state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub value: HeaderValue,
    state: usize,
}

impl Tag {
    /// Whether the document may have had it when a reader who began there was answered.
    pub fn may_hold(&self, mark: Mark) -> bool {
        self.state >= mark.0
    }
}

/// The tags that are known of a document.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    /// The one that was seen last.
    pub last: Option<Tag>,
    /// One that a change has taken away.
    pub outdated: Option<Tag>,
}

pub struct Ledger {
    manifest: Manifest,
    entries: Mutex<HashMap<Document, Entry>>,
}

impl Ledger {
    pub fn of(manifest: Manifest) -> Self {
        Self { manifest, entries: Mutex::default() }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Document, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn path(&self, document: Document) -> String {
        format!("/v1/tenants/{}/documents/{}", self.manifest.tenant(document.tenant), document.id)
    }

    pub fn tenant(&self, document: Document) -> String {
        self.manifest.tenant(document.tenant)
    }

    pub fn content(&self, document: Document, version: u32) -> Content {
        self.manifest.contents.of(document.tenant, document.id, version)
    }

    /// Of each tenant; ids count from 1.
    pub fn documents(&self) -> u64 {
        self.manifest.documents
    }

    /// Before a read.
    pub fn mark(&self, document: Document) -> Mark {
        self.entries().get(&document).map_or(Mark::FIRST, |entry| Mark(entry.from))
    }

    /// Before a read that tells what was seen.
    pub fn mark_and_tags(&self, document: Document) -> (Mark, Tags) {
        let none = || (Mark::FIRST, Tags::default());
        let known = |entry: &Entry| (Mark(entry.from), Tags { last: entry.tag.clone(), outdated: entry.outdated.clone() });
        self.entries().get(&document).map_or_else(none, known)
    }

    /// What a read that began there may have seen.
    pub fn allowed(&self, document: Document, mark: Mark) -> Vec<State> {
        match self.entries().get(&document) {
            Some(entry) => entry.asked[mark.0..].to_vec(),
            None => vec![Some(0)],
        }
    }

    /// The hash of one version. It is made once where the document is on the list.
    pub fn hash(&self, document: Document, version: u32) -> [u8; 32] {
        if let Some(hash) = self.entries().get(&document).and_then(|entry| entry.hashes.get(&version)) {
            return *hash;
        }
        let hash = self.content(document, version).sha256();
        if let Some(entry) = self.entries().get_mut(&document) {
            entry.hashes.insert(version, hash);
        }
        hash
    }

    /// A read that began there saw this tag. With several possible states it is not known whose tag it is.
    pub fn saw_etag(&self, document: Document, mark: Mark, etag: HeaderValue) {
        let mut entries = self.entries();
        let entry = entries.entry(document).or_default();
        if entry.from == mark.0 && entry.asked.len() == mark.0 + 1 {
            entry.tag = Some(Tag { value: etag, state: mark.0 });
        }
    }

    /// The state that a change asks for; `None`: somebody else is changing the document, or nobody may.
    pub fn begin(&self, document: Document, is_delete: bool) -> Option<State> {
        let mut entries = self.entries();
        let entry = entries.entry(document).or_default();
        if entry.is_changing || entry.is_unclear {
            return None;
        }
        let next = entry.asked.iter().flatten().max().map_or(0, |version| version + 1);
        let state = if is_delete { None } else { Some(next) };
        entry.asked.push(state);
        entry.is_changing = true;
        Some(state)
    }

    /// The change has happened: only what was asked for last can be seen from now on.
    pub fn acknowledge(&self, document: Document, etag: Option<HeaderValue>) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&document) else { return };
        entry.from = entry.asked.len() - 1;
        entry.is_changing = false;
        let tag = etag.map(|value| Tag { value, state: entry.from });
        if let Some(before) = std::mem::replace(&mut entry.tag, tag) {
            entry.outdated = Some(before);
        }
        let left: Vec<u32> = entry.asked[entry.from..].iter().flatten().copied().collect();
        entry.hashes.retain(|version, _| left.contains(version));
    }

    /// Nobody knows whether it has.
    pub fn leave_open(&self, document: Document) {
        if let Some(entry) = self.entries().get_mut(&document) {
            (entry.is_changing, entry.is_unclear) = (false, true);
        }
    }

    /// All that were changed, or may have been.
    pub fn changed(&self) -> Vec<Document> {
        let entries = self.entries();
        entries.iter().filter(|(_, entry)| entry.asked.len() > 1).map(|(document, _)| *document).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Contents, Texture};
    use crate::sizes::Sizes;

    const DOCUMENT: Document = Document { tenant: 0, id: 7 };

    fn ledger() -> Ledger {
        let contents = Contents { seed: 1, sizes: Sizes::Fixed(10), texture: Texture::Random };
        Ledger::of(Manifest { contents, tenants: 1, documents: 10 })
    }

    #[test]
    fn a_read_may_see_what_a_write_beside_it_asks_for_and_nothing_from_before_an_acknowledgement() {
        let ledger = ledger();
        let before = ledger.mark(DOCUMENT);
        assert_eq!(ledger.begin(DOCUMENT, false), Some(Some(1)));
        assert_eq!(ledger.begin(DOCUMENT, false), None, "one at a time changes it");
        assert_eq!(ledger.allowed(DOCUMENT, before), [Some(0), Some(1)]);
        ledger.acknowledge(DOCUMENT, None);
        let after = ledger.mark(DOCUMENT);
        assert_eq!(ledger.allowed(DOCUMENT, after), [Some(1)], "an acknowledged write is not lost");
        assert_eq!(ledger.allowed(DOCUMENT, before), [Some(0), Some(1)], "who began before it may have seen the old one");
    }

    #[test]
    fn a_change_without_an_answer_leaves_both_possible_and_is_the_last() {
        let ledger = ledger();
        assert_eq!(ledger.begin(DOCUMENT, true), Some(None));
        ledger.leave_open(DOCUMENT);
        assert_eq!(ledger.allowed(DOCUMENT, ledger.mark(DOCUMENT)), [Some(0), None]);
        assert_eq!(ledger.begin(DOCUMENT, false), None);
        assert_eq!(ledger.changed(), [DOCUMENT]);
    }

    #[test]
    fn a_tag_holds_until_a_change_is_acknowledged_and_is_kept_as_one_that_must_not() {
        let (ledger, tag) = (ledger(), |text| HeaderValue::from_static(text));
        let (before, none) = ledger.mark_and_tags(DOCUMENT);
        assert!(none.last.is_none() && none.outdated.is_none());
        ledger.saw_etag(DOCUMENT, before, tag("\"a\""));
        ledger.begin(DOCUMENT, false);
        let (during, tags) = ledger.mark_and_tags(DOCUMENT);
        let seen = tags.last.unwrap();
        assert!(seen.value == tag("\"a\"") && seen.may_hold(during));
        ledger.saw_etag(DOCUMENT, during, tag("\"?\""));
        ledger.acknowledge(DOCUMENT, Some(tag("\"b\"")));
        let (after, tags) = ledger.mark_and_tags(DOCUMENT);
        assert!(seen.may_hold(during) && !seen.may_hold(after));
        assert_eq!(tags.outdated, Some(seen), "with two possible states nobody knew whose the second one was");
        assert!(tags.last.is_some_and(|last| last.value == tag("\"b\"") && last.may_hold(after)));
        ledger.begin(DOCUMENT, true);
        ledger.acknowledge(DOCUMENT, None);
        let (_, tags) = ledger.mark_and_tags(DOCUMENT);
        assert!(tags.last.is_none() && tags.outdated.is_some_and(|outdated| outdated.value == tag("\"b\"")));
    }
}
