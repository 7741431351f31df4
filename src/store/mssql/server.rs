//! One customer's database on SQL Server, as this process uses it: two lanes of connections under one limit of the process, and what
//! is run on them. It never puts a connection back that has something unread or a transaction open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use deadpool_tiberius::deadpool::Runtime;
use deadpool_tiberius::deadpool::managed::{Manager, Pool, QueueMode, Timeouts, WeakPool};
use rand::RngExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::STORE;
use super::batch::{Batch, Rows};
use super::commands::{Commands, Errand};
use super::fault::{Fault, Outcome};
use super::lent::{Lent, close_an_idle_one};
use super::limit::{ConnectionLimit, Holder};
use super::opening::Opening;
use super::reads::Reads;
use crate::config::SqlServerConfig;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::sql::PoolUse;

#[cfg(test)]
mod tests;

/// How often a batch runs that the server undoes for the sake of others.
const ATTEMPTS: u32 = 4;

/// The first wait before the next attempt, and a quarter more or less of it; each wait is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// What one call of the command lane asks for.
enum Work {
    Batch(Errand),
    /// In one transaction.
    Series(Vec<Errand>),
}

/// One database.
pub struct SqlServer {
    opening: Arc<Opening>,
    limit: Arc<ConnectionLimit>,
    commands: Pool<Commands>,
    reads: Pool<Reads>,
    tasks: TaskTracker,
    /// Whether somebody closes what is idle; nobody does while there is no connection.
    tended: Arc<AtomicBool>,
    closing: CancellationToken,
}

impl Holder for SqlServer {
    fn close_an_idle_one(&self) -> bool {
        close_an_idle_one(&self.reads) || close_an_idle_one(&self.commands)
    }
}

fn pool<M: Manager>(manager: M, settings: &SqlServerConfig) -> StoreResult<Pool<M>> {
    Pool::builder(manager)
        .max_size(settings.connections.max(1))
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts { wait: Some(settings.wait_timeout), create: None, recycle: None })
        // The last one used is the next one: those that are too many stay idle, and are closed.
        .queue_mode(QueueMode::Lifo)
        .build()
        .map_err(|error| StoreError::new(STORE, "open", &settings.database, StoreErrorKind::Other).because(error))
}

impl SqlServer {
    /// Opens no connection yet. `limit` is the process's, for all its databases.
    pub fn new(settings: &SqlServerConfig, limit: &Arc<ConnectionLimit>) -> StoreResult<Arc<Self>> {
        let tasks = TaskTracker::new();
        let opening = Opening::new(settings.clone(), Arc::clone(limit), tasks.clone());
        let server = Arc::new(Self {
            commands: pool(Commands::new(Arc::clone(&opening)), settings)?,
            reads: pool(Reads::new(Arc::clone(&opening)), settings)?,
            opening,
            limit: Arc::clone(limit),
            tasks,
            tended: Arc::default(),
            closing: CancellationToken::new(),
        });
        let holder: Weak<Self> = Arc::downgrade(&server);
        limit.join(holder);
        Ok(server)
    }

    /// Runs a batch on the command lane. It runs to its end also when the caller is dropped.
    ///
    /// A batch that changes something is one transaction under XACT_ABORT, and ends by answering, behind its COMMIT or ROLLBACK, on
    /// every path. So an error of the server's that comes before any answer tells that nothing of it holds ([`Outcome::RolledBack`]),
    /// and after a deadlock, a lock that was not granted or a snapshot's conflict the same batch runs again, up to three times. Any
    /// other error after it was sent is an unknown outcome.
    pub(super) async fn run(self: &Arc<Self>, batch: &Batch<'_>) -> Result<Rows, Fault> {
        self.send(Work::Batch(Errand::new(batch))).await
    }

    /// Runs batches as one transaction, in their order, for as long as each answers "go on". Any other word ends and undoes it, and
    /// comes back; else "done". They neither begin nor end a transaction themselves.
    pub(super) async fn run_series(self: &Arc<Self>, batches: &[Batch<'_>]) -> Result<String, Fault> {
        let answer = self.send(Work::Series(batches.iter().map(Errand::new).collect())).await?;
        let mut row = answer.into_iter().last().ok_or_else(|| Fault::midway(StoreErrorKind::Other, "a series did not answer"))?;
        Ok(row.text()?)
    }

    async fn send(self: &Arc<Self>, work: Work) -> Result<Rows, Fault> {
        let server = Arc::clone(self);
        let done = self.tasks.spawn(async move { server.repeat(&work).await }).await;
        done.unwrap_or_else(|error| Err(Fault::midway(StoreErrorKind::Other, format!("the driver gave up the batch: {error}"))))
    }

    async fn repeat(&self, work: &Work) -> Result<Rows, Fault> {
        let mut tries = Tries::begin(self.opening.settings.statement_timeout);
        loop {
            match self.attempt(work).await {
                Err(fault) if fault.may_run_again() && !tries.are_used_up() => tries.wait().await,
                done => return done,
            }
        }
    }

    async fn attempt(&self, work: &Work) -> Result<Rows, Fault> {
        let mut command = self.lend(&self.commands).await?;
        let patience = self.opening.settings.statement_timeout;
        // A time-out, a broken connection and a panic close it, and the server undoes what was open on it.
        let done = match work {
            Work::Batch(errand) => {
                let patience = patience + errand.allowance;
                timeout(patience, command.perform(errand)).await.unwrap_or_else(|_| Err(too_long(patience)))
            }
            Work::Series(series) => command.perform_series(series, patience).await,
        };
        match &done {
            Ok(_) => self.give_back(command, &self.commands),
            // The answer was read to its end. Whether the transaction really ended is asked at once: it would hold locks in the pool.
            Err(fault) if fault.number.is_some() => {
                if command.begin(&self.opening.begin).await.is_ok() {
                    self.give_back(command, &self.commands);
                }
            }
            Err(_) => {}
        }
        done
    }

    /// Runs a look-up on the read lane. It changes nothing: after a deadlock, or on a connection that the server closed while nobody
    /// used it, it runs again.
    pub(super) async fn look_up(&self, batch: &Batch<'_>) -> Result<Rows, Fault> {
        let patience = self.opening.settings.statement_timeout;
        let mut tries = Tries::begin(patience);
        loop {
            let mut read = self.lend(&self.reads).await?;
            let done = timeout(patience, read.look_up(batch)).await.unwrap_or_else(|_| Err(too_long(patience)));
            if let Some(done) = self.settle(read, done, &mut tries).await {
                return done;
            }
        }
    }

    /// Streams the value of the only row into one buffer of at most so many bytes. `None`: there is no row, or the value is
    /// NULL. The batch selects once: one column, `varbinary(max)`, and no more than one row.
    pub(super) async fn window(&self, batch: &Batch<'_>, at_most: usize) -> Result<Option<Bytes>, Fault> {
        let patience = self.opening.settings.statement_timeout;
        let mut tries = Tries::begin(patience);
        loop {
            let mut read = self.lend(&self.reads).await?;
            let done = timeout(patience, read.window(batch, at_most)).await.unwrap_or_else(|_| Err(too_long(patience)));
            if let Some(done) = self.settle(read, done, &mut tries).await {
                return done;
            }
        }
    }

    /// What becomes of a connection and of what was read on it. `None`: read again.
    async fn settle<T>(&self, read: Lent<Reads>, done: Result<T, Fault>, tries: &mut Tries) -> Option<Result<T, Fault>> {
        let fault = match done {
            Ok(value) => {
                self.tidy(read);
                return Some(Ok(value));
            }
            Err(fault) => fault,
        };
        // What closed one while nobody used it, a failover or a firewall, has closed the others as well.
        let is_gone = read.is_used() && fault.kind == StoreErrorKind::Unavailable && fault.outcome == Outcome::Unknown;
        if fault.number.is_some() {
            self.tidy(read);
        } else {
            drop(read);
        }
        if tries.are_used_up() || !(is_gone || fault.may_run_again()) {
            return Some(Err(fault));
        }
        if is_gone {
            drop(self.reads.retain(|_, _| false));
        }
        tries.wait().await;
        None
    }

    /// Gives a connection back once nothing of its last answer is left. The caller does not wait for that.
    fn tidy(&self, mut read: Lent<Reads>) {
        if read.is_tidy() {
            return self.give_back(read, &self.reads);
        }
        let (pool, limit) = (self.reads.clone(), Arc::clone(&self.limit));
        self.tasks.spawn(async move {
            if read.tidy().await.is_ok() {
                give_back(read, &pool, &limit);
            }
        });
    }

    async fn lend<M: Manager<Error = Fault> + 'static>(&self, pool: &Pool<M>) -> Result<Lent<M>, Fault> {
        let object = pool.get().await.map_err(|error| self.opening.without(error))?;
        self.tend();
        Ok(Lent::new(object))
    }

    fn give_back<M: Manager>(&self, lent: Lent<M>, pool: &Pool<M>) {
        give_back(lent, pool, &self.limit);
    }

    /// Sees to it that idle connections are closed, for as long as there is one.
    fn tend(&self) {
        if !self.tended.swap(true, Ordering::SeqCst) {
            let tending = Tending {
                commands: self.commands.weak(),
                reads: self.reads.weak(),
                idle_timeout: self.opening.settings.idle_timeout,
                tended: Arc::clone(&self.tended),
            };
            self.tasks.spawn(self.closing.clone().run_until_cancelled_owned(tending.run()));
        }
    }

    pub fn pool_use(&self) -> PoolUse {
        let pools = [self.commands.status(), self.reads.status()];
        let idle = pools.iter().map(|pool| pool.available).sum();
        let open: usize = pools.iter().map(|pool| pool.size).sum();
        let waiting = pools.iter().map(|pool| pool.waiting).sum::<usize>() + self.opening.waiting();
        PoolUse { in_use: open.saturating_sub(idle), idle, waiting }
    }

    /// Waits for what runs, and closes every connection. What is asked for afterwards fails.
    pub async fn close(&self) {
        self.closing.cancel();
        self.commands.close();
        self.reads.close();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Into the pool first and only then the look at who waits; who waits counts itself first and then looks into the pools. So one of
/// both sees the other, and no connection stays idle while another database waits for it.
fn give_back<M: Manager>(lent: Lent<M>, pool: &Pool<M>, limit: &ConnectionLimit) {
    lent.give_back();
    if limit.is_contended() {
        close_an_idle_one(pool);
    }
}

pub(super) fn too_long(patience: Duration) -> Fault {
    Fault::midway(StoreErrorKind::Timeout, format!("no answer within {patience:?} (sql.statement_timeout)"))
}

/// How often a call has run. None runs again once it took as long as one statement may.
struct Tries {
    made: u32,
    until: Instant,
}

impl Tries {
    fn begin(patience: Duration) -> Self {
        Self { made: 1, until: Instant::now() + patience }
    }

    fn are_used_up(&self) -> bool {
        self.made == ATTEMPTS || Instant::now() > self.until
    }

    /// Two that got into each other's way do not meet again at the same moment.
    async fn wait(&mut self) {
        let wait = FIRST_WAIT.mul_f64(rand::rng().random_range(0.75..1.25));
        sleep(wait * 2_u32.saturating_pow(self.made - 1)).await;
        self.made += 1;
    }
}

/// Closes connections that nobody uses, and ends when there is none.
struct Tending {
    commands: WeakPool<Commands>,
    reads: WeakPool<Reads>,
    idle_timeout: Duration,
    tended: Arc<AtomicBool>,
}

impl Tending {
    async fn run(self) {
        loop {
            sleep(self.idle_timeout / 2).await;
            let (Some(commands), Some(reads)) = (self.commands.upgrade(), self.reads.upgrade()) else { return };
            drop(commands.retain(|_, metrics| metrics.last_used() < self.idle_timeout));
            drop(reads.retain(|_, metrics| metrics.last_used() < self.idle_timeout));
            let is_empty = || commands.status().size == 0 && reads.status().size == 0;
            if is_empty() {
                self.tended.store(false, Ordering::SeqCst);
                // One that was made in between, and saw that somebody tends, is seen here.
                if is_empty() || self.tended.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
    }
}
