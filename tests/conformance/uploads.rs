//! Uploads, and the flips, walks and counts that lean on them.

use std::time::Duration;

use sluss::model::content::Fingerprint;
use sluss::model::document::Holder;
use sluss::model::id::{DocId, FreshKey};
use sluss::model::job::{JobKind, JobTarget};
use sluss::model::phase::{FlipFacts, Phase, permit};
use sluss::store::object::PartsId;
use sluss::store::sql::{Condemned, Flipped, PlacementUsage, Recorded, Remaining, UploadPurpose};

use crate::support::{World, content, documents, lettered, mint, moved, numbered, point_of, tenant};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn an_upload_is_recorded_only_where_the_phase_calls_for_it(w: World) {
    let epoch = w.sql.state().await.unwrap().epoch;
    for (phase, write, copy) in [
        (Phase::Sql, Recorded::Moved, Recorded::Moved),
        (Phase::Shadow, Recorded::Moved, Recorded::Yes),
        (Phase::Dual, Recorded::Moved, Recorded::Yes),
        (Phase::Object, Recorded::Yes, Recorded::Yes),
    ] {
        w.flip_to(phase).await;
        assert_eq!(w.sql.record_upload(&mint(), UploadPurpose::Write, epoch).await.unwrap(), write, "{phase}");
        assert_eq!(w.sql.record_upload(&mint(), UploadPurpose::Copy, epoch).await.unwrap(), copy, "{phase}");
    }
    w.customer.raise_epoch();
    assert_eq!(w.sql.record_upload(&mint(), UploadPurpose::Copy, epoch).await.unwrap(), Recorded::Moved);
}

async fn an_abandoned_upload_goes_in_two_rounds_a_while_apart(w: World) {
    w.flip_to(Phase::Object).await;
    let object = w.upload(UploadPurpose::Write).await;
    let first = Condemned { object: object.clone(), parts: None, last_round: false };
    let last = Condemned { object: object.clone(), parts: None, last_round: true };
    assert!(w.sql.condemned(DAY, 10).await.unwrap().is_empty());
    w.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), std::slice::from_ref(&first));
    w.sql.upload_removed(&first).await.unwrap();
    assert!(w.sql.condemned(DAY, 10).await.unwrap().is_empty());
    w.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), std::slice::from_ref(&last));
    moved(&w.commit(&numbered(1), point_of(object, b"late")).await);
    w.sql.upload_removed(&last).await.unwrap();
    assert_eq!((w.sql.condemned(DAY, 10).await.unwrap(), w.customer.uploads()), (Vec::new(), 0));
}

async fn an_attempt_is_given_up_only_when_nothing_touches_it_and_then_takes_no_more(w: World) {
    let mut staging = w.sql.stage(w.sql.state().await.unwrap().epoch).await.unwrap();
    for _ in 0..3 {
        staging.append(content(10, 1).into()).await.unwrap();
        w.clock.advance(DAY);
        w.sql.condemned(DAY, 10).await.unwrap();
    }
    w.clock.advance(Duration::from_secs(1));
    w.sql.condemned(DAY, 10).await.unwrap();
    assert!(staging.append(content(10, 2).into()).await.is_err());
    assert!(staging.finish(Fingerprint::of(b"x")).await.is_err());
}

async fn an_upload_that_its_owner_condemned_is_collected_at_once(w: World) {
    w.flip_to(Phase::Object).await;
    let (kept, given_up) = (w.upload(UploadPurpose::Write).await, w.upload(UploadPurpose::Copy).await);
    w.sql.condemn_upload(given_up.id).await.unwrap();
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), [Condemned { object: given_up, parts: None, last_round: false }]);
    assert!(matches!(w.commit(&numbered(1), point_of(kept, b"x")).await, sluss::store::sql::Commit::Done(_)));
}

async fn the_parts_of_an_upload_are_remembered_until_it_is_given_up_and_never_after(w: World) {
    w.flip_to(Phase::Object).await;
    let (object, parts) = (w.upload(UploadPurpose::Write).await, PartsId("2~å/Zz==".into()));
    assert!(w.sql.parts_begun(object.id, &parts).await.unwrap());
    w.sql.condemn_upload(object.id).await.unwrap();
    assert!(!w.sql.parts_begun(object.id, &PartsId("later".into())).await.unwrap());
    let condemned = Condemned { object, parts: Some(parts), last_round: false };
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), std::slice::from_ref(&condemned));
    w.sql.upload_removed(&condemned).await.unwrap();
    w.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(w.sql.condemned(DAY, 10).await.unwrap(), [Condemned { last_round: true, ..condemned }]);
    assert!(!w.sql.parts_begun(mint().object().id, &PartsId("unheard-of".into())).await.unwrap());
}

async fn no_more_uploads_are_named_than_asked_for(w: World) {
    w.flip_to(Phase::Object).await;
    for _ in 0..5 {
        w.upload(UploadPurpose::Write).await;
    }
    w.clock.advance(DAY * 2);
    assert_eq!(w.sql.condemned(DAY, 3).await.unwrap().len(), 3);
}

async fn what_remains_counts_sole_holders_and_open_writes(w: World) {
    w.flip_to(Phase::Object).await;
    w.store(&numbered(1), b"copied").await;
    w.copy(&numbered(1)).await;
    w.point(&numbered(2), b"sole").await;
    w.point(&lettered("a"), b"sole").await;
    w.upload(UploadPurpose::Copy).await;
    let write = w.upload(UploadPurpose::Write).await;
    assert_eq!(w.sql.remaining().await.unwrap(), Remaining { sole: 2, open_uploads: 1 });
    w.sql.condemn_upload(write.id).await.unwrap();
    w.customer.delete(&numbered(2));
    assert_eq!(w.sql.remaining().await.unwrap(), Remaining { sole: 1, open_uploads: 0 });
    // An upload of an older epoch is closed, whether or not the collector came by.
    w.upload(UploadPurpose::Write).await;
    w.customer.raise_epoch();
    assert_eq!(w.sql.remaining().await.unwrap(), Remaining { sole: 1, open_uploads: 0 });
}

async fn what_a_placement_holds_is_counted_by_all_that_names_an_object(w: World) {
    w.flip_to(Phase::Object).await;
    assert_eq!(w.sql.placement_usage().await.unwrap(), []);
    w.point(&numbered(1), b"first").await;
    w.point(&numbered(1), b"second").await;
    w.point(&lettered("a"), b"third").await;
    w.store(&numbered(2), b"copied").await;
    w.copy(&numbered(2)).await;
    // The empty content is no object.
    w.store(&numbered(3), b"").await;
    w.copy(&numbered(3)).await;
    let usage = |placement: &str, objects, bytes| PlacementUsage { placement: placement.parse().unwrap(), objects, bytes };
    assert_eq!(w.sql.placement_usage().await.unwrap(), [usage("local", 4, 22)]);
    let elsewhere = FreshKey::mint("bucket-2".parse().unwrap());
    assert_eq!(w.sql.record_upload(&elsewhere, UploadPurpose::Write, w.sql.state().await.unwrap().epoch).await.unwrap(), Recorded::Yes);
    // What is deleted leaves a version, and with it the object.
    w.customer.delete(&numbered(1));
    assert_eq!(w.sql.placement_usage().await.unwrap(), [usage("bucket-2", 1, 0), usage("local", 4, 22)]);
    assert_eq!(w.neighbour.placement_usage().await.unwrap(), []);
}

async fn a_flip_is_compare_and_set_and_calls_for_sweeps(w: World) {
    let facts = FlipFacts { probe: Some(Ok("passed".into())), ..FlipFacts::default() };
    let to_shadow = || permit(Phase::Sql, Phase::Shadow, &facts).unwrap();
    assert_eq!(w.sql.flip(to_shadow()).await.unwrap(), Flipped::Done);
    assert_eq!(w.peer.sql.flip(to_shadow()).await.unwrap(), Flipped::Moved);
    assert_eq!(w.peer.sql.state().await.unwrap().phase, Phase::Shadow);
    let mut swept: Vec<String> = w.all_jobs().await.iter().map(|job| format!("{} {}", job.kind, job.target)).collect();
    swept.sort();
    assert_eq!(swept, ["sweep acme/bare", "sweep acme/documents", "sweep acme/guids", "sweep acme/letters", "sweep acme/shared"]);
}

async fn a_flip_makes_a_sweep_that_is_under_way_start_over(w: World) {
    w.flip_to(Phase::Shadow).await;
    let lease = w.jobs.claim("a", DAY, None).await.unwrap().unwrap();
    assert!(w.jobs.checkpoint(&lease, "half way").await.unwrap());
    w.flip_to(Phase::Sql).await;
    assert!(!w.jobs.checkpoint(&lease, "further").await.unwrap());
    assert_eq!(w.jobs.complete(lease).await.unwrap(), sluss::store::queue::Completion::Lost);
    let sweeps = w.all_jobs().await;
    assert_eq!(sweeps.len(), 5);
    assert!(sweeps.iter().all(|job| job.kind == JobKind::Sweep && job.checkpoint.is_none()));
    assert!(sweeps.iter().any(|job| job.target == JobTarget::Collection(tenant(), documents())));
}

async fn a_walk_meets_every_document_once_and_in_order(w: World) {
    for id in (-20..80).rev() {
        w.customer.insert(&numbered(id * 3), Some(&content(id.unsigned_abs() as usize * 4000, 1)));
    }
    for limit in [1, 7, 50, 100, 1000] {
        let (mut after, mut met): (Option<DocId>, Vec<DocId>) = (None, Vec::new());
        loop {
            let page = w.sql.scan(&documents(), after.as_ref(), limit).await.unwrap();
            assert!(page.rows.len() <= limit && page.rows.iter().all(|row| row.inline.as_deref().unwrap_or_default().is_empty()));
            met.extend(page.rows.into_iter().map(|row| row.key.id));
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        assert_eq!(met, (-20..80).map(|id| DocId::Integer(id * 3)).collect::<Vec<_>>(), "in pages of {limit}");
    }
}

async fn a_walk_goes_by_the_databases_own_order(w: World) {
    for id in ["b", "C", "a", "D"] {
        w.customer.insert(&lettered(id), None);
    }
    let letters = lettered("a").collection;
    let first = w.sql.scan(&letters, None, 2).await.unwrap();
    let rest = w.sql.scan(&letters, first.next.as_ref(), 10).await.unwrap();
    let met: Vec<String> = first.rows.iter().chain(&rest.rows).map(|row| row.key.id.to_string()).collect();
    assert_eq!((met, rest.next), (["a", "b", "C", "D"].map(str::to_owned).to_vec(), None));
}

async fn a_sample_names_only_what_both_stores_hold(w: World) {
    w.flip_to(Phase::Object).await;
    for id in 0..10 {
        w.store(&numbered(id), b"both").await;
        w.copy(&numbered(id)).await;
    }
    w.customer.touch(&numbered(0));
    w.customer.set_content(&numbered(1), None);
    w.point(&numbered(2), b"sole").await;
    w.store(&numbered(3), b"sql").await;
    let sample = w.sql.sample(&documents(), 100).await.unwrap();
    assert_eq!(sample.len(), 6);
    assert!(sample.iter().all(|row| row.truth().holder == Holder::Both));
    assert!(w.sql.sample(&documents(), 4).await.unwrap().len() <= 4);
}

on_every_backend!(
    an_upload_is_recorded_only_where_the_phase_calls_for_it,
    an_abandoned_upload_goes_in_two_rounds_a_while_apart,
    an_attempt_is_given_up_only_when_nothing_touches_it_and_then_takes_no_more,
    an_upload_that_its_owner_condemned_is_collected_at_once,
    the_parts_of_an_upload_are_remembered_until_it_is_given_up_and_never_after,
    no_more_uploads_are_named_than_asked_for,
    what_remains_counts_sole_holders_and_open_writes,
    what_a_placement_holds_is_counted_by_all_that_names_an_object,
    a_flip_is_compare_and_set_and_calls_for_sweeps,
    a_flip_makes_a_sweep_that_is_under_way_start_over,
    a_walk_meets_every_document_once_and_in_order,
    a_walk_goes_by_the_databases_own_order,
    a_sample_names_only_what_both_stores_hold,
);
