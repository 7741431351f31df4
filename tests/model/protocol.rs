//! The protocol as a model: who can take which step in a world, and the world after it. Every process remembers its look-up and may act on
//! it any number of other steps later, or never. What must hold is not said here.

use std::sync::atomic::{AtomicU64, Ordering};

use stateright::{Model, Property};

use super::agents::{self, AgentStep};
use super::config::{Config, Deed, Seen};
use super::gateways::{self, GatewayStep};
use super::names::canonical;
use super::outside::{self, Outside};
use super::properties;
use super::transactions::Transaction;
use super::world::{Agent, Cargo, Gateway, Kind, World, bit};

/// One step of anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Gateway(usize, GatewayStep),
    Agent(usize, AgentStep),
    Outside(Outside),
}

pub struct Protocol {
    pub config: Config,
    /// One bit for each [`Seen`]. Beside the worlds, so that it tells none apart.
    seen: AtomicU64,
}

impl Protocol {
    pub fn new(config: Config) -> Self {
        Self { config, seen: AtomicU64::new(0) }
    }

    pub fn see(&self, moment: Seen) {
        self.seen.fetch_or(1 << moment as u32, Ordering::Relaxed);
    }

    pub fn has_seen(&self, moment: Seen) -> bool {
        self.seen.load(Ordering::Relaxed) & (1 << moment as u32) != 0
    }

    /// Revisions are given out again after a restore, so their order matters there, and only there.
    pub fn is_ordered(&self) -> bool {
        self.config.backups > 0
    }

    pub fn does(&self, deed: Deed) -> bool {
        self.config.does(deed)
    }

    /// The world after a step, under its canonical names; `None` when the step could not be taken or changed nothing.
    pub fn step(&self, before: &World, action: Action) -> Option<World> {
        let mut world = *before;
        let transaction = &mut Transaction { world: &mut world, protocol: self };
        match action {
            Action::Gateway(gateway, step) => gateways::step(transaction, gateway, step)?,
            Action::Agent(agent, step) => agents::step(transaction, agent, step)?,
            Action::Outside(step) => outside::step(transaction, step)?,
        }
        let now = bit(world.db.agreed.answer());
        for gateway in &mut world.gateways {
            match gateway {
                Gateway::Reading(read) => read.allowed |= now,
                Gateway::HalfLook { allowed, .. } => *allowed |= now,
                Gateway::Idle | Gateway::Put { .. } | Gateway::Staging { .. } | Gateway::Uploading { .. } | Gateway::Deleting { .. } => (),
            }
        }
        let after = canonical(&world, self.is_ordered());
        (after != *before).then_some(after)
    }

    /// Whether a process still means this place in staging: real attempts have names of their own, and are never taken for each other.
    pub fn names_attempt(&self, world: &World, place: u8) -> bool {
        let by_gateway = world.gateways.iter().any(|gateway| matches!(gateway, Gateway::Staging { attempt, .. } if *attempt == place));
        let by_agent = world.agents.iter().any(|agent| matches!(agent, Agent::WritingBack { attempt: Some(found), .. } if *found == place));
        by_gateway || by_agent
    }

    pub fn names_keep(&self, world: &World, place: u8) -> bool {
        world.agents.iter().any(|agent| match agent {
            Agent::Keeping { row, .. } | Agent::Uploading { cargo: Cargo::Keep { row }, .. } | Agent::Closing(Kind::Keep(row)) => {
                *row == place
            }
            Agent::Idle
            | Agent::Copying { .. }
            | Agent::SameBytes { .. }
            | Agent::Uploading { cargo: Cargo::Copy { .. }, .. }
            | Agent::WritingBack { .. }
            | Agent::Verifying { .. }
            | Agent::Purging { .. }
            | Agent::Repairing { .. }
            | Agent::Closing(Kind::Copy | Kind::WriteBack) => false,
        })
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::begin(self.config.start)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.fault.is_some() {
            return;
        }
        gateways::actions(self, world, &mut |gateway, step| actions.push(Action::Gateway(gateway, step)));
        agents::actions(self, world, &mut |agent, step| actions.push(Action::Agent(agent, step)));
        outside::actions(self, world, &mut |step| actions.push(Action::Outside(step)));
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        self.step(world, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
