//! Limits, pauses and read-only over the admin API. What is said here holds in this process before the answer goes out, and in the
//! others within a second (read-only: with their next look at a row). No change is without its audit entry.

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::parse;
use super::error::AdminError;
use super::views::TenantView;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::model::limits::{LimitScope, LimitsChange, WorkLimits};

/// What is set, for whom.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LimitsView {
    pub all: WorkLimits,
    /// Those for which something was set.
    pub tenants: BTreeMap<String, WorkLimits>,
}

/// What holds for one scope after a change.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScopeView {
    /// `None`: all tenants together.
    pub tenant: Option<String>,
    #[serde(flatten)]
    pub limits: WorkLimits,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReadOnlyWish {
    pub on: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReadOnlyView {
    pub tenant: String,
    pub read_only: bool,
}

impl Admin {
    pub(super) async fn list_limits(&self, operator: &Operator) -> Result<Response<Body>, AdminError> {
        let table = self.control.limits().await?;
        let reached = table.tenants.into_iter().filter(|(tenant, _)| operator.identity.reaches(tenant));
        let tenants = reached.map(|(tenant, limits)| (tenant.to_string(), limits)).collect();
        Ok(json(StatusCode::OK, &LimitsView { all: table.all, tenants }))
    }

    /// `tenant`: none for all together.
    pub(super) async fn set_limits(&self, operator: &Operator, tenant: Option<&str>, body: Body) -> Result<Response<Body>, AdminError> {
        let scope = self.scope(operator, tenant)?;
        let change: LimitsChange = parse(body).await?;
        if change.is_empty() {
            let names = "name some of documents_per_second, bytes_per_second and concurrency, with a number or null";
            return Err(AdminError::BadRequest(format!("nothing is to be changed: {names}")));
        }
        self.change_limits(operator, &scope, "limits", change).await
    }

    pub(super) async fn pause(&self, operator: &Operator, tenant: Option<&str>, paused: bool) -> Result<Response<Body>, AdminError> {
        let scope = self.scope(operator, tenant)?;
        self.change_limits(operator, &scope, if paused { "pause" } else { "resume" }, LimitsChange::pause(paused)).await
    }

    fn scope(&self, operator: &Operator, tenant: Option<&str>) -> Result<LimitScope, AdminError> {
        match tenant {
            Some(tenant) => Ok(LimitScope::Tenant(self.tenant(operator, tenant)?.id.clone())),
            None => operator.of_all_tenants().map(|()| LimitScope::All),
        }
    }

    async fn change_limits(
        &self,
        operator: &Operator,
        scope: &LimitScope,
        action: &str,
        change: LimitsChange,
    ) -> Result<Response<Body>, AdminError> {
        let by = operator.actor().record(action, scope.tenant(), String::new());
        let limits = self.control.change_limits(scope, change, by).await?;
        tracing::info!(event = "limited", "{action} of {scope}: now {limits}, asked for by {}", operator.identity.name);
        // Whoever works follows every second anyway.
        if let Err(error) = self.limits.look().await {
            tracing::warn!("the new limits are followed a little later: {}", error.chain());
        }
        Ok(json(StatusCode::OK, &ScopeView { tenant: scope.tenant().map(ToString::to_string), limits }))
    }

    pub(super) async fn set_read_only(&self, operator: &Operator, tenant: &str, body: Body) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let ReadOnlyWish { on } = parse(body).await?;
        let name = |on| if on { "on" } else { "off" };
        let before = tenant.sql.state().await?.read_only;
        // Before the change, as with a flip: none happens unseen.
        self.audit(operator, "read_only", Some(&tenant.id), format!("before: {}; after: {}", name(before), name(on))).await?;
        tenant.sql.set_read_only(on).await?;
        self.fleet.hurry(&tenant.id);
        tracing::info!(event = "read_only", tenant = %tenant.id, "read-only is {} for {}", name(on), tenant.id);
        Ok(json(StatusCode::OK, &ReadOnlyView { tenant: tenant.id.to_string(), read_only: on }))
    }

    /// Adds to each view what is set for it. A control database that is away is a problem of the view, not of the tenant's figures.
    pub(super) async fn tell_limits(&self, views: &mut [TenantView]) {
        match self.control.limits().await {
            Ok(table) => {
                for view in views {
                    view.limits = view.tenant.parse().map(|tenant| table.tenant(&tenant)).unwrap_or_default();
                    view.all_paused = table.all.paused;
                }
            }
            Err(error) => {
                for view in views.iter_mut().filter(|view| view.problem.is_none()) {
                    view.problem = Some(format!("the limits cannot be told: {}", error.chain()));
                }
            }
        }
    }
}
