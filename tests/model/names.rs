//! Names: which keys, contents and revisions are in use, the next one that is not, and the renaming that makes two worlds one when
//! they differ in names only. So nobody counts operations: only what is alive at once takes room. It never looks at what a name means.

use super::world::{
    Agent, Attempt, Cargo, Content, Database, EMPTY, Gateway, KEYS, Key, Location, NOTHING, Read, Revision, Row, Source, Stamp, World, bit,
};

/// Somebody who is shown every name in a world, in an order that depends on nothing but the names' places.
pub trait Visitor {
    fn key(&mut self, key: &mut Key);
    fn content(&mut self, content: &mut Content);
    fn revision(&mut self, revision: &mut Revision);
    /// What history owes, as bits: named even where it is lost, because somebody looks for it.
    fn owed(&mut self, bits: &mut u16);
    /// What a read may answer, as bits: these come last, and name nothing that is nowhere else.
    fn allowed(&mut self, bits: &mut u16);
}

pub fn visit(world: &mut World, visitor: &mut impl Visitor) {
    visit_places(world, visitor);
    visit_tables(world, visitor);
}

/// All but what tables hold under a key.
fn visit_places(world: &mut World, visitor: &mut impl Visitor) {
    visit_database(&mut world.db, visitor);
    for gateway in &mut world.gateways {
        visit_gateway(gateway, visitor);
    }
    for agent in &mut world.agents {
        visit_agent(agent, visitor);
    }
    visit_client(&mut world.client, visitor);
    for backup in world.backups.iter_mut().flatten() {
        visit_database(backup, visitor);
    }
}

fn visit_tables(world: &mut World, visitor: &mut impl Visitor) {
    for db in [Some(&mut world.db)].into_iter().chain(world.backups.iter_mut().map(Option::as_mut)).flatten() {
        db.versions.iter_mut().flatten().for_each(|content| visitor.content(content));
        visitor.owed(&mut db.owed);
    }
    world.objects.iter_mut().chain(&mut world.flying).flatten().for_each(|content| visitor.content(content));
    for gateway in &mut world.gateways {
        match gateway {
            Gateway::Reading(Read { allowed, .. }) | Gateway::HalfLook { allowed, .. } => visitor.allowed(allowed),
            Gateway::Idle | Gateway::Put { .. } | Gateway::Staging { .. } | Gateway::Uploading { .. } | Gateway::Deleting { .. } => (),
        }
    }
}

fn visit_database(db: &mut Database, visitor: &mut impl Visitor) {
    if let Some(Row { revision, content, marked: _ }) = &mut db.row {
        visitor.revision(revision);
        content.iter_mut().for_each(|content| visitor.content(content));
    }
    if let Some(Location { key, stamp, content, revision, sole: _, verified: _ }) = &mut db.location {
        key.iter_mut().for_each(|key| visitor.key(key));
        visit_stamp(stamp, visitor);
        visitor.content(content);
        visitor.revision(revision);
    }
    visitor.content(&mut db.agreed.content);
    db.keeps.iter_mut().flatten().for_each(|keep| visitor.content(&mut keep.content));
    for Attempt { pieces, epoch: _ } in db.staging.iter_mut().flatten() {
        pieces.iter_mut().flatten().for_each(|piece| visitor.content(piece));
    }
}

fn visit_stamp(stamp: &mut Stamp, visitor: &mut impl Visitor) {
    match stamp {
        Stamp::Row { epoch: _, revision } => visitor.revision(revision),
        Stamp::Object(key) => visitor.key(key),
    }
}

fn visit_client(client: &mut Option<(Stamp, Content)>, visitor: &mut impl Visitor) {
    if let Some((stamp, content)) = client {
        visit_stamp(stamp, visitor);
        visitor.content(content);
    }
}

fn visit_gateway(gateway: &mut Gateway, visitor: &mut impl Visitor) {
    match gateway {
        Gateway::Idle | Gateway::Deleting { .. } => (),
        Gateway::Put { if_match, .. } => visit_client(if_match, visitor),
        Gateway::Staging { content, .. } => visitor.content(content),
        Gateway::Uploading { key, content, if_match, .. } => {
            visitor.key(key);
            visitor.content(content);
            visit_client(if_match, visitor);
        }
        Gateway::Reading(Read { stamp, source, first, allowed: _ }) => {
            visit_stamp(stamp, visitor);
            match source {
                Source::Sql(revision) => visitor.revision(revision),
                Source::Object(key) => visitor.key(key),
            }
            first.iter_mut().for_each(|first| visitor.content(first));
        }
        Gateway::HalfLook { row, allowed: _ } => {
            if let Some((revision, content, _)) = row {
                visitor.revision(revision);
                content.iter_mut().for_each(|content| visitor.content(content));
            }
        }
    }
}

fn visit_agent(agent: &mut Agent, visitor: &mut impl Visitor) {
    match agent {
        Agent::Idle | Agent::Closing(_) | Agent::Repairing { .. } => (),
        Agent::Copying { revision, content, epoch: _ } => {
            visitor.revision(revision);
            visitor.content(content);
        }
        Agent::SameBytes { revision, key, epoch: _ } => {
            visitor.revision(revision);
            key.iter_mut().for_each(|key| visitor.key(key));
        }
        Agent::Keeping { content, row: _, epoch: _ } => visitor.content(content),
        Agent::Uploading { cargo, key, content, epoch: _, stored: _ } => {
            if let Cargo::Copy { revision } = cargo {
                visitor.revision(revision);
            }
            visitor.key(key);
            visitor.content(content);
        }
        Agent::WritingBack { stamp, content, .. } => {
            visit_stamp(stamp, visitor);
            visitor.content(content);
        }
        Agent::Verifying { key } => visitor.key(key),
        Agent::Purging { revision, key, epoch: _ } => {
            visitor.revision(revision);
            visitor.key(key);
        }
    }
}

/// The names in use, one bit each.
#[derive(Debug, Default)]
pub struct InUse {
    pub keys: u16,
    pub contents: u16,
    pub revisions: u64,
}

impl InUse {
    pub fn of(world: &World) -> Self {
        let mut found = Self::default();
        let mut world = *world;
        visit(&mut world, &mut found);
        for key in 0..KEYS {
            let databases = [Some(world.db)].into_iter().chain(world.backups).flatten();
            let noted = databases.into_iter().any(|db| db.versions[key].is_some() || db.uploads[key].is_some());
            if noted || world.objects[key].is_some() || world.flying[key].is_some() {
                found.keys |= 1 << key;
            }
        }
        found
    }

    pub fn fresh_content(&self) -> Option<Content> {
        (EMPTY + 1..NOTHING).find(|content| self.contents & (1 << content) == 0)
    }

    pub fn fresh_key(&self, keys: usize) -> Option<Key> {
        (0..keys as Key).find(|key| self.keys & (1 << key) == 0)
    }

    pub fn fresh_revision(&self) -> Revision {
        (1..64).find(|revision| self.revisions & (1 << revision) == 0).expect("fewer than 63 revisions are remembered")
    }
}

impl Visitor for InUse {
    fn key(&mut self, key: &mut Key) {
        self.keys |= 1 << *key;
    }

    fn content(&mut self, content: &mut Content) {
        self.contents |= 1 << *content;
    }

    fn revision(&mut self, revision: &mut Revision) {
        self.revisions |= 1 << *revision;
    }

    fn owed(&mut self, bits: &mut u16) {
        self.contents |= *bits;
    }

    fn allowed(&mut self, bits: &mut u16) {
        *bits &= self.contents | bit(EMPTY) | bit(NOTHING);
    }
}

/// New names for keys, by the order of visits.
#[derive(Default)]
struct Keys {
    new: [Option<Key>; KEYS],
    next: Key,
}

impl Keys {
    fn of(&mut self, key: Key) -> Key {
        *self.new[usize::from(key)].get_or_insert_with(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

impl Visitor for Keys {
    fn key(&mut self, key: &mut Key) {
        *key = self.of(*key);
    }

    fn content(&mut self, _: &mut Content) {}
    fn revision(&mut self, _: &mut Revision) {}
    fn owed(&mut self, _: &mut u16) {}
    fn allowed(&mut self, _: &mut u16) {}
}

/// New names for contents and revisions, by the order of visits.
struct Renaming {
    contents: [Option<Content>; 16],
    next_content: Content,
    revisions: [Option<Revision>; 64],
    next_revision: Revision,
}

impl Renaming {
    fn bits(&mut self, bits: u16) -> u16 {
        (0..16).filter(|content| bits & (1 << content) != 0).fold(0, |new, mut content| {
            self.content(&mut content);
            new | 1 << content
        })
    }
}

impl Visitor for Renaming {
    fn key(&mut self, _: &mut Key) {}

    fn content(&mut self, content: &mut Content) {
        if *content == EMPTY || *content >= NOTHING {
            return;
        }
        *content = *self.contents[usize::from(*content)].get_or_insert_with(|| {
            self.next_content += 1;
            self.next_content - 1
        });
    }

    fn revision(&mut self, revision: &mut Revision) {
        *revision = *self.revisions[usize::from(*revision)].get_or_insert_with(|| {
            self.next_revision += 1;
            self.next_revision - 1
        });
    }

    fn owed(&mut self, bits: &mut u16) {
        *bits = self.bits(*bits);
    }

    fn allowed(&mut self, bits: &mut u16) {
        *bits = self.bits(*bits);
    }
}

/// The world that stands for all that differ from this one in names only. `ordered`: revisions keep their order and the counters of
/// databases count, because after a restore they are given out again.
pub fn canonical(world: &World, ordered: bool) -> World {
    let mut found = named(*world, ordered);
    // Two processes of a kind are interchangeable.
    for (gateways, agents) in [(true, false), (false, true), (true, true)] {
        let mut other = *world;
        if (gateways && !swap_gateways(&mut other)) || (agents && !swap_agents(&mut other)) {
            continue;
        }
        found = found.min(named(other, ordered));
    }
    found
}

/// Swaps two that differ.
fn swap_gateways(world: &mut World) -> bool {
    world.gateways.swap(0, 1);
    world.gateways[0] != world.gateways[1]
}

/// Swaps two that differ; leases go with their agents.
fn swap_agents(world: &mut World) -> bool {
    world.agents.swap(0, 1);
    let keeps = world.db.keeps.iter_mut().flatten().filter_map(|keep| keep.job.as_mut());
    for job in keeps.chain(world.db.copy.as_mut()).chain(world.db.write_back.as_mut()) {
        job.lease = job.lease.map(|agent| 1 - agent);
    }
    world.agents[0] != world.agents[1]
}

fn named(mut world: World, ordered: bool) -> World {
    // Names that only bits hold could be given to something else.
    visit(&mut world, &mut InUse::default());
    let revisions = if ordered { in_order(&mut world) } else { [None; 64] };
    let mut keys = Keys::default();
    visit_places(&mut world, &mut keys);
    let mut renaming = Renaming { contents: [None; 16], next_content: EMPTY + 1, revisions, next_revision: 1 };
    visit_places(&mut world, &mut renaming);
    move_keys(&mut world, keys, &renaming);
    visit_tables(&mut world, &mut renaming);
    world
}

/// Puts every table's rows under their new keys. The keys that no place names are told apart by what tables hold under them.
fn move_keys(world: &mut World, mut keys: Keys, renaming: &Renaming) {
    let mut rest: Vec<usize> = (0..KEYS).filter(|key| keys.new[*key].is_none()).collect();
    rest.sort_by_key(|key| std::cmp::Reverse(shape(world, *key, renaming)));
    rest.into_iter().for_each(|key| {
        keys.of(key as Key);
    });
    let old = *world;
    for (from, to) in keys.new.into_iter().enumerate() {
        let to = usize::from(to.expect("every key has a new name by now"));
        world.objects[to] = old.objects[from];
        world.flying[to] = old.flying[from];
        move_key(&mut world.db, &old.db, from, to);
        for (new, old) in world.backups.iter_mut().zip(&old.backups) {
            if let (Some(new), Some(old)) = (new, old) {
                move_key(new, old, from, to);
            }
        }
    }
}

fn move_key(new: &mut Database, old: &Database, from: usize, to: usize) {
    new.versions[to] = old.versions[from];
    new.uploads[to] = old.uploads[from];
}

/// Contents that no place names yet are all one here.
fn shape(world: &World, key: usize, renaming: &Renaming) -> impl Ord + use<> {
    let name = |content: Content| {
        let is_fixed = content == EMPTY || content >= NOTHING;
        if is_fixed { Some(content) } else { renaming.contents[usize::from(content)] }
    };
    let noted = |db: Option<&Database>| db.map(|db| (db.uploads[key], db.versions[key].map(name)));
    let [one, other] = &world.backups;
    let stored = (world.objects[key].map(name), world.flying[key].map(name));
    (noted(Some(&world.db)), stored, noted(one.as_ref()), noted(other.as_ref()))
}

/// New revisions in the order of the old ones; the counters move along.
fn in_order(world: &mut World) -> [Option<Revision>; 64] {
    let mut revisions = InUse::of(world).revisions | 1 << world.db.counter;
    world.backups.iter().flatten().for_each(|backup| revisions |= 1 << backup.counter);
    let mut new = [None; 64];
    let in_use = (0..64_u8).filter(|revision| revisions & (1 << revision) != 0);
    in_use.zip(0..).for_each(|(old, number)| new[usize::from(old)] = Some(number));
    let renamed = |counter: Revision| new[usize::from(counter)].expect("counters are in use");
    world.db.counter = renamed(world.db.counter);
    world.backups.iter_mut().flatten().for_each(|backup| backup.counter = renamed(backup.counter));
    new
}
