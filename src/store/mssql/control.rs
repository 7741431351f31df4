//! The control database: processes, operators, limits, and the audit chain.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::STORE;
use super::batch::{Batch, Misread, Row};
use super::fault::Fault;
use super::rows::{signed, strange, time};
use super::server::SqlServer;
use super::uploads::millis;
use super::{installation, schema, statements, ticks};
use crate::clock::Clock;
use crate::model::history::Tick;
use crate::model::id::TenantId;
use crate::model::limits::{Limit, LimitScope, LimitTable, LimitsChange, WorkLimits};
use crate::store::audit::{GENESIS, Walk, chain};
use crate::store::control::{AuditEntry, AuditRecord, ChainCheck, ControlStore, FORGET_AFTER, Operator, Process};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::evidence::Evidence;

/// How often somebody else may append between a look at the chain and the entry that follows.
const TRIES: u32 = 20;

/// Entries of the chain that are read at once.
const WALKED_AT_ONCE: usize = 1000;

pub struct SqlServerControl {
    server: Arc<SqlServer>,
    /// `None`: the database's own clock.
    clock: Option<Arc<dyn Clock>>,
    /// Only one at a time of this process: those of others are few.
    appending: tokio::sync::Mutex<()>,
}

/// The end of the chain.
struct Last {
    number: u64,
    hash: String,
}

/// An entry that is ready to be appended.
struct Draft<'a> {
    number: u64,
    at: i64,
    record: &'a AuditRecord,
    hash: String,
}

impl SqlServerControl {
    /// Creates its tables where they are missing.
    pub async fn open(server: Arc<SqlServer>, clock: Option<Arc<dyn Clock>>) -> StoreResult<Self> {
        schema::init_control(&server).await?;
        Ok(Self { server, clock, appending: tokio::sync::Mutex::default() })
    }

    pub(super) fn timed(&self, text: &str) -> Batch<'static> {
        let at = self.clock.as_ref().map(|clock| clock.now().as_millisecond());
        Batch::new(format!("{}{text}", statements::CLOCK)).with("at", "bigint", at)
    }

    pub(super) async fn all<T>(
        &self,
        operation: &'static str,
        what: &str,
        batch: Batch<'_>,
        read: impl Fn(Row) -> Result<T, Misread>,
    ) -> StoreResult<Vec<T>> {
        let rows = async { self.server.run(&batch).await?.into_iter().map(|row| Ok(read(row)?)).collect::<Result<Vec<_>, Fault>>() };
        rows.await.map_err(|fault: Fault| fault.at(operation, what))
    }

    async fn last(&self) -> Result<Last, Fault> {
        match self.server.run(&Batch::new(statements::AUDIT_LAST)).await?.pop() {
            Some(mut row) => Ok(Last { number: row.count()?, hash: row.text()? }),
            None => Ok(Last { number: 0, hash: GENESIS.to_owned() }),
        }
    }

    /// Appends to the chain, together with other statements in one transaction. `None`: somebody else has appended since `last`.
    async fn append(
        &self,
        last: &Last,
        record: &AuditRecord,
        further: &str,
        batch: impl Fn(Batch<'static>) -> Batch<'static>,
    ) -> Result<Option<AuditEntry>, Fault> {
        let number = last.number + 1;
        let mut now = self.server.run(&self.timed(statements::DATABASE_TIME)).await?;
        let at = now.pop().ok_or_else(super::tenant::silent)?.integer()?;
        let hash = chain(&last.hash, number, at, record);
        let draft = Draft { number, at, record, hash };
        let text = [statements::AUDIT_APPEND, further, statements::AUDIT_END].concat();
        let mut rows = self.server.run(&batch(with_entry(Batch::new(text), &draft))).await?;
        let outcome = rows.pop().ok_or_else(super::tenant::silent)?.text()?;
        let entry = AuditEntry { number, at: time(at)?, record: record.clone(), hash: draft.hash };
        Ok((outcome == "done").then_some(entry))
    }
}

fn with_entry(batch: Batch<'static>, draft: &Draft<'_>) -> Batch<'static> {
    let AuditRecord { actor, on_behalf_of, action, tenant, detail } = draft.record;
    batch
        .with("number", "bigint", signed(draft.number))
        .with("written_at", "bigint", draft.at)
        .with("actor", "nvarchar(400)", actor.as_str())
        .with("on_behalf_of", "nvarchar(4000)", on_behalf_of.clone())
        .with("action", "varchar(64)", action.as_str())
        .with("about", "varchar(63)", tenant.clone())
        .with("detail", "nvarchar(max)", detail.as_str())
        .with("hash", "varchar(64)", draft.hash.as_str())
}

fn read_entry(mut row: Row) -> Result<AuditEntry, Misread> {
    Ok(AuditEntry {
        number: row.count()?,
        at: time(row.integer()?)?,
        record: AuditRecord {
            actor: row.text()?,
            on_behalf_of: row.text_or_null()?,
            action: row.text()?,
            tenant: row.text_or_null()?,
            detail: row.text()?,
        },
        hash: row.text()?,
    })
}

fn read_limits(row: &mut Row) -> Result<WorkLimits, Misread> {
    let mut figure = || -> Result<Option<Limit>, Misread> {
        let figure = row.integer_or_null()?.map(|figure| u64::try_from(figure).map_err(|_| strange("a limit", figure))).transpose()?;
        figure.map(Limit::try_from).transpose().map_err(|error| strange("a limit", error))
    };
    let (documents_per_second, bytes_per_second, concurrency) = (figure()?, figure()?, figure()?);
    Ok(WorkLimits { documents_per_second, bytes_per_second, concurrency, paused: row.flag()? })
}

/// How the table names a scope: no tenant's name is empty.
fn name(scope: &LimitScope) -> &str {
    scope.tenant().map_or("", |tenant| tenant.as_str())
}

fn overtaken(operation: &'static str, what: &str) -> StoreError {
    StoreError::new(STORE, operation, what, StoreErrorKind::Timeout)
        .because(format!("others appended to the audit {TRIES} times meanwhile"))
}

#[async_trait]
impl ControlStore for SqlServerControl {
    async fn heartbeat(&self, process: &Process) -> StoreResult<()> {
        let seen_at = process.seen_at.as_millisecond();
        let batch = Batch::new(statements::HEARTBEAT)
            .with("name", "nvarchar(200)", process.name.as_str())
            .with("role", "varchar(16)", process.role.as_str())
            .with("version", "varchar(64)", process.version.as_str())
            .with("started_at", "bigint", process.started_at.as_millisecond())
            .with("seen_at", "bigint", seen_at)
            .with("works", "bit", process.works)
            .with("forget", "bigint", seen_at - millis(FORGET_AFTER));
        self.server.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("note", &process.name))
    }

    async fn processes(&self, within: Duration) -> StoreResult<Vec<Process>> {
        let batch = self.timed(statements::PROCESSES).with("within", "bigint", millis(within));
        self.all("list", "processes", batch, |mut row| {
            Ok(Process {
                name: row.text()?,
                role: row.text()?,
                works: row.flag()?,
                version: row.text()?,
                started_at: time(row.integer()?)?,
                seen_at: time(row.integer()?)?,
            })
        })
        .await
    }

    async fn seen(&self, operator: &str) -> StoreResult<()> {
        let batch = self.timed(statements::OPERATOR_SEEN).with("name", "nvarchar(200)", operator);
        self.server.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("note", operator))
    }

    async fn operators(&self) -> StoreResult<Vec<Operator>> {
        self.all("list", "operators", Batch::new(statements::OPERATORS), |mut row| {
            Ok(Operator { name: row.text()?, first_seen: time(row.integer()?)?, last_seen: time(row.integer()?)? })
        })
        .await
    }

    async fn limits(&self) -> StoreResult<LimitTable> {
        let rows = self
            .all("read", "the limits", Batch::new(statements::LIMITS), |mut row| {
                let tenant = row.text()?;
                Ok((tenant, read_limits(&mut row)?))
            })
            .await?;
        let mut table = LimitTable::default();
        for (tenant, limits) in rows {
            if tenant.is_empty() {
                table.all = limits;
            } else {
                let tenant = tenant.parse().map_err(|error| Fault::from(strange("a tenant", error)).at("read", "the limits"))?;
                table.tenants.insert(tenant, limits);
            }
        }
        Ok(table)
    }

    async fn change_limits(&self, scope: &LimitScope, change: LimitsChange, by: AuditRecord) -> StoreResult<WorkLimits> {
        let what = format!("the limits of {scope}");
        let _alone = self.appending.lock().await;
        for _ in 0..TRIES {
            // Every change of limits is an entry, too: that nobody has appended since this look means that nobody has changed them either.
            let last = self.last().await.map_err(|fault| fault.at("change", &what))?;
            let of = Batch::new(statements::LIMITS_OF).with("scope", "varchar(63)", name(scope));
            let before = self.all("change", &what, of, |mut row| read_limits(&mut row)).await?.pop().unwrap_or_default();
            let after = change.apply(before);
            let record = AuditRecord { detail: format!("before: {before}; after: {after}"), ..by.clone() };
            let figure = |limit: Option<Limit>| limit.map(|limit| signed(limit.get()));
            let appended = self.append(&last, &record, statements::SET_LIMITS, |batch| {
                batch
                    .with("scope", "varchar(63)", name(scope))
                    .with("documents_per_second", "bigint", figure(after.documents_per_second))
                    .with("bytes_per_second", "bigint", figure(after.bytes_per_second))
                    .with("concurrency", "bigint", figure(after.concurrency))
                    .with("paused", "bit", after.paused)
            });
            if appended.await.map_err(|fault| fault.at("change", &what))?.is_some() {
                return Ok(after);
            }
        }
        Err(overtaken("change", &what))
    }

    async fn audit(&self, record: AuditRecord) -> StoreResult<AuditEntry> {
        let _alone = self.appending.lock().await;
        for _ in 0..TRIES {
            let appended = async { self.append(&self.last().await?, &record, "", |batch| batch).await };
            if let Some(entry) = appended.await.map_err(|fault: Fault| fault.at("append to", "the audit"))? {
                return Ok(entry);
            }
        }
        Err(overtaken("append to", "the audit"))
    }

    async fn entries(&self, tenant: Option<&TenantId>, before: Option<u64>, limit: usize) -> StoreResult<Vec<AuditEntry>> {
        let batch = Batch::new(statements::AUDIT_ENTRIES)
            .with("about", "varchar(63)", tenant.map(|tenant| tenant.as_str().to_owned()))
            .with("before", "bigint", before.map(signed))
            .with("limit", "bigint", limit as i64);
        self.all("list", "the audit", batch, read_entry).await
    }

    async fn installation(&self) -> StoreResult<String> {
        installation::name(self).await
    }

    async fn note_tick(&self, tenant: &TenantId, tick: Tick) -> StoreResult<Tick> {
        let batch = ticks::given(Batch::new(statements::NOTE_TICK), tick).with("about", "varchar(63)", tenant.as_str());
        let noted = async { Ok(ticks::read(self.server.run(&batch).await?.pop().ok_or_else(super::tenant::silent)?)?) };
        noted.await.map_err(|fault: Fault| fault.at("note the tick of", tenant))
    }

    async fn keep_evidence(&self, evidence: &Evidence) -> StoreResult<()> {
        installation::keep(self, evidence).await
    }

    async fn evidence(&self, tenant: &TenantId, within: Duration) -> StoreResult<Vec<Evidence>> {
        installation::evidence(self, tenant, within).await
    }

    async fn check_chain(&self) -> StoreResult<ChainCheck> {
        let mut walk = Walk::default();
        loop {
            let batch = Batch::new(statements::AUDIT_WALK).with("after", "bigint", signed(walk.entries)).with(
                "limit",
                "bigint",
                WALKED_AT_ONCE as i64,
            );
            // Whatever made an entry unreadable changed it.
            let entries = self.all("check", "the audit", batch, |row| Ok(read_entry(row).ok())).await?;
            let read = entries.len();
            for entry in entries {
                if !entry.is_some_and(|entry| walk.goes_on_with(entry)) {
                    return Ok(ChainCheck::BrokenAt { number: walk.entries + 1 });
                }
            }
            if read < WALKED_AT_ONCE {
                return Ok(ChainCheck::Whole { entries: walk.entries });
            }
        }
    }
}
