//! tiberius, which the product's command lane is built on, alone.

use anyhow::Context;
use bytes::Bytes;
use sluss_tds::client::Login;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::{EMPTY_SCRATCH, Lane};

pub struct Tiberius(Client<Compat<TcpStream>>);

impl Tiberius {
    pub async fn connect(login: &Login) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config.host(&login.host);
        config.port(login.port);
        config.database(&login.database);
        config.authentication(AuthMethod::sql_server(&login.user, &login.password));
        config.encryption(if login.encrypted { EncryptionLevel::Required } else { EncryptionLevel::NotSupported });
        config.trust_cert();
        let tcp = TcpStream::connect(config.get_addr()).await?;
        tcp.set_nodelay(true)?;
        Ok(Self(Client::connect(config, tcp.compat_write()).await?))
    }
}

impl Lane for Tiberius {
    const NAME: &'static str = "tiberius";
    const WRITES: bool = true;

    async fn read(&mut self, id: i32) -> anyhow::Result<u64> {
        let answer = self.0.query("SELECT content FROM dbo.documents WHERE id = @P1", &[&id]).await?;
        let row = answer.into_row().await?.context("there is no such row")?;
        let content: &[u8] = row.try_get(0)?.context("there is no content")?;
        Ok(content.len() as u64)
    }

    async fn write(&mut self, piece: Bytes, times: u64) -> anyhow::Result<()> {
        self.0.execute(EMPTY_SCRATCH, &[]).await?;
        for _ in 0..times {
            self.0.execute("UPDATE dbo.scratch SET content.WRITE(@P1, NULL, 0) WHERE id = 1", &[&piece.as_ref()]).await?;
        }
        Ok(())
    }
}
