//! From a row of a look-up to the model's types. The order of columns is that of `Table::columns`.

use jiff::Timestamp;

use super::batch::{Misread, Row};
use super::table::Table;
use crate::model::content::{ContentHash, Fingerprint, PieceSums};
use crate::model::document::{Attributes, DocRow, Document, SqlContent, State};
use crate::model::id::{DocId, DocKey, IdKind, ObjectRef};
use crate::model::location::{Labels, Location};
use crate::model::stamp::{Epoch, Revision};

/// A look-up, and what a final transaction compares to know that nothing has changed since.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) row: DocRow,
    /// The location's own rowversion; 0 where there is none.
    pub(super) located: i64,
}

impl Seen {
    pub(super) fn state(&self) -> String {
        compared(self.row.state)
    }

    /// The row's revision; 0 where there is no row.
    pub(super) fn revision(&self) -> i64 {
        self.row.document.as_ref().map_or(0, |document| signed(document.revision.0))
    }
}

/// The state as `change_begin.sql` and `insert_begin.sql` spell it.
pub(super) fn compared(State { phase, epoch, read_only }: State) -> String {
    format!("{phase} {epoch} {}", u8::from(read_only))
}

/// Revisions and epochs go to the server as the bigint of the same bits.
pub(super) fn signed(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}

/// A stored value that nothing of ours could have written.
pub(super) fn strange(what: &'static str, found: impl std::fmt::Display) -> Misread {
    Misread::new(what, found)
}

pub(super) fn read_state(row: &mut Row) -> Result<State, Misread> {
    let phase = row.text()?.parse().map_err(|error| strange("a phase", error))?;
    Ok(State { phase, epoch: Epoch(row.count()?), read_only: row.flag()? })
}

/// `asked`: the id that was looked for, which stands in for the row's own where there is no row.
pub(super) fn read(mut row: Row, table: &Table, asked: Option<&DocId>) -> Result<Seen, Misread> {
    let state = read_state(&mut row)?;
    let spelled = read_id(&mut row, table.id_kind)?;
    let revision = row.integer_or_null()?;
    let length = row.integer_or_null()?.map(|length| u64::try_from(length).map_err(|_| strange("a length", length))).transpose()?;
    let inline = row.bytes_or_null()?;
    let attributes =
        Attributes { media_type: row.text_or_null()?, file_name: row.text_or_null()?, modified: time_or_none(row.integer_or_null()?) };
    let soft_deleted = row.flag()?;
    let (location, located) = read_location(&mut row)?;
    let document = match (&spelled, revision) {
        (None, _) => None,
        (Some(_), None) => return Err(strange("a revision", "none: run `sluss init` again")),
        (Some(_), Some(revision)) => Some(Document {
            revision: Revision(unsigned(revision)),
            content: SqlContent::of_length(length),
            column: table.rules.column,
            soft_deleted,
            attributes,
        }),
    };
    let id = spelled.or_else(|| asked.cloned()).ok_or_else(|| strange("a document id", "NULL"))?;
    let key = DocKey { tenant: table.tenant.clone(), collection: table.collection.clone(), id };
    // Without the cascade a location outlives a row that was deleted straight in SQL, until a sweep sees it.
    let location = location.filter(|_| document.is_some() || table.cascades);
    Ok(Seen { row: DocRow { key, state, document, location, inline }, located })
}

pub(super) fn read_id(row: &mut Row, kind: IdKind) -> Result<Option<DocId>, Misread> {
    match kind {
        IdKind::Integer => Ok(row.integer_or_null()?.map(DocId::Integer)),
        IdKind::Text | IdKind::Uuid => Ok(row.text_or_null()?.map(DocId::Text)),
    }
}

/// Where a row stands in a walk, however little else of it can be read.
pub(super) fn place(row: &Row, table: &Table) -> Option<(DocId, Option<Revision>)> {
    let mut row = row.clone();
    read_state(&mut row).ok()?;
    let id = read_id(&mut row, table.id_kind).ok()??;
    let revision = row.integer_or_null().ok()?;
    Some((id, revision.map(|revision| Revision(unsigned(revision)))))
}

fn time_or_none(milliseconds: Option<i64>) -> Option<Timestamp> {
    milliseconds.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
}

pub(super) fn time(milliseconds: i64) -> Result<Timestamp, Misread> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| strange("a time", error))
}

/// Every cell of a location that is not there is NULL.
fn read_location(row: &mut Row) -> Result<(Option<Location>, i64), Misread> {
    let Some(located) = row.integer_or_null()? else { return Ok((None, 0)) };
    let object = read_object(row.text_or_null()?, row.text_or_null()?)?;
    let stamp = row.text()?.parse().map_err(|error| strange("a stamp", error))?;
    let length_bytes = row.count()?;
    let sha256 = <[u8; 32]>::try_from(row.bytes()?.as_ref()).map_err(|_| strange("a SHA-256", "another length"))?;
    let pieces = PieceSums::from_bytes(&row.bytes()?).ok_or_else(|| strange("checksums", "some that are cut short"))?;
    let location = Location {
        object,
        stamp,
        content: Fingerprint { length_bytes, sha256: ContentHash(sha256), pieces },
        revision: Revision(unsigned(row.integer()?)),
        sole: row.flag()?,
        labels: Labels { media_type: row.text_or_null()?, file_name: row.text_or_null()? },
        held_from: time(row.integer()?)?,
        verified_at: row.integer_or_null()?.map(time).transpose()?,
    };
    Ok((Some(location), located))
}

pub(super) fn read_object(placement: Option<String>, object: Option<String>) -> Result<Option<ObjectRef>, Misread> {
    let (Some(placement), Some(object)) = (placement, object) else { return Ok(None) };
    let placement = placement.parse().map_err(|error| strange("a placement", error))?;
    let id = object.parse().map_err(|error| strange("an object", error))?;
    Ok(Some(ObjectRef { placement, id }))
}
