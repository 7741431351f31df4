//! The control database: processes, operators, and the audit chain.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::file::{Outcome, SqliteFile};
use super::rows::read_timestamp;
use super::{installation, limits, schema};
use crate::clock::Clock;
use crate::model::history::Tick;
use crate::model::id::TenantId;
use crate::model::limits::{LimitScope, LimitTable, LimitsChange, WorkLimits};
use crate::model::stamp::Epoch;
use crate::store::audit::{GENESIS, Walk, chain};
use crate::store::control::{AuditEntry, AuditRecord, ChainCheck, ControlStore, FORGET_AFTER, Operator, Process};
use crate::store::error::StoreResult;
use crate::store::evidence::Evidence;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS sluss_process (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, version TEXT NOT NULL, started_at INTEGER NOT NULL, seen_at INTEGER NOT NULL
) WITHOUT ROWID;
-- What operators set on the agents' work; '' stands for all tenants together.
CREATE TABLE IF NOT EXISTS sluss_limit (
    tenant TEXT PRIMARY KEY, documents_per_second INTEGER, bytes_per_second INTEGER, concurrency INTEGER, paused INTEGER NOT NULL
) WITHOUT ROWID;
-- How far each tenant's database was seen to have come.
CREATE TABLE IF NOT EXISTS sluss_tick_seen (tenant TEXT PRIMARY KEY, epoch INTEGER NOT NULL, tick INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sluss_operator (
    name TEXT PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sluss_audit (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, on_behalf_of TEXT, action TEXT NOT NULL,
    tenant TEXT, detail TEXT NOT NULL, hash TEXT NOT NULL
);
";

/// What processes have besides since there are limits.
const SINCE_THE_FIRST: &[(&str, &str)] = &[("works", "INTEGER NOT NULL DEFAULT 0")];

pub struct SqliteControl {
    pub(super) file: Arc<SqliteFile>,
    clock: Arc<dyn Clock>,
}

impl SqliteControl {
    /// Creates its tables where they are missing.
    pub async fn open(file: Arc<SqliteFile>, clock: Arc<dyn Clock>) -> StoreResult<Self> {
        file.write("prepare", "the control database".to_owned(), |tx| {
            tx.execute_batch(TABLES)?;
            tx.execute_batch(installation::TABLES)?;
            schema::add_columns(tx, "sluss_process", SINCE_THE_FIRST)?;
            Ok(Outcome::Commit(()))
        })
        .await?;
        Ok(Self { file, clock })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        number: row.get(0)?,
        at: read_timestamp(row.get(1)?)?,
        record: AuditRecord {
            actor: row.get(2)?,
            on_behalf_of: row.get(3)?,
            action: row.get(4)?,
            tenant: row.get(5)?,
            detail: row.get(6)?,
        },
        hash: row.get(7)?,
    })
}

const ENTRY: &str = "number, at, actor, on_behalf_of, action, tenant, detail, hash";

fn last(connection: &Connection) -> rusqlite::Result<Option<(u64, String)>> {
    connection
        .query_row("SELECT number, hash FROM sluss_audit ORDER BY number DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn append(tx: &Transaction<'_>, clock: &dyn Clock, record: AuditRecord) -> rusqlite::Result<AuditEntry> {
    let (number, previous) = last(tx)?.map_or((1, GENESIS.to_owned()), |(number, hash)| (number + 1, hash));
    let at = clock.now().as_millisecond();
    let hash = chain(&previous, number, at, &record);
    tx.execute(
        &format!("INSERT INTO sluss_audit ({ENTRY}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
        params![number, at, record.actor, record.on_behalf_of, record.action, record.tenant, record.detail, hash],
    )?;
    Ok(AuditEntry { number, at: read_timestamp(at)?, record, hash })
}

fn check(connection: &Connection) -> rusqlite::Result<ChainCheck> {
    let mut statement = connection.prepare(&format!("SELECT {ENTRY} FROM sluss_audit ORDER BY number"))?;
    let mut found = statement.query([])?;
    let mut walk = Walk::default();
    while let Some(row) = found.next()? {
        // Whatever made an entry unreadable changed it.
        let goes_on = read_entry(row).is_ok_and(|entry| walk.goes_on_with(entry));
        if !goes_on {
            return Ok(ChainCheck::BrokenAt { number: walk.entries + 1 });
        }
    }
    Ok(ChainCheck::Whole { entries: walk.entries })
}

#[async_trait]
impl ControlStore for SqliteControl {
    async fn heartbeat(&self, process: &Process) -> StoreResult<()> {
        let process = process.clone();
        self.file
            .write("note", process.name.clone(), move |tx| {
                tx.execute(
                    "INSERT INTO sluss_process (name, role, version, started_at, seen_at, works) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                     ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, works = excluded.works",
                    params![
                        process.name,
                        process.role,
                        process.version,
                        process.started_at.as_millisecond(),
                        process.seen_at.as_millisecond(),
                        process.works,
                    ],
                )?;
                let forget = process.seen_at.as_millisecond() - FORGET_AFTER.as_millis() as i64;
                tx.execute("DELETE FROM sluss_process WHERE seen_at < ?1", [forget])?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn processes(&self, within: Duration) -> StoreResult<Vec<Process>> {
        let since = self.now().as_millisecond() - i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        self.file
            .read("list", "processes".to_owned(), move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT name, role, version, started_at, seen_at, works FROM sluss_process WHERE seen_at >= ?1 ORDER BY name",
                )?;
                let found = statement.query_map([since], |row| {
                    Ok(Process {
                        name: row.get(0)?,
                        role: row.get(1)?,
                        version: row.get(2)?,
                        started_at: read_timestamp(row.get(3)?)?,
                        seen_at: read_timestamp(row.get(4)?)?,
                        works: row.get(5)?,
                    })
                })?;
                found.collect()
            })
            .await
    }

    async fn seen(&self, operator: &str) -> StoreResult<()> {
        let (operator, now) = (operator.to_owned(), self.now().as_millisecond());
        self.file
            .write("note", operator.clone(), move |tx| {
                tx.execute(
                    "INSERT INTO sluss_operator (name, first_seen, last_seen) VALUES (?1, ?2, ?2) \
                     ON CONFLICT (name) DO UPDATE SET last_seen = excluded.last_seen",
                    params![operator, now],
                )?;
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn operators(&self) -> StoreResult<Vec<Operator>> {
        self.file
            .read("list", "operators".to_owned(), |connection| {
                let mut statement = connection.prepare_cached("SELECT name, first_seen, last_seen FROM sluss_operator ORDER BY name")?;
                let found = statement.query_map([], |row| {
                    Ok(Operator { name: row.get(0)?, first_seen: read_timestamp(row.get(1)?)?, last_seen: read_timestamp(row.get(2)?)? })
                })?;
                found.collect()
            })
            .await
    }

    async fn limits(&self) -> StoreResult<LimitTable> {
        self.file.read("read", "the limits".to_owned(), limits::table).await
    }

    async fn change_limits(&self, scope: &LimitScope, change: LimitsChange, by: AuditRecord) -> StoreResult<WorkLimits> {
        let (scope, clock) = (scope.clone(), Arc::clone(&self.clock));
        self.file
            .write("change", format!("the limits of {scope}"), move |tx| {
                let (before, after) = limits::change(tx, &scope, change)?;
                append(tx, &*clock, AuditRecord { detail: format!("before: {before}; after: {after}"), ..by })?;
                Ok(Outcome::Commit(after))
            })
            .await
    }

    async fn audit(&self, record: AuditRecord) -> StoreResult<AuditEntry> {
        let clock = Arc::clone(&self.clock);
        self.file.write("append to", "the audit".to_owned(), move |tx| Ok(Outcome::Commit(append(tx, &*clock, record)?))).await
    }

    async fn entries(&self, tenant: Option<&TenantId>, before: Option<u64>, limit: usize) -> StoreResult<Vec<AuditEntry>> {
        let tenant = tenant.map(ToString::to_string);
        self.file
            .read("list", "the audit".to_owned(), move |connection| {
                let statement = format!(
                    "SELECT {ENTRY} FROM sluss_audit WHERE (?1 IS NULL OR number < ?1) AND (?2 IS NULL OR tenant = ?2) \
                     ORDER BY number DESC LIMIT ?3"
                );
                let mut statement = connection.prepare_cached(&statement)?;
                let found = statement.query_map(params![before, tenant, limit as u64], read_entry)?;
                found.collect()
            })
            .await
    }

    async fn installation(&self) -> StoreResult<String> {
        installation::name(self).await
    }

    async fn note_tick(&self, tenant: &TenantId, tick: Tick) -> StoreResult<Tick> {
        let id = tenant.to_string();
        self.file
            .write("note the tick of", tenant.to_string(), move |tx| {
                let noted = tx.query_row(
                    "INSERT INTO sluss_tick_seen (tenant, epoch, tick) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (tenant) DO UPDATE SET epoch = max(epoch, excluded.epoch), tick = max(tick, excluded.tick) \
                     RETURNING epoch, tick",
                    params![id, tick.epoch.0, tick.number],
                    |row| Ok(Tick { epoch: Epoch(row.get(0)?), number: row.get(1)? }),
                )?;
                Ok(Outcome::Commit(noted))
            })
            .await
    }

    async fn keep_evidence(&self, evidence: &Evidence) -> StoreResult<()> {
        installation::keep(self, evidence).await
    }

    async fn evidence(&self, tenant: &TenantId, within: Duration) -> StoreResult<Vec<Evidence>> {
        installation::evidence(self, tenant, within).await
    }

    async fn check_chain(&self) -> StoreResult<ChainCheck> {
        self.file.read("check", "the audit".to_owned(), check).await
    }
}
