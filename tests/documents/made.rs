//! Tables whose ids the database makes, for what is asked of whole collections.

use rusqlite::Connection;
use serde_json::Value;
use sluss::model::phase::Phase;

use super::house::{House, Plan};
use super::support::customers::{ACME, Customer};
use super::wire::{Answer, Ask};

/// Documents with counted ids and names that are unique; contracts with UUIDs and marks; notes, in a table that tenants share, with texts of
/// more than one script for ids; papers, whose ids nobody makes; and rows, which the application inserts.
pub const MADE: Customer = Customer {
    create: "CREATE TABLE documents (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, media_type TEXT, file_name TEXT UNIQUE, modified_at TEXT, \
                 content BLOB); \
             CREATE TABLE contracts (id TEXT PRIMARY KEY NOT NULL DEFAULT (lower(printf('%s-%s-4%s-a%s-%s', hex(randomblob(4)), \
                 hex(randomblob(2)), substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))), gone TEXT, \
                 content BLOB NOT NULL); \
             CREATE TABLE notes (owner TEXT, id TEXT DEFAULT ('Å/文書 ' || lower(hex(randomblob(4)))), content BLOB, \
                 PRIMARY KEY (owner, id)); \
             CREATE TABLE papers (id TEXT PRIMARY KEY NOT NULL, content BLOB); \
             CREATE TABLE rows_there (id INTEGER PRIMARY KEY, content BLOB);",
    collections: "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                  media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified_at\"\ndefaults = { kind = \"new\" }\n\
                  [collections.contracts]\ntable = \"contracts\"\nid = \"id\"\nid_type = \"uuid\"\ncontent = \"content\"\n\
                  content_nullable = false\nsoft_delete = \"gone\"\ndelete = \"soft\"\n\
                  [collections.notes]\ntable = \"notes\"\nid = \"id\"\nid_type = \"text\"\ncontent = \"content\"\n\
                  tenant_column = \"owner\"\ntenant_value = \"acme\"\n\
                  [collections.papers]\ntable = \"papers\"\nid = \"id\"\nid_type = \"text\"\ncontent = \"content\"\n\
                  [collections.rows]\ntable = \"rows_there\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\ncreate = \"existing\"\n",
    ..ACME
};

/// In any phase; an operator would have to verify before the last one.
pub async fn house(phase: Phase) -> (House, Connection) {
    let begun = if phase == Phase::Sealed { Phase::Object } else { phase };
    let house = House::of(Plan { phase: begun, ..Plan::default() }, &MADE).await;
    let database = house.database(&MADE);
    database.execute("UPDATE sluss_state SET phase = ?1 WHERE tenant = 'acme'", [phase.label()]).unwrap();
    (house, database)
}

pub fn collection(name: &str) -> String {
    format!("/v1/tenants/acme/{name}")
}

pub fn post(name: &str, body: impl Into<Vec<u8>>) -> Ask {
    Ask { method: "POST", ..Ask::put(collection(name), body) }
}

/// The JSON of an answer that nobody may keep.
#[track_caller]
pub fn json(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("content-type"), answer.header("cache-control")), (200, "application/json", "no-store"));
    serde_json::from_slice(&answer.body).unwrap()
}

/// What a HEAD of it answers: the same without the body.
pub async fn assert_head_is_the_same(house: &House, path: &str) {
    let (get, head) = (house.get(path).await, house.ask(&Ask::new("HEAD", path)).await);
    assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")));
    assert_eq!((head.header("content-length"), head.body.len()), (get.body.len().to_string().as_str(), 0));
}
