//! Restores to an instant, the stores' part: what is known of a document around an instant, and the runs.

use std::time::Duration;

use jiff::Timestamp;
use sluss::model::content::Fingerprint;
use sluss::model::history::{MarkName, Version};
use sluss::model::job::{JobKind, JobTarget};
use sluss::model::phase::Phase;
use sluss::model::restore::{Beginning, RestoreFigures, RestoreWish};
use sluss::store::queue::Verdict;
use sluss::store::sql::WalkEnd;

use crate::history::{now, versions};
use crate::support::{World, bare, guid, numbered, shared};

async fn around_an_instant_the_oldest_content_that_ended_later_is_told_and_how_its_beginning_is_known(w: World) {
    w.flip_to(Phase::Dual).await;
    let key = numbered(1);
    let trace = async |instant: i64| w.sql.trace(&key, Timestamp::from_millisecond(instant).unwrap()).await.unwrap();
    let begun = now(&w);
    let first = w.store(&key, b"first").await.stamp.unwrap();
    let noted = trace(begun).await;
    assert_eq!(noted.noted.map(|(at, sha256)| (at.as_millisecond(), sha256)), Some((begun, Fingerprint::of(b"first").sha256)));
    assert_eq!((noted.located_begun, noted.version, noted.last_ended), (None, None, None));
    w.clock.advance(Duration::from_secs(60));
    w.copy(&key).await;
    assert_eq!(trace(begun).await.located_begun.unwrap().as_millisecond(), begun, "its copy has taken that over");
    w.clock.advance(Duration::from_secs(60));
    let replaced = now(&w);
    w.store(&key, b"second").await;
    w.clock.advance(Duration::from_secs(60));
    w.delete(&key).await;
    let deleted = now(&w);
    let [before, between, after] = [trace(replaced - 1).await, trace(replaced).await, trace(deleted).await];
    let version = before.version.unwrap();
    assert_eq!((version.stamp.clone(), version.begins()), (first, Beginning::At(Timestamp::from_millisecond(begun).unwrap())));
    assert_eq!(between.version.map(|version| version.length_bytes), Some(6));
    assert_eq!((after.version, after.last_ended.unwrap().as_millisecond()), (None, deleted));
    // What others wrote is as old as its copy, or older; what nobody copied is of any age.
    let around = numbered(2);
    w.customer.insert(&around, Some(b"around"));
    w.copy(&around).await;
    let copied = now(&w);
    w.customer.set_content(&around, Some(b"around again"));
    w.store(&around, b"third").await;
    let begins: Vec<Beginning> = versions(&w, &around).await.iter().map(Version::begins).collect();
    assert_eq!(begins, [Beginning::By(Timestamp::from_millisecond(copied).unwrap()), Beginning::Unknown]);
    // What ended first is the older, also where a trigger's clock is months ahead of the one by which the next ended.
    let twice = numbered(4);
    w.customer.insert(&twice, Some(b"first"));
    w.copy(&twice).await;
    w.customer.delete(&twice);
    w.customer.insert(&twice, Some(b"second"));
    w.store(&twice, b"third").await;
    let told = w.sql.trace(&twice, Timestamp::UNIX_EPOCH).await.unwrap().version;
    assert_eq!((told.as_ref(), told.as_ref().map(|version| version.length_bytes)), (versions(&w, &twice).await.first(), Some(5)));
    // The gateway's own object holds from its write on, and so does the empty content.
    w.flip_to(Phase::Object).await;
    for key in [numbered(3), bare("3")] {
        let written = now(&w);
        w.point(&key, b"pointed").await;
        assert_eq!(w.sql.trace(&key, Timestamp::UNIX_EPOCH).await.unwrap().located_begun.unwrap().as_millisecond(), written, "{key}");
    }
    let empty = shared(4);
    w.customer.insert(&empty, Some(b"x"));
    w.store(&empty, b"").await;
    assert_eq!(w.sql.trace(&empty, Timestamp::UNIX_EPOCH).await.unwrap().located_begun.unwrap().as_millisecond(), now(&w));
}

async fn one_restore_is_under_way_at_a_time_and_each_is_remembered(w: World) {
    let instant = Timestamp::from_millisecond(now(&w) - 5000).unwrap();
    let all = RestoreWish { instant, only: None, into: None };
    let one = RestoreWish { only: Some((crate::support::documents(), "7".into())), into: Some("globex".parse().unwrap()), ..all.clone() };
    assert_eq!(w.sql.begin_restore(&all).await.unwrap(), Some(1));
    let parts = w.sql.restores().await.unwrap();
    let jobs = w.all_jobs().await.into_iter().filter(|job| job.kind == JobKind::Restore).count();
    assert!(parts.len() > 1 && parts.len() == jobs && parts.iter().all(|part| part.instant == instant && part.ended_at.is_none()));
    assert_eq!(w.sql.begin_restore(&one).await.unwrap(), None, "another is under way");
    let figures = RestoreFigures { looked_at: 3, restored: 2, ..RestoreFigures::default() };
    for part in &parts {
        w.sql.note_restore(1, &part.collection.parse().unwrap(), figures, Some(WalkEnd::Stopped("for a reason".into()))).await.unwrap();
    }
    w.clock.advance(Duration::from_secs(1));
    assert_eq!(w.sql.begin_restore(&one).await.unwrap(), Some(2));
    // Who worked on the one before, and has not heard that it has ended, does not end this one.
    w.sql.note_restore(1, &crate::support::documents(), RestoreFigures::default(), Some(WalkEnd::Whole)).await.unwrap();
    let listed = w.sql.restores().await.unwrap();
    assert_eq!((listed[0].number, listed[0].document.as_deref(), listed[0].into.as_deref()), (2, Some("7"), Some("globex")));
    assert_eq!((listed[0].started_at.as_millisecond(), listed[0].ended_at), (now(&w), None));
    assert_eq!((listed.len(), listed[1].figures, listed[1].stopped.as_deref()), (parts.len() + 1, figures, Some("for a reason")));
    assert!(w.neighbour.restores().await.unwrap().is_empty());
    // An operator who leaves its job in quarantine has given it up.
    while let Some(lease) = w.jobs.claim("a", Duration::from_secs(60), None).await.unwrap() {
        w.jobs.fail(lease, "broken", Verdict::Quarantine).await.unwrap();
    }
    assert_eq!(w.sql.begin_restore(&all).await.unwrap(), Some(3));
    let given_up = w.sql.restores().await.unwrap().into_iter().find(|part| part.number == 2).unwrap();
    assert_eq!(given_up.stopped.as_deref(), Some("its job was given up"));
}

async fn a_restore_that_is_cancelled_ends_where_nobody_is_at_it_and_its_agent_ends_the_rest(w: World) {
    let all = RestoreWish { instant: Timestamp::from_millisecond(now(&w)).unwrap(), only: None, into: None };
    assert!(!w.sql.cancel_restore(1).await.unwrap(), "there is none");
    assert_eq!(w.sql.begin_restore(&all).await.unwrap(), Some(1));
    let mut leases = Vec::new();
    while let Some(lease) = w.jobs.claim("a", Duration::from_secs(60), None).await.unwrap() {
        match lease.kind == JobKind::Restore && leases.is_empty() {
            true => leases.push(lease),
            false => w.jobs.give_back(lease, Duration::from_secs(3600)).await.unwrap(),
        }
    }
    let lease = leases.pop().unwrap();
    let JobTarget::Collection(_, at_work) = lease.target.clone() else { panic!("{lease:?}") };
    let figures = RestoreFigures { looked_at: 3, restored: 2, ..RestoreFigures::default() };
    assert!(w.sql.note_restore(1, &at_work, figures, None).await.unwrap());
    assert!(w.sql.open_restore(&at_work).await.unwrap().unwrap().stopped.is_none());
    w.clock.advance(Duration::from_secs(1));
    assert!(!w.neighbour.cancel_restore(1).await.unwrap(), "that is another tenant's");
    assert!(!w.sql.cancel_restore(2).await.unwrap());
    assert!(w.sql.cancel_restore(1).await.unwrap());
    // The parts that nobody was at are over, and their jobs are gone.
    let parts = w.sql.restores().await.unwrap();
    let (open, over): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.ended_at.is_none());
    assert_eq!(open.iter().map(|part| part.collection.as_str()).collect::<Vec<_>>(), [at_work.as_str()]);
    assert!(!over.is_empty() && parts.iter().all(|part| part.stopped.as_deref() == Some("cancelled by an operator")), "{parts:?}");
    assert_eq!(w.all_jobs().await.iter().filter(|job| job.kind == JobKind::Restore).count(), 1);
    // The agent that is at the last one hears of it, and nobody begins another one before it has ended that.
    assert_eq!(w.sql.begin_restore(&all).await.unwrap(), None);
    let figures = RestoreFigures { looked_at: 4, ..figures };
    assert!(!w.sql.note_restore(1, &at_work, figures, None).await.unwrap());
    assert!(w.sql.cancel_restore(1).await.unwrap(), "it can be asked again");
    assert!(!w.sql.note_restore(1, &at_work, figures, Some(WalkEnd::Stopped("by the agent".into()))).await.unwrap());
    w.jobs.complete(lease).await.unwrap();
    assert_eq!(w.sql.open_restore(&at_work).await.unwrap(), None);
    let ended = w.sql.restores().await.unwrap().into_iter().find(|part| part.collection == at_work.as_str()).unwrap();
    assert_eq!(
        (ended.figures, ended.stopped.as_deref(), ended.ended_at.unwrap().as_millisecond()),
        (figures, Some("by the agent"), now(&w))
    );
    // A lease that ran out is nobody's.
    assert_eq!(w.sql.begin_restore(&all).await.unwrap(), Some(2));
    w.jobs.claim("a", Duration::from_secs(60), None).await.unwrap().unwrap();
    w.clock.advance(Duration::from_secs(61));
    assert!(w.sql.cancel_restore(2).await.unwrap());
    assert!(w.sql.restores().await.unwrap().iter().all(|part| part.ended_at.is_some()));
    assert_eq!(w.all_jobs().await.iter().filter(|job| job.kind == JobKind::Restore).count(), 0);
}

async fn since_when_a_document_was_marked_is_known_and_what_was_hidden_then(w: World) {
    w.flip_to(Phase::Dual).await;
    for key in [guid("018f2e1c-8a9b-7c3d-9e4f-5a6b7c8d9e0f"), guid("118f2e1c-8a9b-7c3d-9e4f-5a6b7c8d9e0f")] {
        let marked = async || w.sql.trace(&key, Timestamp::UNIX_EPOCH).await.unwrap().marked.map(Timestamp::as_millisecond);
        w.store(&key, b"first").await;
        w.copy(&key).await;
        assert_eq!(marked().await, None);
        w.clock.advance(Duration::from_secs(60));
        w.delete(&key).await;
        let hidden = now(&w);
        assert_eq!(marked().await, Some(hidden));
        w.clock.advance(Duration::from_secs(60));
        w.store(&key, b"second").await;
        assert_eq!(marked().await, None);
        w.clock.advance(Duration::from_secs(60));
        w.store(&key, b"third").await;
        let mut hidden_at: Vec<Option<i64>> =
            versions(&w, &key).await.iter().map(|version| version.hidden_at.map(Timestamp::as_millisecond)).collect();
        assert_eq!(hidden_at.pop(), Some(None), "{key}: it was visible for all its time");
        // The mark changed the row, so that SQL held what its object had, too.
        assert_eq!(hidden_at, [Some(hidden), Some(hidden)], "{key}");
    }
}

async fn a_mark_tells_its_moment_and_what_is_put_back_to_it_is_behind(w: World) {
    let name: MarkName = "before_the_upgrade".parse().unwrap();
    let before = w.sql.tick().await.unwrap();
    assert_eq!(w.sql.mark(&name).await.unwrap().as_millisecond(), now(&w));
    assert!(before.is_behind(w.sql.tick().await.unwrap()), "the mark's own transaction had not raised it yet");
}

on_every_backend!(
    since_when_a_document_was_marked_is_known_and_what_was_hidden_then,
    a_mark_tells_its_moment_and_what_is_put_back_to_it_is_behind,
    around_an_instant_the_oldest_content_that_ended_later_is_told_and_how_its_beginning_is_known,
    one_restore_is_under_way_at_a_time_and_each_is_remembered,
    a_restore_that_is_cancelled_ends_where_nobody_is_at_it_and_its_agent_ends_the_rest,
);
