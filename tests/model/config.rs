//! What a run looks at: which deeds are done in it, within which bounds, and which rule of the protocol it leaves out.

use sluss::model::document::ContentColumn;
use sluss::model::phase::Phase;

/// What somebody may do in a run, at any time and in any order. What agents do follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A client replaces the content by one that was never there before.
    Put,
    /// The same with content that came back: the location's.
    PutAgain,
    PutEmpty,
    /// Content that goes to SQL in pieces, and back to SQL in pieces too.
    PutStaged,
    /// With `If-Match`, and the stamp that the last read answered.
    PutIfMatch,
    Delete,
    Get,
    /// Straight to SQL: new content, content that came back, other columns, NULL, DELETE and INSERT, the mark of a soft deletion.
    StraightContent,
    StraightAgain,
    StraightTouch,
    StraightClear,
    StraightRemove,
    StraightMark,
    Flip,
    /// An operator asks whether the gateway could be removed.
    AskComplete,
    /// The network delivers an upload twice.
    RepeatUpload,
    /// The store spoils an object that was never verified.
    Damage,
    VerifyAndPurge,
    Backup,
}

/// One rule each, left out. Every one of them has a test that finds what it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// copy publishes whatever revision the row has by now.
    CopyIgnoresRevision,
    /// A key is published although its upload's row is gone or condemned.
    PublishWithoutUpload,
    /// The collector removes the object of an open upload without condemning it first.
    CollectUncondemned,
    /// The collector removes an object once, and forgets it.
    CollectOnce,
    /// The collector removes, after a restore, what uploads of the lost time line left behind.
    CollectOlderEpoch,
    /// An object goes although a backup that may still be restored names it.
    ExpireDespiteBackup,
    /// Bringing up to date, writing back and purging replace the location's row, so its trigger makes a version.
    VersionOfSameKey,
    /// A key is named by its document, so it is written twice.
    KeyOfDocument,
    /// Attempts in staging are named by their document, and nobody looks at their hash.
    StagingOfDocument,
    /// A write is recorded by the phase of its look-up.
    RecordByOldPhase,
    /// A purge goes by the phase of its look-up.
    PurgeByOldPhase,
    /// The tool calls `sql` complete without asking for open uploads.
    CompleteDespiteUploads,
    /// An agent closes its job without looking at the document again.
    CloseBlindly,
    /// A change enqueues no job.
    NoOutbox,
    /// The sweep leaves the location of a document that was written around.
    LeaveWrittenAround,
    /// The sweep leaves the location of a document that was cleared.
    LeaveCleared,
    /// A repair goes by an earlier look.
    RepairByOldLook,
    /// write_back does not look whether the location is still the one it read.
    WriteBackIgnoresStamp,
    /// write_back does not look whether SQL has got content meanwhile.
    WriteBackOverContent,
    PurgeUnverified,
    PurgeIgnoresRevision,
    /// The result of a verification goes to whatever key the location names by now.
    VerifyIgnoresKey,
    /// A deleted row leaves its location behind.
    LocationOutlivesRow,
    /// A row that is inserted again counts its revisions from the start.
    RevisionOfRow,
    /// Content written around and cleared before a sweep came by, without the trigger for it: the protocol's named exception.
    ClearUnseen,
    ReadIgnoresRevision,
    ReadIgnoresStamp,
    /// A look-up reads the row and its location at two instants.
    LookAtTwoInstants,
    /// A client is answered before its write is committed.
    AnswerEarly,
    /// A write to the object store leaves SQL's content where it is.
    PointLeavesContent,
    /// Marking a row deleted removes its location.
    MarkDropsLocation,
    /// A PUT on a document that is marked deleted leaves the mark.
    PutKeepsMark,
    /// The empty document of a NOT NULL column gets no location.
    EmptyWithoutLocation,
    /// The location of an empty document in a NOT NULL column is not sole, so nobody retires it when it is written around.
    EmptyNotSole,
    /// Whether history is kept goes by the phase of the look-up.
    KeepByOldPhase,
    /// The collector takes history in staging for an abandoned attempt.
    CollectHistory,
    /// A job for history is unique by document, so a second content finds one open and gets none.
    KeepOncePerDocument,
    /// A final transaction takes work of an older epoch.
    IgnoreEpoch,
    StampWithoutEpoch,
    /// A restore counts from the restored epoch, not from the highest that ever was.
    EpochOfBackup,
}

#[derive(Debug, Clone)]
pub struct Config {
    pub deeds: &'static [Deed],
    /// A flip goes to the next of these, or back to any before.
    pub phases: &'static [Phase],
    pub start: Phase,
    pub gateways: usize,
    pub agents: usize,
    /// Keys alive at once.
    pub keys: usize,
    pub column: ContentColumn,
    /// Deleting sets a mark instead of removing the row.
    pub soft: bool,
    pub history: bool,
    pub mirror: bool,
    /// The optional trigger on the document's table.
    pub trigger: bool,
    pub backups: usize,
    /// The highest epoch that restores may come to.
    pub epochs: u8,
    pub broken: Option<Break>,
}

impl Config {
    pub const BASE: Self = Self {
        deeds: &[],
        phases: &Phase::ALL,
        start: Phase::Shadow,
        gateways: 1,
        agents: 1,
        keys: 3,
        column: ContentColumn::Nullable,
        soft: false,
        history: false,
        mirror: false,
        trigger: false,
        backups: 0,
        epochs: 1,
        broken: None,
    };

    pub fn does(&self, deed: Deed) -> bool {
        self.deeds.contains(&deed)
    }

    pub fn breaks(&self, rule: Break) -> bool {
        self.broken == Some(rule)
    }
}

/// Moments that a run must have come by: a model that never meets them shows nothing about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A copy that the row had left behind when it was published.
    OvertakenCopy,
    /// A copy that found the location's own bytes.
    SameBytes,
    /// An upload that landed after its row was condemned.
    LateUpload,
    /// A write or a copy that found its upload condemned.
    CondemnedCommit,
    /// An agent that changed rows after it had lost its lease.
    CommitWithoutLease,
    /// A job that was left open because its document had moved on.
    StillNeeded,
    WrittenAround,
    Cleared,
    BroughtUpToDate,
    WrittenBack,
    /// Both were equal when a read began, and the row moved before it ended.
    ReadWhileRowMoved,
    /// A read that went on in the other store at the same offset.
    ReadWentOn,
    /// A read that had to break off because another content came.
    ReadBrokeOff,
    FlipInMidWrite,
    /// A write that found another phase when it recorded its upload.
    StartedOver,
    /// A write to the object store that was committed in `sql`.
    PointInSql,
    ProvedComplete,
    Purged,
    OvertakenPurge,
    /// A damaged object that was never verified kept its content in SQL.
    DamageKeptFromPurge,
    Fallback,
    /// A deletion was undone, and its content was there.
    Undone,
    PutOverMark,
    EmptyDocument,
    Kept,
    /// A history of two contents that were never copied.
    KeptTwice,
    VersionExpired,
    Restored,
    /// Work of an older epoch that was refused.
    OlderEpochRefused,
    /// A revision that was given out again after a restore, while somebody remembered its first use.
    RevisionAgain,
    /// `If-Match` refused a write.
    Unmet,
    StagingLost,
    TriggerRetired,
}
