//! Restores to an instant: what a document had then, and what a restore makes of it. Pure: somebody else reads the rows and the versions.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::ContentHash;
use super::document::{DocRow, Holder};
use super::history::{Kept, Version};
use super::id::{CollectionName, TenantId};
use super::location::Location;

/// From when a content holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// A client wrote it through the gateway at this moment.
    At(Timestamp),
    /// It was written straight to SQL, and a copy found it at this moment: it is as old as that, or older.
    By(Timestamp),
    /// It was written straight to SQL over what held since this moment, and no copy has seen it: it is as young as that, or younger.
    Since(Timestamp),
    /// It was written straight to SQL, and no copy has seen it.
    Unknown,
}

/// Whether a content that held after an instant held at it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Held,
    /// Nobody saw when it was written: it may have come later, and what was before it, if anything, left no trace.
    Perhaps,
    NotYet,
}

impl Beginning {
    fn at(self, instant: Timestamp) -> Then {
        match self {
            Self::At(from) | Self::Since(from) if from > instant => Then::NotYet,
            Self::By(seen) if seen > instant => Then::Perhaps,
            Self::Since(_) | Self::Unknown => Then::Perhaps,
            Self::At(_) | Self::By(_) => Then::Held,
        }
    }
}

/// What the database knows of one document's contents around an instant, beside its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// When a client wrote what the location has; `None`: it was copied from what others wrote, or there is none.
    pub located_begun: Option<Timestamp>,
    /// When a client wrote into the row what only it holds, and its hash. Others may have written over it since.
    pub noted: Option<(Timestamp, ContentHash)>,
    /// The oldest content whose time ended after the instant.
    pub version: Option<Version>,
    /// When the last of the document's contents ended.
    pub last_ended: Option<Timestamp>,
    /// When a client marked the document as deleted, if it still is.
    pub marked: Option<Timestamp>,
}

/// What becomes of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is as it was. `doubtful`: as far as anybody knows.
    Stay { doubtful: bool },
    /// It gets the content of this version again; without one, the content that it has, and is visible again. `doubtful`: nobody saw when that
    /// was written.
    Put { version: Option<Box<Version>>, doubtful: bool },
    /// It had no content then.
    Remove,
    /// A client has changed it since the restore began, or the restore has dealt with it.
    Dealt,
    /// It is marked as deleted, and nobody noted since when: it stays so.
    Marked,
}

/// `begun`: when the restore began; `None` for a plan.
pub fn step(row: &DocRow, trace: Trace, instant: Timestamp, begun: Option<Timestamp>) -> Step {
    let current = current(row, &trace);
    // What nobody saw beginning came, at the latest, when what was before it ended.
    let changed_at = match current {
        _ if row.is_marked() => trace.marked,
        Some(Beginning::At(from)) => Some(from),
        Some(Beginning::By(seen) | Beginning::Since(seen)) => trace.last_ended.max(Some(seen)),
        Some(Beginning::Unknown) | None => trace.last_ended,
    };
    let is_dealt = changed_at.zip(begun).is_some_and(|(changed, begun)| changed >= begun);
    match back(row, trace, current, instant) {
        Step::Put { .. } | Step::Remove if is_dealt => Step::Dealt,
        step @ (Step::Stay { .. } | Step::Put { .. } | Step::Remove | Step::Dealt | Step::Marked) => step,
    }
}

/// What brings it back, whoever has changed it since.
fn back(row: &DocRow, trace: Trace, current: Option<Beginning>, instant: Timestamp) -> Step {
    let is_visible = match (row.is_marked(), trace.marked) {
        (false, _) => true,
        (true, Some(at)) if at <= instant => return Step::Stay { doubtful: false },
        (true, Some(_)) => false,
        (true, None) => return Step::Marked,
    };
    let then = match &trace.version {
        Some(version) if version.hidden_at.is_some_and(|at| at <= instant) => Then::NotYet,
        Some(version) => version.begins().at(instant),
        None => current.map_or(Then::NotYet, |current| current.at(instant)),
    };
    let doubtful = then == Then::Perhaps;
    match (then, trace.version) {
        (Then::NotYet, _) if is_visible && current.is_some() => Step::Remove,
        (Then::NotYet, _) => Step::Stay { doubtful: false },
        (Then::Held | Then::Perhaps, Some(version)) if !(is_visible && is_content_of(row, &version)) => {
            Step::Put { version: Some(Box::new(version)), doubtful }
        }
        (Then::Held | Then::Perhaps, None) if !is_visible => Step::Put { version: None, doubtful },
        (Then::Held | Then::Perhaps, Some(_) | None) => Step::Stay { doubtful },
    }
}

/// From when the current content holds, where there is one, visible or not.
fn current(row: &DocRow, trace: &Trace) -> Option<Beginning> {
    // One that was rebuilt, or is of before such times were noted, may be older than its location.
    let of = |location: &Location| trace.located_begun.map_or(Beginning::By(location.held_from), Beginning::At);
    match row.truth().holder {
        Holder::NoDocument | Holder::NoContent => None,
        Holder::Both | Holder::Object | Holder::EmptyDocument => row.location.as_ref().map(of),
        // What others wrote over it since is younger still. Where the location's time is noted, the row was changed behind it, its content or not.
        Holder::Sql => Some(match (trace.noted, trace.located_begun) {
            (Some((at, _)), _) => Beginning::At(at),
            (None, Some(at)) => Beginning::Since(at),
            (None, None) => Beginning::Unknown,
        }),
    }
}

/// Whether the current content is known to be the version's. What only SQL holds would have to be read.
fn is_content_of(row: &DocRow, version: &Version) -> bool {
    match (&version.kept, row.located()) {
        (Kept::Object { content, .. }, Some(location)) => location.content == *content && location.labels == version.labels,
        (Kept::Empty, Some(location)) => location.content.length_bytes == 0,
        (Kept::Staged(_), _) | (_, None) => false,
    }
}

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreWish {
    pub instant: Timestamp,
    /// One document, by its id as its row spells it; `None`: all.
    pub only: Option<(CollectionName, String)>,
    /// Where the contents of that instant go; `None`: the tenant itself goes back.
    pub into: Option<TenantId>,
}

/// What a restore did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RestoreFigures {
    /// Documents that were looked at, those that are no more among them.
    pub looked_at: u64,
    /// Documents that got a content again.
    pub restored: u64,
    pub restored_bytes: u64,
    /// Documents that had no content at that instant, and have none any more.
    pub removed: u64,
    /// Of the others, and of those that were restored: what is so as far as anybody knows. Nobody saw when it was written.
    pub doubtful: u64,
    /// Left as they are because clients changed them after the restore began; after an interruption also those that it had dealt with before.
    pub dealt: u64,
    /// Left as they are: marked as deleted, and nobody noted since when.
    pub marked: u64,
    /// Left as they are: the collection's configuration does not let Sluss make their rows, or make them again.
    pub barred: u64,
    /// Left as they are because a store or the database refused; the log says why.
    pub failed: u64,
}

impl RestoreFigures {
    pub fn add(&mut self, other: &Self) {
        self.looked_at += other.looked_at;
        self.restored += other.restored;
        self.restored_bytes += other.restored_bytes;
        self.removed += other.removed;
        self.doubtful += other.doubtful;
        self.dealt += other.dealt;
        self.marked += other.marked;
        self.barred += other.barred;
        self.failed += other.failed;
    }
}

/// The part of a restore that is about one collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreRun {
    /// The restore's number, the same for every collection.
    pub number: u64,
    pub collection: String,
    pub instant: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub into: Option<String>,
    pub started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    pub figures: RestoreFigures,
    /// Why it ended before all was done; of one that is under way still, that it is about to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<String>,
}

impl RestoreRun {
    /// The instant to restore to for the state before this restore: the last moment before it began.
    pub fn undone_by(&self) -> Timestamp {
        self.started_at - std::time::Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests;
