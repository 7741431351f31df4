//! Brings one content to the offsite store: checked piece by piece on its way out of the tenant's own store, and by SHA-256 as a whole.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::{BackupError, Means};
use crate::model::backup::Held;
use crate::model::content::{Fingerprint, PIECE_BYTES};
use crate::model::id::{DocKey, FreshKey, ObjectRef};
use crate::store::checked::open_checked_object;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind};
use crate::store::measured::measured;
use crate::store::object::{ByteStream, ObjectMeta, PutError, Upload};
use crate::telemetry::Direction;
use crate::tenants::{Offsite, Tenant};
use crate::watch::transfers::{Begun, Party};

/// A store that failed once is asked again after so long each, before the run waits for it as a whole.
const PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copied {
    /// It was there.
    There,
    Now,
    /// The tenant's own store does not have it as it should: for this reason.
    LeftOut(String),
}

/// Slows down what a run copies.
pub(super) struct Rate {
    bytes_per_second: Option<u64>,
    /// When all that passed is paid for.
    paid_at: Mutex<Instant>,
}

impl Rate {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, paid_at: Mutex::new(Instant::now()) }
    }

    /// Returns when what passed before is paid for.
    async fn pass(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        // Held while waiting: whoever comes next queues up behind.
        let mut paid_at = self.paid_at.lock().await;
        sleep_until(*paid_at).await;
        *paid_at = (*paid_at).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
    }
}

/// One tenant's way to the offsite store.
pub(super) struct Copying<'a> {
    pub(super) means: &'a Means<'a>,
    pub(super) tenant: &'a Tenant,
    pub(super) offsite: &'a Offsite,
    pub(super) rate: Arc<Rate>,
}

impl Copying<'_> {
    pub(super) fn copy_of(&self, held: &Held) -> ObjectRef {
        ObjectRef { placement: self.offsite.placement.clone(), id: held.object }
    }

    /// `is_there`: somebody has just seen it there. What is there was put there whole: whether it still is what it was, a verification finds.
    pub(super) async fn ensure(&self, held: &Held, is_there: bool) -> Result<Copied, BackupError> {
        if is_there {
            return Ok(Copied::There);
        }
        let mut waits = PATIENCE.iter();
        loop {
            match self.attempt(held).await {
                Err(BackupError::Store(error)) if is_passing(error.kind) => match waits.next() {
                    Some(wait) => sleep(*wait).await,
                    None => return Err(error.into()),
                },
                ended => return ended,
            }
        }
    }

    async fn attempt(&self, held: &Held) -> Result<Copied, BackupError> {
        // After an error the outcome is unknown: it may be there.
        if self.offsite.objects.head(&self.copy_of(held)).await?.is_some() {
            return Ok(Copied::There);
        }
        self.copy(held).await
    }

    /// Copies what is not there.
    pub(super) async fn copy(&self, held: &Held) -> Result<Copied, BackupError> {
        if !self.tenant.config.objects.iter().any(|placement| placement.name == held.placement) {
            return Ok(Copied::LeftOut(format!("placement {} is not in the tenant's file", held.placement)));
        }
        let memory = held.length.min(3 * PIECE_BYTES as u64) + self.offsite.objects.upload_bytes(Some(held.length));
        let Some(_grant) = self.means.budget.acquire(memory).await else { return Err(BackupError::NoMemory) };
        let source = ObjectRef { placement: held.placement.clone(), id: held.object };
        let truth = Fingerprint { length_bytes: held.length, sha256: held.sha256, pieces: held.pieces.clone() };
        let content = match open_checked_object(&*self.tenant.objects, &source, &truth, 0..held.length).await {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(Copied::LeftOut(format!("{source} is not there"))),
            Err(error) if error.kind == StoreErrorKind::Corrupt => return Ok(Copied::LeftOut(error.chain())),
            Err(error) => return Err(error.into()),
        };
        let key = self.key_of(held)?;
        let begun = Begun::of(&key, Direction::Backup, (Party::Object, Party::Object), Some(held.length));
        let transfer = self.means.transfers.begin(&begun);
        let (content, measurement) = measured(self.slow(transfer.progress().of((self.means.slow)(content))));
        let upload =
            Upload::unlogged(FreshKey::of_copy(self.offsite.placement.clone(), held.object), self.meta(held), Some(held.length), content);
        let put = self.offsite.objects.put(upload).await;
        let copy = match transfer.end(put) {
            Ok(copy) => copy,
            Err(PutError::Content(Interrupted::Store(error))) if error.kind == StoreErrorKind::Corrupt => {
                return Ok(Copied::LeftOut(error.chain()));
            }
            Err(PutError::Content(Interrupted::Store(error)) | PutError::Store(error)) => return Err(error.into()),
            Err(PutError::Content(error @ (Interrupted::Moved | Interrupted::Client(_)))) => {
                return Err(StoreError::new("objects", "copy", source, StoreErrorKind::Other).because(error).into());
            }
        };
        if measurement.fingerprint().as_ref() != Some(&truth) {
            // Every piece has its checksum, and the whole has not: its location never was true.
            self.offsite.objects.delete(&copy).await?;
            return Ok(Copied::LeftOut(format!("{source} has not the SHA-256 {}", held.sha256)));
        }
        self.means.metrics.backed_up(held.length);
        Ok(Copied::Now)
    }

    fn slow(&self, content: ByteStream) -> ByteStream {
        let rate = Arc::clone(&self.rate);
        Box::pin(content.then(move |portion| {
            let rate = Arc::clone(&rate);
            async move {
                if let Ok(bytes) = &portion {
                    rate.pass(bytes.len()).await;
                }
                portion
            }
        }))
    }

    fn key_of(&self, held: &Held) -> Result<DocKey, BackupError> {
        super::key_of(self.tenant, &held.collection, &held.document)
    }

    fn meta(&self, held: &Held) -> ObjectMeta {
        ObjectMeta {
            tenant: self.tenant.id.to_string(),
            collection: held.collection.clone(),
            document: held.document.clone(),
            stamp: held.stamp.to_string(),
            media_type: held.media_type.clone(),
            file_name: held.file_name.clone(),
            sha256: Some(held.sha256.to_string()),
        }
    }
}

/// Worth another try at once.
fn is_passing(kind: StoreErrorKind) -> bool {
    match kind {
        StoreErrorKind::Unavailable | StoreErrorKind::Timeout | StoreErrorKind::Throttled { .. } => true,
        StoreErrorKind::Denied | StoreErrorKind::Full | StoreErrorKind::Corrupt | StoreErrorKind::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_portions_take_the_time_of_nine_at_the_rate() {
        let (rate, begun) = (Rate::new(Some(1000)), Instant::now());
        for _ in 0..10 {
            rate.pass(500).await;
        }
        assert_eq!(begun.elapsed().as_millis() / 100, 45);
        let (unlimited, begun) = (Rate::new(None), Instant::now());
        unlimited.pass(usize::MAX).await;
        assert!(begun.elapsed().is_zero());
    }
}
