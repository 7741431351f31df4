//! Where the table is played: a customer in a file with its objects on a disk, or one on SQL Server with its objects in a bucket. No agent
//! works while it is played, so every document stays in its state.

use std::cell::RefCell;

use futures_util::{StreamExt, stream};
use rusqlite::{Connection, params};
use sluss::model::phase::Phase;
use sluss_s3::Bucket;
use sluss_tds::client::{Client, Given};
use sluss_tds::ground::Ground;

use super::AT_ONCE;
use super::cases::State;
use crate::house::{House, Plan, content, document};
use crate::support::customers::{ACME, connect};
use crate::wire::{Answer, Ask, Wire};

/// Of every document of the table. Its file name is `a.txt`.
pub const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// Some documents are read from SQL with the look-up.
const LENGTH: u64 = 3000;

#[derive(Debug, Clone)]
pub struct Doc {
    pub path: String,
    pub state: State,
    pub content: Vec<u8>,
    /// Of no content where there is none.
    pub etag: String,
    id: usize,
}

/// The customer's own access.
enum Database {
    File(Connection),
    Server(Client),
}

pub struct Stage {
    house: House,
    database: Database,
    /// Connections that nobody uses at the moment.
    idle: RefCell<Vec<Wire>>,
}

const IN_FILE: &str =
    "CREATE TABLE documents (id INTEGER PRIMARY KEY, media_type TEXT, file_name TEXT, modified TEXT, gone BOOLEAN, content BLOB)";

const ON_SERVER: &str = "CREATE TABLE dbo.documents (id bigint NOT NULL PRIMARY KEY, media_type nvarchar(200) NULL, file_name nvarchar(400) NULL, \
                         modified datetime2(0) NULL, gone bit NULL, rv rowversion NOT NULL, content varbinary(max) NULL)";

const COLLECTION: &str = "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                          media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified\"\n\
                          soft_delete = \"gone\"\ndelete = \"soft\"\ncreate = \"insert\"\n";

impl Stage {
    pub async fn on_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("acme.db");
        let database = connect(&file);
        database.execute_batch(IN_FILE).unwrap();
        let sections = format!("[sql]\ndatabase = \"sqlite:../acme.db\"\n{COLLECTION}[objects]\ndisk = \"../objects\"\n");
        Self::open(folder, &sections, Database::File(database)).await
    }

    pub async fn on_servers(ground: &Ground, bucket: &Bucket) -> Self {
        let client = ground.client();
        client.run(ON_SERVER, &[]).unwrap();
        let sections = format!("{}{COLLECTION}revision = \"rv\"\n{}", ground.sql_section(), bucket.objects_section());
        Self::open(tempfile::tempdir().unwrap(), &sections, Database::Server(client)).await
    }

    async fn open(folder: tempfile::TempDir, sections: &str, database: Database) -> Self {
        let plan = Plan { phase: Phase::Shadow, ..Plan::default() };
        Self { house: House::alone(folder, plan, sections).await, database, idle: RefCell::default() }
    }

    pub async fn close(self) {
        drop(self.idle);
        self.house.close().await;
    }

    /// Without the guards of a flip, which ask for what the table has not: documents in every state stay as they are.
    pub fn set_phase(&self, phase: Phase) {
        match &self.database {
            Database::File(_) => self.run(&format!("UPDATE sluss_state SET phase = '{phase}' WHERE tenant = 'acme'")),
            Database::Server(_) => self.run(&format!("UPDATE sluss.state SET phase = '{phase}' WHERE tenant = 'acme'")),
        }
    }

    fn run(&self, statement: &str) {
        match &self.database {
            Database::File(connection) => drop(connection.execute(statement, []).unwrap()),
            Database::Server(client) => drop(client.run(statement, &[]).unwrap()),
        }
    }

    fn insert(&self, ids: &[usize], content: Option<&[u8]>, gone: u8) {
        for ids in ids.chunks(50) {
            let parameter = match &self.database {
                Database::File(_) => "?1",
                Database::Server(_) => "@P1",
            };
            let row = |id: &usize| format!("({id}, '{MEDIA_TYPE}', 'a.txt', '2026-03-01 08:00:00', {gone}, {parameter})");
            let rows = ids.iter().map(row).collect::<Vec<_>>().join(", ");
            let statement = format!("INSERT INTO documents (id, media_type, file_name, modified, gone, content) VALUES {rows}");
            match &self.database {
                Database::File(connection) => drop(connection.execute(&statement, params![content]).unwrap()),
                Database::Server(client) => drop(client.run(&statement, &[Given::Bytes(content.map(<[u8]>::to_vec))]).unwrap()),
            }
        }
    }

    /// A document for each of these, in that state, last changed at the table's hour.
    pub async fn plant(&self, states: &[State]) -> Vec<Doc> {
        let doc = |(number, state): (usize, &State)| Doc {
            path: document(&ACME, &(number + 1).to_string()),
            state: *state,
            content: if *state == State::Empty { Vec::new() } else { content(7, LENGTH) },
            etag: "\"r-1-1\"".to_owned(),
            id: number + 1,
        };
        let docs: Vec<Doc> = states.iter().enumerate().map(doc).collect();
        let ids = |state: State| docs.iter().filter(|doc| doc.state == state).map(|doc| doc.id).collect::<Vec<_>>();
        let bytes = content(7, LENGTH);
        // What agents are to copy is there before the others.
        self.insert(&ids(State::Both), Some(&bytes), 0);
        self.house.sweep(&ACME).await;
        self.house.settle(&ACME).await;
        self.house.pause(&ACME).await;
        self.set_phase(Phase::Object);
        let sole: Vec<&Doc> = docs.iter().filter(|doc| doc.state == State::Sole).collect();
        let put = |doc: &Doc| {
            let ask = Ask::put(&doc.path, bytes.clone()).with("Content-Type", MEDIA_TYPE);
            ask.with("Content-Disposition", "attachment; filename=a.txt")
        };
        stream::iter(sole).for_each_concurrent(AT_ONCE, async |doc| assert_eq!(self.ask(&put(doc)).await.status, 201)).await;
        // Nothing else is there that was changed after the table's hour.
        self.run("UPDATE documents SET modified = '2026-03-01 08:00:00' WHERE modified > '2026-03-01 08:00:00'");
        self.insert(&ids(State::Sql), Some(&bytes), 0);
        self.insert(&ids(State::SoftDeleted), Some(&bytes), 1);
        self.insert(&ids(State::Empty), Some(b""), 0);
        self.insert(&ids(State::NoContent), None, 0);
        stream::iter(docs).map(async |doc| self.tagged(doc).await).buffered(AT_ONCE).collect().await
    }

    async fn tagged(&self, doc: Doc) -> Doc {
        if !doc.state.has_content() {
            return doc;
        }
        let answer = self.ask(&Ask::new("HEAD", &doc.path)).await;
        assert_eq!(answer.status, 200, "{doc:?}: {answer:?}");
        Doc { etag: answer.header("etag").to_owned(), ..doc }
    }

    pub async fn ask(&self, ask: &Ask) -> Answer {
        let idle = self.idle.borrow_mut().pop();
        let mut wire = match idle {
            Some(wire) => wire,
            None => Wire::open(self.house.documents).await,
        };
        let answer = wire.ask(ask).await;
        if answer.header("connection") != "close" {
            self.idle.borrow_mut().push(wire);
        }
        answer
    }
}
