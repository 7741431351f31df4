//! Content out of SQL: one blob handle a read, in one snapshot. Reopening the handle for each portion would walk the value's
//! pages again from the start (measured: 96 s instead of 0.25 s for 0.9 GB).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use rusqlite::{Connection, MAIN_DB, OptionalExtension, TransactionBehavior, params};
use tokio::sync::mpsc;

use super::file::{SqliteFile, broken, fault};
use super::table::Table;
use crate::model::id::DocKey;
use crate::model::stamp::Revision;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::sql::SqlContentStream;

pub(super) struct Wanted {
    pub(super) table: Arc<Table>,
    pub(super) key: DocKey,
    pub(super) revision: Revision,
    pub(super) offset: u64,
    pub(super) portion: usize,
}

/// What the reading thread says first.
enum Opened {
    Yes,
    MovedOn,
}

type Portions = mpsc::Sender<rusqlite::Result<Bytes>>;

/// The snapshot holds for the whole stream, so it is of one revision however long it takes. It costs a thread and a
/// connection; a client too slow to deserve them is cut by the listener.
pub(super) async fn open(file: &Arc<SqliteFile>, wanted: Wanted) -> StoreResult<Option<SqlContentStream>> {
    let target = wanted.key.to_string();
    let connection = file.streamer("read content of", &target).await?;
    let (opened, is_open) = tokio::sync::oneshot::channel();
    // One portion waits while one is sent: with the one being read that is what a read holds.
    let (portions, received) = mpsc::channel(1);
    file.tasks().spawn(async move {
        let reading = connection.interact(move |connection| read(connection, &wanted, opened, &portions)).await;
        if let Err(error) = reading {
            tracing::error!("a thread that read content from sqlite died: {error}");
        }
    });
    match is_open.await {
        Ok(Ok(Opened::Yes)) => Ok(Some(Box::pin(stream::unfold((received, target), next)))),
        Ok(Ok(Opened::MovedOn)) => Ok(None),
        Ok(Err(error)) => Err(fault("read content of", &target, error)),
        Err(_) => Err(StoreError::new(super::STORE, "read content of", target, StoreErrorKind::Other).because("the reading thread died")),
    }
}

type Receiver = (mpsc::Receiver<rusqlite::Result<Bytes>>, String);

async fn next((mut received, target): Receiver) -> Option<(Result<Bytes, Interrupted>, Receiver)> {
    let portion = received.recv().await?.map_err(|error| Interrupted::Store(fault("read content of", &target, error)));
    Some((portion, (received, target)))
}

fn read(connection: &mut Connection, wanted: &Wanted, opened: tokio::sync::oneshot::Sender<rusqlite::Result<Opened>>, portions: &Portions) {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Deferred).and_then(|tx| {
        let rowid = rowid_of(&tx, wanted)?;
        Ok((tx, rowid))
    });
    let (tx, rowid) = match begun {
        Ok((tx, Some(rowid))) => (tx, rowid),
        Ok((_, None)) => return drop(opened.send(Ok(Opened::MovedOn))),
        Err(error) => return drop(opened.send(Err(error))),
    };
    if opened.send(Ok(Opened::Yes)).is_err() {
        return;
    }
    if let Err(error) = send_portions(&tx, wanted, rowid, portions) {
        // A reader that is gone needs no error.
        drop(portions.blocking_send(Err(error)));
    }
}

/// `None` when the row is gone or has another revision now.
fn rowid_of(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Option<i64>> {
    let Table { name, id, revision, .. } = &*wanted.table;
    let mine = wanted.table.mine("d.");
    let statement = format!("SELECT d.rowid FROM {name} d JOIN {revision} r ON r.id = d.{id} WHERE d.{id} = ?1 AND r.revision = ?2{mine}");
    connection.prepare_cached(&statement)?.query_row(params![wanted.key.id, wanted.revision.0], |row| row.get(0)).optional()
}

fn send_portions(connection: &Connection, wanted: &Wanted, rowid: i64, portions: &Portions) -> rusqlite::Result<()> {
    let table = &wanted.table;
    let blob = connection.blob_open(MAIN_DB, table.raw_name.as_str(), table.raw_content.as_str(), rowid, true)?;
    let mut at = usize::try_from(wanted.offset).map_err(|_| broken("an offset beyond what memory can name"))?;
    while at < blob.len() {
        let mut portion = vec![0; wanted.portion.clamp(1, blob.len() - at)];
        blob.read_at_exact(&mut portion, at)?;
        at += portion.len();
        if portions.blocking_send(Ok(portion.into())).is_err() {
            break;
        }
    }
    Ok(())
}
