//! A tenant's backup as commands use it: its store, the manifests that are kept there, and the key that vouches for them.

use std::sync::Arc;

use anyhow::Context;

use super::examination::stores;
use crate::backup::chain::{ManifestList, PublicKey, SigningKey};
use crate::backup::fetch::Fetcher;
use crate::budget::Budget;
use crate::config::{BackupConfig, Config, TenantConfig};
use crate::model::backup::Manifest;
use crate::model::id::{PlacementName, TenantId};
use crate::store::object::ObjectStore;
use crate::store::placed::placed;
use crate::store::secret;

pub(super) struct Offsite {
    pub(super) tenant: TenantId,
    pub(super) backup: BackupConfig,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) placement: PlacementName,
    /// All placements of the tenant's own.
    pub(super) primary: Arc<dyn ObjectStore>,
    /// By their numbers. Nobody has vouched for them yet.
    pub(super) manifests: Vec<Manifest>,
    pub(super) public_key: PublicKey,
    budget: Arc<Budget>,
}

impl Offsite {
    /// `Err` too where the tenant has no backup.
    pub(super) async fn open(config: &Config, tenant: &TenantConfig) -> anyhow::Result<Self> {
        let backup = tenant.backup.clone().with_context(|| format!("tenant {} has no [backup] in its file", tenant.id))?;
        let (stores, budget) = stores(config);
        let places = tenant.objects.iter().map(|placement| Ok(stores.place(placement)?.0)).collect::<anyhow::Result<Vec<_>>>()?;
        let (objects, placement) = (stores.offsite(&backup)?, backup.objects.name.clone());
        let key = secret::read(&backup.signing_key).await.map_err(|reason| anyhow::anyhow!("the signing key's {reason}"))?;
        let public_key = SigningKey::parse(&key).context("the signing key")?.public_key();
        let list = objects.manifest_list(&placement).await.map_err(|error| anyhow::anyhow!(error.chain()))?;
        let list: Option<ManifestList> = list.map(|list| serde_json::from_str(&list)).transpose().context("the list of manifests")?;
        let manifests = list.map(|list| list.manifests).unwrap_or_default();
        let (tenant, primary) = (tenant.id.clone(), placed(places).0);
        Ok(Self { tenant, backup, objects, placement, primary, manifests, public_key, budget })
    }

    pub(super) fn fetcher(&self) -> Fetcher {
        let (offsite, primary) = (Arc::clone(&self.objects), Arc::clone(&self.primary));
        Fetcher { offsite, placement: self.placement.clone(), primary, budget: Arc::clone(&self.budget) }
    }
}
