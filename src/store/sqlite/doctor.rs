//! `doctor` for a file: whether it is there, fits the configuration, and was prepared.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::customer;
use super::file::SqliteFile;
use super::schema::{SCHEMA_VERSION, TRIGGERS, trigger_name};
use super::table::Table;
use crate::store::doctor::Finding;
use crate::store::settings::TenantSettings;

/// Everything about one tenant. Where the file cannot be read, that is the one finding.
pub async fn examine(path: &Path, file: &Arc<SqliteFile>, settings: &TenantSettings) -> Vec<Finding> {
    let shown = path.display().to_string();
    let settings = settings.clone();
    let looked = file.read("examine", settings.id.to_string(), move |connection| look(connection, &settings)).await;
    match looked {
        Ok(findings) => std::iter::once(Finding::ok("file", shown)).chain(findings).collect(),
        Err(error) => vec![Finding::refused("file", error.chain(), format!("see sql.database of the tenant's file: it names {shown}"))],
    }
}

fn look(connection: &Connection, settings: &TenantSettings) -> rusqlite::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    for config in &settings.collections {
        let table = Table::new(config, &settings.id);
        findings.push(match customer::id_definition(connection, &table) {
            Ok(_) => Finding::ok(config.name.to_string(), format!("table {:?} fits the configuration", config.table)),
            Err(error) => Finding::refused(config.name.to_string(), error.to_string(), ""),
        });
        let ours = if table.tenant.is_some() { &TRIGGERS[..] } else { &TRIGGERS[..4] };
        for trigger in ours.iter().map(|what| trigger_name(&table, what)) {
            if !is_there(connection, "trigger", &trigger)? {
                missing.push(trigger);
            }
        }
    }
    findings.push(schema(connection, settings, &missing)?);
    Ok(findings)
}

fn is_there(connection: &Connection, kind: &str, name: &str) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2)", [kind, name], |row| row.get(0))
}

fn schema(connection: &Connection, settings: &TenantSettings, missing: &[String]) -> rusqlite::Result<Finding> {
    let version = if is_there(connection, "table", "sluss_state")? {
        let version = "SELECT schema_version FROM sluss_state WHERE tenant = ?1";
        connection.query_row(version, [settings.id.as_str()], |row| row.get::<_, i64>(0)).optional()?
    } else {
        None
    };
    let about = "sluss's tables";
    Ok(match version {
        None => Finding::warning(about, "Sluss was not prepared for this tenant yet", "run `sluss init`"),
        Some(version) if version > SCHEMA_VERSION => Finding::refused(
            about,
            format!("they have version {version}, and this program knows {SCHEMA_VERSION}: a newer one was here"),
            "run the newer program",
        ),
        Some(version) if version < SCHEMA_VERSION => {
            Finding::warning(about, format!("they have version {version} of {SCHEMA_VERSION}"), "run `sluss init`")
        }
        Some(_) if !missing.is_empty() => Finding::warning(
            about,
            format!("triggers are missing: {}; changes by other programs are not seen", missing.join(", ")),
            "run `sluss init`: it makes them, and has everything compared again",
        ),
        Some(version) => Finding::ok(about, format!("version {version}, complete")),
    })
}
