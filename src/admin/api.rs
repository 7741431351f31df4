//! `/admin/v1`: each handler checks what it is told, acts, and leaves an audit entry where it changed something.

use std::fmt::Display;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::AdminError;
use super::views::{Counted, TenantList};
use super::{Admin, Operator, json, show};
use crate::body::{self, Body, ReadError};
use crate::migrate::cutover::{self, FlipOutcome, FlipWish};
use crate::migrate::schedule::regular_work;
use crate::model::id::TenantId;
use crate::store::control::{ALIVE_WITHIN, AuditEntry, ChainCheck};
use crate::tenants::Tenant;

/// A wish is a few words.
const MAX_BODY_BYTES: usize = 64 << 10;

/// No store counts further.
pub(super) const MAX_NUMBER: u64 = i64::MAX as u64;

/// Lines in one answer, unless fewer are asked for.
const MAX_LINES: usize = 1000;

#[derive(Serialize, JsonSchema)]
pub(super) struct AuditPage {
    entries: Vec<AuditEntry>,
    /// Whether the hashes of the whole chain hold; only where `check=true` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<String>,
}

impl Admin {
    pub(super) async fn list_tenants(&self, operator: &Operator) -> Result<Response<Body>, AdminError> {
        let tenants = self.reached_by(operator);
        let mut views = join_all(tenants.iter().map(|tenant| show::tenant(tenant))).await;
        self.tell_limits(&mut views).await;
        self.tell_watched(&mut views);
        Ok(json(StatusCode::OK, &TenantList { tenants: views }))
    }

    pub(super) async fn show_tenant(&self, operator: &Operator, tenant: &str) -> Result<Response<Body>, AdminError> {
        let mut view = show::tenant(&*self.tenant(operator, tenant)?).await;
        self.tell_limits(std::slice::from_mut(&mut view)).await;
        self.tell_watched(std::slice::from_mut(&mut view));
        Ok(json(StatusCode::OK, &view))
    }

    pub(super) async fn flip(&self, operator: &Operator, tenant: &str, body: Body) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let wish: FlipWish = parse(body).await?;
        let report = cutover::flip(&self.budget, &*self.control, &*self.clock, &tenant, wish, &operator.actor()).await?;
        self.fleet.hurry(&tenant.id);
        let status = match report.outcome {
            FlipOutcome::Flipped | FlipOutcome::AlreadyThere | FlipOutcome::WouldFlip => StatusCode::OK,
            FlipOutcome::Blocked | FlipOutcome::Moved => StatusCode::CONFLICT,
        };
        Ok(json(status, &report))
    }

    pub(super) async fn sweep(&self, operator: &Operator, tenant: &str) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let work = regular_work(&tenant);
        let counted = Counted { jobs: work.len() as u64, unknown: Vec::new() };
        self.audit(operator, "sweep", Some(&tenant.id), format!("{} jobs", work.len())).await?;
        tenant.jobs.enqueue(work).await?;
        tenant.work.notify_one();
        self.fleet.hurry(&tenant.id);
        Ok(json(StatusCode::ACCEPTED, &counted))
    }

    /// Who reaches some tenants sees what was done to one of them.
    pub(super) async fn list_audit(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let about = match wanted.get("tenant") {
            Some(tenant) => Some(reached(operator, tenant)?),
            None => operator.of_all_tenants().map(|()| None)?,
        };
        let before = wanted.number("before")?;
        let entries = self.control.entries(about.as_ref(), before, wanted.limit()?).await?;
        let chain = match wanted.get("check") {
            Some("true") if operator.of_all_tenants().is_err() => operator.of_all_tenants().map(|()| None)?,
            Some("true") => Some(match self.control.check_chain().await? {
                ChainCheck::Whole { entries } => format!("whole: {entries} entries"),
                ChainCheck::BrokenAt { number } => format!("broken at entry {number}"),
            }),
            Some("false") | None => None,
            Some(_) => return Err(AdminError::BadRequest("`check` is true or false".to_owned())),
        };
        Ok(json(StatusCode::OK, &AuditPage { entries, chain }))
    }

    pub(super) async fn list_processes(&self, operator: &Operator) -> Result<Response<Body>, AdminError> {
        operator.of_all_tenants()?;
        Ok(json(StatusCode::OK, &self.control.processes(ALIVE_WITHIN).await?))
    }

    pub(super) async fn list_operators(&self, operator: &Operator) -> Result<Response<Body>, AdminError> {
        operator.of_all_tenants()?;
        Ok(json(StatusCode::OK, &self.control.operators().await?))
    }

    pub(super) fn tenant(&self, operator: &Operator, tenant: &str) -> Result<Arc<Tenant>, AdminError> {
        let id = reached(operator, tenant)?;
        self.tenants.get(&id).ok_or_else(|| no_such_tenant(tenant))
    }

    /// The one that is named, or all that the token reaches.
    pub(super) fn wanted_by(&self, operator: &Operator, tenant: Option<&str>) -> Result<Vec<Arc<Tenant>>, AdminError> {
        match tenant {
            Some(tenant) => Ok(vec![self.tenant(operator, tenant)?]),
            None => Ok(self.reached_by(operator)),
        }
    }

    fn reached_by(&self, operator: &Operator) -> Vec<Arc<Tenant>> {
        self.tenants.all().values().filter(|tenant| operator.identity.reaches(&tenant.id)).cloned().collect()
    }

    pub(super) async fn audit(
        &self,
        operator: &Operator,
        action: &str,
        tenant: Option<&TenantId>,
        detail: String,
    ) -> Result<(), AdminError> {
        self.control.audit(operator.actor().record(action, tenant, detail)).await?;
        Ok(())
    }
}

fn no_such_tenant(name: &str) -> AdminError {
    AdminError::NoSuchTenant(name.chars().take(80).collect())
}

/// A tenant that the token reaches, configured here or not: what was done to one that is gone is told, too.
fn reached(operator: &Operator, tenant: &str) -> Result<TenantId, AdminError> {
    let id: TenantId = tenant.parse().map_err(|_| no_such_tenant(tenant))?;
    if !operator.identity.reaches(&id) {
        return Err(AdminError::Forbidden("this token has no access to this tenant"));
    }
    Ok(id)
}

pub(super) async fn parse<T: DeserializeOwned>(body: Body) -> Result<T, AdminError> {
    let bytes = whole(body).await?;
    // By position, which a list would be read by, nobody means anything here.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(AdminError::BadRequest("the request's body is not a JSON object".to_owned()));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| AdminError::BadRequest(format!("the request's body is not the JSON that is expected: {error}")))
}

/// Boxed here, where the body's type is known: the compiler cannot show of the handlers' own futures that they may change threads.
fn whole(body: Body) -> Pin<Box<dyn Future<Output = Result<Bytes, ReadError>> + Send>> {
    Box::pin(body::read(body, MAX_BODY_BYTES))
}

/// The few parameters of the lists.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, AdminError> {
        let decode = |text: &str| {
            let text = percent_encoding::percent_decode_str(text).decode_utf8();
            text.map(std::borrow::Cow::into_owned).map_err(|_| AdminError::BadRequest("the query is not UTF-8".to_owned()))
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, AdminError> {
        let number = self.get(name).map(|text| text.parse::<u64>().ok().filter(|number| *number <= MAX_NUMBER).ok_or(name)).transpose();
        number.map_err(|name| AdminError::BadRequest(format!("`{name}` is not a number from 0 to {MAX_NUMBER}")))
    }

    /// One of the words that a type knows.
    pub(super) fn word<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, AdminError> {
        self.get(name).map(str::parse).transpose().map_err(|error: T::Err| AdminError::BadRequest(error.to_string()))
    }

    /// Where a page over several tenants begins.
    pub(super) fn cursor(&self) -> Result<Option<Cursor>, AdminError> {
        self.word("after")
    }

    pub(super) fn limit(&self) -> Result<usize, AdminError> {
        let limit = self.number("limit")?.unwrap_or(MAX_LINES as u64);
        Ok(usize::try_from(limit).unwrap_or(MAX_LINES).min(MAX_LINES))
    }
}

/// The last line of a page over several tenants, as `<tenant>:<number>`: numbers are each tenant's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    tenant: TenantId,
    number: u64,
}

impl FromStr for Cursor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(tenant, number)| {
            let number = number.parse().ok().filter(|number| *number <= MAX_NUMBER)?;
            Some(Self { tenant: tenant.parse().ok()?, number })
        });
        parsed.ok_or_else(|| "`after` is not the `next` of a page before".to_owned())
    }
}

impl Cursor {
    /// Where in a tenant's lines the page begins. `None`: this tenant was passed.
    pub(super) fn in_tenant(after: Option<&Self>, tenant: &TenantId) -> Option<u64> {
        match after {
            Some(after) if *tenant < after.tenant => None,
            Some(after) if *tenant == after.tenant => Some(after.number),
            Some(_) | None => Some(0),
        }
    }
}
