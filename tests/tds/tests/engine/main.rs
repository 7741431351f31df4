//! The engine by itself, without the wire: batches in, rows and errors out.

mod changes;
mod definitions;
mod expressions;
mod large;
mod samples;
mod sessions;
mod triggers;

use std::sync::Arc;

use sluss_tds::engine::Database;
use sluss_tds::value::{Outcome, Parameter, ServerError, Session, Type, Value};
use tempfile::TempDir;

/// A database with the tables of the samples, and one session.
pub struct Bench {
    pub database: Arc<Database>,
    pub session: Box<dyn Session>,
    folder: TempDir,
}

pub const TABLES: &str = "
CREATE TABLE [dbo].[Documents] ([Id] int IDENTITY(1,1) NOT NULL CONSTRAINT PK_Documents PRIMARY KEY CLUSTERED, [Name] nvarchar(200) NULL,
    [Content] varbinary(max) NULL, [Modified] datetime2(3) NOT NULL DEFAULT (SYSUTCDATETIME()), rv rowversion);
CREATE TABLE sluss.[state] (tenant varchar(63) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY, phase varchar(10) NOT NULL,
    epoch bigint NOT NULL DEFAULT (0), read_only tinyint NOT NULL DEFAULT 0 CHECK (read_only IN (0, 1)));
CREATE TABLE sluss.[location_documents] (id int NOT NULL PRIMARY KEY REFERENCES [dbo].[Documents] ([Id]) ON DELETE CASCADE ON UPDATE CASCADE,
    object varchar(100) COLLATE Latin1_General_100_BIN2 NULL, stamp varchar(50) NOT NULL, sha256 binary(32) NULL, revision binary(8) NULL,
    rv rowversion);
CREATE TABLE sluss.job (id bigint IDENTITY(1,1) NOT NULL PRIMARY KEY NONCLUSTERED, tenant varchar(63) NOT NULL, kind varchar(20) NOT NULL,
    document nvarchar(450) NOT NULL, state varchar(10) NOT NULL, priority int NOT NULL, due_at bigint NOT NULL, owner varchar(50) NULL,
    CONSTRAINT UQ_job UNIQUE (tenant, kind, document), CONSTRAINT CK_job_state CHECK (state IN ('ready', 'leased', 'dead')));
CREATE INDEX job_due ON sluss.job (tenant, state, priority DESC, due_at) INCLUDE (owner) WHERE state = 'ready';
CREATE TABLE sluss.staging (attempt uniqueidentifier NOT NULL PRIMARY KEY, bytes varbinary(max) NULL);
CREATE TABLE sluss.version (id bigint IDENTITY(1,1) PRIMARY KEY, tenant varchar(63) NOT NULL, document nvarchar(450) NOT NULL,
    object varchar(100) NULL, stamp varchar(50) NOT NULL, held_to bigint NOT NULL);
";

impl Bench {
    pub fn empty() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let database = Database::open(&folder.path().join("tds.db"));
        let session = database.session();
        Self { database, session, folder }
    }

    pub fn with_tables() -> Self {
        let mut bench = Self::empty();
        bench.run("IF SCHEMA_ID('sluss') IS NULL EXEC('CREATE SCHEMA sluss')");
        bench.run(TABLES);
        bench
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    #[track_caller]
    pub fn run(&mut self, batch: &str) -> Vec<Outcome> {
        self.run_with(batch, &[])
    }

    #[track_caller]
    pub fn run_with(&mut self, batch: &str, parameters: &[Parameter]) -> Vec<Outcome> {
        match self.session.execute(batch, parameters) {
            (outcomes, None) => outcomes,
            (_, Some(failure)) => panic!("{failure}\nin {batch}"),
        }
    }

    /// The rows of the only result set.
    #[track_caller]
    pub fn rows(&mut self, batch: &str) -> Vec<Vec<Value>> {
        self.rows_with(batch, &[])
    }

    #[track_caller]
    pub fn rows_with(&mut self, batch: &str, parameters: &[Parameter]) -> Vec<Vec<Value>> {
        let outcomes = self.run_with(batch, parameters);
        let mut sets = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Rows { rows, .. } => Some(rows),
            Outcome::Done(_) => None,
        });
        let rows = sets.next().expect("a result set");
        assert!(sets.next().is_none(), "one result set of {batch}");
        rows
    }

    /// The only value of the only row.
    #[track_caller]
    pub fn value(&mut self, batch: &str) -> Value {
        let rows = self.rows(batch);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{batch}: {rows:?}");
        rows[0][0].clone()
    }

    #[track_caller]
    pub fn fails(&mut self, batch: &str) -> ServerError {
        let (_, failure) = self.session.execute(batch, &[]);
        failure.unwrap_or_else(|| panic!("{batch} succeeded"))
    }
}

pub fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub fn bytes(value: impl Into<Vec<u8>>) -> Value {
    Value::Bytes(value.into().into())
}

/// As a driver sends them: every text as nvarchar.
pub fn parameters(values: &[Value]) -> Vec<Parameter> {
    let named = values.iter().zip(1..);
    named
        .map(|(value, at)| {
            let kind = match value {
                Value::Bit(_) => Type::Bit,
                Value::Null | Value::Int(_) => Type::BigInt,
                Value::Float(_) => Type::Float,
                Value::Text(_) => Type::NVarChar(Some(4000)),
                Value::Bytes(_) => Type::VarBinary(None),
                Value::Guid(_) => Type::UniqueIdentifier,
            };
            Parameter { name: format!("@P{at}"), kind, value: value.clone() }
        })
        .collect()
}
