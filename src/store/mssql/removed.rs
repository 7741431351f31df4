//! `init --remove`: what takes Sluss out of a tenant's database, on paper, for a DBA to run once `sql` is complete. It changes nothing, and what
//! it prints looks again before it drops anything.

use std::sync::Arc;

use super::ddl;
use super::grants::{of_sluss, of_table};
use super::paper::{Paper, check_names, revision_index};
use super::schema::{self, fill};
use super::server::SqlServer;
use super::table::Table;
use super::tenant::SqlServerTenant;
use super::text::{self, literal};
use super::{STORE, presence};
use crate::config::SqlServerConfig;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::removal::{Removal, blocker};
use crate::store::settings::TenantSettings;

/// The shared tables, in the order in which they may go. That of the tenants' states is the last: while it has a row, all of them are in use.
const SHARED: [&str; 19] = [
    "backup_bad",
    "backup_run",
    "restore_run",
    "marked",
    "difference",
    "verification",
    "purge",
    "begun",
    "tick",
    "watermark",
    "tally",
    "hold",
    "job",
    "staging",
    "upload",
    "version",
    "placement",
    "queue",
    "state",
];

/// The one shared table that has no tenants.
const MIGRATION: &str = "migration";

/// Our tables beside a collection are called like that.
const BESIDE: [&str; 4] = ["location", "place", "attribute", "revision"];

/// The script, or why it would be too early.
pub async fn remove(server: &Arc<SqlServer>, config: &SqlServerConfig, settings: &TenantSettings) -> StoreResult<Removal> {
    check_names(config, settings)?;
    let looked = async { Ok((presence::schema_version(server, &settings.id).await?, presence::own_tables(server).await?)) };
    let (version, own) = looked.await.map_err(|fault: super::fault::Fault| fault.at("look for Sluss in the database of", &settings.id))?;
    let beside = beside_of(&own, settings);
    if version.is_none() && beside.is_empty() {
        return Ok(Removal::Refused(format!("there is nothing of tenant {} in this database", settings.id)));
    }
    let is_known = |collection: &str| settings.collections.iter().any(|known| known.name.as_str() == collection);
    if let Some(forgotten) = beside.iter().find(|collection| !is_known(collection)) {
        return Ok(Removal::Refused(format!(
            "collection {forgotten} of tenant {0} has tables in this database, and the configuration does not name it: its content may lie in the \
             object store only. Name it again, and bring it back to sql with the others",
            settings.id
        )));
    }
    // Without a state the script was run before, up to its last part.
    if version.is_some() {
        let tenant = SqlServerTenant::new(Arc::clone(server), settings, None);
        if let Some(blocker) = blocker(&settings.id, &tenant).await? {
            return Ok(Removal::Refused(blocker));
        }
    }
    let tables = schema::tables(server, settings).await?;
    let Some(first) = tables.first() else {
        return Err(StoreError::new(STORE, "print a script for", &settings.id, StoreErrorKind::Other).because("it has no collection"));
    };
    Ok(Removal::Script(script(config, first, &tables)))
}

/// The collections of this tenant that have tables of ours.
fn beside_of(own: &[String], settings: &TenantSettings) -> Vec<String> {
    let of_tenant = |name: &String| {
        let mut parts = name.splitn(3, '/');
        let (what, tenant, collection) = (parts.next()?, parts.next()?, parts.next()?);
        (BESIDE.contains(&what) && tenant == settings.id.as_str()).then(|| collection.to_owned())
    };
    let mut collections: Vec<String> = own.iter().filter_map(of_tenant).collect();
    collections.sort();
    collections.dedup();
    collections
}

/// `any`: one of the tables, for the tenant's name.
fn script(config: &SqlServerConfig, any: &Table, tables: &[Table]) -> String {
    let tenant = &any.tenant;
    let mut paper = Paper::new(&format!(
        "Takes Sluss for tenant {tenant} out of database {} on {}:{} again.",
        config.database, config.host, config.port
    ));
    paper.say(
        "Printed by `sluss init --remove`, which has changed nothing and found all content in SQL. The customer's tables keep every row and \
         column. What goes is where objects lie, their earlier versions, jobs and differences.",
    );
    paper.say(&format!(
        "\nBefore: stop every `sluss serve` and `sluss agent`, or take tenants/{tenant}.toml away from all of them. Take a backup.\nAfter: the \
         objects stay where they are, and nothing names them any more. Keep them for as long as backups of this database from before today are \
         kept, then remove their folder."
    ));
    paper.how_to_run(config);
    paper.begin_session(config);
    tables.iter().for_each(|table| collection(&mut paper, table));
    paper.heading(&format!("The rows of {tenant} in the shared tables"));
    paper.say("In portions, so that neither the log nor the locks grow. The tenant's state is the last.");
    paper.batch(&rows(any));
    paper.heading("The shared tables and the schema, if no other tenant is left");
    paper.say("Where the control database lies here too, the schema and its tables (process, operator, limit_set, audit) stay.");
    paper.batch(&shared());
    paper.batch(&format!(
        "IF NOT EXISTS (SELECT 1 FROM sys.objects AS o WHERE o.schema_id = SCHEMA_ID(N'sluss'))\n    {}",
        "DROP SCHEMA IF EXISTS sluss;"
    ));
    take_back(&mut paper, config, tables);
    paper.finish()
}

fn collection(paper: &mut Paper, table: &Table) {
    paper.heading(&format!("Collection {}: beside {}", table.collection, table.document));
    paper.say(&format!(
        "Takes a schema lock (Sch-M) on {} for an instant: for its trigger, and for the foreign keys that lead to it.",
        table.document
    ));
    if table.owner.is_some() && table.rowversion.is_some() {
        paper.say(
            "The index on the revision serves every tenant of this table. If others stay, one of them gets it back by its own script.",
        );
    }
    let mut batch = format!("{}{}", fill(table, ddl::REMOVE_GUARD), fill(table, ddl::REMOVE_COLLECTION));
    for trigger in presence::TRIGGERS {
        batch.push_str(&format!("DROP TRIGGER IF EXISTS {};\n", fill(table, trigger)));
    }
    for own in BESIDE {
        batch.push_str(&format!("DROP TABLE IF EXISTS {};\n", table.own(own)));
    }
    batch.push_str(&format!("DROP INDEX IF EXISTS {} ON {};\n", revision_index(table), table.document));
    paper.batch(&batch);
}

fn rows(any: &Table) -> String {
    let mut batch = fill(any, ddl::REMOVE_GUARD);
    batch.push_str(&format!("DECLARE @tenant varchar(63) = {}, @removed bigint;\n", literal(any.tenant.as_str())));
    for table in SHARED {
        batch.push_str(&text::fill(ddl::REMOVE_ROWS, &[("shared", table)]));
    }
    batch
}

fn shared() -> String {
    let drops: String =
        std::iter::once(&MIGRATION).chain(&SHARED).map(|table| format!("        DROP TABLE IF EXISTS sluss.{table};\n")).collect();
    format!(
        "IF OBJECT_ID(N'sluss.state', N'U') IS NOT NULL\nBEGIN\n    IF NOT EXISTS (SELECT 1 FROM sluss.state)\n    BEGIN\n{drops}    END;\nEND;"
    )
}

/// Tenants that share the table share its grants.
fn take_back(paper: &mut Paper, config: &SqlServerConfig, tables: &[Table]) {
    paper.heading(&format!("The grants of {}", config.user));
    paper.say("Rights on tables that other tenants use with the same login are not taken back. The user and the login are yours to drop.");
    let user = config.user.as_str();
    let own = tables.iter().filter(|table| table.owner.is_none()).flat_map(of_table);
    let revokes: String = own.map(|grant| format!("    {}\n", grant.take_back(user))).collect();
    if !revokes.is_empty() {
        paper.batch(&format!("IF DATABASE_PRINCIPAL_ID({}) IS NOT NULL\nBEGIN\n{revokes}END;", literal(user)));
    }
    // A schema that is gone took its grants along.
    paper.say(&format!("If the schema stays, and none of the tenants in it is {user}'s:"));
    of_sluss().iter().for_each(|grant| paper.line(&format!("-- {}", grant.take_back(user))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_table_is_one_that_the_ddl_makes_and_none_is_left_out() {
        let made: Vec<&str> = ddl::SHARED.lines().filter_map(|line| line.strip_prefix("CREATE TABLE sluss.")?.strip_suffix(" (")).collect();
        let mut removed: Vec<&str> = SHARED.iter().copied().chain([MIGRATION]).collect();
        let mut made = made;
        made.sort_unstable();
        removed.sort_unstable();
        assert_eq!(made, removed);
        let with_tenants = ddl::SHARED.matches("\n    tenant varchar(63)").count();
        assert_eq!(with_tenants, SHARED.len(), "every shared table but one has a tenant");
    }
}
