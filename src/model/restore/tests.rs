//! What becomes of a document, by when its contents began and ended.

use super::*;
use crate::model::content::Fingerprint;
use crate::model::document::{Attributes, ContentColumn, Document, SqlContent, State};
use crate::model::history::VersionNumber;
use crate::model::id::{DocId, DocKey, FreshKey};
use crate::model::location::Labels;
use crate::model::phase::Phase;
use crate::model::stamp::{Epoch, Revision, Stamp};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A row that only SQL holds, or no row.
fn row(document: bool) -> DocRow {
    let document = document.then(|| Document {
        revision: Revision(7),
        content: SqlContent::Bytes(5),
        column: ContentColumn::Nullable,
        soft_deleted: false,
        attributes: Attributes::default(),
    });
    DocRow {
        key: DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(1) },
        state: State { phase: Phase::Dual, epoch: Epoch(1), read_only: false },
        document,
        location: None,
        inline: None,
    }
}

/// Both hold it; a copy put it there at that second.
fn copied(content: &[u8], second: i64) -> DocRow {
    let stamp = Stamp::Row { epoch: Epoch(1), revision: Revision(7) };
    let location = Location {
        object: Some(FreshKey::mint("local".parse().unwrap()).stored()),
        stamp,
        content: Fingerprint::of(content),
        revision: Revision(7),
        sole: false,
        labels: Labels::default(),
        held_from: at(second),
        verified_at: None,
    };
    DocRow { location: Some(location), ..row(true) }
}

fn version(content: &[u8], begins: Beginning, held_to: i64) -> Version {
    let (held_from, exact) = match begins {
        Beginning::At(from) => (Some(from), true),
        Beginning::By(seen) => (Some(seen), false),
        Beginning::Since(_) | Beginning::Unknown => (None, false),
    };
    Version {
        number: VersionNumber(3),
        collection: "documents".into(),
        document: "1".into(),
        stamp: Stamp::Row { epoch: Epoch(1), revision: Revision(5) },
        length_bytes: content.len() as u64,
        kept: Kept::Object { object: FreshKey::mint("local".parse().unwrap()).stored(), content: Fingerprint::of(content) },
        labels: Labels::default(),
        held_from,
        exact,
        held_to: at(held_to),
        hidden_at: None,
    }
}

fn ended(version: Version) -> Trace {
    Trace { last_ended: Some(version.held_to), version: Some(version), ..Trace::default() }
}

#[test]
fn what_was_replaced_later_comes_back() {
    let before = version(b"before", Beginning::At(at(10)), 50);
    let step = step(&copied(b"now", 60), ended(before.clone()), at(20), None);
    assert_eq!(step, Step::Put { version: Some(Box::new(before)), doubtful: false });
}

#[test]
fn what_a_client_made_later_goes_and_what_was_there_stays() {
    let made_at = |second| Trace { located_begun: Some(at(second)), ..Trace::default() };
    assert_eq!(step(&copied(b"now", 60), made_at(50), at(20), None), Step::Remove);
    assert_eq!(step(&copied(b"now", 60), made_at(20), at(20), None), Step::Stay { doubtful: false });
    let replaced = ended(version(b"first", Beginning::At(at(30)), 50));
    assert_eq!(step(&copied(b"now", 60), replaced.clone(), at(20), None), Step::Remove, "neither was there");
    assert_eq!(step(&row(false), replaced, at(20), None), Step::Stay { doubtful: false }, "nor is it now");
}

#[test]
fn what_nobody_saw_being_written_is_presumed_to_be_old() {
    assert_eq!(step(&copied(b"now", 60), Trace::default(), at(20), None), Step::Stay { doubtful: true });
    assert_eq!(step(&copied(b"now", 60), Trace::default(), at(60), None), Step::Stay { doubtful: false });
    assert_eq!(step(&row(true), Trace::default(), at(20), None), Step::Stay { doubtful: true });
    let seen = version(b"before", Beginning::By(at(40)), 50);
    assert!(matches!(step(&copied(b"now", 60), ended(seen), at(20), None), Step::Put { doubtful: true, .. }));
}

#[test]
fn a_client_that_wrote_since_is_heard_although_another_column_was_changed_behind_it() {
    // Copied, and then the application touched the row: only SQL is known to hold it.
    let mut touched = copied(b"new", 70);
    touched.document.as_mut().unwrap().revision = Revision(8);
    let before = ended(version(b"before", Beginning::At(at(10)), 60));
    let trace = Trace { located_begun: Some(at(60)), ..before };
    assert_eq!(step(&touched, trace.clone(), at(20), Some(at(55))), Step::Dealt);
    assert!(matches!(step(&touched, trace, at(20), Some(at(65))), Step::Put { doubtful: false, .. }));
    let alone = |begun| Trace { located_begun: Some(at(begun)), ..Trace::default() };
    assert_eq!(step(&touched, alone(10), at(20), None), Step::Stay { doubtful: true });
    assert_eq!(step(&touched, alone(30), at(20), None), Step::Remove);
    // Somebody wrote straight to SQL after the restore began.
    let around = ended(version(b"before", Beginning::At(at(10)), 60));
    assert_eq!(step(&row(true), around, at(20), Some(at(60))), Step::Dealt);
}

#[test]
fn a_location_that_was_rebuilt_is_no_reason_to_take_a_document_away() {
    let mut rebuilt = copied(b"now", 60);
    rebuilt.location.as_mut().unwrap().stamp = Stamp::Object(FreshKey::mint("local".parse().unwrap()).object().id);
    assert_eq!(step(&rebuilt, Trace::default(), at(20), None), Step::Stay { doubtful: true });
}

#[test]
fn equal_bytes_are_not_written_again() {
    let before = ended(version(b"same", Beginning::At(at(10)), 50));
    assert_eq!(step(&copied(b"same", 60), before, at(20), None), Step::Stay { doubtful: false });
}

#[test]
fn a_deleted_document_comes_back_unless_it_went_after_the_restore_began() {
    let before = version(b"gone", Beginning::At(at(10)), 50);
    assert!(matches!(step(&row(false), ended(before.clone()), at(20), Some(at(55))), Step::Put { .. }));
    assert_eq!(step(&row(false), ended(before), at(20), Some(at(50))), Step::Dealt);
}

#[test]
fn what_a_client_wrote_after_the_restore_began_stays() {
    let noted = |second| {
        let before = ended(version(b"before", Beginning::At(at(10)), 50));
        Trace { noted: Some((at(second), Fingerprint::of(b"new").sha256)), ..before }
    };
    assert_eq!(step(&row(true), noted(60), at(20), Some(at(60))), Step::Dealt);
    assert!(matches!(step(&row(true), noted(59), at(20), Some(at(60))), Step::Put { .. }));
}

#[test]
fn a_marked_document_is_visible_again_only_where_it_was_visible_then() {
    let mut marked = copied(b"now", 10);
    marked.document.as_mut().unwrap().soft_deleted = true;
    let since = |second| Trace { located_begun: Some(at(5)), marked: Some(at(second)), ..Trace::default() };
    assert_eq!(step(&marked, Trace::default(), at(20), None), Step::Marked, "nobody noted since when");
    assert_eq!(step(&marked, since(20), at(20), None), Step::Stay { doubtful: false });
    assert_eq!(step(&marked, since(30), at(20), None), Step::Put { version: None, doubtful: false });
    assert_eq!(step(&marked, since(30), at(4), None), Step::Stay { doubtful: false }, "it was not there yet");
    assert_eq!(step(&marked, since(30), at(20), Some(at(30))), Step::Dealt, "a client did it since");
    // What was replaced since has its own time.
    let before = version(b"before", Beginning::At(at(1)), 5);
    let both = Trace { version: Some(before.clone()), ..since(30) };
    assert_eq!(step(&marked, both, at(3), None), Step::Put { version: Some(Box::new(before)), doubtful: false });
}

#[test]
fn what_was_marked_then_is_not_there_now() {
    let hidden = Version { hidden_at: Some(at(15)), ..version(b"before", Beginning::At(at(10)), 50) };
    let later = || Trace { located_begun: Some(at(50)), ..ended(hidden.clone()) };
    assert_eq!(step(&copied(b"now", 60), later(), at(20), None), Step::Remove);
    assert!(matches!(step(&copied(b"now", 60), later(), at(14), None), Step::Put { .. }));
}
