//! A database file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::objects::Objects;
use super::stores::{Column, Named, Sql, Stores};

pub struct Sqlite {
    file: PathBuf,
    objects: Objects,
}

impl Sqlite {
    pub fn create(folder: &Path, objects: Objects) -> Self {
        let stores = Self { file: folder.join("customer.db"), objects };
        let create =
            "CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT, media_type TEXT, file_name TEXT, modified_at TEXT, content BLOB)";
        let database = stores.connect();
        database.pragma_update(None, "journal_mode", "WAL").unwrap();
        database.execute_batch(create).unwrap();
        stores
    }

    fn connect(&self) -> Connection {
        let database = Connection::open(&self.file).unwrap();
        database.busy_timeout(Duration::from_secs(60)).unwrap();
        database
    }
}

impl Stores for Sqlite {
    fn tenant_file(&self) -> String {
        let objects = self.objects.section();
        format!(
            "[sql]\ndatabase = \"sqlite:../customer.db\"\n{objects}\
         [collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
         media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified_at\"\n"
        )
    }

    fn part_bytes(&self) -> Option<u64> {
        self.objects.part_bytes()
    }

    fn statement(&self, document: u32, sql: &Sql) -> Column {
        let mut database = self.connect();
        let tx = database.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let before: Option<Option<Vec<u8>>> =
            tx.query_row("SELECT content FROM documents WHERE id = ?1", [document], |row| row.get(0)).optional().unwrap();
        let blob = |content: &Option<bytes::Bytes>| content.as_ref().map(|bytes| bytes.to_vec());
        match sql {
            Sql::Update(content) => {
                tx.execute("UPDATE documents SET content = ?2 WHERE id = ?1", params![document, content.to_vec()]).unwrap()
            }
            Sql::Clear => tx.execute("UPDATE documents SET content = NULL WHERE id = ?1", [document]).unwrap(),
            Sql::Touch => tx.execute("UPDATE documents SET title = coalesce(title, '') || '.' WHERE id = ?1", [document]).unwrap(),
            Sql::Delete => tx.execute("DELETE FROM documents WHERE id = ?1", [document]).unwrap(),
            Sql::Insert(content) => {
                tx.execute("INSERT OR IGNORE INTO documents (id, content) VALUES (?1, ?2)", params![document, blob(content)]).unwrap()
            }
            Sql::Replace(content) => {
                tx.execute("INSERT OR REPLACE INTO documents (id, content) VALUES (?1, ?2)", params![document, blob(content)]).unwrap()
            }
            Sql::Peek => 0,
        };
        tx.commit().unwrap();
        match before {
            None => Column::NoRow,
            Some(None) => Column::Null,
            Some(Some(bytes)) => Column::Bytes(bytes),
        }
    }

    fn named(&self) -> Vec<Named> {
        let database = self.connect();
        let mut statement = database
            .prepare(
                "SELECT placement, object, length, sha256 FROM sluss_location_documents WHERE object IS NOT NULL \
                 UNION SELECT placement, object, length, sha256 FROM sluss_version WHERE object IS NOT NULL",
            )
            .unwrap();
        let named = statement
            .query_map([], |row| Ok(Named { placement: row.get(0)?, object: row.get(1)?, length: row.get(2)?, sha256: row.get(3)? }));
        named.unwrap().map(Result::unwrap).collect()
    }

    fn calm(&self) {}

    fn troubles(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}
