//! Sluss's own tables and triggers in a tenant's database. The customer's table gets triggers, and no column.

use rusqlite::{Transaction, params};

use super::customer;
use super::file::{Outcome, SqliteFile};
use super::table::{Table, literal, quoted};
use crate::model::phase::Phase;
use crate::store::error::StoreResult;
use crate::store::settings::TenantSettings;

/// Raised with every change of the tables below.
pub(super) const SCHEMA_VERSION: i64 = 5;

/// Tables that all tenants of a database share. Times are Unix milliseconds.
pub(super) const SHARED_TABLES: &str = "
CREATE TABLE IF NOT EXISTS sluss_state (
    tenant TEXT PRIMARY KEY, phase TEXT NOT NULL, epoch INTEGER NOT NULL, schema_version INTEGER NOT NULL,
    read_only INTEGER NOT NULL DEFAULT 0
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
    held_from INTEGER NOT NULL, held_to INTEGER NOT NULL, media_type TEXT, file_name TEXT, attempt TEXT, tick INTEGER NOT NULL DEFAULT 0,
    exact INTEGER NOT NULL DEFAULT 0, hidden_at INTEGER
);
CREATE INDEX IF NOT EXISTS sluss_version_document ON sluss_version (tenant, collection, document, held_to);
CREATE INDEX IF NOT EXISTS sluss_version_object ON sluss_version (object);
CREATE INDEX IF NOT EXISTS sluss_version_placement ON sluss_version (tenant, placement, stored_length);
CREATE TABLE IF NOT EXISTS sluss_upload (
    object TEXT PRIMARY KEY, tenant TEXT NOT NULL, placement TEXT NOT NULL, purpose TEXT NOT NULL, epoch INTEGER NOT NULL,
    state TEXT NOT NULL, changed_at INTEGER NOT NULL, multipart TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sluss_upload_state ON sluss_upload (tenant, state, changed_at);
CREATE TABLE IF NOT EXISTS sluss_staging (
    attempt TEXT PRIMARY KEY, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, touched_at INTEGER NOT NULL,
    finished INTEGER NOT NULL, length INTEGER, sha256 BLOB, kept INTEGER NOT NULL DEFAULT 0
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
-- How many minutes somebody has watched the tenant: history grows old by it.
-- `epoch_at`: the tick at which the epoch began.
CREATE TABLE IF NOT EXISTS sluss_tick (
    tenant TEXT PRIMARY KEY, tick INTEGER NOT NULL, at INTEGER NOT NULL, epoch_at INTEGER NOT NULL
) WITHOUT ROWID;
-- From when a content holds that a client wrote into its row, until its copy takes that over.
CREATE TABLE IF NOT EXISTS sluss_begun (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, document TEXT NOT NULL, at INTEGER NOT NULL, sha256 BLOB NOT NULL,
    PRIMARY KEY (tenant, collection, document)
) WITHOUT ROWID;
-- Since when a document is marked as deleted that a client marked.
CREATE TABLE IF NOT EXISTS sluss_marked (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, document TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (tenant, collection, document)
) WITHOUT ROWID;
-- Up to which revision the changes of a collection were dealt with.
CREATE TABLE IF NOT EXISTS sluss_watermark (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (tenant, collection)
) WITHOUT ROWID;
-- The purge of each collection that is under way, or the last one. `stopped`: why it did not come to the end of the table.
CREATE TABLE IF NOT EXISTS sluss_purge (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, dry_run INTEGER NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
    documents INTEGER NOT NULL, bytes INTEGER NOT NULL, unverified INTEGER NOT NULL, too_young INTEGER NOT NULL,
    moved INTEGER NOT NULL, stopped TEXT, PRIMARY KEY (tenant, collection)
) WITHOUT ROWID;
-- Restores to an instant, each collection's part in a row. `stopped`: why it ended before all was done.
CREATE TABLE IF NOT EXISTS sluss_restore (
    tenant TEXT NOT NULL, number INTEGER NOT NULL, collection TEXT NOT NULL, instant INTEGER NOT NULL, document TEXT, target TEXT,
    started_at INTEGER NOT NULL, ended_at INTEGER, figures TEXT NOT NULL, stopped TEXT, PRIMARY KEY (tenant, number, collection)
) WITHOUT ROWID;
-- Of each collection the verification that is under way, and the last one that came to the end.
CREATE TABLE IF NOT EXISTS sluss_verification (
    tenant TEXT NOT NULL, collection TEXT NOT NULL, number INTEGER NOT NULL, repair INTEGER NOT NULL, background INTEGER NOT NULL,
    started_at INTEGER NOT NULL, ended_at INTEGER, epoch INTEGER NOT NULL, revision INTEGER NOT NULL, place TEXT,
    documents INTEGER NOT NULL, bytes INTEGER NOT NULL, verified INTEGER NOT NULL, unlocated INTEGER NOT NULL, moved INTEGER NOT NULL,
    different INTEGER NOT NULL, failed INTEGER NOT NULL, objects INTEGER NOT NULL, PRIMARY KEY (tenant, collection, number)
) WITHOUT ROWID;
-- `subject`: the document, or, with an empty collection, a name among the objects. `run`: the verification that saw it last.
CREATE TABLE IF NOT EXISTS sluss_difference (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, collection TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,
    object TEXT, sole INTEGER NOT NULL, found_by TEXT NOT NULL, remedy TEXT NOT NULL, sides TEXT NOT NULL, found_at INTEGER NOT NULL,
    run INTEGER NOT NULL, UNIQUE (tenant, collection, subject, kind)
);
-- Backups: a run each, and what became of its manifest, which is as the offsite store lists it.
CREATE TABLE IF NOT EXISTS sluss_backup_run (
    tenant TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, instant INTEGER NOT NULL, ended_at INTEGER,
    documents INTEGER NOT NULL, bytes INTEGER NOT NULL, only_in_sql INTEGER NOT NULL, left_out INTEGER NOT NULL,
    objects_copied INTEGER NOT NULL, bytes_copied INTEGER NOT NULL, reason TEXT, manifest TEXT, PRIMARY KEY (tenant, number)
) WITHOUT ROWID;
-- Objects of the offsite store that are not what a manifest says, until a run has copied them anew.
CREATE TABLE IF NOT EXISTS sluss_backup_bad (
    tenant TEXT NOT NULL, object TEXT NOT NULL, held TEXT NOT NULL, what TEXT NOT NULL, found_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, object)
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
    let [sole, changed, object, unverified, placement, held] =
        ["sole", "changed", "object", "unverified", "placement", "held"].map(|what| quoted(&format!("sluss_{what}{}", table.raw_side)));
    let attributes = table.attribute.as_ref().map_or(String::new(), |attribute| {
        format!("-- What the customer's table has no column for.\nCREATE TABLE IF NOT EXISTS {attribute} (id {id_type} PRIMARY KEY, media_type TEXT, file_name TEXT);")
    });
    format!(
        "
CREATE TABLE IF NOT EXISTS {place} (id {id_type} PRIMARY KEY);
CREATE TABLE IF NOT EXISTS {revision} (id {id_type} PRIMARY KEY, revision INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS {location} (
    id {id_type} PRIMARY KEY, placement TEXT, object TEXT, stamp TEXT NOT NULL, length INTEGER NOT NULL,
    stored_length INTEGER NOT NULL, format INTEGER NOT NULL, key_id TEXT, wrapped_key BLOB, sha256 BLOB NOT NULL,
    pieces BLOB NOT NULL, verified_at INTEGER, revision INTEGER NOT NULL, sole INTEGER NOT NULL, held_from INTEGER NOT NULL,
    media_type TEXT, file_name TEXT, begun_at INTEGER
);
-- How far `sql` is from being complete is asked for often, and few locations are sole.
CREATE INDEX IF NOT EXISTS {sole} ON {location} (id, length) WHERE sole;
-- The incremental sweep walks by revision.
CREATE INDEX IF NOT EXISTS {changed} ON {revision} (revision);
-- A verification asks of every object who names it; a flip asks what nobody has verified.
CREATE INDEX IF NOT EXISTS {object} ON {location} (object);
CREATE INDEX IF NOT EXISTS {unverified} ON {location} (id) WHERE verified_at IS NULL AND object IS NOT NULL;
-- What each placement holds is counted every few minutes where it has a limit.
CREATE INDEX IF NOT EXISTS {placement} ON {location} (placement, stored_length);
-- A backup walks what was put since the one before it.
CREATE INDEX IF NOT EXISTS {held} ON {location} (held_from, id);
{attributes}
"
    )
}

/// What locations have besides since schema version 2.
const SINCE_VERSION_1: &[(&str, &str)] = &[("media_type", "TEXT"), ("file_name", "TEXT"), ("begun_at", "INTEGER")];

/// What versions and staging have besides since history is kept.
const VERSION_SINCE_VERSION_2: &[(&str, &str)] =
    &[("media_type", "TEXT"), ("file_name", "TEXT"), ("attempt", "TEXT"), ("tick", "INTEGER NOT NULL DEFAULT 0")];

/// `exact`: a client wrote it at `held_from`; otherwise a copy found it then. `hidden_at`: since when the document was marked as deleted when it ended.
const VERSION_SINCE_VERSION_3: &[(&str, &str)] = &[("exact", "INTEGER NOT NULL DEFAULT 0"), ("hidden_at", "INTEGER")];

const STAGING_SINCE_VERSION_2: &[(&str, &str)] = &[("kept", "INTEGER NOT NULL DEFAULT 0")];

/// On columns that older files get first.
const VERSION_INDEXES: &str = "
-- The collector asks for the oldest, the figures for all.
CREATE INDEX IF NOT EXISTS sluss_version_tick ON sluss_version (tenant, tick, stored_length);
CREATE INDEX IF NOT EXISTS sluss_version_attempt ON sluss_version (attempt) WHERE attempt IS NOT NULL;
-- A backup walks what ended since the one before it.
CREATE INDEX IF NOT EXISTS sluss_version_ended ON sluss_version (tenant, held_to, number);
";

/// `expired_to`: when the youngest version ended that was given up.
const TICK_SINCE_VERSION_4: &[(&str, &str)] = &[("expired_to", "INTEGER")];

/// What the state has besides since a tenant can be read-only.
const STATE_SINCE_VERSION_1: &[(&str, &str)] = &[("read_only", "INTEGER NOT NULL DEFAULT 0")];

/// Brings a table that an older version made to the columns of this one. What is there stays.
pub(super) fn add_columns(tx: &Transaction<'_>, table: &str, columns: &[(&str, &str)]) -> rusqlite::Result<()> {
    for (column, definition) in columns {
        let there = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
        if !tx.query_row(there, [table, column], |row| row.get::<_, bool>(0))? {
            tx.execute_batch(&format!("ALTER TABLE {} ADD COLUMN {column} {definition}", quoted(table)))?;
        }
    }
    Ok(())
}

/// What the triggers would have done, had they been there from the first row on.
fn catch_up_sql(table: &Table) -> String {
    let Table { name, id, location, revision, .. } = table;
    let mine = table.mine("d.");
    let attributes = table.attribute.as_ref().map_or(String::new(), |attribute| {
        format!("DELETE FROM {attribute} WHERE NOT EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = {attribute}.id{mine});")
    });
    format!(
        "
-- Rows from before Sluss get revisions of their own; locations whose row went while no trigger watched become versions.
INSERT INTO {revision} (id, revision)
    SELECT {id}, (SELECT value FROM sluss_counter) + row_number() OVER () FROM {name} d
    WHERE {id} IS NOT NULL{mine} AND NOT EXISTS (SELECT 1 FROM {revision} r WHERE r.id = d.{id});
UPDATE sluss_counter SET value = max(value, coalesce((SELECT max(revision) FROM {revision}), 0));
DELETE FROM {location} WHERE NOT EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = {location}.id{mine});
{attributes}
"
    )
}

/// They keep our tables true, whoever writes.
fn triggers_sql(table: &Table, settings: &TenantSettings) -> String {
    let Table { name, id, location, revision, attribute, .. } = table;
    let (tenant, collection) = (literal(settings.id.as_str()), literal(table.collection.as_str()));
    let [inserted, updated, deleted, retired, moved_in, moved_out, displaced] = TRIGGERS.map(|what| quoted(&trigger_name(table, what)));
    let when = |tests: &[(&str, &str)]| {
        let tests: Option<Vec<String>> = tests.iter().map(|(alias, operator)| table.tenant_test(alias, operator)).collect();
        tests.map_or(String::new(), |tests| format!("WHEN {} ", tests.join(" AND ")))
    };
    let forget = |id: &str| attribute.as_ref().map_or(String::new(), |attribute| format!("DELETE FROM {attribute} WHERE id = {id};"));
    let carry = attribute.as_ref().map_or(String::new(), |attribute| {
        format!(
            "DELETE FROM {attribute} WHERE id = NEW.{id} AND id IS NOT OLD.{id};
    UPDATE {attribute} SET id = NEW.{id} WHERE id = OLD.{id} AND id IS NOT NEW.{id} COLLATE BINARY;"
        )
    });
    let next_revision = format!(
        "UPDATE sluss_counter SET value = value + 1; DELETE FROM {revision} WHERE id = NEW.{id}; \
         INSERT INTO {revision} (id, revision) SELECT NEW.{id}, value FROM sluss_counter WHERE NEW.{id} IS NOT NULL;"
    );
    let begin_clean = format!("DELETE FROM {location} WHERE id = NEW.{id};\n    {}\n    {next_revision}", forget(&format!("NEW.{id}")));
    let end = format!(
        "DELETE FROM {location} WHERE id = OLD.{id};\n    DELETE FROM {revision} WHERE id = OLD.{id};\n    {}",
        forget(&format!("OLD.{id}"))
    );
    let drops: String = TRIGGERS.iter().map(|what| format!("DROP TRIGGER IF EXISTS {};", quoted(&trigger_name(table, what)))).collect();
    let own = format!(
        "
{drops}
-- Triggers run in whatever SQLite the customer's programs bring: julianday, because unixepoch and 'subsec' are younger than many. Rounded: as a
-- number of days it is a little less than the millisecond as often as not.
CREATE TRIGGER {retired} AFTER DELETE ON {location} BEGIN
    INSERT INTO sluss_version (tenant, collection, document, placement, object, stamp, length, stored_length, format,
        key_id, wrapped_key, sha256, pieces, held_from, exact, media_type, file_name, held_to, tick)
    VALUES ({tenant}, {collection}, CAST(OLD.id AS TEXT), OLD.placement, OLD.object, OLD.stamp, OLD.length, OLD.stored_length,
        OLD.format, OLD.key_id, OLD.wrapped_key, OLD.sha256, OLD.pieces, coalesce(OLD.begun_at, OLD.held_from), OLD.begun_at IS NOT NULL,
        OLD.media_type, OLD.file_name, CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER),
        coalesce((SELECT tick FROM sluss_tick WHERE tenant = {tenant}), 0));
    -- What was wrong with this location is no more.
    DELETE FROM sluss_difference WHERE tenant = {tenant} AND collection = {collection} AND subject = CAST(OLD.id AS TEXT);
END;
-- An id that is used again starts clean, also after INSERT OR REPLACE, which fires no DELETE trigger.
CREATE TRIGGER {inserted} AFTER INSERT ON {name} {}BEGIN
    {begin_clean}
END;
-- A changed id takes its location along: the content may lie in the object store only. What lay under the new id is gone.
CREATE TRIGGER {updated} AFTER UPDATE ON {name} {}BEGIN
    DELETE FROM {location} WHERE id = NEW.{id} AND id IS NOT OLD.{id};
    UPDATE {location} SET id = NEW.{id} WHERE id = OLD.{id} AND id IS NOT NEW.{id} COLLATE BINARY;
    {carry}
    DELETE FROM {revision} WHERE id = OLD.{id};
    {next_revision}
END;
CREATE TRIGGER {deleted} AFTER DELETE ON {name} {}BEGIN
    {end}
END;
",
        when(&[("NEW.", "IS")]),
        when(&[("OLD.", "IS"), ("NEW.", "IS")]),
        when(&[("OLD.", "IS")]),
    );
    if table.tenant.is_none() {
        return own;
    }
    let mine = table.mine("d.");
    format!(
        "{own}
-- A row that comes from another tenant starts clean, as one that is new does.
CREATE TRIGGER {moved_in} AFTER UPDATE ON {name} {}BEGIN
    {begin_clean}
END;
-- A row that goes to another tenant leaves its objects behind, so it may not go while one of them is the only holder of its content.
CREATE TRIGGER {moved_out} AFTER UPDATE ON {name} {}BEGIN
    SELECT RAISE(ABORT, 'sluss: the content of this document lies in the object store of its tenant only: bring it back to sql before the row changes its tenant')
        WHERE EXISTS (SELECT 1 FROM {location} WHERE id = OLD.{id} AND sole AND length > 0);
    {end}
END;
-- INSERT OR REPLACE of another tenant's row, where ids are unique in the whole table, takes ours away without a DELETE.
CREATE TRIGGER {displaced} AFTER INSERT ON {name} {}BEGIN
    DELETE FROM {location} WHERE id = NEW.{id} AND NOT EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = NEW.{id}{mine});
    DELETE FROM {revision} WHERE id = NEW.{id} AND NOT EXISTS (SELECT 1 FROM {name} d WHERE d.{id} = NEW.{id}{mine});
END;
",
        when(&[("OLD.", "IS NOT"), ("NEW.", "IS")]),
        when(&[("OLD.", "IS"), ("NEW.", "IS NOT")]),
        when(&[("NEW.", "IS NOT")]),
    )
}

/// What our triggers are called after: those on the customer's table, and the one on the locations. The last three only where tenants
/// share the table.
pub(super) const TRIGGERS: [&str; 7] = ["inserted", "updated", "deleted", "retired", "moved_in", "moved_out", "displaced"];

pub(super) fn trigger_name(table: &Table, what: &str) -> String {
    match &table.tenant {
        Some(_) => format!("sluss_{what}{}", table.raw_side),
        None => format!("sluss{}_{what}", table.raw_side),
    }
}

/// A table that was dropped and made anew lost its triggers, so what was written since raised no revision. Every row gets a new
/// one: what is called equal by the old ones is compared again, and what is sole stays so.
fn forget_unwatched(tx: &Transaction<'_>, table: &Table) -> rusqlite::Result<()> {
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2)";
    let known: bool = tx.query_row(exists, ["table", table.raw_revision.as_str()], |row| row.get(0))?;
    let mut watched = true;
    let ours = if table.tenant.is_some() { &TRIGGERS[..] } else { &TRIGGERS[..4] };
    for what in ours {
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
        add_columns(tx, "sluss_state", STATE_SINCE_VERSION_1)?;
        add_columns(tx, "sluss_version", VERSION_SINCE_VERSION_2)?;
        add_columns(tx, "sluss_version", VERSION_SINCE_VERSION_3)?;
        add_columns(tx, "sluss_tick", TICK_SINCE_VERSION_4)?;
        add_columns(tx, "sluss_staging", STAGING_SINCE_VERSION_2)?;
        tx.execute_batch(VERSION_INDEXES)?;
        for config in &settings.collections {
            let table = Table::new(config, &settings.id);
            let id_type = customer::id_definition(tx, &table)?;
            forget_unwatched(tx, &table)?;
            tx.execute_batch(&tables_sql(&table, &id_type))?;
            add_columns(tx, &table.raw_location, SINCE_VERSION_1)?;
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
    tx.execute("INSERT OR IGNORE INTO sluss_tick (tenant, tick, at, epoch_at) VALUES (?1, 0, 0, 0)", [tenant])?;
    tx.execute("UPDATE sluss_state SET schema_version = ?2 WHERE tenant = ?1", params![tenant, SCHEMA_VERSION])?;
    for collection in &settings.collections {
        // What is older is the full sweep's: every flip asks for one.
        tx.execute(
            "INSERT OR IGNORE INTO sluss_watermark SELECT ?1, ?2, value FROM sluss_counter",
            params![tenant, collection.name.as_str()],
        )?;
        for held_by in ["sql", "both", "object"] {
            tx.execute(
                "INSERT OR IGNORE INTO sluss_tally VALUES (?1, ?2, ?3, 0, 0, NULL, 0, 0)",
                params![tenant, collection.name.as_str(), held_by],
            )?;
        }
    }
    for placement in &settings.placements {
        tx.execute(
            "INSERT INTO sluss_placement (tenant, name, description) VALUES (?1, ?2, ?3) \
             ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description",
            params![tenant, placement.name.as_str(), placement.description],
        )?;
    }
    Ok(())
}
