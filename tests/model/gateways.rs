//! Clients' requests: a look-up, and what a gateway makes of it later. Nothing here changes a document but by a final transaction.

use sluss::model::document::Holder;
use sluss::model::phase::{Phase, Side};

use super::config::{Break, Deed, Seen};
use super::names::InUse;
use super::product::{View, look};
use super::protocol::Protocol;
use super::transactions::{Basis, Transaction};
use super::world::{
    Agreed, Attempt, Content, DAMAGED, EMPTY, Fault, Gateway, Key, NOTHING, Purpose, Read, Row, Source, Upload, UploadState, World, bit,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Put,
    PutIfMatch,
    Delete,
    /// From the preferred holder, or the other one because that failed.
    Get(Choice),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Preferred,
    Other,
}

/// Which content a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    Fresh,
    Again,
    Empty,
    /// A fresh one, in pieces.
    Staged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayStep {
    LookFor(Request),
    Send(Pick),
    GoOn,
    /// The upload failed, or was waited for too long: the gateway condemns it.
    GiveUp,
    Crash,
}

pub fn actions(protocol: &Protocol, world: &World, offer: &mut impl FnMut(usize, GatewayStep)) {
    let busy = world.gateways.iter().filter(|gateway| **gateway != Gateway::Idle).count();
    let mut first_idle = busy < protocol.config.gateways;
    for (number, gateway) in world.gateways.iter().enumerate() {
        match gateway {
            Gateway::Idle if first_idle => {
                first_idle = false;
                requests(protocol, world).into_iter().for_each(|request| offer(number, GatewayStep::LookFor(request)));
            }
            Gateway::Idle => (),
            Gateway::Put { .. } => picks(protocol).into_iter().for_each(|pick| offer(number, GatewayStep::Send(pick))),
            Gateway::Staging { .. } => {
                offer(number, GatewayStep::GoOn);
                offer(number, GatewayStep::Crash);
            }
            Gateway::Uploading { stored, .. } => {
                offer(number, if *stored { GatewayStep::GoOn } else { GatewayStep::GiveUp });
                offer(number, GatewayStep::Crash);
            }
            Gateway::Deleting { .. } | Gateway::Reading(_) | Gateway::HalfLook { .. } => offer(number, GatewayStep::GoOn),
        }
    }
}

fn requests(protocol: &Protocol, world: &World) -> Vec<Request> {
    let mut requests = Vec::new();
    let puts = [Deed::Put, Deed::PutStaged, Deed::PutAgain, Deed::PutEmpty];
    if puts.into_iter().any(|deed| protocol.does(deed)) {
        requests.push(Request::Put);
    }
    if protocol.does(Deed::PutIfMatch) && world.client.is_some() {
        requests.push(Request::PutIfMatch);
    }
    if protocol.does(Deed::Delete) {
        requests.push(Request::Delete);
    }
    if protocol.does(Deed::Get) {
        requests.extend([Request::Get(Choice::Preferred), Request::Get(Choice::Other)]);
    }
    requests
}

fn picks(protocol: &Protocol) -> Vec<Pick> {
    let picks = [
        (Deed::Put, Pick::Fresh),
        (Deed::PutAgain, Pick::Again),
        (Deed::PutEmpty, Pick::Empty),
        (Deed::PutStaged, Pick::Staged),
        (Deed::PutIfMatch, Pick::Fresh),
    ];
    let mut found: Vec<Pick> = picks.into_iter().filter(|(deed, _)| protocol.does(*deed)).map(|(_, pick)| pick).collect();
    found.dedup();
    found
}

pub fn step(transaction: &mut Transaction<'_>, number: usize, step: GatewayStep) -> Option<()> {
    let gateway = transaction.world.gateways[number];
    let next = match (step, gateway) {
        (GatewayStep::LookFor(request), _) => look_for(transaction, request)?,
        (GatewayStep::Send(pick), Gateway::Put { phase, epoch, if_match }) => send(transaction, pick, Basis { phase, epoch, if_match })?,
        (GatewayStep::GoOn, Gateway::Staging { attempt, epoch, phase, content, pieces }) => {
            stage(transaction, attempt, content, pieces, Basis { phase, epoch, if_match: None })?
        }
        (GatewayStep::GoOn, Gateway::Uploading { key, epoch, phase, content, stored: true, if_match }) => {
            if attempt(transaction, |commit| commit.point(key, content, Basis { phase, epoch, if_match })).is_none() {
                condemn(transaction.world, key);
            }
            Gateway::Idle
        }
        (GatewayStep::GoOn, Gateway::Deleting { phase, epoch }) => {
            attempt(transaction, |commit| commit.delete(Basis { phase, epoch, if_match: None }));
            Gateway::Idle
        }
        (GatewayStep::GoOn, Gateway::Reading(read)) => go_on(transaction, read),
        (GatewayStep::GoOn, Gateway::HalfLook { row, allowed }) => whole_look(transaction, row, allowed),
        (GatewayStep::GiveUp, Gateway::Uploading { key, .. }) => {
            condemn(transaction.world, key);
            Gateway::Idle
        }
        (GatewayStep::Crash, _) => Gateway::Idle,
        (GatewayStep::Send(_) | GatewayStep::GoOn | GatewayStep::GiveUp, _) => return None,
    };
    transaction.world.gateways[number] = next;
    Some(())
}

/// A transaction that may be refused: then nothing of it has happened, but what it found out.
pub fn attempt(transaction: &mut Transaction<'_>, commit: impl FnOnce(&mut Transaction<'_>) -> Option<()>) -> Option<()> {
    let before = *transaction.world;
    let done = commit(transaction);
    if done.is_none() {
        *transaction.world = before;
    }
    done
}

pub fn condemn(world: &mut World, key: Key) {
    if let Some(upload) = world.uploads_mut(key).filter(|upload| upload.state == UploadState::Open) {
        upload.state = UploadState::Condemned;
    }
}

/// What a gateway may remember of a phase without being another world: where it writes, and, where history is kept, whether it keeps any.
fn remembered(protocol: &Protocol, phase: Phase) -> Phase {
    match phase.writes_to() {
        Side::Sql if protocol.config.breaks(Break::KeepByOldPhase) => phase,
        Side::Sql => Phase::Shadow,
        Side::Object => Phase::Object,
    }
}

fn look_for(transaction: &mut Transaction<'_>, request: Request) -> Option<Gateway> {
    let (protocol, world) = (transaction.protocol, &*transaction.world);
    let (phase, epoch) = (remembered(protocol, world.db.phase), world.db.epoch);
    let allowed = bit(world.db.agreed.answer());
    match request {
        Request::Put => Some(Gateway::Put { phase, epoch, if_match: None }),
        Request::PutIfMatch => Some(Gateway::Put { phase, epoch, if_match: world.client }),
        Request::Delete => world.db.row.map(|_| Gateway::Deleting { phase, epoch }),
        Request::Get(_) if protocol.config.breaks(Break::LookAtTwoInstants) => {
            Some(Gateway::HalfLook { row: world.db.row.map(|row| (row.revision, row.content, row.marked)), allowed })
        }
        Request::Get(choice) => {
            let view = transaction.look();
            let source = source(world, &view, choice)?;
            Some(Gateway::Reading(Read { stamp: view.stamp?, source, first: None, allowed }))
        }
    }
}

/// Where the bytes are read; `None` where there are none to follow.
fn source(world: &World, view: &View, choice: Choice) -> Option<Source> {
    let (row, location) = (world.db.row.filter(|_| view.visible)?, world.db.location);
    let in_object = location.filter(|location| location.content != EMPTY).and_then(|location| location.key).map(Source::Object);
    let in_sql = row.content.filter(|content| *content != EMPTY).map(|_| Source::Sql(row.revision));
    match (view.holder, choice) {
        (Holder::NoDocument | Holder::NoContent | Holder::EmptyDocument, _) => None,
        (Holder::Sql, Choice::Preferred) => in_sql,
        (Holder::Object, Choice::Preferred) => in_object,
        (Holder::Sql | Holder::Object, Choice::Other) => None,
        (Holder::Both, choice) => match (world.db.phase.reads_from(), choice) {
            (Side::Sql, Choice::Preferred) | (Side::Object, Choice::Other) => in_sql,
            (Side::Object, Choice::Preferred) | (Side::Sql, Choice::Other) => in_object,
        },
    }
}

fn send(transaction: &mut Transaction<'_>, pick: Pick, basis: Basis) -> Option<Gateway> {
    let content = match pick {
        Pick::Empty => EMPTY,
        Pick::Again => transaction.world.db.location.map(|location| location.content).filter(|content| *content != EMPTY)?,
        Pick::Fresh | Pick::Staged => InUse::of(transaction.world).fresh_content()?,
    };
    match (basis.phase.writes_to(), pick) {
        (Side::Object, Pick::Fresh | Pick::Again | Pick::Staged) => record(transaction, content, basis),
        (Side::Sql, Pick::Staged) => {
            let place = if transaction.protocol.config.breaks(Break::StagingOfDocument) { 0 } else { transaction.free_attempt()? };
            let epoch = basis.epoch;
            transaction.world.db.staging[usize::from(place)] = Some(Attempt { epoch, pieces: [None; 2] });
            Some(Gateway::Staging { attempt: place, epoch, phase: basis.phase, content, pieces: 0 })
        }
        // The empty content names no object, so it goes to the row in every phase.
        (Side::Sql, Pick::Fresh | Pick::Again | Pick::Empty) | (Side::Object, Pick::Empty) => {
            attempt(transaction, |commit| commit.store(content, basis));
            Some(Gateway::Idle)
        }
    }
}

/// Records a client's upload and sends it off, or starts over by the phase that it finds.
fn record(transaction: &mut Transaction<'_>, content: Content, basis: Basis) -> Option<Gateway> {
    let protocol = transaction.protocol;
    let world = &mut *transaction.world;
    let is_allowed = world.db.phase.writes_to() == Side::Object || protocol.config.breaks(Break::RecordByOldPhase);
    if !is_allowed || world.db.epoch != basis.epoch {
        protocol.see(Seen::StartedOver);
        return Some(Gateway::Put { phase: remembered(protocol, world.db.phase), epoch: world.db.epoch, if_match: basis.if_match });
    }
    let key = fresh_key(protocol, world)?;
    let upload = Upload { purpose: Purpose::Write, epoch: basis.epoch, state: UploadState::Open };
    world.db.uploads[usize::from(key)] = Some(upload);
    world.flying[usize::from(key)] = Some(content);
    if protocol.config.breaks(Break::AnswerEarly) {
        world.db.agreed = Agreed { exists: true, marked: false, content };
    }
    Some(Gateway::Uploading { key, epoch: basis.epoch, phase: basis.phase, content, stored: false, if_match: basis.if_match })
}

pub fn fresh_key(protocol: &Protocol, world: &World) -> Option<Key> {
    let of_document = world.db.location.and_then(|location| location.key).filter(|_| protocol.config.breaks(Break::KeyOfDocument));
    of_document.or_else(|| InUse::of(world).fresh_key(protocol.config.keys))
}

fn stage(transaction: &mut Transaction<'_>, place: u8, content: Content, pieces: u8, basis: Basis) -> Option<Gateway> {
    if pieces < 2 {
        let Some(row) = &mut transaction.world.db.staging[usize::from(place)] else {
            // Given up by the collector: it takes no more.
            transaction.protocol.see(Seen::StagingLost);
            return Some(Gateway::Idle);
        };
        row.pieces[usize::from(pieces)] = Some(content);
        let Basis { epoch, phase, .. } = basis;
        return Some(Gateway::Staging { attempt: place, epoch, phase, content, pieces: pieces + 1 });
    }
    attempt(transaction, |commit| {
        let found = commit.take_attempt(place, content, basis.epoch)?;
        commit.store(found, basis)?;
        // What the client sent is what it was told is there now, whatever lies in the row.
        commit.agree(Agreed { exists: true, marked: false, content });
        Some(())
    });
    Some(Gateway::Idle)
}

/// One piece of a read's bytes, or another look because they are not where they were.
fn go_on(transaction: &mut Transaction<'_>, read: Read) -> Gateway {
    let (protocol, world) = (transaction.protocol, &mut *transaction.world);
    let piece = match read.source {
        Source::Sql(revision) => {
            let is_same = |row: &Row| row.revision == revision || protocol.config.breaks(Break::ReadIgnoresRevision);
            world.db.row.filter(is_same).and_then(|row| row.content)
        }
        // A piece that fails its checksum never leaves.
        Source::Object(key) => world.objects[usize::from(key)].filter(|content| *content != DAMAGED),
    };
    match (piece, read.first) {
        (None, _) => look_again(transaction, read),
        (Some(piece), None) => Gateway::Reading(Read { first: Some(piece), ..read }),
        (Some(piece), Some(first)) => {
            if piece != first {
                world.fault = Some(Fault::MixedRead);
            } else if read.allowed & bit(piece) == 0 {
                world.fault = Some(Fault::StaleRead);
            } else if protocol.does(Deed::PutIfMatch) {
                world.client = Some((read.stamp, piece));
            }
            Gateway::Idle
        }
    }
}

fn look_again(transaction: &Transaction<'_>, read: Read) -> Gateway {
    let (protocol, world) = (transaction.protocol, &*transaction.world);
    protocol.see(Seen::ReadWhileRowMoved);
    let view = transaction.look();
    let failed = matches!(read.source, Source::Object(key) if world.objects[usize::from(key)] == Some(DAMAGED));
    let choices = if failed { [Choice::Other, Choice::Preferred] } else { [Choice::Preferred, Choice::Other] };
    let found = choices.into_iter().find_map(|choice| source(world, &view, choice).filter(|source| *source != read.source));
    let (Some(source), Some(stamp)) = (found, view.stamp) else {
        return Gateway::Idle;
    };
    if failed {
        protocol.see(Seen::Fallback);
    }
    let goes_on = stamp == read.stamp || protocol.config.breaks(Break::ReadIgnoresStamp);
    match read.first {
        Some(_) if goes_on => {
            protocol.see(Seen::ReadWentOn);
            Gateway::Reading(Read { source, ..read })
        }
        Some(_) => {
            protocol.see(Seen::ReadBrokeOff);
            Gateway::Idle
        }
        None => Gateway::Reading(Read { source, stamp, ..read }),
    }
}

/// The second half of a look-up at two instants: the row of then with the location of now.
fn whole_look(transaction: &mut Transaction<'_>, row: Option<(u8, Option<Content>, bool)>, allowed: u16) -> Gateway {
    let mut seen = *transaction.world;
    seen.db.row = row.map(|(revision, content, marked)| Row { revision, content, marked });
    let view = look(&seen.db, &transaction.protocol.config);
    let found = source(&seen, &view, Choice::Preferred);
    if let (Some(source), Some(stamp)) = (found, view.stamp) {
        return Gateway::Reading(Read { stamp, source, first: None, allowed });
    }
    let is_nothing = !view.visible || matches!(view.holder, Holder::NoDocument | Holder::NoContent);
    if is_nothing && allowed & bit(NOTHING) == 0 {
        transaction.world.fault = Some(Fault::StaleRead);
    }
    Gateway::Idle
}
