//! Readiness: whether this process takes requests. A store that is away never turns it red: one tenant's database would take every
//! replica out at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::error::AdminError;
use super::{Admin, json};
use crate::body::Body;
use crate::store::error::StoreResult;
use crate::tenants::Tenant;

/// A probe of readiness asks often and waits little.
const PATIENCE: Duration = Duration::from_secs(2);

/// The page needs no token, so however often it is asked for, the stores are asked no more often than this.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Tenants whose stores are asked; with more, their own metrics and views tell.
const ASKED: usize = 20;

#[derive(Serialize, JsonSchema)]
pub(super) struct Readiness {
    ready: bool,
    tenants: BTreeMap<String, StoreHealth>,
}

/// `ok`, or what is wrong in a word or two: the page needs no token.
#[derive(Serialize, JsonSchema)]
struct StoreHealth {
    sql: String,
    object: String,
}

/// The last answer, and when it was given.
#[derive(Default)]
pub struct LastLook(Mutex<Option<(Instant, Readiness)>>);

impl Admin {
    pub(super) async fn readiness(&self) -> Result<Response<Body>, AdminError> {
        if self.drain.is_cancelled() {
            return Ok(json(StatusCode::SERVICE_UNAVAILABLE, &Readiness { ready: false, tenants: BTreeMap::new() }));
        }
        let mut last = self.last_look.0.lock().await;
        if let Some((at, readiness)) = &*last
            && at.elapsed() < FRESH_FOR
        {
            return Ok(json(StatusCode::OK, readiness));
        }
        let readiness = self.look().await;
        let answer = json(StatusCode::OK, &readiness);
        *last = Some((Instant::now(), readiness));
        Ok(answer)
    }

    async fn look(&self) -> Readiness {
        let tenants = self.tenants.all();
        let looks = tenants.values().take(ASKED).map(|tenant| async { (tenant.id.to_string(), look_at(tenant).await) });
        Readiness { ready: true, tenants: join_all(looks).await.into_iter().collect() }
    }
}

async fn look_at(tenant: &Tenant) -> StoreHealth {
    // An object that nobody can have stored: a store that says so is there.
    let nothing = tenant.objects.mint();
    let (sql, object) = tokio::join!(health(tenant.sql.state()), health(tenant.objects.head(nothing.object())));
    StoreHealth { sql, object }
}

async fn health<T>(look: impl Future<Output = StoreResult<T>>) -> String {
    match timeout(PATIENCE, look).await {
        Ok(Ok(_)) => "ok".to_owned(),
        Ok(Err(error)) => error.kind.to_string(),
        Err(_) => "no answer in time".to_owned(),
    }
}
