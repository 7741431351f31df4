//! Purges over the admin API: begins one where nothing speaks against it, and tells how far it is. The agents do the work.

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::parse;
use super::error::AdminError;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::model::purge::{PurgeRun, blockers};

/// What is asked for. Nothing leaves SQL unless the wish says so.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PurgeWish {
    #[serde(default = "yes")]
    pub dry_run: bool,
}

fn yes() -> bool {
    true
}

/// Every reason against it, or none: then it has begun.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PurgeAnswer {
    pub tenant: String,
    pub dry_run: bool,
    pub outcome: PurgeOutcome,
    pub blockers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurgeOutcome {
    Begun,
    Blocked,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PurgeList {
    pub tenant: String,
    pub runs: Vec<PurgeRun>,
}

impl Admin {
    pub(super) async fn purge(&self, operator: &Operator, tenant: &str, body: Body) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let PurgeWish { dry_run } = parse(body).await?;
        let (state, runs) = (tenant.sql.state().await?, tenant.sql.purges().await?);
        let collections: Vec<&str> = tenant.config.collections.iter().map(|collection| collection.name.as_str()).collect();
        let blockers = blockers(state.phase, tenant.config.oldest_sql_backup.is_some(), &collections, &runs, dry_run);
        let what = if dry_run { "a dry run" } else { "content leaves sql" };
        let answer = |outcome, blockers| PurgeAnswer { tenant: tenant.id.to_string(), dry_run, outcome, blockers };
        if !blockers.is_empty() {
            self.audit(operator, "purge.refused", Some(&tenant.id), format!("{what}: {}", blockers.join("; "))).await?;
            return Ok(json(StatusCode::CONFLICT, &answer(PurgeOutcome::Blocked, blockers)));
        }
        self.audit(operator, "purge", Some(&tenant.id), what.to_owned()).await?;
        tenant.sql.begin_purge(dry_run).await?;
        tenant.work.notify_one();
        self.fleet.hurry(&tenant.id);
        Ok(json(StatusCode::ACCEPTED, &answer(PurgeOutcome::Begun, blockers)))
    }

    pub(super) async fn list_purges(&self, operator: &Operator, tenant: &str) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let runs = tenant.sql.purges().await?;
        Ok(json(StatusCode::OK, &PurgeList { tenant: tenant.id.to_string(), runs }))
    }
}
