//! From a row of a look-up to the model's types. The order of columns is that of `table::Table::columns`.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::INLINE_BYTES;
use super::file::broken;
use super::table::Table;
use crate::model::content::{ContentHash, Fingerprint, PieceSums};
use crate::model::document::{Attributes, ContentColumn, DocRow, Document, SqlContent, State};
use crate::model::id::{DocId, DocKey, IdKind, ObjectRef, TenantId};
use crate::model::location::{Labels, Location};
use crate::model::stamp::{Epoch, Revision};

/// The document's row, its location and the state, by one statement: as of one instant.
pub(super) fn look_up(connection: &Connection, tenant: &TenantId, table: &Table, id: &DocId, inline: bool) -> rusqlite::Result<DocRow> {
    let inline_bytes = if inline { INLINE_BYTES } else { 0 };
    let mut statement = connection.prepare_cached(table.look_up())?;
    statement
        .query_row(params![tenant.as_str(), id, inline_bytes], |row| read(row, tenant, table, Some(id)))
        .optional()?
        .ok_or_else(|| not_initialised(tenant))
}

pub(super) fn not_initialised(tenant: &TenantId) -> rusqlite::Error {
    broken(format!("tenant {tenant} has no state in this database: run `sluss init`"))
}

pub(super) fn state(connection: &Connection, tenant: &TenantId) -> rusqlite::Result<State> {
    connection
        .query_row("SELECT s.phase, s.epoch, s.read_only FROM sluss_state s WHERE s.tenant = ?1", [tenant.as_str()], |row| {
            read_state(row, 2)
        })
        .optional()?
        .ok_or_else(|| not_initialised(tenant))
}

/// `read_only_at`: its column; the others come first everywhere.
fn read_state(row: &Row<'_>, read_only_at: usize) -> rusqlite::Result<State> {
    let phase: String = row.get(0)?;
    let epoch: u64 = row.get(1)?;
    let phase = phase.parse().map_err(|error| broken(format!("sluss_state: {error}")))?;
    Ok(State { phase, epoch: Epoch(epoch), read_only: row.get(read_only_at)? })
}

/// `asked`: the id that was looked for, which stands in for the row's own where there is no row.
pub(super) fn read(row: &Row<'_>, tenant: &TenantId, table: &Table, asked: Option<&DocId>) -> rusqlite::Result<DocRow> {
    let spelled = spelled(row, table)?;
    let document = if spelled.is_some() { Some(read_document(row, table.column)?) } else { None };
    let id = spelled.or_else(|| asked.cloned()).ok_or_else(|| broken("a document row without an id"))?;
    let inline: Option<Vec<u8>> = row.get(5)?;
    Ok(DocRow {
        key: DocKey { tenant: tenant.clone(), collection: table.collection.clone(), id },
        state: read_state(row, 24)?,
        document,
        location: read_location(row)?,
        inline: inline.map(Bytes::from),
    })
}

/// The id as the row spells it.
pub(super) fn spelled(row: &Row<'_>, table: &Table) -> rusqlite::Result<Option<DocId>> {
    read_id(row.get_ref(2)?, table.id_kind)
}

pub(super) fn read_id(value: ValueRef<'_>, kind: IdKind) -> rusqlite::Result<Option<DocId>> {
    match (value, kind) {
        (ValueRef::Null, _) => Ok(None),
        (ValueRef::Integer(id), IdKind::Integer) => Ok(Some(DocId::Integer(id))),
        (ValueRef::Text(id), IdKind::Text | IdKind::Uuid) => {
            let id = std::str::from_utf8(id).map_err(|_| broken("a document id is not UTF-8"))?;
            Ok(Some(DocId::Text(id.to_owned())))
        }
        (ValueRef::Integer(_) | ValueRef::Text(_) | ValueRef::Real(_) | ValueRef::Blob(_), _) => {
            Err(broken("a document id is not of the type that `id_type` says"))
        }
    }
}

fn read_document(row: &Row<'_>, column: ContentColumn) -> rusqlite::Result<Document> {
    let kind: String = row.get(3)?;
    let length: Option<u64> = row.get(4)?;
    if !matches!(kind.as_str(), "null" | "blob" | "text") {
        return Err(broken(format!("the content column holds a value of type {kind}")));
    }
    let revision: Option<u64> = row.get(9)?;
    let revision = revision.ok_or_else(|| broken("a document row has no revision: run `sluss init` again"))?;
    Ok(Document {
        revision: Revision(revision),
        content: SqlContent::of_length(length),
        column,
        soft_deleted: row.get(23)?,
        attributes: Attributes {
            media_type: read_text(row.get_ref(6)?),
            file_name: read_text(row.get_ref(7)?),
            modified: read_time(row.get_ref(8)?),
        },
    })
}

/// What is not UTF-8, or no text at all, counts as absent: it is the customer's, and no reason not to serve the content.
fn read_text(value: ValueRef<'_>) -> Option<String> {
    value.as_str().ok().map(str::to_owned)
}

/// Integers are Unix seconds; text is RFC 3339, or SQLite's own form in UTC. Anything else counts as absent: it is the customer's.
fn read_time(value: ValueRef<'_>) -> Option<Timestamp> {
    match value {
        ValueRef::Integer(seconds) => Timestamp::from_second(seconds).ok(),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).ok()?;
            let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
            text.parse::<Timestamp>().ok().or_else(civil)
        }
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}

fn read_location(row: &Row<'_>) -> rusqlite::Result<Option<Location>> {
    if matches!(row.get_ref(10)?, ValueRef::Null) {
        return Ok(None);
    }
    let stamp: String = row.get(13)?;
    let sha256: [u8; 32] = row.get(15)?;
    let pieces: Vec<u8> = row.get(16)?;
    Ok(Some(Location {
        object: read_object(row.get(11)?, row.get(12)?)?,
        stamp: stamp.parse().map_err(|error| broken(format!("a location's stamp: {error}")))?,
        content: Fingerprint {
            length_bytes: row.get(14)?,
            sha256: ContentHash(sha256),
            pieces: PieceSums::from_bytes(&pieces).ok_or_else(|| broken("a location's checksums are cut short"))?,
        },
        revision: Revision(row.get(17)?),
        sole: row.get(18)?,
        labels: Labels { media_type: row.get(19)?, file_name: row.get(20)? },
        held_from: read_timestamp(row.get(21)?)?,
        verified_at: row.get::<_, Option<i64>>(22)?.map(read_timestamp).transpose()?,
    }))
}

pub(super) fn read_object(placement: Option<String>, object: Option<String>) -> rusqlite::Result<Option<ObjectRef>> {
    let (Some(placement), Some(object)) = (placement, object) else { return Ok(None) };
    let placement = placement.parse().map_err(|error| broken(format!("a stored placement: {error}")))?;
    let id = object.parse().map_err(|error| broken(format!("a stored object: {error}")))?;
    Ok(Some(ObjectRef { placement, id }))
}

pub(super) fn read_timestamp(milliseconds: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| broken(format!("a stored time: {error}")))
}
