//! A customer's database file.

use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::Context;
use rusqlite::{Connection, params};

use super::Table;
use super::rows::row;
use crate::content::Contents;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, project TEXT NOT NULL, file_name TEXT, \
                      media_type TEXT, modified_at TEXT, content BLOB)";

const INSERT: &str = "INSERT INTO documents (id, project, file_name, media_type, modified_at, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(super) struct Documents {
    connection: Connection,
    content: Vec<u8>,
}

impl Documents {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path).with_context(|| format!("open {}", path.display()))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A run that was killed goes on after its last whole batch; a machine that lost power begins again.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.execute_batch(CREATE)?;
        Ok(Self { connection, content: Vec::new() })
    }
}

impl Table for Documents {
    const BATCH: u64 = 20_000;
    const BATCH_BYTES: u64 = 32 << 20;

    fn reached(&mut self) -> anyhow::Result<u64> {
        Ok(self.connection.query_row("SELECT coalesce(max(id), 0) FROM documents", [], |row| row.get(0))?)
    }

    fn insert(&mut self, contents: &Contents, tenant: usize, ids: RangeInclusive<u64>) -> anyhow::Result<u64> {
        let mut bytes = 0;
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for id in ids {
                let content = contents.of(tenant, id, 0);
                self.content.resize(usize::try_from(content.length)?, 0);
                content.fill(0, &mut self.content);
                let row = row(id);
                insert.execute(params![id, row.project, row.file_name, row.media_type, row.modified_at, self.content])?;
                bytes += content.length;
            }
        }
        transaction.commit()?;
        Ok(bytes)
    }
}
