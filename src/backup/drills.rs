//! The drills of one process: at most one of a tenant at a time, whoever asks for it, and few at once. Operators and the schedule begin them here;
//! what a drill does, whoever made this has said.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::evidence::{self, Evidence, Kept};
use crate::clock::Clock;
use crate::lock::lock;
use crate::model::id::TenantId;
use crate::store::error::StoreResult;
use crate::telemetry::Metrics;
use crate::tenants::Tenant;

/// Documents of a drill, where nobody says how many.
pub const SAMPLE: u32 = 100;

/// Documents of a sample, at most: they are chosen in memory.
pub const MOST_SAMPLED: u32 = 1_000_000;

/// Drills of one process at once. Each has a scratch tenant with a buffer of its own.
const MOST_AT_ONCE: usize = 2;

/// How long a drill is its process's alone without another word of it, and how often that word comes.
const HOLD: Duration = Duration::from_secs(120);
const HELD_EVERY: Duration = Duration::from_secs(30);

/// What a drill is to do.
#[derive(Debug, Clone)]
pub struct DrillWish {
    /// So many documents, chosen at random; `None`: all of them.
    pub sample: Option<usize>,
    /// For the evidence.
    pub by: String,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DrillProgress {
    /// Restored, and read back.
    pub documents: u64,
    pub bytes: u64,
    pub different: u64,
    /// What is to be restored, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<u64>,
}

/// What was found, and the file that says so, where the tenant has a folder for it.
#[derive(Debug, Clone)]
pub struct Drilled {
    pub evidence: Evidence,
    pub file: Option<PathBuf>,
}

/// A drill that this process carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillUnderWay {
    pub by: String,
    pub began_at: Timestamp,
    /// Whether every document of the manifest is to be restored, and not a sample.
    pub whole: bool,
    #[serde(flatten)]
    pub progress: DrillProgress,
}

/// A drill that could not be carried out, and left no evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillNotRun {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

/// Why none was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DrillRefused {
    #[error("one is under way: wait for its end")]
    UnderWay,
    #[error("one is under way in another process: wait for its end")]
    Elsewhere,
    #[error("this process carries out {MOST_AT_ONCE} drills of other tenants already: wait for the end of one")]
    TooMany,
}

/// Hears how far a drill is.
pub type Said = Box<dyn FnMut(DrillProgress) + Send>;

/// Carries one out.
pub type CarryOut = Box<dyn Fn(Arc<Tenant>, DrillWish, Said) -> BoxFuture<'static, anyhow::Result<Drilled>> + Send + Sync>;

/// What this process knows of its own drills.
#[derive(Default)]
pub struct OwnDrills(Mutex<HashMap<TenantId, Own>>);

#[derive(Default)]
struct Own {
    under_way: Option<DrillUnderWay>,
    not_run: Option<DrillNotRun>,
}

pub struct Drills {
    pub carry_out: CarryOut,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    pub tasks: TaskTracker,
    pub drain: CancellationToken,
    pub own: OwnDrills,
}

impl Drills {
    /// Begins one, which goes on until it ends or the process drains.
    pub async fn begin(self: &Arc<Self>, tenant: &Arc<Tenant>, wish: DrillWish) -> StoreResult<Result<(), DrillRefused>> {
        let claimed = self.claim(tenant, wish).await?;
        Ok(claimed.map(|claimed| drop(self.tasks.spawn(claimed.run()))))
    }

    /// The same, and waits for its end.
    pub async fn run(self: &Arc<Self>, tenant: &Arc<Tenant>, wish: DrillWish) -> StoreResult<Result<(), DrillRefused>> {
        match self.claim(tenant, wish).await? {
            Ok(claimed) => {
                claimed.run().await;
                Ok(Ok(()))
            }
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Of this process.
    pub fn under_way(&self, tenant: &TenantId) -> Option<DrillUnderWay> {
        lock(&self.own.0).get(tenant)?.under_way.clone()
    }

    /// The last one of this process, where nothing came of it.
    pub fn not_run(&self, tenant: &TenantId) -> Option<DrillNotRun> {
        lock(&self.own.0).get(tenant)?.not_run.clone()
    }

    async fn claim(self: &Arc<Self>, tenant: &Arc<Tenant>, wish: DrillWish) -> StoreResult<Result<Claimed, DrillRefused>> {
        let place = match self.place(&tenant.id, &wish) {
            Ok(place) => place,
            Err(refused) => return Ok(Err(refused)),
        };
        let owner = Uuid::new_v4().to_string();
        if !tenant.jobs.hold("drill", &owner, HOLD).await? {
            return Ok(Err(DrillRefused::Elsewhere));
        }
        Ok(Ok(Claimed { place, tenant: Arc::clone(tenant), wish, owner }))
    }

    fn place(self: &Arc<Self>, tenant: &TenantId, wish: &DrillWish) -> Result<Place, DrillRefused> {
        let mut all = lock(&self.own.0);
        let at_once = all.values().filter(|own| own.under_way.is_some()).count();
        let own = all.entry(tenant.clone()).or_default();
        if own.under_way.is_some() {
            return Err(DrillRefused::UnderWay);
        }
        if at_once >= MOST_AT_ONCE {
            return Err(DrillRefused::TooMany);
        }
        own.under_way = Some(DrillUnderWay {
            by: wish.by.clone(),
            began_at: self.clock.now(),
            whole: wish.sample.is_none(),
            progress: DrillProgress::default(),
        });
        Ok(Place { drills: Arc::clone(self), tenant: tenant.clone() })
    }

    fn note(&self, tenant: &TenantId, progress: DrillProgress) {
        if let Some(under_way) = lock(&self.own.0).get_mut(tenant).and_then(|own| own.under_way.as_mut()) {
            under_way.progress = progress;
        }
    }

    fn tell(&self, tenant: &TenantId, by: String, ended: anyhow::Result<Drilled>) {
        let mut not_run = None;
        match ended {
            Ok(Drilled { evidence, .. }) if evidence.passed => {
                tracing::info!(event = "drilled", documents = evidence.documents, "a drill of the backup of {tenant} passed");
            }
            Ok(Drilled { evidence, .. }) => tracing::error!(
                event = "drill_failed",
                different = evidence.different,
                "a drill of the backup of {tenant} failed: {}",
                evidence.named.first().map_or("", String::as_str)
            ),
            Err(error) => {
                tracing::error!(event = "drill_failed", "a drill of the backup of {tenant} could not be run: {error:#}");
                not_run = Some(DrillNotRun { by, at: self.clock.now(), reason: format!("{error:#}") });
            }
        }
        lock(&self.own.0).entry(tenant.clone()).or_default().not_run = not_run;
    }
}

/// One of the few places of a process, given back when it is dropped.
struct Place {
    drills: Arc<Drills>,
    tenant: TenantId,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(own) = lock(&self.drills.own.0).get_mut(&self.tenant) {
            own.under_way = None;
        }
    }
}

/// A drill that nobody else runs.
struct Claimed {
    place: Place,
    tenant: Arc<Tenant>,
    wish: DrillWish,
    owner: String,
}

impl Claimed {
    /// To its end, or until the process drains: then it is dropped, and its scratch tenant with it.
    async fn run(self) {
        let Self { place, tenant, wish, owner } = self;
        let drills = Arc::clone(&place.drills);
        let (by, noted) = (wish.by.clone(), Arc::clone(&drills));
        let id = tenant.id.clone();
        let drilling = (drills.carry_out)(Arc::clone(&tenant), wish, Box::new(move |progress| noted.note(&id, progress)));
        let ended = tokio::select! {
            ended = drilling => Some(ended),
            () = drills.drain.cancelled() => None,
            never = keep(&tenant, &owner) => match never {},
        };
        if let Some(ended) = ended {
            drills.tell(&tenant.id, by, ended);
            if let Some(folder) = tenant.config.backup.as_ref().and_then(|backup| backup.evidence.clone()) {
                let last = kept(folder, tenant.id.clone(), 0, drills.clock.now()).await.last;
                drills.metrics.set_drilled(&tenant.id, last.passed, last.failed);
            }
        }
        // Where this fails, it runs out.
        if let Err(error) = tenant.jobs.hold("drill", &owner, Duration::ZERO).await {
            tracing::warn!("the next drill of {} has to wait for {HOLD:?}: {}", tenant.id, error.chain());
        }
        drop(place);
    }
}

async fn keep(tenant: &Tenant, owner: &str) -> Infallible {
    loop {
        sleep(HELD_EVERY).await;
        // Two at once do no harm, so it goes on whatever comes of this.
        if let Err(error) = tenant.jobs.hold("drill", owner, HOLD).await {
            tracing::warn!("another process may drill the backup of {} as well: {}", tenant.id, error.chain());
        }
    }
}

/// What a tenant's drills left, with up to `most` of them read.
pub async fn kept(folder: PathBuf, tenant: TenantId, most: usize, now: Timestamp) -> Kept {
    let look = tokio::task::spawn_blocking(move || evidence::kept(&folder, &tenant, most, now));
    look.await.unwrap_or_default()
}
