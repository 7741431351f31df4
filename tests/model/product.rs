//! The bridge to the product: builds its own values from the model's small numbers, and asks its own functions. No rule of the product
//! is written down here a second time.

use std::cell::RefCell;
use std::collections::HashMap;

use sluss::model::content::{ContentHash, Fingerprint, PieceSums};
use sluss::model::document::{Attributes, ContentColumn, DocRow, Document, Holder, Repair, SqlContent, State};
use sluss::model::id::{DocId, DocKey, ObjectId, ObjectRef};
use sluss::model::job::JobKind;
use sluss::model::location::{Labels, Location};
use sluss::model::phase::Phase;
use sluss::model::purge::{Purgeable, judge};
use sluss::model::stamp::{Epoch, Revision, Stamp};

use super::config::{Break, Config};
use super::world::{self, Database, EMPTY, KEYS, Key};

/// What the product makes of one look-up.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub visible: bool,
    pub holder: Holder,
    pub stamp: Option<world::Stamp>,
    pub repair: Option<Repair>,
    pub needs_copy: bool,
    pub needs_write_back: bool,
    /// Its content may leave SQL, as far as the rows say.
    pub purgeable: bool,
}

/// All that an answer depends on.
#[derive(PartialEq, Eq, Hash)]
struct Question {
    row: Option<world::Row>,
    location: Option<world::Location>,
    phase: Phase,
    epoch: u8,
    not_null: bool,
    mirror: bool,
}

thread_local! {
    // The product's values own text. A few thousand questions come up again millions of times.
    static ANSWERS: RefCell<HashMap<Question, View>> = RefCell::default();
}

pub fn look(db: &Database, config: &Config) -> View {
    // A stamp without its epoch is one that says the same in each.
    let epoch = if config.breaks(Break::StampWithoutEpoch) { 1 } else { db.epoch };
    let question = Question {
        row: db.row,
        location: db.location,
        phase: db.phase,
        epoch,
        not_null: config.column == ContentColumn::NotNull,
        mirror: config.mirror,
    };
    ANSWERS.with_borrow_mut(|answers| match answers.get(&question) {
        Some(view) => *view,
        None => {
            let view = ask(&question, config);
            answers.insert(question, view);
            view
        }
    })
}

fn ask(question: &Question, config: &Config) -> View {
    let row = DocRow {
        key: DocKey { tenant: "acme".parse().expect("a name"), collection: "documents".parse().expect("a name"), id: DocId::Integer(1) },
        state: State { phase: question.phase, epoch: Epoch(question.epoch.into()), read_only: false },
        document: question.row.map(|row| document(row, config.column)),
        location: question.location.map(location),
        inline: None,
    };
    let truth = row.truth();
    View {
        visible: truth.visible,
        holder: truth.holder,
        stamp: truth.stamp.as_ref().map(stamp_of),
        repair: truth.repair,
        needs_copy: row.needs(JobKind::Copy, question.mirror),
        needs_write_back: row.needs(JobKind::WriteBack, question.mirror),
        purgeable: matches!(judge(&row, jiff::Timestamp::UNIX_EPOCH), Purgeable::Yes { .. }),
    }
}

fn document(row: world::Row, column: ContentColumn) -> Document {
    Document {
        revision: Revision(row.revision.into()),
        content: SqlContent::of_length(row.content.map(length_bytes)),
        column,
        soft_deleted: row.marked,
        attributes: Attributes::default(),
    }
}

fn location(location: world::Location) -> Location {
    Location {
        object: location.key.map(|key| ObjectRef { placement: "local".parse().expect("a name"), id: object_id(key) }),
        stamp: match location.stamp {
            world::Stamp::Row { epoch, revision } => Stamp::Row { epoch: Epoch(epoch.into()), revision: Revision(revision.into()) },
            world::Stamp::Object(key) => Stamp::Object(object_id(key)),
        },
        content: Fingerprint {
            length_bytes: length_bytes(location.content),
            sha256: ContentHash([location.content; 32]),
            pieces: PieceSums::default(),
        },
        revision: Revision(location.revision.into()),
        sole: location.sole,
        labels: Labels::default(),
        held_from: jiff::Timestamp::UNIX_EPOCH,
        verified_at: location.verified.then_some(jiff::Timestamp::UNIX_EPOCH),
    }
}

/// All contents but the empty one are of one length: nothing may hang on lengths that differ.
fn length_bytes(content: world::Content) -> u64 {
    u64::from(content != EMPTY)
}

fn object_id(key: Key) -> ObjectId {
    format!("0190a000-0000-7000-8000-0000000000{key:02x}").parse().expect("a UUID")
}

fn stamp_of(stamp: &Stamp) -> world::Stamp {
    match stamp {
        Stamp::Row { epoch, revision } => {
            let small = |number: u64| u8::try_from(number).expect("the model's own numbers are small");
            world::Stamp::Row { epoch: small(epoch.0), revision: small(revision.0) }
        }
        Stamp::Object(id) => {
            let key = (0..KEYS as Key).find(|key| object_id(*key) == *id);
            world::Stamp::Object(key.expect("the model's own keys come back"))
        }
    }
}
