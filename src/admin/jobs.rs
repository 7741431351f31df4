//! Jobs over the admin API: lists them, groups quarantined ones by what they failed for, and has them tried again.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use http::{Response, StatusCode};

use super::api::{Cursor, Query, parse};
use super::error::AdminError;
use super::views::{Counted, JobList, QuarantineReason, RetryWish};
use super::{Admin, Operator, json, show};
use crate::body::Body;
use crate::model::job::{JobKind, JobState};
use crate::store::error::StoreResult;
use crate::store::queue::{JobFilter, JobId, JobView, Retried};
use crate::tenants::Tenant;

/// Databases that one request asks at once.
pub(super) const AT_ONCE: usize = 16;

/// Quarantined jobs that are read at once, and of one tenant at most: beyond this many nobody groups.
const PAGE: usize = 1000;
const MOST_GROUPED: usize = 10_000;

impl Admin {
    pub(super) async fn list_jobs(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let filter = JobFilter { state: wanted.word("state")?, kind: wanted.word("kind")? };
        let (tenant, after, limit) = (wanted.get("tenant"), wanted.cursor()?, wanted.limit()?);
        let tenants = self.wanted_by(operator, tenant)?;
        let lists = each(tenants, after, |tenant, after| async move {
            let list = tenant.jobs.list(filter, Some(JobId(after)), limit).await;
            (tenant, list)
        });
        let mut lists = std::pin::pin!(lists);
        let mut found = JobList { jobs: Vec::new(), next: None, unknown: Vec::new() };
        while found.jobs.len() < limit
            && let Some((of, list)) = lists.next().await
        {
            match list {
                Ok(list) => {
                    let left = limit - found.jobs.len();
                    found.jobs.extend(list.into_iter().take(left).map(|view| show::job(&of.id, view)));
                }
                Err(error) if tenant.is_some() => return Err(error.into()),
                Err(error) => found.unknown.push(format!("{}: {}", of.id, error.chain())),
            }
        }
        if found.jobs.len() == limit {
            found.next = found.jobs.last().map(|job| job.id.clone());
        }
        Ok(json(StatusCode::OK, &found))
    }

    /// A tenant whose database does not answer is left out where all are asked: the fleet tells of it.
    pub(super) async fn list_reasons(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let tenant = wanted.get("tenant");
        let asked = stream::iter(self.wanted_by(operator, tenant)?).map(|tenant| async move { (grouped(&tenant).await, tenant) });
        let mut asked = std::pin::pin!(asked.buffered(AT_ONCE));
        let mut reasons: Vec<QuarantineReason> = Vec::new();
        while let Some((grouped, of)) = asked.next().await {
            match grouped {
                Ok(grouped) => reasons.extend(grouped),
                Err(error) if tenant.is_some() => return Err(error.into()),
                Err(error) => tracing::warn!(tenant = %of.id, "the quarantined jobs of {} are not told: {}", of.id, error.chain()),
            }
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.jobs));
        reasons.truncate(wanted.limit()?);
        Ok(json(StatusCode::OK, &reasons))
    }

    pub(super) async fn retry_one(&self, operator: &Operator, job: &str) -> Result<Response<Body>, AdminError> {
        let unknown = || AdminError::NoSuchJob(job.chars().take(80).collect());
        let (tenant, number) = job.split_once(':').ok_or_else(unknown)?;
        let number = JobId(number.parse().map_err(|_| unknown())?);
        let tenant = self.tenant(operator, tenant)?;
        self.audit(operator, "jobs.retry", Some(&tenant.id), job.to_owned()).await?;
        let retried = tenant.jobs.retry(Retried::These(&[number])).await;
        // It may be ready even where that was not answered.
        self.goes_on(&tenant);
        let jobs = retried?;
        if jobs == 0 { Err(unknown()) } else { Ok(json(StatusCode::OK, &Counted { jobs, unknown: Vec::new() })) }
    }

    pub(super) async fn retry_all(&self, operator: &Operator, body: Body) -> Result<Response<Body>, AdminError> {
        let wish: RetryWish = parse(body).await?;
        let mut counted = Counted { jobs: 0, unknown: Vec::new() };
        for tenant in self.wanted_by(operator, wish.tenant.as_deref())? {
            match self.retry_of(operator, &tenant, &wish).await {
                Ok(jobs) => counted.jobs += jobs,
                Err(error) if wish.tenant.is_some() => return Err(error),
                Err(error) => counted.unknown.push(format!("{}: {error}", tenant.id)),
            }
        }
        Ok(json(StatusCode::OK, &counted))
    }

    /// Nothing is audited where nothing is in quarantine: with all tenants at once that is most of them.
    async fn retry_of(&self, operator: &Operator, tenant: &Tenant, wish: &RetryWish) -> Result<u64, AdminError> {
        let of_kind = wish.kind.map_or_else(String::new, |kind| format!(" of kind {kind}"));
        let (ids, what) = match &wish.reason {
            None => {
                let any = !tenant.jobs.list(quarantined(wish.kind), None, 1).await?.is_empty();
                (None, any.then(|| format!("all quarantined{of_kind}")))
            }
            Some(reason) => {
                let ids = with_cause(tenant, wish.kind, reason).await?;
                let what = format!("{} quarantined{of_kind} for: {reason}", ids.len());
                let any = !ids.is_empty();
                (Some(ids), any.then_some(what))
            }
        };
        let Some(what) = what else { return Ok(0) };
        self.audit(operator, "jobs.retry", Some(&tenant.id), what).await?;
        let wanted = ids.as_deref().map_or(Retried::All(wish.kind), Retried::These);
        let retried = tenant.jobs.retry(wanted).await;
        // Some may be ready even where it failed midway.
        self.goes_on(tenant);
        Ok(retried?)
    }

    fn goes_on(&self, tenant: &Tenant) {
        tenant.work.notify_one();
        self.fleet.hurry(&tenant.id);
    }
}

/// Asks tenants in the order of their names, a few at once. `ask` is told where the tenant's lines begin.
pub(super) fn each<T, F: Future<Output = T>>(
    tenants: Vec<Arc<Tenant>>,
    after: Option<Cursor>,
    ask: impl Fn(Arc<Tenant>, i64) -> F,
) -> impl Stream<Item = T> {
    let begin = move |tenant: Arc<Tenant>| {
        let begin = Cursor::in_tenant(after.as_ref(), &tenant.id)?;
        Some((tenant, i64::try_from(begin).unwrap_or(i64::MAX)))
    };
    stream::iter(tenants.into_iter().filter_map(begin)).map(move |(tenant, begin)| ask(tenant, begin)).buffered(AT_ONCE)
}

fn quarantined(kind: Option<JobKind>) -> JobFilter {
    JobFilter { state: Some(JobState::Quarantined), kind }
}

/// All quarantined jobs of a tenant, up to the most that are grouped.
async fn in_quarantine(tenant: &Tenant, kind: Option<JobKind>, mut see: impl FnMut(JobView)) -> StoreResult<()> {
    let (mut after, mut seen) = (None, 0);
    while seen < MOST_GROUPED {
        let page = tenant.jobs.list(quarantined(kind), after, PAGE).await?;
        (after, seen) = (page.last().map(|view| view.job), seen + page.len());
        let is_last = page.len() < PAGE;
        page.into_iter().for_each(&mut see);
        if is_last {
            break;
        }
    }
    Ok(())
}

async fn grouped(tenant: &Tenant) -> StoreResult<Vec<QuarantineReason>> {
    let mut groups: BTreeMap<(&'static str, String), QuarantineReason> = BTreeMap::new();
    in_quarantine(tenant, None, |view| {
        let (reason, kind, oldest) = (show::cause(&view), view.kind, view.created_at);
        let new = || QuarantineReason { tenant: tenant.id.to_string(), kind, reason: reason.clone(), jobs: 0, oldest };
        let group = groups.entry((kind.label(), reason.clone())).or_insert_with(new);
        group.jobs += 1;
        group.oldest = group.oldest.min(oldest);
    })
    .await?;
    Ok(groups.into_values().collect())
}

async fn with_cause(tenant: &Tenant, kind: Option<JobKind>, cause: &str) -> StoreResult<Vec<JobId>> {
    let mut ids = Vec::new();
    in_quarantine(tenant, kind, |view| {
        if show::cause(&view) == cause {
            ids.push(view.job);
        }
    })
    .await?;
    Ok(ids)
}
