//! Reads the configuration again while the process runs. Tenants and tokens follow the files; a file with a mistake changes
//! nothing, and is reported once. What a listener or a limit says holds from the next start on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backends::Backends;
use crate::config::{Config, TenantConfig};
use crate::tenants::{Access, Tenant, Tenants};

pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How files are told apart from what they were, without reading them.
pub(super) type Marks = Vec<(PathBuf, Option<SystemTime>, u64)>;

pub(super) struct Reload {
    pub(super) config: Config,
    pub(super) backends: Arc<Backends>,
    pub(super) tenants: Arc<Tenants>,
    pub(super) access: Arc<Access>,
}

impl Reload {
    pub(super) async fn run(mut self, drain: CancellationToken) {
        let mut known = self.marks().await;
        while drain.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            let marks = self.marks().await;
            if marks != known {
                known = marks;
                self.read_again().await;
            }
        }
    }

    async fn read_again(&mut self) {
        let file = self.config.file.clone();
        let read = tokio::task::spawn_blocking(move || Config::load(&file)).await;
        match read {
            Ok(Ok(config)) => self.follow(config).await,
            Ok(Err(problems)) => tracing::warn!("the configuration has changed and is not taken over:\n{problems}"),
            Err(error) => tracing::error!("reading the configuration again panicked: {error}"),
        }
    }

    async fn follow(&mut self, config: Config) {
        self.access.replace(config.auth.clone());
        let serving = self.tenants.all();
        let mut tenants: Vec<Arc<Tenant>> = Vec::new();
        for wanted in &config.tenants {
            match serving.get(&wanted.id) {
                Some(tenant) if &tenant.config == wanted => tenants.push(Arc::clone(tenant)),
                before => {
                    let built = self.build(wanted).await;
                    if let (Some(before), Some(built)) = (before, &built) {
                        built.ownership.inherit(&before.ownership);
                        built.continuity.inherit(&before.continuity);
                    }
                    tenants.extend(built.or_else(|| before.cloned()));
                }
            }
        }
        self.backends.keep_only(&tenants);
        tracing::info!(tenants = tenants.len(), "the configuration has changed: tenants and tokens follow it, the rest at the next start");
        self.tenants.replace(tenants);
        self.config = config;
    }

    /// `None`: it could not be built, and the log says why.
    async fn build(&self, wanted: &TenantConfig) -> Option<Arc<Tenant>> {
        let (backends, config) = (Arc::clone(&self.backends), wanted.clone());
        // Opening an object store on disk makes folders.
        let built = tokio::task::spawn_blocking(move || backends.tenant(&config)).await;
        let error = match built {
            Ok(Ok(tenant)) => return Some(tenant),
            Ok(Err(error)) => format!("{error:#}"),
            Err(error) => error.to_string(),
        };
        tracing::warn!(tenant = %wanted.id, "tenant {} stays as it was: {error}", wanted.id);
        None
    }

    async fn marks(&self) -> Marks {
        let file = self.config.file.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let folder = file.parent().map(|folder| folder.join("tenants")).unwrap_or_default();
            let listed = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            marks([file].into_iter().chain(listed))
        });
        // A look that fails is the same as one that sees no file: the next one sees them again.
        looked.await.unwrap_or_default()
    }
}

/// Blocks for as long as the file system takes.
pub(super) fn marks(files: impl IntoIterator<Item = PathBuf>) -> Marks {
    let mark = |path: PathBuf| {
        let facts = std::fs::metadata(&path).ok();
        (path, facts.as_ref().and_then(|facts| facts.modified().ok()), facts.map_or(0, |facts| facts.len()))
    };
    let mut marks: Marks = files.into_iter().map(mark).collect();
    marks.sort();
    marks
}
