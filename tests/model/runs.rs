//! The runs of what is there: each looks at one part of the protocol, and at every world within its bounds.

use sluss::model::document::ContentColumn;
use sluss::model::phase::Phase;
use stateright::{Checker, Model};

use super::config::{Config, Deed, Seen};
use super::protocol::Protocol;

pub const WRITES: Config =
    Config { deeds: &[Deed::Put, Deed::Delete, Deed::Flip], start: Phase::Sql, gateways: 2, agents: 1, ..Config::BASE };

pub const READS: Config = Config {
    deeds: &[Deed::Put, Deed::PutAgain, Deed::Get, Deed::Flip, Deed::StraightContent],
    phases: &[Phase::Shadow, Phase::Dual, Phase::Object],
    gateways: 2,
    ..Config::BASE
};

pub const AGENTS: Config = Config {
    deeds: &[Deed::Put, Deed::Delete, Deed::Flip, Deed::RepeatUpload],
    phases: &[Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object],
    agents: 2,
    mirror: true,
    ..Config::BASE
};

pub const STRAIGHT: Config = Config {
    deeds: &[
        Deed::Put,
        Deed::Flip,
        Deed::StraightContent,
        Deed::StraightAgain,
        Deed::StraightTouch,
        Deed::StraightClear,
        Deed::StraightRemove,
    ],
    agents: 1,
    ..Config::BASE
};

pub const TRIGGER: Config = Config { trigger: true, ..STRAIGHT };

pub const PURGE: Config = Config {
    deeds: &[Deed::Put, Deed::Flip, Deed::Damage, Deed::VerifyAndPurge, Deed::StraightTouch, Deed::StraightContent],
    phases: &[Phase::Sql, Phase::Object, Phase::Sealed],
    start: Phase::Sql,
    agents: 2,
    ..Config::BASE
};

/// Where a read has to go on in the other store.
pub const MOVING_READS: Config = Config {
    deeds: &[Deed::Put, Deed::Get, Deed::Flip, Deed::Damage, Deed::VerifyAndPurge],
    phases: &[Phase::Shadow, Phase::Sealed],
    ..Config::BASE
};

pub const SOFT: Config = Config {
    deeds: &[Deed::Put, Deed::Delete, Deed::Flip, Deed::StraightMark, Deed::StraightContent, Deed::StraightClear],
    phases: &[Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object],
    soft: true,
    history: true,
    ..Config::BASE
};

pub const NOT_NULL: Config = Config {
    deeds: &[
        Deed::Put,
        Deed::PutEmpty,
        Deed::Flip,
        Deed::StraightContent,
        Deed::StraightTouch,
        Deed::StraightClear,
        Deed::StraightRemove,
        Deed::VerifyAndPurge,
        Deed::Delete,
    ],
    column: ContentColumn::NotNull,
    ..Config::BASE
};

pub const EMPTY: Config = Config {
    deeds: &[Deed::Put, Deed::PutEmpty, Deed::PutAgain, Deed::Flip, Deed::StraightTouch, Deed::StraightClear, Deed::VerifyAndPurge],
    ..Config::BASE
};

pub const HISTORY: Config = Config {
    deeds: &[Deed::Put, Deed::Delete, Deed::Flip],
    phases: &[Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object],
    agents: 2,
    history: true,
    ..Config::BASE
};

pub const STAGING: Config = Config {
    deeds: &[Deed::PutStaged, Deed::Flip],
    phases: &[Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object],
    start: Phase::Sql,
    gateways: 2,
    ..Config::BASE
};

pub const COMPLETE: Config = Config {
    deeds: &[Deed::Put, Deed::Flip, Deed::AskComplete, Deed::VerifyAndPurge],
    phases: &[Phase::Sql, Phase::Object, Phase::Sealed],
    start: Phase::Sql,
    gateways: 2,
    ..Config::BASE
};

pub const EPOCHS: Config = Config {
    deeds: &[Deed::Put, Deed::PutIfMatch, Deed::Get, Deed::Backup],
    phases: &[Phase::Shadow],
    start: Phase::Shadow,
    backups: 1,
    epochs: 2,
    ..Config::BASE
};

pub const OLD_BACKUPS: Config = Config {
    deeds: &[Deed::Put, Deed::Backup],
    phases: &[Phase::Object],
    start: Phase::Object,
    agents: 0,
    backups: 2,
    epochs: 3,
    ..Config::BASE
};

pub const HISTORY_AND_EPOCHS: Config =
    Config { deeds: &[Deed::Put, Deed::Backup], history: true, phases: &[Phase::Shadow], backups: 1, epochs: 2, ..Config::BASE };

/// How far a run goes. Steps, because their number is the same on every machine.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    name: &'static str,
    /// Processes of a kind, and keys, where the run would take more.
    processes: usize,
    keys: usize,
    steps: usize,
}

const EVERY_COMMIT: [Bounds; 2] =
    [Bounds { name: "narrow", processes: 1, keys: 2, steps: 2_000_000 }, Bounds { name: "wide", processes: 2, keys: 3, steps: 600_000 }];

const NIGHTLY: [Bounds; 2] =
    [Bounds { name: "narrow", processes: 1, keys: 2, steps: 20_000_000 }, Bounds { name: "wide", processes: 2, keys: 3, steps: 5_000_000 }];

#[allow(clippy::disallowed_methods, reason = "how deep a test goes is no setting of the product")]
fn bounds() -> [Bounds; 2] {
    match std::env::var("SLUSS_MODEL_DEPTH").as_deref() {
        Ok("deep") => NIGHTLY,
        Ok(_) | Err(_) => EVERY_COMMIT,
    }
}

/// Checks all that must hold in every world of a run, within the bounds, and that it came by what it is there for.
fn check(run: &str, config: &Config, at_least: usize, moments: &[Seen]) {
    let mut missed = moments.to_vec();
    let mut states = 0;
    for Bounds { name, processes, keys, steps } in bounds() {
        let (gateways, agents) = (config.gateways.min(processes), config.agents.min(processes));
        let config = Config { gateways, agents, keys: config.keys.min(keys), ..config.clone() };
        let checker = Protocol::new(config).checker().threads(1).target_state_count(steps).spawn_bfs().join();
        let whole = if checker.state_count() < steps { "all" } else { "the first" };
        println!(
            "{run}, {name}: {whole} {} states, {} steps, depth {}",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth()
        );
        checker.assert_properties();
        missed.retain(|moment| !checker.model().has_seen(*moment));
        states += checker.unique_state_count();
    }
    assert!(missed.is_empty(), "{run} never came by {missed:?}");
    assert!(states >= at_least, "{run} has only {states} states");
}

#[test]
fn writes_and_flips_lose_nothing() {
    check(
        "writes and flips",
        &WRITES,
        320_000,
        &[
            Seen::OvertakenCopy,
            Seen::LateUpload,
            Seen::CondemnedCommit,
            Seen::CommitWithoutLease,
            Seen::StillNeeded,
            Seen::WrittenBack,
            Seen::FlipInMidWrite,
            Seen::StartedOver,
            Seen::PointInSql,
            Seen::VersionExpired,
        ],
    );
}

#[test]
fn reads_never_go_backwards_and_never_mix() {
    check(
        "reads",
        &READS,
        370_000,
        &[Seen::WrittenAround, Seen::ReadWhileRowMoved, Seen::ReadBrokeOff, Seen::FlipInMidWrite, Seen::StillNeeded],
    );
}

#[test]
fn a_read_goes_on_in_the_other_store() {
    check("moving reads", &MOVING_READS, 310_000, &[Seen::ReadWentOn, Seen::Fallback, Seen::Purged]);
}

#[test]
fn agents_may_lose_their_leases_and_uploads_may_come_twice() {
    check(
        "agents",
        &AGENTS,
        340_000,
        &[Seen::OvertakenCopy, Seen::LateUpload, Seen::CondemnedCommit, Seen::CommitWithoutLease, Seen::StillNeeded, Seen::WrittenBack],
    );
}

#[test]
fn programs_write_straight_to_sql() {
    check(
        "straight SQL writers",
        &STRAIGHT,
        290_000,
        &[Seen::SameBytes, Seen::WrittenAround, Seen::Cleared, Seen::BroughtUpToDate, Seen::OvertakenCopy, Seen::StillNeeded],
    );
}

#[test]
fn with_the_trigger_content_may_be_cleared_at_any_time() {
    check(
        "straight SQL writers and the trigger",
        &TRIGGER,
        280_000,
        &[Seen::TriggerRetired, Seen::Cleared, Seen::BroughtUpToDate, Seen::SameBytes],
    );
}

#[test]
fn only_verified_content_is_purged() {
    check(
        "purge and sealed",
        &PURGE,
        340_000,
        &[Seen::Purged, Seen::OvertakenPurge, Seen::DamageKeptFromPurge, Seen::WrittenBack, Seen::BroughtUpToDate],
    );
}

#[test]
fn a_soft_deletion_can_be_undone() {
    check("soft delete", &SOFT, 410_000, &[Seen::Undone, Seen::PutOverMark, Seen::Cleared, Seen::Kept, Seen::SameBytes]);
}

#[test]
fn in_a_not_null_column_empty_stands_for_null() {
    check(
        "NOT NULL column",
        &NOT_NULL,
        320_000,
        &[Seen::EmptyDocument, Seen::WrittenAround, Seen::Cleared, Seen::BroughtUpToDate, Seen::Purged, Seen::WrittenBack],
    );
}

#[test]
fn an_empty_document_is_a_document() {
    check("empty documents", &EMPTY, 330_000, &[Seen::EmptyDocument, Seen::SameBytes, Seen::Cleared, Seen::BroughtUpToDate, Seen::Purged]);
}

#[test]
fn what_is_overwritten_becomes_history() {
    check(
        "history (keep)",
        &HISTORY,
        480_000,
        &[Seen::Kept, Seen::KeptTwice, Seen::VersionExpired, Seen::OvertakenCopy, Seen::CondemnedCommit],
    );
}

#[test]
fn content_in_pieces_comes_whole_or_not_at_all() {
    check("staging", &STAGING, 390_000, &[Seen::StagingLost, Seen::WrittenBack, Seen::FlipInMidWrite, Seen::PointInSql]);
}

#[test]
fn sql_once_complete_stays_complete() {
    check("complete", &COMPLETE, 330_000, &[Seen::ProvedComplete, Seen::PointInSql, Seen::StartedOver, Seen::Purged, Seen::WrittenBack]);
}

#[test]
fn after_a_restore_older_work_is_void() {
    check("epochs", &EPOCHS, 540_000, &[Seen::Restored, Seen::OlderEpochRefused, Seen::RevisionAgain, Seen::Unmet, Seen::OvertakenCopy]);
}

#[test]
fn objects_outlive_the_backups_that_name_them() {
    check("old backups", &OLD_BACKUPS, 550_000, &[Seen::Restored, Seen::OlderEpochRefused, Seen::VersionExpired, Seen::LateUpload]);
}

#[test]
fn history_in_staging_survives_a_restore() {
    check("history and epochs", &HISTORY_AND_EPOCHS, 590_000, &[Seen::Restored, Seen::Kept, Seen::KeptTwice, Seen::OlderEpochRefused]);
}
