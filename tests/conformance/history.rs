//! Contents that documents had: made by whatever ends their time, brought out of staging, and given up by ticks, never by a clock.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use sluss::clock::Clock;
use sluss::model::content::Fingerprint;
use sluss::model::history::{Kept, TICK, Tick, Version};
use sluss::model::id::{Attempt, DocKey, ObjectRef};
use sluss::model::job::{JobKind, JobTarget};
use sluss::model::phase::Phase;
use sluss::model::stamp::Epoch;
use sluss::store::error::Interrupted;
use sluss::store::history::{HistoryFigures, VersionCount};
use sluss::store::queue::Completion;
use sluss::store::sql::{Condemned, Recorded, SqlStore, UploadPurpose};

use crate::support::{World, bare, content, guid, lettered, mint, numbered, shared, tenant};

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn versions(w: &World, key: &DocKey) -> Vec<Version> {
    let mut versions = w.sql.versions(key, None, 100).await.unwrap();
    versions.reverse();
    versions
}

fn staged(version: &Version) -> Attempt {
    match &version.kept {
        Kept::Staged(attempt) => *attempt,
        Kept::Empty | Kept::Object { .. } => panic!("not staged: {version:?}"),
    }
}

async fn staged_bytes(w: &World, attempt: Attempt, offset: u64) -> Vec<u8> {
    let portions: Vec<Bytes> = w.sql.open_staged(attempt, offset).await.unwrap().try_collect().await.unwrap();
    portions.concat()
}

/// What the agent of a `keep` job does.
async fn bring_out(w: &World, attempt: Attempt) -> ObjectRef {
    let object = w.upload(UploadPurpose::Keep).await;
    let epoch = w.sql.state().await.unwrap().epoch;
    let content = Fingerprint::of(&staged_bytes(w, attempt, 0).await);
    assert!(w.sql.publish_kept(attempt, epoch, &object, &content).await.unwrap());
    object
}

pub(crate) fn now(w: &World) -> i64 {
    w.clock.now().as_millisecond()
}

/// What a process does by the clock.
async fn raise(sql: &dyn SqlStore) -> Tick {
    let found = sql.tick().await.unwrap();
    sql.raise_tick(found).await.unwrap()
}

async fn pass(w: &World, ticks: u64) {
    for _ in 0..ticks {
        w.clock.advance(TICK);
        raise(&*w.sql).await;
    }
}

async fn what_only_sql_held_is_kept_when_a_client_replaces_it(w: World) {
    w.flip_to(Phase::Dual).await;
    let large = content(2_500_000, 7);
    for key in [numbered(1), lettered("Ärende"), bare("b"), guid("018f2e1c-8a9b-7c3d-9e4f-5a6b7c8d9e0f")] {
        let first = w.store(&key, &large).await.stamp.unwrap();
        let begun = now(&w);
        w.clock.advance(Duration::from_secs(5));
        w.store(&key, b"second").await;
        let kept = versions(&w, &key).await;
        assert_eq!(kept.len(), 1, "{key}");
        assert_eq!((&kept[0].stamp, kept[0].length_bytes), (&first, large.len() as u64));
        assert_eq!(kept[0].held_from.map(|at| at.as_millisecond()), Some(begun));
        assert_eq!(kept[0].held_to.as_millisecond(), begun + 5000);
        let attempt = staged(&kept[0]);
        assert!(staged_bytes(&w, attempt, 0).await == large);
        for offset in [1, 1 << 20, (1 << 20) + 3, 2_499_999] {
            assert!(staged_bytes(&w, attempt, offset).await == large[offset as usize..], "from {offset}");
        }
        let jobs = w.all_jobs().await;
        assert!(jobs.iter().any(|job| job.kind == JobKind::Keep && job.target == JobTarget::Staged(tenant(), attempt)), "{key}");
        let object = bring_out(&w, attempt).await;
        assert!(w.sql.staged_version(attempt).await.unwrap().is_none());
        let brought = w.sql.version(&key, &first).await.unwrap().unwrap();
        assert_eq!(brought.kept, Kept::Object { object, content: Fingerprint::of(&large) });
        assert_eq!(brought.held_from, kept[0].held_from, "{key}");
    }
    assert_eq!((w.customer.staged_pieces(), w.customer.uploads()), (0, 0));
}

async fn content_of_whole_pieces_comes_out_of_staging(w: World) {
    w.flip_to(Phase::Dual).await;
    for (id, pieces) in [(1, 1), (2, 2)] {
        let whole = content(pieces << 20, 7);
        w.store(&numbered(id), &whole).await;
        w.store(&numbered(id), b"second").await;
        let attempt = staged(&versions(&w, &numbered(id)).await[0]);
        for offset in [0, 5, (pieces << 20) - 1, pieces << 20] {
            assert!(staged_bytes(&w, attempt, offset as u64).await == whole[offset..], "{pieces} pieces from {offset}");
        }
        bring_out(&w, attempt).await;
        let again = w.sql.open_staged(attempt, 0).await.unwrap().try_collect::<Vec<_>>().await;
        assert!(matches!(again, Err(Interrupted::Moved)), "{again:?}");
    }
}

async fn every_way_a_client_ends_a_content_keeps_it(w: World) {
    w.flip_to(Phase::Object).await;
    w.store(&numbered(1), b"stored over").await;
    w.point(&numbered(1), b"in the object store").await;
    assert_eq!(versions(&w, &numbered(1)).await[0].length_bytes, 11);
    w.store(&numbered(2), b"deleted").await;
    w.delete(&numbered(2)).await;
    let gone = versions(&w, &numbered(2)).await;
    assert_eq!((gone.len(), staged_bytes(&w, staged(&gone[0]), 0).await), (1, b"deleted".to_vec()));
    // A row that stays, and loses its content.
    w.customer.insert(&shared(3), Some(b"cleared"));
    w.delete(&shared(3)).await;
    let cleared = versions(&w, &shared(3)).await;
    assert_eq!((cleared.len(), cleared[0].held_from, staged_bytes(&w, staged(&cleared[0]), 0).await), (1, None, b"cleared".to_vec()));
    // A row that is marked keeps its content; who writes over that ends its time.
    let marked = guid("118f2e1c-8a9b-7c3d-9e4f-5a6b7c8d9e0f");
    w.store(&marked, b"marked").await;
    w.delete(&marked).await;
    assert!(versions(&w, &marked).await.is_empty());
    w.store(&marked, b"brought back").await;
    assert_eq!(versions(&w, &marked).await[0].length_bytes, 6);
    // The empty content needs no bytes.
    w.store(&numbered(4), b"").await;
    w.store(&numbered(4), b"no longer empty").await;
    assert_eq!(versions(&w, &numbered(4)).await[0].kept, Kept::Empty);
    // A refused change keeps nothing.
    w.store(&numbered(5), b"stays").await;
    let wrong = sluss::store::sql::Change::Delete { precondition: crate::support::if_absent() };
    w.commit(&numbered(5), wrong).await;
    assert!(versions(&w, &numbered(5)).await.is_empty());
}

async fn in_phase_sql_nothing_is_kept(w: World) {
    w.store(&numbered(1), b"first").await;
    w.store(&numbered(1), b"second").await;
    w.delete(&numbered(1)).await;
    assert!(versions(&w, &numbered(1)).await.is_empty());
    assert_eq!((w.customer.staged_pieces(), w.all_jobs().await.len()), (0, 0));
}

async fn a_content_holds_from_when_it_was_written_not_from_its_copy(w: World) {
    w.flip_to(Phase::Dual).await;
    w.store(&numbered(1), b"first").await;
    let written = now(&w);
    w.clock.advance(Duration::from_secs(60));
    let object = w.copy(&numbered(1)).await.unwrap();
    let location = w.row(&numbered(1)).await.location.unwrap();
    assert_eq!(location.held_from.as_millisecond(), written + 60_000, "since when the object is there, which a purge goes by");
    w.clock.advance(Duration::from_secs(60));
    w.store(&numbered(1), b"second").await;
    let first = &versions(&w, &numbered(1)).await[0];
    assert_eq!(first.kept, Kept::Object { object, content: Fingerprint::of(b"first") });
    assert_eq!((first.held_from.unwrap().as_millisecond(), first.held_to.as_millisecond()), (written, written + 120_000));
    // Written straight to SQL over what a client wrote: nobody knows since when that holds.
    w.clock.advance(Duration::from_secs(60));
    w.customer.set_content(&numbered(1), Some(b"around"));
    let seen = now(&w);
    w.copy(&numbered(1)).await;
    assert_eq!(w.row(&numbered(1)).await.location.unwrap().held_from.as_millisecond(), seen);
    w.customer.set_content(&numbered(1), Some(b"around again"));
    w.store(&numbered(1), b"third").await;
    let around = versions(&w, &numbered(1)).await.pop().unwrap();
    bring_out(&w, staged(&around)).await;
    assert_eq!(w.sql.version(&numbered(1), &around.stamp).await.unwrap().unwrap().held_from, None);
}

async fn a_content_written_around_the_one_that_was_noted_has_no_beginning(w: World) {
    w.flip_to(Phase::Dual).await;
    w.store(&numbered(1), b"noted").await;
    w.customer.set_content(&numbered(1), Some(b"other"));
    w.store(&numbered(1), b"third").await;
    let kept = versions(&w, &numbered(1)).await.pop().unwrap();
    bring_out(&w, staged(&kept)).await;
    let kept = w.sql.version(&numbered(1), &kept.stamp).await.unwrap().unwrap();
    assert_eq!(kept.held_from, None);
    assert!(matches!(kept.kept, Kept::Object { content, .. } if content == Fingerprint::of(b"other")));
}

async fn an_empty_content_has_no_beginning_of_another(w: World) {
    w.flip_to(Phase::Dual).await;
    w.store(&numbered(1), b"noted").await;
    w.customer.set_content(&numbered(1), Some(b""));
    w.store(&numbered(1), b"third").await;
    let kept = versions(&w, &numbered(1)).await.pop().unwrap();
    assert_eq!((kept.kept, kept.held_from), (Kept::Empty, None));
}

async fn the_same_bytes_written_again_begin_anew(w: World) {
    w.flip_to(Phase::Dual).await;
    w.store(&numbered(1), b"same").await;
    w.clock.advance(Duration::from_secs(60));
    w.flip_to(Phase::Object).await;
    w.point(&numbered(1), b"same").await;
    let location = w.row(&numbered(1)).await.location.unwrap();
    let kept = versions(&w, &numbered(1)).await.pop().unwrap();
    assert_eq!((location.held_from, kept.held_to.as_millisecond()), (kept.held_to, now(&w)));
}

async fn a_version_is_published_once_and_only_in_its_epoch(w: World) {
    w.flip_to(Phase::Dual).await;
    w.store(&numbered(1), b"first").await;
    w.store(&numbered(1), b"second").await;
    let attempt = staged(&versions(&w, &numbered(1)).await[0]);
    let epoch = w.sql.state().await.unwrap().epoch;
    let (ours, content) = (w.upload(UploadPurpose::Keep).await, Fingerprint::of(b"first"));
    // An upload that nobody recorded, or that is condemned, publishes nothing; nor does content of another length.
    assert!(!w.sql.publish_kept(attempt, epoch, &mint().stored(), &content).await.unwrap());
    assert!(!w.sql.publish_kept(attempt, epoch, &ours, &Fingerprint::of(b"longer than first")).await.unwrap());
    let condemned = w.upload(UploadPurpose::Keep).await;
    w.sql.condemn_upload(condemned.id).await.unwrap();
    assert!(!w.sql.publish_kept(attempt, epoch, &condemned, &content).await.unwrap());
    w.customer.raise_epoch();
    assert!(!w.sql.publish_kept(attempt, epoch, &ours, &content).await.unwrap());
    // What is kept is no work: it outlives its epoch, and being left alone.
    w.clock.advance(DAY * 30);
    w.sql.condemned(DAY, 10).await.unwrap();
    let object = bring_out(&w, attempt).await;
    let again = w.upload(UploadPurpose::Keep).await;
    let epoch = w.sql.state().await.unwrap().epoch;
    assert!(!w.sql.publish_kept(attempt, epoch, &again, &content).await.unwrap());
    assert!(w.sql.unnamed(vec![object]).await.unwrap().is_empty());
}

async fn a_keep_job_stays_open_while_its_bytes_are_staged(w: World) {
    w.flip_to(Phase::Dual).await;
    w.store(&numbered(1), b"first").await;
    w.store(&numbered(1), b"second").await;
    let attempt = staged(&versions(&w, &numbered(1)).await[0]);
    let lease = loop {
        let lease = w.jobs.claim("a", DAY, None).await.unwrap().unwrap();
        if lease.kind == JobKind::Keep {
            break lease;
        }
    };
    assert_eq!(lease.target, JobTarget::Staged(tenant(), attempt));
    assert_eq!(w.jobs.complete(lease).await.unwrap(), Completion::StillNeeded);
    bring_out(&w, attempt).await;
    let lease = w.jobs.claim("a", DAY, None).await.unwrap().unwrap();
    assert_eq!((lease.kind, w.jobs.complete(lease).await.unwrap()), (JobKind::Keep, Completion::Closed));
}

async fn a_kept_upload_may_be_recorded_in_every_phase(w: World) {
    for phase in Phase::ALL {
        w.flip_to(phase).await;
        let epoch = w.sql.state().await.unwrap().epoch;
        assert_eq!(w.sql.record_upload(&mint(), UploadPurpose::Keep, epoch).await.unwrap(), Recorded::Yes, "{phase}");
    }
}

async fn versions_are_listed_from_the_newest_in_pages(w: World) {
    w.flip_to(Phase::Object).await;
    for length in 1..=7 {
        w.point(&lettered("Anna"), &content(length, 1)).await;
    }
    w.point(&numbered(1), b"another's").await;
    w.point(&numbered(1), b"another's again").await;
    let key = w.row(&lettered("ANNA")).await.key;
    let first = w.sql.versions(&key, None, 4).await.unwrap();
    let rest = w.sql.versions(&key, Some(first[3].number), 4).await.unwrap();
    let lengths: Vec<u64> = first.iter().chain(&rest).map(|version| version.length_bytes).collect();
    assert_eq!(lengths, [6, 5, 4, 3, 2, 1]);
    let all = w.sql.all_versions(None, 3).await.unwrap();
    let further = w.sql.all_versions(Some(all[2].number), 10).await.unwrap();
    let lengths: Vec<u64> = all.iter().chain(&further).map(|version| version.length_bytes).collect();
    assert_eq!(lengths, [1, 2, 3, 4, 5, 6, 9]);
    assert!(w.neighbour.all_versions(None, 10).await.unwrap().is_empty());
    // The other tenant of a table has an id of its own by the same name.
    w.customer.insert(&shared(1), Some(b"ours"));
    w.delete(&shared(1)).await;
    assert_eq!(versions(&w, &shared(1)).await.len(), 1);
    assert!(w.neighbour.versions(&shared(1), None, 10).await.unwrap().is_empty());
    // A document that is no more has its history all the same.
    w.customer.delete(&lettered("Anna"));
    assert_eq!(w.sql.versions(&key, None, 10).await.unwrap().len(), 7);
}

async fn a_version_goes_by_ticks_however_the_clock_jumps(w: World) {
    w.flip_to(Phase::Object).await;
    raise(&*w.sql).await;
    let object = w.point(&numbered(1), b"first").await;
    w.point(&numbered(1), b"second").await;
    let figures = async || w.sql.history(Some(10)).await.unwrap().past.versions;
    let jumps: [fn(&World); 2] = [|w| w.clock.advance(DAY * 365), |w| w.clock.put_back(DAY * 395)];
    for jump in jumps {
        jump(&w);
        raise(&*w.sql).await;
        assert_eq!((figures().await, w.sql.expire(10, 100).await.unwrap()), (0, VersionCount::default()));
        assert!(w.sql.condemned(DAY, 10).await.unwrap().is_empty());
        assert!(matches!(&versions(&w, &numbered(1)).await[0].kept, Kept::Object { object: kept, .. } if *kept == object));
    }
    pass(&w, 8).await;
    assert_eq!(w.sql.expire(10, 100).await.unwrap().versions, 0);
    pass(&w, 1).await;
    let all = VersionCount { versions: 1, bytes: 5 };
    // It ended at a time that is still to come, by the clock that was put back: so far nothing reaches.
    let ended = versions(&w, &numbered(1)).await[0].held_to.min(w.clock.now());
    assert_eq!(w.sql.history(Some(10)).await.unwrap(), HistoryFigures { all, past: all, ..HistoryFigures::default() });
    assert_eq!(w.sql.expire(10, 100).await.unwrap(), all);
    assert!(versions(&w, &numbered(1)).await.is_empty());
    // Its object goes as an abandoned upload does; the current one stays.
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), [Condemned { object, parts: None, last_round: false }]);
    assert_eq!(w.sql.history(Some(10)).await.unwrap(), HistoryFigures { expired_to: Some(ended), ..HistoryFigures::default() });
}

async fn what_is_staged_goes_with_its_version_and_no_more_goes_than_was_asked_for(w: World) {
    w.flip_to(Phase::Dual).await;
    for id in 1..=5 {
        w.store(&numbered(id), b"first").await;
        w.store(&numbered(id), b"second").await;
    }
    let figures = w.sql.history(None).await.unwrap();
    assert_eq!((figures.all, figures.staged, figures.past.versions), (figures.staged, VersionCount { versions: 5, bytes: 25 }, 0));
    pass(&w, 3).await;
    assert_eq!(w.sql.expire(3, 2).await.unwrap(), VersionCount { versions: 2, bytes: 10 });
    assert_eq!(w.sql.expire(3, 100).await.unwrap().versions, 3);
    assert_eq!((w.customer.staged_pieces(), w.customer.uploads()), (0, 0));
    assert_eq!(w.neighbour.history(Some(0)).await.unwrap(), HistoryFigures::default());
}

async fn an_object_that_something_else_names_stays(w: World) {
    w.flip_to(Phase::Object).await;
    w.store(&numbered(1), b"both").await;
    let object = w.copy(&numbered(1)).await.unwrap();
    // Distrusted, and found to be right after all: the same bytes get another object, and the first is the version's alone.
    let seen = w.revision(&numbered(1)).await;
    let distrust = sluss::store::sql::Change::Distrust { seen, object: Some(object.clone()) };
    crate::support::done(w.commit(&numbered(1), distrust).await);
    let again = w.copy(&numbered(1)).await.unwrap();
    pass(&w, 2).await;
    assert_eq!(w.sql.expire(2, 10).await.unwrap().versions, 1);
    let condemned: Vec<ObjectRef> = w.sql.condemned(DAY, 10).await.unwrap().into_iter().map(|upload| upload.object).collect();
    assert_eq!(condemned, [object]);
    assert!(w.sql.unnamed(vec![again]).await.unwrap().is_empty());
}

async fn a_tick_rises_once_a_minute_and_never_falls(w: World) {
    let start = raise(&*w.sql).await;
    assert_eq!(raise(&*w.sql).await, start);
    w.clock.advance(TICK - Duration::from_millis(1));
    assert_eq!(raise(&*w.sql).await, start);
    w.clock.advance(Duration::from_millis(1));
    assert_eq!(raise(&*w.peer.sql).await.number, start.number + 1);
    assert_eq!(raise(&*w.sql).await.number, start.number + 1);
    w.clock.advance(DAY * 1000);
    assert_eq!(raise(&*w.sql).await.number, start.number + 2);
    let other = raise(&*w.neighbour).await;
    assert!(other.number <= 1, "tenants have ticks of their own");
}

async fn the_highest_tick_is_remembered_by_the_control_database(w: World) {
    let tick = |epoch, number| Tick { epoch: Epoch(epoch), number };
    assert_eq!(w.control.note_tick(&tenant(), tick(1, 5)).await.unwrap(), tick(1, 5));
    assert_eq!(w.peer.control.note_tick(&tenant(), tick(1, 7)).await.unwrap(), tick(1, 7));
    assert_eq!(w.control.note_tick(&tenant(), tick(2, 3)).await.unwrap(), tick(2, 7));
    assert_eq!(w.control.note_tick(&"other".parse().unwrap(), tick(1, 1)).await.unwrap(), tick(1, 1));
}

async fn a_database_goes_on_from_a_later_tick_and_what_was_under_way_is_void(w: World) {
    w.flip_to(Phase::Object).await;
    raise(&*w.sql).await;
    let upload = w.upload(UploadPurpose::Write).await;
    let found = w.sql.tick().await.unwrap();
    let seen = Tick { epoch: Epoch(found.epoch.0 + 4), number: found.number + 100 };
    let lease = w.jobs.claim("a", DAY, None).await.unwrap().unwrap();
    assert!(w.sql.go_on_from(found.beyond(seen)).await.unwrap());
    assert!(!w.sql.go_on_from(found.beyond(seen)).await.unwrap(), "it has come as far");
    let now = w.sql.tick().await.unwrap();
    assert_eq!((now.epoch, now.number), (Epoch(seen.epoch.0 + 1), seen.number));
    assert!(!w.jobs.extend(&lease, DAY).await.unwrap());
    crate::support::moved(&w.commit(&numbered(1), crate::support::point_of(upload.clone(), b"void")).await);
    // Its object stays for as long as a database that is put back once more may name it.
    w.clock.advance(DAY * 365);
    assert!(w.sql.condemned(DAY, 10).await.unwrap().is_empty());
    pass(&w, 5).await;
    w.sql.expire(5, 10).await.unwrap();
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), [Condemned { object: upload, parts: None, last_round: false }]);
}

async fn a_tick_that_rose_meanwhile_does_not_fall(w: World) {
    let found = w.sql.tick().await.unwrap();
    pass(&w, 2).await;
    let from = Tick { epoch: Epoch(found.epoch.0 + 1), number: found.number };
    assert!(w.sql.go_on_from(from).await.unwrap());
    assert_eq!(w.sql.tick().await.unwrap(), Tick { number: found.number + 2, ..from });
}

async fn a_database_that_is_behind_never_catches_up_and_what_ends_meanwhile_stays_young(w: World) {
    w.flip_to(Phase::Object).await;
    let found = raise(&*w.sql).await;
    let seen = Tick { number: found.number + 10, ..found };
    for _ in 0..20 {
        w.clock.advance(TICK);
        assert_eq!(w.sql.raise_tick(seen).await.unwrap(), found);
        assert_eq!(w.sql.raise_tick(Tick { epoch: Epoch(found.epoch.0 + 1), ..found }).await.unwrap(), found);
    }
    w.point(&numbered(1), b"of the restored database").await;
    w.point(&numbered(1), b"after it").await;
    assert!(w.sql.go_on_from(found.beyond(seen)).await.unwrap());
    pass(&w, 4).await;
    assert_eq!(w.sql.expire(5, 10).await.unwrap().versions, 0, "it ended five minutes ago at most");
    pass(&w, 1).await;
    assert_eq!(w.sql.expire(5, 10).await.unwrap().versions, 1);
}

on_every_backend!(
    what_only_sql_held_is_kept_when_a_client_replaces_it,
    content_of_whole_pieces_comes_out_of_staging,
    every_way_a_client_ends_a_content_keeps_it,
    in_phase_sql_nothing_is_kept,
    a_content_holds_from_when_it_was_written_not_from_its_copy,
    a_content_written_around_the_one_that_was_noted_has_no_beginning,
    an_empty_content_has_no_beginning_of_another,
    the_same_bytes_written_again_begin_anew,
    a_version_is_published_once_and_only_in_its_epoch,
    a_keep_job_stays_open_while_its_bytes_are_staged,
    a_kept_upload_may_be_recorded_in_every_phase,
    versions_are_listed_from_the_newest_in_pages,
    a_version_goes_by_ticks_however_the_clock_jumps,
    what_is_staged_goes_with_its_version_and_no_more_goes_than_was_asked_for,
    an_object_that_something_else_names_stays,
    a_tick_rises_once_a_minute_and_never_falls,
    the_highest_tick_is_remembered_by_the_control_database,
    a_database_goes_on_from_a_later_tick_and_what_was_under_way_is_void,
    a_tick_that_rose_meanwhile_does_not_fall,
    a_database_that_is_behind_never_catches_up_and_what_ends_meanwhile_stays_young,
);
