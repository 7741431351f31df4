//! keep: bring a content that was overwritten before it was ever copied from staging to the object store, as a version.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;

use super::work::{Attempt, JobError, Tools, condemn, held_bytes, unless_moved};
use crate::model::history::Version;
use crate::model::id::{self, CollectionName, DocId, DocKey, ObjectId};
use crate::store::error::{Interrupted, StoreError, StoreErrorKind};
use crate::store::measured::measured;
use crate::store::object::{ObjectMeta, Upload};
use crate::store::sql::{PartsInSql, Recorded, SqlContentStream, UploadPurpose};
use crate::telemetry::Direction;
use crate::tenants::Tenant;
use crate::watch::transfers::{Begun, Party, Progress};

/// `attempt`: the first one is 1.
pub async fn keep(tools: &Tools, tenant: &Tenant, staged: id::Attempt, attempt: u32) -> Result<Attempt, JobError> {
    let Some(version) = tenant.sql.staged_version(staged).await? else { return Ok(Attempt::Done) };
    let held = held_bytes(version.length_bytes) + tenant.objects.upload_bytes(Some(version.length_bytes));
    let Some(_grant) = tools.budget.acquire(held).await else { return Err(JobError::NoMemory) };
    let key = key_of(tenant, &version)?;
    let begun = Begun::of(&key, Direction::Keep, (Party::Sql, Party::Object), Some(version.length_bytes));
    let transfer = tools.transfers.begin(&Begun { attempt, ..begun });
    let job = Keep { tools, tenant, version: &version, staged };
    let progress = transfer.progress();
    transfer.end(job.upload(progress).await)
}

/// For display and the object's metadata: its collection may be served no more.
fn key_of(tenant: &Tenant, version: &Version) -> Result<DocKey, JobError> {
    let collection: CollectionName = version.collection.parse().map_err(|error| {
        StoreError::new("sql", "keep", format!("{}/{}", tenant.id, version.collection), StoreErrorKind::Other).because(error)
    })?;
    let id = tenant.kept_id(&collection, &version.document).unwrap_or_else(|| DocId::Text(version.document.clone()));
    Ok(DocKey { tenant: tenant.id.clone(), collection, id })
}

const ANOTHER_EPOCH: &str = "its upload is of another epoch";
const NOT_THERE: &str = "it is said to be in staging, and its bytes are not there";

/// The same stream; `left` says whether it ended because the bytes are not in staging.
fn noticing(content: SqlContentStream, left: Arc<AtomicBool>) -> SqlContentStream {
    Box::pin(content.inspect_err(move |why| {
        if matches!(why, Interrupted::Moved) {
            left.store(true, Ordering::Relaxed);
        }
    }))
}

struct Keep<'a> {
    tools: &'a Tools,
    tenant: &'a Tenant,
    version: &'a Version,
    staged: id::Attempt,
}

impl Keep<'_> {
    async fn upload(&self, progress: Progress) -> Result<Attempt, JobError> {
        let epoch = self.tenant.sql.state().await?.epoch;
        let key = self.tenant.objects.mint();
        let upload = key.object().id;
        match self.tenant.sql.record_upload(&key, UploadPurpose::Keep, epoch).await? {
            Recorded::Yes => {}
            Recorded::Moved | Recorded::ReadOnly => return self.unpublished(StoreErrorKind::Other, ANOTHER_EPOCH).await,
        }
        let left = Arc::new(AtomicBool::new(false));
        let content = self.tenant.sql.open_staged(self.staged, 0).await?;
        let content = noticing(content, Arc::clone(&left));
        let (content, measurement) = measured(progress.of(self.tools.pace.of(&self.tenant.id).slow(content)));
        let (length_bytes, log) = (Some(self.version.length_bytes), &PartsInSql(&*self.tenant.sql));
        let object = match self.tenant.objects.put(Upload { key, meta: self.meta(), length_bytes, content, log }).await {
            Ok(object) => object,
            Err(error) => {
                self.condemn(upload).await?;
                unless_moved(error)?;
                return if left.load(Ordering::Relaxed) {
                    self.unpublished(StoreErrorKind::Corrupt, NOT_THERE).await
                } else {
                    self.unpublished(StoreErrorKind::Other, "its upload was given up meanwhile").await
                };
            }
        };
        // An error here is an unknown outcome: nothing is undone, the next attempt looks again.
        let Some(content) = measurement.fingerprint() else {
            self.condemn(upload).await?;
            return self.unpublished(StoreErrorKind::Other, "it was not read to its end").await;
        };
        if self.tenant.sql.publish_kept(self.staged, epoch, &object, &content).await? {
            tracing::info!(event = "kept", size_bytes = self.version.length_bytes, "kept a version of {} in the object store", self.what());
            return Ok(Attempt::Done);
        }
        self.condemn(upload).await?;
        if content.length_bytes == self.version.length_bytes {
            self.unpublished(StoreErrorKind::Other, ANOTHER_EPOCH).await
        } else {
            self.unpublished(StoreErrorKind::Corrupt, NOT_THERE).await
        }
    }

    /// Done only where somebody else brought the version out, or its time is over. Else it has failed: closing the job would bring it back
    /// at once.
    async fn unpublished(&self, kind: StoreErrorKind, reason: &str) -> Result<Attempt, JobError> {
        match self.tenant.sql.staged_version(self.staged).await? {
            None => Ok(Attempt::Done),
            Some(_) => Err(StoreError::new("sql", "keep a version of", self.what(), kind).because(reason).into()),
        }
    }

    async fn condemn(&self, upload: ObjectId) -> Result<(), JobError> {
        condemn(self.tools, self.tenant, upload, &format!("a version of {}", self.what())).await
    }

    fn what(&self) -> String {
        format!("{}/{}/{}", self.tenant.id, self.version.collection, self.version.document)
    }

    fn meta(&self) -> ObjectMeta {
        let Version { collection, document, stamp, labels, .. } = self.version.clone();
        ObjectMeta {
            tenant: self.tenant.id.to_string(),
            collection,
            document,
            stamp: stamp.to_string(),
            media_type: labels.media_type,
            file_name: labels.file_name,
            sha256: None,
        }
    }
}
