//! A customer's table on SQL Server, one for each tenant in the same database.

use std::fmt::Write;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use sluss_tds::client::{Client, Found, Given, Login};

use super::Table;
use super::rows::row;
use crate::content::Contents;

/// SQL Server in place of SQLite files.
#[derive(Debug, Args)]
pub struct Wanted {
    /// Host and port of a SQL Server, in place of SQLite files.
    #[arg(long, value_name = "HOST:PORT", requires_all = ["database", "user", "password_file"])]
    pub sql_server: Option<String>,
    /// It must be there.
    #[arg(long)]
    pub database: Option<String>,
    /// May create tables in it.
    #[arg(long)]
    pub user: Option<String>,
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// Nothing is encrypted: for a server on this machine.
    #[arg(long)]
    pub unencrypted: bool,
}

impl Wanted {
    pub(super) fn login(&self) -> anyhow::Result<Option<Login>> {
        let Self { sql_server: Some(server), database: Some(database), user: Some(user), password_file: Some(password), unencrypted } =
            self
        else {
            return Ok(None);
        };
        let (host, port) = server.rsplit_once(':').context("--sql-server takes a host and a port, as in db.example:1433")?;
        let password = fs::read_to_string(password).with_context(|| format!("read {}", password.display()))?;
        Ok(Some(Login {
            host: host.to_owned(),
            port: port.parse().context("a port is a number")?,
            user: user.clone(),
            password: password.trim_end().to_owned(),
            database: database.clone(),
            encrypted: !unencrypted,
        }))
    }

    /// As a tenant's section `[sql]` has it.
    pub(super) fn section(&self) -> Option<String> {
        let Self { sql_server: Some(server), database: Some(database), user: Some(user), password_file: Some(password), unencrypted } =
            self
        else {
            return None;
        };
        let password = fs::canonicalize(password).unwrap_or_else(|_| password.clone());
        let encryption = if *unencrypted { "encryption = \"off\"" } else { "encryption = \"required\"\ntrust_server_certificate = true" };
        Some(format!(
            "[sql]\nserver = {server:?}\ndatabase = {database:?}\nuser = {user:?}\npassword = {{ file = {password:?} }}\n{encryption}\n"
        ))
    }
}

pub(super) fn table(tenant: &str) -> String {
    format!("documents_{tenant}")
}

pub(super) struct Documents {
    client: Client,
    table: String,
}

impl Documents {
    pub(super) fn open(login: Login, tenant: &str) -> anyhow::Result<Self> {
        let (client, table) = (Client::new(login), format!("dbo.{}", table(tenant)));
        let documents = Self { client, table };
        let table = &documents.table;
        documents.run(
            &format!(
                "IF OBJECT_ID('{table}') IS NULL CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, project nvarchar(100) NOT NULL, \
                 file_name nvarchar(260) NULL, media_type varchar(150) NULL, modified_at datetime2(3) NULL, rv rowversion NOT NULL, \
                 content varbinary(max) NULL)"
            ),
            &[],
        )?;
        Ok(documents)
    }

    fn run(&self, statement: &str, given: &[Given]) -> anyhow::Result<Vec<Vec<Found>>> {
        self.client.run(statement, given).map_err(|words| anyhow!("{}: {words}", statement.chars().take(200).collect::<String>()))
    }
}

impl Table for Documents {
    /// A statement has at most 2100 parameters.
    const BATCH: u64 = 200;
    const BATCH_BYTES: u64 = 4 << 20;

    fn reached(&mut self) -> anyhow::Result<u64> {
        let found = self.run(&format!("SELECT MAX(id) FROM {}", self.table), &[])?;
        match found.first().and_then(|row| row.first()) {
            Some(Found::Integer(id)) => Ok(u64::try_from(*id)?),
            Some(Found::Null) | None => Ok(0),
            Some(other) => bail!("the highest id is {other:?}"),
        }
    }

    fn insert(&mut self, contents: &Contents, tenant: usize, ids: RangeInclusive<u64>) -> anyhow::Result<u64> {
        let mut statement = format!("INSERT INTO {} (id, project, file_name, media_type, modified_at, content) VALUES ", self.table);
        let (mut given, mut bytes) = (Vec::new(), 0);
        for id in ids {
            let (content, row) = (contents.of(tenant, id, 0), row(id));
            let separator = if given.is_empty() { "" } else { ", " };
            let at = given.len();
            let [a, b, c, d, e, f] = std::array::from_fn(|number| at + number + 1);
            write!(statement, "{separator}(@P{a}, @P{b}, @P{c}, @P{d}, @P{e}, @P{f})")?;
            given.push(Given::Integer(i64::try_from(id)?));
            given.extend([row.project, row.file_name, row.media_type.to_owned(), row.modified_at].map(|text| Given::Text(Some(text))));
            given.push(Given::Bytes(Some(content.bytes(0, content.length))));
            bytes += content.length;
        }
        self.run(&statement, &given)?;
        Ok(bytes)
    }
}
