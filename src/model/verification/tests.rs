//! What counts as a difference, and what keeps a tenant from being sealed.

use super::*;
use crate::model::id::FreshKey;
use crate::model::stamp::Stamp;

fn labels(media_type: &str) -> Labels {
    Labels { media_type: Some(media_type.to_owned()), file_name: None }
}

fn location() -> Location {
    let object = FreshKey::mint("local".parse().unwrap()).stored();
    Location {
        stamp: Stamp::Object(object.id),
        object: Some(object),
        content: Fingerprint::of(b"hello"),
        revision: Revision(7),
        sole: false,
        labels: labels("text/plain"),
        held_from: Timestamp::UNIX_EPOCH,
        verified_at: None,
    }
}

fn found(bytes: &[u8], media_type: &str) -> Found {
    Found { content: Some(Fingerprint::of(bytes)), labels: Some(labels(media_type)), note: None }
}

fn there(bytes: &[u8], media_type: &str) -> FoundObject {
    FoundObject::There(found(bytes, media_type))
}

#[test]
fn equal_bytes_and_labels_are_no_difference() {
    let sql = Found { labels: None, ..found(b"hello", "") };
    assert_eq!(differences(&location(), Some(&sql), &there(b"hello", "text/plain")), []);
    assert_eq!(differences(&location(), None, &there(b"hello", "text/plain")), []);
}

#[test]
fn each_side_is_told_apart() {
    let (good, bad) = (found(b"hello", "text/plain"), found(b"hallo", "text/plain"));
    let judged = |sql: &Found, object: &FoundObject| differences(&location(), Some(sql), object);
    assert_eq!(judged(&bad, &there(b"hello", "text/plain")), [DifferenceKind::SqlBytes]);
    assert_eq!(judged(&good, &there(b"hallo", "text/plain")), [DifferenceKind::ObjectBytes]);
    assert_eq!(judged(&good, &FoundObject::Missing), [DifferenceKind::ObjectMissing]);
    assert_eq!(judged(&good, &there(b"hello", "text/html")), [DifferenceKind::Labels]);
    assert_eq!(judged(&bad, &there(b"hell", "text/html")), [DifferenceKind::SqlBytes, DifferenceKind::ObjectBytes, DifferenceKind::Labels]);
}

#[test]
fn a_side_that_cannot_be_read_to_its_end_differs() {
    let cut = FoundObject::There(Found { note: Some("the file was cut".into()), ..Found::default() });
    assert_eq!(differences(&location(), None, &cut), [DifferenceKind::ObjectBytes]);
}

#[test]
fn labels_survive_their_text() {
    for kind in DifferenceKind::ALL {
        assert_eq!(kind.label().parse(), Ok(kind));
    }
    for found_by in FoundBy::ALL {
        assert_eq!(found_by.label().parse(), Ok(found_by));
    }
    for remedy in Remedy::ALL {
        assert_eq!(remedy.label().parse(), Ok(remedy));
    }
    assert!("nothing".parse::<DifferenceKind>().is_err());
}

fn run(number: u64, epoch: u64, ended: bool, figures: VerifyFigures) -> VerifyRun {
    VerifyRun {
        collection: "documents".into(),
        number,
        repair: false,
        background: false,
        started_at: Timestamp::UNIX_EPOCH,
        ended_at: ended.then_some(Timestamp::UNIX_EPOCH),
        epoch,
        revision: 0,
        figures,
        place: None,
    }
}

fn blockers(runs: &[VerifyRun]) -> Vec<String> {
    VerificationFacts::of(&["documents"], runs, Epoch(2)).blockers()
}

#[test]
fn only_a_verification_of_this_epoch_that_came_to_the_end_counts() {
    let clean = VerifyFigures::default();
    assert_eq!(blockers(&[run(1, 2, true, clean)]), Vec::<String>::new());
    for runs in [vec![], vec![run(1, 2, false, clean)], vec![run(1, 1, true, clean)]] {
        let [blocker] = &blockers(&runs)[..] else { panic!("{runs:?}") };
        assert!(blocker.contains("documents was never verified"), "{blocker}");
    }
}

#[test]
fn the_last_verification_that_came_to_the_end_is_the_one_that_counts() {
    let dirty = VerifyFigures { different: 1, ..VerifyFigures::default() };
    let clean = VerifyFigures::default();
    assert_eq!(blockers(&[run(1, 2, true, dirty), run(2, 2, true, clean), run(3, 2, false, dirty)]), Vec::<String>::new());
    assert_eq!(blockers(&[run(1, 2, true, clean), run(2, 2, true, dirty)]).len(), 1);
}

#[test]
fn every_blocker_is_told_at_once() {
    let facts = VerificationFacts {
        never: vec!["notes".into()],
        unlocated: 1,
        different: 2,
        failed: 3,
        unverified: 4,
        open_differences: 5,
        quarantined: 6,
    };
    assert_eq!(facts.blockers().len(), 7);
    assert!(facts.blockers().iter().all(|blocker| blocker.contains('`') || blocker.contains("again")), "each says what to do");
}
