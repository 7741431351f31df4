//! The command lane: whatever changes something, and all that is not on the path of a read. deadpool-tiberius connects, deadpool pools.
//!
//! tiberius is not cancel-safe, and its pool's own manager takes a connection back in any state: so a batch runs in a task to its end,
//! and a connection is taken from the pool again only after its session was set up anew and has no transaction open.

use std::sync::Arc;
use std::time::Duration;

use deadpool_tiberius::deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_tiberius::tiberius::{self, AuthMethod, ColumnData, EncryptionLevel, IntoSql, Query, QueryItem};
use futures_util::TryStreamExt;
use tokio::time::timeout;

use super::batch::{Batch, Cell, Parameter, Row, Rows, Value};
use super::fault::{Fault, Outcome};
use super::limit::Permit;
use super::opening::Opening;
use super::reach;
use crate::config::{Encryption, Secret, SqlServerConfig, Trust};
use crate::store::error::StoreErrorKind;

/// A server that needs longer for one round trip of a set-up session is away; its connections are made anew.
const RECYCLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Shown in the server's list of sessions.
pub(super) const APPLICATION: &str = "sluss";

/// How tiberius spells a parameter.
const MARKER: &str = "@P";

pub(super) struct Commands {
    opening: Arc<Opening>,
}

/// A connection, and the right to it.
pub(super) struct Command {
    client: deadpool_tiberius::Client,
    _permit: Permit,
}

/// A batch on its way, owned by the task that runs it.
pub(super) struct Errand {
    text: String,
    parameters: Vec<Parameter>,
    pub(super) allowance: Duration,
}

impl Commands {
    pub(super) fn new(opening: Arc<Opening>) -> Self {
        Self { opening }
    }
}

impl Manager for Commands {
    type Type = Command;
    type Error = Fault;

    async fn create(&self) -> Result<Command, Fault> {
        let opening = Arc::clone(&self.opening);
        let (client, permit) = self.opening.open(async move { opening.login.log_in(|secret| connect(&opening, secret)).await }).await?;
        Ok(Command { client, _permit: permit })
    }

    async fn recycle(&self, command: &mut Command, _: &Metrics) -> RecycleResult<Fault> {
        command.begin(&self.opening.begin).await.map_err(RecycleError::Backend)
    }
}

/// Connects, logs in and sets the session up.
async fn connect(opening: &Opening, secret: Secret) -> Result<deadpool_tiberius::Client, Fault> {
    let settings = &opening.settings;
    let patience = settings.connect_timeout + settings.login_timeout;
    let made = timeout(patience, async {
        let mut client = if settings.multi_subnet_failover {
            reach::log_in(settings, config(settings, &secret)).await?
        } else {
            // It tries the addresses of a name one after the other, and follows Azure's redirection.
            Manager::create(&manager(settings, &secret)).await.map_err(|error| fault(&error, false))?
        };
        begin(&mut client, &opening.begin).await?;
        Ok(client)
    });
    made.await.unwrap_or_else(|_| Err(Fault::before(StoreErrorKind::Timeout, format!("no login within {patience:?}"))))
}

/// `Required` rather than `On`: both keep a connection encrypted or do without it, but after `On` this driver panics where a server
/// refuses, and after `Required` the handshake fails.
const fn encryption(settings: &SqlServerConfig) -> EncryptionLevel {
    match settings.encryption {
        Encryption::Required => EncryptionLevel::Required,
        Encryption::LoginOnly => EncryptionLevel::Off,
        Encryption::Off => EncryptionLevel::NotSupported,
    }
}

fn manager(settings: &SqlServerConfig, secret: &Secret) -> deadpool_tiberius::Manager {
    let manager = deadpool_tiberius::Manager::new()
        .host(&settings.host)
        .port(settings.port)
        .database(&settings.database)
        .basic_authentication(&settings.user, secret.reveal())
        .encryption(encryption(settings))
        .application_name(APPLICATION);
    match &settings.trust {
        Trust::System => manager,
        Trust::Authority(file) => manager.trust_cert_ca(file.display()),
        Trust::Anyone => manager.trust_cert(),
    }
}

/// The same for a connection that is already there; the manager does not hand its own out.
fn config(settings: &SqlServerConfig, secret: &Secret) -> tiberius::Config {
    let mut config = tiberius::Config::new();
    config.host(&settings.host);
    config.port(settings.port);
    config.database(&settings.database);
    config.authentication(AuthMethod::sql_server(&settings.user, secret.reveal()));
    config.encryption(encryption(settings));
    config.application_name(APPLICATION);
    match &settings.trust {
        Trust::System => {}
        Trust::Authority(file) => config.trust_cert_ca(file.display()),
        Trust::Anyone => config.trust_cert(),
    }
    config
}

/// Sets a session up, and refuses one that has a transaction open.
async fn begin(client: &mut deadpool_tiberius::Client, text: &str) -> Result<(), Fault> {
    let mut answer = client.simple_query(text).await.map_err(|error| fault(&error, false))?;
    let mut open_transactions = None;
    while let Some(item) = answer.try_next().await.map_err(|error| fault(&error, false))? {
        if let QueryItem::Row(row) = item {
            open_transactions = row.try_get::<i32, _>(0).ok().flatten();
        }
    }
    match open_transactions {
        Some(0) => Ok(()),
        Some(open) => Err(Fault::before(StoreErrorKind::Other, format!("the session has {open} transactions open"))),
        None => Err(Fault::before(StoreErrorKind::Other, "the session does not say whether it has a transaction open")),
    }
}

impl Command {
    /// Sets the session up anew.
    pub(super) async fn begin(&mut self, text: &str) -> Result<(), Fault> {
        let begun = timeout(RECYCLE_TIMEOUT, begin(&mut self.client, text)).await;
        begun.unwrap_or_else(|_| Err(Fault::before(StoreErrorKind::Timeout, "the session does not answer")))
    }

    /// Runs a text without parameters as it is. A transaction that outlives its batch is begun and ended like this: within the procedure
    /// that batches with parameters go through, the server takes it for a mistake.
    pub(super) async fn say(&mut self, text: &'static str) -> Result<(), Fault> {
        let answer = self.client.simple_query(text).await.map_err(|error| fault(&error, false))?;
        answer.into_results().await.map(drop).map_err(|error| fault(&error, false))
    }

    /// Runs a batch, and reads its answer to the end unless it fails. The last result set is the answer.
    pub(super) async fn perform(&mut self, errand: &Errand) -> Result<Rows, Fault> {
        let mut query = Query::new(errand.text.as_str());
        errand.parameters.iter().for_each(|parameter| query.bind(Bound(parameter)));
        let mut answered = false;
        let mut rows: Vec<Result<Row, Fault>> = Vec::new();
        let mut answer = query.query(&mut self.client).await.map_err(|error| fault(&error, answered))?;
        loop {
            match answer.try_next().await {
                Ok(Some(QueryItem::Metadata(_))) => {
                    answered = true;
                    rows.clear();
                }
                // A set of the customer's trigger may hold anything: only what is left at the end has to be ours.
                Ok(Some(QueryItem::Row(row))) => rows.push(row.into_iter().map(cell).collect::<Result<_, _>>().map(Row::new)),
                Ok(None) => return rows.into_iter().collect(),
                Err(error) => return Err(fault(&error, answered)),
            }
        }
    }
}

impl Errand {
    pub(super) fn new(batch: &Batch<'_>) -> Self {
        Self { text: batch.text(MARKER), parameters: batch.parameters.clone(), allowance: batch.allowance }
    }
}

impl Parameter {
    /// Its variable takes bytes, and no text without a conversion that says so.
    pub(super) fn is_binary(&self) -> bool {
        ["binary", "varbinary", "image", "rowversion", "timestamp"].iter().any(|name| self.declared.starts_with(name))
    }
}

struct Bound<'a>(&'a Parameter);

impl<'a> IntoSql<'a> for Bound<'a> {
    fn into_sql(self) -> ColumnData<'a> {
        match &self.0.value {
            // Untyped it would be an nvarchar, which no binary variable takes.
            Value::Null if self.0.is_binary() => ColumnData::Binary(None),
            Value::Null => ColumnData::String(None),
            Value::Flag(flag) => ColumnData::Bit(Some(*flag)),
            Value::Integer(integer) => ColumnData::I64(Some(*integer)),
            Value::Text(text) => ColumnData::String(Some(text.as_str().into())),
            Value::Bytes(bytes) => ColumnData::Binary(Some(bytes.as_ref().into())),
        }
    }
}

fn cell(data: ColumnData<'static>) -> Result<Cell, Fault> {
    Ok(match data {
        ColumnData::Bit(value) => value.map_or(Cell::Null, Cell::Flag),
        ColumnData::U8(value) => value.map_or(Cell::Null, |value| Cell::Integer(value.into())),
        ColumnData::I16(value) => value.map_or(Cell::Null, |value| Cell::Integer(value.into())),
        ColumnData::I32(value) => value.map_or(Cell::Null, |value| Cell::Integer(value.into())),
        ColumnData::I64(value) => value.map_or(Cell::Null, Cell::Integer),
        ColumnData::String(value) => value.map_or(Cell::Null, |value| Cell::Text(value.into_owned())),
        ColumnData::Binary(value) => value.map_or(Cell::Null, |value| Cell::Bytes(value.into_owned().into())),
        // Another crate's enum, most of whose types no statement of ours selects.
        _ => return Err(Fault::midway(StoreErrorKind::Other, "a statement selects a type that no statement of ours should")),
    })
}

/// `answered`: a result set had begun when the error came. A batch that changes something answers last, behind its COMMIT or ROLLBACK,
/// so one that failed before it answered did not get there: under XACT_ABORT nothing of it holds. An error after an answer is the
/// RAISERROR of a trigger, which ends nothing, or one that followed a trigger's own result set: nobody can tell.
pub(super) fn fault(error: &tiberius::error::Error, answered: bool) -> Fault {
    use tiberius::error::Error;
    match error {
        Error::Server(token) => {
            let outcome = if answered { Outcome::Unknown } else { Outcome::RolledBack };
            Fault::of_server(token.code(), token.message(), outcome)
        }
        Error::Io { message, .. } => Fault::midway(StoreErrorKind::Unavailable, format!("the connection broke: {message}")),
        Error::Tls(message) => Fault::midway(StoreErrorKind::Unavailable, format!("TLS failed: {message} (sql.encryption, sql.ca)")),
        other => Fault::midway(StoreErrorKind::Other, other),
    }
}
