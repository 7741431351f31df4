//! The product's two lanes, by the calls that the gateway makes.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::TryStreamExt;
use sluss::config::{CollectionConfig, Encryption, SecretSource, SqlServerConfig, Trust};
use sluss::demo::pattern::Pattern;
use sluss::model::content::ContentHasher;
use sluss::model::id::{DocId, DocKey, IdKind};
use sluss::model::phase::Phase;
use sluss::model::precondition::Precondition;
use sluss::store::mssql::{self, ConnectionLimit, SqlServerTenant};
use sluss::store::settings::{PlacementSettings, TenantSettings};
use sluss::store::sql::{Change, Commit, NewAttributes, NewContent, SqlStore, Staged};

use super::{LARGE, LARGE_ID, Lane, PIECE, SMALL, SMALL_BYTES};
use crate::sql_server::SqlServer;

/// What the gateway asks for at once while few transfers are under way.
const PORTION: usize = PIECE as usize;

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Product {
    tenant: SqlServerTenant,
    settings: TenantSettings,
}

impl Product {
    /// Adds Sluss's own tables beside the customer's.
    pub async fn new(server: &SqlServer) -> anyhow::Result<Self> {
        let sql = mssql::SqlServer::new(&config(server), &ConnectionLimit::new(8))?;
        let collection = CollectionConfig::plain("documents".parse()?, "documents", "id", IdKind::Integer, "content");
        let settings = TenantSettings {
            id: "acme".parse()?,
            initial_phase: Phase::Sql,
            mirror: false,
            history: true,
            collections: vec![CollectionConfig { revision_column: Some("rv".to_owned()), ..collection }],
            placements: vec![PlacementSettings { name: "local".parse()?, description: String::new() }],
        };
        mssql::init(&sql, &settings).await?;
        Ok(Self { tenant: SqlServerTenant::new(sql, &settings, None), settings })
    }

    /// The documents that everybody reads.
    pub async fn fill(&self) -> anyhow::Result<()> {
        self.store(LARGE_ID, LARGE).await?;
        for id in LARGE_ID + 1..=LARGE_ID + SMALL {
            self.store(id, Pattern { seed: id.unsigned_abs().into(), length: SMALL_BYTES }).await?;
        }
        Ok(())
    }

    async fn store(&self, id: i32, document: Pattern) -> anyhow::Result<()> {
        let epoch = self.tenant.state().await?.epoch;
        let mut staging = self.tenant.stage(epoch).await?;
        let mut hasher = ContentHasher::default();
        for offset in (0..document.length).step_by(PORTION) {
            let piece = document.bytes(offset, PIECE.min(document.length - offset));
            hasher.update(&piece);
            staging.append(piece).await?;
        }
        let staged: Staged = staging.finish(hasher.finish()).await?;
        let change = Change::Store {
            content: NewContent::Staged(staged),
            attributes: NewAttributes::default(),
            precondition: Precondition::default(),
        };
        let commit = self.tenant.commit(&self.key(id), epoch, change).await?;
        ensure!(matches!(commit, Commit::Done(_)), "document {id} was not stored: {commit:?}");
        Ok(())
    }

    fn key(&self, id: i32) -> DocKey {
        let collection = self.settings.collections[0].name.clone();
        DocKey { tenant: self.settings.id.clone(), collection, id: DocId::Integer(id.into()) }
    }
}

fn config(server: &SqlServer) -> SqlServerConfig {
    let login = &server.login;
    SqlServerConfig {
        host: login.host.clone(),
        port: login.port,
        database: login.database.clone(),
        user: login.user.clone(),
        password: SecretSource::File(server.password_file()),
        encryption: if login.encrypted { Encryption::Required } else { Encryption::Off },
        trust: Trust::Anyone,
        connections: 4,
        wait_timeout: PATIENCE,
        connect_timeout: PATIENCE,
        login_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        lock_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        multi_subnet_failover: false,
    }
}

impl Lane for Product {
    const NAME: &'static str = "sluss: row, open, stage and append";
    const WRITES: bool = true;

    /// As a GET does: the content rides along with the look-up, or comes in windows after it.
    async fn read(&mut self, id: i32) -> anyhow::Result<u64> {
        let key = self.key(id);
        let row = self.tenant.row(&key).await?;
        if let Some(content) = row.inline {
            return Ok(content.len() as u64);
        }
        let revision = row.document.context("there is no such document")?.revision;
        let content = self.tenant.open(&key, revision, 0, PORTION).await?.context("somebody else writes")?;
        Ok(content.try_fold(0, async |length, piece| Ok(length + piece.len() as u64)).await?)
    }

    /// As a PUT does, up to its last transaction.
    async fn write(&mut self, piece: Bytes, times: u64) -> anyhow::Result<()> {
        let epoch = self.tenant.state().await?.epoch;
        let mut staging = self.tenant.stage(epoch).await?;
        for _ in 0..times {
            staging.append(piece.clone()).await?;
        }
        Ok(staging.abandon().await?)
    }
}
