//! copy: bring the content of one revision to the object store, and say so in the row if it still has that revision.

use futures_util::stream;

use super::work::{Attempt, JobError, Tools, condemn, held_bytes, unless_moved};
use crate::compare::fingerprint;
use crate::model::content::Fingerprint;
use crate::model::document::{Attributes, DocRow, Document};
use crate::model::id::{DocKey, ObjectId, ObjectRef};
use crate::model::job::JobKind;
use crate::model::location::Labels;
use crate::model::stamp::Stamp;
use crate::store::error::StoreResult;
use crate::store::measured::measured;
use crate::store::object::{ByteStream, ObjectMeta, Upload};
use crate::store::sql::{Change, Commit, Copied, PartsInSql, Recorded, UploadPurpose};
use crate::telemetry::Direction;
use crate::tenants::Tenant;
use crate::watch::transfers::{Begun, Party, Progress};

/// `attempt`: the first one is 1.
pub async fn copy(tools: &Tools, tenant: &Tenant, key: &DocKey, attempt: u32) -> Result<Attempt, JobError> {
    // What a read has brought from SQL at this revision is here: copying it asks SQL for no byte of it again.
    let row = tools.cache.row_to_copy(tenant, key).await?;
    let Some(document) = row.document.as_ref().filter(|_| row.needs(JobKind::Copy, tenant.config.mirror)) else {
        return Ok(Attempt::Done);
    };
    let length_bytes = row.length_bytes();
    let held = held_bytes(length_bytes) + tenant.objects.upload_bytes(Some(length_bytes));
    let Some(_grant) = tools.budget.acquire(held).await else { return Err(JobError::NoMemory) };
    let begun = Begun::of(&row.key, Direction::Copy, (Party::Sql, Party::Object), Some(length_bytes));
    let transfer = tools.transfers.begin(&Begun { attempt, ..begun });
    let job = Copy { tools, tenant, row: &row, document, progress: transfer.progress() };
    transfer.end(job.run().await)
}

/// One attempt, on one revision.
struct Copy<'a> {
    tools: &'a Tools,
    tenant: &'a Tenant,
    row: &'a DocRow,
    document: &'a Document,
    progress: Progress,
}

impl Copy<'_> {
    async fn run(&self) -> Result<Attempt, JobError> {
        if self.row.length_bytes() == 0 {
            return self.publish(Copied::Uploaded(None, Labels::default()), Fingerprint::of(b""), None).await;
        }
        if let Some(same) = self.same_bytes().await? {
            return self.publish(Copied::SameAs(same.0), same.1, None).await;
        }
        self.upload().await
    }

    async fn upload(&self) -> Result<Attempt, JobError> {
        let key = self.tenant.objects.mint();
        let upload = key.object().id;
        // Recorded before the first byte leaves: what a crash leaves behind can be found again.
        match self.tenant.sql.record_upload(&key, UploadPurpose::Copy, self.row.state.epoch).await? {
            Recorded::Yes => {}
            Recorded::Moved | Recorded::ReadOnly => return Ok(Attempt::Done),
        }
        let Some(content) = self.content().await? else { return self.lost(upload).await };
        self.progress.begins_anew();
        let (content, measurement) = measured(self.progress.of(self.tools.pace.of(&self.tenant.id).slow(content)));
        let (length_bytes, log) = (Some(self.row.length_bytes()), &PartsInSql(&*self.tenant.sql));
        let object = Upload { key, meta: self.meta(), length_bytes, content, log };
        match self.tenant.objects.put(object).await {
            Ok(object) => match measurement.fingerprint() {
                Some(content) => self.publish(Copied::Uploaded(Some(object), self.labels()), content, Some(upload)).await,
                None => self.lost(upload).await,
            },
            Err(error) => {
                self.condemn(upload).await?;
                unless_moved(error).map(|()| Attempt::Done)
            }
        }
    }

    /// Where a location of the same length is there, the content may be unchanged: reading it once more is cheaper than storing it.
    async fn same_bytes(&self) -> Result<Option<(Option<ObjectRef>, Fingerprint)>, JobError> {
        let Some(location) = self.row.location.as_ref().filter(|location| location.content.length_bytes == self.row.length_bytes()) else {
            return Ok(None);
        };
        let Some(content) = self.content().await? else { return Ok(None) };
        let content = self.progress.of(self.tools.pace.of(&self.tenant.id).slow(content));
        let Some(fingerprint) = fingerprint(content).await? else { return Ok(None) };
        Ok((fingerprint == location.content).then(|| (location.object.clone(), fingerprint)))
    }

    /// The bytes of exactly this revision; `None` when the row has moved on.
    async fn content(&self) -> StoreResult<Option<ByteStream>> {
        if let Some(inline) = self.row.inline.clone() {
            return Ok(Some(Box::pin(stream::iter([Ok(inline)]))));
        }
        self.tenant.sql.open(&self.row.key, self.document.revision, 0, self.tools.budget.portion_bytes()).await
    }

    async fn publish(&self, copied: Copied, content: Fingerprint, upload: Option<ObjectId>) -> Result<Attempt, JobError> {
        let length_bytes = content.length_bytes;
        let change = Change::Publish { seen: self.document.revision, copied, content };
        // An error here is an unknown outcome: nothing is undone, the next attempt looks again.
        match self.tenant.sql.commit(&self.row.key, self.row.state.epoch, change).await? {
            Commit::Done(_) => {
                self.tools.metrics.copied(&self.tenant.id, length_bytes);
                tracing::info!(event = "copied", size_bytes = length_bytes, "copied {} to the object store", self.row.key);
                Ok(Attempt::Done)
            }
            Commit::Moved | Commit::Unmet(_) | Commit::Absent | Commit::ReadOnly | Commit::Refused(_) | Commit::Unfit(_) => match upload {
                Some(upload) => self.lost(upload).await,
                None => Ok(Attempt::Done),
            },
        }
    }

    /// The row has moved while its content was under way. Whether another copy is needed is seen when the job is closed.
    async fn lost(&self, upload: ObjectId) -> Result<Attempt, JobError> {
        self.tools.metrics.copy_moved();
        tracing::info!(event = "copy_moved", "the row of {} moved while it was copied", self.row.key);
        self.condemn(upload).await?;
        Ok(Attempt::Done)
    }

    async fn condemn(&self, upload: ObjectId) -> Result<(), JobError> {
        condemn(self.tools, self.tenant, upload, &self.row.key).await
    }

    fn labels(&self) -> Labels {
        let Attributes { media_type, file_name, .. } = self.document.attributes.clone();
        Labels::carried(media_type, file_name)
    }

    fn meta(&self) -> ObjectMeta {
        let key = &self.row.key;
        let Labels { media_type, file_name } = self.labels();
        ObjectMeta {
            tenant: key.tenant.to_string(),
            collection: key.collection.to_string(),
            document: key.id.to_string(),
            stamp: Stamp::Row { epoch: self.row.state.epoch, revision: self.document.revision }.to_string(),
            media_type,
            file_name,
            sha256: self.row.inline.as_ref().map(|inline| Fingerprint::of(inline).sha256.to_string()),
        }
    }
}
