//! Versions: read, brought out of staging by agents, given up by the collector. The transactions that make them are in `keeping` and in a trigger.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;

use super::batch::{Batch, Misread, Row};
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{read_object, signed, strange, time};
use super::state::transaction;
use super::tenant::{SqlServerTenant, not_initialised, silent};
use super::{restores, scan, statements, text, ticks};
use crate::model::content::{ContentHash, Fingerprint, PIECE_BYTES, PieceSums};
use crate::model::history::{Kept, MarkName, Tick, Version, VersionNumber};
use crate::model::id::{Attempt, CollectionName, DocKey, ObjectRef};
use crate::model::location::Labels;
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::model::stamp::{Epoch, Stamp};
use crate::store::error::{Interrupted, StoreResult};
use crate::store::history::{HistoryFigures, HistoryStore, VersionCount};
use crate::store::sql::{SqlContentStream, UploadPurpose, WalkEnd};

/// The order that `read` relies on.
pub(super) const COLUMNS: &str = "v.number, v.collection, v.document, v.stamp, v.length, v.placement, v.object, v.attempt, v.sha256, v.pieces, v.media_type, \
                       v.file_name, v.held_from, v.held_to, v.exact, v.hidden_at";

pub(super) fn read(mut row: Row) -> Result<Version, Misread> {
    let (number, collection, document) = (VersionNumber(row.count()?), row.text()?, row.text()?);
    let stamp = row.text()?.parse().map_err(|error| strange("a stamp", error))?;
    let length_bytes = row.count()?;
    let object = read_object(row.text_or_null()?, row.text_or_null()?)?;
    let attempt = row.text_or_null()?.map(|attempt| attempt.parse().map_err(|error| strange("an attempt", error))).transpose()?;
    let sha256 = <[u8; 32]>::try_from(row.bytes()?.as_ref()).map_err(|_| strange("a SHA-256", "another length"))?;
    let pieces = row.bytes()?;
    let kept = match (attempt, object) {
        (Some(attempt), _) => Kept::Staged(attempt),
        (None, Some(object)) => {
            let pieces = PieceSums::from_bytes(&pieces).ok_or_else(|| strange("checksums", "some that are cut short"))?;
            Kept::Object { object, content: Fingerprint { length_bytes, sha256: ContentHash(sha256), pieces } }
        }
        (None, None) => Kept::Empty,
    };
    let labels = Labels { media_type: row.text_or_null()?, file_name: row.text_or_null()? };
    let held_from = row.integer()?;
    Ok(Version {
        number,
        collection,
        document,
        stamp,
        length_bytes,
        kept,
        labels,
        held_from: (held_from != 0).then(|| time(held_from)).transpose()?,
        held_to: time(row.integer()?)?,
        exact: row.flag_or_null()?.unwrap_or_default(),
        hidden_at: row.integer_or_null()?.map(time).transpose()?,
    })
}

/// True while a version's bytes are in staging.
pub(super) async fn is_staged(tenant: &SqlServerTenant, attempt: Attempt) -> StoreResult<bool> {
    tenant.staged_version(attempt).await.map(|version| version.is_some())
}

/// Ticks as the database has them.
fn ticks_back(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

impl SqlServerTenant {
    /// The versions that a statement selects of one document.
    pub(super) async fn versions_of(
        &self,
        key: &DocKey,
        statement: &str,
        with: impl for<'a> Fn(Batch<'a>) -> Batch<'a>,
    ) -> StoreResult<Vec<Version>> {
        let table = self.table(&key.collection).await?;
        let text = table.fill(statement, &[("version", COLUMNS)]);
        let batch = with_id(self.batch(&text), "asked", &table, Some(&key.id)).with("collection", "varchar(63)", key.collection.as_str());
        let batch = with(batch);
        let found = async { self.run(&batch).await?.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>() };
        found.await.map_err(|fault: Fault| fault.at("look up versions of", key))
    }

    async fn staged_length(&self, attempt: Attempt) -> StoreResult<Option<u64>> {
        let batch = self.batch(statements::STAGED_LENGTH).with("attempt", "varchar(36)", attempt.to_string());
        let length = async { Ok(self.run(&batch).await?.pop().map(|mut row| row.count()).transpose()?) };
        length.await.map_err(|fault: Fault| fault.at("look into staging for", attempt))
    }

    /// A window within what is kept is never empty. `None`: it has left staging.
    async fn staged_window(&self, attempt: Attempt, offset: u64) -> StoreResult<Option<Bytes>> {
        let batch = self
            .batch(statements::STAGED_WINDOW)
            .with("attempt", "varchar(36)", attempt.to_string())
            .with("offset", "bigint", signed(offset))
            .with("length", "bigint", PIECE_BYTES as i64);
        self.server.window(&batch, PIECE_BYTES).await.map_err(|fault| fault.at("read from staging", attempt))
    }
}

#[async_trait]
impl HistoryStore for SqlServerTenant {
    async fn versions(&self, key: &DocKey, before: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        let before = before.map_or(i64::MAX, |before| i64::try_from(before.0).unwrap_or(i64::MAX));
        self.versions_of(key, statements::VERSIONS, |batch| batch.with("before", "bigint", before).with("limit", "bigint", limit as i64))
            .await
    }

    async fn all_versions(&self, after: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        let after = after.map_or(i64::MIN, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
        let text = text::fill(statements::ALL_VERSIONS, &[("version", COLUMNS)]);
        let batch = self.batch(&text).with("after", "bigint", after).with("limit", "bigint", limit as i64);
        let found = async { self.run(&batch).await?.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>() };
        found.await.map_err(|fault: Fault| fault.at("walk the versions of", &self.id))
    }

    async fn version(&self, key: &DocKey, stamp: &Stamp) -> StoreResult<Option<Version>> {
        let found = self.versions_of(key, statements::VERSION, |batch| batch.with("stamp", "varchar(64)", stamp.to_string())).await?;
        Ok(found.into_iter().next())
    }

    async fn staged_version(&self, attempt: Attempt) -> StoreResult<Option<Version>> {
        let text = text::fill(statements::STAGED_VERSION, &[("version", COLUMNS)]);
        let batch = self.batch(&text).with("attempt", "varchar(36)", attempt.to_string());
        let found = async { Ok(self.run(&batch).await?.pop().map(read).transpose()?) };
        found.await.map_err(|fault: Fault| fault.at("look up the version in", attempt))
    }

    async fn open_staged(&self, attempt: Attempt, offset: u64) -> StoreResult<SqlContentStream> {
        let length = self.staged_length(attempt).await?;
        let begin = (self.clone(), offset);
        Ok(Box::pin(stream::try_unfold(begin, move |(tenant, offset)| async move {
            if length.ok_or(Interrupted::Moved)? <= offset {
                return Ok(None);
            }
            let window = tenant.staged_window(attempt, offset).await?.ok_or(Interrupted::Moved)?;
            let next = offset + window.len() as u64;
            Ok(Some((window, (tenant, next))))
        })))
    }

    async fn publish_kept(&self, attempt: Attempt, epoch: Epoch, object: &ObjectRef, content: &Fingerprint) -> StoreResult<bool> {
        let text = transaction(&[statements::PUBLISH_KEPT, statements::TAKE_UPLOAD]);
        let batch = self
            .batch(&text)
            .with("attempt", "varchar(36)", attempt.to_string())
            .with("epoch", "bigint", signed(epoch.0))
            .with("placement", "varchar(63)", object.placement.as_str())
            .with("object", "varchar(36)", object.id.to_string())
            .with("purpose", "varchar(16)", UploadPurpose::Keep.label())
            .with("length", "bigint", signed(content.length_bytes))
            .with("sha256", "binary(32)", Bytes::copy_from_slice(&content.sha256.0))
            .with("pieces", "varbinary(max)", Bytes::from(content.pieces.to_bytes()));
        let outcome = self.outcome(&batch).await.map_err(|fault| fault.at("publish a version as", object))?;
        Ok(outcome == "done")
    }

    async fn expire(&self, older_than: u64, limit: usize) -> StoreResult<VersionCount> {
        let tables = self.tables().await?;
        let named: String = scan::places(&tables).map(|place| text::fill(statements::EXPIRE_NAMED, &[("place", &place)])).collect();
        let batch = self
            .timed(&text::fill(statements::EXPIRE, &[("named", &named)]))
            .with("older_than", "bigint", ticks_back(older_than))
            .with("limit", "bigint", limit as i64);
        let expired = async {
            let mut row = self.run(&batch).await?.pop().ok_or_else(silent)?;
            match row.text()?.as_str() {
                "done" => Ok(VersionCount { versions: row.count()?, bytes: row.count()? }),
                _ => Err(not_initialised(&self.id)),
            }
        };
        expired.await.map_err(|fault: Fault| fault.at("give up versions of", &self.id))
    }

    async fn history(&self, older_than: Option<u64>) -> StoreResult<HistoryFigures> {
        let batch = self.batch(statements::HISTORY_FIGURES).with("older_than", "bigint", older_than.map_or(i64::MAX, ticks_back));
        let counted = async {
            let mut row = self.run(&batch).await?.pop().ok_or_else(silent)?;
            let mut count = || Ok::<_, Misread>(VersionCount { versions: row.count()?, bytes: row.count()? });
            let (all, staged, past) = (count()?, count()?, count()?);
            Ok(HistoryFigures { all, staged, past, expired_to: row.integer_or_null()?.map(time).transpose()? })
        };
        counted.await.map_err(|fault: Fault| fault.at("count the versions of", &self.id))
    }

    async fn tick(&self) -> StoreResult<Tick> {
        ticks::tick(self).await
    }

    async fn raise_tick(&self, seen: Tick) -> StoreResult<Tick> {
        ticks::raise(self, seen).await
    }

    async fn go_on_from(&self, tick: Tick) -> StoreResult<bool> {
        ticks::go_on_from(self, tick).await
    }

    async fn mark(&self, name: &MarkName) -> StoreResult<Timestamp> {
        ticks::mark(self, name).await
    }

    async fn trace(&self, key: &DocKey, instant: Timestamp) -> StoreResult<Trace> {
        restores::trace(self, key, instant).await
    }

    async fn begin_restore(&self, wish: &RestoreWish) -> StoreResult<Option<u64>> {
        restores::begin(self, wish).await
    }

    async fn note_restore(
        &self,
        number: u64,
        collection: &CollectionName,
        figures: RestoreFigures,
        end: Option<WalkEnd>,
    ) -> StoreResult<bool> {
        restores::note(self, number, collection, figures, end).await
    }

    async fn open_restore(&self, collection: &CollectionName) -> StoreResult<Option<RestoreRun>> {
        restores::open(self, collection).await
    }

    async fn cancel_restore(&self, number: u64) -> StoreResult<bool> {
        restores::cancel(self, number).await
    }

    async fn restores(&self) -> StoreResult<Vec<RestoreRun>> {
        restores::runs(self).await
    }
}
