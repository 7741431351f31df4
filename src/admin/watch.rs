//! What is watched, from this process's memory: who asks, every tenant and store, and a tenant's traffic of the last hour.

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::Query;
use super::error::AdminError;
use super::views::TenantView;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::config::{Rights, TenantScope};
use crate::model::id::TenantId;
use crate::watch::series::MOST_MINUTES;

/// Whom a token belongs to, and which process answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The token's name, as the audit has it.
    pub name: String,
    /// `*`: all.
    pub tenants: Vec<String>,
    pub rights: Vec<Right>,
    /// As the list of processes has it.
    pub process: String,
    pub version: String,
    pub auth: AuthKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    Read,
    Write,
    Admin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Everybody is let in.
    None,
    Tokens,
}

impl Admin {
    pub(super) fn show_me(&self, operator: &Operator) -> Response<Body> {
        let identity = &operator.identity;
        let Rights { read, write, admin } = identity.rights;
        let rights = [(Right::Read, read), (Right::Write, write), (Right::Admin, admin)];
        let me = Me {
            name: identity.name.clone(),
            tenants: match &identity.scope {
                TenantScope::All => vec!["*".to_owned()],
                TenantScope::Only(tenants) => tenants.iter().map(ToString::to_string).collect(),
            },
            rights: rights.into_iter().filter(|(_, has)| *has).map(|(right, _)| right).collect(),
            process: self.process.name.clone(),
            version: self.process.version.clone(),
            auth: if self.access.is_open() { AuthKind::None } else { AuthKind::Tokens },
        };
        json(StatusCode::OK, &me)
    }

    pub(super) fn show_fleet(&self, operator: &Operator) -> Response<Body> {
        json(StatusCode::OK, &self.fleet.view(|tenant| operator.identity.reaches(tenant)))
    }

    /// Adds to each view what only who watches knows.
    pub(super) fn tell_watched(&self, views: &mut [TenantView]) {
        let summaries = self.fleet.summaries();
        for view in views {
            let Some(summary) = view.tenant.parse().ok().and_then(|tenant: TenantId| summaries.get(&tenant)) else { continue };
            view.remaining_documents = summary.remaining_documents;
            view.remaining_bytes = summary.remaining_bytes;
            view.documents_per_second = summary.documents_per_second;
            view.bytes_per_second = summary.bytes_per_second;
            view.eta_seconds = summary.eta_seconds;
            view.problems.clone_from(&summary.problems);
        }
    }

    pub(super) fn show_series(&self, operator: &Operator, tenant: &str, query: &str) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let minutes = Query::parse(query)?.number("minutes")?.unwrap_or(MOST_MINUTES);
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(AdminError::BadRequest(format!("`minutes` is a number from 1 to {MOST_MINUTES}: no more is kept")));
        }
        Ok(json(StatusCode::OK, &self.series.view(&tenant.id, minutes)))
    }
}
