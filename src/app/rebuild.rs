//! The way back from a backup: objects that a lost bucket had, and locations that went with Sluss's own tables.

use std::sync::Arc;

use anyhow::Context;

use super::backends;
use super::examination::{control, stores};
use super::source::Source;
use crate::backup::manifest::Header;
use crate::backup::state::{self, State};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, TenantConfig};
use crate::migrate::bucket::BucketWalk;
use crate::migrate::presence::{Presence, Search};
use crate::migrate::relocate::{Relocation, Relocations};
use crate::model::history::Tick;
use crate::model::phase::Phase;
use crate::model::stamp::Epoch;
use crate::store::control::AuditRecord;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::placed::placed;
use crate::store::sql::SqlStore;

/// Brings back to the tenant's own placements what rows name and what is missing there, and with `manifest` also what the tenant held at the
/// instant of that manifest. Safe to repeat, and goes on where it was.
pub async fn rebuild_objects(
    config: &Config,
    tenant: &TenantConfig,
    manifest: Option<u64>,
    actor: &str,
    said: impl FnMut(&Presence),
) -> anyhow::Result<Presence> {
    let source = Source::open(config, tenant).await?;
    let chain = manifest.map(|number| source.chain(number)).transpose()?;
    audit(config, tenant, actor, "backup.rebuild", "objects".to_owned()).await?;
    let (fetcher, clock) = (source.fetcher(), clock());
    let collections: Vec<_> = tenant.collections.iter().map(|collection| collection.name.clone()).collect();
    let mut search = Search::new(&tenant.id, &*source.primary, Some(&fetcher), said);
    backends::with_sql(tenant, &clock, async |sql| search.rows(&*sql, &collections).await).await?;
    if let Some(chain) = chain {
        state::check(source.files(), chain).await?;
        search.state(&mut State::new(source.files(), chain)?).await?;
    }
    Ok(search.found())
}

/// What became of lost locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    pub relocations: Relocations,
    /// The one that was asked, and the phase of its instant, which Sluss's tables do not know any more.
    pub manifest: Option<(u64, Phase)>,
    /// The one in which the tenant goes on, where that had to be raised.
    pub epoch: Option<Epoch>,
}

/// Gives documents that have none the locations that a manifest, else the newest, tells of. Safe to repeat.
pub async fn rebuild_locations(
    config: &Config,
    tenant: &TenantConfig,
    manifest: Option<u64>,
    actor: &str,
    mut said: impl FnMut(&Relocations),
) -> anyhow::Result<Rebuilt> {
    let source = Source::open(config, tenant).await?;
    let number = manifest.map_or_else(|| source.newest().map(|newest| newest.number), Ok)?;
    let chain = source.chain(number)?;
    let header = state::check(source.files(), chain).await?.context("a manifest without a header")?;
    audit(config, tenant, actor, "backup.rebuild", format!("locations by manifest {number}")).await?;
    let clock = clock();
    let (relocations, epoch) = backends::with_sql(tenant, &clock, async |sql| {
        let epoch = beyond(&*sql, &header).await?;
        let relocation = Relocation { tenant: &tenant.id, collections: &tenant.collections, sql: &*sql, objects: &*source.primary };
        let (mut done, mut state) = (Relocations::default(), State::new(source.files(), chain).map_err(as_stores)?);
        while let Some(page) = state.next().await.map_err(as_stores)? {
            relocation.page(page.into_iter().map(Into::into).collect(), &mut done).await?;
            said(&done);
        }
        Ok((done, epoch))
    })
    .await?;
    Ok(Rebuilt { relocations, manifest: Some((number, header.phase)), epoch })
}

/// The same by what the objects in the tenant's own placements say of themselves: the newest that names a document is taken for its content.
pub async fn rebuild_from_bucket(
    config: &Config,
    tenant: &TenantConfig,
    actor: &str,
    mut said: impl FnMut(&Relocations),
) -> anyhow::Result<Rebuilt> {
    let (stores, _) = stores(config);
    let places = tenant.objects.iter().map(|placement| Ok(stores.place(placement)?.0)).collect::<anyhow::Result<Vec<_>>>()?;
    let objects = placed(places).0;
    audit(config, tenant, actor, "backup.rebuild", "locations by the objects alone".to_owned()).await?;
    let clock = clock();
    let relocations = backends::with_sql(tenant, &clock, async |sql| {
        let relocation = Relocation { tenant: &tenant.id, collections: &tenant.collections, sql: &*sql, objects: &*objects };
        let (mut done, mut walk) = (Relocations::default(), BucketWalk::new(&*objects, &tenant.id).await?);
        while let Some(page) = walk.next().await? {
            relocation.page(page, &mut done).await?;
            said(&done);
        }
        Ok(done)
    })
    .await?;
    Ok(Rebuilt { relocations, manifest: None, epoch: None })
}

/// New tables begin at the first epoch, and stamps of this one must not come twice.
async fn beyond(sql: &dyn SqlStore, header: &Header) -> StoreResult<Option<Epoch>> {
    let found = sql.tick().await?;
    if found.epoch.0 > header.epoch {
        return Ok(None);
    }
    let from = found.beyond(Tick { epoch: Epoch(header.epoch), number: found.number });
    sql.go_on_from(from).await?;
    Ok(Some(from.epoch))
}

fn as_stores(error: state::StateError) -> StoreError {
    StoreError::new("offsite", "read", "the manifests", StoreErrorKind::Corrupt).because(error)
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

async fn audit(config: &Config, tenant: &TenantConfig, actor: &str, action: &str, detail: String) -> anyhow::Result<()> {
    let (actor, action, tenant) = (actor.to_owned(), action.to_owned(), Some(tenant.id.to_string()));
    let record = AuditRecord { actor, on_behalf_of: None, action, tenant, detail };
    control(config).await?.audit(record).await.map_err(|error| anyhow::anyhow!(error.chain()))?;
    Ok(())
}
