//! Requests of one connection, one after the other, between its login and its end.

use std::sync::Arc;

use super::WireError;
use super::answer::{Answer, Ending};
use super::handshake::{Stream, Welcome};
use super::login::Login;
use super::packet::{self, Incoming, Message, kind, status};
use super::prepared::{Prepared, Work};
use super::request::{self, Request};
use super::token::done;
use super::transaction::{Change, Watch};
use crate::faults::{Cut, Fate};
use crate::server::Shared;
use crate::value::{Parameter, ServerError, Session};

/// From this severity on, the server ends the connection with its answer.
const FATAL: u8 = 20;

pub(crate) struct Talk {
    shared: Arc<Shared>,
    stream: Box<dyn Stream>,
    incoming: Incoming,
    login: Login,
    database: String,
    prepared: Prepared,
    /// Away while a batch runs.
    seat: Option<Seat>,
}

/// The session, which only ever runs on threads that may block.
struct Seat {
    session: Box<dyn Session>,
    watch: Watch,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // After a panic of the session nothing more is asked of it.
        if !std::thread::panicking() {
            self.session.reset();
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.shared.tasks.spawn_blocking(move || drop(seat));
        }
    }
}

/// What runs on the session's thread.
struct Task {
    reset: bool,
    job: Job,
}

enum Job {
    Execute(String, Vec<Parameter>),
    /// An error in place of an execution.
    Fail {
        error: ServerError,
        rolls_back: bool,
    },
    Nothing,
}

impl Talk {
    pub(crate) async fn begin(shared: Arc<Shared>, welcome: Welcome) -> Result<Self, WireError> {
        let Welcome { stream, incoming, login, database } = welcome;
        let open = shared.databases.get(&database).cloned().ok_or_else(|| WireError::protocol("a database that is gone"))?;
        let session = shared.tasks.spawn_blocking(move || open()).await.map_err(lost)?;
        let seat = Some(Seat { session, watch: Watch::default() });
        Ok(Self { shared, stream, incoming, login, database, prepared: Prepared::default(), seat })
    }

    /// Until the client leaves, or is cut off.
    pub(crate) async fn run(&mut self) -> Result<(), WireError> {
        while let Some(message) = self.incoming.message(&mut self.stream).await? {
            let severity = self.answer(message).await?;
            if severity >= FATAL {
                break;
            }
        }
        Ok(())
    }

    /// Answers one request, and tells the severity of the error in it.
    async fn answer(&mut self, message: Message) -> Result<u8, WireError> {
        let procedure = message.kind == kind::RPC;
        let reset = message.status & status::RESET != 0;
        if message.status & (status::RESET | status::RESET_KEEPING_TRANSACTION) != 0 {
            self.prepared.clear();
        }
        let work = match request::parse(message) {
            Ok(Request::Attention) => {
                self.acknowledge_attention().await?;
                return Ok(0);
            }
            Ok(Request::Batch(text)) => Ok(Work { batch: Some((text, Vec::new())), handle: None }),
            Ok(Request::Rpc(call)) => self.prepared.work(call),
            Err(WireError::Refused(error)) => Err(error),
            Err(error) => return Err(error),
        };
        let (fate, job, handle) = match work {
            Err(error) => (Fate::Spared, Job::Fail { error, rolls_back: false }, None),
            Ok(Work { batch: None, handle }) => (Fate::Spared, Job::Nothing, handle),
            Ok(Work { batch: Some((text, parameters)), handle }) => {
                match self.shared.faults.fate(&text, &self.login.user, &self.database) {
                    Fate::Error { error, rolls_back } => (Fate::Spared, Job::Fail { error, rolls_back }, handle),
                    fate => (fate, Job::Execute(text, parameters), handle),
                }
            }
        };
        if fate == Fate::Cut(Cut::BeforeExecution) {
            return Err(WireError::Cut);
        }
        let (ending, cancelled) = self.run_blocking(Task { reset, job }).await?;
        if fate == Fate::Cut(Cut::AfterExecution) {
            return Err(WireError::Cut);
        }
        if cancelled || self.delayed_and_cancelled().await? {
            self.acknowledge_attention().await?;
            return Ok(0);
        }
        let limit = if let Fate::Cut(Cut::InAnswer(bytes)) = fate { Some(bytes) } else { None };
        let severity = ending.error.as_ref().map_or(0, |error| error.severity);
        self.send(Ending { handle, ..ending }.into_answer(procedure), limit).await?;
        // Also where the answer was shorter than the bytes to be sent of it.
        if limit.is_some() { Err(WireError::Cut) } else { Ok(severity) }
    }

    /// Runs to its end in any case. `true`: meanwhile the client has cancelled the request.
    async fn run_blocking(&mut self, task: Task) -> Result<(Ending, bool), WireError> {
        let mut seat = self.seat.take().ok_or_else(|| WireError::protocol("a request within another"))?;
        let faults = self.shared.faults.clone();
        let mut running = self.shared.tasks.spawn_blocking(move || {
            let executes = matches!(task.job, Job::Execute(..));
            faults.count(|counts| counts.resets += u64::from(task.reset));
            let ending = seat.run(task);
            faults.count(|counts| counts.batches_executed += u64::from(executes));
            (seat, ending)
        });
        let (ended, cancelled) = tokio::select! {
            ended = &mut running => (ended, false),
            attention = self.attention() => {
                attention?;
                (running.await, true)
            }
        };
        let (seat, ending) = ended.map_err(lost)?;
        self.seat = Some(seat);
        Ok((ending, cancelled))
    }

    async fn delayed_and_cancelled(&mut self) -> Result<bool, WireError> {
        let delay = self.shared.faults.delay();
        if delay.is_zero() {
            return Ok(false);
        }
        self.shared.faults.count(|counts| counts.delayed += 1);
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(false),
            attention = self.attention() => attention.map(|()| true),
        }
    }

    /// Waits for the one message that a client may send before it has its answer.
    async fn attention(&mut self) -> Result<(), WireError> {
        match self.incoming.message(&mut self.stream).await? {
            Some(message) if message.kind == kind::ATTENTION => Ok(()),
            Some(message) => Err(WireError::protocol(format!("a message of type 0x{:02X} before the answer to another", message.kind))),
            None => Err(WireError::Cut),
        }
    }

    async fn acknowledge_attention(&mut self) -> Result<(), WireError> {
        self.shared.faults.count(|counts| counts.attentions += 1);
        self.send(Answer::only_done(done::ATTENTION), None).await
    }

    async fn send(&mut self, answer: Answer, limit: Option<u64>) -> Result<(), WireError> {
        packet::send(&mut self.stream, kind::ANSWER, self.login.packet_size, answer.into_segments(), limit).await
    }
}

impl Seat {
    fn run(&mut self, task: Task) -> Ending {
        if task.reset {
            self.session.reset();
            self.watch.reset();
        }
        let ending = match task.job {
            Job::Nothing => Ending::default(),
            Job::Fail { error, rolls_back } => {
                let transaction = if rolls_back { self.roll_back() } else { None };
                Ending { transaction, ..Ending::error(error) }
            }
            Job::Execute(batch, parameters) => {
                let (outcomes, error) = self.session.execute(&batch, &parameters);
                let transaction = self.watch.after(self.session.as_mut(), &batch, error.is_some());
                Ending { outcomes, error, transaction, ..Ending::default() }
            }
        };
        Ending { was_reset: task.reset, ..ending }
    }

    fn roll_back(&mut self) -> Option<Change> {
        const ROLLBACK: &str = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";
        if self.session.execute(ROLLBACK, &[]).1.is_some() {
            // A session that knows no such statement still knows how to begin anew.
            self.session.reset();
        }
        self.watch.after(self.session.as_mut(), ROLLBACK, true)
    }
}

fn lost(_: tokio::task::JoinError) -> WireError {
    WireError::protocol("a request that the session could not bear")
}
