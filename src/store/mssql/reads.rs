//! The read lane: look-ups and the bytes of contents, on a driver that takes large values from the wire without decoding them. Nothing
//! that runs here changes anything, so what fails can run again on another connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use deadpool_tiberius::deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use mssql_client::{Client, Config, Credentials, Error, Ready, RetryPolicy, SqlValue, TimeoutConfig, ToSql, TypeError};
use tokio::time::timeout;

use super::batch::{Batch, Cell, Parameter, Row, Rows, Value};
use super::commands::APPLICATION;
use super::fault::{Fault, Outcome};
use super::limit::Permit;
use super::opening::Opening;
use super::{session, trust};
use crate::config::{Encryption, Secret, Trust};
use crate::store::error::StoreErrorKind;

/// How this driver spells a parameter.
const MARKER: &str = "@p";

/// What .NET's driver asks for: every server grants it, encrypted or not, and a large value takes half as many packets as by default.
const PACKET_BYTES: u16 = 8000;

/// How the driver refuses a second result set.
const REFUSAL: &str = "multiple result sets";

/// How long a connection gets to read the rest of an answer after a window.
const TIDY_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Reads {
    opening: Arc<Opening>,
}

/// A connection, and the right to it.
pub(super) struct Read {
    client: Client<Ready>,
    _permit: Permit,
}

impl Reads {
    pub(super) fn new(opening: Arc<Opening>) -> Self {
        Self { opening }
    }
}

impl Manager for Reads {
    type Type = Read;
    type Error = Fault;

    async fn create(&self) -> Result<Read, Fault> {
        let opening = Arc::clone(&self.opening);
        let (client, permit) = self.opening.open(async move { opening.login.log_in(|secret| connect(&opening, secret)).await }).await?;
        Ok(Read { client, _permit: permit })
    }

    /// No round trip: a read that finds its connection gone runs again on another, and no statement of this lane opens a transaction
    /// or changes its session.
    async fn recycle(&self, read: &mut Read, _: &Metrics) -> RecycleResult<Fault> {
        if read.client.is_in_flight() { Err(RecycleError::message("it has an answer on its way")) } else { Ok(()) }
    }
}

async fn connect(opening: &Opening, secret: Secret) -> Result<Client<Ready>, Fault> {
    let config = config(opening, &secret).await?;
    let patience = opening.settings.connect_timeout + opening.settings.login_timeout;
    let made = timeout(patience, async {
        let mut client = Client::connect(config).await.map_err(|error| fault(&error))?;
        open_transactions(&mut client, &opening.begin).await?;
        Ok(client)
    });
    made.await.unwrap_or_else(|_| Err(Fault::before(StoreErrorKind::Timeout, format!("no login within {patience:?}"))))
}

async fn config(opening: &Opening, secret: &Secret) -> Result<Config, Fault> {
    let settings = &opening.settings;
    let trust = settings.trust.clone();
    let authorities = tokio::task::spawn_blocking(move || trust::authorities(&trust)).await;
    let authorities = authorities.unwrap_or_else(|error| Err(error.to_string()));
    let authorities = authorities.map_err(|reason| Fault::before(StoreErrorKind::Other, reason))?;
    let timeouts = TimeoutConfig::new()
        .connect_timeout(settings.connect_timeout)
        .tls_timeout(settings.login_timeout)
        .login_timeout(settings.login_timeout)
        // The calls have their own, after which they close the connection.
        .command_timeout(Duration::ZERO);
    let mut config = Config::new()
        .host(&settings.host)
        .port(settings.port)
        .database(&settings.database)
        .credentials(Credentials::sql_server(settings.user.clone(), secret.reveal().to_owned()))
        .application_name(APPLICATION)
        .trust_server_certificate(settings.trust == Trust::Anyone)
        .multi_subnet_failover(settings.multi_subnet_failover)
        .timeouts(timeouts)
        // It would repeat a refused login, too.
        .retry(RetryPolicy::no_retry());
    config.tls.root_certificates = authorities;
    config.packet_size = PACKET_BYTES;
    Ok(match settings.encryption {
        Encryption::Required => config.encrypt(true),
        Encryption::LoginOnly => config.encrypt(false),
        Encryption::Off => config.no_tls(true),
    })
}

/// Runs a batch that ends by saying how many transactions are open, and refuses a session that has one.
async fn open_transactions(client: &mut Client<Ready>, text: &str) -> Result<(), Fault> {
    let rows = client.query(text, &[]).await.map_err(|error| fault(&error))?;
    let rows = rows.collect_all().await.map_err(|error| fault(&error))?;
    match rows.first().and_then(|row| row.get_raw(0)) {
        Some(SqlValue::Int(0)) => Ok(()),
        Some(_) | None => Err(Fault::before(StoreErrorKind::Other, "the session does not say that it has no transaction open")),
    }
}

impl Read {
    /// The answer is read to its end when this returns, whatever it returns but a broken connection.
    pub(super) async fn look_up(&mut self, batch: &Batch<'_>) -> Result<Rows, Fault> {
        let sent = sent(batch)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = sent.iter().map(|parameter| parameter as _).collect();
        let rows = self.client.query(&batch.text(MARKER), &parameters).await.map_err(|error| fault(&error))?;
        let rows = rows.collect_all().await.map_err(|error| fault(&error))?;
        rows.iter().map(|row| (0..row.len()).map(|at| cell(row.get_raw(at))).collect::<Result<_, _>>().map(Row::new)).collect()
    }

    /// The only value of the first row, as it comes off the wire. The answer's last few bytes are not read: see [`Self::tidy`].
    pub(super) async fn window(&mut self, batch: &Batch<'_>, at_most: usize) -> Result<Option<Bytes>, Fault> {
        let sent = sent(batch)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = sent.iter().map(|parameter| parameter as _).collect();
        let text = batch.text(MARKER) + session::AFTER_THE_WINDOW;
        let mut stream = self.client.query_stream_blob(&text, &parameters).await.map_err(|error| fault(&error))?;
        match stream.next().await {
            Ok(Some(_)) => {}
            Err(Error::Protocol(reason)) if reason.contains(REFUSAL) => return Ok(None),
            Ok(None) => return Err(Fault::midway(StoreErrorKind::Other, "a stream ended where it cannot end")),
            Err(error) => return Err(fault(&error)),
        }
        let mut bytes = BytesMut::new();
        while let Some(piece) = stream.read_chunk().await.map_err(|error| fault(&error))? {
            if bytes.is_empty() {
                bytes.reserve(at_most);
            }
            if bytes.len() + piece.len() > at_most {
                return Err(Fault::midway(StoreErrorKind::Other, format!("a window of {at_most} bytes was asked for, and more came")));
            }
            bytes.extend_from_slice(&piece);
        }
        let (is_null, announced) = (stream.blob_is_null(), stream.blob_len());
        match stream.next().await {
            Err(Error::Protocol(reason)) if reason.contains(REFUSAL) => {}
            Ok(_) => return Err(Fault::midway(StoreErrorKind::Other, "more than one row came for a window")),
            Err(error) => return Err(fault(&error)),
        }
        match announced {
            Some(length) if length != bytes.len() as u64 => {
                Err(Fault::midway(StoreErrorKind::Unavailable, format!("{} bytes came of {length}", bytes.len())))
            }
            // This driver does not tell an empty value that came without its length from NULL. A window that lies within a content is
            // never empty.
            None if is_null || bytes.is_empty() => Ok(None),
            Some(_) | None => Ok(Some(bytes.freeze())),
        }
    }

    /// Reads what a window left of its answer, which the driver does when it is given something else to do: it asks the server to
    /// stop, and waits until it says that it did.
    pub(super) async fn tidy(&mut self) -> Result<(), Fault> {
        let tidied = timeout(TIDY_TIMEOUT, open_transactions(&mut self.client, session::OPEN_TRANSACTIONS)).await;
        tidied.unwrap_or_else(|_| Err(Fault::midway(StoreErrorKind::Timeout, "the session does not answer")))
    }

    /// Whether it could serve another call: nothing of an answer is on its way.
    pub(super) fn is_tidy(&self) -> bool {
        !self.client.is_in_flight()
    }
}

/// A parameter as this driver takes it.
struct Sent<'a>(&'a Parameter);

impl ToSql for Sent<'_> {
    fn to_sql(&self) -> Result<SqlValue, TypeError> {
        Ok(match &self.0.value {
            Value::Null => SqlValue::Null,
            Value::Flag(flag) => SqlValue::Bool(*flag),
            Value::Integer(integer) => SqlValue::BigInt(*integer),
            Value::Text(text) => SqlValue::String(text.clone()),
            Value::Bytes(bytes) => SqlValue::Binary(bytes.clone()),
        })
    }

    fn sql_type(&self) -> &'static str {
        self.0.declared
    }
}

/// This driver sends every NULL as a text, which no binary variable takes.
fn sent<'a>(batch: &'a Batch<'_>) -> Result<Vec<Sent<'a>>, Fault> {
    match batch.parameters.iter().find(|parameter| parameter.value == Value::Null && parameter.is_binary()) {
        Some(parameter) => {
            let text = format!("@{} is a binary NULL, which the read lane cannot send", parameter.name);
            Err(Fault::before(StoreErrorKind::Other, text))
        }
        None => Ok(batch.parameters.iter().map(Sent).collect()),
    }
}

fn cell(value: Option<SqlValue>) -> Result<Cell, Fault> {
    Ok(match value {
        Some(SqlValue::Null) => Cell::Null,
        Some(SqlValue::Bool(flag)) => Cell::Flag(flag),
        Some(SqlValue::TinyInt(integer)) => Cell::Integer(integer.into()),
        Some(SqlValue::SmallInt(integer)) => Cell::Integer(integer.into()),
        Some(SqlValue::Int(integer)) => Cell::Integer(integer.into()),
        Some(SqlValue::BigInt(integer)) => Cell::Integer(integer),
        Some(SqlValue::String(text)) => Cell::Text(text),
        Some(SqlValue::Binary(bytes)) => Cell::Bytes(bytes),
        // Another crate's enum, most of whose types no statement of ours selects.
        Some(_) | None => return Err(Fault::midway(StoreErrorKind::Other, "a statement selects a type that no statement of ours should")),
    })
}

/// A read that failed has changed nothing, so what the server refused counts as undone.
fn fault(error: &Error) -> Fault {
    match error {
        Error::Server { number, message, .. } => Fault::of_server(number.unsigned_abs(), message, Outcome::RolledBack),
        Error::ConnectTimeout { .. } | Error::TlsTimeout { .. } | Error::LoginTimeout { .. } | Error::CommandTimeout => {
            Fault::midway(StoreErrorKind::Timeout, error)
        }
        Error::Io(_) | Error::ConnectionClosed | Error::Connection(_) | Error::Codec(_) => {
            Fault::midway(StoreErrorKind::Unavailable, format!("the connection broke: {error}"))
        }
        Error::Tls(_) => Fault::midway(StoreErrorKind::Unavailable, format!("{error} (sql.encryption, sql.ca)")),
        other => Fault::midway(StoreErrorKind::Other, other),
    }
}
