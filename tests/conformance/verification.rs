//! Verifications as a store keeps them: what counts as verified, what is listed as different and when it is no more, whose step
//! counts, and who names an object.

use sluss::model::id::{DocKey, ObjectRef};
use sluss::model::job::JobKind;
use sluss::model::phase::Phase;
use sluss::model::stamp::Epoch;
use sluss::model::verification::{
    Difference, DifferenceKind, Facts, Finding, FoundBy, Remedy, Sides, Subject, Verified, VerifyFigures, VerifyRun, VerifyWish,
};
use sluss::store::sql::{Change, Findings, Reached, UploadPurpose, VerifyProgress};

use crate::support::{World, documents, done, mint, moved, numbered};

const ASKED: VerifyWish = VerifyWish { repair: false, background: false };
const BY_THE_CLOCK: VerifyWish = VerifyWish { repair: false, background: true };

impl World {
    async fn both(&self, id: i64) -> DocKey {
        let key = numbered(id);
        self.store(&key, b"content").await;
        self.copy(&key).await;
        key
    }

    /// What a comparison that found everything equal says.
    async fn equal(&self, key: &DocKey) -> Verified {
        let location = self.row(key).await.location.expect("the document is located");
        Verified { id: key.id.clone(), object: location.object, revision: location.revision }
    }

    /// What a comparison that found the object broken says.
    async fn different(&self, key: &DocKey) -> Finding {
        let Verified { id, object, revision } = self.equal(key).await;
        let facts = Facts { length_bytes: Some(7), note: Some("å".into()), ..Facts::default() };
        Finding {
            subject: Subject::Document(key.collection.clone(), id),
            kind: DifferenceKind::ObjectBytes,
            sole: false,
            found_by: FoundBy::Verify,
            remedy: Remedy::Open,
            object,
            located: Some(revision),
            sides: Sides { object: Some(facts), ..Sides::default() },
        }
    }

    async fn note(&self, findings: Findings) -> bool {
        let epoch = self.sql.state().await.unwrap().epoch;
        self.sql.note_findings(&documents(), epoch, findings).await.unwrap()
    }

    async fn note_equal(&self, verified: Verified) {
        assert!(self.note(Findings { verified: vec![verified], ..Findings::default() }).await);
    }

    async fn note_different(&self, finding: Finding) {
        assert!(self.note(Findings { found: vec![finding], ..Findings::default() }).await);
    }

    async fn is_verified(&self, key: &DocKey) -> bool {
        self.row(key).await.location.is_some_and(|location| location.verified_at.is_some())
    }

    async fn unverified(&self) -> usize {
        self.sql.unverified(&documents(), 100).await.unwrap().len()
    }

    async fn listed(&self) -> Vec<Difference> {
        self.sql.differences(0, 100).await.unwrap()
    }

    async fn open(&self) -> u64 {
        self.sql.open_differences().await.unwrap()
    }

    async fn begin(&self, wish: VerifyWish) -> Option<u64> {
        self.sql.begin_verification(wish).await.unwrap()
    }

    async fn runs(&self) -> Vec<VerifyRun> {
        let runs = self.sql.verifications().await.unwrap();
        runs.into_iter().filter(|run| run.collection == documents().as_str()).collect()
    }

    async fn step(&self, run: u64, from: Option<&str>, reached: Reached) -> bool {
        let figures = VerifyFigures { documents: 3, ..VerifyFigures::default() };
        let progress = Some(VerifyProgress { run, from: from.map(str::to_owned), reached, figures });
        self.note(Findings { progress, ..Findings::default() }).await
    }

    async fn end(&self, run: u64) {
        assert!(self.step(run, None, Reached::End { with_objects: true }).await);
    }

    async fn distrust(&self, key: &DocKey) -> Change {
        let Verified { object, revision, .. } = self.equal(key).await;
        Change::Distrust { seen: revision, object }
    }

    async fn names_nobody(&self, object: &ObjectRef) -> bool {
        self.sql.unnamed(vec![object.clone()]).await.unwrap() == [object.clone()]
    }
}

async fn what_was_found_equal_is_verified_until_its_location_changes(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    assert_eq!((w.is_verified(&key).await, w.unverified().await), (false, 1));
    w.note_equal(w.equal(&key).await).await;
    assert_eq!((w.is_verified(&key).await, w.unverified().await), (true, 0));
    w.store(&key, b"other content").await;
    w.copy(&key).await;
    assert_eq!((w.is_verified(&key).await, w.unverified().await), (false, 1));
}

async fn what_was_read_before_the_location_changed_verifies_nothing(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let read = w.equal(&key).await;
    w.store(&key, b"other content").await;
    w.copy(&key).await;
    w.note_equal(read).await;
    assert!(!w.is_verified(&key).await);
}

async fn a_difference_is_listed_once_however_often_it_is_found(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let finding = w.different(&key).await;
    w.note_different(finding.clone()).await;
    w.note_different(Finding { found_by: FoundBy::Shadow, ..finding.clone() }).await;
    let [listed] = &w.listed().await[..] else { panic!("{:?}", w.listed().await) };
    assert_eq!((listed.document.as_deref(), listed.collection.as_deref()), (Some("1"), Some("documents")));
    assert_eq!((listed.object.as_deref(), listed.found_by), (Some(&*finding.object.unwrap().id.to_string()), FoundBy::Shadow));
    assert_eq!((&listed.sides, w.open().await), (&finding.sides, 1));
}

async fn a_difference_is_no_more_once_its_document_was_found_equal(w: World) {
    w.flip_to(Phase::Shadow).await;
    let (one, two) = (w.both(1).await, w.both(2).await);
    w.note_different(w.different(&one).await).await;
    w.note_different(w.different(&two).await).await;
    w.note_equal(w.equal(&one).await).await;
    let left: Vec<Option<String>> = w.listed().await.into_iter().map(|difference| difference.document).collect();
    assert_eq!(left, [Some("2".to_owned())]);
}

async fn a_difference_is_no_more_once_its_location_is_gone(w: World) {
    w.flip_to(Phase::Shadow).await;
    for id in [1, 2, 3] {
        let key = w.both(id).await;
        w.note_different(w.different(&key).await).await;
    }
    w.delete(&numbered(1)).await;
    w.store(&numbered(2), b"anew").await;
    w.customer.delete(&numbered(3));
    assert_eq!((w.listed().await, w.open().await), (vec![], 0));
}

/// It would never be taken back.
async fn an_accusation_of_a_location_that_has_changed_since_is_not_listed(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let finding = w.different(&key).await;
    w.store(&key, b"anew").await;
    w.copy(&key).await;
    w.note_different(finding).await;
    assert_eq!(w.listed().await, []);
}

async fn what_was_replaced_is_listed_and_stops_nobody(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let (finding, change) = (w.different(&key).await, w.distrust(&key).await);
    done(w.commit(&key, change).await);
    w.note_different(Finding { remedy: Remedy::Replaced, ..finding }).await;
    assert_eq!((w.listed().await.len(), w.open().await), (1, 0));
}

async fn differences_come_in_pages(w: World) {
    w.flip_to(Phase::Shadow).await;
    for id in 1..=5 {
        let key = w.both(id).await;
        w.note_different(w.different(&key).await).await;
    }
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = w.sql.differences(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.number;
        seen.extend(page.into_iter().filter_map(|difference| difference.document));
    }
    assert_eq!(seen, ["1", "2", "3", "4", "5"]);
}

async fn distrust_makes_the_object_a_version_and_asks_for_a_copy(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let (stamp, change) = (w.stamp(&key).await.unwrap().to_string(), w.distrust(&key).await);
    done(w.commit(&key, change).await);
    assert_eq!((w.row(&key).await.location, w.customer.versions(&key)), (None, vec![stamp]));
    assert!(w.jobs_of(&key).await.iter().any(|(kind, ..)| *kind == JobKind::Copy));
    assert_eq!(w.read(&key).await.as_deref(), Some(&b"content"[..]), "sql has it still");
}

async fn a_sole_object_is_never_distrusted(w: World) {
    w.flip_to(Phase::Object).await;
    let key = numbered(1);
    w.point(&key, b"content").await;
    let change = w.distrust(&key).await;
    moved(&w.commit(&key, change).await);
    assert!(w.row(&key).await.location.is_some());
}

async fn what_changed_meanwhile_is_not_distrusted(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let change = w.distrust(&key).await;
    w.customer.set_content(&key, Some(b"straight into sql"));
    moved(&w.commit(&key, change).await);
    let (key, other) = (w.both(2).await, mint().stored());
    let Change::Distrust { seen, .. } = w.distrust(&key).await else { unreachable!() };
    moved(&w.commit(&key, Change::Distrust { seen, object: Some(other) }).await);
}

async fn a_verification_begins_in_every_collection_with_a_job_each(w: World) {
    assert_eq!(w.begin(ASKED).await, Some(1));
    let runs = w.sql.verifications().await.unwrap();
    assert_eq!(runs.iter().map(|run| (run.number, run.ended_at)).collect::<Vec<_>>(), [(1, None); 5]);
    assert_eq!(w.all_jobs().await.iter().filter(|job| job.kind == JobKind::Verify).count(), 5);
}

async fn a_wish_by_the_clock_waits_for_the_verification_under_way_and_an_operators_starts_over(w: World) {
    assert_eq!(w.begin(BY_THE_CLOCK).await, Some(1));
    assert_eq!(w.begin(BY_THE_CLOCK).await, None);
    assert!(w.step(1, None, Reached::Place("here".into())).await);
    assert_eq!(w.begin(ASKED).await, Some(2));
    assert!(!w.step(1, Some("here"), Reached::Place("there".into())).await, "the first one is no more");
    let [run] = &w.runs().await[..] else { panic!("{:?}", w.runs().await) };
    assert_eq!((run.number, run.figures, &run.place), (2, VerifyFigures::default(), &None));
}

async fn a_step_counts_for_whoever_makes_it_first(w: World) {
    w.begin(ASKED).await;
    assert!(w.step(1, None, Reached::Place("a".into())).await);
    assert!(!w.step(1, None, Reached::Place("a".into())).await, "an agent that was overtaken");
    assert!(w.step(1, Some("a"), Reached::Place("b".into())).await);
    assert_eq!(w.runs().await[0].place.as_deref(), Some("b"));
}

async fn a_step_that_does_not_count_notes_nothing(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    w.begin(ASKED).await;
    let (verified, found) = (vec![w.equal(&key).await], vec![w.different(&key).await]);
    let progress =
        VerifyProgress { run: 1, from: Some("elsewhere".into()), reached: Reached::Place("x".into()), figures: VerifyFigures::default() };
    assert!(!w.note(Findings { verified, found, progress: Some(progress) }).await);
    assert_eq!((w.is_verified(&key).await, w.listed().await), (false, vec![]));
}

async fn findings_of_another_epoch_are_void(w: World) {
    w.flip_to(Phase::Shadow).await;
    let key = w.both(1).await;
    let epoch: Epoch = w.sql.state().await.unwrap().epoch;
    let verified = vec![w.equal(&key).await];
    w.customer.raise_epoch();
    assert!(!w.sql.note_findings(&documents(), epoch, Findings { verified, ..Findings::default() }).await.unwrap());
    assert!(!w.is_verified(&key).await);
}

async fn the_last_verification_that_ended_is_kept_beside_the_one_under_way(w: World) {
    for number in 1..=3 {
        assert_eq!(w.begin(ASKED).await, Some(number));
        w.end(number).await;
    }
    w.begin(ASKED).await;
    let runs: Vec<(u64, bool)> = w.runs().await.into_iter().map(|run| (run.number, run.ended_at.is_some())).collect();
    assert_eq!(runs, [(3, true), (4, false)]);
    assert_eq!(w.runs().await[0].figures.documents, 3);
}

async fn what_a_whole_verification_did_not_find_again_is_no_more(w: World) {
    w.flip_to(Phase::Shadow).await;
    let (gone, stays, beside) = (w.both(1).await, w.both(2).await, w.both(3).await);
    w.note_different(w.different(&gone).await).await;
    let alien = Finding { subject: Subject::Object("alien".into()), object: None, located: None, ..w.different(&gone).await };
    w.note_different(alien).await;
    w.begin(ASKED).await;
    w.note_different(w.different(&stays).await).await;
    w.note_different(Finding { found_by: FoundBy::Shadow, ..w.different(&beside).await }).await;
    w.end(1).await;
    let left: Vec<Option<String>> = w.listed().await.into_iter().map(|difference| difference.document).collect();
    assert_eq!(left, [Some("2".to_owned()), Some("3".to_owned())]);
}

async fn an_object_is_named_by_its_upload_then_its_location_then_its_version(w: World) {
    w.flip_to(Phase::Object).await;
    let (key, stranger) = (numbered(1), mint().stored());
    assert!(w.names_nobody(&stranger).await);
    let uploading = w.upload(UploadPurpose::Write).await;
    let held = w.point(&key, b"one").await;
    assert!(!w.names_nobody(&uploading).await && !w.names_nobody(&held).await);
    w.point(&key, b"two").await;
    assert!(!w.names_nobody(&held).await, "a version names it");
    let all = w.sql.unnamed(vec![uploading, stranger.clone(), held]).await.unwrap();
    assert_eq!(all, [stranger]);
}

on_every_backend! {
    what_was_found_equal_is_verified_until_its_location_changes,
    what_was_read_before_the_location_changed_verifies_nothing,
    a_difference_is_listed_once_however_often_it_is_found,
    a_difference_is_no_more_once_its_document_was_found_equal,
    a_difference_is_no_more_once_its_location_is_gone,
    an_accusation_of_a_location_that_has_changed_since_is_not_listed,
    what_was_replaced_is_listed_and_stops_nobody,
    differences_come_in_pages,
    distrust_makes_the_object_a_version_and_asks_for_a_copy,
    a_sole_object_is_never_distrusted,
    what_changed_meanwhile_is_not_distrusted,
    a_verification_begins_in_every_collection_with_a_job_each,
    a_wish_by_the_clock_waits_for_the_verification_under_way_and_an_operators_starts_over,
    a_step_counts_for_whoever_makes_it_first,
    a_step_that_does_not_count_notes_nothing,
    findings_of_another_epoch_are_void,
    the_last_verification_that_ended_is_kept_beside_the_one_under_way,
    what_a_whole_verification_did_not_find_again_is_no_more,
    an_object_is_named_by_its_upload_then_its_location_then_its_version,
}
