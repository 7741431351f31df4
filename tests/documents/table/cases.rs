//! What is asked: the axes of the table, and a request for each of its cases.

use super::stage::Doc;
use crate::wire::Ask;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Put,
    Delete,
}

impl Method {
    pub fn changes(self) -> bool {
        matches!(self, Self::Put | Self::Delete)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Before, in, or after the second of the document's last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Older,
    Equal,
    Newer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Current,
    Other,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    None,
    Match(Tag),
    NoneMatch(Tag),
    ModifiedSince(Moment),
    UnmodifiedSince(Moment),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Whole,
    Single,
    Several,
    Unsatisfiable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfRange {
    None,
    Tag,
    Date,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    None,
    Right,
    Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is no row.
    Absent,
    /// The empty document.
    Empty,
    /// There is a row with NULL.
    NoContent,
    /// There is a row with content and a mark.
    SoftDeleted,
    Sql,
    Both,
    Sole,
}

impl State {
    pub const ALL: [Self; 7] = [Self::Absent, Self::Empty, Self::NoContent, Self::SoftDeleted, Self::Sql, Self::Both, Self::Sole];

    pub fn is_visible(self) -> bool {
        !matches!(self, Self::Absent | Self::SoftDeleted)
    }

    pub fn has_content(self) -> bool {
        self.is_visible() && self != Self::NoContent
    }
}

/// What a request leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    Written,
    Deleted,
}

#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub method: Method,
    pub state: State,
    pub condition: Condition,
    pub wish: Wish,
    pub if_range: IfRange,
    pub digest: Digest,
}

/// How many cases: the product of all axes of a method, or each axis by itself beside a plain request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Products,
    Crosses,
}

/// What every PUT of the table brings.
pub const NEW: &[u8] = b"what the table writes";

const TAGS: [Tag; 3] = [Tag::Current, Tag::Other, Tag::Any];
const MOMENTS: [Moment; 3] = [Moment::Older, Moment::Equal, Moment::Newer];

fn conditions() -> Vec<Condition> {
    let tags = TAGS.into_iter().flat_map(|tag| [Condition::Match(tag), Condition::NoneMatch(tag)]);
    let moments = MOMENTS.into_iter().flat_map(|moment| [Condition::ModifiedSince(moment), Condition::UnmodifiedSince(moment)]);
    [Condition::None].into_iter().chain(tags).chain(moments).collect()
}

fn selections() -> Vec<(Wish, IfRange)> {
    let wishes = [Wish::Single, Wish::Several, Wish::Unsatisfiable];
    let if_ranges = [IfRange::None, IfRange::Tag, IfRange::Date, IfRange::Other];
    let ranges = wishes.into_iter().flat_map(|wish| if_ranges.map(|if_range| (wish, if_range)));
    [(Wish::Whole, IfRange::None)].into_iter().chain(ranges).collect()
}

fn plain(method: Method, state: State) -> Case {
    Case { method, state, condition: Condition::None, wish: Wish::Whole, if_range: IfRange::None, digest: Digest::None }
}

fn pairs<A: Copy + PartialEq, B: Copy + PartialEq>(extent: Extent, these: &[A], those: &[B]) -> Vec<(A, B)> {
    let all = these.iter().flat_map(|this| those.iter().map(|that| (*this, *that)));
    all.filter(|(this, that)| extent == Extent::Products || *this == these[0] || *that == those[0]).collect()
}

pub fn reads(extent: Extent) -> Vec<Case> {
    let mut cases = Vec::new();
    for state in State::ALL {
        for (condition, (wish, if_range)) in pairs(extent, &conditions(), &selections()) {
            cases.push(Case { condition, wish, if_range, ..plain(Method::Get, state) });
        }
        for (condition, wish) in pairs(extent, &conditions(), &[Wish::Whole, Wish::Single, Wish::Unsatisfiable]) {
            cases.push(Case { condition, wish, ..plain(Method::Head, state) });
        }
    }
    cases
}

pub fn writes(extent: Extent) -> Vec<Case> {
    let mut cases = Vec::new();
    for state in State::ALL {
        for (condition, digest) in pairs(extent, &conditions(), &[Digest::None, Digest::Right, Digest::Wrong]) {
            cases.push(Case { condition, digest, ..plain(Method::Put, state) });
        }
        for condition in conditions() {
            cases.push(Case { condition, ..plain(Method::Delete, state) });
        }
    }
    cases
}

/// 1 March 2026, 08:00:00: when every document of the table was changed last.
pub const MODIFIED: &str = "Sun, 01 Mar 2026 08:00:00 GMT";

fn date(moment: Moment) -> &'static str {
    match moment {
        Moment::Older => "Sun, 01 Mar 2026 07:59:59 GMT",
        Moment::Equal => MODIFIED,
        Moment::Newer => "Sun, 01 Mar 2026 08:00:01 GMT",
    }
}

const OTHER_TAG: &str = "\"r-1-fffffff\"";

fn tag(tag: Tag, doc: &Doc) -> String {
    match tag {
        Tag::Current => doc.etag.clone(),
        Tag::Other => OTHER_TAG.to_owned(),
        Tag::Any => "*".to_owned(),
    }
}

pub fn ask(case: &Case, doc: &Doc) -> Ask {
    let mut ask = match case.method {
        Method::Put => Ask::put(&doc.path, NEW),
        Method::Get | Method::Head | Method::Delete => Ask::new(case.method.name(), &doc.path),
    };
    ask = match case.condition {
        Condition::None => ask,
        Condition::Match(wanted) => ask.with("If-Match", tag(wanted, doc)),
        Condition::NoneMatch(wanted) => ask.with("If-None-Match", tag(wanted, doc)),
        Condition::ModifiedSince(moment) => ask.with("If-Modified-Since", date(moment)),
        Condition::UnmodifiedSince(moment) => ask.with("If-Unmodified-Since", date(moment)),
    };
    ask = match case.wish {
        Wish::Whole => ask,
        Wish::Single => ask.with("Range", "bytes=10-19"),
        Wish::Several => ask.with("Range", "bytes=0-4, 100-199,-7"),
        Wish::Unsatisfiable => ask.with("Range", "bytes=900000-,-0"),
    };
    ask = match case.if_range {
        IfRange::None => ask,
        IfRange::Tag => ask.with("If-Range", &doc.etag),
        IfRange::Date => ask.with("If-Range", MODIFIED),
        IfRange::Other => ask.with("If-Range", OTHER_TAG),
    };
    match case.digest {
        Digest::None => ask,
        Digest::Right => ask.with("Content-Digest", super::rfc::digest(NEW)),
        Digest::Wrong => ask.with("Content-Digest", super::rfc::digest(b"something else")),
    }
}
