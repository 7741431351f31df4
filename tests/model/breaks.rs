//! Every rule, left out: each test shows that the checker finds what the rule is there for. A model that lets a broken protocol pass
//! shows nothing by letting the whole one pass.

use std::collections::BTreeSet;

use sluss::model::phase::Phase;
use stateright::{Checker, HasDiscoveries, Model};

use super::config::{Break, Config, Deed};
use super::properties::{CALLED, COMPLETE, ENDS, EQUAL, FRESH, GONE, HISTORY, KEPT, MATCHED, NAMED, OLD, ORPHANS, POSSIBLE, WHOLE};
use super::protocol::Protocol;
use super::runs;

/// Steps within which a broken rule has to show.
const PATIENCE: usize = 20_000_000;

/// A short way to a purge: SQL writes go straight to it.
const SEALED: Config = Config {
    deeds: &[Deed::StraightContent, Deed::StraightRemove, Deed::VerifyAndPurge, Deed::Damage],
    phases: &[Phase::Sealed],
    start: Phase::Sealed,
    agents: 2,
    keys: 2,
    ..Config::BASE
};

/// Asserts that a run without this rule breaks this property.
fn finds(rule: Break, config: &Config, property: &'static str) {
    let protocol = Protocol::new(Config { broken: Some(rule), ..config.clone() });
    let until = HasDiscoveries::AllOf(BTreeSet::from([property]));
    let checker = protocol.checker().threads(1).finish_when(until).target_state_count(PATIENCE).spawn_bfs().join();
    let path = checker.discovery(property);
    let states = checker.unique_state_count();
    let steps = path.map(|path| path.into_actions().len());
    println!("{rule:?}: {states} states, {steps:?} steps to \"{property}\"");
    assert!(steps.is_some(), "without {rule:?} nothing broke \"{property}\" in {states} states");
}

#[test]
fn a_copy_of_another_revision_is_found() {
    finds(Break::CopyIgnoresRevision, &runs::WRITES, EQUAL);
}

#[test]
fn a_key_that_the_collector_had_given_up_is_found() {
    finds(Break::PublishWithoutUpload, &runs::WRITES, NAMED);
}

#[test]
fn an_object_collected_before_it_was_condemned_is_found() {
    finds(Break::CollectUncondemned, &runs::WRITES, NAMED);
}

#[test]
fn an_upload_that_lands_after_the_only_delete_is_found() {
    finds(Break::CollectOnce, &runs::WRITES, ORPHANS);
}

#[test]
fn an_upload_of_a_lost_time_line_that_a_later_backup_names_is_found() {
    finds(Break::CollectOlderEpoch, &runs::OLD_BACKUPS, NAMED);
}

#[test]
fn an_expired_version_that_a_backup_names_is_found() {
    finds(Break::ExpireDespiteBackup, &runs::OLD_BACKUPS, NAMED);
}

#[test]
fn a_version_of_the_key_that_the_location_still_names_is_found() {
    finds(Break::VersionOfSameKey, &runs::WRITES, NAMED);
}

#[test]
fn a_key_that_is_written_twice_is_found() {
    finds(Break::KeyOfDocument, &runs::WRITES, KEPT);
}

#[test]
fn two_attempts_that_share_a_place_in_staging_are_found() {
    finds(Break::StagingOfDocument, &runs::STAGING, KEPT);
}

#[test]
fn a_write_recorded_by_an_older_phase_is_found() {
    finds(Break::RecordByOldPhase, &runs::COMPLETE, COMPLETE);
}

#[test]
fn a_purge_by_an_older_phase_is_found() {
    finds(Break::PurgeByOldPhase, &runs::COMPLETE, COMPLETE);
}

#[test]
fn a_proof_of_completeness_that_forgets_open_uploads_is_found() {
    finds(Break::CompleteDespiteUploads, &runs::COMPLETE, COMPLETE);
}

#[test]
fn a_job_closed_without_a_look_is_found() {
    finds(Break::CloseBlindly, &runs::WRITES, CALLED);
}

#[test]
fn a_change_without_its_job_is_found() {
    finds(Break::NoOutbox, &runs::WRITES, CALLED);
}

#[test]
fn a_location_that_was_written_around_and_left_is_found() {
    finds(Break::LeaveWrittenAround, &runs::STRAIGHT, KEPT);
}

#[test]
fn a_location_that_was_cleared_and_left_is_found() {
    finds(Break::LeaveCleared, &runs::STRAIGHT, ENDS);
}

#[test]
fn a_repair_by_an_earlier_look_is_found() {
    finds(Break::RepairByOldLook, &runs::STRAIGHT, KEPT);
}

#[test]
fn a_write_back_of_another_object_is_found() {
    finds(Break::WriteBackIgnoresStamp, &runs::WRITES, EQUAL);
}

#[test]
fn a_write_back_over_newer_content_is_found() {
    finds(Break::WriteBackOverContent, &runs::STRAIGHT, KEPT);
}

#[test]
fn a_purge_of_what_was_never_verified_is_found() {
    finds(Break::PurgeUnverified, &SEALED, KEPT);
}

#[test]
fn a_purge_of_a_later_revision_is_found() {
    finds(Break::PurgeIgnoresRevision, &SEALED, KEPT);
}

#[test]
fn a_verification_of_another_object_is_found() {
    finds(Break::VerifyIgnoresKey, &SEALED, KEPT);
}

#[test]
fn a_location_that_outlives_its_row_is_found() {
    finds(Break::LocationOutlivesRow, &runs::STRAIGHT, POSSIBLE);
}

#[test]
fn a_location_that_waits_for_its_rows_return_is_found() {
    finds(Break::LocationOutlivesRow, &runs::STRAIGHT, KEPT);
}

#[test]
fn a_revision_that_comes_back_with_its_row_is_found() {
    finds(Break::RevisionOfRow, &runs::STRAIGHT, EQUAL);
}

#[test]
fn content_cleared_before_a_sweep_saw_it_is_the_named_exception() {
    finds(Break::ClearUnseen, &runs::STRAIGHT, KEPT);
}

#[test]
fn pieces_of_two_revisions_are_found() {
    finds(Break::ReadIgnoresRevision, &runs::READS, WHOLE);
}

#[test]
fn a_read_that_goes_on_in_another_content_is_found() {
    finds(Break::ReadIgnoresStamp, &runs::READS, WHOLE);
}

#[test]
fn a_look_at_two_instants_is_found() {
    finds(Break::LookAtTwoInstants, &runs::READS, FRESH);
}

#[test]
fn an_answer_before_the_commit_is_found() {
    finds(Break::AnswerEarly, &runs::WRITES, KEPT);
}

#[test]
fn old_content_left_in_the_row_is_found() {
    finds(Break::PointLeavesContent, &runs::WRITES, OLD);
}

#[test]
fn a_soft_deletion_that_drops_the_location_is_found() {
    finds(Break::MarkDropsLocation, &runs::SOFT, KEPT);
}

#[test]
fn a_put_that_leaves_the_mark_of_a_deletion_is_found() {
    finds(Break::PutKeepsMark, &runs::SOFT, GONE);
}

#[test]
fn an_empty_document_without_a_location_is_found() {
    finds(Break::EmptyWithoutLocation, &runs::NOT_NULL, KEPT);
}

#[test]
fn an_empty_document_that_nobody_retires_is_found() {
    finds(Break::EmptyNotSole, &runs::NOT_NULL, KEPT);
}

#[test]
fn history_by_an_older_phase_is_found() {
    finds(Break::KeepByOldPhase, &runs::HISTORY, HISTORY);
}

#[test]
fn history_collected_from_staging_is_found() {
    finds(Break::CollectHistory, &runs::HISTORY, HISTORY);
}

#[test]
fn history_without_a_job_of_its_own_is_found() {
    finds(Break::KeepOncePerDocument, &runs::HISTORY, CALLED);
}

#[test]
fn work_of_an_older_epoch_is_found() {
    let deeds = &[Deed::Put, Deed::PutAgain, Deed::Backup];
    finds(Break::IgnoreEpoch, &Config { deeds, ..runs::EPOCHS }, EQUAL);
}

#[test]
fn a_stamp_that_says_nothing_of_its_epoch_is_found() {
    finds(Break::StampWithoutEpoch, &runs::EPOCHS, MATCHED);
}

#[test]
fn an_epoch_that_is_given_out_twice_is_found() {
    finds(Break::EpochOfBackup, &runs::EPOCHS, MATCHED);
}
