//! Runs batches: one connection's session.

mod bind;
mod change;
mod check;
mod constraint;
mod control;
mod define;
mod drop;
mod insert;
mod output;
mod trigger;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::Database;
use super::ast::Step;
use super::catalog::{Table, record};
use super::error::{Result, error, from_sqlite};
use super::kind::Kind;
use super::native::{self, Shared};
use super::parse;
use crate::value::{Outcome, Parameter, ServerError, Session};

/// How long a session waits for another one's transaction, unless `SET LOCK_TIMEOUT` says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many batches a session remembers as parsed.
const REMEMBERED: usize = 500;

pub struct Engine {
    database: Arc<Database>,
    connection: Connection,
    shared: Arc<Shared>,
    number: i64,
    options: Options,
    /// `@@TRANCOUNT`.
    transactions: i64,
    /// After an error in a TRY block under XACT_ABORT: the transaction can only be rolled back.
    doomed: bool,
    /// Whether a statement is writing, and so a trigger's one runs inside of it.
    writing: bool,
    frame: Frame,
    row_count: i64,
    identity: Option<i64>,
    /// The errors of the CATCH blocks around the running statement.
    caught: Vec<ServerError>,
    /// The triggers that are running, outermost first.
    triggers: Vec<i64>,
    outcomes: Vec<Outcome>,
    context: HashMap<String, String>,
    context_info: Option<Vec<u8>>,
    parsed: HashMap<String, Arc<Vec<Step>>>,
}

#[derive(Debug, Clone, Default)]
struct Options {
    no_count: bool,
    abort: bool,
    snapshot: bool,
    /// Milliseconds, -1 for no bound.
    lock_timeout: Option<i64>,
}

/// What a batch, a procedure's text or a trigger has of its own.
#[derive(Default)]
struct Frame {
    variables: HashMap<String, Variable>,
    tables: HashMap<String, Table>,
    trigger: Option<Fired>,
}

struct Variable {
    kind: Kind,
    value: Value,
}

/// The rows that a trigger sees.
struct Fired {
    table: Table,
    level: i64,
    action: String,
    updated: Option<Vec<String>>,
}

impl Engine {
    pub fn new(database: &Arc<Database>) -> rusqlite::Result<Self> {
        let connection = Connection::open(&database.path)?;
        let shared = Arc::new(Shared::default());
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(REMEMBERED);
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")?;
        native::register(&connection, &database.lobs, &shared)?;
        Ok(Self {
            database: Arc::clone(database),
            connection,
            shared,
            number: database.next_session(),
            options: Options::default(),
            transactions: 0,
            doomed: false,
            writing: false,
            frame: Frame::default(),
            row_count: 0,
            identity: None,
            caught: Vec::new(),
            triggers: Vec::new(),
            outcomes: Vec::new(),
            context: HashMap::new(),
            context_info: None,
            parsed: HashMap::new(),
        })
    }

    /// The engine's own tables.
    pub fn prepare_database(&self) -> rusqlite::Result<()> {
        record::create(&self.connection)
    }

    fn parse(&mut self, batch: &str) -> Result<Arc<Vec<Step>>> {
        if let Some(known) = self.parsed.get(batch) {
            return Ok(Arc::clone(known));
        }
        let steps = Arc::new(parse::batch(batch)?);
        if self.parsed.len() >= REMEMBERED {
            self.parsed.clear();
        }
        self.parsed.insert(batch.to_owned(), Arc::clone(&steps));
        Ok(steps)
    }

    fn batch(&mut self, batch: &str, parameters: &[Parameter]) -> Result<()> {
        let steps = self.parse(batch)?;
        for parameter in parameters {
            let kind = Kind::of_wire(&parameter.kind);
            let value = bind::from_wire(&parameter.value, kind)?;
            self.frame.variables.insert(parameter.name.to_lowercase(), Variable { kind, value });
        }
        self.steps(&steps)?;
        if self.doomed {
            return Err(error(3998, "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back."));
        }
        Ok(())
    }

    /// What an error outside of TRY does to the transaction.
    fn failed(&mut self, error: &ServerError) {
        let ends = self.options.abort || self.doomed || matches!(error.number, 1205 | 3960 | 3609);
        // A statement that was alone and could not be committed leaves a transaction that nobody began.
        let nobodys = self.transactions == 0 && !self.connection.is_autocommit();
        if ends || nobodys || self.connection.is_autocommit() {
            self.roll_back();
        }
    }

    fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // It can only fail where SQLite has rolled back by itself in between.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.transactions = 0;
        self.doomed = false;
    }

    fn end_frame(&mut self, outer: Frame) {
        let frame = std::mem::replace(&mut self.frame, outer);
        for table in frame.tables.values() {
            // One that was made in a transaction that is rolled back is gone already.
            let _ = self.connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", table.sql()));
        }
    }
}

impl Session for Engine {
    fn execute(&mut self, batch: &str, parameters: &[Parameter]) -> (Vec<Outcome>, Option<ServerError>) {
        let failure = self.batch(batch, parameters).err();
        if let Some(failure) = &failure {
            self.failed(failure);
        }
        self.caught.clear();
        self.triggers.clear();
        self.writing = false;
        self.end_frame(Frame::default());
        (std::mem::take(&mut self.outcomes), failure)
    }

    fn reset(&mut self) {
        self.roll_back();
        self.options = Options::default();
        self.context.clear();
        self.context_info = None;
        self.row_count = 0;
        self.identity = None;
        // Only fails where the connection is closed.
        let _ = self.connection.busy_timeout(PATIENCE);
    }
}

/// For the many calls that only fail where SQLite does.
trait OrServer<T> {
    fn or_server(self) -> Result<T>;
}

impl<T> OrServer<T> for rusqlite::Result<T> {
    fn or_server(self) -> Result<T> {
        self.map_err(|failure| from_sqlite(&failure))
    }
}
