//! The engine: a subset of T-SQL, interpreted over one SQLite file that many sessions share. It understands what Sluss's adapter and its
//! tests say, word for word in SQL Server's sense where that is cheap, and refuses everything else.
//!
//! A batch goes through `lexer` and `parse` to an `ast`; `run` walks it, has `emit` write each query in SQLite's words, and
//! takes the writing of rows, triggers and definitions into its own hands. `native` has the functions that SQLite lacks, `catalog`
//! the record of what was created, `lob` the long values.

mod ast;
mod catalog;
mod emit;
mod error;
mod kind;
mod lexer;
mod lob;
mod native;
mod parse;
mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::value::Session;
use lob::Lobs;

/// One database, in one SQLite file and a folder for its long values beside it.
pub struct Database {
    path: PathBuf,
    lobs: Arc<Lobs>,
    /// The highest row version that any session gave out: also one that was rolled back is never given again.
    version: AtomicI64,
    sessions: AtomicI64,
}

impl Database {
    /// Opens a database, or begins a new one.
    ///
    /// # Panics
    ///
    /// Where the file cannot be opened: a test cannot go on without it.
    pub fn open(path: &Path) -> Arc<Self> {
        let lobs = Lobs::beside(path).expect("a folder can be made beside the test's database");
        // Numbers of sessions begin where those of users do.
        let sessions = AtomicI64::new(51);
        let database = Arc::new(Self { path: path.to_owned(), lobs: Arc::new(lobs), version: AtomicI64::new(0), sessions });
        let session = run::Engine::new(&database).expect("the test's database can be opened");
        session.prepare_database().expect("the test's database can be written");
        database
    }

    /// A new connection's session.
    ///
    /// # Panics
    ///
    /// Where the file cannot be opened any more.
    pub fn session(self: &Arc<Self>) -> Box<dyn Session> {
        Box::new(run::Engine::new(self).expect("the test's database could be opened before"))
    }

    fn next_session(&self) -> i64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }
}
