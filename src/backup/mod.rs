//! Backups: every content that an object holds, copied to a second placement, and signed manifests of what the tenant held at an instant.
//! Each step is safe to repeat and safe to lose.

pub mod chain;
mod copying;
pub mod drills;
pub mod evidence;
pub mod fetch;
pub mod manifest;
pub mod prune;
pub mod reading;
pub mod retention;
pub mod run;
mod spool;
pub mod state;
pub mod verify;
mod walk;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::chain::{SigningKey, TrustedKeys};
use self::reading::ReadError;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::BackupConfig;
use crate::model::id::{CollectionName, DocId, DocKey, TenantId};
use crate::store::ScratchName;
use crate::store::control::ControlStore;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::object::ByteStream;
use crate::store::secret;
use crate::telemetry::Metrics;
use crate::tenants::Tenant;
use crate::watch::Transfers;

/// What a run may use of its process.
pub struct Means<'a> {
    pub budget: &'a Budget,
    pub metrics: &'a Metrics,
    pub transfers: &'a Arc<Transfers>,
    pub control: &'a dyn ControlStore,
    pub clock: &'a dyn Clock,
    /// Slows a content down to the rate that agents are given.
    pub slow: &'a (dyn Fn(ByteStream) -> ByteStream + Send + Sync),
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("no memory came free in time")]
    NoMemory,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The key that signs a tenant's manifests, read again whenever it is needed.
pub async fn signing_key(tenant: &TenantId, config: &BackupConfig) -> StoreResult<SigningKey> {
    let unfit = |reason: String| StoreError::new("configuration", "read the signing key of", tenant, StoreErrorKind::Other).because(reason);
    let secret = secret::read(&config.signing_key).await.map_err(unfit)?;
    SigningKey::parse(&secret).map_err(|error| unfit(error.to_string()))
}

/// The keys that a tenant's manifests may be signed by.
pub async fn trusted_keys(tenant: &TenantId, config: &BackupConfig) -> StoreResult<TrustedKeys> {
    Ok(TrustedKeys { own: signing_key(tenant, config).await?.public_key(), former: config.former_keys.clone() })
}

/// For display: a collection that is served no more has ids of no kind.
fn key_of(tenant: &Tenant, collection: &str, document: &str) -> Result<DocKey, BackupError> {
    let name: CollectionName = collection
        .parse()
        .map_err(|error| StoreError::new("sql", "back up", format!("{}/{collection}", tenant.id), StoreErrorKind::Other).because(error))?;
    let id = tenant.kept_id(&name, document).unwrap_or_else(|| DocId::Text(document.to_owned()));
    Ok(DocKey { tenant: tenant.id.clone(), collection: name, id })
}

/// A document's name in a set.
fn scratch_name(collection: &str, document: &str) -> ScratchName {
    let digest = Sha256::new().chain_update(collection).chain_update([0]).chain_update(document).finalize();
    let mut name = [0; 16];
    name.copy_from_slice(&digest[..16]);
    name
}

/// The reason of a manifest that cannot be read, where nothing else is wrong.
fn broken(error: ReadError) -> StoreResult<String> {
    match error {
        ReadError::Broken(reason) => Ok(reason),
        ReadError::Store(error) => Err(error),
    }
}
