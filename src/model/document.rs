//! Where a document's truth lies: the protocol's table as one match. It never asks which phase a tenant is in;
//! the phase says where new content goes, the row says where the content is.

use bytes::Bytes;

use super::id::DocKey;
use super::job::JobKind;
use super::location::Location;
use super::phase::Phase;
use super::precondition::{Current, HttpDate};
use super::stamp::{Epoch, Revision, Stamp};

/// A tenant's own row of state, as of the look-up that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub phase: Phase,
    pub epoch: Epoch,
    /// Clients change nothing for now. Agents go on: what they do is not seen.
    pub read_only: bool,
}

/// What the content column held. NULL, empty and bytes are three states everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlContent {
    Null,
    Empty,
    Bytes(u64),
}

impl SqlContent {
    pub fn of_length(length: Option<u64>) -> Self {
        match length {
            None => Self::Null,
            Some(0) => Self::Empty,
            Some(length) => Self::Bytes(length),
        }
    }
}

/// Whether the content column takes NULL. Where it does not, the empty value stands for NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentColumn {
    Nullable,
    NotNull,
}

/// What a document's own row says beside its content; absent where the customer's table has no such column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    pub media_type: Option<String>,
    pub file_name: Option<String>,
    pub modified: Option<jiff::Timestamp>,
}

/// The customer's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub revision: Revision,
    pub content: SqlContent,
    pub column: ContentColumn,
    pub soft_deleted: bool,
    pub attributes: Attributes,
}

impl Document {
    /// Nothing stands in the content column: NULL, or what stands for it.
    fn is_vacant(&self) -> bool {
        match (self.content, self.column) {
            (SqlContent::Null, ContentColumn::Nullable | ContentColumn::NotNull) => true,
            (SqlContent::Empty, ContentColumn::NotNull) => true,
            (SqlContent::Empty, ContentColumn::Nullable) | (SqlContent::Bytes(_), _) => false,
        }
    }
}

/// Who holds the current content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// There is no row.
    NoDocument,
    /// There is a row, and no content in it or beside it.
    NoContent,
    Sql,
    /// Both, and equal.
    Both,
    /// Only the object store.
    Object,
    /// The empty document of a NOT NULL column: its location says all there is to know.
    EmptyDocument,
}

impl Holder {
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoDocument | Self::NoContent => "none",
            Self::Sql => "sql",
            Self::Both => "both",
            Self::Object | Self::EmptyDocument => "object",
        }
    }
}

/// What somebody who sees these rows has to put right, in one transaction that sees them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Other columns changed: take the row's new revision into the location.
    BringUpToDate,
    /// Content was written straight to SQL around a sole location: the location becomes a version.
    RetireWrittenAround,
    /// The content was cleared straight in SQL: the location becomes a version.
    RetireCleared,
    /// Rows that cannot be. They are reported, never touched.
    Alarm(Impossible),
}

/// Combinations that the cascade and the transactions rule out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error("a location without a document row")]
    LocationWithoutRow,
    #[error("content in sql beside a sole location of the same revision")]
    ContentBesideSole,
    #[error("no content in sql beside a location that says sql holds it")]
    NothingBesideEqual,
}

/// Visibility and holder are two answers: requests go by both, agents by the holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    pub visible: bool,
    pub holder: Holder,
    /// The name of the current content; `None` when there is none.
    pub stamp: Option<Stamp>,
    pub repair: Option<Repair>,
}

/// The protocol's table. The state gives the epoch that a content of SQL's is named by.
pub fn truth(document: Option<&Document>, location: Option<&Location>, state: State) -> Truth {
    let Some(document) = document else {
        let repair = location.map(|_| Repair::Alarm(Impossible::LocationWithoutRow));
        return Truth { visible: false, holder: Holder::NoDocument, stamp: None, repair };
    };
    let (holder, repair) = holder(document, location);
    let stamp = match holder {
        Holder::NoDocument | Holder::NoContent => None,
        Holder::Sql => Some(Stamp::Row { epoch: state.epoch, revision: document.revision }),
        Holder::Both | Holder::Object | Holder::EmptyDocument => location.map(|location| location.stamp.clone()),
    };
    Truth { visible: !document.soft_deleted, holder, stamp, repair }
}

fn holder(document: &Document, location: Option<&Location>) -> (Holder, Option<Repair>) {
    let Some(location) = location else {
        return (if document.is_vacant() { Holder::NoContent } else { Holder::Sql }, None);
    };
    let current = document.revision == location.revision;
    let stale = (!current).then_some(Repair::BringUpToDate);
    if document.is_vacant() && document.column == ContentColumn::NotNull && location.object.is_none() {
        return (Holder::EmptyDocument, stale);
    }
    match (document.is_vacant(), location.sole, current) {
        (false, false, false) => (Holder::Sql, None),
        (false, false, true) => (Holder::Both, None),
        (false, true, false) => (Holder::Sql, Some(Repair::RetireWrittenAround)),
        (false, true, true) => (Holder::Sql, Some(Repair::Alarm(Impossible::ContentBesideSole))),
        (true, true, _) => (Holder::Object, stale),
        (true, false, false) => (Holder::NoContent, Some(Repair::RetireCleared)),
        (true, false, true) => (Holder::NoContent, Some(Repair::Alarm(Impossible::NothingBesideEqual))),
    }
}

/// One look-up: the document's row, its location and the tenant's state, as of one instant.
#[derive(Debug, Clone)]
pub struct DocRow {
    /// With the id as the row itself spells it, where there is a row.
    pub key: DocKey,
    pub state: State,
    pub document: Option<Document>,
    pub location: Option<Location>,
    /// The row's content where it is small; it belongs to that revision.
    pub inline: Option<Bytes>,
}

impl DocRow {
    pub fn truth(&self) -> Truth {
        truth(self.document.as_ref(), self.location.as_ref(), self.state)
    }

    /// What a client's conditions are compared with.
    pub fn current(&self) -> Current {
        let truth = self.truth();
        match (&self.document, truth.stamp) {
            (Some(document), Some(stamp)) if truth.visible => {
                Current { stamp: Some(stamp), modified: document.attributes.modified.and_then(HttpDate::of) }
            }
            (Some(_) | None, _) => Current::default(),
        }
    }

    /// The row is there, and marked as deleted.
    pub fn is_marked(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.soft_deleted)
    }

    /// The location, where it holds the current content.
    pub fn located(&self) -> Option<&Location> {
        match self.truth().holder {
            Holder::Both | Holder::Object | Holder::EmptyDocument => self.location.as_ref(),
            Holder::NoDocument | Holder::NoContent | Holder::Sql => None,
        }
    }

    /// True while the rows still call for this work: a job may be closed only in a transaction that sees `false`.
    pub fn needs(&self, kind: JobKind, mirror: bool) -> bool {
        let holder = self.truth().holder;
        let wanted = match kind {
            JobKind::Copy => holder == Holder::Sql,
            JobKind::WriteBack => holder == Holder::Object,
            JobKind::Sweep
            | JobKind::Changes
            | JobKind::Verify
            | JobKind::Purge
            | JobKind::Restore
            | JobKind::Keep
            | JobKind::Collect
            | JobKind::Backup => false,
        };
        wanted && self.state.phase.calls_for(kind, mirror)
    }

    /// Length of the current content, by the holder that the truth names.
    pub fn length_bytes(&self) -> u64 {
        match self.truth().holder {
            Holder::NoDocument | Holder::NoContent | Holder::EmptyDocument => 0,
            Holder::Sql => match self.document.as_ref().map(|document| document.content) {
                Some(SqlContent::Bytes(length)) => length,
                Some(SqlContent::Null | SqlContent::Empty) | None => 0,
            },
            Holder::Both | Holder::Object => self.location.as_ref().map_or(0, |location| location.content.length_bytes),
        }
    }
}

#[cfg(test)]
mod tests;
