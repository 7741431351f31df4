//! Object Lock, for a placement whose objects nobody is to remove for a while: each is put with the time until which the store keeps it,
//! and is removed by its version, because a bucket that can lock answers any other removal with a mark that hides the object and frees nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use openssl::hash::{MessageDigest, hash};

use super::S3Store;
use super::fault::{self, Call};
use crate::clock::Clock;
use crate::config::{LockMode, ObjectLock};
use crate::model::id::ObjectRef;
use crate::store::error::{Locked, StoreErrorKind, StoreResult};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A content that was found damaged is put again over itself, and each time is a version. More of one object are a mistake.
const MOST_VERSIONS: usize = 100;

/// How long new objects are locked, and since when.
#[derive(Clone)]
pub(super) struct Retention {
    pub(super) lock: ObjectLock,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock.fmt(f)
    }
}

impl Retention {
    pub(super) fn new(lock: ObjectLock, clock: Arc<dyn Clock>) -> Self {
        Self { lock, clock }
    }

    /// For an upload in parts, which is locked from when it begins.
    pub(super) fn mode(&self) -> ObjectLockMode {
        match self.lock.mode {
            LockMode::Compliance => ObjectLockMode::Compliance,
            LockMode::Governance => ObjectLockMode::Governance,
        }
    }

    /// In whole seconds, as stores keep it.
    pub(super) fn until(&self) -> DateTime {
        DateTime::from_secs((self.clock.now() + DAY * self.lock.days).as_second())
    }
}

/// S3 takes no body that is to be locked without it. `None`: this machine's OpenSSL has no MD5, and the store says what it thinks of that.
pub(super) fn digest(body: &[u8]) -> Option<String> {
    hash(MessageDigest::md5(), body).ok().map(|digest| BASE64.encode(digest))
}

/// Locks an object that was put in parts. Ceph passes over what the upload said of it when it began, and who does not keeps it as it is. One that
/// cannot be locked is taken away again, so that nobody takes it for one that is.
pub(super) async fn hold(store: &S3Store, retention: &Retention, call: &Call, object: &ObjectRef) -> StoreResult<()> {
    let mode = ObjectLockRetentionMode::from(retention.mode().as_str());
    let wanted = ObjectLockRetention::builder().mode(mode).retain_until_date(retention.until()).build();
    let (asking, key) = (&store.client.asking, store.key(object));
    let held = asking.put_object_retention().bucket(&store.bucket).key(&key).retention(wanted).send().await;
    let Err(error) = held else { return Ok(()) };
    if let Err(left) = asking.delete_object().bucket(&store.bucket).key(&key).send().await {
        tracing::warn!("{object} is not locked, and stays: {}", call.failed(&left).chain());
    }
    Err(call.failed(&error))
}

/// Removes every version of the object. One that is locked is none of them: [`crate::store::error::StoreError::locked_until`] tells it.
pub(super) async fn delete(store: &S3Store, retention: &Retention, object: &ObjectRef) -> StoreResult<()> {
    let call = store.call("delete", object)?;
    for _ in 0..MOST_VERSIONS {
        if !delete_newest(store, retention, &call, object).await? {
            return Ok(());
        }
    }
    Err(call.error(StoreErrorKind::Other, format!("it has more than {MOST_VERSIONS} versions: the others stay")))
}

/// `false`: there is none.
async fn delete_newest(store: &S3Store, retention: &Retention, call: &Call, object: &ObjectRef) -> StoreResult<bool> {
    let asking = &store.client.asking;
    let found = match asking.head_object().bucket(&store.bucket).key(store.key(object)).send().await {
        Ok(found) => found,
        // The look asks for the bucket, too.
        Err(error) if fault::is_missing(&error) => return store.length_of(call, object).await.map(|_| false),
        Err(error) => return Err(call.failed(&error)),
    };
    let until = found.object_lock_retain_until_date.and_then(|until| Timestamp::from_second(until.secs()).ok());
    if let Some(until) = until.filter(|until| *until > retention.clock.now()) {
        return Err(call.error(StoreErrorKind::Denied, Locked { until }));
    }
    let request = asking.delete_object().bucket(&store.bucket).key(store.key(object)).set_version_id(found.version_id);
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error) if fault::is_gone(&error) => Ok(false),
        Err(error) => Err(call.failed(&error)),
    }
}
