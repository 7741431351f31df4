//! Small changes of Sluss's own tables, committed together: what waits while a transaction is on its way to the disk goes with the next
//! one. Agents at work on many small documents would otherwise wait for the disk's acknowledgement several times for each of them.
//!
//! Each change is whole or not there, as in a transaction of its own, and its caller hears of it once all of the group is durable. No
//! change of a customer's row belongs here: a constraint of theirs may take the whole transaction back, and with it the others'.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use deadpool_sqlite::Object;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::STORE;
use super::file::{Outcome, SqliteFile, fault, kind_of};
use crate::lock::lock;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};

/// Bounds how long a group keeps others from writing: a change takes a tenth of a millisecond or so.
const AT_ONCE: usize = 64;

/// Changes that wait for the next group.
#[derive(Default)]
pub(super) struct Group(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// With when they came, in that order.
    members: VecDeque<(Instant, Box<dyn Member>)>,
    /// Somebody commits one group after the other until none waits.
    is_led: bool,
}

/// Why none of a group happened.
struct Failure {
    kind: StoreErrorKind,
    reason: String,
}

impl Failure {
    fn of(error: &rusqlite::Error) -> Self {
        Self { kind: kind_of(error), reason: error.to_string() }
    }

    /// SQLite took the whole transaction back. That is the database's trouble and no change's own fault, so it must not cost one of them
    /// its retries.
    fn taken_back(by: Option<&StoreError>) -> Self {
        let kind = match by.map_or(StoreErrorKind::Other, |error| error.kind) {
            full @ (StoreErrorKind::Full | StoreErrorKind::Denied) => full,
            StoreErrorKind::Unavailable
            | StoreErrorKind::Timeout
            | StoreErrorKind::Throttled { .. }
            | StoreErrorKind::Corrupt
            | StoreErrorKind::Other => StoreErrorKind::Unavailable,
        };
        let cause = by.map_or_else(|| "a statement failed".to_owned(), StoreError::chain);
        Self { kind, reason: format!("rolled back with all changes of its transaction: {cause}") }
    }

    fn waited(patience: Duration) -> Self {
        Self { kind: StoreErrorKind::Timeout, reason: format!("no turn to write within {patience:?}") }
    }
}

/// One change, whatever it answers.
trait Member: Send {
    /// True: nobody waits for it any more, and it has not begun.
    fn is_given_up(&self) -> bool;

    /// Carries it out. False: nothing of it shall stay.
    fn perform(&mut self, transaction: &Transaction<'_>) -> bool;

    /// What it failed with, to be told in another way.
    fn take_error(&mut self) -> Option<StoreError>;

    /// Tells what it came to, or why it came to nothing.
    fn tell(self: Box<Self>, failure: Option<&Failure>);
}

struct Change<T, F> {
    operation: &'static str,
    target: String,
    change: Option<F>,
    ended: Option<StoreResult<T>>,
    answer: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Change<T, F> {
    fn new(operation: &'static str, target: String, change: F) -> (Self, oneshot::Receiver<StoreResult<T>>) {
        let (answer, answered) = oneshot::channel();
        (Self { operation, target, change: Some(change), ended: None, answer }, answered)
    }
}

impl<T: Send, F: FnOnce(&Transaction<'_>) -> rusqlite::Result<Outcome<T>> + Send> Member for Change<T, F> {
    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }

    fn perform(&mut self, transaction: &Transaction<'_>) -> bool {
        let Some(change) = self.change.take() else { return false };
        // The changes beside it are in the same transaction, and go on without it.
        let changed = catch_unwind(AssertUnwindSafe(|| change(transaction)));
        let (ended, stays) = match changed {
            Ok(Ok(Outcome::Commit(value))) => (Ok(value), true),
            Ok(Ok(Outcome::Rollback(value))) => (Ok(value), false),
            Ok(Err(error)) => (Err(fault(self.operation, &self.target, error)), false),
            Err(_) => {
                tracing::error!("{} {} in {STORE} panicked, and nothing of it stays", self.operation, self.target);
                (Err(StoreError::new(STORE, self.operation, &self.target, StoreErrorKind::Other).because("it panicked")), false)
            }
        };
        self.ended = Some(ended);
        stays
    }

    fn take_error(&mut self) -> Option<StoreError> {
        match self.ended.take() {
            Some(Err(error)) => Some(error),
            Some(Ok(_)) | None => None,
        }
    }

    fn tell(self: Box<Self>, failure: Option<&Failure>) {
        let Self { operation, target, ended, answer, .. } = *self;
        let told = match (ended, failure) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), None) => Ok(value),
            (Some(Ok(_)) | None, Some(failure)) => {
                Err(StoreError::new(STORE, operation, target, failure.kind).because(failure.reason.clone()))
            }
            (None, None) => Err(StoreError::new(STORE, operation, target, StoreErrorKind::Other).because("it was not carried out")),
        };
        // Who asked may have gone.
        drop(answer.send(told));
    }
}

impl Group {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.0)
    }

    /// True: nobody leads, and the caller does from now on.
    fn join(&self, member: Box<dyn Member>) -> bool {
        let mut waiting = self.waiting();
        waiting.members.push_back((Instant::now(), member));
        !std::mem::replace(&mut waiting.is_led, true)
    }

    /// Ends the lead, if nobody waits.
    fn is_over(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.is_led = !waiting.members.is_empty();
        !waiting.is_led
    }

    /// When the one came that has waited longest.
    fn oldest(&self) -> Option<Instant> {
        self.waiting().members.front().map(|(came, _)| *came)
    }

    fn next(&self) -> Vec<Box<dyn Member>> {
        let mut waiting = self.waiting();
        let next = waiting.members.len().min(AT_ONCE);
        waiting.members.drain(..next).map(|(_, member)| member).collect()
    }

    /// Those that have waited for so long.
    fn take_impatient(&self, patience: Duration) -> Vec<Box<dyn Member>> {
        let mut waiting = self.waiting();
        let impatient = waiting.members.partition_point(|(came, _)| came.elapsed() >= patience);
        waiting.members.drain(..impatient).map(|(_, member)| member).collect()
    }
}

fn tell_all(members: Vec<Box<dyn Member>>, failure: Option<&Failure>) {
    members.into_iter().for_each(|member| member.tell(failure));
}

impl SqliteFile {
    /// Runs `change` as `write` does, in one transaction with others of its kind. It must touch Sluss's own tables only, and end with the
    /// first statement that fails. A dropped caller does not cancel it once it has begun.
    pub(super) async fn write_together<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        target: String,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Outcome<T>> + Send + 'static,
    ) -> StoreResult<T> {
        let lost = StoreError::new(STORE, operation, &target, StoreErrorKind::Other);
        let (change, answered) = Change::new(operation, target, change);
        if self.group.join(Box::new(change)) {
            self.tasks().spawn(Arc::clone(self).lead());
        }
        answered.await.unwrap_or_else(|_| Err(lost.because("the transaction's thread gave up")))
    }

    async fn lead(self: Arc<Self>) {
        while !self.group.is_over() {
            // Asked for anew each time: who writes alone has waited, too. Whoever comes meanwhile joins this group.
            let Some(connection) = self.turn().await else { continue };
            let members = self.group.next();
            match connection {
                Ok(connection) => {
                    // Where the thread gives up, the members go with it, and their callers hear of that.
                    if let Err(error) = connection.interact(move |connection| carry_out(connection, members)).await {
                        tracing::error!("a transaction of several changes in {STORE} was not carried out: {error}");
                    }
                }
                Err(error) => tell_all(members, Some(&Failure { kind: error.kind, reason: error.chain() })),
            }
        }
    }

    /// The writer, in its turn. Who has waited too long for it by then hears so, and the others wait on in the same place of the queue.
    /// `None`: nobody is left.
    async fn turn(&self) -> Option<StoreResult<Object>> {
        let mut writer = pin!(self.writer_at_last("write to", "the database"));
        while let Some(oldest) = self.group.oldest() {
            match timeout_at(oldest + self.patience, &mut writer).await {
                Ok(connection) => return Some(connection),
                Err(_) => tell_all(self.group.take_impatient(self.patience), Some(&Failure::waited(self.patience))),
            }
        }
        None
    }
}

fn carry_out(connection: &mut Connection, mut members: Vec<Box<dyn Member>>) {
    members.retain(|member| !member.is_given_up());
    if members.is_empty() {
        return;
    }
    let failure = commit_all(connection, &mut members).err();
    tell_all(members, failure.as_ref());
}

fn commit_all(connection: &mut Connection, members: &mut [Box<dyn Member>]) -> Result<(), Failure> {
    let failed = |error: rusqlite::Error| Failure::of(&error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let say = |statement: &str| transaction.prepare_cached(statement)?.execute([]).map(|_| ());
    for member in members {
        say("SAVEPOINT member").map_err(failed)?;
        let stays = member.perform(&transaction);
        // After some errors, as of a full disk, SQLite has taken all of the transaction back, whatever the change made of the error.
        if transaction.is_autocommit() {
            return Err(Failure::taken_back(member.take_error().as_ref()));
        }
        if !stays {
            say("ROLLBACK TO member").map_err(failed)?;
        }
        say("RELEASE member").map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// A file with an empty table of numbers.
    async fn file(folder: &tempfile::TempDir) -> Arc<SqliteFile> {
        let file = SqliteFile::new(&folder.path().join("a.db"), 2, PATIENCE, true).unwrap();
        let create =
            |tx: &Transaction<'_>| tx.execute_batch("CREATE TABLE noted (number INTEGER PRIMARY KEY, more BLOB)").map(Outcome::Commit);
        file.write("create", String::new(), create).await.unwrap();
        file
    }

    fn note(tx: &Transaction<'_>, number: u64, more_bytes: usize) -> rusqlite::Result<()> {
        tx.execute("INSERT INTO noted VALUES (?1, zeroblob(?2))", [number, more_bytes as u64]).map(|_| ())
    }

    async fn together(file: &Arc<SqliteFile>, number: u64) -> StoreResult<u64> {
        file.write_together("note", number.to_string(), move |tx| note(tx, number, 0).map(|()| Outcome::Commit(number))).await
    }

    async fn count(file: &SqliteFile) -> u64 {
        let count = |connection: &Connection| connection.query_row("SELECT count(*) FROM noted", [], |row| row.get(0));
        file.read("count", String::new(), count).await.unwrap()
    }

    #[tokio::test]
    async fn each_change_is_whole_or_not_there_whatever_becomes_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder).await;
        let change = |number: u64| {
            file.write_together("note", number.to_string(), move |tx| {
                note(tx, number, 0)?;
                match number % 10 {
                    0 => Ok(Outcome::Rollback(number)),
                    // The row is there already.
                    1 => note(tx, number, 0).map(|()| Outcome::Commit(number)),
                    2 => panic!("as planned"),
                    _ => Ok(Outcome::Commit(number)),
                }
            })
        };
        for (number, ended) in (0..).zip(join_all((0..200).map(change)).await) {
            assert_eq!(ended.ok(), (number % 10 != 1 && number % 10 != 2).then_some(number));
        }
        assert_eq!(count(&file).await, 140);
    }

    #[test]
    fn a_change_that_panics_is_logged() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(std::fs::File::create(&log).unwrap())).finish();
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        let panics = |_: &Transaction<'_>| -> rusqlite::Result<Outcome<()>> { panic!("as planned") };
        let (mut change, _answered) = Change::new("note", "job 7".to_owned(), panics);
        assert!(!tracing::subscriber::with_default(subscriber, || change.perform(&transaction)));
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(logged.contains("ERROR") && logged.contains("note job 7"), "{logged}");
    }

    #[tokio::test]
    async fn where_sqlite_takes_all_of_a_transaction_back_nobody_hears_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder).await;
        let limit = |pages: u64| {
            let limit = move |tx: &Transaction<'_>| tx.pragma_update(None, "max_page_count", pages).map(Outcome::Commit);
            file.write("limit", String::new(), limit)
        };
        limit(64).await.unwrap();
        for is_honest in [true, false] {
            // All of them wait before the one that leads them is first polled.
            let change = |number: u64| {
                file.write_together("note", number.to_string(), move |tx| {
                    let noted = note(tx, number, if number == 5 { 1 << 20 } else { 0 });
                    if is_honest { noted.map(|()| Outcome::Commit(())) } else { Ok(Outcome::Commit(())) }
                })
            };
            for ended in join_all((0..10).map(change)).await {
                let error = ended.unwrap_err();
                let kind = if is_honest { StoreErrorKind::Full } else { StoreErrorKind::Unavailable };
                assert_eq!(error.kind, kind);
                assert!(error.chain().contains("rolled back"), "{}", error.chain());
            }
            assert_eq!(count(&file).await, 0);
        }
        limit(1 << 20).await.unwrap();
        together(&file, 1).await.unwrap();
        assert_eq!(count(&file).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_late_does_not_fail_with_those_that_have_waited_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder).await;
        let busy = file.writer("hold", "").await.unwrap();
        let begun = Instant::now();
        let early = async { (together(&file, 1).await, begun.elapsed()) };
        let late = async {
            tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
            together(&file, 2).await
        };
        let free = async {
            tokio::time::sleep(PATIENCE + Duration::from_secs(1)).await;
            drop(busy);
        };
        let ((early, waited), late, ()) = tokio::join!(early, late, free);
        assert_eq!((early.unwrap_err().kind, waited.as_secs()), (StoreErrorKind::Timeout, PATIENCE.as_secs()));
        assert_eq!(late.unwrap(), 2);
        assert_eq!(count(&file).await, 1, "who was told that it failed has not begun");
    }
}
