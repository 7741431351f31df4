//! Content into SQL in pieces: one row a piece, under the attempt's own name, invisible until a commit moves them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, MAIN_DB, OptionalExtension, Transaction, params};

use super::file::{Outcome, SqliteFile, broken};
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::clock::Clock;
use crate::model::content::{Fingerprint, PIECE_BYTES};
use crate::model::id::{Attempt, TenantId};
use crate::model::stamp::Epoch;
use crate::store::error::StoreResult;
use crate::store::sql::{Staged, Staging};

struct SqliteStaging {
    file: Arc<SqliteFile>,
    attempt: Attempt,
    pieces: u64,
    clock: Arc<dyn Clock>,
}

pub(super) async fn begin(tenant: &SqliteTenant, epoch: Epoch) -> StoreResult<Box<dyn Staging>> {
    let attempt = Attempt::fresh();
    let (id, now) = (tenant.id.clone(), tenant.now());
    tenant
        .file
        .write("stage", attempt.to_string(), move |tx| {
            tx.execute(
                "INSERT INTO sluss_staging (attempt, tenant, epoch, touched_at, finished) VALUES (?1, ?2, ?3, ?4, 0)",
                params![attempt.to_string(), id.as_str(), epoch.0, now],
            )?;
            Ok(Outcome::Commit(()))
        })
        .await?;
    Ok(Box::new(SqliteStaging { file: Arc::clone(&tenant.file), attempt, pieces: 0, clock: Arc::clone(&tenant.clock) }))
}

#[async_trait]
impl Staging for SqliteStaging {
    async fn append(&mut self, piece: Bytes) -> StoreResult<()> {
        let (attempt, number, now) = (self.attempt, self.pieces, self.clock.now().as_millisecond());
        self.pieces += 1;
        self.file
            .write("append to", attempt.to_string(), move |tx| {
                // An attempt that was given up takes no more: nobody would find its pieces again.
                let kept = "UPDATE sluss_staging SET touched_at = ?2 WHERE attempt = ?1 AND finished = 0";
                one_attempt(tx.prepare_cached(kept)?.execute(params![attempt.to_string(), now])?)?;
                tx.prepare_cached("INSERT INTO sluss_staging_piece (attempt, number, bytes) VALUES (?1, ?2, ?3)")?.execute(params![
                    attempt.to_string(),
                    number,
                    &piece[..]
                ])?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn finish(self: Box<Self>, content: Fingerprint) -> StoreResult<Staged> {
        let (attempt, length, sha256) = (self.attempt, content.length_bytes, content.sha256);
        self.file
            .write("finish", attempt.to_string(), move |tx| {
                one_attempt(tx.execute(
                    "UPDATE sluss_staging SET finished = 1, length = ?2, sha256 = ?3 WHERE attempt = ?1",
                    params![attempt.to_string(), length, sha256.0],
                )?)?;
                Ok(Outcome::Commit(()))
            })
            .await?;
        Ok(Staged { attempt, content })
    }

    async fn abandon(self: Box<Self>) -> StoreResult<()> {
        let attempt = self.attempt;
        self.file
            .write("abandon", attempt.to_string(), move |tx| {
                remove(tx, attempt)?;
                Ok(Outcome::Commit(()))
            })
            .await
    }
}

fn one_attempt(changed: usize) -> rusqlite::Result<()> {
    if changed == 1 { Ok(()) } else { Err(broken("the attempt was given up: it went untouched for too long")) }
}

/// True when the attempt is whole, of this epoch, and is what its writer says it is.
pub(super) fn is_whole(tx: &Transaction<'_>, staged: &Staged, epoch: Epoch) -> rusqlite::Result<bool> {
    let found: Option<(u64, [u8; 32])> = tx
        .query_row(
            "SELECT length, sha256 FROM sluss_staging WHERE attempt = ?1 AND finished = 1 AND epoch = ?2",
            params![staged.attempt.to_string(), epoch.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let stored: u64 = tx.query_row(
        "SELECT coalesce(sum(octet_length(bytes)), 0) FROM sluss_staging_piece WHERE attempt = ?1",
        [staged.attempt.to_string()],
        |row| row.get(0),
    )?;
    Ok(found == Some((staged.content.length_bytes, staged.content.sha256.0)) && stored == staged.content.length_bytes)
}

/// Moves the pieces into a content that is already a zeroblob of their length. Blob writes fire no trigger: the row's
/// revision was raised by the statement that made the zeroblob, in this same transaction.
pub(super) fn move_into(tx: &Transaction<'_>, table: &Table, rowid: i64, staged: &Staged) -> rusqlite::Result<()> {
    let mut blob = tx.blob_open(MAIN_DB, table.raw_name.as_str(), table.raw_content.as_str(), rowid, false)?;
    let mut at = 0;
    let mut number = 0_i64;
    while let Some(piece) = piece(tx, staged.attempt, number)? {
        blob.write_all_at(&piece, at)?;
        at += piece.len();
        number += 1;
    }
    if at as u64 != staged.content.length_bytes {
        return Err(broken("the pieces in staging are not as long as their attempt says"));
    }
    blob.close()?;
    remove(tx, staged.attempt)
}

pub(super) fn piece(connection: &Connection, attempt: Attempt, number: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT bytes FROM sluss_staging_piece WHERE attempt = ?1 AND number = ?2")?
        .query_row(params![attempt.to_string(), number], |row| row.get(0))
        .optional()
}

/// The length of a whole attempt, and one of its pieces. `None`: there is no such attempt any more.
pub(super) fn kept_piece(connection: &Connection, attempt: Attempt, number: i64) -> rusqlite::Result<Option<(u64, Option<Vec<u8>>)>> {
    connection
        .prepare_cached(
            "SELECT s.length, p.bytes FROM sluss_staging s \
             LEFT JOIN sluss_staging_piece p ON p.attempt = s.attempt AND p.number = ?2 WHERE s.attempt = ?1",
        )?
        .query_row(params![attempt.to_string(), number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(super) fn remove(tx: &Transaction<'_>, attempt: Attempt) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM sluss_staging_piece WHERE attempt = ?1", [attempt.to_string()])?;
    tx.execute("DELETE FROM sluss_staging WHERE attempt = ?1", [attempt.to_string()])?;
    Ok(())
}

/// Whose attempt it is.
pub(super) struct Owner<'a> {
    pub(super) attempt: Attempt,
    pub(super) tenant: &'a TenantId,
    pub(super) epoch: Epoch,
}

/// Copies what a row holds into pieces of [`PIECE_BYTES`]. They are a version's and no work of anybody's: only who publishes or gives up that
/// version removes them.
pub(super) fn keep(tx: &Transaction<'_>, owner: &Owner<'_>, now: Timestamp, table: &Table, rowid: i64) -> rusqlite::Result<()> {
    let blob = tx.blob_open(MAIN_DB, table.raw_name.as_str(), table.raw_content.as_str(), rowid, true)?;
    let attempt = owner.attempt.to_string();
    tx.execute(
        "INSERT INTO sluss_staging (attempt, tenant, epoch, touched_at, finished, length, kept) VALUES (?1, ?2, ?3, ?4, 1, ?5, 1)",
        params![attempt, owner.tenant.as_str(), owner.epoch.0, now.as_millisecond(), blob.len() as u64],
    )?;
    let mut insert = tx.prepare_cached("INSERT INTO sluss_staging_piece (attempt, number, bytes) VALUES (?1, ?2, ?3)")?;
    for (number, at) in (0..blob.len()).step_by(PIECE_BYTES).enumerate() {
        let mut piece = vec![0; PIECE_BYTES.min(blob.len() - at)];
        blob.read_at_exact(&mut piece, at)?;
        insert.execute(params![attempt, number as u64, piece])?;
    }
    Ok(())
}

/// Attempts untouched since `before` or in another epoch: nobody can commit them any more, or anybody wants to.
pub(super) fn remove_abandoned(tx: &Transaction<'_>, tenant: &str, before: i64, epoch: Epoch) -> rusqlite::Result<usize> {
    tx.execute(
        "DELETE FROM sluss_staging_piece WHERE attempt IN \
         (SELECT attempt FROM sluss_staging WHERE tenant = ?1 AND kept = 0 AND (touched_at < ?2 OR epoch <> ?3))",
        params![tenant, before, epoch.0],
    )?;
    tx.execute(
        "DELETE FROM sluss_staging WHERE tenant = ?1 AND kept = 0 AND (touched_at < ?2 OR epoch <> ?3)",
        params![tenant, before, epoch.0],
    )
}
