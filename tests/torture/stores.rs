//! The stores under torture, by name: what a tenant's file says of them, and the customer's own programs beside the gateway.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::mssql::SqlServer;
use super::objects::Objects;
use super::script::ContentSpec;
use super::sqlite::Sqlite;

/// What a statement of another program leaves in the content column.
#[derive(Debug, Clone)]
pub enum Sql {
    Update(Bytes),
    Clear,
    Touch,
    Delete,
    Insert(Option<Bytes>),
    Replace(Option<Bytes>),
    Peek,
}

/// The content column of one row.
#[derive(Debug, Clone)]
pub enum Column {
    NoRow,
    Null,
    Bytes(Vec<u8>),
}

/// An object that a location or a version names, and what it has to be.
#[derive(Debug, Clone)]
pub struct Named {
    pub placement: String,
    pub object: String,
    pub length: u64,
    pub sha256: Vec<u8>,
}

/// One tenant's stores. Its methods block.
pub trait Stores: Send + Sync {
    /// `[sql]`, `[objects]` and `[collections.documents]` of the tenant's file, relative to the folder that has it.
    fn tenant_file(&self) -> String;

    /// The size of the parts in which longer content goes up; `None`: it goes in one go.
    fn part_bytes(&self) -> Option<u64>;

    /// One statement in one transaction; what the row was before it.
    fn statement(&self, document: u32, sql: &Sql) -> Column;

    /// Every object that a location or a version names.
    fn named(&self) -> Vec<Named>;

    /// From here on nothing of what the stores do to their callers by themselves happens any more.
    fn calm(&self);

    /// What they did to their callers, by kind.
    fn troubles(&self) -> Vec<(&'static str, u64)>;
}

/// What `SLUSS_TORTURE_STORES` can name.
pub async fn open(name: &str, folder: &Path, seed: u64) -> Arc<dyn Stores> {
    let halves = name.split_once('+').and_then(|(database, objects)| Some((database, Objects::named(objects)?)));
    match halves {
        Some(("sqlite", objects)) => Arc::new(Sqlite::create(folder, objects)),
        Some(("mssql", objects)) => Arc::new(SqlServer::create(seed, objects).await),
        Some(_) | None => panic!("no stores are called {name:?}: use sqlite or mssql, '+', and disk or s3"),
    }
}

impl ContentSpec {
    pub fn pattern(self) -> sluss::demo::pattern::Pattern {
        sluss::demo::pattern::Pattern { seed: u64::from(self.id), length: self.length }
    }

    pub fn bytes(self) -> Bytes {
        self.pattern().bytes(0, self.length)
    }
}
