//! One database file: pools of readers and of streamers, one writer, and the translation of SQLite's errors.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deadpool_sqlite::{Config, Hook, HookError, Object, Pool, PoolError, Runtime, Timeouts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio_util::task::TaskTracker;

use super::STORE;
use super::group::Group;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::sql::PoolUse;

/// How a transaction's closure wants it to end.
pub(super) enum Outcome<T> {
    Commit(T),
    Rollback(T),
}

/// A database file as this process uses it. Tenants that live in one file share it, and so its one writer.
pub struct SqliteFile {
    path: PathBuf,
    create: bool,
    readers: Pool,
    /// Connections that stream content: each is held for as long as its client takes, and look-ups must not wait for clients.
    streamers: Pool,
    /// SQLite has one writer: waiting for it here is fair, waiting in SQLite's busy handler is not.
    writer: Pool,
    /// How long whoever writes waits for the one writer, and then for other processes.
    pub(super) patience: Duration,
    pub(super) group: Group,
    tasks: TaskTracker,
}

impl SqliteFile {
    /// Opens nothing yet: connections are made when they are needed. `create`: whether the file may be made.
    pub fn new(path: &Path, connections: usize, busy_timeout: Duration, create: bool) -> StoreResult<Arc<Self>> {
        let pool = |size: usize| -> StoreResult<Pool> {
            let builder = match Config::new(address(path, create)).builder(Runtime::Tokio1) {
                Ok(builder) => builder,
                Err(never) => match never {},
            };
            builder
                .max_size(size)
                .timeouts(Timeouts { wait: Some(busy_timeout), create: None, recycle: None })
                .post_create(Hook::async_fn(move |connection, _| {
                    Box::pin(async move {
                        let prepared = connection.interact(move |connection| prepare(connection, busy_timeout)).await;
                        prepared.map_err(|error| HookError::message(error.to_string()))?.map_err(HookError::Backend)
                    })
                }))
                .build()
                .map_err(|error| StoreError::new(STORE, "open", path.display(), StoreErrorKind::Other).because(error))
        };
        Ok(Arc::new(Self {
            path: path.to_owned(),
            create,
            readers: pool(connections.max(1))?,
            streamers: pool(connections.max(1))?,
            writer: pool(1)?,
            patience: busy_timeout,
            group: Group::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Runs `query` on one statement snapshot or more; it must not write.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        target: String,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        let connection = self.checkout(&self.readers, operation, &target).await?;
        run(connection, operation, target, move |connection| query(connection)).await
    }

    /// Runs `change` in one `BEGIN IMMEDIATE` transaction. A dropped caller does not cancel it: it runs on a thread of its own.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        target: String,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Outcome<T>> + Send + 'static,
    ) -> StoreResult<T> {
        let connection = self.writer(operation, &target).await?;
        run(connection, operation, target, move |connection| transact(connection, change)).await
    }

    /// The one that writes, in turn.
    pub(super) async fn writer(&self, operation: &'static str, target: &str) -> StoreResult<Object> {
        self.checkout(&self.writer, operation, target).await
    }

    /// The same, for whoever knows better when to leave.
    pub(super) async fn writer_at_last(&self, operation: &'static str, target: &str) -> StoreResult<Object> {
        self.checkout_within(&self.writer, Timeouts::new(), operation, target).await
    }

    /// A connection for a stream that outlives the call.
    pub(super) async fn streamer(&self, operation: &'static str, target: &str) -> StoreResult<Object> {
        self.checkout(&self.streamers, operation, target).await
    }

    /// Where a stream's driving task runs.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    pub fn pool_use(&self) -> PoolUse {
        let pools = [&self.readers, &self.streamers, &self.writer].map(Pool::status);
        let idle = pools.iter().map(|pool| pool.available).sum();
        let open: usize = pools.iter().map(|pool| pool.size).sum();
        // Not for the writer: there is one, and work that is many small changes always has the next one ready.
        let waiting = self.readers.status().waiting + self.streamers.status().waiting;
        PoolUse { in_use: open.saturating_sub(idle), idle, waiting }
    }

    async fn checkout(&self, pool: &Pool, operation: &'static str, target: &str) -> StoreResult<Object> {
        self.checkout_within(pool, pool.timeouts(), operation, target).await
    }

    async fn checkout_within(&self, pool: &Pool, timeouts: Timeouts, operation: &'static str, target: &str) -> StoreResult<Object> {
        // SQLite would make an empty database, or go on in one that was removed; either looks like a tenant without documents.
        if !self.create && !self.path.exists() {
            return Err(StoreError::new(STORE, operation, target, StoreErrorKind::Unavailable)
                .because(format!("there is no file {}", self.path.display())));
        }
        pool.timeout_get(&timeouts).await.map_err(|error| {
            let kind = match &error {
                PoolError::Timeout(_) => StoreErrorKind::Timeout,
                PoolError::Backend(error) => kind_of(error),
                PoolError::PostCreateHook(HookError::Backend(error)) => kind_of(error),
                PoolError::PostCreateHook(HookError::Message(_)) | PoolError::Closed | PoolError::NoRuntimeSpecified => {
                    StoreErrorKind::Unavailable
                }
            };
            StoreError::new(STORE, operation, target, kind).because(error)
        })
    }
}

/// What an answer is while the code that runs it knows nothing of it.
type Erased = Box<dyn Any + Send>;

type Work = Box<dyn FnOnce(&mut Connection) -> rusqlite::Result<Erased> + Send>;

/// Runs on a thread of its own, to its end.
async fn run<T: Send + 'static>(
    connection: Object,
    operation: &'static str,
    target: String,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> StoreResult<T> {
    let work: Work = Box::new(move |connection| Ok(Box::new(work(connection)?)));
    let answer = run_erased(connection, operation, target, work).await?;
    Ok(*answer.downcast().expect("it is what the closure above has boxed"))
}

/// Compiled once, and not for each of some hundred closures.
async fn run_erased(connection: Object, operation: &'static str, target: String, work: Work) -> StoreResult<Erased> {
    match connection.interact(work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(fault(operation, &target, error)),
        Err(error) => Err(StoreError::new(STORE, operation, target, StoreErrorKind::Other).because(error.to_string())),
    }
}

fn prepare(connection: &mut Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(busy_timeout)?;
    switch_to_wal(connection, busy_timeout)?;
    // An acknowledged write survives a power failure: every commit syncs the log.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A large commit grows the log; the next checkpoint gives that back.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // In KiB, negative by SQLite's convention: small, because it counts for each connection.
    connection.pragma_update(None, "cache_size", -1024)
}

/// The first connection to a new file switches it, and SQLite does not wait for the others that try at the same moment: it answers
/// busy at once, whatever the time-out says.
fn switch_to_wal(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if kind_of(&error) == StoreErrorKind::Timeout && waited < patience => {
                std::thread::sleep(WAL_RETRY);
                waited += WAL_RETRY;
            }
            switched => return switched,
        }
    }
}

/// What a path may have that says nothing in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// The file as SQLite is told it. A file that must be there may go between a look at it and its opening, which would make an empty one.
fn address(path: &Path, create: bool) -> String {
    let mode = if create { "rwc" } else { "rw" };
    format!("file:{}?mode={mode}", percent_encode(path.as_os_str().as_encoded_bytes(), PLAIN))
}

/// A switch takes a few milliseconds.
const WAL_RETRY: Duration = Duration::from_millis(5);

fn transact<T>(connection: &mut Connection, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Outcome<T>>) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match change(&transaction)? {
        Outcome::Commit(value) => transaction.commit().map(|()| value),
        // A constraint of the customer's can say ON CONFLICT ROLLBACK: then it is done already.
        Outcome::Rollback(value) if transaction.is_autocommit() => Ok(value),
        Outcome::Rollback(value) => transaction.rollback().map(|()| value),
    }
}

/// What our statements call our own tables: the state, a location, a revision.
const OWN_ALIASES: [&str; 3] = ["s", "l", "r"];

/// The one place where SQLite's errors are classified.
pub(super) fn fault(operation: &'static str, target: &str, error: rusqlite::Error) -> StoreError {
    let failed = StoreError::new(STORE, operation, target, kind_of(&error));
    let text = error.to_string();
    if text.starts_with("no such table: sluss_") {
        return failed.because("sluss's own tables are not there: run `sluss init`");
    }
    if OWN_ALIASES.iter().any(|alias| text.starts_with(&format!("no such column: {alias}."))) {
        return failed.because(format!("sluss's own tables are of an older version: run `sluss init` ({text})"));
    }
    failed.because(error)
}

pub(super) fn kind_of(error: &rusqlite::Error) -> StoreErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Timeout,
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => StoreErrorKind::Unavailable,
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => StoreErrorKind::Denied,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Other,
    }
}

/// An error of our own invariants, in the shape that passes through a closure of statements (this variant prints its source as it is).
pub(super) fn broken(what: impl Into<String>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(what.into().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_made_only_where_it_may_be_and_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd ?#%20name.db");
        let open = |create| SqliteFile::new(&path, 1, Duration::from_secs(5), create).unwrap();
        assert!(open(false).readers.get().await.is_err(), "as if the file had gone a moment ago");
        assert!(!path.exists());
        assert!(open(true).readers.get().await.is_ok() && path.exists());
        assert!(open(false).readers.get().await.is_ok());
    }
}
