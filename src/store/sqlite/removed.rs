//! `init --remove`: what takes Sluss out of a tenant's file, to read and run once `sql` is complete. It changes nothing.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::file::SqliteFile;
use super::schema::{SHARED_TABLES, TRIGGERS, trigger_name};
use super::table::{Table, literal, quoted};
use super::tenant::SqliteTenant;
use crate::clock::Clock;
use crate::store::error::StoreResult;
use crate::store::removal::{Removal, blocker};
use crate::store::settings::TenantSettings;

/// What the file has of Sluss, besides tables of its own for each collection.
struct Found {
    has_state: bool,
    is_shared: bool,
    /// Collections that the file knows.
    collections: Vec<String>,
}

/// The script, or why it would be too early.
pub async fn remove(file: Arc<SqliteFile>, settings: &TenantSettings, clock: &Arc<dyn Clock>) -> StoreResult<Removal> {
    let tenant = settings.id.to_string();
    let found = file.read("look for Sluss in the file of", tenant.clone(), move |connection| look(connection, &tenant)).await?;
    let id = &settings.id;
    if !found.has_state {
        return Ok(Removal::Refused(format!("there is nothing of tenant {id} in this file")));
    }
    let is_known = |collection: &str| settings.collections.iter().any(|known| known.name.as_str() == collection);
    if let Some(forgotten) = found.collections.iter().find(|collection| !is_known(collection)) {
        return Ok(Removal::Refused(format!(
            "collection {forgotten} of tenant {id} was prepared in this file, and the configuration does not name it: its content may lie in the \
             object store only. Name it again, and bring it back to sql with the others"
        )));
    }
    if let Some(blocker) = blocker(id, &SqliteTenant::new(file, settings, Arc::clone(clock))).await? {
        return Ok(Removal::Refused(blocker));
    }
    Ok(Removal::Script(script(settings, found.is_shared)))
}

fn look(connection: &Connection, tenant: &str) -> rusqlite::Result<Found> {
    let has_table: bool =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sluss_state')", [], |row| row.get(0))?;
    if !has_table {
        return Ok(Found { has_state: false, is_shared: false, collections: Vec::new() });
    }
    let state = connection.query_row("SELECT 1 FROM sluss_state WHERE tenant = ?1", [tenant], |_| Ok(())).optional()?;
    let is_shared = connection.query_row("SELECT EXISTS (SELECT 1 FROM sluss_state WHERE tenant <> ?1)", [tenant], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT collection FROM sluss_watermark WHERE tenant = ?1 ORDER BY collection")?;
    let collections = statement.query_map([tenant], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Found { has_state: state.is_some(), is_shared, collections })
}

/// The shared tables, and whether their rows name a tenant.
fn shared_tables() -> impl Iterator<Item = (&'static str, bool)> {
    SHARED_TABLES.split("CREATE TABLE IF NOT EXISTS ").skip(1).filter_map(|text| {
        let (name, definition) = text.split_once(" (")?;
        let (definition, _) = definition.split_once(';')?;
        Some((name, definition.contains("tenant TEXT")))
    })
}

fn script(settings: &TenantSettings, is_shared: bool) -> String {
    let id = &settings.id;
    let tenant = literal(id.as_str());
    let mut script = format!(
        "-- Takes Sluss for tenant {id} out of its file again. Printed by `sluss init --remove`, which has changed nothing and found all content\n\
         -- in SQL. The customer's tables keep every row. What goes is where objects lie, their earlier versions, jobs and differences.\n\
         -- Before: stop every `sluss serve` and `sluss agent`, or take tenants/{id}.toml away from all of them, and take a backup.\n\
         -- Run: sqlite3 -bail FILE < THIS_SCRIPT. It is one transaction.\n\
         -- After: keep the objects for as long as backups of the file from before today are kept, then remove their folder.\n\
         BEGIN IMMEDIATE;\n"
    );
    for config in &settings.collections {
        let table = Table::new(config, id);
        script.push_str(&format!("-- Collection {}: triggers first.\n", config.name));
        TRIGGERS.iter().for_each(|what| script.push_str(&format!("DROP TRIGGER IF EXISTS {};\n", quoted(&trigger_name(&table, what)))));
        let own = [Some(&table.location), Some(&table.revision), Some(&table.place), table.attribute.as_ref()];
        own.into_iter().flatten().for_each(|own| script.push_str(&format!("DROP TABLE IF EXISTS {own};\n")));
    }
    if is_shared {
        script.push_str("-- Other tenants of this file stay.\n");
        script.push_str(&format!(
            "DELETE FROM sluss_staging_piece WHERE attempt IN (SELECT attempt FROM sluss_staging WHERE tenant = {tenant});\n"
        ));
        shared_tables()
            .filter(|(_, has_tenant)| *has_tenant)
            .for_each(|(name, _)| script.push_str(&format!("DELETE FROM {name} WHERE tenant = {tenant};\n")));
    } else {
        script.push_str("-- No other tenant is in this file. The control database's tables stay where they lie here too.\n");
        shared_tables().for_each(|(name, _)| script.push_str(&format!("DROP TABLE IF EXISTS {name};\n")));
    }
    script.push_str("COMMIT;\n");
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_table_is_found_with_whether_it_names_tenants() {
        assert_eq!(shared_tables().count(), SHARED_TABLES.matches("CREATE TABLE").count());
        let without: Vec<&str> = shared_tables().filter(|(_, has_tenant)| !has_tenant).map(|(name, _)| name).collect();
        assert_eq!(without, ["sluss_counter", "sluss_staging_piece"]);
    }
}
