//! Two customers with tables of their own shape, in one SQLite file.

#![allow(dead_code, reason = "each test target uses its own part of this module")]

use std::path::Path;

use rusqlite::{Connection, params};
use sluss::demo::pattern::Pattern;

pub struct Customer {
    pub tenant: &'static str,
    pub table: &'static str,
    pub id_column: &'static str,
    pub content_column: &'static str,
    pub create: &'static str,
    pub insert: &'static str,
    pub collections: &'static str,
}

pub const ACME: Customer = Customer {
    tenant: "acme",
    table: "documents",
    id_column: "id",
    content_column: "content",
    create: "CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT, media_type TEXT, file_name TEXT, modified_at TEXT, content BLOB)",
    insert: "INSERT INTO documents (id, media_type, file_name, modified_at, content) VALUES (CAST(?1 AS INTEGER), ?2, ?3, '2026-03-01 08:00:00', ?4)",
    collections: "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                  media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified_at\"\n",
};

pub const GLOBEX: Customer = Customer {
    tenant: "globex",
    table: "Filer",
    id_column: "Nyckel",
    content_column: "Data",
    create: "CREATE TABLE Filer (Nyckel TEXT PRIMARY KEY COLLATE NOCASE, Typ TEXT, Namn TEXT, Andrad INTEGER, Data BLOB)",
    insert: "INSERT INTO Filer (Nyckel, Typ, Namn, Andrad, Data) VALUES (?1, ?2, ?3, 1772352000, ?4)",
    collections: "[collections.documents]\ntable = \"Filer\"\nid = \"Nyckel\"\nid_type = \"text\"\ncontent = \"Data\"\n\
                  media_type = \"Typ\"\nfile_name = \"Namn\"\nmodified = \"Andrad\"\n",
};

impl Customer {
    pub fn insert(&self, database: &Connection, id: &str, media_type: &str, file_name: &str, content: Option<Pattern>) {
        let content = content.map(|pattern| pattern.bytes(0, pattern.length).to_vec());
        database.execute(self.insert, params![id, media_type, file_name, content]).unwrap();
    }

    /// The content column as another program of the customer's would read it.
    pub fn content(&self, database: &Connection, id: &str) -> Option<Vec<u8>> {
        let statement = format!("SELECT {} FROM {} WHERE {} = ?1", self.content_column, self.table, self.id_column);
        database.query_row(&statement, [id], |row| row.get(0)).unwrap()
    }

    pub fn ids(&self, database: &Connection) -> Vec<String> {
        let statement = format!("SELECT CAST({} AS TEXT) FROM {}", self.id_column, self.table);
        let mut statement = database.prepare(&statement).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

pub fn connect(file: &Path) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    connection
}
