//! The final transactions of agents and of writes to the object store: what they demand, and what they leave.

use sluss::model::content::Fingerprint;
use sluss::model::document::{Holder, Repair};
use sluss::model::id::DocKey;
use sluss::model::location::Labels;
use sluss::model::phase::Phase;
use sluss::model::precondition::{Precondition, Unmet};
use sluss::model::stamp::Stamp;
use sluss::store::sql::{Change, Commit, Copied, NewContent, UploadPurpose};

use crate::support::{World, content, done, if_match, inline, lettered, mint, moved, numbered, point_of};

fn delete_if(precondition: Precondition) -> Change {
    Change::Delete { precondition }
}

/// A document that only the object store holds.
async fn pointed(w: &World, key: &DocKey, bytes: &[u8]) -> Stamp {
    w.flip_to(Phase::Object).await;
    Stamp::Object(w.point(key, bytes).await.id)
}

async fn a_point_makes_the_object_the_only_holder(w: World) {
    for key in [numbered(1), lettered("a")] {
        w.store(&key, b"from sql").await;
        let stamp = pointed(&w, &key, b"in the store").await;
        let row = w.row(&key).await;
        let location = row.location.clone().unwrap();
        assert_eq!(row.truth().holder, Holder::Object);
        assert_eq!((row.truth().stamp, row.truth().repair), (Some(stamp), None));
        assert!(location.sole && location.revision == row.document.unwrap().revision);
        assert_eq!(location.content, Fingerprint::of(b"in the store"));
        assert_eq!(w.customer.content(&key), None);
        assert_eq!(w.customer.uploads(), 0);
    }
}

async fn a_point_can_create(w: World) {
    w.flip_to(Phase::Object).await;
    let object = w.upload(UploadPurpose::Write).await;
    let committed = done(w.commit(&numbered(1), point_of(object.clone(), b"new")).await);
    assert!(committed.created);
    assert_eq!(committed.stamp, Some(Stamp::Object(object.id)));
}

async fn a_point_without_its_uploads_row_moves_nothing(w: World) {
    w.flip_to(Phase::Object).await;
    w.store(&numbered(1), b"before").await;
    moved(&w.commit(&numbered(1), point_of(mint().stored(), b"never recorded")).await);
    let condemned = w.upload(UploadPurpose::Write).await;
    w.sql.condemn_upload(condemned.id).await.unwrap();
    moved(&w.commit(&numbered(1), point_of(condemned, b"condemned")).await);
    let copy = w.upload(UploadPurpose::Copy).await;
    moved(&w.commit(&numbered(1), point_of(copy, b"not a write's")).await);
    let taken = w.point(&numbered(2), b"taken").await;
    moved(&w.commit(&numbered(1), point_of(taken, b"taken")).await);
    assert_eq!(w.read(&numbered(1)).await.unwrap(), b"before");
    assert!(w.customer.versions(&numbered(1)).is_empty());
}

async fn a_location_that_a_client_replaces_becomes_a_version(w: World) {
    let key = numbered(1);
    let first = pointed(&w, &key, b"one").await;
    let second = Stamp::Object(w.point(&key, b"two").await.id);
    assert_eq!(w.customer.versions(&key), [first.to_string()]);
    w.store(&key, b"three").await;
    assert_eq!(w.customer.versions(&key), [first.to_string(), second.to_string()]);
    assert_eq!((w.holder(&key).await, w.row(&key).await.location), (Holder::Sql, None));
}

async fn a_point_checks_its_precondition_and_keeps_the_upload(w: World) {
    let stale = pointed(&w, &numbered(1), b"one").await;
    w.point(&numbered(1), b"two").await;
    let object = w.upload(UploadPurpose::Write).await;
    let change = Change::Point {
        labels: Labels::default(),
        object,
        content: Fingerprint::of(b"x"),
        attributes: sluss::store::sql::NewAttributes::default(),
        precondition: if_match(&stale),
    };
    assert!(matches!(w.commit(&numbered(1), change).await, Commit::Unmet(Unmet::IfMatch)));
    assert_eq!(w.customer.uploads(), 1);
}

async fn a_copy_leaves_both_holders_and_the_stamp(w: World) {
    w.flip_to(Phase::Shadow).await;
    for (key, bytes) in [(numbered(1), content(300_000, 1)), (numbered(2), Vec::new()), (lettered("a"), content(5, 1))] {
        let before = w.store(&key, &bytes).await.stamp;
        let object = w.copy(&key).await;
        let row = w.row(&key).await;
        assert_eq!((row.truth().holder, row.truth().stamp), (Holder::Both, before), "{key}");
        assert_eq!(row.location.unwrap().object, object);
        assert_eq!(w.customer.content(&key).unwrap(), bytes);
    }
    assert_eq!(w.customer.uploads(), 0);
}

async fn a_copy_whose_row_has_moved_publishes_nothing_and_leaves_its_upload(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = numbered(1);
    w.store(&key, b"seen").await;
    let seen = w.revision(&key).await;
    let object = w.upload(UploadPurpose::Copy).await;
    w.customer.touch(&key);
    let publish =
        |object| Change::Publish { seen, copied: Copied::Uploaded(Some(object), Labels::default()), content: Fingerprint::of(b"seen") };
    moved(&w.commit(&key, publish(object.clone())).await);
    assert_eq!((w.holder(&key).await, w.customer.uploads()), (Holder::Sql, 1));
    w.customer.delete(&key);
    moved(&w.commit(&key, publish(object)).await);
    assert_eq!((w.holder(&key).await, w.customer.uploads()), (Holder::NoDocument, 1));
}

async fn the_second_of_two_copies_publishes_nothing(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = numbered(1);
    w.store(&key, b"seen").await;
    let (seen, late) = (w.revision(&key).await, w.upload(UploadPurpose::Copy).await);
    let first = w.copy(&key).await;
    moved(
        &w.commit(
            &key,
            Change::Publish { seen, copied: Copied::Uploaded(Some(late), Labels::default()), content: Fingerprint::of(b"seen") },
        )
        .await,
    );
    assert_eq!(w.row(&key).await.location.unwrap().object, first);
    assert!(w.customer.versions(&key).is_empty());
}

async fn a_copy_of_another_length_than_the_row_publishes_nothing(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.store(&numbered(1), b"whole").await;
    let (seen, object) = (w.revision(&numbered(1)).await, w.upload(UploadPurpose::Copy).await);
    let change = Change::Publish { seen, copied: Copied::Uploaded(Some(object), Labels::default()), content: Fingerprint::of(b"who") };
    moved(&w.commit(&numbered(1), change).await);
    assert_eq!(w.customer.uploads(), 1);
}

async fn a_condemned_copy_is_never_published(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.store(&numbered(1), b"seen").await;
    let (seen, object) = (w.revision(&numbered(1)).await, w.upload(UploadPurpose::Copy).await);
    w.sql.condemn_upload(object.id).await.unwrap();
    let change = Change::Publish { seen, copied: Copied::Uploaded(Some(object), Labels::default()), content: Fingerprint::of(b"seen") };
    moved(&w.commit(&numbered(1), change).await);
    assert_eq!(w.holder(&numbered(1)).await, Holder::Sql);
}

async fn the_same_bytes_need_no_upload_and_make_no_version(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = numbered(1);
    w.store(&key, b"same").await;
    let object = w.copy(&key).await;
    w.customer.touch(&key);
    let touched = w.stamp(&key).await;
    let (seen, same) = (w.revision(&key).await, || Copied::SameAs(object.clone()));
    moved(
        &w.commit(&key, Change::Publish { seen, copied: Copied::SameAs(Some(mint().stored())), content: Fingerprint::of(b"same") }).await,
    );
    moved(&w.commit(&key, Change::Publish { seen, copied: same(), content: Fingerprint::of(b"diff") }).await);
    done(w.commit(&key, Change::Publish { seen, copied: same(), content: Fingerprint::of(b"same") }).await);
    let row = w.row(&key).await;
    assert_eq!((row.truth().holder, row.truth().stamp), (Holder::Both, touched));
    assert_eq!(row.location.unwrap().object, object);
    assert!(w.customer.versions(&key).is_empty());
}

async fn a_location_that_a_copy_replaces_becomes_a_version(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = numbered(1);
    let first = w.store(&key, b"one").await.stamp.unwrap();
    w.copy(&key).await;
    w.customer.set_content(&key, Some(b"two"));
    w.copy(&key).await;
    assert_eq!(w.customer.versions(&key), [first.to_string()]);
    assert_eq!(w.row(&key).await.location.unwrap().content, Fingerprint::of(b"two"));
}

async fn a_write_back_leaves_both_holders_the_stamp_and_the_time(w: World) {
    for (key, bytes, is_staged) in [(numbered(1), b"small".to_vec(), false), (lettered("large"), content(3 << 20, 5), true)] {
        let stamp = pointed(&w, &key, &bytes).await;
        let modified = w.customer.modified(&key);
        w.clock.advance(std::time::Duration::from_secs(60));
        let content = if is_staged { NewContent::Staged(w.stage(&bytes).await) } else { inline(&bytes) };
        done(w.commit(&key, Change::WriteBack { seen: stamp.clone(), content }).await);
        let row = w.row(&key).await;
        assert_eq!((row.truth().holder, row.truth().stamp, row.truth().repair), (Holder::Both, Some(stamp), None));
        assert_eq!((w.read(&key).await.unwrap(), w.customer.modified(&key)), (bytes, modified));
        assert!(w.customer.versions(&key).is_empty());
    }
}

async fn a_write_back_after_a_clients_write_moves_nothing(w: World) {
    let key = numbered(1);
    let seen = pointed(&w, &key, b"old").await;
    let write_back = || Change::WriteBack { seen: seen.clone(), content: inline(b"old") };
    w.store(&key, b"new in sql").await;
    moved(&w.commit(&key, write_back()).await);
    w.point(&key, b"new in the store").await;
    moved(&w.commit(&key, write_back()).await);
    assert_eq!((w.holder(&key).await, w.customer.content(&key)), (Holder::Object, None));
    w.delete(&key).await;
    moved(&w.commit(&key, write_back()).await);
}

async fn a_write_back_of_other_bytes_than_the_locations_is_an_error(w: World) {
    let key = numbered(1);
    let seen = pointed(&w, &key, b"right").await;
    let epoch = w.sql.state().await.unwrap().epoch;
    let staged = NewContent::Staged(w.stage(b"wrong").await);
    for content in [inline(b"wrong"), staged] {
        assert!(w.sql.commit(&key, epoch, Change::WriteBack { seen: seen.clone(), content }).await.is_err());
    }
    assert_eq!(w.holder(&key).await, Holder::Object);
}

async fn bringing_up_to_date_keeps_the_sole_holder(w: World) {
    let key = numbered(1);
    let stamp = pointed(&w, &key, b"object").await;
    w.customer.touch(&key);
    let seen = w.revision(&key).await;
    assert_eq!(w.row(&key).await.truth().repair, Some(Repair::BringUpToDate));
    done(w.commit(&key, Change::Repair { seen, repair: Repair::BringUpToDate }).await);
    let truth = w.row(&key).await.truth();
    assert_eq!((truth.holder, truth.stamp, truth.repair), (Holder::Object, Some(stamp), None));
    moved(&w.commit(&key, Change::Repair { seen, repair: Repair::BringUpToDate }).await);
    assert!(w.customer.versions(&key).is_empty());
}

async fn a_write_around_the_gateway_retires_the_location(w: World) {
    let key = numbered(1);
    let stamp = pointed(&w, &key, b"object").await;
    w.customer.set_content(&key, Some(b"around"));
    let row = w.row(&key).await;
    assert_eq!((row.truth().holder, row.truth().repair), (Holder::Sql, Some(Repair::RetireWrittenAround)));
    let seen = w.revision(&key).await;
    done(w.commit(&key, Change::Repair { seen, repair: Repair::RetireWrittenAround }).await);
    assert_eq!((w.row(&key).await.location, w.customer.versions(&key)), (None, vec![stamp.to_string()]));
    assert_eq!(w.read(&key).await.unwrap(), b"around");
}

async fn content_cleared_in_sql_retires_the_location(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = numbered(1);
    let stamp = w.store(&key, b"cleared").await.stamp.unwrap();
    w.copy(&key).await;
    w.customer.set_content(&key, None);
    let truth = w.row(&key).await.truth();
    assert_eq!((truth.holder, truth.repair), (Holder::NoContent, Some(Repair::RetireCleared)));
    let seen = w.revision(&key).await;
    done(w.commit(&key, Change::Repair { seen, repair: Repair::RetireCleared }).await);
    assert_eq!((w.holder(&key).await, w.customer.versions(&key)), (Holder::NoContent, vec![stamp.to_string()]));
}

async fn a_repair_of_what_has_moved_moves_nothing(w: World) {
    let key = numbered(1);
    pointed(&w, &key, b"object").await;
    w.customer.touch(&key);
    let seen = w.revision(&key).await;
    w.customer.set_content(&key, Some(b"around"));
    for repair in [Repair::BringUpToDate, Repair::RetireCleared, Repair::RetireWrittenAround] {
        moved(&w.commit(&key, Change::Repair { seen, repair }).await);
    }
    let seen = w.revision(&key).await;
    moved(&w.commit(&key, Change::Repair { seen, repair: Repair::BringUpToDate }).await);
    assert!(w.row(&key).await.location.is_some());
}

async fn a_delete_takes_the_row_and_keeps_the_version(w: World) {
    let key = numbered(1);
    let stamp = pointed(&w, &key, b"object").await;
    assert_eq!(w.delete(&key).await.stamp, None);
    assert_eq!((w.holder(&key).await, w.customer.versions(&key)), (Holder::NoDocument, vec![stamp.to_string()]));
    assert!(w.row(&key).await.location.is_none());
}

async fn a_delete_checks_its_precondition_and_finds_the_absent_absent(w: World) {
    assert!(matches!(w.commit(&numbered(1), delete_if(Precondition::default())).await, Commit::Absent));
    let stale = w.store(&numbered(1), b"one").await.stamp.unwrap();
    assert!(matches!(w.commit(&numbered(2), delete_if(if_match(&stale))).await, Commit::Absent));
    let current = w.store(&numbered(1), b"two").await.stamp.unwrap();
    assert!(matches!(w.commit(&numbered(1), delete_if(if_match(&stale))).await, Commit::Unmet(Unmet::IfMatch)));
    done(w.commit(&numbered(1), delete_if(if_match(&current))).await);
    w.customer.insert(&numbered(3), None);
    done(w.commit(&numbered(3), delete_if(Precondition::default())).await);
    assert_eq!(w.holder(&numbered(3)).await, Holder::NoDocument);
}

async fn a_row_deleted_straight_in_sql_takes_its_location_along(w: World) {
    for key in [numbered(1), lettered("Anna")] {
        let stamp = pointed(&w, &key, b"object").await;
        w.customer.delete(&key);
        assert!(w.row(&key).await.location.is_none());
        assert_eq!(w.customer.versions(&key), [stamp.to_string()]);
        w.customer.insert(&key, Some(b"new"));
        let row = w.row(&key).await;
        assert_eq!((row.truth().holder, row.location), (Holder::Sql, None));
    }
}

on_every_backend!(
    a_point_makes_the_object_the_only_holder,
    a_point_can_create,
    a_point_without_its_uploads_row_moves_nothing,
    a_location_that_a_client_replaces_becomes_a_version,
    a_point_checks_its_precondition_and_keeps_the_upload,
    a_copy_leaves_both_holders_and_the_stamp,
    a_copy_whose_row_has_moved_publishes_nothing_and_leaves_its_upload,
    the_second_of_two_copies_publishes_nothing,
    a_copy_of_another_length_than_the_row_publishes_nothing,
    a_condemned_copy_is_never_published,
    the_same_bytes_need_no_upload_and_make_no_version,
    a_location_that_a_copy_replaces_becomes_a_version,
    a_write_back_leaves_both_holders_the_stamp_and_the_time,
    a_write_back_after_a_clients_write_moves_nothing,
    a_write_back_of_other_bytes_than_the_locations_is_an_error,
    bringing_up_to_date_keeps_the_sole_holder,
    a_write_around_the_gateway_retires_the_location,
    content_cleared_in_sql_retires_the_location,
    a_repair_of_what_has_moved_moves_nothing,
    a_delete_takes_the_row_and_keeps_the_version,
    a_delete_checks_its_precondition_and_finds_the_absent_absent,
    a_row_deleted_straight_in_sql_takes_its_location_along,
);
