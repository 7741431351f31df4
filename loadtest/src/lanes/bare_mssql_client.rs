//! mssql-client, which the product's read lane is built on, alone: with its answer in memory, and with its stream of one value.

use anyhow::{Context, bail};
use bytes::Bytes;
use mssql_client::{Client, Config, Credentials, Ready, SqlValue};
use sluss_tds::client::Login;

use super::{EMPTY_SCRATCH, Lane};

pub struct Query(Client<Ready>);

pub struct QueryStreamBlob(Client<Ready>);

impl Query {
    pub async fn connect(login: &Login) -> anyhow::Result<Self> {
        Ok(Self(Client::connect(config(login)).await?))
    }
}

impl QueryStreamBlob {
    pub async fn connect(login: &Login) -> anyhow::Result<Self> {
        Ok(Self(Client::connect(config(login)).await?))
    }
}

fn config(login: &Login) -> Config {
    let config = Config::new()
        .host(&login.host)
        .port(login.port)
        .database(&login.database)
        .credentials(Credentials::sql_server(login.user.clone(), login.password.clone()))
        .trust_server_certificate(true);
    if login.encrypted { config.encrypt(true) } else { config.no_tls(true) }
}

impl Lane for Query {
    const NAME: &'static str = "mssql-client query, execute";
    const WRITES: bool = true;

    async fn read(&mut self, id: i32) -> anyhow::Result<u64> {
        let answer = self.0.query("SELECT content FROM dbo.documents WHERE id = @p1", &[&id]).await?;
        let rows = answer.collect_all().await?;
        match rows.first().context("there is no such row")?.get_raw(0) {
            Some(SqlValue::Binary(content)) => Ok(content.len() as u64),
            other => bail!("{other:?} is no content"),
        }
    }

    async fn write(&mut self, piece: Bytes, times: u64) -> anyhow::Result<()> {
        self.0.execute(EMPTY_SCRATCH, &[]).await?;
        for _ in 0..times {
            self.0.execute("UPDATE dbo.scratch SET content.WRITE(@p1, NULL, 0) WHERE id = 1", &[&piece.as_ref()]).await?;
        }
        Ok(())
    }
}

impl Lane for QueryStreamBlob {
    const NAME: &'static str = "mssql-client query_stream_blob";
    const WRITES: bool = false;

    async fn read(&mut self, id: i32) -> anyhow::Result<u64> {
        // Without parameters: behind a batch that has some, this stream would wait for an end that it does not recognise.
        let statement = format!("SELECT content FROM dbo.documents WHERE id = {id}");
        let mut answer = self.0.query_stream_blob(&statement, &[]).await?;
        answer.next().await?.context("there is no such row")?;
        let mut length = 0;
        while let Some(piece) = answer.read_chunk().await? {
            length += piece.len() as u64;
        }
        match answer.next().await? {
            None => Ok(length),
            Some(_) => bail!("there are two such rows"),
        }
    }

    async fn write(&mut self, _: Bytes, _: u64) -> anyhow::Result<()> {
        bail!("a stream of answers writes nothing")
    }
}
