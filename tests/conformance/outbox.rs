//! What a commit leaves behind in its own transaction: the jobs that it calls for, and the figures.

use sluss::clock::Clock;
use sluss::model::job::{JobKind, JobState, Priority};
use sluss::model::phase::Phase;
use sluss::store::sql::{Holding, Tally};

use crate::support::sqlite::{all_collections, world_with};
use crate::support::{World, if_match, lettered, numbered};

const COPY: (JobKind, Priority, JobState) = (JobKind::Copy, Priority::Write, JobState::Ready);
const WRITE_BACK: (JobKind, Priority, JobState) = (JobKind::WriteBack, Priority::Write, JobState::Ready);

async fn a_store_leaves_one_copy_job_where_the_phase_calls_for_copies(w: World) {
    w.store(&numbered(1), b"x").await;
    assert!(w.jobs_of(&numbered(1)).await.is_empty());
    for phase in [Phase::Shadow, Phase::Dual, Phase::Object] {
        w.flip_to(phase).await;
        let key = numbered(2 + phase as i64);
        w.store(&key, b"x").await;
        w.store(&key, b"y").await;
        assert_eq!(w.jobs_of(&key).await, [COPY], "{phase}");
    }
}

async fn a_job_names_the_rows_own_spelling(w: World) {
    w.customer.insert(&lettered("Anna"), None);
    w.flip_to(Phase::Shadow).await;
    w.store(&lettered("ANNA"), b"x").await;
    w.store(&lettered("anna"), b"y").await;
    assert_eq!(w.jobs_of(&lettered("Anna")).await, [COPY]);
}

async fn a_point_leaves_no_write_back_without_a_mirror(w: World) {
    w.flip_to(Phase::Object).await;
    w.point(&numbered(1), b"x").await;
    assert!(w.jobs_of(&numbered(1)).await.is_empty());
}

async fn a_refused_change_leaves_nothing(w: World) {
    w.flip_to(Phase::Shadow).await;
    let stale = w.store(&numbered(1), b"x").await.stamp.unwrap();
    let change = sluss::store::sql::Change::Store {
        content: crate::support::inline(b"y"),
        attributes: sluss::store::sql::NewAttributes::default(),
        precondition: if_match(&stale),
    };
    w.commit(&numbered(2), change).await;
    assert!(w.jobs_of(&numbered(2)).await.is_empty());
    assert_eq!(w.sql.tally().await.unwrap().sql.documents, 1);
}

async fn the_figures_follow_every_commit(w: World) {
    let holding = |documents, bytes| Holding { documents, bytes };
    let figures = async || {
        let Tally { sql, both, object, .. } = w.sql.tally().await.unwrap();
        (sql, both, object)
    };
    let none = Holding::default();
    w.flip_to(Phase::Object).await;
    w.store(&numbered(1), b"12345").await;
    assert_eq!(figures().await, (holding(1, 5), none, none));
    w.store(&numbered(1), b"123").await;
    assert_eq!(figures().await, (holding(1, 3), none, none));
    w.copy(&numbered(1)).await;
    assert_eq!(figures().await, (none, holding(1, 3), none));
    w.point(&numbered(1), b"1234567").await;
    assert_eq!(figures().await, (none, none, holding(1, 7)));
    w.delete(&numbered(1)).await;
    assert_eq!(figures().await, (none, none, none));
}

async fn a_sweep_counts_every_document_once_whatever_is_committed_meanwhile(w: World) {
    let documents = "documents".parse().unwrap();
    w.flip_to(Phase::Shadow).await;
    for number in 1..=7 {
        w.store(&numbered(number), &[0; 10]).await;
    }
    let first = w.sql.sweep_page(&documents, None, 3).await.unwrap();
    // Behind the sweep's place, ahead of it, and both ways across the holders.
    w.copy(&numbered(1)).await;
    w.delete(&numbered(2)).await;
    w.store(&numbered(3), &[0; 20]).await;
    w.copy(&numbered(6)).await;
    let second = w.sql.sweep_page(&documents, first.next.as_ref(), 3).await.unwrap();
    // The same page again, as after a crash, and by somebody who has lost his lease.
    w.sql.sweep_page(&documents, first.next.as_ref(), 3).await.unwrap();
    w.store(&numbered(4), &[0; 30]).await;
    assert_eq!(w.sql.tally().await.unwrap().swept_at, None);
    let last = w.sql.sweep_page(&documents, second.next.as_ref(), 3).await.unwrap();
    assert!(last.next.is_none());
    w.sql.sweep_page(&documents, second.next.as_ref(), 3).await.unwrap();
    w.delete(&numbered(7)).await;
    let figures = w.sql.tally().await.unwrap();
    let mut counted = Tally { swept_at: Some(w.clock.now()), ..Tally::default() };
    w.sql.scan(&documents, None, 100).await.unwrap().rows.iter().for_each(|row| counted.count(row));
    assert_eq!(figures, counted);
}

on_every_backend!(
    a_store_leaves_one_copy_job_where_the_phase_calls_for_copies,
    a_job_names_the_rows_own_spelling,
    a_point_leaves_no_write_back_without_a_mirror,
    a_refused_change_leaves_nothing,
    the_figures_follow_every_commit,
    a_sweep_counts_every_document_once_whatever_is_committed_meanwhile,
);

#[tokio::test]
async fn a_point_leaves_a_write_back_with_a_mirror() {
    let w = world_with(&sluss::store::settings::TenantSettings { mirror: true, ..all_collections() }).await;
    w.flip_to(Phase::Object).await;
    w.point(&numbered(1), b"x").await;
    assert_eq!(w.jobs_of(&numbered(1)).await, [WRITE_BACK]);
}
