//! What making a connection takes on both lanes: a permit of the process, a task that a dropped call does not tear, and a driver's panic
//! that comes out as an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deadpool_tiberius::deadpool::managed::PoolError;
use tokio_util::task::TaskTracker;

use super::fault::Fault;
use super::limit::{ConnectionLimit, Permit, Waiting};
use super::login::Login;
use super::session;
use crate::config::SqlServerConfig;
use crate::store::error::StoreErrorKind;

/// What both lanes of one database share.
pub(super) struct Opening {
    pub(super) settings: SqlServerConfig,
    pub(super) login: Login,
    /// What a session begins with.
    pub(super) begin: String,
    limit: Arc<ConnectionLimit>,
    tasks: TaskTracker,
    /// For one of the process's connections.
    waiting: AtomicUsize,
}

impl Opening {
    pub(super) fn new(settings: SqlServerConfig, limit: Arc<ConnectionLimit>, tasks: TaskTracker) -> Arc<Self> {
        let login = Login::new(&settings.user, &settings.password);
        let begin = session::begin(settings.lock_timeout);
        Arc::new(Self { settings, login, begin, limit, tasks, waiting: AtomicUsize::new(0) })
    }

    /// How many of this database's wait for one of the process's connections.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// `open` runs to its end, which its own time-outs bound, and only then its permit is free again: the count of connections is true
    /// also while one that nobody waits for any more is being made.
    pub(super) async fn open<T: Send + 'static>(
        self: &Arc<Self>,
        open: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<(T, Permit), Fault> {
        let patience = self.settings.wait_timeout;
        let waiting = Waiting::begin(&self.waiting);
        let permit = self.limit.acquire(patience).await.ok_or_else(|| {
            let text =
                format!("none of the process's {} connections came free within {patience:?} (limits.sql_connections)", self.limit.limit());
            Fault::before(StoreErrorKind::Timeout, text)
        })?;
        drop(waiting);
        let opened = self.tasks.spawn(async move { open.await.map(|opened| (opened, permit)) });
        let fault = match opened.await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(fault)) => fault,
            // tiberius panics where a server's first answer is not what it expects. The panic's own line is in the log, as every one
            // is; it names no secret.
            Err(panic) => Fault::before(StoreErrorKind::Unavailable, format!("the driver gave up the connection: {panic}")),
        };
        let SqlServerConfig { host, port, database, .. } = &self.settings;
        Err(fault.not_sent().about(format_args!("connect to {database:?} on {host}:{port} as {:?}", self.login.user)))
    }

    /// Why a pool gave no connection.
    pub(super) fn without(&self, error: PoolError<Fault>) -> Fault {
        match error {
            PoolError::Backend(fault) => fault,
            PoolError::Timeout(_) => {
                let SqlServerConfig { connections, wait_timeout, .. } = self.settings;
                let text = format!("none of the {connections} connections came free within {wait_timeout:?} (sql.connections)");
                Fault::before(StoreErrorKind::Timeout, text)
            }
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Fault::before(StoreErrorKind::Unavailable, "the tenant's connections are closed")
            }
        }
    }
}
