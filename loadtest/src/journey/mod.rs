//! `sluss-loadtest journey`: takes what was seeded from phase `sql` to `dual`, verifies it, and records what each step took, as lines of
//! JSON: rates, memory, CPU time, and room on the disk, at the end of each step and at points on the way. A journey that was stopped, or
//! killed, goes on when it is started again: the tenants themselves know how far they are. Its lines then begin with `seeded` anew.

mod sample;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use sluss::body;
use sluss::client::HttpClient;
use sluss::model::phase::Phase;
use tokio::time::Instant;

use self::sample::Recorder;
use crate::content::word;
use crate::seed::Manifest;
use crate::server::Server;
use crate::tenant::{self, Verdict};

#[derive(Debug, Args)]
pub struct JourneyArgs {
    /// What `seed` has filled.
    #[arg(long)]
    folder: PathBuf,
    /// The configuration, if not in `gateway-config` in the folder.
    #[arg(long)]
    config_dir: Option<PathBuf>,
    /// Lines are added to this file, too.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Seconds between two points.
    #[arg(long, default_value_t = 30)]
    every: u64,
    /// So many documents are read at the end, each checked by its SHA-256.
    #[arg(long, default_value_t = 1000)]
    check: u64,
}

const LOOK_EVERY: Duration = Duration::from_millis(500);

pub async fn run(args: &JourneyArgs) -> anyhow::Result<()> {
    let manifest = Manifest::of(&args.folder)?;
    let config = args.config_dir.clone().unwrap_or_else(|| args.folder.join("gateway-config")).join("sluss.toml");
    let file = args.out.as_ref().map(|out| File::options().create(true).append(true).open(out)).transpose()?;
    let mut lines = Lines { file };
    lines.add(&json!({ "step": "seeded", "manifest": manifest, "cores": std::thread::available_parallelism()?.get() }))?;
    let init = Server::init(&config)?;
    let begun = Instant::now();
    let server = Server::start(&config).await?;
    lines.add(&json!({ "step": "init", "seconds": init.as_secs_f64(), "start_seconds": begun.elapsed().as_secs_f64() }))?;
    let journey = Journey { args, manifest: &manifest, server: &server };
    journey.flip(Phase::Shadow, &mut lines).await?;
    journey.flip(Phase::Dual, &mut lines).await?;
    journey.verify(&mut lines).await?;
    journey.check(&mut lines).await
}

/// Where results go.
struct Lines {
    file: Option<File>,
}

impl Lines {
    fn add(&mut self, line: &serde_json::Value) -> anyhow::Result<()> {
        println!("{line}");
        if let Some(file) = &mut self.file {
            writeln!(file, "{line}").context("write the results")?;
        }
        Ok(())
    }
}

struct Journey<'a> {
    args: &'a JourneyArgs,
    manifest: &'a Manifest,
    server: &'a Server,
}

impl Journey<'_> {
    fn tenants(&self) -> Vec<String> {
        (0..self.manifest.tenants as usize).map(|tenant| self.manifest.tenant(tenant)).collect()
    }

    /// Flips all tenants that are not as far yet, and waits until the agents have done what the phase calls for.
    async fn flip(&self, to: Phase, lines: &mut Lines) -> anyhow::Result<()> {
        let mut recorder = Recorder::begin(to.label(), self.server, &self.args.folder).await?;
        for tenant in self.tenants() {
            let view = tenant::wait(LOOK_EVERY, async || Ok(Some(tenant::view(&self.server.admin, &tenant).await?))).await?;
            if view.phase.is_some_and(|phase| phase < to) {
                self.server.flip(&tenant, to).await?;
            }
        }
        for tenant in self.tenants() {
            let copied = tenant::wait(LOOK_EVERY, async || {
                let is_copied = tenant::is_copied(&tenant::view(&self.server.admin, &tenant).await?)?;
                self.record(&mut recorder, lines).await?;
                Ok(is_copied.then_some(()))
            });
            copied.await.with_context(|| format!("{tenant} does not come to its end in phase {to}"))?;
        }
        lines.add(&recorder.point(true).await?)
    }

    async fn verify(&self, lines: &mut Lines) -> anyhow::Result<()> {
        let mut recorder = Recorder::begin("verify", self.server, &self.args.folder).await?;
        let mut begun = Vec::new();
        for tenant in self.tenants() {
            begun.push((tenant::begin_verification(&self.server.admin, &tenant).await?, tenant));
        }
        for (number, tenant) in begun {
            let verdict = tenant::wait(LOOK_EVERY, async || {
                let seen = tenant::verifications(&self.server.admin, &tenant).await?;
                self.record(&mut recorder, lines).await?;
                Verdict::of(&seen, number)
            });
            let verdict = verdict.await?;
            let is_whole = verdict.is_clean() && verdict.figures.verified == self.manifest.documents;
            ensure!(is_whole, "the verification of {tenant} found something, or not all {}: {verdict}", self.manifest.documents);
        }
        lines.add(&recorder.point(true).await?)
    }

    /// A point, when it is time for one.
    async fn record(&self, recorder: &mut Recorder<'_>, lines: &mut Lines) -> anyhow::Result<()> {
        if recorder.since_last() >= Duration::from_secs(self.args.every) {
            lines.add(&recorder.point(false).await?)?;
        }
        Ok(())
    }

    /// Reads some documents as an application does.
    async fn check(&self, lines: &mut Lines) -> anyhow::Result<()> {
        let documents = HttpClient::new(format!("http://{}", self.server.documents).parse()?, None)?;
        let begun = Instant::now();
        let mut from_object = 0;
        for number in 0..self.args.check {
            let tenant = (number % self.manifest.tenants) as usize;
            let id = 1 + word(self.manifest.contents.seed, number) % self.manifest.documents;
            let path = format!("/v1/tenants/{}/documents/{id}", self.manifest.tenant(tenant));
            let mut answer = documents.request(Method::GET, &path, HeaderMap::new(), body::empty()).await?;
            ensure!(answer.status == StatusCode::OK, "GET {path} answered {}", answer.status);
            from_object += u64::from(answer.headers.get("served-from").is_some_and(|from| from == "object"));
            let mut hash = Sha256::new();
            while let Some(piece) = answer.piece().await? {
                hash.update(&piece);
            }
            let found: [u8; 32] = hash.finalize().into();
            ensure!(found == self.manifest.contents.of(tenant, id, 0).sha256(), "{path} is not what was seeded");
        }
        let seconds = begun.elapsed().as_secs_f64();
        lines.add(&json!({ "step": "check", "documents": self.args.check, "from_object": from_object, "different": 0, "seconds": seconds }))
    }
}
