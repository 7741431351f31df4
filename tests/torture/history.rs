//! What everybody asked and was told, with the times, on one clock. It recognises contents by their bytes, and judges nothing but that.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use sluss::model::phase::Phase;

use super::linear::{self, Op, Verdict};
use super::model::{ContentId, EMPTY, Event, Facts, Raw, Straight, Tag};
use super::script::{Act, Ask, ContentSpec, Script, Statement};
use super::stores::Column;

pub struct History {
    clock: AtomicU64,
    contents: Vec<ContentSpec>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    ops: BTreeMap<u32, Vec<(Op, String)>>,
    tags: HashMap<String, Tag>,
    facts: Facts,
    last_tag: HashMap<u32, (String, Tag)>,
    parts: Vec<Part>,
    violations: Vec<String>,
    /// The last moment at which the tenant may have been in `sql`, where nothing is kept.
    sql_until: u64,
}

/// All that was noted of one document.
pub struct Told {
    pub ops: Vec<(Op, String)>,
    pub facts: Facts,
    pub sql_until: u64,
}

/// Some bytes of the content that a tag names.
struct Part {
    document: u32,
    tag: Tag,
    offset: u64,
    bytes: Vec<u8>,
}

/// How one document's history was judged.
pub struct Judged {
    pub decided: bool,
    pub violation: Option<String>,
}

impl History {
    pub fn of(script: &Script) -> Self {
        let mut contents: Vec<ContentSpec> = script.steps.iter().filter_map(|step| whole_content(&step.act)).collect();
        contents.push(ContentSpec { id: EMPTY, length: 0 });
        let facts = Facts { lengths: contents.iter().map(|content| (content.id, content.length)).collect(), named: HashMap::new() };
        let sql_until = if script.phase == Phase::Sql { u64::MAX } else { 0 };
        // Moments begin behind that.
        Self { clock: AtomicU64::new(1), contents, noted: Mutex::new(Noted { facts, sql_until, ..Noted::default() }) }
    }

    /// A moment of its own: no two are the same.
    pub fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap()
    }

    pub fn violation(&self, text: impl Into<String>) {
        self.noted().violations.push(text.into());
    }

    pub fn violations(&self) -> Vec<String> {
        self.noted().violations.clone()
    }

    /// `back`: `None` where it is not known what happened.
    pub fn note(&self, who: &str, document: u32, call: u64, back: Option<u64>, event: Event) {
        let mut noted = self.noted();
        if let Event::Wrote { content, tag, .. } | Event::Read { content, tag } = event {
            noted.name(document, tag, content);
        }
        noted.ops.entry(document).or_default().push((Op { call, back, event }, who.to_owned()));
    }

    /// What somebody found this tag to name.
    pub fn named(&self, document: u32, tag: Tag, content: ContentId) {
        self.noted().name(document, tag, content);
    }

    /// The document's own tag at the moment.
    pub fn tag(&self, document: u32, text: &str) -> Tag {
        let tag = self.tag_of(text);
        self.noted().last_tag.insert(document, (text.to_owned(), tag));
        tag
    }

    /// The tag of any content, a version's too.
    pub fn tag_of(&self, text: &str) -> Tag {
        let mut noted = self.noted();
        let next = noted.tags.len() as Tag + 1;
        *noted.tags.entry(text.to_owned()).or_insert(next)
    }

    /// From now on the tenant may be in `sql`.
    pub fn sql_begins(&self) {
        self.noted().sql_until = u64::MAX;
    }

    /// By now it is not.
    pub fn sql_has_ended(&self) {
        let now = self.now();
        self.noted().sql_until = now;
    }

    /// The tag that anybody saw last.
    pub fn last_tag(&self, document: u32) -> Option<(String, Tag)> {
        self.noted().last_tag.get(&document).cloned()
    }

    pub fn part(&self, document: u32, tag: Tag, offset: u64, bytes: Vec<u8>) {
        self.noted().parts.push(Part { document, tag, offset, bytes });
    }

    /// The content that these bytes are; `None`: no content that anybody wrote.
    pub fn identify(&self, bytes: &[u8]) -> Option<ContentSpec> {
        let starts = |content: &&ContentSpec| content.pattern().matches(0, &bytes[..bytes.len().min(16)]);
        let mut candidates = self.contents.iter().filter(|content| content.length == bytes.len() as u64).filter(starts);
        candidates.find(|content| content.pattern().matches(0, bytes)).copied()
    }

    pub fn raw(&self, who: &str, document: u32, column: &Column) -> Option<Raw> {
        match column {
            Column::NoRow => Some(Raw::NoRow),
            Column::Null => Some(Raw::Null),
            Column::Bytes(bytes) => {
                let content = self.identify(bytes);
                if content.is_none() {
                    self.violation(format!("{who} found {} bytes of no content in the row of document {document}", bytes.len()));
                }
                content.map(|content| Raw::Content(content.id))
            }
        }
    }

    /// Parts belong to the contents that their tags name.
    pub fn judge_parts(&self) {
        let mut noted = self.noted();
        let wrong: Vec<String> = noted.parts.iter().filter_map(|part| self.judge_part(&noted.facts, part)).collect();
        noted.violations.extend(wrong);
    }

    fn judge_part(&self, facts: &Facts, part: &Part) -> Option<String> {
        let named = facts.named.get(&part.tag);
        let mut possible = self.contents.iter().filter(|content| named.is_none_or(|named| *named == content.id));
        let fits = part.bytes.is_empty() || possible.any(|content| content.pattern().matches(part.offset, &part.bytes));
        (!fits).then(|| {
            let (length, offset) = (part.bytes.len(), part.offset);
            format!(
                "document {}: {length} bytes from {offset} on under tag {} are of another content than {named:?}",
                part.document, part.tag
            )
        })
    }

    pub fn told(&self, document: u32) -> Told {
        let noted = self.noted();
        Told { ops: noted.ops.get(&document).cloned().unwrap_or_default(), facts: noted.facts.clone(), sql_until: noted.sql_until }
    }

    pub fn judge(&self, document: u32) -> Judged {
        let Told { ops, facts, .. } = self.told(document);
        let history: Vec<Op> = ops.iter().map(|(op, _)| *op).collect();
        match linear::check(&history, &facts) {
            Verdict::Linearizable => Judged { decided: true, violation: None },
            Verdict::Undecided => Judged { decided: false, violation: None },
            Verdict::Violation { left, at } => {
                let text = format!("the history of document {document} is not linearizable; the longest order ends in {at:?}\n");
                Judged { decided: true, violation: Some(text + &listed(&ops, &left)) }
            }
        }
    }

    pub fn unanswered(&self) -> u64 {
        self.noted().ops.values().flatten().filter(|(op, _)| op.back.is_none()).count() as u64
    }
}

impl Noted {
    fn name(&mut self, document: u32, tag: Tag, content: ContentId) {
        let named = *self.facts.named.entry(tag).or_insert(content);
        if named != content {
            self.violations.push(format!("document {document}: one entity tag names contents {named} and {content}"));
        }
    }
}

impl Told {
    /// Only clients of the gateway have changed it, so that nothing of it is in doubt.
    pub fn is_only_by_clients(&self) -> bool {
        !self.ops.iter().any(|(op, _)| matches!(op.event, Event::Straight { what, .. } if what != Straight::Peek))
    }

    /// Whether this is what a change without a known outcome leaves behind.
    pub fn may_have_landed(&self, content: Option<ContentId>) -> bool {
        self.ops.iter().filter(|(op, _)| op.back.is_none()).any(|(op, _)| match op.event {
            Event::Write { content: written, .. } => content == Some(written),
            Event::Restore { of, .. } => content.is_some() && self.facts.named.get(&of).copied() == content,
            Event::Delete { .. } => content.is_none(),
            Event::Wrote { .. } | Event::Deleted { .. } | Event::NothingToDelete | Event::Unmet { .. } | Event::Read { .. } => false,
            Event::Head { .. } | Event::NotThere | Event::NotModified { .. } | Event::Straight { .. } => false,
            Event::Restored { .. } | Event::Returned { .. } => false,
        })
    }
}

/// Lines of a listing after its first `!`: what follows is seldom of interest.
const LISTED_AFTER: usize = 12;

/// In the order of their answers; `!` marks what no order had room for.
fn listed(ops: &[(Op, String)], left: &[usize]) -> String {
    let mut order: Vec<usize> = (0..ops.len()).collect();
    order.sort_by_key(|at| (ops[*at].0.back.unwrap_or(u64::MAX), ops[*at].0.call));
    let line = |at: usize| {
        let (op, who) = &ops[at];
        let (mark, back) = (if left.contains(&at) { '!' } else { ' ' }, op.back.map_or_else(|| "-".to_owned(), |back| back.to_string()));
        format!("  {mark} {:>5} to {back:>5} {who:<12} {:?}\n", op.call, op.event)
    };
    let first = order.iter().position(|at| left.contains(at)).unwrap_or_default();
    order.into_iter().take(first + LISTED_AFTER).map(line).collect()
}

/// What a step may bring into the document; a client that breaks off may not.
fn whole_content(act: &Act) -> Option<ContentSpec> {
    match act {
        Act::Ask { ask: Ask::Put(content, _), .. } | Act::Sql { statement: Statement::Update(content), .. } => Some(*content),
        Act::Sql { statement: Statement::Insert(content) | Statement::Replace(content), .. } => *content,
        Act::Ask { .. } | Act::Sql { .. } | Act::Flip(_) | Act::Sweep | Act::Verify | Act::Purge | Act::Collect | Act::Kill { .. } => None,
        Act::Mark | Act::Return(_) => None,
    }
}
