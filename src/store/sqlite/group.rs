//! Small changes of Sluss's own tables, committed together: what waits while a transaction is on its way to the disk goes with the next
//! one. Agents at work on many small documents would otherwise wait for the disk's acknowledgement several times for each of them.
//!
//! Each change is whole or not there, as in a transaction of its own, and its caller hears of it once all of the group is durable. No
//! change of a customer's row belongs here: a constraint of theirs may take the whole transaction back, and with it the others'.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

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
    members: VecDeque<Box<dyn Member>>,
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
}

/// One change, whatever it answers.
trait Member: Send {
    /// True: nobody waits for it any more, and it has not begun.
    fn is_given_up(&self) -> bool;

    /// Carries it out. False: nothing of it shall stay.
    fn perform(&mut self, transaction: &Transaction<'_>) -> bool;

    /// Tells what it came to, or why it came to nothing.
    fn tell(self: Box<Self>, failure: Option<&Failure>);
}

struct Change<T, F> {
    operation: &'static str,
    target: String,
    change: Option<F>,
    ended: Option<rusqlite::Result<T>>,
    answer: oneshot::Sender<StoreResult<T>>,
}

impl<T: Send, F: FnOnce(&Transaction<'_>) -> rusqlite::Result<Outcome<T>> + Send> Member for Change<T, F> {
    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }

    fn perform(&mut self, transaction: &Transaction<'_>) -> bool {
        let Some(change) = self.change.take() else { return false };
        let (ended, stays) = match change(transaction) {
            Ok(Outcome::Commit(value)) => (Ok(value), true),
            Ok(Outcome::Rollback(value)) => (Ok(value), false),
            Err(error) => (Err(error), false),
        };
        self.ended = Some(ended);
        stays
    }

    fn tell(self: Box<Self>, failure: Option<&Failure>) {
        let Self { operation, target, ended, answer, .. } = *self;
        let told = match (ended, failure) {
            (Some(Err(error)), _) => Err(fault(operation, &target, error)),
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
        waiting.members.push_back(member);
        !std::mem::replace(&mut waiting.is_led, true)
    }

    /// Ends the lead, if nobody waits.
    fn is_over(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.is_led = !waiting.members.is_empty();
        !waiting.is_led
    }

    fn next(&self) -> Vec<Box<dyn Member>> {
        let mut waiting = self.waiting();
        let next = waiting.members.len().min(AT_ONCE);
        waiting.members.drain(..next).collect()
    }
}

impl SqliteFile {
    /// Runs `change` as `write` does, in one transaction with others of its kind. It must touch Sluss's own tables only. A dropped caller
    /// does not cancel it once it has begun.
    pub(super) async fn write_together<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        target: String,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Outcome<T>> + Send + 'static,
    ) -> StoreResult<T> {
        let (answer, answered) = oneshot::channel();
        let lost = StoreError::new(STORE, operation, &target, StoreErrorKind::Other);
        if self.group.join(Box::new(Change { operation, target, change: Some(change), ended: None, answer })) {
            self.tasks().spawn(Arc::clone(self).lead());
        }
        answered.await.unwrap_or_else(|_| Err(lost.because("the transaction's thread gave up")))
    }

    async fn lead(self: Arc<Self>) {
        while !self.group.is_over() {
            // Asked for anew each time: who writes alone has waited, too. Whoever comes meanwhile joins this group.
            let connection = self.writer("write to", "the database").await;
            let members = self.group.next();
            match connection {
                // Where the thread gives up, the members go with it, and their callers hear of that.
                Ok(connection) => drop(connection.interact(move |connection| carry_out(connection, members)).await),
                Err(error) => {
                    let failure = Failure { kind: error.kind, reason: error.chain() };
                    members.into_iter().for_each(|member| member.tell(Some(&failure)));
                }
            }
        }
    }
}

fn carry_out(connection: &mut Connection, mut members: Vec<Box<dyn Member>>) {
    members.retain(|member| !member.is_given_up());
    if members.is_empty() {
        return;
    }
    let failure = commit_all(connection, &mut members).err();
    let failure = failure.as_ref().map(Failure::of);
    members.into_iter().for_each(|member| member.tell(failure.as_ref()));
}

fn commit_all(connection: &mut Connection, members: &mut [Box<dyn Member>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let say = |statement: &str| transaction.prepare_cached(statement)?.execute([]).map(|_| ());
    for member in members {
        say("SAVEPOINT member")?;
        // After some errors, as of a full disk, SQLite has taken all of the transaction back: then the savepoint is not there.
        if !member.perform(&transaction) {
            say("ROLLBACK TO member")?;
        }
        say("RELEASE member")?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn count(file: &SqliteFile) -> u64 {
        let count = |connection: &Connection| connection.query_row("SELECT count(*) FROM noted", [], |row| row.get(0));
        file.read("count", String::new(), count).await.unwrap()
    }

    #[tokio::test]
    async fn each_change_is_whole_or_not_there_whatever_becomes_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(&folder.path().join("a.db"), 2, Duration::from_secs(5), true).unwrap();
        let create = |tx: &Transaction<'_>| tx.execute_batch("CREATE TABLE noted (number INTEGER PRIMARY KEY)").map(Outcome::Commit);
        file.write("create", String::new(), create).await.unwrap();
        let change = |number: u64| {
            file.write_together("note", number.to_string(), move |tx| {
                tx.execute("INSERT INTO noted VALUES (?1)", [number])?;
                match number % 10 {
                    0 => Ok(Outcome::Rollback(number)),
                    // The row is there already.
                    1 => tx.execute("INSERT INTO noted VALUES (?1)", [number]).map(|_| Outcome::Commit(number)),
                    _ => Ok(Outcome::Commit(number)),
                }
            })
        };
        let ended = futures_util::future::join_all((0..200).map(change)).await;
        for (number, ended) in (0..).zip(ended) {
            assert_eq!(ended.ok(), (number % 10 != 1).then_some(number));
        }
        assert_eq!(count(&file).await, 160);
    }

    #[tokio::test]
    async fn a_change_that_panics_takes_none_after_it_along() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(&folder.path().join("a.db"), 2, Duration::from_secs(5), true).unwrap();
        let panics = file.write_together("panic", String::new(), |_| -> rusqlite::Result<Outcome<()>> { panic!("as planned") }).await;
        assert!(panics.is_err());
        let create = |tx: &Transaction<'_>| tx.execute_batch("CREATE TABLE noted (number INTEGER)").map(Outcome::Commit);
        file.write_together("create", String::new(), create).await.unwrap();
        assert_eq!(count(&file).await, 0);
    }
}
