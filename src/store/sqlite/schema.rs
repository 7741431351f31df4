//! Sluss's own tables and triggers in a tenant's database. The customer's table gets triggers, and no column.

use rusqlite::{Transaction, params};

use super::customer;
use super::file::{Outcome, SqliteFile};
use super::table::{Table, literal, quoted};
use super::tenant::TenantSettings;
use crate::model::phase::Phase;
use crate::store::error::StoreResult;

/// Raised with every change of the tables below.
pub(super) const SCHEMA_VERSION: i64 = 1;

/// Tables that all tenants of a database share. Times are Unix milliseconds.
const SHARED_TABLES: &str = "
CREATE TABLE IF NOT EXISTS sluss_state (
    tenant TEXT PRIMARY KEY, phase TEXT NOT NULL, epoch INTEGER NOT NULL, schema_version INTEGER NOT NULL
) WITHOUT ROWID;
-- One row: no revision is ever given out twice in this database.
CREATE TABLE IF NOT EXISTS sluss_counter (one INTEGER PRIMARY KEY CHECK (one = 1), value INTEGER NOT NULL);
INSERT OR IGNORE INTO sluss_counter VALUES (1, 0);
CREATE TABLE IF NOT EXISTS sluss_placement (
    tenant TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sluss_version (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, collection TEXT NOT NULL, document TEXT NOT NULL,
    placement TEXT, object TEXT, stamp TEXT NOT NULL, length INTEGER NOT NULL, stored_length INTEGER NOT NULL,
    format INTEGER NOT NULL, key_id TEXT, wrapped_key BLOB, sha256 BLOB NOT NULL, pieces BLOB NOT NULL,
    held_from INTEGER NOT NULL, held_to INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS sluss_version_document ON sluss_version (tenant, collection, document, held_to);
CREATE TABLE IF NOT EXISTS sluss_upload (
    object TEXT PRIMARY KEY, tenant TEXT NOT NULL, placement TEXT NOT NULL, purpose TEXT NOT NULL, epoch INTEGER NOT NULL,
    state TEXT NOT NULL, changed_at INTEGER NOT NULL, multipart TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sluss_upload_state ON sluss_upload (tenant, state, changed_at);
CREATE TABLE IF NOT EXISTS sluss_staging (
    attempt TEXT PRIMARY KEY, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, touched_at INTEGER NOT NULL,
    finished INTEGER NOT NULL, length INTEGER, sha256 BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sluss_staging_piece (
    attempt TEXT NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (attempt, number)
);
CREATE TABLE IF NOT EXISTS sluss_job (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL, collection TEXT NOT NULL,
    document TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL, due_at INTEGER NOT NULL,
    failures INTEGER NOT NULL, reason TEXT, owner TEXT, token TEXT, checkpoint TEXT, created_at INTEGER NOT NULL,
    UNIQUE (tenant, kind, collection, document)
);
CREATE INDEX IF NOT EXISTS sluss_job_due ON sluss_job (tenant, state, priority, due_at);
CREATE INDEX IF NOT EXISTS sluss_job_lease ON sluss_job (tenant, state, due_at);
CREATE TABLE IF NOT EXISTS sluss_hold (
    tenant TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sluss_tally (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, held_by TEXT NOT NULL, documents INTEGER NOT NULL,
    bytes INTEGER NOT NULL, swept_at INTEGER, counted_documents INTEGER NOT NULL, counted_bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, collection, held_by)
) WITHOUT ROWID;
";

/// Our tables beside one of the customer's.
fn tables_sql(table: &Table, id_type: &str) -> String {
    let Table { location, revision, place, .. } = table;
    let sole = quoted(&format!("sluss_sole_{}", table.raw_name));
    format!(
        "
CREATE TABLE IF NOT EXISTS {place} (id {id_type} PRIMARY KEY);
CREATE TABLE IF NOT EXISTS {revision} (id {id_type} PRIMARY KEY, revision INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS {location} (
    id {id_type} PRIMARY KEY, placement TEXT, object TEXT, stamp TEXT NOT NULL, length INTEGER NOT NULL,
    stored_length INTEGER NOT NULL, format INTEGER NOT NULL, key_id TEXT, wrapped_key BLOB, sha256 BLOB NOT NULL,
    pieces BLOB NOT NULL, verified_at INTEGER, revision INTEGER NOT NULL, sole INTEGER NOT NULL, held_from INTEGER NOT NULL
);
-- How far `sql` is from being complete is asked for often, and few locations are sole.
CREATE INDEX IF NOT EXISTS {sole} ON {location} (id, length) WHERE sole;
"
    )
}

/// What the triggers would have done, had they been there from the first row on.
fn catch_up_sql(table: &Table) -> String {
    let Table { name, id, location, revision, .. } = table;
    format!(
        "
-- Rows from before Sluss get revisions of their own; locations whose row went while no trigger watched become versions.
INSERT INTO {revision} (id, revision)
    SELECT {id}, (SELECT value FROM sluss_counter) + row_number() OVER () FROM {name} d
    WHERE {id} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {revision} r WHERE r.id = d.{id});
UPDATE sluss_counter SET value = max(value, coalesce((SELECT max(revision) FROM {revision}), 0));
DELETE FROM {location} WHERE NOT EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = {location}.id);
"
    )
}

/// They keep our tables true, whoever writes.
fn triggers_sql(table: &Table, settings: &TenantSettings) -> String {
    let Table { name, id, location, revision, .. } = table;
    let [inserted, updated, deleted, retired] = TRIGGERS.map(|what| quoted(&trigger_name(table, what)));
    let (tenant, collection) = (literal(settings.id.as_str()), literal(table.collection.as_str()));
    let next_revision = format!(
        "UPDATE sluss_counter SET value = value + 1; DELETE FROM {revision} WHERE id = NEW.{id}; \
         INSERT INTO {revision} (id, revision) SELECT NEW.{id}, value FROM sluss_counter WHERE NEW.{id} IS NOT NULL;"
    );
    format!(
        "
DROP TRIGGER IF EXISTS {retired}; DROP TRIGGER IF EXISTS {inserted}; DROP TRIGGER IF EXISTS {updated}; DROP TRIGGER IF EXISTS {deleted};
-- Triggers run in whatever SQLite the customer's programs bring: julianday, because unixepoch and 'subsec' are younger than many.
CREATE TRIGGER {retired} AFTER DELETE ON {location} BEGIN
    INSERT INTO sluss_version (tenant, collection, document, placement, object, stamp, length, stored_length, format,
        key_id, wrapped_key, sha256, pieces, held_from, held_to)
    VALUES ({tenant}, {collection}, CAST(OLD.id AS TEXT), OLD.placement, OLD.object, OLD.stamp, OLD.length, OLD.stored_length,
        OLD.format, OLD.key_id, OLD.wrapped_key, OLD.sha256, OLD.pieces, OLD.held_from,
        CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;
-- An id that is used again starts clean, also after INSERT OR REPLACE, which fires no DELETE trigger.
CREATE TRIGGER {inserted} AFTER INSERT ON {name} BEGIN
    DELETE FROM {location} WHERE id = NEW.{id};
    {next_revision}
END;
-- A changed id takes its location along: the content may lie in the object store only. What lay under the new id is gone.
CREATE TRIGGER {updated} AFTER UPDATE ON {name} BEGIN
    DELETE FROM {location} WHERE id = NEW.{id} AND id IS NOT OLD.{id};
    UPDATE {location} SET id = NEW.{id} WHERE id = OLD.{id} AND id IS NOT NEW.{id} COLLATE BINARY;
    DELETE FROM {revision} WHERE id = OLD.{id};
    {next_revision}
END;
CREATE TRIGGER {deleted} AFTER DELETE ON {name} BEGIN
    DELETE FROM {location} WHERE id = OLD.{id};
    DELETE FROM {revision} WHERE id = OLD.{id};
END;
"
    )
}

/// What our triggers are called after: three on the customer's table, one on the locations.
const TRIGGERS: [&str; 4] = ["inserted", "updated", "deleted", "retired"];

fn trigger_name(table: &Table, what: &str) -> String {
    format!("sluss_{}_{what}", table.raw_name)
}

/// A table that was dropped and made anew lost its triggers, so what was written since raised no revision. Every row gets a new
/// one: what is called equal by the old ones is compared again, and what is sole stays so.
fn forget_unwatched(tx: &Transaction<'_>, table: &Table) -> rusqlite::Result<()> {
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2)";
    let known: bool = tx.query_row(exists, ["table", table.raw_revision.as_str()], |row| row.get(0))?;
    let mut watched = true;
    for what in TRIGGERS {
        watched &= tx.query_row(exists, ["trigger", trigger_name(table, what).as_str()], |row| row.get::<_, bool>(0))?;
    }
    if known && !watched {
        tx.execute(&format!("DELETE FROM {}", table.revision), [])?;
    }
    Ok(())
}

/// Creates what is missing and leaves what is there: safe to run twice. The phase is written once, at the first run.
pub async fn init(file: &SqliteFile, settings: &TenantSettings) -> StoreResult<()> {
    let settings = settings.clone();
    file.write("init", settings.id.to_string(), move |tx| {
        tx.execute_batch(SHARED_TABLES)?;
        for config in &settings.collections {
            let table = Table::new(config);
            let id_type = customer::id_definition(tx, &table)?;
            forget_unwatched(tx, &table)?;
            tx.execute_batch(&tables_sql(&table, &id_type))?;
            tx.execute_batch(&triggers_sql(&table, &settings))?;
            tx.execute_batch(&catch_up_sql(&table))?;
        }
        insert_state(tx, &settings)?;
        Ok(Outcome::Commit(()))
    })
    .await
}

fn insert_state(tx: &Transaction<'_>, settings: &TenantSettings) -> rusqlite::Result<()> {
    let (tenant, phase): (&str, Phase) = (settings.id.as_str(), settings.initial_phase);
    tx.execute(
        "INSERT OR IGNORE INTO sluss_state (tenant, phase, epoch, schema_version) VALUES (?1, ?2, 1, ?3)",
        params![tenant, phase.label(), SCHEMA_VERSION],
    )?;
    for collection in &settings.collections {
        for held_by in ["sql", "both", "object"] {
            tx.execute(
                "INSERT OR IGNORE INTO sluss_tally VALUES (?1, ?2, ?3, 0, 0, NULL, 0, 0)",
                params![tenant, collection.name.as_str(), held_by],
            )?;
        }
    }
    tx.execute(
        "INSERT INTO sluss_placement (tenant, name, description) VALUES (?1, ?2, ?3) \
         ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description",
        params![tenant, settings.placement.as_str(), settings.placement_description],
    )?;
    Ok(())
}
