//! Versions: made in the transaction that ends a content's time, brought out of staging by agents, given up by the collector.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::backups::HELD_BACK;
use super::change::Work;
use super::file::{Outcome, SqliteFile, broken};
use super::jobs::{self, Wish};
use super::table::Table;
use super::tenant::SqliteTenant;
use super::verification::{is_named, names_statement};
use super::{rows, staging};
use crate::model::content::{ContentHash, Fingerprint, PIECE_BYTES, PieceSums};
use crate::model::document::{Attributes, DocRow};
use crate::model::history::{Kept, Version, VersionNumber};
use crate::model::id::{Attempt, DocKey, ObjectRef};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::location::Labels;
use crate::model::stamp::{Epoch, Stamp};
use crate::store::error::{Interrupted, StoreResult};
use crate::store::history::{HistoryFigures, VersionCount};
use crate::store::sql::{SqlContentStream, UploadPurpose};

pub(super) const COLUMNS: &str = "number, collection, document, stamp, length, placement, object, attempt, sha256, pieces, media_type, file_name, held_from, held_to, exact, hidden_at";

impl Work<'_> {
    /// The content that the row holds and nobody else becomes a version, in staging until an agent brings it out.
    pub(super) fn keep(&self, before: &DocRow) -> rusqlite::Result<()> {
        let stamp = before.truth().stamp.ok_or_else(|| broken("a content without a stamp is to be kept"))?;
        let length = before.length_bytes();
        let attempt = (length > 0).then(Attempt::fresh);
        // What was noted may be of another content; for bytes in staging that shows once they are read.
        let known = (length == 0).then(|| Fingerprint::of(b"").sha256.0);
        let begun = self.begun()?.filter(|(_, sha256)| known.is_none_or(|known| known == *sha256));
        let (held_from, sha256) = begun.unwrap_or((0, known.unwrap_or([0; 32])));
        let Attributes { media_type, file_name, .. } =
            before.document.as_ref().map(|document| document.attributes.clone()).unwrap_or_default();
        let Labels { media_type, file_name } = Labels::carried(media_type, file_name);
        self.tx.execute(
            "INSERT INTO sluss_version (tenant, collection, document, stamp, length, stored_length, format, sha256, pieces, held_from, held_to, \
             media_type, file_name, attempt, tick, exact) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, ?6, x'', ?7, ?8, ?9, ?10, ?11, \
             coalesce((SELECT tick FROM sluss_tick WHERE tenant = ?1), 0), ?7 <> 0)",
            params![
                self.tenant.as_str(),
                self.table.collection.as_str(),
                self.id.to_string(),
                stamp.to_string(),
                length,
                sha256,
                held_from,
                self.now.as_millisecond(),
                media_type,
                file_name,
                attempt.map(|attempt| attempt.to_string()),
            ],
        )?;
        let Some(attempt) = attempt else { return Ok(()) };
        let Table { name, id, .. } = self.table;
        let rowid =
            self.tx.query_row(&format!("SELECT rowid FROM {name} WHERE {id} = ?1{}", self.table.mine("")), params![self.id], |row| {
                row.get(0)
            })?;
        let owner = staging::Owner { attempt, tenant: self.tenant, epoch: before.state.epoch };
        staging::keep(self.tx, &owner, self.now, self.table, rowid)?;
        let job = NewJob { kind: JobKind::Keep, target: JobTarget::Staged(self.tenant.clone(), attempt), priority: Priority::Write };
        jobs::enqueue(self.tx, &job, Wish::Anew, self.now.as_millisecond())
    }

    /// Since when the row's content holds, and its hash when a client wrote it.
    fn begun(&self) -> rusqlite::Result<Option<(i64, [u8; 32])>> {
        self.tx
            .prepare_cached("SELECT at, sha256 FROM sluss_begun WHERE tenant = ?1 AND collection = ?2 AND document = ?3")?
            .query_row(self.place(), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// Notes since when the row's content holds.
    pub(super) fn begin(&self, content: &Fingerprint) -> rusqlite::Result<()> {
        let [tenant, collection, document] = self.place();
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO sluss_begun (tenant, collection, document, at, sha256) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![tenant, collection, document, self.now.as_millisecond(), content.sha256.0])
            .map(|_| ())
    }

    /// Since when a content holds that gets a location now, where a client wrote it before; what was noted of it has served.
    pub(super) fn begun_at(&self, content: &Fingerprint) -> rusqlite::Result<Option<i64>> {
        let noted = self.begun()?;
        self.forget_begun()?;
        Ok(noted.filter(|(_, sha256)| *sha256 == content.sha256.0).map(|(at, _)| at))
    }

    pub(super) fn forget_begun(&self) -> rusqlite::Result<()> {
        let forget = "DELETE FROM sluss_begun WHERE tenant = ?1 AND collection = ?2 AND document = ?3";
        self.tx.prepare_cached(forget)?.execute(self.place()).map(|_| ())
    }

    /// The trigger that made the version has the database's clock; this transaction has one time for all that it ends and begins.
    pub(super) fn ends_now(&self) -> rusqlite::Result<()> {
        let [tenant, collection, document] = self.place();
        self.tx
            .prepare_cached(
                "UPDATE sluss_version SET held_to = ?4 WHERE number = \
                 (SELECT max(number) FROM sluss_version WHERE tenant = ?1 AND collection = ?2 AND document = ?3)",
            )?
            .execute(params![tenant, collection, document, self.now.as_millisecond()])
            .map(|_| ())
    }

    /// Notes since when the document is marked as deleted.
    pub(super) fn note_mark(&self) -> rusqlite::Result<()> {
        let [tenant, collection, document] = self.place();
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO sluss_marked (tenant, collection, document, at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![tenant, collection, document, self.now.as_millisecond()])
            .map(|_| ())
    }

    /// The mark is gone. The content that was hidden by it, if its time ends now, has that noted.
    pub(super) fn forget_mark(&self) -> rusqlite::Result<()> {
        let [tenant, collection, document] = self.place();
        self.tx
            .prepare_cached(
                "UPDATE sluss_version SET hidden_at = \
                 (SELECT at FROM sluss_marked WHERE tenant = ?1 AND collection = ?2 AND document = ?3) \
                 WHERE tenant = ?1 AND collection = ?2 AND document = ?3 AND held_to = ?4 AND hidden_at IS NULL",
            )?
            .execute(params![tenant, collection, document, self.now.as_millisecond()])?;
        let forget = "DELETE FROM sluss_marked WHERE tenant = ?1 AND collection = ?2 AND document = ?3";
        self.tx.prepare_cached(forget)?.execute(self.place()).map(|_| ())
    }

    fn place(&self) -> [String; 3] {
        [self.tenant.to_string(), self.table.collection.to_string(), self.id.to_string()]
    }
}

pub(super) fn read_version(row: &Row<'_>) -> rusqlite::Result<Version> {
    let stamp: String = row.get(3)?;
    let length_bytes: u64 = row.get(4)?;
    let attempt: Option<String> = row.get(7)?;
    let kept = match (attempt, rows::read_object(row.get(5)?, row.get(6)?)?) {
        (Some(attempt), _) => Kept::Staged(attempt.parse().map_err(|error| broken(format!("a version's attempt: {error}")))?),
        (None, Some(object)) => {
            let pieces: Vec<u8> = row.get(9)?;
            let pieces = PieceSums::from_bytes(&pieces).ok_or_else(|| broken("a version's checksums are cut short"))?;
            Kept::Object { object, content: Fingerprint { length_bytes, sha256: ContentHash(row.get(8)?), pieces } }
        }
        (None, None) => Kept::Empty,
    };
    let held_from: i64 = row.get(12)?;
    Ok(Version {
        number: VersionNumber(row.get(0)?),
        collection: row.get(1)?,
        document: row.get(2)?,
        stamp: stamp.parse().map_err(|error| broken(format!("a version's stamp: {error}")))?,
        length_bytes,
        kept,
        labels: Labels { media_type: row.get(10)?, file_name: row.get(11)? },
        held_from: (held_from != 0).then(|| rows::read_timestamp(held_from)).transpose()?,
        held_to: rows::read_timestamp(row.get(13)?)?,
        exact: row.get(14)?,
        hidden_at: row.get::<_, Option<i64>>(15)?.map(rows::read_timestamp).transpose()?,
    })
}

pub(super) async fn versions(
    tenant: &SqliteTenant,
    key: &DocKey,
    before: Option<VersionNumber>,
    limit: usize,
) -> StoreResult<Vec<Version>> {
    let (id, key) = (tenant.id.clone(), key.clone());
    tenant
        .file
        .read("list versions of", key.to_string(), move |connection| {
            let statement = format!(
                "SELECT {COLUMNS} FROM sluss_version WHERE tenant = ?1 AND collection = ?2 AND document = ?3 AND number < ?4 \
                 ORDER BY number DESC LIMIT ?5"
            );
            let before = before.map_or(i64::MAX, |before| i64::try_from(before.0).unwrap_or(i64::MAX));
            let mut statement = connection.prepare_cached(&statement)?;
            let asked = params![id.as_str(), key.collection.as_str(), key.id.to_string(), before, limit as u64];
            statement.query_map(asked, read_version)?.collect()
        })
        .await
}

pub(super) async fn all_versions(tenant: &SqliteTenant, after: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("walk the versions of", tenant.id.to_string(), move |connection| {
            let statement = format!("SELECT {COLUMNS} FROM sluss_version WHERE tenant = ?1 AND number > ?2 ORDER BY number LIMIT ?3");
            let after = after.map_or(i64::MIN, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
            connection.prepare_cached(&statement)?.query_map(params![id.as_str(), after, limit as u64], read_version)?.collect()
        })
        .await
}

pub(super) async fn version(tenant: &SqliteTenant, key: &DocKey, stamp: &Stamp) -> StoreResult<Option<Version>> {
    let (id, key, stamp) = (tenant.id.clone(), key.clone(), stamp.to_string());
    tenant
        .file
        .read("look up a version of", key.to_string(), move |connection| {
            let statement = format!(
                "SELECT {COLUMNS} FROM sluss_version WHERE tenant = ?1 AND collection = ?2 AND document = ?3 AND stamp = ?4 \
                 ORDER BY number DESC LIMIT 1"
            );
            let asked = params![id.as_str(), key.collection.as_str(), key.id.to_string(), stamp];
            connection.prepare_cached(&statement)?.query_row(asked, read_version).optional()
        })
        .await
}

/// The oldest content of a document whose time ended after an instant. Not by the time itself: of two that ended in one millisecond, by two
/// clocks perhaps, the one that was made first is the older.
pub(super) fn oldest_after(connection: &Connection, tenant: &str, key: &DocKey, instant: Timestamp) -> rusqlite::Result<Option<Version>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM sluss_version WHERE tenant = ?1 AND collection = ?2 AND document = ?3 AND held_to > ?4 \
         ORDER BY number LIMIT 1"
    );
    let asked = params![tenant, key.collection.as_str(), key.id.to_string(), instant.as_millisecond()];
    connection.prepare_cached(&statement)?.query_row(asked, read_version).optional()
}

pub(super) async fn staged_version(tenant: &SqliteTenant, attempt: Attempt) -> StoreResult<Option<Version>> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("look up the version in", attempt.to_string(), move |connection| {
            let statement = format!("SELECT {COLUMNS} FROM sluss_version WHERE tenant = ?1 AND attempt = ?2");
            connection.prepare_cached(&statement)?.query_row(params![id.as_str(), attempt.to_string()], read_version).optional()
        })
        .await
}

/// True while a version's bytes are in staging.
pub(super) fn is_staged(connection: &Connection, attempt: Attempt) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sluss_version WHERE attempt = ?1)")?
        .query_row([attempt.to_string()], |row| row.get(0))
}

/// Its pieces are all of one length but the last, and stay as they are until they go together.
pub(super) fn open_staged(file: &Arc<SqliteFile>, attempt: Attempt, offset: u64) -> SqlContentStream {
    let at = (Arc::clone(file), offset, None);
    Box::pin(stream::try_unfold(at, move |(file, offset, known): (_, u64, Option<u64>)| async move {
        // Who has it all needs nothing more of staging, which may be gone.
        if known.is_some_and(|length| length <= offset) {
            return Ok(None);
        }
        let number = offset / PIECE_BYTES as u64;
        let read = move |connection: &Connection| staging::kept_piece(connection, attempt, number as i64);
        let found = file.read("read from staging", attempt.to_string(), read).await.map_err(Interrupted::Store)?;
        let (length, piece) = found.ok_or(Interrupted::Moved)?;
        if length <= offset {
            return Ok(None);
        }
        let piece = Bytes::from(piece.ok_or(Interrupted::Moved)?);
        let skipped = ((offset % PIECE_BYTES as u64) as usize).min(piece.len());
        let next = (number + 1) * PIECE_BYTES as u64;
        Ok(Some((piece.slice(skipped..), (file, next, Some(length)))))
    }))
}

pub(super) async fn publish_kept(
    tenant: &SqliteTenant,
    attempt: Attempt,
    epoch: Epoch,
    object: &ObjectRef,
    content: &Fingerprint,
) -> StoreResult<bool> {
    let (id, object, content) = (tenant.id.clone(), object.clone(), content.clone());
    tenant
        .file
        .write_together("publish a version as", object.to_string(), move |tx| {
            let taken = super::change::take_upload(tx, &id, &object, UploadPurpose::Keep, epoch)?;
            if !taken || rows::state(tx, &id)?.epoch != epoch {
                return Ok(Outcome::Rollback(false));
            }
            // What was noted of its beginning was of another content where the hash is another one.
            let kept = tx.execute(
                "UPDATE sluss_version SET placement = ?3, object = ?4, attempt = NULL, pieces = ?6, sha256 = ?7, \
                 held_from = CASE WHEN sha256 = ?7 THEN held_from ELSE 0 END \
                 WHERE tenant = ?1 AND attempt = ?2 AND length = ?5",
                params![
                    id.as_str(),
                    attempt.to_string(),
                    object.placement.as_str(),
                    object.id.to_string(),
                    content.length_bytes,
                    content.pieces.to_bytes(),
                    content.sha256.0,
                ],
            )?;
            if kept != 1 {
                return Ok(Outcome::Rollback(false));
            }
            staging::remove(tx, attempt)?;
            Ok(Outcome::Commit(true))
        })
        .await
}

/// What one look for versions past their time found.
struct Past {
    number: i64,
    object: Option<ObjectRef>,
    attempt: Option<Attempt>,
    bytes: u64,
    ended_at: i64,
}

pub(super) async fn expire(tenant: &SqliteTenant, older_than: u64, limit: usize) -> StoreResult<VersionCount> {
    let (id, tables, now) = (tenant.id.clone(), tenant.tables().to_vec(), tenant.now());
    tenant
        .file
        .write("give up versions of", tenant.id.to_string(), move |tx| {
            let epoch = rows::state(tx, &id)?.epoch;
            let named = names_statement(&tables);
            let (mut gone, mut expired_to) = (VersionCount::default(), None);
            for past in find_past(tx, id.as_str(), older_than, limit)? {
                tx.prepare_cached("DELETE FROM sluss_version WHERE number = ?1")?.execute([past.number])?;
                if let Some(attempt) = past.attempt {
                    staging::remove(tx, attempt)?;
                }
                if let Some(object) = past.object
                    && !is_named(tx, &named, &object)?
                {
                    tx.prepare_cached(
                        "INSERT INTO sluss_upload (object, tenant, placement, purpose, epoch, state, changed_at) \
                         VALUES (?1, ?2, ?3, 'expired', ?4, 'condemned', ?5)",
                    )?
                    .execute(params![object.id.to_string(), id.as_str(), object.placement.as_str(), epoch.0, now])?;
                }
                gone.versions += 1;
                gone.bytes += past.bytes;
                // A clock that was ahead has noted a time to come.
                expired_to = expired_to.max(Some(past.ended_at.min(now)));
            }
            if let Some(expired_to) = expired_to {
                tx.prepare_cached("UPDATE sluss_tick SET expired_to = max(coalesce(expired_to, 0), ?2) WHERE tenant = ?1")?
                    .execute(params![id.as_str(), expired_to])?;
            }
            super::ticks::condemn_void(tx, &id, epoch, older_than, now)?;
            Ok(Outcome::Commit(gone))
        })
        .await
}

fn find_past(tx: &Transaction<'_>, tenant: &str, older_than: u64, limit: usize) -> rusqlite::Result<Vec<Past>> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT v.number, v.placement, v.object, v.attempt, v.stored_length, v.held_to FROM sluss_version v WHERE v.tenant = ?1 \
         AND v.tick <= (SELECT tick FROM sluss_tick WHERE tenant = ?1) - ?2 AND NOT {HELD_BACK} ORDER BY v.tick LIMIT ?3"
    ))?;
    let found = statement.query_map(params![tenant, signed(older_than), limit as u64], |row| {
        let attempt: Option<String> = row.get(3)?;
        Ok(Past {
            number: row.get(0)?,
            object: rows::read_object(row.get(1)?, row.get(2)?)?,
            attempt: attempt.map(|attempt| attempt.parse().map_err(|error| broken(format!("a version's attempt: {error}")))).transpose()?,
            bytes: row.get(4)?,
            ended_at: row.get(5)?,
        })
    })?;
    found.collect()
}

pub(super) fn signed(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

pub(super) async fn figures(tenant: &SqliteTenant, older_than: Option<u64>) -> StoreResult<HistoryFigures> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("count the versions of", tenant.id.to_string(), move |connection| {
            let count = |condition: &str| {
                let statement =
                    format!("SELECT count(*), coalesce(sum(v.stored_length), 0) FROM sluss_version v WHERE v.tenant = ?1 AND {condition}");
                let older_than = older_than.map_or(i64::MAX, signed);
                connection
                    .prepare_cached(&statement)?
                    .query_row(params![id.as_str(), older_than], |row| Ok(VersionCount { versions: row.get(0)?, bytes: row.get(1)? }))
            };
            let expired_to = "SELECT expired_to FROM sluss_tick WHERE tenant = ?1";
            let expired_to: Option<i64> =
                connection.prepare_cached(expired_to)?.query_row([id.as_str()], |row| row.get(0)).optional()?.flatten();
            Ok(HistoryFigures {
                all: count("?2 IS NOT NULL")?,
                staged: count("?2 IS NOT NULL AND attempt IS NOT NULL")?,
                past: count(&format!("v.tick <= (SELECT tick FROM sluss_tick WHERE tenant = ?1) - ?2 AND NOT {HELD_BACK}"))?,
                expired_to: expired_to.map(rows::read_timestamp).transpose()?,
            })
        })
        .await
}
