//! Restores to an instant over the admin API: the plan as a stream of lines, the wish, and how far the agents are with it.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{MAX_NUMBER, Query, parse};
use super::error::AdminError;
use super::{Admin, Operator, json};
use crate::body::{self, Body, BoxError};
use crate::migrate::restore::{PlannedAction, PlannedDocument, blockers, plan};
use crate::model::id::{CollectionName, DocId, DocKey, TenantId};
use crate::model::restore::{RestoreRun, RestoreWish};
use crate::store::error::StoreError;
use crate::tenants::Tenant;

/// A line of JSON after the other.
pub const LINES: &str = "application/jsonl";

/// What is to be restored.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    pub tenant: String,
    pub at: Timestamp,
    /// One document, as `<collection>/<id>`; absent: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<String>,
    /// The tenant that gets the contents of that instant; absent: the tenant itself goes back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub into: Option<String>,
}

/// Every reason against it, or none: then it has begun.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RestoreAnswer {
    pub tenant: String,
    pub outcome: RestoreOutcome,
    pub blockers: Vec<String>,
    /// The restore's number, where it has begun or was to be cancelled.
    pub number: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreOutcome {
    Begun,
    /// It ends now.
    Cancelled,
    Blocked,
}

/// One tenant's part of the list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RestoreView {
    pub tenant: String,
    #[serde(flatten)]
    pub run: RestoreRun,
    /// A restore to this instant brings back what was before.
    pub undone_by: Timestamp,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RestoreList {
    pub restores: Vec<RestoreView>,
    /// Tenants whose database did not answer, and why.
    pub unknown: Vec<String>,
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PlanTotals {
    pub restored: u64,
    pub restored_bytes: u64,
    pub removed: u64,
    /// That cannot be brought back, each with its reason in its line.
    pub left: u64,
    /// Of all of them: what is so as far as anybody knows.
    pub doubtful: u64,
}

impl PlanTotals {
    fn count(&mut self, planned: &PlannedDocument) {
        self.doubtful += u64::from(planned.doubtful);
        match planned.action {
            PlannedAction::Restore => {
                self.restored += 1;
                self.restored_bytes += planned.bytes;
            }
            PlannedAction::Remove => self.removed += 1,
            PlannedAction::Stay => self.left += u64::from(planned.reason.is_some()),
        }
    }
}

/// One line of a plan.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanLine {
    /// Why it may not begin; none where it may.
    Blockers(Vec<String>),
    Document(PlannedDocument),
    /// So many documents were looked at by now.
    LookedAt(u64),
    /// The last line.
    Totals(PlanTotals),
}

/// Whose documents, to whom, and which.
struct Wanted {
    tenant: Arc<Tenant>,
    to: Arc<Tenant>,
    wish: RestoreWish,
}

impl Admin {
    pub(super) async fn restore(&self, operator: &Operator, body: Body) -> Result<Response<Body>, AdminError> {
        let Wanted { tenant, to, wish } = self.wanted(operator, parse(body).await?).await?;
        let blockers = blockers(&tenant, &to, &wish, self.clock.now()).await?;
        let answer = |outcome, blockers, number| RestoreAnswer { tenant: tenant.id.to_string(), outcome, blockers, number };
        let what = told(&wish);
        if !blockers.is_empty() {
            self.audit(operator, "restore.refused", Some(&tenant.id), format!("{what}: {}", blockers.join("; "))).await?;
            return Ok(json(StatusCode::CONFLICT, &answer(RestoreOutcome::Blocked, blockers, None)));
        }
        self.audit(operator, "restore", Some(&tenant.id), what).await?;
        let Some(number) = tenant.sql.begin_restore(&wish).await? else {
            let blockers = vec!["another restore of this tenant is under way: wait for its end".to_owned()];
            return Ok(json(StatusCode::CONFLICT, &answer(RestoreOutcome::Blocked, blockers, None)));
        };
        tenant.work.notify_one();
        self.fleet.hurry(&tenant.id);
        Ok(json(StatusCode::ACCEPTED, &answer(RestoreOutcome::Begun, blockers, Some(number))))
    }

    /// `restore`: as `<tenant>:<number>`.
    pub(super) async fn cancel_restore(&self, operator: &Operator, restore: &str) -> Result<Response<Body>, AdminError> {
        let unknown = || AdminError::NoSuchRestore(restore.chars().take(80).collect());
        let (tenant, number) = restore.split_once(':').ok_or_else(unknown)?;
        let number: u64 = number.parse().ok().filter(|number| *number <= MAX_NUMBER).ok_or_else(unknown)?;
        let tenant = self.tenant(operator, tenant)?;
        self.audit(operator, "restore.cancel", Some(&tenant.id), format!("restore {number}")).await?;
        let is_cancelled = tenant.sql.cancel_restore(number).await?;
        let (status, outcome, blockers) = match is_cancelled {
            true => (StatusCode::ACCEPTED, RestoreOutcome::Cancelled, Vec::new()),
            false => (StatusCode::CONFLICT, RestoreOutcome::Blocked, vec![format!("restore {number} is not under way")]),
        };
        Ok(json(status, &RestoreAnswer { tenant: tenant.id.to_string(), outcome, blockers, number: Some(number) }))
    }

    pub(super) async fn list_restores(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let tenant = wanted.get("tenant");
        let mut found = RestoreList { restores: Vec::new(), unknown: Vec::new() };
        let asked = self.wanted_by(operator, tenant)?.into_iter();
        let mut asked =
            stream::iter(asked.map(|tenant| async move { (tenant.sql.restores().await, tenant) })).buffered(super::jobs::AT_ONCE);
        while let Some((runs, of)) = asked.next().await {
            match runs {
                Ok(runs) => found.restores.extend(runs.into_iter().map(|run| view(&of.id, run))),
                Err(error) if tenant.is_some() => return Err(error.into()),
                Err(error) => found.unknown.push(format!("{}: {}", of.id, error.chain())),
            }
        }
        found.restores.sort_by_key(|restore| std::cmp::Reverse(restore.run.started_at));
        Ok(json(StatusCode::OK, &found))
    }

    pub(super) async fn plan_restore(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let query = Query::parse(query)?;
        let named = |name: &str| query.get(name).map(str::to_owned);
        let request = RestoreRequest {
            tenant: named("tenant").ok_or_else(|| AdminError::BadRequest("`tenant` is missing".to_owned()))?,
            at: query.word("at")?.ok_or_else(|| AdminError::BadRequest("`at` is missing: the instant, as RFC 3339 has it".to_owned()))?,
            document: named("document"),
            into: named("into"),
        };
        let Wanted { tenant, to, wish } = self.wanted(operator, request).await?;
        let blockers = line(&PlanLine::Blockers(blockers(&tenant, &to, &wish, self.clock.now()).await?));
        let pages = plan(tenant, wish).map_err(|error: StoreError| BoxError::from(error.chain()));
        let begin = (Box::pin(pages), 0, Some(PlanTotals::default()));
        let documents = stream::try_unfold(begin, |(mut pages, looked_at, totals)| async move {
            let Some(mut totals) = totals else { return Ok(None) };
            match pages.try_next().await? {
                Some(page) => {
                    page.documents.iter().for_each(|planned| totals.count(planned));
                    let looked_at = looked_at + page.looked_at;
                    let documents = page.documents.into_iter().map(PlanLine::Document);
                    let lines: BytesMut = documents.chain([PlanLine::LookedAt(looked_at)]).flat_map(|planned| line(&planned)).collect();
                    Ok::<_, BoxError>(Some((lines.freeze(), (pages, looked_at, Some(totals)))))
                }
                None => Ok(Some((line(&PlanLine::Totals(totals)), (pages, looked_at, None)))),
            }
        });
        let mut response = Response::new(body::stream(stream::iter([Ok(blockers)]).chain(documents)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(LINES));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    /// The token has to reach both tenants.
    async fn wanted(&self, operator: &Operator, request: RestoreRequest) -> Result<Wanted, AdminError> {
        let tenant = self.tenant(operator, &request.tenant)?;
        let (to, into) = match &request.into {
            Some(into) if *into == request.tenant => {
                return Err(AdminError::BadRequest("`into` names the tenant itself: leave it out to bring it back".to_owned()));
            }
            Some(into) => {
                let to = self.tenant(operator, into)?;
                let id = to.id.clone();
                (to, Some(id))
            }
            None => (Arc::clone(&tenant), None),
        };
        let only = match &request.document {
            Some(document) => {
                let key = spelled(&tenant, document).await?;
                Some((key.collection, key.id.to_string()))
            }
            None => None,
        };
        Ok(Wanted { wish: RestoreWish { instant: request.at, only, into }, tenant, to })
    }
}

/// One document, by its id as its row spells it, where there is one: versions bear that spelling.
pub(super) async fn spelled(tenant: &Tenant, document: &str) -> Result<DocKey, AdminError> {
    let shown: String = document.chars().take(80).collect();
    let unknown = |why: &str| AdminError::BadRequest(format!("document {shown:?}: {why}"));
    let (name, id) = document.split_once('/').ok_or_else(|| unknown("write it as <collection>/<id>"))?;
    let name: CollectionName = name.parse().map_err(|_| unknown("this is not the name of a collection"))?;
    let collection = tenant.collection(&name).ok_or_else(|| unknown("the tenant has no such collection"))?;
    let id = DocId::parse(collection.id_kind, id).map_err(|error| unknown(&error.to_string()))?;
    Ok(tenant.sql.bare_row(&DocKey { tenant: tenant.id.clone(), collection: name, id }).await?.key)
}

fn told(wish: &RestoreWish) -> String {
    let mut told = format!("to {}", wish.instant);
    if let Some((collection, document)) = &wish.only {
        told.push_str(&format!(", only {collection}/{document}"));
    }
    if let Some(into) = &wish.into {
        told.push_str(&format!(", into {into}"));
    }
    told
}

fn view(tenant: &TenantId, run: RestoreRun) -> RestoreView {
    RestoreView { tenant: tenant.to_string(), undone_by: run.undone_by(), run }
}

fn line(line: &PlanLine) -> Bytes {
    let mut text = BytesMut::new().writer();
    serde_json::to_writer(&mut text, line).expect("a line is texts and numbers");
    let mut text = text.into_inner();
    text.put_u8(b'\n');
    text.freeze()
}
