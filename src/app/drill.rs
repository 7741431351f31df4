//! A drill: contents of the newest manifest come back from the offsite store into a scratch tenant, by the product's own write path, are read
//! back, and every byte is compared. It shows that a backup can be restored, before anybody needs it.

use std::path::Path;

use anyhow::Context;
use rand::RngExt;

use super::source::Source;
use crate::backup::drills::{DrillProgress, DrillWish, Drilled};
use crate::backup::evidence::{self, DrilledManifest, Evidence, MOST_NAMED};
use crate::backup::state::{self, State};
use crate::clock::{Clock, SystemClock};
use crate::compare::fingerprint;
use crate::config::{Config, TenantConfig};
use crate::model::backup::{Held, Manifest};
use crate::model::id::ObjectRef;

mod scratch;

use scratch::ScratchTenant;

/// Restores into a folder beside the evidence, or a temporary one where there is none. A difference is no error: the evidence says so. An error
/// leaves no evidence: nothing was shown.
pub async fn drill(config: &Config, tenant: &TenantConfig, wish: DrillWish, said: impl FnMut(DrillProgress)) -> anyhow::Result<Drilled> {
    let source = Source::open(config, tenant).await?;
    let (folder, newest) = (source.backup.evidence.clone(), source.newest()?.clone());
    if let Some(folder) = &folder {
        std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    }
    let within = folder.clone().unwrap_or_else(std::env::temp_dir);
    let began_at = SystemClock.now();
    let mut drill = Drill::begin(config, &source, &within, said).await?;
    drill.run(&newest, wish.sample).await?;
    let evidence = drill.evidence(tenant, &newest, wish, began_at);
    drill.scratch.remove().await;
    let file = match folder {
        None => None,
        Some(folder) => {
            let evidence = evidence.clone();
            let kept = tokio::task::spawn_blocking(move || evidence::keep(&folder, &evidence)).await?;
            Some(kept.context("keep the evidence")?)
        }
    };
    Ok(Drilled { evidence, file })
}

struct Drill<'a, F> {
    source: &'a Source,
    scratch: ScratchTenant,
    progress: DrillProgress,
    compared_with_primary: u64,
    named: Vec<String>,
    said: F,
}

impl<'a, F: FnMut(DrillProgress)> Drill<'a, F> {
    async fn begin(config: &Config, source: &'a Source, within: &Path, said: F) -> anyhow::Result<Self> {
        let scratch = ScratchTenant::plant(config, within).await.context("make the scratch tenant")?;
        Ok(Self { source, scratch, progress: DrillProgress::default(), compared_with_primary: 0, named: Vec::new(), said })
    }

    async fn run(&mut self, newest: &Manifest, sample: Option<usize>) -> anyhow::Result<()> {
        let source = self.source;
        source.listed.problems.iter().for_each(|problem| self.differs(problem.clone()));
        let Ok(chain) = source.chain(newest.number) else {
            self.differs(format!("manifest {}: a manifest of its chain is missing", newest.number));
            return Ok(());
        };
        if let Err(error) = state::check(source.files(), chain).await {
            self.differs(error.to_string());
        }
        // What cannot be trusted is not restored from.
        if self.progress.different > 0 {
            return Ok(());
        }
        let mut state = State::new(source.files(), chain)?;
        let Some(sample) = sample else {
            while let Some(page) = state.next().await? {
                self.restore(page).await;
            }
            return Ok(());
        };
        let chosen = choose(&mut state, sample).await?;
        self.progress.of = Some(chosen.len() as u64);
        self.restore(chosen).await;
        Ok(())
    }

    async fn restore(&mut self, page: Vec<Held>) {
        for held in page {
            self.progress.documents += 1;
            match self.restore_one(&held).await {
                Ok(()) => self.progress.bytes += held.length,
                Err(reason) => self.differs(format!("{}/{} as object {}: {reason}", held.collection, held.document, held.object)),
            }
            (self.said)(self.progress);
        }
    }

    async fn restore_one(&mut self, held: &Held) -> Result<(), String> {
        let offsite = &self.source.offsite;
        let copy = ObjectRef { placement: offsite.placement.clone(), id: held.object };
        let content = offsite.objects.get(&copy, 0..held.length).await.map_err(|error| error.chain())?;
        let content = content.ok_or("the offsite store has no such object")?;
        let id = self.scratch.restore(held, content).await?;
        let found = self.scratch.read_back(id).await?;
        if found != held.sha256 {
            return Err(format!("it was restored with SHA-256 {found}, and the manifest says {}", held.sha256));
        }
        self.compare_with_primary(held).await
    }

    /// Nothing to compare with where the primary placement has it no more: that is what backups are for.
    async fn compare_with_primary(&mut self, held: &Held) -> Result<(), String> {
        let original = ObjectRef { placement: held.placement.clone(), id: held.object };
        let Ok(Some(facts)) = self.source.primary.head(&original).await else { return Ok(()) };
        let content = self.source.primary.get(&original, 0..facts.length_bytes).await;
        let Ok(Some(content)) = content else { return Ok(()) };
        let Ok(Some(found)) = fingerprint(content).await else { return Ok(()) };
        self.compared_with_primary += 1;
        let same = found.sha256 == held.sha256;
        if same { Ok(()) } else { Err(format!("it came back as it was written, and the primary placement has SHA-256 {}", found.sha256)) }
    }

    fn differs(&mut self, reason: String) {
        self.progress.different += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(reason);
        }
    }

    fn evidence(&mut self, tenant: &TenantConfig, newest: &Manifest, wish: DrillWish, began_at: jiff::Timestamp) -> Evidence {
        let DrillProgress { documents, bytes, different, .. } = self.progress;
        let chain = self.source.chain(newest.number).unwrap_or_default();
        let ended_at = SystemClock.now();
        Evidence {
            tenant: tenant.id.to_string(),
            by: wish.by,
            version: super::VERSION.to_owned(),
            began_at,
            ended_at,
            duration_seconds: u64::try_from(ended_at.duration_since(began_at).as_secs()).unwrap_or_default(),
            manifest: DrilledManifest {
                number: newest.number,
                instant: newest.instant,
                chain: chain.iter().map(|manifest| manifest.number).collect(),
                sha256: newest.sha256.to_string(),
                signature: newest.signature.to_string(),
                public_key: self.source.keys.own.to_string(),
            },
            whole: wish.sample.is_none(),
            documents,
            bytes,
            compared_with_primary: self.compared_with_primary,
            different,
            named: std::mem::take(&mut self.named),
            passed: different == 0,
        }
    }
}

/// Each document with the same chance, in one walk.
async fn choose(state: &mut State<'_>, most: usize) -> Result<Vec<Held>, state::StateError> {
    let (mut chosen, mut walked) = (Vec::new(), 0_usize);
    while let Some(page) = state.next().await? {
        for held in page {
            walked += 1;
            if chosen.len() < most {
                chosen.push(held);
                continue;
            }
            let place = rand::rng().random_range(0..walked);
            if let Some(chosen) = chosen.get_mut(place) {
                *chosen = held;
            }
        }
    }
    Ok(chosen)
}
