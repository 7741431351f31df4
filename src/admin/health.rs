//! Readiness: whether this process takes requests. One tenant's database, or one store, never turns it red: it would take every
//! replica out at once.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Response, StatusCode};
use serde::Serialize;

use super::error::AdminError;
use super::{Admin, json};
use crate::body::Body;

/// A probe of readiness asks often and waits little.
const PATIENCE: Duration = Duration::from_secs(2);

/// Databases asked in one probe; with more tenants their own metrics and views tell.
const ASKED: usize = 20;

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// `ok`, or what is wrong, by tenant.
    sql: BTreeMap<String, String>,
}

impl Admin {
    pub(super) async fn readiness(&self) -> Result<Response<Body>, AdminError> {
        if self.drain.is_cancelled() {
            return Ok(json(StatusCode::SERVICE_UNAVAILABLE, &Readiness { ready: false, sql: BTreeMap::new() }));
        }
        let tenants = self.tenants.all();
        let asked = tenants.values().take(ASKED).map(|tenant| async move {
            let state = tokio::time::timeout(PATIENCE, tenant.sql.state()).await;
            let health = match state {
                Ok(Ok(_)) => "ok".to_owned(),
                // The kind only: this page needs no token.
                Ok(Err(error)) => error.kind.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            (tenant.id.to_string(), health)
        });
        let sql = futures_util::future::join_all(asked).await.into_iter().collect();
        Ok(json(StatusCode::OK, &Readiness { ready: true, sql }))
    }
}
