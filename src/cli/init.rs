//! `sluss init`: prepares the tenants' databases, or prints what does, or what takes Sluss out again. What it prints it does not run.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{Exit, local};
use crate::app;
use crate::config::{Config, TenantConfig};
use crate::store::removal::Removal;

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Prints a script for a DBA instead, with the least grants, and changes nothing. For tenants on SQL Server.
    #[arg(long)]
    print_sql: bool,
    /// Prints a script that takes Sluss out of the tenant's database, and changes nothing. Refused until all content is in SQL.
    #[arg(long, conflicts_with = "print_sql")]
    remove: bool,
}

pub(super) async fn run(args: InitArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, args.tenant.as_deref()) else { return Ok(Exit::Usage) };
    if args.print_sql {
        return Ok(print_sql(&config, &chosen, json).await);
    }
    if args.remove {
        return remove(&chosen, json).await;
    }
    Ok(init(&config, &chosen, json).await)
}

async fn init(config: &Config, chosen: &[&TenantConfig], json: bool) -> Exit {
    let mut exit = Exit::Done;
    for tenant in chosen {
        match app::init(config, tenant).await {
            Ok(()) if json => println!("{}", json!({ "tenant": tenant.id.as_str(), "ready": true })),
            Ok(()) => println!("{}: ready; `sluss tenant show {}` tells its phase once `sluss serve` runs", tenant.id, tenant.id),
            Err(error) => exit = failed(tenant, &error),
        }
    }
    exit
}

/// Scripts go to the standard output, and nothing else does: it may lead to a file.
async fn print_sql(config: &Config, chosen: &[&TenantConfig], json: bool) -> Exit {
    let (mut exit, mut printed) = (Exit::Done, false);
    for tenant in chosen {
        match app::print_sql(tenant).await {
            Ok(Some(script)) => {
                print(Some(tenant), &script, json);
                printed = true;
            }
            Ok(None) => eprintln!("sluss: {}: its database is a SQLite file, for which there is no script: run `sluss init`", tenant.id),
            Err(error) => exit = failed(tenant, &error),
        }
    }
    if let Some(script) = app::print_control_sql(config) {
        print(None, &script, json);
        printed = true;
    }
    if exit == Exit::Done && !printed { Exit::Usage } else { exit }
}

/// All scripts or none.
async fn remove(chosen: &[&TenantConfig], json: bool) -> anyhow::Result<Exit> {
    let (mut scripts, mut exit) = (Vec::new(), Exit::Done);
    for tenant in chosen {
        match app::print_removal(tenant).await? {
            Removal::Script(script) => scripts.push((*tenant, script)),
            Removal::Refused(reason) => {
                eprintln!("sluss: {reason}");
                exit = Exit::Refused;
            }
        }
    }
    if exit == Exit::Done {
        scripts.iter().for_each(|(tenant, script)| print(Some(tenant), script, json));
    }
    Ok(exit)
}

/// `tenant`: `None` for the control database.
fn print(tenant: Option<&TenantConfig>, script: &str, json: bool) {
    if json {
        println!("{}", json!({ "tenant": tenant.map(|tenant| tenant.id.as_str()), "script": script }));
    } else {
        println!("{script}");
    }
}

fn failed(tenant: &TenantConfig, error: &anyhow::Error) -> Exit {
    eprintln!("sluss: {}: {error:#}", tenant.id);
    Exit::Failed
}
