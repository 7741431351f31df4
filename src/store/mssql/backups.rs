//! Backups: their runs, what changed since an instant, and copies that are not what they should be.

use async_trait::async_trait;
use jiff::Timestamp;

use super::batch::{Batch, Misread, Row};
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{read_id, signed, strange, time};
use super::state::transaction;
use super::tenant::SqlServerTenant;
use super::{history, statements, text};
use crate::model::backup::{BackupFigures, BackupRun, BackupState, BadCopy, Manifest};
use crate::model::history::Version;
use crate::model::id::{CollectionName, ObjectId};
use crate::model::job::{JobKind, Priority};
use crate::store::backups::{BackupEnd, BackupStore, Ended, Located};
use crate::store::error::StoreResult;

/// The order that `read` relies on.
const COLUMNS: &str = "r.number, r.state, r.instant, r.ended_at, r.documents, r.bytes, r.only_in_sql, r.left_out, r.objects_copied, \
                       r.bytes_copied, r.reason, r.manifest";

fn read(mut row: Row) -> Result<BackupRun, Misread> {
    Ok(BackupRun {
        number: row.count()?,
        state: row.text()?.parse().map_err(|error| strange("a state of a backup", error))?,
        instant: time(row.integer()?)?,
        ended_at: row.integer_or_null()?.map(time).transpose()?,
        figures: BackupFigures {
            documents: row.count()?,
            bytes: row.count()?,
            only_in_sql: row.count()?,
            left_out: row.count()?,
            objects_copied: row.count()?,
            bytes_copied: row.count()?,
        },
        reason: row.text_or_null()?,
        manifest: row.text_or_null()?.map(|text| parsed(&text, "a manifest")).transpose()?,
    })
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, Misread> {
    serde_json::from_str(text).map_err(|error| strange(what, error))
}

fn spelled(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it is made of text and numbers")
}

fn with_figures<'a>(batch: Batch<'a>, number: u64, figures: BackupFigures) -> Batch<'a> {
    let BackupFigures { documents, bytes, only_in_sql, left_out, objects_copied, bytes_copied } = figures;
    batch
        .with("number", "bigint", signed(number))
        .with("documents", "bigint", signed(documents))
        .with("bytes", "bigint", signed(bytes))
        .with("only_in_sql", "bigint", signed(only_in_sql))
        .with("left_out", "bigint", signed(left_out))
        .with("objects_copied", "bigint", signed(objects_copied))
        .with("bytes_copied", "bigint", signed(bytes_copied))
}

impl SqlServerTenant {
    async fn backup_rows(&self, batch: &Batch<'_>) -> StoreResult<Vec<BackupRun>> {
        let found = async { self.run(batch).await?.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>() };
        found.await.map_err(|fault: Fault| fault.at("list the backups of", &self.id))
    }

    async fn change(&self, operation: &'static str, batch: &Batch<'_>) -> StoreResult<()> {
        self.run(batch).await.map(|_| ()).map_err(|fault| fault.at(operation, &self.id))
    }
}

#[async_trait]
impl BackupStore for SqlServerTenant {
    async fn begin_backup(&self) -> StoreResult<Option<BackupRun>> {
        let text = transaction(&[statements::BEGIN_BACKUP]);
        let batch = self.timed(&text).with("kind", "varchar(16)", JobKind::Backup.label()).with(
            "job_priority",
            "int",
            i64::from(Priority::Housekeeping.rank()),
        );
        match self.outcome(&batch).await.map_err(|fault| fault.at("begin a backup of", &self.id))?.as_str() {
            "done" => Ok(self.backups_in(BackupState::Running).await?.pop()),
            _ => Ok(None),
        }
    }

    async fn backups(&self, before: Option<u64>, limit: usize) -> StoreResult<Vec<BackupRun>> {
        let text = text::fill(statements::BACKUPS, &[("run", COLUMNS)]);
        let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        self.backup_rows(&self.batch(&text).with("before", "bigint", before).with("limit", "bigint", limit as i64)).await
    }

    async fn backups_in(&self, state: BackupState) -> StoreResult<Vec<BackupRun>> {
        let text = text::fill(statements::BACKUPS_IN, &[("run", COLUMNS)]);
        self.backup_rows(&self.batch(&text).with("state", "varchar(16)", state.label())).await
    }

    async fn note_backup(&self, number: u64, figures: BackupFigures) -> StoreResult<()> {
        self.change("note a backup of", &with_figures(self.batch(statements::NOTE_BACKUP), number, figures)).await
    }

    async fn end_backup(&self, number: u64, figures: BackupFigures, end: BackupEnd) -> StoreResult<()> {
        let (state, reason, manifest) = match &end {
            BackupEnd::Kept(manifest) => (BackupState::Kept, None, Some(spelled(manifest))),
            BackupEnd::Failed(reason) => (BackupState::Failed, Some(super::jobs::cut(reason)), None),
        };
        let batch = with_figures(self.timed(statements::END_BACKUP), number, figures)
            .with("state", "varchar(16)", state.label())
            .with("reason", "nvarchar(4000)", reason)
            .with("manifest", "nvarchar(4000)", manifest);
        self.change("end a backup of", &batch).await
    }

    async fn set_backup(&self, number: u64, state: BackupState, reason: Option<&str>) -> StoreResult<()> {
        let batch = self
            .batch(statements::SET_BACKUP)
            .with("number", "bigint", signed(number))
            .with("state", "varchar(16)", state.label())
            .with("reason", "nvarchar(4000)", reason.map(super::jobs::cut));
        self.change("note what became of a backup of", &batch).await
    }

    async fn adopt_backups(&self, manifests: Vec<Manifest>) -> StoreResult<()> {
        let highest = manifests.iter().map(|manifest| manifest.number).max().unwrap_or_default();
        let renumber = self.batch(statements::RENUMBER_BACKUP).with("highest", "bigint", signed(highest));
        self.change("take in manifests of", &renumber).await?;
        for manifest in &manifests {
            let batch = self
                .batch(statements::ADOPT_BACKUP)
                .with("number", "bigint", signed(manifest.number))
                .with("instant", "bigint", manifest.instant.as_millisecond())
                .with("documents", "bigint", signed(manifest.documents))
                .with("bytes", "bigint", signed(manifest.bytes))
                .with("manifest", "nvarchar(4000)", spelled(manifest));
            self.change("take in manifests of", &batch).await?;
        }
        Ok(())
    }

    async fn note_bad_copies(&self, bad: Vec<BadCopy>) -> StoreResult<()> {
        for BadCopy { held, what, found_at } in &bad {
            let batch = self
                .batch(statements::NOTE_BAD_COPY)
                .with("object", "varchar(36)", held.object.to_string())
                .with("held", "nvarchar(max)", spelled(held))
                .with("what", "nvarchar(4000)", super::jobs::cut(what))
                .with("found_at", "bigint", found_at.as_millisecond());
            self.change("note bad copies of", &batch).await?;
        }
        Ok(())
    }

    async fn bad_copies(&self, limit: usize) -> StoreResult<Vec<BadCopy>> {
        let batch = self.batch(statements::BAD_COPIES).with("limit", "bigint", limit as i64);
        let found = async {
            let read = |mut row: Row| {
                let held = parsed(&row.text()?, "a bad copy")?;
                Ok(BadCopy { held, what: row.text()?, found_at: time(row.integer()?)? })
            };
            self.run(&batch)
                .await?
                .into_iter()
                .map(|row| read(row).map_err(|error: Misread| error.into()))
                .collect::<Result<Vec<_>, Fault>>()
        };
        found.await.map_err(|fault: Fault| fault.at("list bad copies of", &self.id))
    }

    async fn forget_bad_copy(&self, object: ObjectId) -> StoreResult<()> {
        let batch = self.batch(statements::FORGET_BAD_COPY).with("object", "varchar(36)", object.to_string());
        self.change("forget a bad copy of", &batch).await
    }

    async fn located_since(
        &self,
        collection: &CollectionName,
        since: Timestamp,
        after: Option<&Located>,
        limit: usize,
    ) -> StoreResult<Vec<Located>> {
        let table = self.table(collection).await?;
        let (check_after, behind) = match after {
            Some(_) => (statements::AFTER_IS_THERE, " AND (l.held_from > @from OR l.id > @id)"),
            None => ("", ""),
        };
        let text = table.fill(statements::LOCATED_SINCE, &[("check_after", check_after), ("behind", behind)]);
        let from = after.map_or(since, |after| after.at).as_millisecond();
        let batch = Batch::new(text.as_str()).with("from", "bigint", from).with("limit", "bigint", limit as i64);
        let batch = with_id(batch, "asked", &table, after.map(|after| &after.id));
        let found = async {
            let read = |mut row: Row| {
                let at = time(row.integer()?)?;
                let id = read_id(&mut row, table.id_kind)?.ok_or_else(|| strange("an id of a location", "NULL"))?;
                Ok(Located { at, id })
            };
            self.run(&batch)
                .await?
                .into_iter()
                .map(|row| read(row).map_err(|error: Misread| error.into()))
                .collect::<Result<Vec<_>, Fault>>()
        };
        found.await.map_err(|fault: Fault| fault.at("walk what was located in", format!("{}/{collection}", self.id)))
    }

    async fn ended_since(&self, since: Timestamp, after: Option<Ended>, limit: usize) -> StoreResult<Vec<Version>> {
        let text = text::fill(statements::ENDED_SINCE, &[("version", history::COLUMNS)]);
        let (from, number) = match after {
            Some(Ended { at, number }) => (at, i64::try_from(number.0).unwrap_or(i64::MAX)),
            // Numbers begin above it.
            None => (since, -1),
        };
        let batch = self.batch(&text).with("from", "bigint", from.as_millisecond()).with("after", "bigint", number).with(
            "limit",
            "bigint",
            limit as i64,
        );
        let found = async { self.run(&batch).await?.into_iter().map(|row| Ok(history::read(row)?)).collect::<Result<Vec<_>, Fault>>() };
        found.await.map_err(|fault: Fault| fault.at("walk what ended in", &self.id))
    }
}
