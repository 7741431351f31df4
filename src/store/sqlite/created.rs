//! A database of one's own, made for a while. No customer's database is ever made here.

use std::path::Path;

use rusqlite::Connection;

use super::file::fault;
use crate::store::error::StoreResult;

/// Makes the file and what is in it. Blocks.
pub fn create(path: &Path, tables: &str) -> StoreResult<()> {
    let make = || {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(tables)
    };
    make().map_err(|error| fault("make", &path.display().to_string(), error))
}
