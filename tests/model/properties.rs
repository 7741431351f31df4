//! What must hold, by the numbers of the protocol's section of that name, and what a quiet world comes to. It only looks at worlds.

use sluss::model::document::{Holder, Repair};
use sluss::model::phase::Phase;
use stateright::{Model, Property};

use super::agents::AgentStep;
use super::config::Config;
use super::outside::{Outside, Store};
use super::product::look;
use super::protocol::{Action, Protocol};
use super::world::{Agent, Complete, Content, DAMAGED, Database, EMPTY, Fault, Gateway, KEYS, NOTHING, World, bit};

pub const FRESH: &str = "1 a read answers what the document was at some instant since it began";
pub const KEPT: &str = "2 the row leads to the content that everybody agreed on last";
pub const GONE: &str = "3 a document is there and visible exactly when it should be";
pub const WHOLE: &str = "4 no answer mixes two contents";
pub const EQUAL: &str = "4 where both stores hold a document they hold the same";
pub const NAMED: &str = "5 every object that a location or a version names is there as it says";
pub const CALLED: &str = "6 what needs work has a job, or a sweep on its way";
pub const ENDS: &str = "6 left alone, every job ends, and every document is where its phase wants it";
pub const POSSIBLE: &str = "no rows are seen that cannot be";
pub const OLD: &str = "the row never holds an old content";
pub const COMPLETE: &str = "nothing becomes sole once sql is complete";
pub const MATCHED: &str = "If-Match passes on no other content";
pub const HISTORY: &str = "history has what it owes";
pub const ORPHANS: &str = "every object is named by a location, a version or an upload";

pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(FRESH, |_, world: &World| world.fault != Some(Fault::StaleRead)),
        Property::always(KEPT, |protocol: &Protocol, world: &World| served(protocol, world) == Some(world.db.agreed.content)),
        Property::always(GONE, is_there_as_agreed),
        Property::always(WHOLE, |_, world: &World| world.fault != Some(Fault::MixedRead)),
        Property::always(EQUAL, are_equal),
        Property::always(NAMED, |_, world: &World| names_only_what_is_there(&world.db, world)),
        Property::always(CALLED, is_called_for),
        Property::always(ENDS, ends),
        Property::always(POSSIBLE, |protocol: &Protocol, world: &World| {
            !matches!(look(&world.db, &protocol.config).repair, Some(Repair::Alarm(_)))
        }),
        Property::always(OLD, |_, world: &World| {
            let content = world.db.row.and_then(|row| row.content).filter(|content| *content != EMPTY);
            content.is_none_or(|content| content == world.db.agreed.content)
        }),
        Property::always(COMPLETE, |_, world: &World| {
            world.complete != Complete::Yes || !world.db.location.is_some_and(|location| location.sole && location.key.is_some())
        }),
        Property::always(MATCHED, |_, world: &World| world.fault != Some(Fault::LostUpdate)),
        Property::always(HISTORY, has_its_history),
        Property::always(ORPHANS, has_no_orphan),
    ]
}

/// The content that the row leads to, whether it is visible or not; `None` where it leads to something that is not there.
fn served(protocol: &Protocol, world: &World) -> Option<Content> {
    let db = &world.db;
    let in_object = || match db.location?.key {
        Some(key) => world.objects[usize::from(key)],
        None => Some(EMPTY),
    };
    match look(db, &protocol.config).holder {
        Holder::NoDocument | Holder::NoContent => Some(NOTHING),
        Holder::Sql | Holder::Both => db.row.and_then(|row| row.content),
        Holder::Object => in_object(),
        Holder::EmptyDocument => Some(EMPTY),
    }
}

fn is_there_as_agreed(protocol: &Protocol, world: &World) -> bool {
    let view = look(&world.db, &protocol.config);
    let agreed = world.db.agreed;
    view.visible == (agreed.exists && !agreed.marked) && (view.holder == Holder::NoDocument) != agreed.exists
}

fn are_equal(protocol: &Protocol, world: &World) -> bool {
    if look(&world.db, &protocol.config).holder != Holder::Both {
        return true;
    }
    let (row, location) = (world.db.row.and_then(|row| row.content), world.db.location);
    location.is_some_and(|location| Some(location.content) == row)
}

/// A damaged object is let pass where SQL holds its content too, or nobody serves it.
fn names_only_what_is_there(db: &Database, world: &World) -> bool {
    let is_there = |key: usize, content: Content| world.objects[key] == Some(content);
    let is_damaged = |key: usize| world.objects[key] == Some(DAMAGED);
    let location = db.location.and_then(|location| Some((location, usize::from(location.key?))));
    let located = location.is_none_or(|(location, key)| is_there(key, location.content) || (is_damaged(key) && !location.sole));
    let versions = (0..KEYS).all(|key| db.versions[key].is_none_or(|content| is_there(key, content) || is_damaged(key)));
    located && versions
}

fn is_called_for(protocol: &Protocol, world: &World) -> bool {
    let view = look(&world.db, &protocol.config);
    let copy = !view.needs_copy || world.db.copy.is_some();
    let write_back = !view.needs_write_back || world.db.write_back.is_some();
    let kept = world.db.keeps.iter().flatten().all(|keep| keep.job.is_some());
    world.db.unswept || (copy && write_back && kept)
}

fn has_its_history(_: &Protocol, world: &World) -> bool {
    let held = world.db.versions.iter().flatten().copied().chain(world.db.keeps.iter().flatten().map(|keep| keep.content));
    let held = held.fold(0, |bits, content| bits | bit(content));
    world.db.owed & !held == 0
}

/// A restore forgets uploads: what they left is found by listing the store.
fn has_no_orphan(protocol: &Protocol, world: &World) -> bool {
    let is_named = |key: usize| world.db.names(key as u8) || world.db.uploads[key].is_some();
    protocol.config.backups > 0 || (0..KEYS).all(|key| world.objects[key].is_none() || is_named(key))
}

/// Steps within which a quiet world has to come to rest.
const PATIENCE: usize = 60;

/// Worlds in which nobody is at work are left alone: agents, the store and the sweep go on, and nobody else.
fn ends(protocol: &Protocol, world: &World) -> bool {
    let is_quiet = world.gateways.iter().all(|gateway| *gateway == Gateway::Idle) && world.agents.iter().all(|agent| *agent == Agent::Idle);
    if !is_quiet || world.fault.is_some() {
        return true;
    }
    // What is seen on the way is not this run's to count. Old backups and a client's memory hold keys only.
    let protocol = Protocol::new(Config { keys: KEYS, ..protocol.config.clone() });
    let mut now = World { backups: [None; 2], client: None, ..*world };
    remove_orphans(&mut now);
    for _ in 0..PATIENCE {
        match work(&protocol, &now) {
            Some(next) => now = next,
            None => return is_at_rest(&protocol, &now),
        }
    }
    false
}

/// Only after a restore are there any: a listing of the store finds them.
fn remove_orphans(world: &mut World) {
    for key in (0..KEYS).filter(|key| !world.db.names(*key as u8) && world.db.uploads[*key].is_none()) {
        world.objects[key] = None;
        world.flying[key] = None;
    }
}

/// The next step of agents and store that all go well.
fn work(protocol: &Protocol, world: &World) -> Option<World> {
    let mut actions = Vec::new();
    protocol.actions(world, &mut actions);
    let is_work = |action: &Action| match action {
        Action::Agent(_, AgentStep::Claim(_) | AgentStep::GoOn) => true,
        Action::Agent(_, AgentStep::GiveUp) => world.flying.iter().all(Option::is_none),
        Action::Agent(_, AgentStep::Crash | AgentStep::Verify | AgentStep::Purge | AgentStep::SeeRepair) => false,
        Action::Outside(Outside::Store(_, step)) => *step == Store::Land,
        // After the agents and the network: what they still use is not abandoned.
        Action::Outside(Outside::Collect(_)) => true,
        Action::Outside(Outside::Sweep) => world.db.unswept,
        Action::Outside(Outside::LoseLease(_)) => world.agents.iter().all(|agent| *agent == Agent::Idle),
        Action::Outside(Outside::Straight(_) | Outside::Flip(_) | Outside::Ask(_) | Outside::Backups(_)) | Action::Gateway(..) => false,
    };
    actions.into_iter().filter(is_work).find_map(|action| protocol.step(world, action))
}

fn is_at_rest(protocol: &Protocol, world: &World) -> bool {
    let db = &world.db;
    let has_jobs = db.copy.is_some() || db.write_back.is_some() || db.keeps.iter().any(Option::is_some);
    let is_sole = db.location.is_some_and(|location| location.sole && location.key.is_some());
    let is_located = match db.phase {
        Phase::Sql => !is_sole,
        Phase::Shadow | Phase::Dual | Phase::Object | Phase::Sealed => look(db, &protocol.config).holder != Holder::Sql,
    };
    let is_stale = matches!(look(db, &protocol.config).repair, Some(Repair::RetireWrittenAround | Repair::RetireCleared));
    !has_jobs && is_located && !is_stale
}
