//! `doctor`: what is found on a tenant's database and tables, and what it means. It gathers facts, lets pure functions judge them, and changes
//! nothing.

mod around;
mod database;
mod facts;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use self::facts::{DatabaseFacts, TableFacts};
use self::table::{CHECKS, Looked, OF_A_FIT_TABLE};
use super::batch::Batch;
use super::fault::Fault;
use super::grants;
use super::presence;
use super::schema::{SCHEMA_VERSION, check};
use super::server::SqlServer;
use super::statements;
use super::table::Table;
use super::tenant::describe;
use crate::clock::Clock;
use crate::config::{CollectionConfig, SqlServerConfig};
use crate::store::doctor::Finding;
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::settings::TenantSettings;

/// Everything about one tenant. Where the database cannot be reached, that is the one finding.
pub async fn examine(
    server: &Arc<SqlServer>,
    config: &SqlServerConfig,
    settings: &TenantSettings,
    clock: &dyn Clock,
) -> StoreResult<Vec<Finding>> {
    let (mut findings, reached) = lanes(server, config, clock).await;
    if !reached {
        return Ok(findings);
    }
    let gathered = gather(server, config, settings, &mut findings).await;
    gathered.map_err(|fault| fault.at("examine", &settings.id))?;
    Ok(findings)
}

/// Logs in on both lanes, and compares the clocks on the way. Whether both were reached.
async fn lanes(server: &Arc<SqlServer>, config: &SqlServerConfig, clock: &dyn Clock) -> (Vec<Finding>, bool) {
    let (mut findings, mut reached) = (Vec::new(), true);
    let batch = Batch::new(statements::DOCTOR_CLOCK);
    // The first answer comes after a login, the second is as quick as the network.
    let commands = match server.run(&batch).await {
        Ok(_) => {
            let before = clock.now();
            server.run(&batch).await.map(|rows| (rows, before, clock.now()))
        }
        Err(fault) => Err(fault),
    };
    match commands {
        Ok((rows, before, after)) => {
            findings.push(Finding::ok("login for commands", format!("{} on {}:{}", config.user, config.host, config.port)));
            findings.extend(rows.into_iter().next_back().and_then(|mut row| skew(row.integer().ok()?, before, after)));
        }
        Err(fault) => {
            reached = false;
            findings.push(unreached("login for commands", &fault));
        }
    }
    match server.look_up(&batch).await {
        Ok(_) => findings.push(Finding::ok("login for reads", format!("{} on {}:{}", config.user, config.host, config.port))),
        Err(fault) => {
            reached = false;
            findings.push(unreached("login for reads", &fault));
        }
    }
    (findings, reached)
}

fn unreached(about: &str, fault: &Fault) -> Finding {
    Finding::refused(about, fault.to_string(), "see what the message says; the connection's settings are in [sql] of the tenant's file")
}

/// The database answered somewhere between the two.
fn skew(database: i64, before: Timestamp, after: Timestamp) -> Option<Finding> {
    let middle = before.as_millisecond().midpoint(after.as_millisecond());
    Some(database::clock(SignedDuration::from_millis(database.checked_sub(middle)?)))
}

async fn gather(
    server: &Arc<SqlServer>,
    config: &SqlServerConfig,
    settings: &TenantSettings,
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let mut unknown = Vec::new();
    match facts::server_facts(server).await? {
        Some(facts) => findings.push(database::server(&facts)),
        None => unknown.push("the server's version"),
    }
    let database = facts::database_facts(server).await?;
    match &database {
        Some(facts) => findings.extend(of_database(facts)),
        None => unknown.push("sys.databases"),
    }
    let mut tables = Vec::new();
    for collection in &settings.collections {
        match described(server, settings, collection).await {
            Ok(table) => {
                let facts = facts::table_facts(server, collection).await?;
                tell_unknown(&facts, &mut unknown);
                findings.extend(of_table(&Looked { config: collection, table: &table, facts: &facts }));
                tables.push(table);
            }
            Err(reason) => findings.push(Finding::refused(collection.name.to_string(), reason, "")),
        }
    }
    let version = presence::schema_version(server, &settings.id).await?;
    let missing = presence::missing(server, &tables).await?;
    findings.push(database::schema(&missing, version, SCHEMA_VERSION));
    rights(server, config, &tables, version.is_some(), findings, &mut unknown).await?;
    unknown.sort_unstable();
    unknown.dedup();
    findings.extend(database::unknown(&unknown));
    Ok(())
}

fn of_database(facts: &DatabaseFacts) -> Vec<Finding> {
    let always = [database::read_committed_snapshot(facts), database::compatibility_level(facts), database::recovery_model(facts)];
    always.into_iter().chain(database::read_only(facts)).collect()
}

fn of_table(looked: &Looked<'_>) -> Vec<Finding> {
    let of_a_fit_table = match check(looked.table) {
        Ok(()) => OF_A_FIT_TABLE.iter().flat_map(|check| check(looked)).collect(),
        Err(unfit) => vec![Finding::refused(looked.config.name.to_string(), unfit.to_string(), "")],
    };
    of_a_fit_table.into_iter().chain(CHECKS.iter().flat_map(|check| check(looked))).collect()
}

/// The table as the catalogue has it, or why it cannot be a collection.
async fn described(server: &Arc<SqlServer>, settings: &TenantSettings, collection: &CollectionConfig) -> Result<Table, String> {
    describe(server, &settings.id, collection, settings.history).await.map_err(|error| match error.kind {
        StoreErrorKind::Other => error.source.map_or_else(|| "it cannot be read".to_owned(), |source| source.to_string()),
        _ => error.chain(),
    })
}

fn tell_unknown(facts: &TableFacts, unknown: &mut Vec<&'static str>) {
    let parts = [
        (facts.rows.is_none(), "sys.partitions"),
        (facts.traits.is_none(), "sys.tables"),
        (facts.columns.is_none(), "sys.columns"),
        (facts.foreign_keys.is_none(), "sys.foreign_keys"),
        (facts.triggers.is_none(), "sys.triggers"),
        (facts.full_text.is_none(), "sys.fulltext_index_columns"),
    ];
    unknown.extend(parts.into_iter().filter(|(is_unknown, _)| *is_unknown).map(|(_, what)| what));
}

/// Those that are missing, each with the statement that gives it.
async fn rights(
    server: &Arc<SqlServer>,
    config: &SqlServerConfig,
    tables: &[Table],
    has_schema: bool,
    findings: &mut Vec<Finding>,
    unknown: &mut Vec<&'static str>,
) -> Result<(), Fault> {
    let of_sluss = if has_schema { grants::of_sluss() } else { Vec::new() };
    let mut all = true;
    for grant in of_sluss.into_iter().chain(tables.iter().flat_map(grants::of_table)) {
        match facts::has(server, &grant).await? {
            Some(true) => {}
            Some(false) => {
                all = false;
                findings.push(Finding::warning("grants", format!("one is missing. {}", grant.reason), grant.give(&config.user)));
            }
            None => {
                all = false;
                unknown.push("this login's own rights");
            }
        }
    }
    if all {
        let on = if has_schema { "" } else { " on the customer's tables; what it needs on Sluss's comes with them" };
        findings.push(Finding::ok("grants", format!("{} may do what Sluss needs{on}", config.user)));
    }
    Ok(())
}
