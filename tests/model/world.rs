//! One document and all that is known of it: the tenant's database, the object store, the processes at work. Small numbers stand for
//! keys, contents and revisions. It holds what is, and decides nothing.

use sluss::model::document::Repair;
use sluss::model::phase::Phase;

/// Objects that can be told apart at once.
pub const KEYS: usize = 4;

pub type Key = u8;
pub type Content = u8;
pub type Revision = u8;

/// Contents with a meaning of their own; the numbers between are names.
pub const EMPTY: Content = 0;
pub const NOTHING: Content = 13;
pub const DAMAGED: Content = 14;
pub const MIXED: Content = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stamp {
    Row { epoch: u8, revision: Revision },
    Object(Key),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub revision: Revision,
    /// `None`: NULL.
    pub content: Option<Content>,
    pub marked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    pub key: Option<Key>,
    pub stamp: Stamp,
    pub content: Content,
    pub revision: Revision,
    pub sole: bool,
    pub verified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    Write,
    Copy,
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UploadState {
    Open,
    Condemned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Upload {
    pub purpose: Purpose,
    pub epoch: u8,
    pub state: UploadState,
}

/// A row of staging on its way to SQL: its pieces so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    pub epoch: u8,
    pub pieces: [Option<Content>; 2],
}

/// A row of staging that holds history, with its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keep {
    pub content: Content,
    /// `None`: nobody was ever asked to keep it.
    pub job: Option<Job>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Job {
    /// The agent that holds the lease.
    pub lease: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Copy,
    WriteBack,
    Keep(u8),
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Copy, Self::WriteBack, Self::Keep(0), Self::Keep(1), Self::Keep(2)];
}

/// What every observer would agree on: the last change that anybody made to the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Agreed {
    pub exists: bool,
    pub marked: bool,
    /// `NOTHING` where there is no content.
    pub content: Content,
}

/// The tenant's own database, which a backup holds as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Database {
    pub phase: Phase,
    pub epoch: u8,
    /// The last revision given out. It counts only where restores are modelled.
    pub counter: Revision,
    pub row: Option<Row>,
    pub location: Option<Location>,
    pub versions: [Option<Content>; KEYS],
    pub uploads: [Option<Upload>; KEYS],
    pub staging: [Option<Attempt>; 2],
    pub keeps: [Option<Keep>; 3],
    pub copy: Option<Job>,
    pub write_back: Option<Job>,
    /// A sweep is due: after a flip, or a change straight in SQL.
    pub unswept: bool,
    pub agreed: Agreed,
    /// Contents that history owes, one bit each.
    pub owed: u16,
}

/// Where a read is, or was going to, find its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    Sql(Revision),
    Object(Key),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Read {
    pub stamp: Stamp,
    pub source: Source,
    pub first: Option<Content>,
    /// All that the document was since the read began, one bit each: what it may answer.
    pub allowed: u16,
}

/// A gateway and the one request it works on, with what it remembers of its look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gateway {
    Idle,
    Put {
        phase: Phase,
        epoch: u8,
        if_match: Option<(Stamp, Content)>,
    },
    Staging {
        attempt: u8,
        epoch: u8,
        phase: Phase,
        content: Content,
        pieces: u8,
    },
    /// `stored`: the store has said that it has the object, which may be gone again.
    Uploading {
        key: Key,
        epoch: u8,
        phase: Phase,
        content: Content,
        stored: bool,
        if_match: Option<(Stamp, Content)>,
    },
    Deleting {
        phase: Phase,
        epoch: u8,
    },
    Reading(Read),
    /// The row as a look-up at two instants saw it first: revision, content, mark.
    HalfLook {
        row: Option<(Revision, Option<Content>, bool)>,
        allowed: u16,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cargo {
    Copy { revision: Revision },
    Keep { row: u8 },
}

impl Cargo {
    pub fn kind(self) -> Kind {
        match self {
            Self::Copy { .. } => Kind::Copy,
            Self::Keep { row } => Kind::Keep(row),
        }
    }
}

/// An agent and the one job it works on, with what it remembers of its look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Agent {
    Idle,
    /// It has read the bytes of one revision.
    Copying {
        revision: Revision,
        epoch: u8,
        content: Content,
    },
    /// It has seen that they are the location's own.
    SameBytes {
        revision: Revision,
        epoch: u8,
        key: Option<Key>,
    },
    Keeping {
        row: u8,
        epoch: u8,
        content: Content,
    },
    Uploading {
        cargo: Cargo,
        key: Key,
        epoch: u8,
        content: Content,
        stored: bool,
    },
    /// It has read the object. `attempt`: where the pieces are staged.
    WritingBack {
        stamp: Stamp,
        epoch: u8,
        content: Content,
        attempt: Option<u8>,
    },
    /// It has found the object to be as the location says.
    Verifying {
        key: Key,
    },
    Purging {
        revision: Revision,
        key: Key,
        epoch: u8,
    },
    /// Only where a repair goes by an earlier look.
    Repairing {
        mend: Mend,
    },
    Closing(Kind),
}

/// [`Repair`], as far as anybody acts on it: the product's own type has no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mend {
    BringUpToDate,
    Retire,
}

impl Mend {
    pub fn of(repair: Repair) -> Option<Self> {
        match repair {
            Repair::BringUpToDate => Some(Self::BringUpToDate),
            Repair::RetireWrittenAround | Repair::RetireCleared => Some(Self::Retire),
            Repair::Alarm(_) => None,
        }
    }
}

/// What a single step can do wrong; what a state can have wrong is looked for in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    StaleRead,
    MixedRead,
    LostUpdate,
}

/// How far the tool has come that tells whether the gateway could be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Complete {
    No,
    NoUploadIsOpen,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct World {
    pub db: Database,
    pub backups: [Option<Database>; 2],
    pub objects: [Option<Content>; KEYS],
    /// Uploads that may still land.
    pub flying: [Option<Content>; KEYS],
    pub gateways: [Gateway; 2],
    pub agents: [Agent; 2],
    /// What a client remembers of its last read.
    pub client: Option<(Stamp, Content)>,
    pub highest_epoch: u8,
    pub complete: Complete,
    pub fault: Option<Fault>,
}

pub fn bit(content: Content) -> u16 {
    1 << content
}

impl World {
    /// Before the first document.
    pub fn begin(phase: Phase) -> Self {
        let db = Database {
            phase,
            epoch: 1,
            counter: 0,
            row: None,
            location: None,
            versions: [None; KEYS],
            uploads: [None; KEYS],
            staging: [None; 2],
            keeps: [None; 3],
            copy: None,
            write_back: None,
            unswept: false,
            agreed: Agreed { exists: false, marked: false, content: NOTHING },
            owed: 0,
        };
        Self {
            db,
            backups: [None; 2],
            objects: [None; KEYS],
            flying: [None; KEYS],
            gateways: [Gateway::Idle; 2],
            agents: [Agent::Idle; 2],
            client: None,
            highest_epoch: 1,
            complete: Complete::No,
            fault: None,
        }
    }
}

impl World {
    pub fn uploads_mut(&mut self, key: Key) -> Option<&mut Upload> {
        self.db.uploads[usize::from(key)].as_mut()
    }

    /// Whether a backup that may still be restored names this key.
    pub fn is_backed_up(&self, key: Key) -> bool {
        self.backups.iter().flatten().any(|backup| backup.names(key))
    }
}

impl Agreed {
    /// What a read would have to answer at this instant.
    pub fn answer(&self) -> Content {
        if self.exists && !self.marked { self.content } else { NOTHING }
    }
}

impl Database {
    pub fn job(&mut self, kind: Kind) -> Option<&mut Job> {
        match kind {
            Kind::Copy => self.copy.as_mut(),
            Kind::WriteBack => self.write_back.as_mut(),
            Kind::Keep(row) => self.keeps[usize::from(row)].as_mut().and_then(|keep| keep.job.as_mut()),
        }
    }

    pub fn names(&self, key: Key) -> bool {
        self.location.is_some_and(|location| location.key == Some(key)) || self.versions[usize::from(key)].is_some()
    }
}
