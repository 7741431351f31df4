//! Locations that come back after they were lost: only into a gap, and only where the row does not refute them.

use sluss::model::content::Fingerprint;
use sluss::model::document::Holder;
use sluss::model::id::DocKey;
use sluss::model::location::Labels;
use sluss::model::phase::Phase;
use sluss::model::stamp::{Epoch, Revision, Stamp};
use sluss::store::sql::{Change, Relocated, UploadPurpose};

use crate::support::{World, done, mint, moved, numbered};

const CONTENT: &[u8] = b"content";

fn relocated() -> Relocated {
    let object = mint().stored();
    let stamp = Stamp::Row { epoch: Epoch(1), revision: Revision(4711) };
    let labels = Labels { media_type: Some("text/plain".into()), file_name: None };
    Relocated { object, stamp, labels, content: Fingerprint::of(CONTENT) }
}

async fn relocate(w: &World, key: &DocKey, located: &Relocated, sole: bool) -> Change {
    let seen = w.row(key).await.document.expect("the row is there").revision;
    Change::Relocate { seen, located: Box::new(located.clone()), sole }
}

async fn a_row_without_content_has_its_content_in_the_object_again(w: World) {
    w.flip_to(Phase::Object).await;
    let (key, located) = (numbered(1), relocated());
    w.customer.insert(&key, None);
    done(w.commit(&key, relocate(&w, &key, &located, true).await).await);
    let row = w.row(&key).await;
    assert_eq!((row.truth().holder, row.truth().stamp), (Holder::Object, Some(located.stamp.clone())));
    let location = row.location.unwrap();
    assert_eq!((location.object, location.content, location.labels), (Some(located.object), located.content, located.labels));
    assert_eq!(w.sql.tally().await.unwrap().object.documents, 1);
}

async fn a_row_with_the_same_bytes_is_held_by_both(w: World) {
    w.flip_to(Phase::Shadow).await;
    let (key, located) = (numbered(1), relocated());
    w.customer.insert(&key, Some(CONTENT));
    done(w.commit(&key, relocate(&w, &key, &located, false).await).await);
    assert_eq!(w.row(&key).await.truth().holder, Holder::Both);
    assert_eq!(w.customer.content(&key).as_deref(), Some(CONTENT));
}

async fn a_location_that_is_there_is_never_touched(w: World) {
    w.flip_to(Phase::Object).await;
    let key = numbered(1);
    let held = w.point(&key, b"current").await;
    for sole in [true, false] {
        moved(&w.commit(&key, relocate(&w, &key, &relocated(), sole).await).await);
    }
    assert_eq!(w.row(&key).await.location.unwrap().object, Some(held));
    assert!(w.customer.versions(&key).is_empty());
}

async fn what_the_row_refutes_is_no_location(w: World) {
    w.flip_to(Phase::Shadow).await;
    let (full, empty) = (numbered(1), numbered(2));
    w.customer.insert(&full, Some(b"other bytes"));
    w.customer.insert(&empty, None);
    for (key, sole) in [(&full, true), (&full, false), (&empty, false)] {
        moved(&w.commit(key, relocate(&w, key, &relocated(), sole).await).await);
    }
    let before = relocate(&w, &empty, &relocated(), true).await;
    w.customer.touch(&empty);
    moved(&w.commit(&empty, before).await);
    assert!(w.row(&full).await.location.is_none() && w.row(&empty).await.location.is_none());
}

/// The collector removes what has an upload's row, condemned or abandoned.
async fn an_object_that_the_collector_may_remove_is_no_location(w: World) {
    w.flip_to(Phase::Object).await;
    let key = numbered(1);
    w.customer.insert(&key, None);
    let object = w.upload(UploadPurpose::Write).await;
    for condemned in [false, true] {
        if condemned {
            w.sql.condemn_upload(object.id).await.unwrap();
        }
        let located = Relocated { object: object.clone(), ..relocated() };
        moved(&w.commit(&key, relocate(&w, &key, &located, true).await).await);
    }
    assert!(w.row(&key).await.location.is_none());
}

on_every_backend! {
    a_row_without_content_has_its_content_in_the_object_again,
    a_row_with_the_same_bytes_is_held_by_both,
    a_location_that_is_there_is_never_touched,
    what_the_row_refutes_is_no_location,
    an_object_that_the_collector_may_remove_is_no_location,
}
