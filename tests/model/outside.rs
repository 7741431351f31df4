//! All that happens without being asked: programs that write straight to SQL, flips, the store's network, the collector, the sweep, leases
//! that run out, backups and restores. Each step is one transaction, or one request to the store.

use sluss::model::document::{ContentColumn, Holder, Repair};
use sluss::model::phase::Phase;

use super::config::{Break, Deed, Seen};
use super::names::InUse;
use super::protocol::Protocol;
use super::transactions::Transaction;
use super::world::{
    Agent, Agreed, Cargo, Complete, Content, DAMAGED, Database, EMPTY, Gateway, KEYS, Key, Kind, Mend, NOTHING, Purpose, UploadState,
    World, bit,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    Straight(Straight),
    Flip(Phase),
    Store(Key, Store),
    Collect(Collect),
    Sweep,
    LoseLease(Kind),
    Ask(Ask),
    Backups(Backups),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// An upload arrives.
    Land,
    /// It arrives, and the network will deliver it once more.
    LandAndComeAgain,
    /// It never will.
    Drop,
    Damage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collect {
    Condemn(Key),
    /// The first DELETE, which may come any number of times.
    Remove(Key),
    /// The last, a day later, and the end of the upload's row.
    RemoveAndForget(Key),
    /// The object of an upload that nobody condemned.
    RemoveUncondemned(Key),
    Expire(Key),
    Attempt(usize),
    History(usize),
}

/// What the tool asks that tells whether the gateway could be removed, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    ForUploads,
    ForSole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backups {
    Take(usize),
    Restore(usize),
    /// Another document of the same database changes.
    CountOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Straight {
    Content,
    Again,
    Touch,
    Clear,
    Delete,
    InsertContent,
    InsertNothing,
    Mark,
    Unmark,
}

pub fn actions(protocol: &Protocol, world: &World, offer: &mut impl FnMut(Outside)) {
    straight_actions(protocol, world, &mut |step| offer(Outside::Straight(step)));
    if protocol.does(Deed::Flip) {
        flips(protocol, world.db.phase).for_each(|phase| offer(Outside::Flip(phase)));
    }
    (0..KEYS as Key).for_each(|key| key_actions(protocol, world, key, offer));
    (0..world.db.staging.len())
        .filter(|place| world.db.staging[*place].is_some())
        .for_each(|place| offer(Outside::Collect(Collect::Attempt(place))));
    if protocol.config.breaks(Break::CollectHistory) {
        (0..world.db.keeps.len())
            .filter(|row| world.db.keeps[*row].is_some())
            .for_each(|row| offer(Outside::Collect(Collect::History(row))));
    }
    offer(Outside::Sweep);
    let mut db = world.db;
    for kind in Kind::ALL {
        if db.job(kind).is_some_and(|job| job.lease.is_some()) {
            offer(Outside::LoseLease(kind));
        }
    }
    if protocol.does(Deed::AskComplete) && world.db.phase == Phase::Sql {
        offer(Outside::Ask(Ask::ForUploads));
        offer(Outside::Ask(Ask::ForSole));
    }
    for place in 0..protocol.config.backups {
        offer(Outside::Backups(Backups::Take(place)));
        offer(Outside::Backups(Backups::Restore(place)));
    }
    if protocol.is_ordered() && world.highest_epoch > 1 {
        offer(Outside::Backups(Backups::CountOn));
    }
}

/// The next phase, and all that came before.
fn flips(protocol: &Protocol, phase: Phase) -> impl Iterator<Item = Phase> {
    let at = protocol.config.phases.iter().position(|found| *found == phase);
    protocol
        .config
        .phases
        .iter()
        .enumerate()
        .filter(move |(to, _)| at.is_some_and(|at| *to != at && *to <= at + 1))
        .map(|(_, phase)| *phase)
}

fn straight_actions(protocol: &Protocol, world: &World, offer: &mut impl FnMut(Straight)) {
    let steps: [(Deed, bool, &[Straight]); 7] = [
        (Deed::StraightContent, true, &[Straight::Content]),
        (Deed::StraightAgain, true, &[Straight::Again]),
        (Deed::StraightTouch, true, &[Straight::Touch]),
        (Deed::StraightClear, true, &[Straight::Clear]),
        (Deed::StraightRemove, true, &[Straight::Delete]),
        (Deed::StraightRemove, false, &[Straight::InsertContent, Straight::InsertNothing]),
        (Deed::StraightMark, true, &[Straight::Mark, Straight::Unmark]),
    ];
    for (deed, on_row, steps) in steps {
        if protocol.does(deed) && world.db.row.is_some() == on_row {
            steps.iter().for_each(|step| offer(*step));
        }
    }
}

fn key_actions(protocol: &Protocol, world: &World, key: Key, offer: &mut impl FnMut(Outside)) {
    let at = usize::from(key);
    if world.flying[at].is_some() {
        offer(Outside::Store(key, Store::Land));
        offer(Outside::Store(key, Store::Drop));
        if protocol.does(Deed::RepeatUpload) {
            offer(Outside::Store(key, Store::LandAndComeAgain));
        }
    }
    if protocol.does(Deed::Damage) {
        offer(Outside::Store(key, Store::Damage));
    }
    match world.db.uploads[at].map(|upload| upload.state) {
        Some(UploadState::Open) => {
            offer(Outside::Collect(Collect::Condemn(key)));
            if protocol.config.breaks(Break::CollectUncondemned) {
                offer(Outside::Collect(Collect::RemoveUncondemned(key)));
            }
        }
        Some(UploadState::Condemned) => {
            offer(Outside::Collect(Collect::Remove(key)));
            offer(Outside::Collect(Collect::RemoveAndForget(key)));
        }
        None => (),
    }
    if world.db.versions[at].is_some() {
        offer(Outside::Collect(Collect::Expire(key)));
    }
}

pub fn step(transaction: &mut Transaction<'_>, step: Outside) -> Option<()> {
    match step {
        Outside::Straight(step) => straight(transaction, step),
        Outside::Flip(phase) => flip(transaction, phase),
        Outside::Store(key, step) => store(transaction, key, step),
        Outside::Collect(step) => collect(transaction, step),
        Outside::Sweep => sweep(transaction),
        Outside::LoseLease(kind) => {
            transaction.world.db.job(kind)?.lease = None;
            Some(())
        }
        Outside::Ask(step) => ask_complete(transaction, step),
        Outside::Backups(step) => restore(transaction, step),
    }
}

fn straight(transaction: &mut Transaction<'_>, step: Straight) -> Option<()> {
    let vacant = (transaction.protocol.config.column == ContentColumn::NotNull).then_some(EMPTY);
    let agreed = transaction.world.db.agreed;
    let row = transaction.world.db.row;
    let (content, marked) = row.map_or((None, false), |row| (row.content, row.marked));
    match step {
        Straight::Content | Straight::InsertContent => {
            let fresh = InUse::of(transaction.world).fresh_content()?;
            write_around(transaction, fresh, marked);
        }
        Straight::Again => {
            let again = transaction.world.db.location.map(|location| location.content).filter(|content| *content != EMPTY)?;
            write_around(transaction, again, marked);
        }
        Straight::Touch => transaction.change_row(content, marked),
        Straight::Clear => {
            if is_written_around_unseen(transaction) {
                return None;
            }
            transaction.change_row(vacant, marked);
            // Setting NULL where NULL stood is no change of the content.
            let content = if content == vacant { agreed.content } else { NOTHING };
            transaction.agree(Agreed { content, ..agreed });
        }
        Straight::InsertNothing => {
            transaction.change_row(vacant, false);
            transaction.agree(Agreed { exists: true, marked: false, content: NOTHING });
        }
        Straight::Delete => {
            transaction.remove_row();
            transaction.agree(Agreed { exists: false, marked: false, content: NOTHING });
        }
        Straight::Mark if marked => return None,
        Straight::Unmark if !marked => return None,
        Straight::Mark | Straight::Unmark => {
            transaction.change_row(content, !marked);
            transaction.agree(Agreed { marked: !marked, ..agreed });
            if marked && agreed.content != NOTHING {
                transaction.protocol.see(Seen::Undone);
            }
        }
    }
    reuse_revision(transaction, step);
    transaction.world.db.unswept = true;
    Some(())
}

fn write_around(transaction: &mut Transaction<'_>, content: Content, marked: bool) {
    transaction.change_row(Some(content), marked);
    transaction.agree(Agreed { exists: true, marked, content });
    let is_around = transaction.world.db.location.is_some_and(|location| location.sole || location.key.is_none());
    if transaction.protocol.config.trigger && is_around {
        transaction.protocol.see(Seen::TriggerRetired);
        transaction.retire();
    }
}

/// Content around a location that alone holds the document, and no sweep has come by: clearing it now is the protocol's named exception.
fn is_written_around_unseen(transaction: &Transaction<'_>) -> bool {
    let protocol = transaction.protocol;
    let db = &transaction.world.db;
    let alone = db.location.is_some_and(|location| location.sole || location.key.is_none());
    let is_around = alone && transaction.look().holder == Holder::Sql;
    is_around && db.unswept && !protocol.config.trigger && !protocol.config.breaks(Break::ClearUnseen)
}

/// A row that counts its own revisions comes back with one that somebody may remember.
fn reuse_revision(transaction: &mut Transaction<'_>, step: Straight) {
    let is_insert = matches!(step, Straight::InsertContent | Straight::InsertNothing);
    let remembered = transaction.world.agents.iter().find_map(|agent| match agent {
        Agent::Copying { revision, .. } | Agent::SameBytes { revision, .. } => Some(*revision),
        Agent::Uploading { cargo: Cargo::Copy { revision }, .. } => Some(*revision),
        Agent::Uploading { cargo: Cargo::Keep { .. }, .. }
        | Agent::Idle
        | Agent::Keeping { .. }
        | Agent::WritingBack { .. }
        | Agent::Verifying { .. }
        | Agent::Purging { .. }
        | Agent::Repairing { .. }
        | Agent::Closing(_) => None,
    });
    if let (Some(row), Some(revision)) = (&mut transaction.world.db.row, remembered)
        && is_insert
        && transaction.protocol.config.breaks(Break::RevisionOfRow)
    {
        row.revision = revision;
    }
}

fn flip(transaction: &mut Transaction<'_>, phase: Phase) -> Option<()> {
    let world = &mut *transaction.world;
    if world.gateways.iter().any(|gateway| matches!(gateway, Gateway::Uploading { .. })) {
        transaction.protocol.see(Seen::FlipInMidWrite);
    }
    world.db.phase = phase;
    // Every flip asks for a sweep in its own transaction.
    world.db.unswept = true;
    world.complete = Complete::No;
    Some(())
}

fn store(transaction: &mut Transaction<'_>, key: Key, step: Store) -> Option<()> {
    let at = usize::from(key);
    let world = &mut *transaction.world;
    match step {
        Store::Land | Store::LandAndComeAgain => {
            let content = world.flying[at]?;
            if world.db.uploads[at].is_none_or(|upload| upload.state != UploadState::Open) {
                transaction.protocol.see(Seen::LateUpload);
            }
            world.objects[at] = Some(content);
            if step == Store::Land {
                world.flying[at] = None;
            }
            answer_uploader(world, key);
            Some(())
        }
        Store::Drop => world.flying[at].take().map(|_| ()),
        Store::Damage => {
            let location = world.db.location.filter(|location| location.key == Some(key) && !location.sole && !location.verified)?;
            let found = world.agents.contains(&Agent::Verifying { key });
            let object = world.objects[at].filter(|content| *content == location.content);
            let only_one = !world.objects.contains(&Some(DAMAGED)) && world.flying[at].is_none();
            object.filter(|_| only_one && !found)?;
            world.objects[at] = Some(DAMAGED);
            Some(())
        }
    }
}

/// Whoever still waits for this upload hears that it is stored.
fn answer_uploader(world: &mut World, key: Key) {
    for gateway in &mut world.gateways {
        if let Gateway::Uploading { key: waits_for, stored, .. } = gateway
            && *waits_for == key
        {
            *stored = true;
        }
    }
    for agent in &mut world.agents {
        if let Agent::Uploading { key: waits_for, stored, .. } = agent
            && *waits_for == key
        {
            *stored = true;
        }
    }
}

fn collect(transaction: &mut Transaction<'_>, step: Collect) -> Option<()> {
    let world = &mut *transaction.world;
    match step {
        Collect::Condemn(key) => world.uploads_mut(key)?.state = UploadState::Condemned,
        Collect::RemoveUncondemned(key) => world.objects[usize::from(key)] = None,
        Collect::Remove(key) | Collect::RemoveAndForget(key) => {
            // After a restore, what the lost time line made of an upload stays for the retention.
            if world.is_backed_up(key) && !transaction.protocol.config.breaks(Break::CollectOlderEpoch) {
                return None;
            }
            world.objects[usize::from(key)] = None;
            if step == Collect::RemoveAndForget(key) {
                // A day is longer than an upload can be under way.
                let under_way = world.flying[usize::from(key)].is_some();
                if under_way && !transaction.protocol.config.breaks(Break::CollectOnce) {
                    return None;
                }
                world.db.uploads[usize::from(key)] = None;
            }
        }
        Collect::Expire(key) => expire(transaction, key)?,
        Collect::Attempt(place) => world.db.staging[place] = None,
        Collect::History(place) => world.db.keeps[place] = None,
    }
    Some(())
}

/// The end of a version, unless a backup that may still be restored names its object, or an upload of it may still land: the
/// retention is longer than either.
fn expire(transaction: &mut Transaction<'_>, key: Key) -> Option<()> {
    let (protocol, world) = (transaction.protocol, &mut *transaction.world);
    let is_backed_up = world.is_backed_up(key) && !protocol.config.breaks(Break::ExpireDespiteBackup);
    if is_backed_up || world.flying[usize::from(key)].is_some() {
        return None;
    }
    let content = world.db.versions[usize::from(key)].take()?;
    world.objects[usize::from(key)] = None;
    world.db.owed &= !bit(content);
    protocol.see(Seen::VersionExpired);
    Some(())
}

/// Its repair is one transaction that sees the row again, so look and repair are one step.
fn sweep(transaction: &mut Transaction<'_>) -> Option<()> {
    let protocol = transaction.protocol;
    let found = transaction.look().repair;
    let (moment, leaves) = match found {
        Some(Repair::RetireWrittenAround) => (Some(Seen::WrittenAround), protocol.config.breaks(Break::LeaveWrittenAround)),
        Some(Repair::RetireCleared) => (Some(Seen::Cleared), protocol.config.breaks(Break::LeaveCleared)),
        Some(Repair::BringUpToDate) => (Some(Seen::BroughtUpToDate), false),
        Some(Repair::Alarm(_)) | None => (None, false),
    };
    if let Some(mend) = found.and_then(Mend::of).filter(|_| !leaves) {
        moment.into_iter().for_each(|moment| protocol.see(moment));
        transaction.mend(mend);
    }
    transaction.enqueue();
    transaction.world.db.unswept = false;
    Some(())
}

fn ask_complete(transaction: &mut Transaction<'_>, step: Ask) -> Option<()> {
    let world = &mut *transaction.world;
    let is_open = world
        .db
        .uploads
        .iter()
        .flatten()
        .any(|upload| upload.purpose == Purpose::Write && upload.state == UploadState::Open && upload.epoch == world.db.epoch);
    let is_sole = world.db.location.is_some_and(|location| location.sole && location.key.is_some());
    let asked = world.complete == Complete::NoUploadIsOpen || transaction.protocol.config.breaks(Break::CompleteDespiteUploads);
    if step == Ask::ForUploads && world.complete == Complete::No && !is_open {
        world.complete = Complete::NoUploadIsOpen;
    } else if step == Ask::ForSole && asked && !is_sole {
        transaction.protocol.see(Seen::ProvedComplete);
        world.complete = Complete::Yes;
    } else {
        return None;
    }
    Some(())
}

fn restore(transaction: &mut Transaction<'_>, step: Backups) -> Option<()> {
    let protocol = transaction.protocol;
    let world = &mut *transaction.world;
    match step {
        Backups::Take(place) if world.backups[place].is_none() => {
            let mut backup = world.db;
            void_leases(&mut backup);
            world.backups[place] = Some(backup);
        }
        // A backup that is too old to be restored makes room for another.
        Backups::Take(place) => world.backups[place] = None,
        Backups::Restore(place) => {
            world.db = world.backups[place]?;
            let from = if protocol.config.breaks(Break::EpochOfBackup) { world.db.epoch } else { world.highest_epoch };
            world.db.epoch = from + 1;
            world.highest_epoch = world.highest_epoch.max(world.db.epoch);
            if world.highest_epoch > protocol.config.epochs {
                return None;
            }
            world.complete = Complete::No;
            protocol.see(Seen::Restored);
        }
        Backups::CountOn => world.db.counter += 1,
    }
    Some(())
}

fn void_leases(db: &mut Database) {
    for kind in Kind::ALL {
        if let Some(job) = db.job(kind) {
            job.lease = None;
        }
    }
}
