//! Content into SQL in pieces: one row an attempt, under the attempt's own name, invisible until a commit moves it by one server-side UPDATE.

use async_trait::async_trait;
use bytes::Bytes;

use super::rows::signed;
use super::statements;
use super::tenant::SqlServerTenant;
use crate::model::content::Fingerprint;
use crate::model::id::Attempt;
use crate::model::stamp::Epoch;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::sql::{Staged, Staging};

struct SqlServerStaging {
    tenant: SqlServerTenant,
    attempt: Attempt,
    so_far: u64,
}

pub(super) async fn begin(tenant: &SqlServerTenant, epoch: Epoch) -> StoreResult<Box<dyn Staging>> {
    let attempt = Attempt::fresh();
    let batch =
        tenant.timed(statements::STAGE).with("attempt", "varchar(36)", attempt.to_string()).with("epoch", "bigint", signed(epoch.0));
    tenant.run(&batch).await.map_err(|fault| fault.at("stage", attempt))?;
    Ok(Box::new(SqlServerStaging { tenant: tenant.clone(), attempt, so_far: 0 }))
}

impl SqlServerStaging {
    fn one(&self, operation: &'static str, changed: u64) -> StoreResult<()> {
        if changed == 1 {
            return Ok(());
        }
        let error = StoreError::new(super::STORE, operation, self.attempt, StoreErrorKind::Other);
        Err(error.because("the attempt was given up: it went untouched for too long, or a piece of it came twice"))
    }
}

#[async_trait]
impl Staging for SqlServerStaging {
    async fn append(&mut self, piece: Bytes) -> StoreResult<()> {
        let batch = self
            .tenant
            .timed(statements::STAGE_PIECE)
            .with("attempt", "varchar(36)", self.attempt.to_string())
            .with("so_far", "bigint", signed(self.so_far))
            .with("piece", "varbinary(max)", piece.clone());
        let changed = self.tenant.number(&batch).await.map_err(|fault| fault.at("append to", self.attempt))?;
        self.one("append to", changed)?;
        self.so_far += piece.len() as u64;
        Ok(())
    }

    async fn finish(self: Box<Self>, content: Fingerprint) -> StoreResult<Staged> {
        let batch = self
            .tenant
            .timed(statements::STAGE_FINISH)
            .with("attempt", "varchar(36)", self.attempt.to_string())
            .with("length", "bigint", signed(content.length_bytes))
            .with("sha256", "binary(32)", Bytes::copy_from_slice(&content.sha256.0));
        let changed = self.tenant.number(&batch).await.map_err(|fault| fault.at("finish", self.attempt))?;
        self.one("finish", changed)?;
        Ok(Staged { attempt: self.attempt, content })
    }

    async fn abandon(self: Box<Self>) -> StoreResult<()> {
        let batch = self.tenant.batch(statements::DROP_STAGED).with("attempt", "varchar(36)", self.attempt.to_string());
        self.tenant.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("abandon", self.attempt))
    }
}
