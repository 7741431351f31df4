//! The job queue: one holder at a time, nothing lost, nothing closed that is still needed.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use sluss::model::id::DocKey;
use sluss::model::job::{JobKind, JobState, JobTarget, NewJob, Priority};
use sluss::model::phase::Phase;
use sluss::store::queue::{CLOCK_SKEW, Completion, JobFilter, JobId, Lease, Retried, Verdict};

use crate::support::{World, bare, documents, numbered, tenant};

const LEASE: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn copy_of(key: &DocKey, priority: Priority) -> NewJob {
    NewJob { kind: JobKind::Copy, target: JobTarget::Document(key.clone()), priority }
}

impl World {
    async fn wish(&self, id: i64, priority: Priority) {
        self.jobs.enqueue(vec![copy_of(&numbered(id), priority)]).await.unwrap();
    }

    async fn claim(&self) -> Option<Lease> {
        self.jobs.claim("one", LEASE, None).await.unwrap()
    }

    async fn claimed(&self) -> Lease {
        self.claim().await.expect("a job is due")
    }
}

fn about(lease: &Lease) -> String {
    lease.target.to_string()
}

async fn jobs_go_by_priority_and_then_by_age(w: World) {
    for (id, priority) in [(1, Priority::Sweep), (2, Priority::Write), (3, Priority::Access), (4, Priority::Housekeeping)] {
        w.wish(id, priority).await;
    }
    w.clock.advance(SECOND);
    w.wish(5, Priority::Access).await;
    let mut order = Vec::new();
    while let Some(lease) = w.claim().await {
        order.push(about(&lease));
    }
    assert_eq!(order, [4, 3, 5, 2, 1].map(|id| numbered(id).to_string()));
}

async fn a_second_wish_joins_the_first_and_raises_its_priority(w: World) {
    w.wish(1, Priority::Write).await;
    w.wish(1, Priority::Access).await;
    w.wish(1, Priority::Sweep).await;
    assert_eq!(w.jobs_of(&numbered(1)).await, [(JobKind::Copy, Priority::Access, JobState::Ready)]);
}

async fn every_kind_of_target_comes_back_as_it_went_in(w: World) {
    let wishes = [
        (JobKind::Copy, JobTarget::Document(numbered(-5))),
        (JobKind::WriteBack, JobTarget::Document(bare("it's \"odd\""))),
        (JobKind::Copy, JobTarget::Document(bare("two\nlines"))),
        (JobKind::Copy, JobTarget::Document(bare(""))),
        (JobKind::Copy, JobTarget::Document(bare(&"long".repeat(128)))),
        (JobKind::Sweep, JobTarget::Collection(tenant(), documents())),
        (JobKind::Collect, JobTarget::Tenant(tenant())),
    ];
    let jobs = wishes.iter().map(|(kind, target)| NewJob { kind: *kind, target: target.clone(), priority: Priority::Write });
    w.jobs.enqueue(jobs.collect()).await.unwrap();
    let listed: Vec<_> = w.all_jobs().await.into_iter().map(|job| (job.kind, job.target)).collect();
    assert_eq!(listed, wishes);
    let mut claimed = Vec::new();
    while let Some(lease) = w.claim().await {
        claimed.push((lease.kind, lease.target));
    }
    assert_eq!(claimed, wishes);
}

async fn a_job_of_a_collection_that_is_gone_stops_no_other_job(w: World) {
    let gone = DocKey { collection: "gone".parse().unwrap(), ..numbered(1) };
    w.jobs.enqueue(vec![copy_of(&gone, Priority::Access), copy_of(&numbered(2), Priority::Write)]).await.unwrap();
    let lease = w.claimed().await;
    assert_eq!(lease.failures, 0);
    w.jobs.fail(lease, "no such collection", Verdict::Quarantine).await.unwrap();
    assert_eq!(about(&w.claimed().await), numbered(2).to_string());
}

async fn a_job_has_one_holder_however_many_claim(w: World) {
    let keys: Vec<DocKey> = (0..40).map(numbered).collect();
    w.jobs.enqueue(keys.iter().map(|key| copy_of(key, Priority::Write)).collect()).await.unwrap();
    let claimers = (0..8).map(|number| {
        let queue = if number % 2 == 0 { &w.jobs } else { &w.peer.jobs };
        async move {
            let (owner, mut claimed) = (format!("claimer {number}"), Vec::new());
            while let Some(lease) = queue.claim(&owner, LEASE, None).await.unwrap() {
                claimed.push(lease.job);
            }
            claimed
        }
    });
    let claimed: Vec<JobId> = join_all(claimers).await.concat();
    assert_eq!((claimed.len(), claimed.iter().collect::<HashSet<_>>().len()), (40, 40));
}

async fn a_lease_that_ran_out_is_taken_over_and_counts_as_a_failure(w: World) {
    w.wish(1, Priority::Write).await;
    let lost = w.claimed().await;
    assert!(!lost.taken_over && lost.failures == 0);
    w.clock.advance(LEASE);
    assert!(w.claim().await.is_none());
    w.clock.advance(SECOND);
    let taken = w.peer.jobs.claim("two", LEASE, None).await.unwrap().unwrap();
    assert!(taken.taken_over && taken.job == lost.job && taken.failures == 1);
    assert!(!w.jobs.extend(&lost, LEASE).await.unwrap());
    assert!(!w.jobs.checkpoint(&lost, "mine").await.unwrap());
    assert_eq!(w.jobs.complete(lost).await.unwrap(), Completion::Lost);
    assert_eq!(w.peer.jobs.complete(taken).await.unwrap(), Completion::Closed);
    assert!(w.all_jobs().await.is_empty());
}

async fn a_lost_lease_cannot_fail_or_give_back(w: World) {
    for give_back in [false, true] {
        w.wish(1, Priority::Write).await;
        let lost = w.claimed().await;
        w.clock.advance(LEASE + SECOND);
        let taken = w.claimed().await;
        if give_back {
            w.jobs.give_back(lost, Duration::ZERO).await.unwrap();
        } else {
            w.jobs.fail(lost, "not mine any more", Verdict::Quarantine).await.unwrap();
        }
        let job = w.all_jobs().await.remove(0);
        assert_eq!((job.state, job.reason), (JobState::Leased, None));
        assert_eq!(w.jobs.complete(taken).await.unwrap(), Completion::Closed);
    }
}

async fn a_heartbeat_keeps_the_lease(w: World) {
    w.wish(1, Priority::Write).await;
    let lease = w.claimed().await;
    for _ in 0..5 {
        w.clock.advance(LEASE - SECOND);
        assert!(w.jobs.extend(&lease, LEASE).await.unwrap());
        assert!(w.claim().await.is_none());
    }
    assert_eq!(w.jobs.complete(lease).await.unwrap(), Completion::Closed);
}

async fn a_failed_job_waits_and_keeps_its_reason(w: World) {
    w.wish(1, Priority::Write).await;
    let lease = w.claimed().await;
    w.jobs.fail(lease, "the store is down", Verdict::RetryAfter(Duration::from_secs(10))).await.unwrap();
    let job = w.all_jobs().await.remove(0);
    assert_eq!((job.state, job.failures, job.reason.as_deref(), job.owner), (JobState::Ready, 1, Some("the store is down"), None));
    w.clock.advance(Duration::from_secs(9));
    assert!(w.claim().await.is_none());
    w.clock.advance(SECOND);
    let lease = w.claimed().await;
    assert!(!lease.taken_over && lease.failures == 1);
}

fn in_state(state: JobState) -> JobFilter {
    JobFilter { state: Some(state), ..JobFilter::default() }
}

async fn a_quarantined_job_waits_for_an_operator(w: World) {
    for id in [1, 2] {
        w.wish(id, Priority::Write).await;
        let lease = w.claimed().await;
        w.jobs.fail(lease, "other bytes", Verdict::Quarantine).await.unwrap();
    }
    w.wish(1, Priority::Access).await;
    w.clock.advance(LEASE * 100);
    assert!(w.claim().await.is_none());
    let quarantined = w.jobs.list(in_state(JobState::Quarantined), None, 10).await.unwrap();
    assert_eq!(quarantined.iter().map(|job| job.reason.as_deref()).collect::<Vec<_>>(), [Some("other bytes"); 2]);
    assert!(w.jobs.list(in_state(JobState::Ready), None, 10).await.unwrap().is_empty());
    // More than one transaction takes, where names go into one at all.
    let named: Vec<JobId> = (0..500).map(|unknown| JobId(i64::MAX - unknown)).chain([quarantined[0].job]).collect();
    assert_eq!(w.jobs.retry(Retried::These(&named)).await.unwrap(), 1);
    assert_eq!(w.claimed().await.failures, 0);
    let retry = async |kind| w.jobs.retry(Retried::All(kind)).await.unwrap();
    assert_eq!((retry(Some(JobKind::WriteBack)).await, retry(Some(JobKind::Copy)).await, retry(None).await), (0, 1, 0));
    let of_this_state = w.jobs.retry(Retried::These(&[quarantined[0].job, quarantined[1].job])).await.unwrap();
    assert_eq!(of_this_state, 0, "neither is in quarantine any more");
}

async fn a_change_wakes_a_quarantined_job_of_its_document_and_a_flip_that_of_its_sweep(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.store(&numbered(1), b"old").await;
    while let Some(lease) = w.claim().await {
        w.jobs.fail(lease, "broken", Verdict::Quarantine).await.unwrap();
    }
    w.wish(1, Priority::Access).await;
    assert!(w.claim().await.is_none(), "the same need found again changes nothing");
    w.store(&numbered(1), b"new").await;
    let lease = w.claimed().await;
    assert_eq!((lease.kind, lease.failures), (JobKind::Copy, 0));
    w.flip_to(Phase::Dual).await;
    assert_eq!(w.claimed().await.kind, JobKind::Sweep);
}

async fn a_job_that_is_given_back_is_as_it_was(w: World) {
    w.wish(1, Priority::Write).await;
    let lease = w.claimed().await;
    w.jobs.give_back(lease, SECOND).await.unwrap();
    assert!(w.claim().await.is_none());
    w.clock.advance(SECOND);
    let lease = w.claimed().await;
    assert!(!lease.taken_over && lease.failures == 0);
}

async fn a_job_is_closed_only_when_its_document_no_longer_needs_it(w: World) {
    w.flip_to(Phase::Shadow).await;
    while let Some(sweep) = w.claim().await {
        assert_eq!(w.jobs.complete(sweep).await.unwrap(), Completion::Closed);
    }
    w.store(&numbered(1), b"x").await;
    let lease = w.claimed().await;
    assert_eq!(w.jobs.complete(lease).await.unwrap(), Completion::StillNeeded);
    let lease = w.claimed().await;
    w.copy(&numbered(1)).await;
    // Written again before the agent closed the job: the wish joins a job that is leased.
    w.store(&numbered(1), b"y").await;
    assert_eq!(w.jobs.complete(lease).await.unwrap(), Completion::StillNeeded);
    let lease = w.claimed().await;
    w.copy(&numbered(1)).await;
    assert_eq!(w.jobs.complete(lease).await.unwrap(), Completion::Closed);
    assert!(w.all_jobs().await.is_empty());
}

async fn a_checkpoint_survives_a_take_over_and_a_failure(w: World) {
    w.jobs
        .enqueue(vec![NewJob { kind: JobKind::Sweep, target: JobTarget::Collection(tenant(), documents()), priority: Priority::Sweep }])
        .await
        .unwrap();
    let lease = w.claimed().await;
    assert!(w.jobs.checkpoint(&lease, "after 7").await.unwrap());
    w.clock.advance(LEASE + SECOND);
    let lease = w.claimed().await;
    assert_eq!(lease.checkpoint.as_deref(), Some("after 7"));
    w.jobs.fail(lease, "busy", Verdict::RetryAfter(Duration::ZERO)).await.unwrap();
    assert_eq!(w.claimed().await.checkpoint.as_deref(), Some("after 7"));
}

async fn jobs_are_listed_in_pages_and_counted(w: World) {
    for id in 0..5 {
        w.wish(id, Priority::Write).await;
    }
    let lease = w.claimed().await;
    let first = w.jobs.list(JobFilter::default(), None, 3).await.unwrap();
    let rest = w.jobs.list(JobFilter::default(), Some(first[2].job), 3).await.unwrap();
    assert_eq!((first.len(), rest.len()), (3, 2));
    assert_eq!(first[0].owner.as_deref(), Some("one"));
    let of_kind = async |kind| w.jobs.list(JobFilter { kind: Some(kind), ..JobFilter::default() }, None, 9).await.unwrap().len();
    assert_eq!((of_kind(JobKind::Copy).await, of_kind(JobKind::WriteBack).await), (5, 0));
    let counts = w.jobs.counts().await.unwrap();
    let count = |state| counts.iter().find(|count| count.state == state).map(|count| (count.kind, count.jobs, count.oldest));
    assert_eq!(count(JobState::Ready), Some((JobKind::Copy, 4, lease.created_at)));
    assert_eq!(count(JobState::Leased), Some((JobKind::Copy, 1, lease.created_at)));
    assert_eq!(count(JobState::Quarantined), None);
}

async fn no_more_leases_hold_than_the_limit_whoever_claims(w: World) {
    for id in 0..6 {
        w.wish(id, Priority::Write).await;
    }
    let claims = (0..6).map(|number| {
        let queue = if number % 2 == 0 { &w.jobs } else { &w.peer.jobs };
        async move { queue.claim("one", LEASE, Some(2)).await.unwrap() }
    });
    let mut held: Vec<Lease> = join_all(claims).await.into_iter().flatten().collect();
    assert_eq!(held.len(), 2);
    assert!(w.peer.jobs.claim("two", LEASE, Some(2)).await.unwrap().is_none());
    w.jobs.give_back(held.pop().unwrap(), SECOND).await.unwrap();
    held.push(w.peer.jobs.claim("two", LEASE, Some(2)).await.unwrap().expect("a place is free again"));
    assert!(w.jobs.claim("one", LEASE, Some(2)).await.unwrap().is_none());
    assert!(w.jobs.claim("one", LEASE, Some(3)).await.unwrap().is_some());
}

async fn jobs_that_are_claimed_together_are_the_most_urgent_and_no_more_than_may_be(w: World) {
    for id in 0..6 {
        w.wish(id, if id < 4 { Priority::Sweep } else { Priority::Access }).await;
    }
    assert!(w.jobs.claim_some("one", LEASE, None, 0).await.unwrap().is_empty());
    let mut held = Vec::new();
    while held.len() < 2 {
        let wanted = 2 - held.len();
        let some = w.jobs.claim_some("one", LEASE, Some(3), wanted).await.unwrap();
        assert_eq!(some.len(), wanted.min(w.jobs.claims_at_once()), "jobs are due, and it says how many it grants in one call");
        held.extend(some);
    }
    assert!(held.iter().all(|lease| lease.priority == Priority::Access));
    held.extend(w.peer.jobs.claim_some("two", LEASE, Some(3), 10).await.unwrap());
    assert_eq!(held.len(), 3, "the limit counts what is claimed together, too");
    let mut jobs: Vec<_> = held.iter().map(|lease| lease.job).collect();
    jobs.sort_unstable();
    jobs.dedup();
    assert_eq!(jobs.len(), 3, "each has one holder");
    for lease in held {
        w.jobs.give_back(lease, SECOND).await.unwrap();
    }
}

async fn a_lease_that_ran_out_takes_up_no_place_of_the_limit(w: World) {
    w.wish(1, Priority::Write).await;
    w.wish(2, Priority::Write).await;
    let lost = w.jobs.claim("one", LEASE, Some(1)).await.unwrap().unwrap();
    w.clock.advance(LEASE + SECOND);
    let taken = w.peer.jobs.claim("two", LEASE, Some(1)).await.unwrap().unwrap();
    assert_eq!((about(&taken), taken.taken_over), (about(&lost), true));
    assert!(w.jobs.claim("one", LEASE, Some(1)).await.unwrap().is_none());
}

async fn those_beyond_a_lowered_limit_are_the_same_to_all_who_ask(w: World) {
    let mut held = Vec::new();
    for id in 1..=4 {
        w.wish(id, Priority::Write).await;
        held.push(w.claimed().await);
    }
    for limit in 0..=5_u64 {
        let mut within = 0;
        for lease in &held {
            let here = w.jobs.is_beyond(lease, limit).await.unwrap();
            assert_eq!(w.peer.jobs.is_beyond(lease, limit).await.unwrap(), here);
            within += u64::from(!here);
        }
        assert_eq!(within, limit.min(4));
    }
}

async fn a_hold_has_one_owner_who_can_renew_it_until_it_runs_out(w: World) {
    assert!(w.jobs.hold("stats", "one", LEASE).await.unwrap());
    assert!(!w.peer.jobs.hold("stats", "two", LEASE).await.unwrap());
    assert!(w.peer.jobs.hold("other", "two", LEASE).await.unwrap());
    w.clock.advance(LEASE - SECOND);
    assert!(w.jobs.hold("stats", "one", LEASE).await.unwrap());
    w.clock.advance(LEASE);
    assert!(!w.peer.jobs.hold("stats", "two", LEASE).await.unwrap());
    w.clock.advance(SECOND);
    assert!(w.peer.jobs.hold("stats", "two", LEASE).await.unwrap());
    assert!(!w.jobs.hold("stats", "one", LEASE).await.unwrap());
    // Clocks that differ by a little cost nobody the hold; one that was far ahead holds nobody up once it is put back.
    w.clock.put_back(CLOCK_SKEW);
    assert!(!w.jobs.hold("stats", "one", LEASE).await.unwrap());
    w.clock.put_back(SECOND);
    assert!(w.jobs.hold("stats", "one", LEASE).await.unwrap());
}

on_every_backend!(
    jobs_go_by_priority_and_then_by_age,
    a_second_wish_joins_the_first_and_raises_its_priority,
    every_kind_of_target_comes_back_as_it_went_in,
    a_job_of_a_collection_that_is_gone_stops_no_other_job,
    a_job_has_one_holder_however_many_claim,
    a_lease_that_ran_out_is_taken_over_and_counts_as_a_failure,
    a_lost_lease_cannot_fail_or_give_back,
    a_heartbeat_keeps_the_lease,
    a_failed_job_waits_and_keeps_its_reason,
    a_quarantined_job_waits_for_an_operator,
    a_change_wakes_a_quarantined_job_of_its_document_and_a_flip_that_of_its_sweep,
    a_job_that_is_given_back_is_as_it_was,
    a_job_is_closed_only_when_its_document_no_longer_needs_it,
    a_checkpoint_survives_a_take_over_and_a_failure,
    jobs_are_listed_in_pages_and_counted,
    no_more_leases_hold_than_the_limit_whoever_claims,
    jobs_that_are_claimed_together_are_the_most_urgent_and_no_more_than_may_be,
    a_lease_that_ran_out_takes_up_no_place_of_the_limit,
    those_beyond_a_lowered_limit_are_the_same_to_all_who_ask,
    a_hold_has_one_owner_who_can_renew_it_until_it_runs_out,
);
