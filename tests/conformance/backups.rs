//! Backups in the tenant's database: runs one at a time, manifests that hold back history, and what changed since an instant.

use std::time::Duration;

use jiff::Timestamp;
use sluss::clock::Clock;
use sluss::model::backup::{BackupFigures, BackupKind, BackupRun, BackupState, BadCopy, Held, Manifest, Signature};
use sluss::model::content::{ContentHash, Fingerprint};
use sluss::model::history::TICK;
use sluss::model::id::{CollectionName, DocId};
use sluss::model::job::{JobKind, JobTarget};
use sluss::model::phase::Phase;
use sluss::model::stamp::Stamp;
use sluss::store::backups::{BackupEnd, Ended, Located};
use sluss::store::queue::Verdict;

use crate::support::{World, bare, documents, lettered, mint, numbered, tenant};

const LEASE: Duration = Duration::from_secs(60);

fn manifest(number: u64, instant: Timestamp) -> Manifest {
    Manifest {
        number,
        instant,
        kind: if number == 1 { BackupKind::Base } else { BackupKind::Increment },
        epoch: 1,
        object: mint().object().id,
        length: 100 + number,
        sha256: ContentHash([number as u8; 32]),
        previous: (number > 1).then_some(ContentHash([number as u8 - 1; 32])),
        staged_from: None,
        documents: 7,
        bytes: 70,
        signature: Signature([number as u8; 64]),
    }
}

async fn begin(w: &World) -> BackupRun {
    w.sql.begin_backup().await.unwrap().expect("none is under way")
}

/// What an agent does once it has removed what left the backup.
async fn complete(w: &World) {
    let lease = w.jobs.claim("agent", LEASE, None).await.unwrap().expect("it is the only job");
    w.jobs.complete(lease).await.unwrap();
}

async fn keep(w: &World) -> Manifest {
    let run = begin(w).await;
    let manifest = manifest(run.number, run.instant);
    w.sql.end_backup(run.number, run.figures, BackupEnd::Kept(Box::new(manifest.clone()))).await.unwrap();
    manifest
}

async fn states(w: &World) -> Vec<(u64, BackupState)> {
    w.sql.backups(None, 100).await.unwrap().into_iter().map(|run| (run.number, run.state)).collect()
}

async fn one_backup_is_under_way_at_a_time_and_has_a_job(w: World) {
    let run = begin(&w).await;
    let figures = BackupFigures::default();
    let begun =
        BackupRun { number: 1, state: BackupState::Running, instant: w.clock.now(), ended_at: None, figures, reason: None, manifest: None };
    assert_eq!(run, begun);
    assert_eq!(w.sql.begin_backup().await.unwrap(), None);
    let jobs: Vec<_> = w.all_jobs().await.into_iter().map(|job| (job.kind, job.target)).collect();
    assert_eq!(jobs, [(JobKind::Backup, JobTarget::Tenant(tenant()))]);
    let figures = BackupFigures { documents: 3, bytes: 30, only_in_sql: 1, left_out: 2, objects_copied: 4, bytes_copied: 40 };
    w.sql.note_backup(1, figures).await.unwrap();
    assert_eq!(w.sql.backups_in(BackupState::Running).await.unwrap(), [BackupRun { figures, ..begun.clone() }]);
    let (ended, kept) = (BackupFigures { documents: 9, ..figures }, manifest(1, run.instant));
    w.clock.advance(Duration::from_secs(5));
    w.sql.end_backup(1, ended, BackupEnd::Kept(Box::new(kept.clone()))).await.unwrap();
    let expected =
        BackupRun { state: BackupState::Kept, ended_at: Some(w.clock.now()), figures: ended, manifest: Some(kept), ..begun.clone() };
    assert_eq!(w.sql.backups(None, 9).await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(w.sql.begin_backup().await.unwrap(), None, "its job removes what left the backup");
    complete(&w).await;
    // One that has ended stays as it is.
    w.sql.end_backup(1, figures, BackupEnd::Failed("late".into())).await.unwrap();
    w.sql.note_backup(1, figures).await.unwrap();
    assert_eq!(w.sql.backups_in(BackupState::Kept).await.unwrap(), [expected]);
    assert_eq!(begin(&w).await.number, 2);
    w.sql.end_backup(2, figures, BackupEnd::Failed("no\nroom".into())).await.unwrap();
    assert_eq!(w.sql.backups(Some(3), 1).await.unwrap()[0].reason.as_deref(), Some("no\nroom"));
    assert_eq!(states(&w).await, [(2, BackupState::Failed), (1, BackupState::Kept)]);
    w.sql.set_backup(1, BackupState::Broken, Some("it was altered")).await.unwrap();
    w.sql.set_backup(1, BackupState::Gone, None).await.unwrap();
    let gone = w.sql.backups_in(BackupState::Gone).await.unwrap();
    assert_eq!((gone.len(), gone[0].reason.as_deref()), (1, Some("it was altered")));
    assert!(w.neighbour.backups(None, 9).await.unwrap().is_empty());
}

async fn a_backup_whose_job_was_given_up_has_failed_and_another_one_begins(w: World) {
    begin(&w).await;
    let lease = w.jobs.claim("agent", LEASE, None).await.unwrap().unwrap();
    assert!(w.jobs.checkpoint(&lease, "somewhere").await.unwrap());
    w.jobs.fail(lease, "no room", Verdict::Quarantine).await.unwrap();
    let run = begin(&w).await;
    assert_eq!(states(&w).await, [(2, BackupState::Running), (1, BackupState::Failed)]);
    let lease = w.jobs.claim("agent", LEASE, None).await.unwrap().expect("its job is ready again");
    assert_eq!((lease.kind, lease.failures, &lease.checkpoint), (JobKind::Backup, 0, &None), "of another run");
    w.sql.end_backup(run.number, run.figures, BackupEnd::Failed("as told".into())).await.unwrap();
    w.jobs.complete(lease).await.unwrap();
    assert!(w.all_jobs().await.is_empty());
}

async fn manifests_that_the_database_does_not_know_are_taken_in(w: World) {
    let known = keep(&w).await;
    complete(&w).await;
    begin(&w).await;
    let now = w.clock.now();
    let unknown: Vec<Manifest> = (2..=4).map(|number| manifest(number, now)).collect();
    w.sql.adopt_backups(unknown.clone()).await.unwrap();
    assert_eq!(w.sql.backups_in(BackupState::Running).await.unwrap()[0].number, 5);
    let kept: Vec<Manifest> = w.sql.backups_in(BackupState::Kept).await.unwrap().into_iter().filter_map(|run| run.manifest).collect();
    assert_eq!(kept, [vec![known], unknown.clone()].concat());
    w.sql.adopt_backups(unknown).await.unwrap();
    assert_eq!(states(&w).await.len(), 5);
}

async fn a_version_stays_while_a_manifest_of_its_time_is_kept(w: World) {
    w.flip_to(Phase::Object).await;
    let pass = async |ticks: u32| {
        for _ in 0..ticks {
            w.clock.advance(TICK);
            let found = w.sql.tick().await.unwrap();
            w.sql.raise_tick(found).await.unwrap();
        }
    };
    let write = async |text: &str| {
        w.point(&numbered(1), text.as_bytes()).await;
        pass(1).await;
    };
    write("before").await;
    write("of the manifest").await;
    let kept = keep(&w).await;
    pass(1).await;
    write("after").await;
    write("current").await;
    pass(10).await;
    assert_eq!(w.sql.history(Some(5)).await.unwrap().past.versions, 2);
    assert_eq!(w.sql.expire(5, 10).await.unwrap().versions, 2);
    let left = w.sql.versions(&numbered(1), None, 10).await.unwrap();
    assert_eq!(left.iter().map(|version| version.length_bytes).collect::<Vec<_>>(), ["of the manifest".len() as u64]);
    w.sql.set_backup(kept.number, BackupState::Leaving, None).await.unwrap();
    assert_eq!(w.sql.history(Some(5)).await.unwrap().past.versions, 1);
    assert_eq!(w.sql.expire(5, 10).await.unwrap().versions, 1);
}

async fn what_was_located_since_is_walked_in_the_order_of_time(w: World) {
    w.flip_to(Phase::Object).await;
    let letters: CollectionName = "letters".parse().unwrap();
    let located = async |collection: &CollectionName, since: Timestamp, page: usize| {
        let mut found: Vec<Located> = Vec::new();
        loop {
            let next = w.sql.located_since(collection, since, found.last(), page).await.unwrap();
            if next.is_empty() {
                return found.into_iter().map(|located| located.id).collect::<Vec<DocId>>();
            }
            found.extend(next);
        }
    };
    let begun = w.clock.now();
    for id in [5, 3, 4] {
        w.point(&numbered(id), b"at one moment").await;
    }
    w.clock.advance(Duration::from_secs(1));
    w.point(&numbered(1), b"later").await;
    for id in ["b", "å", "A"] {
        w.point(&lettered(id), b"in another collection").await;
    }
    w.clock.advance(Duration::from_secs(1));
    w.point(&numbered(4), b"once more").await;
    let numbers = |ids: &[i64]| ids.iter().map(|id| DocId::Integer(*id)).collect::<Vec<_>>();
    for page in 1..4 {
        assert_eq!(located(&documents(), begun, page).await, numbers(&[3, 5, 1, 4]), "{page} at once");
        assert_eq!(located(&letters, begun, page).await.len(), 3);
    }
    assert_eq!(located(&documents(), begun + Duration::from_secs(1), 9).await, numbers(&[1, 4]));
    assert!(located(&documents(), begun + Duration::from_secs(3), 9).await.is_empty());
}

async fn what_ended_since_is_walked_in_the_order_of_time(w: World) {
    w.flip_to(Phase::Object).await;
    let begun = w.clock.now();
    for id in 1..=4 {
        w.point(&numbered(id), b"first").await;
    }
    w.clock.advance(Duration::from_secs(1));
    for id in [3, 1] {
        w.point(&numbered(id), b"second").await;
    }
    w.point(&numbered(2), b"second").await;
    w.point(&bare("Of text"), b"text").await;
    w.clock.advance(Duration::from_secs(1));
    w.point(&bare("Of text"), b"second").await;
    let ended = async |since: Timestamp, page: usize| {
        let (mut found, mut after): (Vec<(String, i64)>, Option<Ended>) = (Vec::new(), None);
        loop {
            let next = w.sql.ended_since(since, after, page).await.unwrap();
            let Some(last) = next.last() else { return found };
            after = Some(Ended { at: last.held_to, number: last.number });
            let after_begun = |at: Timestamp| at.as_millisecond() - begun.as_millisecond();
            found.extend(next.into_iter().map(|version| (version.document, after_begun(version.held_to))));
        }
    };
    let all = [("3", 1000), ("1", 1000), ("2", 1000), ("Of text", 2000)].map(|(document, at)| (document.to_owned(), at));
    for page in 1..5 {
        assert_eq!(ended(begun, page).await, all, "{page} at once");
    }
    assert_eq!(ended(begun + Duration::from_secs(2), 9).await, all[3..]);
    assert!(w.neighbour.ended_since(begun, None, 9).await.unwrap().is_empty());
}

async fn bad_copies_are_noted_once_until_they_are_forgotten(w: World) {
    let bad = |number: u8, what: &str| {
        let (object, content) = (mint().stored(), Fingerprint::of(&[number]));
        let held = Held {
            collection: "documents".into(),
            document: format!("\"å\" {number}"),
            stamp: Stamp::Object(object.id),
            placement: object.placement,
            object: object.id,
            length: content.length_bytes,
            sha256: content.sha256,
            pieces: content.pieces,
            media_type: Some("text/plain".into()),
            file_name: None,
            held_from: Some(w.clock.now()),
            held_to: None,
        };
        BadCopy { held, what: what.to_owned(), found_at: w.clock.now() }
    };
    let (one, two) = (bad(1, "it is not there"), bad(2, "other bytes"));
    w.sql.note_bad_copies(vec![one.clone(), two.clone()]).await.unwrap();
    let again = BadCopy { what: "it ends early".into(), ..one.clone() };
    w.sql.note_bad_copies(vec![again.clone()]).await.unwrap();
    assert_eq!(w.sql.bad_copies(9).await.unwrap(), [again, two.clone()]);
    assert!(w.neighbour.bad_copies(9).await.unwrap().is_empty());
    w.sql.forget_bad_copy(one.held.object).await.unwrap();
    assert_eq!(w.sql.bad_copies(9).await.unwrap(), [two]);
}

on_every_backend!(
    one_backup_is_under_way_at_a_time_and_has_a_job,
    a_backup_whose_job_was_given_up_has_failed_and_another_one_begins,
    manifests_that_the_database_does_not_know_are_taken_in,
    a_version_stays_while_a_manifest_of_its_time_is_kept,
    what_was_located_since_is_walked_in_the_order_of_time,
    what_ended_since_is_walked_in_the_order_of_time,
    bad_copies_are_noted_once_until_they_are_forgotten,
);
