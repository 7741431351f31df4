//! One document as everybody sees it: a sequential object, and what each answer says of it. It knows nothing of phases or stores.

use std::collections::HashMap;

/// A content's name in a script. Every write has one of its own, but for the empty content, which all writes share.
pub type ContentId = u32;

/// An entity tag's number in a history, from 1 on.
pub type Tag = u32;

pub const EMPTY: ContentId = 0;

/// A document's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doc {
    Absent,
    /// A row without content.
    Null,
    Content(Held),
}

/// A content and how it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    pub id: ContentId,
    /// `None`: nobody has seen its tag yet; the first one that does binds it.
    pub tag: Option<Tag>,
    /// A content that only the object store held when this one was written around it, straight to SQL. The protocol exempts this one
    /// case: cleared again before a sweep saw it, the content beneath comes back.
    pub under: Option<ContentId>,
}

/// What a client asked of the document before its change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    None,
    /// `If-Match` with one tag.
    Match(Tag),
    /// `If-None-Match: *`.
    Absent,
}

/// What another program of the customer's does to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Straight {
    Update(ContentId),
    /// The content to NULL.
    Clear,
    /// Another column than the content's.
    Touch,
    Delete,
    /// Where there is no row; with or without content.
    Insert(Option<ContentId>),
    /// `INSERT OR REPLACE`.
    Replace(Option<ContentId>),
    /// Reads the content column.
    Peek,
}

/// The row as that program saw it before its change, in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Raw {
    NoRow,
    Null,
    Content(ContentId),
}

/// A request with its answer, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    Wrote {
        content: ContentId,
        tag: Tag,
        created: bool,
        condition: Condition,
    },
    /// A PUT without a known outcome.
    Write {
        content: ContentId,
        condition: Condition,
    },
    Deleted {
        condition: Condition,
    },
    /// A DELETE without a known outcome.
    Delete {
        condition: Condition,
    },
    NothingToDelete,
    Unmet {
        condition: Condition,
    },
    Read {
        content: ContentId,
        tag: Tag,
    },
    /// A HEAD, or a read that broke off: length and tag of what was there.
    Head {
        length: u64,
        tag: Tag,
    },
    /// 404 for a read.
    NotThere,
    NotModified {
        tag: Tag,
    },
    Straight {
        what: Straight,
        before: Raw,
    },
    /// What one tag names was made current again, under another tag.
    Restored {
        of: Tag,
        tag: Tag,
        condition: Condition,
    },
    /// The same without a known outcome.
    Restore {
        of: Tag,
        condition: Condition,
    },
    /// A restore of the tenant to an instant has ended, and left this content, or none.
    Returned {
        to: Option<ContentId>,
    },
}

/// What holds for a whole history.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub lengths: HashMap<ContentId, u64>,
    /// Which content a tag names, where somebody saw both together.
    pub named: HashMap<Tag, ContentId>,
}

impl Facts {
    /// The content with its tag bound, if it can be the one.
    fn bind(&self, held: Held, tag: Tag) -> Option<Held> {
        let may_name = self.named.get(&tag).is_none_or(|content| *content == held.id);
        match held.tag {
            Some(bound) => (bound == tag).then_some(held),
            None => may_name.then_some(Held { tag: Some(tag), ..held }),
        }
    }

    fn meets(&self, doc: Doc, condition: Condition) -> bool {
        match (condition, doc) {
            (Condition::None, _) => true,
            (Condition::Match(tag), Doc::Content(held)) => self.bind(held, tag).is_some(),
            (Condition::Absent, Doc::Absent | Doc::Null) => true,
            (Condition::Match(_), Doc::Absent | Doc::Null) | (Condition::Absent, Doc::Content(_)) => false,
        }
    }

    fn may_fail(doc: Doc, condition: Condition) -> bool {
        match (condition, doc) {
            (Condition::None, _) | (Condition::Absent, Doc::Absent | Doc::Null) => false,
            (Condition::Match(tag), Doc::Content(held)) => held.tag != Some(tag),
            (Condition::Match(_), Doc::Absent | Doc::Null) | (Condition::Absent, Doc::Content(_)) => true,
        }
    }

    /// The states that the document may be in after this event; none where the event cannot happen in this one.
    pub fn after(&self, doc: Doc, event: Event) -> Vec<Doc> {
        match event {
            Event::Wrote { content, tag, created, condition } => {
                let fits = self.meets(doc, condition) && created != matches!(doc, Doc::Content(_));
                only(fits, Doc::Content(Held { id: content, tag: Some(tag), under: None }))
            }
            Event::Write { content, condition } => {
                only(self.meets(doc, condition), Doc::Content(Held { id: content, tag: None, under: None }))
            }
            Event::Deleted { condition } | Event::Delete { condition } => {
                only(doc != Doc::Absent && self.meets(doc, condition), Doc::Absent)
            }
            Event::NothingToDelete => only(doc == Doc::Absent, doc),
            Event::Unmet { condition } => only(Self::may_fail(doc, condition), doc),
            Event::Read { content, tag } => self.seen(doc, tag, |held| held.id == content),
            Event::Head { length, tag } => self.seen(doc, tag, |held| self.lengths.get(&held.id) == Some(&length)),
            Event::NotModified { tag } => self.seen(doc, tag, |_| true),
            Event::NotThere => only(matches!(doc, Doc::Absent | Doc::Null), doc),
            Event::Straight { what, before } => after_straight(doc, what, before),
            Event::Restored { of, tag, condition } => self.restored(doc, of, Some(tag), condition),
            Event::Restore { of, condition } => self.restored(doc, of, None, condition),
            Event::Returned { to: Some(id) } => {
                let unchanged = Some(doc).filter(|doc| matches!(doc, Doc::Content(held) if held.id == id));
                unchanged.into_iter().chain([Doc::Content(Held { id, tag: None, under: None })]).collect()
            }
            // Where there was no content, nothing is done.
            Event::Returned { to: None } => vec![if matches!(doc, Doc::Content(_)) { Doc::Absent } else { doc }],
        }
    }

    /// What a tag names that nobody has seen together with its content cannot be made current.
    fn restored(&self, doc: Doc, of: Tag, tag: Option<Tag>, condition: Condition) -> Vec<Doc> {
        let fresh = self.named.get(&of).map(|id| Held { id: *id, tag: None, under: None });
        let held = match tag {
            Some(tag) => fresh.and_then(|held| self.bind(held, tag)),
            None => fresh,
        };
        held.filter(|_| self.meets(doc, condition)).map(Doc::Content).into_iter().collect()
    }

    fn seen(&self, doc: Doc, tag: Tag, fits: impl Fn(Held) -> bool) -> Vec<Doc> {
        let Doc::Content(held) = doc else { return Vec::new() };
        self.bind(held, tag).filter(|held| fits(*held)).map(Doc::Content).into_iter().collect()
    }
}

fn only(fits: bool, doc: Doc) -> Vec<Doc> {
    if fits { vec![doc] } else { Vec::new() }
}

/// The row never holds an old content: what the program saw in it is the current content, or NULL.
fn after_straight(doc: Doc, what: Straight, before: Raw) -> Vec<Doc> {
    let agrees = match (before, doc) {
        (Raw::NoRow, Doc::Absent) | (Raw::Null, Doc::Null | Doc::Content(_)) => true,
        (Raw::Content(content), Doc::Content(held)) => held.id == content,
        (Raw::NoRow, Doc::Null | Doc::Content(_)) | (Raw::Null, Doc::Absent) | (Raw::Content(_), Doc::Absent | Doc::Null) => false,
    };
    if !agrees {
        return Vec::new();
    }
    let fresh = |content: Option<ContentId>| match content {
        Some(id) => Doc::Content(Held { id, tag: None, under: None }),
        None => Doc::Null,
    };
    match (what, before, doc) {
        (Straight::Peek, _, _) | (Straight::Update(_) | Straight::Clear | Straight::Touch | Straight::Delete, Raw::NoRow, _) => vec![doc],
        (Straight::Delete, Raw::Null | Raw::Content(_), _) => vec![Doc::Absent],
        (Straight::Insert(content), Raw::NoRow, _) | (Straight::Replace(content), _, _) => vec![fresh(content)],
        (Straight::Insert(_), Raw::Null | Raw::Content(_), _) => vec![doc],
        // NULL where NULL stood is no change, and other columns leave an object's content and its tag alone.
        (Straight::Clear | Straight::Touch, Raw::Null, _) => vec![doc],
        (Straight::Touch, Raw::Content(_), Doc::Content(held)) => vec![Doc::Content(Held { tag: None, ..held })],
        (Straight::Update(id), Raw::Null, Doc::Content(held)) => vec![Doc::Content(Held { id, tag: None, under: Some(held.id) })],
        (Straight::Update(id), Raw::Content(_), Doc::Content(held)) => vec![Doc::Content(Held { id, tag: None, ..held })],
        (Straight::Update(id), Raw::Null | Raw::Content(_), Doc::Null | Doc::Absent) => vec![fresh(Some(id))],
        (Straight::Clear, Raw::Content(_), Doc::Content(Held { under: Some(under), .. })) => vec![Doc::Null, fresh(Some(under))],
        (Straight::Clear | Straight::Touch, Raw::Content(_), _) => vec![Doc::Null],
    }
}
