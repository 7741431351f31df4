//! Tables as customers have them: UUIDs, marks for deleted documents, content that is NOT NULL, rows that the application inserts,
//! tables that tenants share, and tables that lack a column.

use sluss::model::document::{Attributes, Holder, Repair};
use sluss::model::id::{DocKey, TenantId};
use sluss::model::location::Labels;
use sluss::model::phase::Phase;
use sluss::model::precondition::Precondition;
use sluss::store::sql::{Change, Commit, NewAttributes, UploadPurpose};

use crate::support::{World, bare, done, guid, if_absent, inline, numbered, point_of, shared, store_of};

const LOWER: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
const UPPER: &str = "6F9619FF-8B86-D011-B42D-00CF4FC964FF";

fn named(media_type: Option<&str>, file_name: Option<&str>) -> NewAttributes {
    NewAttributes { media_type: media_type.map(str::to_owned), file_name: file_name.map(str::to_owned), all: false }
}

fn store_named(bytes: &[u8], attributes: NewAttributes) -> Change {
    Change::Store { content: inline(bytes), attributes, precondition: Precondition::default() }
}

fn delete() -> Change {
    Change::Delete { precondition: Precondition::default() }
}

async fn attributes(w: &World, key: &DocKey) -> (Option<String>, Option<String>) {
    let Attributes { media_type, file_name, .. } = w.row(key).await.document.unwrap().attributes;
    (media_type, file_name)
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

async fn a_uuid_is_met_in_either_case_and_answered_as_its_row_spells_it(w: World) {
    w.customer.insert(&guid(UPPER), Some(b"theirs"));
    assert_eq!(w.row(&guid(LOWER)).await.key, guid(UPPER));
    assert!(!w.store(&guid(LOWER), b"ours").await.created);
    assert_eq!(w.customer.content(&guid(UPPER)).unwrap(), b"ours");
    w.flip_to(Phase::Object).await;
    w.point(&guid(LOWER), b"in the object store").await;
    assert_eq!(w.holder(&guid(UPPER)).await, Holder::Object);
    w.customer.delete(&guid(UPPER));
    assert_eq!(w.holder(&guid(LOWER)).await, Holder::NoDocument);
}

async fn a_row_that_a_put_inserts_has_the_configured_defaults(w: World) {
    assert!(w.store(&guid(LOWER), b"x").await.created);
    assert_eq!(w.customer.column(&guid(LOWER), "kind"), text("o'clock"));
}

async fn what_the_table_has_no_column_for_is_kept_beside_it_in_every_phase(w: World) {
    for phase in [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object] {
        w.flip_to(phase).await;
        let key = bare(phase.label());
        let change = if phase == Phase::Object {
            let object = w.upload(UploadPurpose::Write).await;
            let Change::Point { object, content, precondition, .. } = point_of(object, b"x") else { unreachable!() };
            let attributes = named(Some("text/plain"), Some("a.txt"));
            Change::Point { object, labels: Labels::default(), content, attributes, precondition }
        } else {
            store_named(b"x", named(Some("text/plain"), Some("a.txt")))
        };
        done(w.commit(&key, change).await);
        assert_eq!(attributes(&w, &key).await, (text("text/plain"), text("a.txt")), "{phase}");
        let page = w.sql.scan(&key.collection, None, 100).await.unwrap();
        let seen = page.rows.iter().find(|row| row.key == key).unwrap().document.clone().unwrap();
        assert_eq!(seen.attributes.media_type, text("text/plain"));
    }
}

async fn a_write_leaves_the_attributes_that_it_does_not_name(w: World) {
    for key in [bare("a"), guid(LOWER)] {
        done(w.commit(&key, store_named(b"x", named(Some("text/plain"), Some("a.txt")))).await);
        done(w.commit(&key, store_named(b"y", named(Some("text/html"), None))).await);
        assert_eq!(attributes(&w, &key).await, (text("text/html"), text("a.txt")), "{key}");
    }
}

async fn a_write_of_all_attributes_takes_away_what_it_does_not_name(w: World) {
    for key in [numbered(1), bare("a"), guid(LOWER)] {
        for phase in [Phase::Dual, Phase::Object] {
            w.flip_to(phase).await;
            done(w.commit(&key, store_named(b"x", named(Some("text/plain"), Some("a.txt")))).await);
            let all = NewAttributes { all: true, ..named(Some("text/html"), None) };
            let change = if phase == Phase::Object {
                let object = w.upload(UploadPurpose::Write).await;
                let Change::Point { object, labels, content, precondition, .. } = point_of(object, b"y") else { unreachable!() };
                Change::Point { object, labels, content, attributes: all, precondition }
            } else {
                store_named(b"y", all)
            };
            done(w.commit(&key, change).await);
            assert_eq!(attributes(&w, &key).await, (text("text/html"), None), "{key} {phase}");
        }
    }
}

async fn attributes_beside_the_table_go_with_their_row_and_along_with_a_changed_id(w: World) {
    done(w.commit(&bare("a"), store_named(b"x", named(Some("text/plain"), None))).await);
    w.customer.rename(&bare("a"), &bare("b").id);
    assert_eq!(attributes(&w, &bare("b")).await.0, text("text/plain"));
    w.customer.replace(&bare("b"), Some(b"another document"));
    assert_eq!(attributes(&w, &bare("b")).await.0, None);
    done(w.commit(&bare("b"), store_named(b"x", named(Some("text/plain"), None))).await);
    w.customer.delete(&bare("b"));
    w.customer.insert(&bare("b"), Some(b"new"));
    assert_eq!(attributes(&w, &bare("b")).await.0, None);
}

async fn a_marked_document_is_not_visible_and_loses_nothing(w: World) {
    w.flip_to(Phase::Object).await;
    let key = guid(LOWER);
    let object = w.point(&key, b"kept").await;
    let stamp = w.stamp(&key).await;
    w.customer.mark(&key, true);
    let row = w.row(&key).await;
    assert!(!row.truth().visible);
    assert_eq!((row.truth().holder, row.location.unwrap().object), (Holder::Object, Some(object)));
    w.customer.mark(&key, false);
    let truth = w.row(&key).await.truth();
    assert!(truth.visible);
    assert_eq!(truth.stamp, stamp);
}

async fn a_delete_marks_the_row_where_the_collection_says_so(w: World) {
    let key = guid(LOWER);
    w.store(&key, b"x").await;
    done(w.commit(&key, delete()).await);
    assert!(w.customer.column(&key, "gone").is_some());
    assert!(!w.row(&key).await.truth().visible);
    assert!(matches!(w.commit(&key, delete()).await, Commit::Absent));
}

async fn a_put_on_a_marked_document_begins_it_anew(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = guid(LOWER);
    let old = done(w.commit(&key, store_named(b"old", named(Some("text/plain"), Some("old.txt")))).await).stamp.unwrap();
    w.copy(&key).await;
    w.customer.mark(&key, true);
    // A row that was changed straight in SQL may have got another content, too.
    let unseen = w.stamp(&key).await.unwrap();
    let change = Change::Store { content: inline(b"new"), attributes: named(None, None), precondition: if_absent() };
    assert!(done(w.commit(&key, change).await).created);
    assert!(w.row(&key).await.truth().visible);
    assert_eq!(w.customer.column(&key, "gone"), None);
    assert_eq!(attributes(&w, &key).await, (None, None));
    assert_eq!(w.customer.versions(&key), [old.to_string(), unseen.to_string()]);
}

async fn empty_absent_and_null_are_three_states(w: World) {
    let (nullable, not_null) = (bare("a"), shared(1));
    w.customer.insert(&nullable, None);
    w.customer.insert(&not_null, None);
    for (key, empty) in [(&nullable, Holder::Sql), (&not_null, Holder::EmptyDocument)] {
        assert_eq!((w.holder(key).await, w.stamp(key).await), (Holder::NoContent, None));
        for phase in [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object] {
            w.flip_to(phase).await;
            let stored = w.store(key, b"").await;
            assert_eq!((w.holder(key).await, w.stamp(key).await), (empty, stored.stamp), "{key} in {phase}");
            assert_eq!(w.row(key).await.length_bytes(), 0);
            assert_eq!(w.customer.content(key).unwrap(), b"");
            // Where NULL may not stand, its stand-in over the empty document is no change that anybody could see.
            w.customer.set_content(key, None);
            let expected = if empty == Holder::Sql { Holder::NoContent } else { Holder::EmptyDocument };
            assert_eq!(w.holder(key).await, expected, "{key} in {phase}");
        }
        w.flip_to(Phase::Sql).await;
    }
    assert_eq!(w.holder(&bare("nobody")).await, Holder::NoDocument);
    assert_eq!(w.sql.remaining().await.unwrap().sole, 0);
}

async fn content_cleared_straight_in_a_column_that_is_not_null_is_no_content(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.customer.insert(&shared(1), Some(b"theirs"));
    w.copy(&shared(1)).await;
    assert_eq!(w.holder(&shared(1)).await, Holder::Both);
    w.customer.set_content(&shared(1), None);
    let truth = w.row(&shared(1)).await.truth();
    assert_eq!((truth.holder, truth.repair), (Holder::NoContent, Some(Repair::RetireCleared)));
}

/// Found by the model: a location that is not sole has nothing to put right, and would be true again once the content is cleared.
async fn the_empty_document_does_not_come_back_from_under_content_that_came_and_went(w: World) {
    w.customer.insert(&shared(1), None);
    w.store(&shared(1), b"").await;
    w.customer.set_content(&shared(1), Some(b"theirs"));
    let truth = w.row(&shared(1)).await.truth();
    assert_eq!((truth.holder, truth.repair), (Holder::Sql, Some(Repair::RetireWrittenAround)));
    let seen = w.revision(&shared(1)).await;
    done(w.commit(&shared(1), Change::Repair { seen, repair: Repair::RetireWrittenAround }).await);
    w.customer.set_content(&shared(1), None);
    assert_eq!(w.holder(&shared(1)).await, Holder::NoContent);
    assert_eq!(w.sql.remaining().await.unwrap().sole, 0);
}

async fn content_goes_to_the_object_store_and_back_where_null_may_not_stand(w: World) {
    w.flip_to(Phase::Object).await;
    w.customer.insert(&shared(1), Some(b"theirs"));
    let object = w.point(&shared(1), b"ours").await;
    assert_eq!((w.holder(&shared(1)).await, w.customer.content(&shared(1)).unwrap()), (Holder::Object, Vec::new()));
    assert_eq!(w.sql.remaining().await.unwrap().sole, 1);
    w.flip_to(Phase::Dual).await;
    let seen = w.stamp(&shared(1)).await.unwrap();
    done(w.commit(&shared(1), Change::WriteBack { seen: seen.clone(), content: inline(b"ours") }).await);
    assert_eq!((w.holder(&shared(1)).await, w.stamp(&shared(1)).await), (Holder::Both, Some(seen)));
    assert_eq!(w.row(&shared(1)).await.location.unwrap().object, Some(object));
}

async fn where_the_application_inserts_a_put_finds_a_row_or_nothing(w: World) {
    assert!(matches!(w.commit(&shared(1), store_of(inline(b"x"))).await, Commit::Absent));
    w.flip_to(Phase::Object).await;
    let object = w.upload(UploadPurpose::Write).await;
    assert!(matches!(w.commit(&shared(1), point_of(object, b"x")).await, Commit::Absent));
    w.customer.insert(&shared(1), None);
    assert!(w.store(&shared(1), b"x").await.created);
}

async fn a_delete_of_content_leaves_the_row(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.customer.insert(&shared(1), Some(b"x"));
    let stamp = w.stamp(&shared(1)).await.unwrap();
    w.copy(&shared(1)).await;
    done(w.commit(&shared(1), delete()).await);
    assert_eq!((w.holder(&shared(1)).await, w.row(&shared(1)).await.location), (Holder::NoContent, None));
    assert_eq!(w.customer.versions(&shared(1)), [stamp.to_string()]);
    assert!(matches!(w.commit(&shared(1), delete()).await, Commit::Absent));
}

fn theirs(key: &DocKey) -> DocKey {
    DocKey { tenant: "globex".parse::<TenantId>().unwrap(), ..key.clone() }
}

async fn tenants_of_one_table_reach_their_own_rows_only(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.customer.insert(&shared(1), Some(b"ours"));
    w.customer.insert(&shared(2), Some(b"moves"));
    w.copy(&shared(1)).await;
    let (theirs_1, collection) = (theirs(&shared(1)), shared(1).collection);
    assert!(w.neighbour.row(&theirs_1).await.unwrap().document.is_none());
    assert!(w.neighbour.scan(&collection, None, 10).await.unwrap().rows.is_empty());
    assert!(w.neighbour.sample(&collection, 10).await.unwrap().is_empty());
    assert!(w.neighbour.changes(&collection, 10).await.unwrap().rows.is_empty());
    let epoch = w.neighbour.state().await.unwrap().epoch;
    for change in [store_of(inline(b"theirs")), delete()] {
        assert!(matches!(w.neighbour.commit(&theirs_1, epoch, change).await.unwrap(), Commit::Absent));
    }
    let revision = w.revision(&shared(1)).await;
    assert!(w.neighbour.open(&theirs_1, revision, 0, 1000).await.unwrap().is_none());
    assert_eq!(w.read(&shared(1)).await.unwrap(), b"ours");
    assert_eq!(w.neighbour.state().await.unwrap().phase, Phase::Sql);
}

async fn a_row_that_changes_its_tenant_starts_clean_there_and_leaves_a_version_here(w: World) {
    w.flip_to(Phase::Shadow).await;
    w.customer.insert(&shared(1), Some(b"moves"));
    let stamp = w.stamp(&shared(1)).await.unwrap();
    w.copy(&shared(1)).await;
    w.customer.give_away(&shared(1)).unwrap();
    assert_eq!(w.holder(&shared(1)).await, Holder::NoDocument);
    assert_eq!(w.customer.versions(&shared(1)), [stamp.to_string()]);
    let row = w.neighbour.row(&theirs(&shared(1))).await.unwrap();
    assert_eq!((row.truth().holder, row.inline.as_deref()), (Holder::Sql, Some(&b"moves"[..])));
}

async fn a_row_whose_content_only_the_object_store_holds_cannot_change_its_tenant(w: World) {
    w.flip_to(Phase::Object).await;
    w.customer.insert(&shared(1), None);
    w.point(&shared(1), b"only there").await;
    let refusal = w.customer.give_away(&shared(1)).unwrap_err();
    assert!(refusal.contains("bring it back to sql"), "{refusal}");
    assert_eq!(w.holder(&shared(1)).await, Holder::Object);
}

async fn a_neighbours_row_of_the_same_id_leaves_ours_alone(w: World) {
    let ours = shared(1);
    w.customer.insert(&ours, Some(b"theirs"));
    w.customer.give_away(&ours).unwrap();
    w.customer.insert(&ours, Some(b"ours"));
    let theirs = DocKey { tenant: "globex".parse().unwrap(), ..ours.clone() };
    let (revision, epoch) = (w.revision(&ours).await, w.neighbour.state().await.unwrap().epoch);
    for change in [store_named(b"changed", NewAttributes::default()), delete()] {
        done(w.neighbour.commit(&theirs, epoch, change).await.unwrap());
        assert_eq!((w.revision(&ours).await, w.read(&ours).await.unwrap()), (revision, b"ours".to_vec()));
    }
}

on_every_backend! {
    a_neighbours_row_of_the_same_id_leaves_ours_alone,
    a_uuid_is_met_in_either_case_and_answered_as_its_row_spells_it,
    a_row_that_a_put_inserts_has_the_configured_defaults,
    what_the_table_has_no_column_for_is_kept_beside_it_in_every_phase,
    a_write_leaves_the_attributes_that_it_does_not_name,
    a_write_of_all_attributes_takes_away_what_it_does_not_name,
    attributes_beside_the_table_go_with_their_row_and_along_with_a_changed_id,
    a_marked_document_is_not_visible_and_loses_nothing,
    a_delete_marks_the_row_where_the_collection_says_so,
    a_put_on_a_marked_document_begins_it_anew,
    empty_absent_and_null_are_three_states,
    content_cleared_straight_in_a_column_that_is_not_null_is_no_content,
    the_empty_document_does_not_come_back_from_under_content_that_came_and_went,
    content_goes_to_the_object_store_and_back_where_null_may_not_stand,
    where_the_application_inserts_a_put_finds_a_row_or_nothing,
    a_delete_of_content_leaves_the_row,
    tenants_of_one_table_reach_their_own_rows_only,
    a_row_that_changes_its_tenant_starts_clean_there_and_leaves_a_version_here,
    a_row_whose_content_only_the_object_store_holds_cannot_change_its_tenant,
}
