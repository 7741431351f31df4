//! A tenant's backup as commands use it: its store, the manifests that are kept there and that the tenant's key vouches for, and the way back.

use std::sync::Arc;

use anyhow::Context;

use super::examination::stores;
use crate::backup::chain::{self, TrustedKeys};
use crate::backup::fetch::Fetcher;
use crate::backup::reading::{self, Listed};
use crate::backup::state::Files;
use crate::backup::trusted_keys;
use crate::budget::Budget;
use crate::config::{BackupConfig, Config, TenantConfig};
use crate::model::backup::Manifest;
use crate::model::id::TenantId;
use crate::store::error::StoreError;
use crate::store::object::ObjectStore;
use crate::store::placed::placed;
use crate::tenants::Offsite;

pub(super) struct Source {
    tenant: TenantId,
    pub(super) backup: BackupConfig,
    pub(super) offsite: Offsite,
    /// All placements of the tenant's own.
    pub(super) primary: Arc<dyn ObjectStore>,
    /// By their numbers, and what is wrong with the list of them.
    pub(super) listed: Listed,
    pub(super) keys: TrustedKeys,
    budget: Arc<Budget>,
}

impl Source {
    /// `Err` too where the tenant has no backup.
    pub(super) async fn open(config: &Config, tenant: &TenantConfig) -> anyhow::Result<Self> {
        let backup = tenant.backup.clone().with_context(|| format!("tenant {} has no [backup] in its file", tenant.id))?;
        let (stores, budget) = stores(config);
        let places = tenant.objects.iter().map(|placement| Ok(stores.place(placement)?.0)).collect::<anyhow::Result<Vec<_>>>()?;
        let offsite = stores.offsite(&backup)?.0;
        let keys = trusted_keys(&tenant.id, &backup).await.map_err(told)?;
        let listed = reading::listed(&*offsite.objects, &offsite.placement, &tenant.id, &keys).await.map_err(told)?;
        let (tenant, primary) = (tenant.id.clone(), placed(places).0);
        Ok(Self { tenant, backup, offsite, primary, listed, keys, budget })
    }

    pub(super) fn files(&self) -> Files<'_> {
        Files { objects: &*self.offsite.objects, placement: &self.offsite.placement, tenant: &self.tenant }
    }

    pub(super) fn newest(&self) -> anyhow::Result<&Manifest> {
        self.listed.manifests.last().context("no manifest is kept there that the tenant's key vouches for: run `sluss backup run` first")
    }

    /// What the state at a manifest is made from, in the order of the numbers.
    pub(super) fn chain(&self, number: u64) -> anyhow::Result<&[Manifest]> {
        let chain = chain::chain(&self.listed.manifests, number);
        chain.with_context(|| format!("manifest {number} is not kept there, or one that it follows is missing"))
    }

    pub(super) fn fetcher(&self) -> Fetcher {
        let (offsite, primary) = (Arc::clone(&self.offsite.objects), Arc::clone(&self.primary));
        Fetcher { offsite, placement: self.offsite.placement.clone(), primary, budget: Arc::clone(&self.budget) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn told(error: StoreError) -> anyhow::Error {
    anyhow::anyhow!(error.chain())
}
