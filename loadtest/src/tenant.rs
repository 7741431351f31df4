//! What the admin API tells of a tenant, for steps that wait for something. What it does not know, or knows to be wrong, never reads as
//! done: it is an error, which is endured for a while, because a server on a busy machine is late at times.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http::{Method, StatusCode};
use serde_json::json;
use sluss::admin::verification::{Begun, Verifications};
use sluss::admin::views::TenantView;
use sluss::client::HttpClient;
use sluss::model::verification::{VerifyFigures, VerifyRun};
use tokio::time::{Instant, sleep};

/// So many looks may go wrong one after the other, however long they take: a server that was stopped meanwhile goes on afterwards.
const BAD_LOOKS: u32 = 20;

/// And for so long, however many they are.
const ENDURED: Duration = Duration::from_secs(300);

/// A verification is taken for stuck when it says the same for so long.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Looks until something is found. An error is endured for a bounded time, unless a look between goes well; then it is the answer.
pub async fn wait<T>(every: Duration, mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let mut bad: Option<(Instant, u32)> = None;
    loop {
        match (look().await, bad) {
            (Ok(Some(found)), _) => return Ok(found),
            (Ok(None), _) => bad = None,
            (Err(error), None) => {
                eprintln!("  looked at again: {error:#}");
                bad = Some((Instant::now(), 1));
            }
            (Err(error), Some((since, looks))) => {
                let looks = looks + 1;
                if looks >= BAD_LOOKS && since.elapsed() >= ENDURED {
                    return Err(error).with_context(|| format!("{looks} looks in {:.0?} went wrong", since.elapsed()));
                }
                bad = Some((since, looks));
            }
        }
        sleep(every).await;
    }
}

/// An error where anything could not be read: its figures would be 0 in that view, or older ones.
pub async fn view(admin: &HttpClient, tenant: &str) -> anyhow::Result<TenantView> {
    known(serde_json::from_value(get(admin, tenant, "").await?)?)
}

async fn get(admin: &HttpClient, tenant: &str, what: &str) -> anyhow::Result<serde_json::Value> {
    let path = format!("/admin/v1/tenants/{tenant}{what}");
    let (status, told) = admin.json(Method::GET, &path, None).await?;
    ensure!(status == StatusCode::OK, "GET {path} was answered {status}: {told}");
    Ok(told)
}

fn known(view: TenantView) -> anyhow::Result<TenantView> {
    if let Some(problem) = &view.problem {
        bail!("{} cannot be told of: {problem}", view.tenant);
    }
    ensure!(view.phase.is_some(), "the phase of {} is not told", view.tenant);
    Ok(view)
}

/// Whether no work is left. An error: there is something that an operator should look at, and no end would be the right one.
pub fn is_settled(view: &TenantView) -> anyhow::Result<bool> {
    let TenantView { tenant, quarantined, .. } = view;
    ensure!(*quarantined == 0, "{quarantined} jobs of {tenant} are quarantined");
    if let Some(problem) = view.problems.iter().find(|problem| !problem.kind.is_wanted()) {
        bail!("{tenant} has a problem: {}", problem.text);
    }
    Ok(view.backlog == 0)
}

/// Whether the agents have copied all documents. An error: no work is left, and they have not, or nobody has counted.
pub fn is_copied(view: &TenantView) -> anyhow::Result<bool> {
    if !is_settled(view)? {
        return Ok(false);
    }
    ensure!(view.counted_at.is_some(), "the documents of {} were never counted", view.tenant);
    let left = view.held_by.get("sql").with_context(|| format!("nobody tells how many documents of {} SQL holds", view.tenant))?.documents;
    ensure!(left == 0, "SQL alone holds {left} documents of {}, and nobody is at work on them", view.tenant);
    Ok(true)
}

/// Answers its number.
pub async fn begin_verification(admin: &HttpClient, tenant: &str) -> anyhow::Result<u64> {
    let path = format!("/admin/v1/tenants/{tenant}/verify");
    let (status, told) = admin.json(Method::POST, &path, Some(&json!({ "repair": false }))).await?;
    ensure!(status == StatusCode::ACCEPTED, "the verification of {tenant} was refused: {told}");
    Ok(serde_json::from_value::<Begun>(told)?.number)
}

pub async fn verifications(admin: &HttpClient, tenant: &str) -> anyhow::Result<Verifications> {
    Ok(serde_json::from_value(get(admin, tenant, "/verification").await?)?)
}

/// Waits for the end of the verification with this number. One that does not go on is an error.
pub async fn verified(admin: &HttpClient, tenant: &str, number: u64, every: Duration) -> anyhow::Result<Verdict> {
    let mut last = (VerifyFigures::default(), Instant::now());
    wait(every, async || {
        let seen = verifications(admin, tenant).await?;
        if let Some(verdict) = Verdict::of(&seen, number)? {
            return Ok(Some(verdict));
        }
        let figures = seen.progress.map(|progress| progress.figures).unwrap_or_default();
        if figures != last.0 {
            last = (figures, Instant::now());
        }
        ensure!(last.1.elapsed() < STANDSTILL, "the verification of {tenant} stands still at {} documents", figures.documents);
        Ok(None)
    })
    .await
}

/// What a verification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub figures: VerifyFigures,
    /// All of the tenant's, whoever found them.
    pub open_differences: u64,
}

impl Verdict {
    /// Of the verification with this number, or of a later one that took its place. `None`: it is under way.
    pub fn of(seen: &Verifications, number: u64) -> anyhow::Result<Option<Self>> {
        if let Some(stuck) = &seen.stuck {
            bail!("the verification of {} does not go on: {stuck}", seen.tenant);
        }
        let ours: Vec<&VerifyRun> = seen.runs.iter().filter(|run| run.number >= number).collect();
        ensure!(!ours.is_empty(), "the verification {number} of {} is not listed", seen.tenant);
        let ended: Vec<&VerifyRun> = ours.iter().filter(|run| run.ended_at.is_some()).copied().collect();
        let has_ended = |run: &&VerifyRun| ended.iter().any(|ended| ended.collection == run.collection);
        if !ours.iter().all(has_ended) {
            return Ok(None);
        }
        let figures = ended.iter().fold(VerifyFigures::default(), |sum, run| sum.plus(&run.figures));
        Ok(Some(Self { figures, open_differences: seen.open_differences }))
    }

    /// Every document that was compared was equal in all its holders.
    pub fn is_clean(&self) -> bool {
        self.figures.different == 0 && self.figures.failed == 0 && self.open_differences == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VerifyFigures { documents, verified, unlocated, moved, different, failed, .. } = self.figures;
        write!(f, "of {documents} documents {verified} were equal, {unlocated} in SQL alone, {moved} changed meanwhile, ")?;
        write!(f, "{different} different, {failed} not read; {} differences are open", self.open_differences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view_with(changed: &serde_json::Value) -> anyhow::Result<TenantView> {
        let mut view = json!({
            "tenant": "t1", "phase": "shadow", "counted_at": "2026-01-01T00:00:00Z", "backlog": 0, "quarantined": 0,
            "only_in_object_store": 0, "open_uploads": 0,
            "held_by": { "sql": { "documents": 0, "bytes": 0 }, "both": { "documents": 5, "bytes": 50 } },
        });
        for (key, value) in changed.as_object().unwrap() {
            view[key] = value.clone();
        }
        known(serde_json::from_value(view)?)
    }

    #[test]
    fn all_is_copied_where_nothing_is_left_and_nothing_is_wrong() {
        assert!(is_copied(&view_with(&json!({})).unwrap()).unwrap());
        assert!(!is_copied(&view_with(&json!({ "backlog": 3 })).unwrap()).unwrap());
        let paused = json!({ "problems": [{ "kind": "paused", "text": "as somebody wanted" }] });
        assert!(is_copied(&view_with(&paused).unwrap()).unwrap());
    }

    #[test]
    fn a_view_with_a_problem_is_an_error_with_its_text_and_never_done() {
        let unknown = json!({ "phase": null, "held_by": {}, "problem": "the disk is full" });
        assert_eq!(view_with(&unknown).unwrap_err().to_string(), "t1 cannot be told of: the disk is full");
        let stale = json!({ "problems": [{ "kind": "database", "text": "figures of 12:00" }] });
        assert_eq!(is_settled(&view_with(&stale).unwrap()).unwrap_err().to_string(), "t1 has a problem: figures of 12:00");
        for not_done in [
            json!({ "quarantined": 2 }),
            json!({ "counted_at": null }),
            json!({ "held_by": {} }),
            json!({ "held_by": { "sql": { "documents": 1, "bytes": 9 } } }),
        ] {
            assert!(is_copied(&view_with(&not_done).unwrap()).is_err(), "{not_done}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_endured_for_a_while_and_is_the_answer_at_last() {
        let (begun, mut looks) = (Instant::now(), 0);
        let found = wait(Duration::from_secs(10), async || {
            looks += 1;
            ensure!(looks > 40 || looks == 25, "busy");
            Ok((looks > 40).then_some(looks))
        });
        assert_eq!(found.await.unwrap(), 41, "one good look between begins anew");
        assert_eq!(begun.elapsed(), Duration::from_secs(400));
        let begun = Instant::now();
        let error = wait::<()>(Duration::from_secs(1), async || bail!("the disk is full")).await.unwrap_err();
        assert!(format!("{error:#}").ends_with("went wrong: the disk is full"), "{error:#}");
        assert_eq!(begun.elapsed(), ENDURED);
    }

    fn run(collection: &str, number: u64, ended: bool) -> serde_json::Value {
        let ended_at = ended.then_some("2026-01-01T00:01:00Z");
        json!({
            "collection": collection, "number": number, "repair": false, "background": false, "started_at": "2026-01-01T00:00:00Z",
            "ended_at": ended_at, "epoch": 1, "revision": 9, "documents": 10, "bytes": 1, "verified": 8, "unlocated": 0, "moved": 2,
            "different": 0, "failed": 0, "objects": 10,
        })
    }

    fn seen(runs: &[serde_json::Value], open_differences: u64, stuck: Option<&str>) -> Verifications {
        serde_json::from_value(json!({ "tenant": "t1", "runs": runs, "open_differences": open_differences, "stuck": stuck })).unwrap()
    }

    #[test]
    fn a_verification_has_ended_when_it_has_in_every_collection_and_an_earlier_one_counts_for_nothing() {
        let of = |runs: &[serde_json::Value]| Verdict::of(&seen(runs, 0, None), 5);
        assert_eq!(of(&[run("a", 4, true), run("a", 5, false)]).unwrap(), None);
        assert_eq!(of(&[run("a", 5, true), run("b", 5, false)]).unwrap(), None);
        assert!(of(&[run("a", 4, true)]).is_err(), "it is nowhere");
        // One by the clock has begun since.
        let verdict = of(&[run("a", 5, true), run("a", 6, false), run("b", 5, true)]).unwrap().unwrap();
        assert_eq!((verdict.figures.verified, verdict.is_clean()), (16, true));
        let stuck = Verdict::of(&seen(&[run("a", 5, false)], 0, Some("quarantined")), 5).unwrap_err();
        assert!(stuck.to_string().ends_with("does not go on: quarantined"), "{stuck}");
        let differs = Verdict::of(&seen(&[run("a", 5, true)], 1, None), 5).unwrap().unwrap();
        assert!(!differs.is_clean() && differs.to_string().ends_with("1 differences are open"), "{differs}");
    }
}
