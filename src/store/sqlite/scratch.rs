//! A set of short names that may outgrow memory. It lies in a temporary file that SQLite makes, and removes, by itself.

use std::sync::{Arc, Mutex};

use rusqlite::{Connection, params};

use super::STORE;
use super::file::fault;
use crate::lock::lock;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};

/// What is in a set: an object's id, or the beginning of a hash.
pub type ScratchName = [u8; 16];

/// Held in memory, in KiB; SQLite spells that as a negative number.
const CACHE_SIZE: i64 = -8192;

#[derive(Clone)]
pub struct Scratch(Arc<Mutex<Connection>>);

impl Scratch {
    /// An empty one.
    pub fn new() -> StoreResult<Self> {
        let open = || {
            // An empty path: a file without a name, which goes with its connection.
            let connection = Connection::open("")?;
            connection.pragma_update(None, "journal_mode", "OFF")?;
            connection.pragma_update(None, "synchronous", "OFF")?;
            connection.pragma_update(None, "cache_size", CACHE_SIZE)?;
            connection.execute_batch("CREATE TABLE names (name BLOB PRIMARY KEY) WITHOUT ROWID")?;
            Ok(connection)
        };
        let connection = open().map_err(|error| fault("begin", "a temporary set", error))?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Answers of each whether it is new.
    pub async fn add(&self, names: Vec<ScratchName>) -> StoreResult<Vec<bool>> {
        self.each("INSERT OR IGNORE INTO names VALUES (?1)", names).await
    }

    /// Answers of each whether it was there.
    pub async fn remove(&self, names: Vec<ScratchName>) -> StoreResult<Vec<bool>> {
        self.each("DELETE FROM names WHERE name = ?1", names).await
    }

    /// Answers of each whether it is there.
    pub async fn holds(&self, names: Vec<ScratchName>) -> StoreResult<Vec<bool>> {
        self.on_a_thread(move |connection| {
            let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM names WHERE name = ?1)")?;
            names.iter().map(|name| statement.query_row([&name[..]], |row| row.get(0))).collect()
        })
        .await
    }

    pub async fn is_empty(&self) -> StoreResult<bool> {
        self.on_a_thread(|connection| connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM names)", [], |row| row.get(0))).await
    }

    /// Up to `limit` names behind `after`, in their order.
    pub async fn page(&self, after: Option<ScratchName>, limit: usize) -> StoreResult<Vec<ScratchName>> {
        self.on_a_thread(move |connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM names WHERE name > ?1 ORDER BY name LIMIT ?2")?;
            let after = after.map_or_else(Vec::new, |after| after.to_vec());
            statement.query_map(params![after, limit as u64], |row| row.get(0))?.collect()
        })
        .await
    }

    /// One transaction; answers of each whether the statement changed anything.
    async fn each(&self, statement: &'static str, names: Vec<ScratchName>) -> StoreResult<Vec<bool>> {
        self.on_a_thread(move |connection| {
            let transaction = connection.transaction()?;
            let changed = {
                let mut statement = transaction.prepare_cached(statement)?;
                names.iter().map(|name| Ok(statement.execute([&name[..]])? == 1)).collect::<rusqlite::Result<Vec<bool>>>()?
            };
            transaction.commit()?;
            Ok(changed)
        })
        .await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreResult<T> {
        let connection = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&mut lock(&connection))).await;
        let done = done.map_err(|error| StoreError::new(STORE, "use", "a temporary set", StoreErrorKind::Other).because(error))?;
        done.map_err(|error| fault("use", "a temporary set", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_in_it_once_and_leaves_once() {
        let set = Scratch::new().unwrap();
        let [one, two, three] = [[1; 16], [2; 16], [3; 16]];
        assert_eq!(set.add(vec![two, one, two]).await.unwrap(), [true, true, false]);
        assert_eq!(set.holds(vec![one, three]).await.unwrap(), [true, false]);
        assert_eq!(set.page(Some(one), 9).await.unwrap(), [two]);
        assert_eq!(set.remove(vec![one, three]).await.unwrap(), [true, false]);
        assert_eq!((set.page(None, 9).await.unwrap(), set.is_empty().await.unwrap()), (vec![two], false));
    }
}
