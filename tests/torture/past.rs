//! What a document's history has to hold while its time is not over: every version can be read and is of a write to that document, and nothing
//! that anybody was told of is lost.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::client::{Client, Listed, Sight};
use super::history::Told;
use super::judge::{ASKED_AGAIN, WHO};
use super::linear::Op;
use super::model::{ContentId, EMPTY, Event, Raw, Straight, Tag};
use super::nodes::Node;
use super::run::Run;

/// A version as it was found: its tag, and the content that its bytes are.
#[derive(Debug, Clone, Copy)]
pub struct Had {
    pub tag: Tag,
    pub content: ContentId,
}

impl Run {
    /// With the stores up, and all work at its end.
    pub async fn every_past_is_whole(&self) {
        let http = Node::client(&self.observer).unwrap();
        for document in 1..=self.script.documents {
            let client = Client { who: WHO, http: &http, history: &self.history, document };
            let Some(past) = self.past_of(&client).await else { continue };
            let Some(current) = again(|| client.look()).await else {
                self.history.violation(format!("document {document} cannot be read, although the stores are up"));
                continue;
            };
            for wrong in complaints(&self.history.told(document), &past, current) {
                self.history.violation(format!("document {document}: {wrong}\n  versions, the newest first: {past:?}\n  now: {current:?}"));
            }
        }
    }

    async fn past_of(&self, client: &Client<'_>) -> Option<Vec<Had>> {
        let document = client.document;
        let Some(list) = again(|| client.versions()).await else {
            self.history.violation(format!("the versions of document {document} cannot be listed, although the stores are up"));
            return None;
        };
        if let Some(pair) = list.windows(2).find(|pair| pair[0].held_to < pair[1].held_to) {
            self.history.violation(format!("document {document}: an older version held longer than a newer one: {pair:?}"));
        }
        let mut past = Vec::new();
        for version in &list {
            self.count("version compared");
            match again(|| client.version(version)).await {
                Some(bytes) => past.push(self.had(document, version, &bytes)?),
                None => {
                    self.history.violation(format!("document {document}: {version:?} cannot be read, although the stores are up"));
                    return None;
                }
            }
        }
        Some(past)
    }

    fn had(&self, document: u32, version: &Listed, bytes: &[u8]) -> Option<Had> {
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let said = version.sha256.as_ref();
        if version.size != bytes.len() as u64 || said.is_some_and(|said| *said != found) || said.is_none() != bytes.is_empty() {
            // All work has ended: what has bytes is out of staging, and has a hash.
            self.history.violation(format!("document {document}: a version of {} bytes is listed as {version:?}", bytes.len()));
        }
        let content = self.history.identify(bytes)?;
        Some(Had { tag: self.history.tag_of(&format!("\"{}\"", version.stamp)), content: content.id })
    }
}

/// Until there is an answer, while one percent of the connections do not survive.
async fn again<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> Option<T> {
    for _ in 0..ASKED_AGAIN {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
    }
    None
}

/// What is wrong with a document's past, against everything that was noted of it.
pub fn complaints(told: &Told, past: &[Had], current: Sight) -> Vec<String> {
    let mut wrong = Vec::new();
    let written: BTreeSet<ContentId> = told.ops.iter().filter_map(|(op, _)| written(op.event)).collect();
    let strange = past.iter().filter(|had| !written.contains(&had.content));
    wrong.extend(strange.map(|had| format!("{had:?} is of no write to it")));
    let contents: BTreeSet<ContentId> = past.iter().map(|had| had.content).chain(current.content).collect();
    let lost = must_be_kept(told).into_iter().filter(|content| !contents.contains(content));
    wrong.extend(lost.map(|content| format!("content {content} was there, and is neither current nor a version")));
    if told.is_only_by_clients() {
        wrong.extend(of_tags(told, past, current));
    }
    wrong
}

/// The content that an operation brings, or may have brought, into the document.
fn written(event: Event) -> Option<ContentId> {
    match event {
        Event::Wrote { content, .. } | Event::Write { content, .. } => Some(content),
        Event::Straight { what: Straight::Update(content), .. } => Some(content),
        Event::Straight { what: Straight::Insert(content) | Straight::Replace(content), .. } => content,
        Event::Straight { what: Straight::Clear | Straight::Touch | Straight::Delete | Straight::Peek, .. } => None,
        Event::Deleted { .. } | Event::Delete { .. } | Event::NothingToDelete | Event::Unmet { .. } | Event::NotThere => None,
        Event::Read { .. } | Event::Head { .. } | Event::NotModified { .. } => None,
        Event::Restored { .. } | Event::Restore { .. } | Event::Returned { .. } => None,
    }
}

/// The content, if it is known, that was current at some moment of this operation.
fn seen(event: Event) -> Option<ContentId> {
    match event {
        Event::Wrote { content, .. } | Event::Read { content, .. } => Some(content),
        Event::Straight { what: Straight::Update(content), before: Raw::Null | Raw::Content(_) } => Some(content),
        Event::Straight { what: Straight::Insert(content), before: Raw::NoRow } => content,
        Event::Straight { what: Straight::Replace(content), .. } => content,
        Event::Straight { .. } | Event::Write { .. } | Event::Deleted { .. } | Event::Delete { .. } => None,
        Event::NothingToDelete | Event::Unmet { .. } | Event::NotThere | Event::Head { .. } | Event::NotModified { .. } => None,
        Event::Restored { .. } | Event::Restore { .. } | Event::Returned { .. } => None,
    }
}

/// The tag that was current at some moment of this operation.
fn tag_seen(event: Event) -> Option<Tag> {
    match event {
        Event::Wrote { tag, .. } | Event::Read { tag, .. } | Event::Head { tag, .. } => Some(tag),
        Event::NotModified { tag } | Event::Restored { tag, .. } => Some(tag),
        Event::Write { .. } | Event::Deleted { .. } | Event::Delete { .. } | Event::NothingToDelete | Event::Unmet { .. } => None,
        Event::NotThere | Event::Straight { .. } | Event::Restore { .. } | Event::Returned { .. } => None,
    }
}

/// What was current when the tenant was in `sql` for the last time, or since, and no program has written over in SQL: between two copies that
/// leaves no trace. The empty content has not one name.
fn must_be_kept(told: &Told) -> BTreeSet<ContentId> {
    let overwritten: BTreeSet<ContentId> =
        told.ops.iter().filter_map(|(op, who)| written_over(op.event).filter(|_| !was_located(told, who))).collect();
    let later = told.ops.iter().filter(|(op, _)| op.call > told.sql_until);
    later.filter_map(|(op, _)| seen(op.event)).filter(|content| *content != EMPTY && !overwritten.contains(content)).collect()
}

/// The judge writes straight to SQL when all work has ended: what it ends was copied, and becomes a version, unless it was written past the
/// gateway, too, and waits for a sweep.
fn was_located(told: &Told, who: &str) -> bool {
    let by_others = |(op, other): &(Op, String)| other != WHO && matches!(op.event, Event::Straight { .. });
    who == WHO && !told.ops.iter().any(by_others)
}

/// The content that only the row may have had, and that a program took away.
fn written_over(event: Event) -> Option<ContentId> {
    match event {
        Event::Straight {
            what: Straight::Update(_) | Straight::Clear | Straight::Delete | Straight::Replace(_),
            before: Raw::Content(content),
        } => Some(content),
        _ => None,
    }
}

/// Each write of a client's has a tag of its own, which stays: none is lost, and they follow each other as their answers did.
fn of_tags(told: &Told, past: &[Had], current: Sight) -> Vec<String> {
    // When somebody knew it to be current for the first time, and for the last time.
    let mut moments: BTreeMap<Tag, (u64, u64)> = BTreeMap::new();
    for (op, _) in told.ops.iter().filter(|(op, _)| op.call > told.sql_until) {
        if let (Some(tag), Some(back)) = (tag_seen(op.event), op.back) {
            let (first, last) = moments.entry(tag).or_insert((back, op.call));
            (*first, *last) = (back.min(*first), op.call.max(*last));
        }
    }
    let is_kept = |tag: &Tag| current.tag == Some(*tag) || past.iter().any(|had| had.tag == *tag);
    let lost = moments.keys().filter(|tag| !is_kept(tag)).map(|tag| format!("tag {tag} was current, and is lost"));
    let newest_first: Vec<Tag> = current.tag.into_iter().chain(past.iter().map(|had| had.tag)).collect();
    let mut wrong: Vec<String> = lost.collect();
    for (at, newer) in newest_first.iter().enumerate() {
        for older in &newest_first[at + 1..] {
            if let (Some((ended, _)), Some((_, begun))) = (moments.get(newer), moments.get(older))
                && ended < begun
            {
                wrong.push(format!("tag {newer} was current before tag {older}, and comes behind it in the list"));
            }
        }
    }
    wrong
}
