//! The command line: what can be said, who carries it out, and the exit code. Operators' commands speak to the admin API; only
//! `serve`, `agent`, `demo`, `init`, `doctor`, `reconcile`, `mark`, `config` and `backup verify`, `drill` and `rebuild` act directly.

mod backup;
mod doctor;
mod health;
mod history;
mod init;
mod jobs;
mod limits;
mod local;
mod mark;
mod progress;
mod purge;
mod reconcile;
mod recovery;
mod remote;
mod restore;
mod verify;
mod waves;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::admin::views::RetryWish;
use crate::app::Role;
use crate::demo::{self, DemoArgs};
use crate::model::job::JobKind;
use crate::telemetry::{self, LogFormat};

/// Moves documents from SQL to an object store, one tenant at a time, while everyone goes on working.
#[derive(Debug, Parser)]
#[command(name = "sluss", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration; tenants are read from `tenants/` beside it.
    #[arg(long, global = true, env = "SLUSS_CONFIG", default_value = "gateway-config/sluss.toml", value_name = "FILE")]
    config: PathBuf,
    /// How logs are written: text on a terminal and JSON otherwise, unless said here.
    #[arg(long, global = true, default_value_t = LogFormat::Auto, value_name = "auto|text|json")]
    log: LogFormat,
    /// Prints one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves documents and operators, with agents at work.
    Serve,
    /// Runs agents only, for further machines.
    Agent {
        /// Serves metrics and health on this address.
        #[arg(long, value_name = "ADDRESS")]
        observe: Option<SocketAddr>,
    },
    /// Shows everything in one process on embedded stores in a temporary folder.
    Demo(DemoArgs),
    /// Creates Sluss's own tables and triggers in the tenants' databases; safe to run twice.
    Init(init::InitArgs),
    /// Looks at the tenants' databases, tables and object stores, and tells what to do about what it finds. It changes nothing.
    Doctor(doctor::DoctorArgs),
    /// Asks a process whether it is up; needs no token. Exit code 1 if it is not.
    Health(health::HealthArgs),
    /// Says whose a tenant's objects are, and adopts them.
    Reconcile(reconcile::ReconcileArgs),
    /// Names a moment in the tenants' databases, to which a DBA's restore and `sluss restore` can both go back.
    Mark(mark::MarkArgs),
    /// Looks at tenants and flips their phases.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Asks for a full sweep of a tenant: what has no true copy is enqueued, what is marked is put right.
    Sweep {
        #[arg(long)]
        tenant: String,
        /// Waits until the sweep and the jobs that it found are done.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Reads every document in all its holders, and every name among the objects, and lists what differs.
    Verify {
        #[arg(long)]
        tenant: String,
        /// Replaces objects that are not what they should be where SQL holds the content, too.
        #[arg(long)]
        repair: bool,
        /// Returns at once; the agents go on.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Takes content out of SQL that verified objects hold, in phase sealed. Without --execute it is a dry run, and only counts.
    Purge {
        #[arg(long)]
        tenant: String,
        /// Does it. A dry run has to come before.
        #[arg(long)]
        execute: bool,
        /// Returns at once; the agents go on.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Copies of all objects in a second placement, with signed manifests of what a tenant held.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Says what the versions of a tenant's documents come to, and what of them the next collection removes.
    History {
        #[arg(long)]
        tenant: String,
        /// Lists the contents that this document had, and how to bring each back.
        #[arg(long, value_name = "COLLECTION/ID")]
        document: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Brings a tenant, or one document, back to what it was at an instant: first a plan, then the work. A restore is a set of new versions, and
    /// can be undone by another one.
    Restore(restore::RestoreArgs),
    /// Limits on the agents' work, of one tenant or of all together.
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Agents rest for all tenants; documents are served as before.
    Pause {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Agents work again, but for tenants that are paused themselves.
    Resume {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Looks at jobs and retries quarantined ones.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Checks the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Every tenant on a line.
    List {
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// One tenant in full.
    Show {
        tenant: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Flips a tenant to another phase, if every guard passes; or many, one after the other, up to the first that does not.
    Phase(waves::PhaseArgs),
    /// Agents rest for this tenant, and give back what they are at; its documents are served as before.
    Pause {
        tenant: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Agents work for this tenant again.
    Resume {
        tenant: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Refuses clients' changes of a tenant's documents, or takes them again. Reads and agents go on.
    ReadOnly {
        tenant: String,
        on: limits::Switch,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// Open jobs.
    List {
        #[arg(long)]
        tenant: Option<String>,
        /// ready, leased or quarantined.
        #[arg(long)]
        state: Option<String>,
        /// copy, write_back, sweep, changes, verify, purge, restore, keep, collect or backup.
        #[arg(long)]
        kind: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// What quarantined jobs failed for, the most frequent first.
    Reasons {
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Gives quarantined jobs a fresh retry budget: one by its id, or all.
    Retry {
        /// As `jobs list` shows it.
        #[arg(required_unless_present = "all")]
        job: Option<String>,
        #[arg(long, conflicts_with = "job")]
        all: bool,
        /// With --all: only of this tenant.
        #[arg(long, conflicts_with = "job")]
        tenant: Option<String>,
        /// With --all: only of this kind.
        #[arg(long, conflicts_with = "job")]
        kind: Option<JobKind>,
        /// With --all: only those that failed for this, as `jobs reasons` shows it.
        #[arg(long, conflicts_with = "job")]
        reason: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Reads every file and reports every problem at once.
    Check,
}

/// Where the admin API is, and how to be let in.
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// The admin listener.
    #[arg(long, env = "SLUSS_ADMIN_URL", default_value = "http://127.0.0.1:8081", value_name = "URL")]
    admin_url: http::Uri,
    /// The authority that vouches for an https address, in PEM; otherwise the system's authorities.
    #[arg(long, env = "SLUSS_ADMIN_CA", value_name = "FILE")]
    admin_ca: Option<PathBuf>,
    /// A certificate to show where the listener asks for one, in PEM.
    #[arg(long, env = "SLUSS_ADMIN_CERTIFICATE", value_name = "FILE", requires = "admin_key")]
    admin_certificate: Option<PathBuf>,
    /// The key of --admin-certificate, in PEM.
    #[arg(long, env = "SLUSS_ADMIN_KEY", value_name = "FILE", requires = "admin_certificate")]
    admin_key: Option<PathBuf>,
    /// A file with an operator's token; never given on the command line, where others could read it.
    #[arg(long, env = "SLUSS_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// A guard does not pass.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
        })
    }
}

/// Runs one command to its end.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { config, log, json, command } = cli;
    match command {
        Command::Serve => local::serve(&config, log, Role::Serve).await,
        Command::Agent { observe } => local::serve(&config, log, Role::Agent { observed_on: observe }).await,
        Command::Demo(args) => {
            telemetry::init(log, LevelFilter::WARN)?;
            demo::run(args, json).await.map(|passed| if passed { Exit::Done } else { Exit::Failed })
        }
        // Boxed: the compiler computes the layout of all that they await at once, and gives up below so many calls.
        Command::Init(args) => Box::pin(init::run(args, &config, json)).await,
        Command::Doctor(args) => Box::pin(doctor::run(args, &config, json)).await,
        Command::Health(args) => health::run(args, json).await,
        Command::Reconcile(args) => Box::pin(reconcile::run(args, &config, json)).await,
        Command::Mark(args) => Box::pin(mark::run(args, &config, json)).await,
        Command::Config(ConfigCommand::Check) => Ok(local::check(&config, json)),
        Command::Tenant(TenantCommand::List { admin }) => remote::Remote::new(&admin, json)?.list_tenants().await,
        Command::Tenant(TenantCommand::Show { tenant, admin }) => remote::Remote::new(&admin, json)?.show_tenant(&tenant).await,
        Command::Tenant(TenantCommand::Phase(args)) => waves::run(args, json).await,
        Command::Tenant(TenantCommand::Pause { tenant, admin }) => remote::Remote::new(&admin, json)?.pause(Some(&tenant), true).await,
        Command::Tenant(TenantCommand::Resume { tenant, admin }) => remote::Remote::new(&admin, json)?.pause(Some(&tenant), false).await,
        Command::Tenant(TenantCommand::ReadOnly { tenant, on, admin }) => remote::Remote::new(&admin, json)?.read_only(&tenant, on).await,
        Command::Backup(command) => backup::run(command, &config, json).await,
        Command::History { tenant, document: None, admin } => remote::Remote::new(&admin, json)?.show_history(&tenant).await,
        Command::History { tenant, document: Some(document), admin } => {
            remote::Remote::new(&admin, json)?.list_versions(&tenant, &document).await
        }
        Command::Restore(args) => Box::pin(restore::run(args, json)).await,
        Command::Limits(command) => limits::run(command, json).await,
        Command::Pause { admin } => remote::Remote::new(&admin, json)?.pause(None, true).await,
        Command::Resume { admin } => remote::Remote::new(&admin, json)?.pause(None, false).await,
        Command::Sweep { tenant, wait, admin } => remote::Remote::new(&admin, json)?.sweep(&tenant, wait).await,
        Command::Verify { tenant, repair, no_wait, admin } => remote::Remote::new(&admin, json)?.verify(&tenant, repair, !no_wait).await,
        Command::Purge { tenant, execute, no_wait, admin } => remote::Remote::new(&admin, json)?.purge(&tenant, execute, !no_wait).await,
        Command::Jobs(JobsCommand::List { tenant, state, kind, admin }) => {
            remote::Remote::new(&admin, json)?.list_jobs(tenant.as_deref(), state.as_deref(), kind.as_deref()).await
        }
        Command::Jobs(JobsCommand::Reasons { tenant, admin }) => remote::Remote::new(&admin, json)?.list_reasons(tenant.as_deref()).await,
        Command::Jobs(JobsCommand::Retry { job, all: _, tenant, kind, reason, admin }) => {
            remote::Remote::new(&admin, json)?.retry(job.as_deref(), &RetryWish { tenant, kind, reason }).await
        }
    }
}
