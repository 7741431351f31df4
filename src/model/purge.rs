//! Which content may leave SQL, and what has to hold before any does. Pure: somebody else reads the rows and the runs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{DocRow, Holder};
use super::id::ObjectRef;
use super::phase::Phase;
use super::stamp::Revision;

/// What a purge makes of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purgeable {
    /// Its content may leave SQL: a verified object holds it, and every SQL backup that counts knows that object.
    Yes { seen: Revision, object: ObjectRef, length_bytes: u64 },
    /// SQL holds nothing that an object holds too.
    Nothing,
    /// Never verified, or not since its location changed.
    Unverified,
    /// The oldest SQL backup was made before this object held the content.
    TooYoung,
}

/// `located_before`: when the oldest SQL backup that may still be restored was made. A restore of it then finds a location that
/// names the very object that a purge makes the only holder.
pub fn judge(row: &DocRow, located_before: Timestamp) -> Purgeable {
    let (Some(document), Some(location)) = (&row.document, &row.location) else { return Purgeable::Nothing };
    let Some(object) = location.object.clone().filter(|_| row.truth().holder == Holder::Both) else { return Purgeable::Nothing };
    if location.verified_at.is_none() {
        return Purgeable::Unverified;
    }
    if location.held_from > located_before {
        return Purgeable::TooYoung;
    }
    Purgeable::Yes { seen: document.revision, object, length_bytes: location.content.length_bytes }
}

/// What a purge did, or a dry run would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PurgeFigures {
    pub documents: u64,
    pub bytes: u64,
    /// Left in SQL because they were never verified, or not since they changed.
    pub unverified: u64,
    /// Left in SQL because a SQL backup is older than their object.
    pub too_young: u64,
    /// Left in SQL because they changed while the purge looked at them.
    pub moved: u64,
}

/// The purge of one collection that is under way, or the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurgeRun {
    pub collection: String,
    pub dry_run: bool,
    pub started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    #[serde(flatten)]
    pub figures: PurgeFigures,
    /// Why it ended before the end of the table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<String>,
}

/// Why a purge may not begin, each with what to do about it; none where it may. `runs`: the last run of every collection that had one.
pub fn blockers(phase: Phase, has_backup_age: bool, collections: &[&str], runs: &[PurgeRun], dry_run: bool) -> Vec<String> {
    let mut found = Vec::new();
    if phase != Phase::Sealed {
        found.push(format!("the tenant is in {phase}, and content leaves sql in sealed only: flip it there first"));
    }
    if !has_backup_age {
        found.push("its file does not say how old its oldest sql backup may be: set oldest_sql_backup".to_owned());
    }
    if let Some(run) = runs.iter().find(|run| run.ended_at.is_none()) {
        let what = if run.dry_run { "a dry run" } else { "a purge" };
        found.push(format!("{what} of {} is under way: wait for its end", run.collection));
    }
    let looked =
        |name: &&str| runs.iter().any(|run| run.collection == **name && run.dry_run && run.ended_at.is_some() && run.stopped.is_none());
    if !dry_run && !collections.iter().all(looked) {
        found.push("a purge follows a dry run, and none has ended since the last purge: make one, and read what it says".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::Fingerprint;
    use crate::model::document::{Attributes, ContentColumn, Document, SqlContent, State};
    use crate::model::id::{DocId, DocKey, FreshKey};
    use crate::model::location::{Labels, Location};
    use crate::model::stamp::{Epoch, Stamp};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Both hold it since second 100, and it was verified at second 200.
    fn verified() -> DocRow {
        let object = FreshKey::mint("local".parse().unwrap()).stored();
        DocRow {
            key: DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(1) },
            state: State { phase: Phase::Sealed, epoch: Epoch(1), read_only: false },
            document: Some(Document {
                revision: Revision(7),
                content: SqlContent::Bytes(5),
                column: ContentColumn::Nullable,
                soft_deleted: false,
                attributes: Attributes::default(),
            }),
            location: Some(Location {
                stamp: Stamp::Object(object.id),
                object: Some(object),
                content: Fingerprint::of(b"hello"),
                revision: Revision(7),
                sole: false,
                labels: Labels::default(),
                held_from: at(100),
                verified_at: Some(at(200)),
            }),
            inline: None,
        }
    }

    fn location(row: &mut DocRow) -> &mut Location {
        row.location.as_mut().unwrap()
    }

    #[test]
    fn a_verified_copy_that_every_backup_knows_may_leave_sql() {
        let verdict = judge(&verified(), at(100));
        assert!(matches!(verdict, Purgeable::Yes { seen: Revision(7), length_bytes: 5, .. }), "{verdict:?}");
    }

    #[test]
    fn a_copy_that_was_not_verified_since_it_changed_stays() {
        let mut row = verified();
        location(&mut row).verified_at = None;
        assert_eq!(judge(&row, at(100)), Purgeable::Unverified);
    }

    #[test]
    fn a_copy_younger_than_the_oldest_backup_stays() {
        assert_eq!(judge(&verified(), at(99)), Purgeable::TooYoung);
    }

    #[test]
    fn what_changed_in_sql_or_left_it_already_is_no_purges_business() {
        let mut changed = verified();
        location(&mut changed).revision = Revision(6);
        assert_eq!(judge(&changed, at(100)), Purgeable::Nothing);
        let mut gone = verified();
        gone.document.as_mut().unwrap().content = SqlContent::Null;
        location(&mut gone).sole = true;
        assert_eq!(judge(&gone, at(100)), Purgeable::Nothing);
    }

    fn run(dry_run: bool, ended: bool) -> PurgeRun {
        let ended_at = ended.then(|| at(300));
        PurgeRun { collection: "documents".into(), dry_run, started_at: at(250), ended_at, figures: PurgeFigures::default(), stopped: None }
    }

    #[test]
    fn a_purge_needs_sealed_a_backup_age_and_a_dry_run_of_every_collection() {
        let purge = |phase, age, collections: &[&str], runs: &[PurgeRun]| blockers(phase, age, collections, runs, false).len();
        assert_eq!(purge(Phase::Sealed, true, &["documents"], &[run(true, true)]), 0);
        assert_eq!(purge(Phase::Object, true, &["documents"], &[run(true, true)]), 1);
        assert_eq!(purge(Phase::Sealed, false, &["documents"], &[run(true, true)]), 1);
        assert_eq!(purge(Phase::Sealed, true, &["documents", "notes"], &[run(true, true)]), 1);
        assert_eq!(purge(Phase::Sealed, true, &["documents"], &[run(false, true)]), 1);
        assert_eq!(purge(Phase::Sealed, true, &["documents"], &[run(true, false)]), 2);
    }

    #[test]
    fn a_dry_run_needs_no_other_before_it() {
        assert!(blockers(Phase::Sealed, true, &["documents"], &[], true).is_empty());
    }
}
