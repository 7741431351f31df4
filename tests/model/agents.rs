//! Agents: they claim a job under a lease, look, work, and change rows by a final transaction. A lease can be lost at any step, and its
//! agent goes on without knowing. Nothing here goes by who holds the lease, except for closing the job.

use sluss::model::document::Holder;
use sluss::model::job::JobKind;

use super::config::{Break, Deed, Seen};
use super::gateways::{attempt, condemn, fresh_key};
use super::protocol::Protocol;
use super::transactions::Transaction;
use super::world::{
    Agent, Attempt, Cargo, Content, DAMAGED, EMPTY, Job, Key, Kind, Mend, Purpose, Revision, Stamp, Upload, UploadState, World,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentStep {
    Claim(Kind),
    Verify,
    Purge,
    /// Only where a repair goes by an earlier look.
    SeeRepair,
    GoOn,
    /// The upload failed, or was waited for too long: the agent condemns it.
    GiveUp,
    Crash,
}

pub fn actions(protocol: &Protocol, world: &World, offer: &mut impl FnMut(usize, AgentStep)) {
    let busy = world.agents.iter().filter(|agent| **agent != Agent::Idle).count();
    let has_place = busy < protocol.config.agents;
    for (number, agent) in world.agents.iter().enumerate() {
        match agent {
            Agent::Idle if has_place => new_work(protocol, world, &mut |step| offer(number, step)),
            Agent::Idle => (),
            Agent::Uploading { stored, .. } => {
                offer(number, if *stored { AgentStep::GoOn } else { AgentStep::GiveUp });
                offer(number, AgentStep::Crash);
            }
            Agent::Copying { .. } | Agent::SameBytes { .. } | Agent::Keeping { .. } | Agent::WritingBack { .. } | Agent::Closing(_) => {
                offer(number, AgentStep::GoOn);
                offer(number, AgentStep::Crash);
            }
            Agent::Verifying { .. } | Agent::Purging { .. } | Agent::Repairing { .. } => offer(number, AgentStep::GoOn),
        }
    }
}

fn new_work(protocol: &Protocol, world: &World, offer: &mut impl FnMut(AgentStep)) {
    let mut db = world.db;
    for kind in Kind::ALL {
        if db.job(kind).is_some_and(|job| job.lease.is_none()) {
            offer(AgentStep::Claim(kind));
        }
    }
    if protocol.does(Deed::VerifyAndPurge) {
        offer(AgentStep::Verify);
        offer(AgentStep::Purge);
    }
    if protocol.config.breaks(Break::RepairByOldLook) {
        offer(AgentStep::SeeRepair);
    }
}

pub fn step(transaction: &mut Transaction<'_>, number: usize, step: AgentStep) -> Option<()> {
    let agent = transaction.world.agents[number];
    let next = match step {
        AgentStep::Claim(kind) => {
            transaction.world.db.job(kind)?.lease = Some(number as u8);
            begin(transaction, kind)
        }
        AgentStep::Verify => verify(transaction.world)?,
        AgentStep::Purge => see_purge(transaction)?,
        AgentStep::SeeRepair => Agent::Repairing { mend: transaction.look().repair.and_then(Mend::of)? },
        AgentStep::GoOn => go_on(transaction, number, agent)?,
        AgentStep::GiveUp => give_up(transaction.world, agent)?,
        AgentStep::Crash => {
            // Its lease runs out before anybody can tell: one step less to take.
            release(transaction.world, number);
            Agent::Idle
        }
    };
    transaction.world.agents[number] = next;
    Some(())
}

/// The look that an attempt begins with, and the reading of all that it takes: a revision's bytes and an object's never change.
fn begin(transaction: &Transaction<'_>, kind: Kind) -> Agent {
    let (view, db) = (transaction.look(), &transaction.world.db);
    let epoch = db.epoch;
    match kind {
        Kind::Copy => match db.row.filter(|_| view.needs_copy).and_then(|row| Some((row.revision, row.content?))) {
            Some((revision, content)) => match db.location.filter(|location| location.content == content) {
                Some(location) => Agent::SameBytes { revision, epoch, key: location.key },
                None => Agent::Copying { revision, epoch, content },
            },
            None => Agent::Closing(kind),
        },
        Kind::WriteBack => match db.location.filter(|_| view.needs_write_back) {
            Some(location) => write_back_of(transaction.world, location.stamp, location.key, location.content),
            None => Agent::Closing(kind),
        },
        Kind::Keep(row) => match db.keeps[usize::from(row)] {
            Some(keep) => Agent::Keeping { row, epoch, content: keep.content },
            None => Agent::Closing(kind),
        },
    }
}

/// What goes back to SQL is what the location says, by its hash, or nothing goes back.
fn write_back_of(world: &World, stamp: Stamp, key: Option<Key>, content: Content) -> Agent {
    let found = key.map_or(Some(EMPTY), |key| world.objects[usize::from(key)]);
    if found == Some(content) {
        Agent::WritingBack { stamp, epoch: world.db.epoch, content, attempt: None }
    } else {
        Agent::Closing(Kind::WriteBack)
    }
}

fn verify(world: &World) -> Option<Agent> {
    let location = world.db.location.filter(|location| !location.verified)?;
    let key = location.key.filter(|key| world.objects[usize::from(*key)] == Some(location.content))?;
    Some(Agent::Verifying { key })
}

fn see_purge(transaction: &Transaction<'_>) -> Option<Agent> {
    let db = &transaction.world.db;
    let (row, location) = (db.row?, db.location?);
    let damaged = location.key.is_some_and(|key| transaction.world.objects[usize::from(key)] == Some(DAMAGED));
    if !db.phase.calls_for(JobKind::Purge, false) {
        return None;
    }
    if !transaction.may_purge() {
        if damaged && transaction.look().holder == Holder::Both {
            transaction.protocol.see(Seen::DamageKeptFromPurge);
        }
        return None;
    }
    Some(Agent::Purging { revision: row.revision, key: location.key?, epoch: db.epoch })
}

fn go_on(transaction: &mut Transaction<'_>, number: usize, agent: Agent) -> Option<Agent> {
    match agent {
        Agent::Idle => None,
        Agent::Copying { revision, epoch, content } => copy(transaction, revision, epoch, content),
        Agent::SameBytes { revision, epoch, key } => {
            if attempt(transaction, |commit| commit.confirm(key, revision, epoch)).is_some() {
                transaction.protocol.see(Seen::SameBytes);
                see_lease(transaction, number, Kind::Copy);
            }
            Some(Agent::Closing(Kind::Copy))
        }
        Agent::Keeping { row, epoch, content } => record(transaction, Cargo::Keep { row }, epoch, content),
        Agent::Uploading { cargo, key, epoch, content, stored: _ } => Some(publish(transaction, number, cargo, (key, epoch, content))),
        Agent::WritingBack { stamp, epoch, content, attempt } => write_back(transaction, number, (stamp, epoch, content), attempt),
        Agent::Verifying { key } => {
            note_verified(transaction, key);
            Some(Agent::Idle)
        }
        Agent::Purging { revision, key, epoch } => {
            let done = attempt(transaction, |commit| commit.purge(revision, key, epoch));
            transaction.protocol.see(if done.is_some() { Seen::Purged } else { Seen::OvertakenPurge });
            Some(Agent::Idle)
        }
        Agent::Repairing { mend } => {
            transaction.mend(mend);
            Some(Agent::Idle)
        }
        Agent::Closing(kind) => {
            close(transaction, number, kind);
            Some(Agent::Idle)
        }
    }
}

fn copy(transaction: &mut Transaction<'_>, revision: Revision, epoch: u8, content: Content) -> Option<Agent> {
    if content == EMPTY {
        attempt(transaction, |commit| commit.publish(None, content, revision, epoch));
        return Some(Agent::Closing(Kind::Copy));
    }
    if !transaction.world.db.phase.calls_for(JobKind::Copy, false) {
        return Some(Agent::Closing(Kind::Copy));
    }
    record(transaction, Cargo::Copy { revision }, epoch, content)
}

/// The result goes to the key that was read.
fn note_verified(transaction: &mut Transaction<'_>, key: Key) {
    let by_key = !transaction.protocol.config.breaks(Break::VerifyIgnoresKey);
    if let Some(location) = transaction.world.db.location.as_mut().filter(|location| !by_key || location.key == Some(key)) {
        location.verified = true;
    }
}

/// Records an agent's upload and sends it off, unless its look was in another epoch.
fn record(transaction: &mut Transaction<'_>, cargo: Cargo, epoch: u8, content: Content) -> Option<Agent> {
    let purpose = match cargo {
        Cargo::Copy { .. } => Purpose::Copy,
        Cargo::Keep { .. } => Purpose::Keep,
    };
    if !transaction.is_of_epoch(epoch) {
        return Some(Agent::Closing(cargo.kind()));
    }
    let world = &mut *transaction.world;
    let key = fresh_key(transaction.protocol, world)?;
    world.db.uploads[usize::from(key)] = Some(Upload { purpose, epoch, state: UploadState::Open });
    world.flying[usize::from(key)] = Some(content);
    Some(Agent::Uploading { cargo, key, epoch, content, stored: false })
}

fn publish(transaction: &mut Transaction<'_>, number: usize, cargo: Cargo, (key, epoch, content): (Key, u8, Content)) -> Agent {
    let done = match cargo {
        Cargo::Copy { revision } => attempt(transaction, |commit| commit.publish(Some(key), content, revision, epoch)),
        Cargo::Keep { row } => attempt(transaction, |commit| commit.keep(row, key, content, epoch)),
    };
    if done.is_none() {
        condemn(transaction.world, key);
    }
    match cargo {
        Cargo::Copy { .. } => {
            if done.is_some() {
                see_lease(transaction, number, Kind::Copy);
            }
            Agent::Closing(Kind::Copy)
        }
        // The row and its job went together, or were there no more.
        Cargo::Keep { row: _ } => {
            if done.is_some() {
                transaction.protocol.see(Seen::Kept);
            }
            release(transaction.world, number);
            Agent::Idle
        }
    }
}

fn write_back(
    transaction: &mut Transaction<'_>,
    number: usize,
    (stamp, epoch, content): (Stamp, u8, Content),
    place: Option<u8>,
) -> Option<Agent> {
    if place.is_none() && transaction.protocol.does(Deed::PutStaged) {
        let place = if transaction.protocol.config.breaks(Break::StagingOfDocument) { 0 } else { transaction.free_attempt()? };
        transaction.world.db.staging[usize::from(place)] = Some(Attempt { epoch, pieces: [Some(content); 2] });
        return Some(Agent::WritingBack { stamp, epoch, content, attempt: Some(place) });
    }
    let done = attempt(transaction, |commit| {
        let found = match place {
            Some(place) => commit.take_attempt(place, content, epoch)?,
            None => content,
        };
        commit.write_back(stamp, found, epoch)
    });
    if done.is_some() {
        transaction.protocol.see(Seen::WrittenBack);
        see_lease(transaction, number, Kind::WriteBack);
    }
    Some(Agent::Closing(Kind::WriteBack))
}

fn holds(world: &mut World, number: usize, kind: Kind) -> bool {
    world.db.job(kind).is_some_and(|job| job.lease == Some(number as u8))
}

fn release(world: &mut World, number: usize) {
    for kind in Kind::ALL {
        if let Some(job) = world.db.job(kind).filter(|job| job.lease == Some(number as u8)) {
            job.lease = None;
        }
    }
}

fn see_lease(transaction: &mut Transaction<'_>, number: usize, kind: Kind) {
    if !holds(transaction.world, number, kind) {
        transaction.protocol.see(Seen::CommitWithoutLease);
    }
}

/// Closes the job if the lease still holds and the document needs it no more; else leaves it to whoever comes.
fn close(transaction: &mut Transaction<'_>, number: usize, kind: Kind) {
    if !holds(transaction.world, number, kind) {
        return;
    }
    let view = transaction.look();
    let db = &mut transaction.world.db;
    let needed = match kind {
        Kind::Copy => view.needs_copy,
        Kind::WriteBack => view.needs_write_back,
        // Its row is there as long as its job is.
        Kind::Keep(_) => true,
    };
    if needed && !transaction.protocol.config.breaks(Break::CloseBlindly) {
        transaction.protocol.see(Seen::StillNeeded);
        if let Some(job) = db.job(kind) {
            *job = Job::default();
        }
        return;
    }
    match kind {
        Kind::Copy => db.copy = None,
        Kind::WriteBack => db.write_back = None,
        Kind::Keep(row) => {
            if let Some(keep) = &mut db.keeps[usize::from(row)] {
                keep.job = None;
            }
        }
    }
}

fn give_up(world: &mut World, agent: Agent) -> Option<Agent> {
    let Agent::Uploading { cargo, key, .. } = agent else { return None };
    condemn(world, key);
    Some(Agent::Closing(cargo.kind()))
}
