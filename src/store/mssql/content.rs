//! Content out of SQL in windows: each is one statement with the revision in its WHERE, read whole before anybody gets a byte of it. So a slow
//! reader holds no statement, no lock and no connection, and a revision that has moved on is noticed at the next window.

use bytes::Bytes;
use futures_util::stream;

use super::batch::Batch;
use super::edit::with_id;
use super::fault::Fault;
use super::rows::signed;
use super::statements;
use super::tenant::SqlServerTenant;
use crate::model::id::DocKey;
use crate::model::stamp::Revision;
use crate::store::error::{Interrupted, StoreResult};
use crate::store::sql::{SqlContentStream, SqlStore};

/// A reader between two windows.
struct Reader {
    tenant: SqlServerTenant,
    key: DocKey,
    revision: Revision,
    offset: u64,
    portion: usize,
    /// A window that was read before anybody asked for it.
    first: Option<Bytes>,
    ended: bool,
}

/// What stands at the reader's place.
enum Window {
    Bytes(Bytes),
    End,
    MovedOn,
}

pub(super) async fn open(
    tenant: &SqlServerTenant,
    key: &DocKey,
    revision: Revision,
    offset: u64,
    portion: usize,
) -> StoreResult<Option<SqlContentStream>> {
    let tenant = tenant.clone();
    let mut reader = Reader { tenant, key: key.clone(), revision, offset, portion: portion.max(1), first: None, ended: false };
    match reader.window().await? {
        Window::MovedOn => return Ok(None),
        Window::End => reader.ended = true,
        Window::Bytes(bytes) => reader.first = Some(bytes),
    }
    Ok(Some(Box::pin(stream::try_unfold(reader, next))))
}

async fn next(mut reader: Reader) -> Result<Option<(Bytes, Reader)>, Interrupted> {
    let window = match reader.first.take() {
        Some(bytes) => Window::Bytes(bytes),
        None if reader.ended => Window::End,
        None => reader.window().await?,
    };
    match window {
        Window::End => Ok(None),
        Window::MovedOn => Err(Interrupted::Moved),
        Window::Bytes(bytes) => {
            reader.offset += bytes.len() as u64;
            // A window that is not full is the last one.
            reader.ended = bytes.len() < reader.portion;
            Ok(Some((bytes, reader)))
        }
    }
}

impl Reader {
    async fn window(&self) -> StoreResult<Window> {
        match self.read().await? {
            Some(bytes) if !bytes.is_empty() => Ok(Window::Bytes(bytes)),
            Some(_) | None => self.end_or_moved_on().await,
        }
    }

    async fn read(&self) -> StoreResult<Option<Bytes>> {
        let table = self.tenant.table(&self.key.collection).await?;
        let batch = Batch::new(table.fill(statements::WINDOW, &[]))
            .with("revision", "bigint", signed(self.revision.0))
            .with("offset", "bigint", signed(self.offset))
            .with("length", "bigint", self.portion as i64);
        let batch = with_id(batch, "asked", &table, Some(&self.key.id));
        let window = self.tenant.server.window(&batch, self.portion).await;
        window.map_err(|fault: Fault| fault.at("read content of", &self.key))
    }

    /// Nothing came: the content ends here, or the row is another one now.
    async fn end_or_moved_on(&self) -> StoreResult<Window> {
        let row = self.tenant.row(&self.key).await?;
        let still = row.document.is_some_and(|document| document.revision == self.revision);
        Ok(if still { Window::End } else { Window::MovedOn })
    }
}
