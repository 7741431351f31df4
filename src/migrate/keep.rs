//! keep: bring a content that was overwritten before it was ever copied from staging to the object store, as a version.

use super::work::{Attempt, JobError, Tools, held_bytes, unless_moved};
use crate::model::history::Version;
use crate::model::id::{self, CollectionName, DocId, DocKey, ObjectId};
use crate::store::error::{StoreError, StoreErrorKind};
use crate::store::measured::measured;
use crate::store::object::{ObjectMeta, Upload};
use crate::store::sql::{PartsInSql, Recorded, UploadPurpose};
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
            // Another epoch: closing the job sees that the version is staged still.
            Recorded::Moved | Recorded::ReadOnly => return Ok(Attempt::Done),
        }
        let content = self.tenant.sql.open_staged(self.staged, 0).await?;
        let (content, measurement) = measured(progress.of(self.tools.pace.of(&self.tenant.id).slow(content)));
        let (length_bytes, log) = (Some(self.version.length_bytes), &PartsInSql(&*self.tenant.sql));
        let object = match self.tenant.objects.put(Upload { key, meta: self.meta(), length_bytes, content, log }).await {
            Ok(object) => object,
            Err(error) => {
                self.condemn(upload).await?;
                return unless_moved(error).map(|()| Attempt::Done);
            }
        };
        // An error here is an unknown outcome: nothing is undone, the next attempt looks again.
        let published = match measurement.fingerprint() {
            Some(content) => self.tenant.sql.publish_kept(self.staged, epoch, &object, &content).await?,
            None => false,
        };
        if published {
            tracing::info!(event = "kept", size_bytes = self.version.length_bytes, "kept a version of {} in the object store", self.what());
        } else {
            self.condemn(upload).await?;
        }
        Ok(Attempt::Done)
    }

    async fn condemn(&self, upload: ObjectId) -> Result<(), JobError> {
        self.tenant.sql.condemn_upload(upload).await?;
        self.tools.metrics.uploads_condemned(1);
        tracing::info!(event = "upload_condemned", "upload {upload} for a version of {} is condemned", self.what());
        Ok(())
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
