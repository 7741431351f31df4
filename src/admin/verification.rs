//! Verifications over the admin API: begins one, tells how far it is, and lists what differs. The agents do the work.

use futures_util::StreamExt;
use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{Query, parse};
use super::error::AdminError;
use super::jobs::each;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::model::job::{JobKind, JobState};
use crate::model::verification::{Difference, VerifyFigures, VerifyRun, VerifyWish};
use crate::store::error::StoreResult;
use crate::store::queue::JobFilter;
use crate::store::sql::Tally;
use crate::tenants::Tenant;

/// A verification that does not go on.
const STUCK: JobFilter = JobFilter { state: Some(JobState::Quarantined), kind: Some(JobKind::Verify) };

/// What is asked for. Nothing is replaced unless the wish says so.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VerifyWish")]
pub struct Wish {
    #[serde(default)]
    pub repair: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VerificationBegun")]
pub struct Begun {
    pub tenant: String,
    /// The number that its runs have.
    pub number: u64,
    pub repair: bool,
}

/// How far a verification that is under way has come.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VerificationProgress")]
pub struct Progress {
    pub number: u64,
    /// Of all collections together.
    #[serde(flatten)]
    pub figures: VerifyFigures,
    /// By the last sweep; `None` before the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub documents_expected: Option<u64>,
    pub documents_per_second: f64,
    pub bytes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds_left: Option<u64>,
}

/// Of each collection the run under way and the last one that came to the end.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Verifications {
    pub tenant: String,
    pub runs: Vec<VerifyRun>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub progress: Option<Progress>,
    /// Differences that nobody has put right.
    pub open_differences: u64,
    /// Why the one under way does not go on before an operator acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stuck: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DifferenceList {
    pub tenant: String,
    pub differences: Vec<Difference>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<u64>,
}

/// A difference, and whose it is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TenantsDifference {
    pub tenant: String,
    #[serde(flatten)]
    pub difference: Difference,
}

/// Differences of several tenants, by their names and then in the order in which they were found.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AllDifferences {
    pub differences: Vec<TenantsDifference>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
    /// Where all tenants were asked: those whose database did not answer, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown: Vec<String>,
}

/// One line of a tenant's view.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct VerificationView {
    pub under_way: bool,
    /// When the last verification began that came to the end in every collection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_complete: Option<Timestamp>,
    pub open_differences: u64,
}

impl Admin {
    pub(super) async fn verify(&self, operator: &Operator, tenant: &str, body: Body) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let Wish { repair } = parse(body).await?;
        let what = if repair { "with repair" } else { "without repair" };
        self.audit(operator, "verify", Some(&tenant.id), what.to_owned()).await?;
        let number = tenant.sql.begin_verification(VerifyWish { repair, background: false }).await?.unwrap_or_default();
        tenant.work.notify_one();
        Ok(json(StatusCode::ACCEPTED, &Begun { tenant: tenant.id.to_string(), number, repair }))
    }

    pub(super) async fn show_verification(&self, operator: &Operator, tenant: &str) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let (runs, tally) = (tenant.sql.verifications().await?, tenant.sql.tally().await?);
        let progress = progress(&runs, &tally, self.clock.now());
        let open_differences = tenant.sql.open_differences().await?;
        let stuck = if progress.is_some() { stuck(&tenant).await? } else { None };
        Ok(json(StatusCode::OK, &Verifications { tenant: tenant.id.to_string(), runs, progress, open_differences, stuck }))
    }

    pub(super) async fn list_differences(&self, operator: &Operator, tenant: &str, query: &str) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let wanted = Query::parse(query)?;
        let limit = wanted.limit()?;
        let differences = tenant.sql.differences(wanted.number("after")?.unwrap_or_default(), limit).await?;
        let next = if differences.len() < limit { None } else { differences.last().map(|difference| difference.number) };
        Ok(json(StatusCode::OK, &DifferenceList { tenant: tenant.id.to_string(), differences, next }))
    }

    pub(super) async fn list_all_differences(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let (tenant, after, limit) = (wanted.get("tenant"), wanted.cursor()?, wanted.limit()?);
        let tenants = self.wanted_by(operator, tenant)?;
        let lists = each(tenants, after, |tenant, after| async move {
            let list = tenant.sql.differences(after.unsigned_abs(), limit).await;
            (tenant, list)
        });
        let mut lists = std::pin::pin!(lists);
        let mut found = AllDifferences::default();
        while found.differences.len() < limit
            && let Some((of, list)) = lists.next().await
        {
            match list {
                Ok(list) => {
                    let left = limit - found.differences.len();
                    let whose = |difference| TenantsDifference { tenant: of.id.to_string(), difference };
                    found.differences.extend(list.into_iter().take(left).map(whose));
                }
                Err(error) if tenant.is_some() => return Err(error.into()),
                Err(error) => found.unknown.push(format!("{}: {}", of.id, error.chain())),
            }
        }
        if found.differences.len() == limit {
            found.next = found.differences.last().map(|last| format!("{}:{}", last.tenant, last.difference.number));
        }
        Ok(json(StatusCode::OK, &found))
    }
}

async fn stuck(tenant: &Tenant) -> StoreResult<Option<String>> {
    if let Some(owner) = tenant.ownership.other() {
        return Ok(Some(format!("the tenant's objects belong to installation {owner}, and no agent works here; see `sluss reconcile`")));
    }
    let quarantined = tenant.jobs.list(STUCK, None, 1).await?;
    let told = |reason: String| format!("it is quarantined, and `sluss jobs retry` lets it go on: {reason}");
    Ok(quarantined.into_iter().next().map(|job| told(job.reason.unwrap_or_default())))
}

pub(super) async fn view(tenant: &Tenant) -> StoreResult<VerificationView> {
    let runs = tenant.sql.verifications().await?;
    let ended = |name: &str| runs.iter().filter(|run| run.collection == name && run.ended_at.is_some()).map(|run| run.started_at).max();
    let complete: Vec<Option<Timestamp>> = tenant.config.collections.iter().map(|collection| ended(collection.name.as_str())).collect();
    Ok(VerificationView {
        under_way: runs.iter().any(|run| run.ended_at.is_none()),
        // The oldest of the collections' last ones; none where one collection has none.
        last_complete: complete.into_iter().min().flatten(),
        open_differences: tenant.sql.open_differences().await?,
    })
}

/// `None`: no verification is under way.
fn progress(runs: &[VerifyRun], tally: &Tally, now: Timestamp) -> Option<Progress> {
    let number = runs.iter().filter(|run| run.ended_at.is_none()).map(|run| run.number).max()?;
    let of_number: Vec<&VerifyRun> = runs.iter().filter(|run| run.number == number).collect();
    let figures = of_number.iter().fold(VerifyFigures::default(), |sum, run| sum.plus(&run.figures));
    let begun = of_number.iter().map(|run| run.started_at).min()?;
    let seconds = now.duration_since(begun).as_secs_f64().max(0.001);
    let documents = tally.sql.documents + tally.both.documents + tally.object.documents;
    let documents_expected = tally.swept_at.map(|_| u64::try_from(documents).unwrap_or_default());
    let documents_per_second = figures.documents as f64 / seconds;
    let left = documents_expected.map(|expected| expected.saturating_sub(figures.documents));
    let seconds_left = left.filter(|_| documents_per_second > 0.0).map(|left| (left as f64 / documents_per_second) as u64);
    let bytes_per_second = figures.bytes as f64 / seconds;
    Some(Progress { number, figures, documents_expected, documents_per_second, bytes_per_second, seconds_left })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::Holding;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn run(number: u64, ended: bool, documents: u64) -> VerifyRun {
        VerifyRun {
            collection: "documents".into(),
            number,
            repair: false,
            background: false,
            started_at: at(100),
            ended_at: ended.then(|| at(105)),
            epoch: 1,
            revision: 9,
            figures: VerifyFigures { documents, bytes: documents * 1000, ..VerifyFigures::default() },
            place: None,
        }
    }

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done_did() {
        let tally = Tally { both: Holding { documents: 300, bytes: 0 }, swept_at: Some(at(50)), ..Tally::default() };
        let seen = progress(&[run(6, true, 300), run(7, false, 100)], &tally, at(110)).unwrap();
        assert_eq!((seen.number, seen.documents_expected, seen.seconds_left), (7, Some(300), Some(20)));
        assert_eq!((seen.documents_per_second, seen.bytes_per_second), (10.0, 10_000.0));
    }

    #[test]
    fn before_the_first_sweep_nobody_knows_how_much_is_left() {
        let seen = progress(&[run(1, false, 100)], &Tally::default(), at(110)).unwrap();
        assert_eq!((seen.documents_expected, seen.seconds_left), (None, None));
        assert!(progress(&[run(1, true, 100)], &Tally::default(), at(110)).is_none());
    }
}
