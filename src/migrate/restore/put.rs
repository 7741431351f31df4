//! One document of a restore: a new write by the phase, or a delete, exactly where the document is still as it was seen.

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::intent::Source;
use crate::migrate::incoming::bring_in;
use crate::migrate::work::{JobError, Tools, condemn, held_bytes, unless_moved};
use crate::model::content::{ContentHash, Fingerprint, PIECE_BYTES};
use crate::model::document::DocRow;
use crate::model::history::Kept;
use crate::model::location::Labels;
use crate::model::phase::Side;
use crate::model::precondition::{EntityTag, EntityTags, Precondition};
use crate::model::stamp::Stamp;
use crate::store::checked::open_checked;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::kept::{Following, Lost};
use crate::store::measured::measured;
use crate::store::object::{ByteStream, ObjectMeta, Upload};
use crate::store::sql::{Change, Commit, NewAttributes, PartsInSql, Recorded, UploadPurpose};
use crate::telemetry::Direction;
use crate::tenants::Tenant;
use crate::watch::transfers::{Begun, Party, Progress};

/// How one document ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done {
        bytes: u64,
    },
    /// It is not as it was seen: look again.
    Moved,
    /// The tenant takes no changes.
    ReadOnly,
    /// The database refuses it, for this reason.
    Refused(String),
}

impl From<Commit> for Ended {
    fn from(commit: Commit) -> Self {
        match commit {
            Commit::Done(_) => Self::Done { bytes: 0 },
            Commit::Moved | Commit::Unmet(_) | Commit::Absent => Self::Moved,
            Commit::ReadOnly => Self::ReadOnly,
            Commit::Refused(reason) | Commit::Unfit(reason) => Self::Refused(reason),
        }
    }
}

/// Nobody has changed what clients see of it.
fn unchanged(row: &DocRow) -> Precondition {
    match row.current().stamp {
        Some(stamp) => {
            let tag = EntityTag { weak: false, opaque: stamp.to_string() };
            Precondition { if_match: Some(EntityTags::Of(vec![tag])), ..Precondition::default() }
        }
        None => Precondition { if_none_match: Some(EntityTags::Any), ..Precondition::default() },
    }
}

pub(super) async fn remove(tenant: &Tenant, row: &DocRow) -> Result<Ended, JobError> {
    let change = Change::Delete { precondition: unchanged(row) };
    Ok(tenant.sql.commit(&row.key, row.state.epoch, change).await?.into())
}

/// When the last of a document's contents ended.
pub(super) async fn last_ended(tenant: &Tenant, row: &DocRow) -> StoreResult<Option<Timestamp>> {
    Ok(tenant.sql.trace(&row.key, Timestamp::MAX).await?.last_ended)
}

/// A content on its way from one tenant's document to the same or another tenant's.
pub(super) struct Put<'a> {
    pub(super) tools: &'a Tools,
    pub(super) from: &'a Tenant,
    /// The document that the content is of.
    pub(super) of: &'a DocRow,
    pub(super) source: &'a Source,
    pub(super) to: &'a Tenant,
    /// The document that gets it.
    pub(super) row: &'a DocRow,
    /// When the last of that document's contents had ended when it was seen.
    pub(super) last_ended: Option<Timestamp>,
    /// What is on its way then is dropped, and the document counts as moved.
    pub(super) cancelled: &'a CancellationToken,
}

impl Put<'_> {
    pub(super) async fn run(&self) -> Result<Ended, JobError> {
        let length_bytes = self.length_bytes();
        if self.is_there() {
            return Ok(Ended::Done { bytes: 0 });
        }
        // A piece of the source that is checked, beside what an agent's own transfer holds.
        let held = held_bytes(length_bytes) + length_bytes.min(PIECE_BYTES as u64) + self.to.objects.upload_bytes(Some(length_bytes));
        let Some(_grant) = self.tools.budget.acquire(held).await else { return Err(JobError::NoMemory) };
        let side = self.row.state.phase.writes_to();
        let begun = Begun::of(&self.row.key, Direction::Restore, (Party::Object, side.into()), Some(length_bytes));
        let transfer = self.tools.transfers.begin(&begun);
        let Some(content) = self.open().await? else { return Ok(Ended::Moved) };
        let progress = transfer.progress();
        let content = progress.of(self.tools.pace.of(&self.to.id).slow(content));
        // The empty content names no object in any phase, so it goes to the row.
        let ended = match side {
            Side::Object if length_bytes > 0 => self.to_object(content, &progress).await,
            Side::Sql | Side::Object => self.to_sql(content).await,
        };
        transfer.end(ended).map(|ended| match ended {
            Ended::Done { .. } => Ended::Done { bytes: length_bytes },
            other @ (Ended::Moved | Ended::ReadOnly | Ended::Refused(_)) => other,
        })
    }

    fn length_bytes(&self) -> u64 {
        match self.source {
            Source::Version(version) => version.length_bytes,
            Source::Current => self.of.length_bytes(),
        }
    }

    fn labels(&self) -> Labels {
        match self.source {
            Source::Version(version) => version.labels.clone(),
            Source::Current => {
                let attributes = self.of.document.as_ref().map(|document| document.attributes.clone()).unwrap_or_default();
                Labels::carried(attributes.media_type, attributes.file_name)
            }
        }
    }

    /// Where it is known.
    fn sha256(&self) -> Option<ContentHash> {
        match self.source {
            Source::Version(version) => match &version.kept {
                Kept::Object { content, .. } => Some(content.sha256),
                Kept::Empty | Kept::Staged(_) => None,
            },
            Source::Current => self.of.located().map(|location| location.content.sha256),
        }
    }

    /// Whether the other tenant's document has these bytes already, as after an interruption.
    fn is_there(&self) -> bool {
        let is_another = self.from.id != self.to.id && self.row.truth().visible;
        let same =
            |sha256| self.row.located().is_some_and(|location| location.content.sha256 == sha256 && location.labels == self.labels());
        is_another && self.sha256().is_some_and(same)
    }

    /// `None`: it is not where it was seen.
    async fn open(&self) -> StoreResult<Option<ByteStream>> {
        let (sql, objects) = (self.from.sql.clone(), self.from.objects.clone());
        match self.source {
            Source::Version(version) => {
                let (key, end) = (self.of.key.clone(), version.length_bytes);
                let mut following = Following { sql, objects, key, version: (**version).clone(), at: 0, end };
                match following.open().await {
                    Ok(content) => Ok(Some(Box::pin(following.into_stream(content).map(|portion| portion.map_err(Interrupted::from))))),
                    Err(Lost::Gone | Lost::Unsettled) => Ok(None),
                    Err(Lost::Store(error)) => Err(error),
                }
            }
            Source::Current => match (self.of.located(), &self.of.document) {
                (Some(location), _) => open_checked(&*objects, location, 0..location.content.length_bytes).await,
                (None, Some(document)) => sql.open(&self.of.key, document.revision, 0, self.tools.budget.portion_bytes()).await,
                (None, None) => Ok(None),
            },
        }
    }

    /// What becomes the document's is what it had, by SHA-256 where that is known, else by its length.
    fn check(&self, found: &Fingerprint) -> StoreResult<()> {
        let is_whole = found.length_bytes == self.length_bytes();
        if is_whole && self.sha256().is_none_or(|sha256| sha256 == found.sha256) {
            return Ok(());
        }
        Err(StoreError::new("restore", "read", &self.of.key, StoreErrorKind::Corrupt).because("it has not the bytes that it had"))
    }

    fn attributes(&self) -> NewAttributes {
        let Labels { media_type, file_name } = self.labels();
        NewAttributes { media_type, file_name, all: true }
    }

    /// Whether a client's content came and went since the document was seen. A document that has none has no name that a precondition could hold
    /// on to.
    async fn has_moved(&self) -> StoreResult<bool> {
        Ok(self.row.current().stamp.is_none() && last_ended(self.to, self.row).await? != self.last_ended)
    }

    async fn to_sql(&self, content: ByteStream) -> Result<Ended, JobError> {
        let check = |found: &Fingerprint| self.check(found);
        let epoch = self.row.state.epoch;
        let brought = self.cancelled.run_until_cancelled(bring_in(self.to, epoch, content, self.length_bytes(), &check)).await;
        let Some(content) = brought.transpose()? else { return Ok(Ended::Moved) };
        if self.has_moved().await? {
            return Ok(Ended::Moved);
        }
        let change = Change::Store { content, attributes: self.attributes(), precondition: unchanged(self.row) };
        Ok(self.to.sql.commit(&self.row.key, epoch, change).await?.into())
    }

    async fn to_object(&self, content: ByteStream, progress: &Progress) -> Result<Ended, JobError> {
        let epoch = self.row.state.epoch;
        let key = self.to.objects.mint();
        let upload = key.object().id;
        match self.to.sql.record_upload(&key, UploadPurpose::Write, epoch).await? {
            Recorded::Yes => {}
            Recorded::Moved => return Ok(Ended::Moved),
            Recorded::ReadOnly => return Ok(Ended::ReadOnly),
        }
        progress.begins_anew();
        let (content, measurement) = measured(content);
        let (length_bytes, log) = (Some(self.length_bytes()), &PartsInSql(&*self.to.sql));
        let put = self.to.objects.put(Upload { key, meta: self.meta(&Stamp::Object(upload)), length_bytes, content, log });
        let Some(stored) = self.cancelled.run_until_cancelled(put).await else {
            condemn(self.tools, self.to, upload, &self.row.key).await?;
            return Ok(Ended::Moved);
        };
        let (object, content) = match (stored, measurement.fingerprint()) {
            (Ok(object), Some(content)) => (object, content),
            (Ok(_), None) => {
                condemn(self.tools, self.to, upload, &self.row.key).await?;
                return Ok(Ended::Moved);
            }
            (Err(error), _) => {
                condemn(self.tools, self.to, upload, &self.row.key).await?;
                return unless_moved(error).map(|()| Ended::Moved);
            }
        };
        if let Err(other) = self.check(&content) {
            condemn(self.tools, self.to, upload, &self.row.key).await?;
            return Err(other.into());
        }
        if self.has_moved().await? {
            condemn(self.tools, self.to, upload, &self.row.key).await?;
            return Ok(Ended::Moved);
        }
        let (labels, attributes, precondition) = (self.labels(), self.attributes(), unchanged(self.row));
        let change = Change::Point { object, labels, content, attributes, precondition };
        // An error here is an unknown outcome: nothing is undone, the next attempt looks again.
        let ended = self.to.sql.commit(&self.row.key, epoch, change).await?.into();
        match ended {
            Ended::Done { .. } => {}
            Ended::Moved | Ended::ReadOnly | Ended::Refused(_) => condemn(self.tools, self.to, upload, &self.row.key).await?,
        }
        Ok(ended)
    }

    fn meta(&self, stamp: &Stamp) -> ObjectMeta {
        let key = &self.row.key;
        let Labels { media_type, file_name } = self.labels();
        ObjectMeta {
            tenant: key.tenant.to_string(),
            collection: key.collection.to_string(),
            document: key.id.to_string(),
            stamp: stamp.to_string(),
            media_type,
            file_name,
            sha256: None,
        }
    }
}
