//! `sluss backup`: asks for one and waits for its end, lists them, and reads what the offsite store has, as if it were needed.

use std::path::Path;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::progress::Progress;
use super::remote::{LOOK_EVERY, Remote, read, segment};
use super::{AdminArgs, Exit, local, recovery};
use crate::admin::backups::{BackupAnswer, BackupLists, BackupOutcome, BackupView};
use crate::admin::views::{JobList, TenantView};
use crate::app;
use crate::backup::verify::Verified;
use crate::model::backup::BackupState;
use crate::model::job::JobState;

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Copies what objects hold to the offsite store, and writes a manifest of it.
    Run {
        #[arg(long)]
        tenant: String,
        /// Returns at once; the agents go on.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Runs, the newest first, and the manifests that are kept.
    List {
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Reads the manifests and every object that they name from the offsite store, and compares. The next run copies anew what is bad.
    Verify(VerifyArgs),
    /// Restores documents of the newest manifest into a scratch tenant, compares every byte, and leaves evidence of it.
    Drill(recovery::DrillArgs),
    /// Brings back objects that are missing, or locations that were lost.
    Rebuild(recovery::RebuildArgs),
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[arg(long)]
    tenant: String,
    /// Every manifest that is kept, not only the newest one and what it is made from.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(command: BackupCommand, config: &Path, json: bool) -> anyhow::Result<Exit> {
    match command {
        BackupCommand::Run { tenant, no_wait, admin } => Remote::new(&admin, json)?.back_up(&tenant, !no_wait).await,
        BackupCommand::List { tenant, admin } => Remote::new(&admin, json)?.list_backups(tenant.as_deref()).await,
        BackupCommand::Verify(args) => Box::pin(verify(&args, config, json)).await,
        BackupCommand::Drill(args) => Box::pin(recovery::drill(args, config, json)).await,
        BackupCommand::Rebuild(args) => Box::pin(recovery::rebuild(args, config, json)).await,
    }
}

impl Remote {
    async fn back_up(&self, tenant: &str, wait: bool) -> anyhow::Result<Exit> {
        let asked = self.ask(Method::POST, "/admin/v1/backups", Some(json!({ "tenant": tenant }))).await?;
        let answer: BackupAnswer = read(asked.clone())?;
        let (BackupOutcome::Begun, Some(number)) = (answer.outcome, answer.number) else {
            if !self.printed(&asked) {
                answer.blockers.iter().for_each(|blocker| println!("  BLOCK {blocker}"));
                println!("no backup of {tenant} has begun");
            }
            return Ok(Exit::Refused);
        };
        if !wait {
            if !self.printed(&asked) {
                println!("{tenant}: backup {number} has begun");
            }
            return Ok(Exit::Done);
        }
        let view: TenantView = read(self.ask(Method::GET, &format!("/admin/v1/tenants/{}", segment(tenant)), None).await?)?;
        let held = |by| view.held_by.get(by).and_then(|held| u64::try_from(held.documents).ok()).unwrap_or_default();
        let expected = view.counted_at.map(|_| held("both") + held("object"));
        let mut progress = Progress::new(tenant, self.is_json());
        let path = format!("/admin/v1/backups?tenant={}", segment(tenant));
        loop {
            tokio::time::sleep(LOOK_EVERY / 4).await;
            let list: BackupLists = read(self.ask(Method::GET, &path, None).await?)?;
            // After the database was put back, a run goes on under a number beyond those that the offsite store lists.
            let Some(run) = list.tenants.into_iter().flat_map(|list| list.runs).find(|run| run.number >= number) else { continue };
            if run.state == BackupState::Running || self.is_at_it(tenant).await? {
                let figures = run.figures;
                progress.show(figures.documents, expected.map(|expected| expected.max(figures.documents)), |pace| {
                    format!(
                        "{} documents looked at, {} objects with {} bytes copied{pace}",
                        figures.documents, figures.objects_copied, figures.bytes_copied
                    )
                });
                continue;
            }
            drop(progress);
            if self.is_json() {
                println!("{}", json!({ "tenant": tenant, "run": run }));
            } else {
                print_run(tenant, &run);
            }
            return Ok(if run.state == BackupState::Failed { Exit::Failed } else { Exit::Done });
        }
    }

    /// The list of what is kept is written, and what left is removed, after a run has its manifest.
    async fn is_at_it(&self, tenant: &str) -> anyhow::Result<bool> {
        let list: JobList = read(self.ask(Method::GET, &format!("/admin/v1/jobs?tenant={}&kind=backup", segment(tenant)), None).await?)?;
        Ok(list.jobs.iter().any(|job| job.state != JobState::Quarantined))
    }

    async fn list_backups(&self, tenant: Option<&str>) -> anyhow::Result<Exit> {
        let path = match tenant {
            Some(tenant) => format!("/admin/v1/backups?tenant={}", segment(tenant)),
            None => "/admin/v1/backups".to_owned(),
        };
        let asked = self.ask(Method::GET, &path, None).await?;
        if self.printed(&asked) {
            return Ok(Exit::Done);
        }
        let lists: BackupLists = read(asked)?;
        for list in &lists.tenants {
            list.runs.iter().for_each(|run| print_run(&list.tenant, run));
            if list.runs.is_empty() {
                println!("{}: no backup", list.tenant);
            }
            if list.bad_copies > 0 {
                println!("{}: {} copies are bad, and the next run makes them anew", list.tenant, list.bad_copies);
            }
            if let Some(next) = list.next_at {
                println!("{}: the next one begins at {next:.0}", list.tenant);
            }
        }
        Ok(Exit::Done)
    }
}

fn print_run(tenant: &str, run: &BackupView) {
    let BackupView { number, state, instant, figures, reason, manifest, .. } = run;
    let what = manifest.as_ref().map_or_else(String::new, |manifest| format!(" {} of {} bytes,", manifest.kind, manifest.length));
    println!(
        "{tenant}: {number:>6} {:<8} {instant:.0}{what} {} documents with {} bytes, {} objects with {} bytes copied",
        state.label(),
        figures.documents,
        figures.bytes,
        figures.objects_copied,
        figures.bytes_copied
    );
    let beside =
        [(figures.only_in_sql, "documents only sql holds: they are in the sql backup"), (figures.left_out, "were left out: see the log")];
    beside.iter().filter(|(documents, _)| *documents > 0).for_each(|(documents, why)| println!("        {documents:>10} {why}"));
    if let Some(reason) = reason {
        println!("        {reason}");
    }
}

async fn verify(args: &VerifyArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, Some(&args.tenant)) else { return Ok(Exit::Usage) };
    let mut exit = Exit::Done;
    for tenant in chosen {
        let mut shown = Progress::new(&args.tenant, json);
        let said = |verified: &Verified| {
            let Verified { manifests, objects, bytes, problems, .. } = *verified;
            shown.show(objects, None, |pace| {
                format!("{manifests} manifests, {objects} objects with {bytes} bytes read, {problems} problems{pace}")
            });
        };
        let verified = app::verify_backup(&config, tenant, args.all, said).await?;
        drop(shown);
        tell(&args.tenant, &verified, json);
        if verified.problems > 0 {
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

fn tell(tenant: &str, Verified { manifests, objects, bytes, problems, named }: &Verified, json: bool) {
    if json {
        let told = json!({
            "tenant": tenant, "manifests": manifests, "objects": objects, "bytes": bytes, "problems": problems, "named": named
        });
        return println!("{told}");
    }
    named.iter().for_each(|problem| println!("{tenant}: {problem}"));
    if (named.len() as u64) < *problems {
        println!("{tenant}: and {} more", problems - named.len() as u64);
    }
    println!("{tenant}: {manifests} manifests and {objects} objects with {bytes} bytes were read; {problems} problems");
}
