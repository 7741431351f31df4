//! `sluss limits`, `pause`, `resume` and `tenant read-only`: what operators set on the agents' work and on clients' writes.

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use super::remote::{Remote, read, segment};
use super::{AdminArgs, Exit};
use crate::admin::limits::{LimitsView, ReadOnlyView, ScopeView};
use crate::admin::views::TenantView;
use crate::config::{byte_size_text, parse_byte_size};
use crate::model::limits::{Limit, WorkLimits};

#[derive(Debug, Subcommand)]
pub(super) enum LimitsCommand {
    /// What is set, for all tenants together and for each.
    Show {
        /// Only of this tenant.
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Sets some limits, and leaves the others. They hold at once, for jobs under way too.
    Set {
        /// For the work on this tenant; without it, for the work on all tenants together.
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        figures: Figures,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Lifts the limits that are named, or all three.
    Lift {
        /// Of this tenant; without it, those of all tenants together.
        #[arg(long)]
        tenant: Option<String>,
        #[arg(long)]
        documents_per_second: bool,
        #[arg(long)]
        bytes_per_second: bool,
        #[arg(long)]
        concurrency: bool,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Each holds for all processes together.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Figures {
    /// Documents that agents move, verify or purge.
    #[arg(long, value_name = "N", value_parser = number)]
    documents_per_second: Option<Limit>,
    /// Bytes that agents move or verify, as 500KiB or 50MiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    bytes_per_second: Option<Limit>,
    /// Jobs at once.
    #[arg(long, value_name = "N", value_parser = number)]
    concurrency: Option<Limit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

fn number(text: &str) -> Result<Limit, String> {
    let figure: u64 = text.parse().map_err(|_| "is not a whole number".to_owned())?;
    Limit::try_from(figure).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<Limit, String> {
    Limit::try_from(parse_byte_size(text)?).map_err(|error| error.to_string())
}

pub(super) async fn run(command: LimitsCommand, json: bool) -> anyhow::Result<Exit> {
    match command {
        LimitsCommand::Show { tenant, admin } => Remote::new(&admin, json)?.show_limits(tenant.as_deref()).await,
        LimitsCommand::Set { tenant, figures, admin } => {
            let Figures { documents_per_second, bytes_per_second, concurrency } = figures;
            let named =
                [("documents_per_second", documents_per_second), ("bytes_per_second", bytes_per_second), ("concurrency", concurrency)];
            let wish = named.into_iter().filter_map(|(name, limit)| limit.map(|limit| (name.to_owned(), json!(limit))));
            Remote::new(&admin, json)?.set_limits(tenant.as_deref(), wish.collect()).await
        }
        LimitsCommand::Lift { tenant, documents_per_second, bytes_per_second, concurrency, admin } => {
            let named =
                [("documents_per_second", documents_per_second), ("bytes_per_second", bytes_per_second), ("concurrency", concurrency)];
            let all = named.iter().all(|(_, lift)| !lift);
            let wish = named.into_iter().filter(|(_, lift)| all || *lift).map(|(name, _)| (name.to_owned(), Value::Null));
            Remote::new(&admin, json)?.set_limits(tenant.as_deref(), wish.collect()).await
        }
    }
}

impl Remote {
    async fn show_limits(&self, tenant: Option<&str>) -> anyhow::Result<Exit> {
        let Some(tenant) = tenant else {
            let answer = self.ask(Method::GET, "/admin/v1/limits", None).await?;
            if !self.printed(&answer) {
                print_table(&read(answer)?);
            }
            return Ok(Exit::Done);
        };
        // Asked of the tenant itself, so that one that is not there is told apart from one without limits.
        let answer = self.ask(Method::GET, &format!("/admin/v1/tenants/{}", segment(tenant)), None).await?;
        let view: TenantView = read(answer)?;
        let scope = ScopeView { tenant: Some(view.tenant), limits: view.limits };
        if !self.printed(&serde_json::to_value(&scope)?) {
            print_heading();
            print_limits(tenant, &scope.limits);
        }
        Ok(Exit::Done)
    }

    async fn set_limits(&self, tenant: Option<&str>, wish: Map<String, Value>) -> anyhow::Result<Exit> {
        let path = format!("{}/limits", scope_path(tenant));
        let answer = self.ask(Method::PUT, &path, Some(Value::Object(wish))).await?;
        if !self.printed(&answer) {
            let scope: ScopeView = read(answer)?;
            print_heading();
            print_limits(scope.tenant.as_deref().unwrap_or(IN_ALL), &scope.limits);
        }
        Ok(Exit::Done)
    }

    pub(super) async fn pause(&self, tenant: Option<&str>, paused: bool) -> anyhow::Result<Exit> {
        let verb = if paused { "pause" } else { "resume" };
        let answer = self.ask(Method::POST, &format!("{}/{verb}", scope_path(tenant)), None).await?;
        if !self.printed(&answer) {
            let scope: ScopeView = read(answer)?;
            let whom = scope.tenant.as_deref().unwrap_or("all tenants");
            println!("{whom}: {}", if scope.limits.paused { "paused, jobs under way are given back" } else { "agents are at work" });
        }
        Ok(Exit::Done)
    }

    pub(super) async fn read_only(&self, tenant: &str, switch: Switch) -> anyhow::Result<Exit> {
        let path = format!("/admin/v1/tenants/{}/read_only", segment(tenant));
        let answer = self.ask(Method::POST, &path, Some(json!({ "on": switch == Switch::On }))).await?;
        if !self.printed(&answer) {
            let view: ReadOnlyView = read(answer)?;
            println!("{}: {}", view.tenant, if view.read_only { "read-only, clients' changes are refused" } else { "takes changes" });
        }
        Ok(Exit::Done)
    }
}

const IN_ALL: &str = "(in all)";

fn scope_path(tenant: Option<&str>) -> String {
    tenant.map_or_else(|| "/admin/v1".to_owned(), |tenant| format!("/admin/v1/tenants/{}", segment(tenant)))
}

fn print_table(view: &LimitsView) {
    print_heading();
    print_limits(IN_ALL, &view.all);
    for (tenant, limits) in &view.tenants {
        print_limits(tenant, limits);
    }
}

fn print_heading() {
    println!("{:<20} {:>12} {:>12} {:>12}  STATE", "TENANT", "DOCUMENTS/S", "BYTES/S", "CONCURRENCY");
}

fn print_limits(name: &str, limits: &WorkLimits) {
    let figure = |limit: Option<Limit>| limit.map_or("-".to_owned(), |limit| limit.get().to_string());
    let size = limits.bytes_per_second.map_or("-".to_owned(), |limit| byte_size_text(&limit.get()));
    let state = if limits.paused { "paused" } else { "at work" };
    println!("{name:<20} {:>12} {size:>12} {:>12}  {state}", figure(limits.documents_per_second), figure(limits.concurrency));
}

/// What `tenant show` adds where something is set.
pub(super) fn print_marks(view: &TenantView) {
    let tenant = &view.tenant;
    if view.limits.paused {
        println!("  paused: agents rest until `sluss tenant resume {tenant}`");
    }
    if view.all_paused {
        println!("  paused with all tenants: agents rest until `sluss resume`");
    }
    if view.read_only {
        println!("  read-only: clients' changes are refused until `sluss tenant read-only {tenant} off`");
    }
    let WorkLimits { documents_per_second, bytes_per_second, concurrency, .. } = view.limits;
    if documents_per_second.or(bytes_per_second).or(concurrency).is_some() {
        println!("  limits: {}", view.limits);
    }
}
