//! What RFC 9110 and RFC 9530 say about a case, written from their text, and whether an answer is that.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::cases::{Case, Condition, Digest, Effect, IfRange, MODIFIED, Method, Moment, State, Tag, Wish};
use super::stage::{Doc, MEDIA_TYPE};
use crate::wire::Answer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 200 with the content, or to HEAD without it.
    Whole {
        head: bool,
    },
    Part,
    Parts,
    NotModified,
    Created,
    Replaced,
    Deleted,
    NotFound,
    PreconditionFailed,
    Unsatisfiable,
    DigestMismatch,
}

impl Verdict {
    pub fn effect(self) -> Effect {
        match self {
            Self::Created | Self::Replaced => Effect::Written,
            Self::Deleted => Effect::Deleted,
            Self::Whole { .. }
            | Self::Part
            | Self::Parts
            | Self::NotModified
            | Self::NotFound
            | Self::PreconditionFailed
            | Self::Unsatisfiable
            | Self::DigestMismatch => Effect::Nothing,
        }
    }

    pub fn sends_document(self) -> bool {
        matches!(self, Self::Whole { .. } | Self::Part | Self::Parts)
    }
}

fn tag_matches(tag: Tag, has_content: bool) -> bool {
    has_content && tag != Tag::Other
}

/// RFC 9110, 13.2: what is refused without a condition first, then the conditions in their order, then the range or the body.
pub fn verdict(case: &Case) -> Verdict {
    let has_content = case.state.has_content();
    let reads = !case.method.changes();
    let is_there = match case.method {
        Method::Get | Method::Head => has_content,
        Method::Delete => case.state.is_visible(),
        Method::Put => true,
    };
    if !is_there {
        return Verdict::NotFound;
    }
    match case.condition {
        Condition::Match(tag) if !tag_matches(tag, has_content) => return Verdict::PreconditionFailed,
        Condition::UnmodifiedSince(Moment::Older) if has_content => return Verdict::PreconditionFailed,
        Condition::NoneMatch(tag) if tag_matches(tag, has_content) => {
            return if reads { Verdict::NotModified } else { Verdict::PreconditionFailed };
        }
        Condition::ModifiedSince(Moment::Equal | Moment::Newer) if reads => return Verdict::NotModified,
        Condition::None | Condition::Match(_) | Condition::NoneMatch(_) | Condition::ModifiedSince(_) | Condition::UnmodifiedSince(_) => {}
    }
    match case.method {
        Method::Put if case.digest == Digest::Wrong => Verdict::DigestMismatch,
        Method::Put if has_content => Verdict::Replaced,
        Method::Put => Verdict::Created,
        Method::Delete => Verdict::Deleted,
        Method::Head => Verdict::Whole { head: true },
        Method::Get if case.if_range == IfRange::Other => Verdict::Whole { head: false },
        Method::Get => match case.wish {
            Wish::Whole => Verdict::Whole { head: false },
            Wish::Unsatisfiable => Verdict::Unsatisfiable,
            Wish::Single if case.state == State::Empty => Verdict::Unsatisfiable,
            // A suffix can always be satisfied, of nothing by nothing: there is no part to speak of.
            Wish::Several if case.state == State::Empty => Verdict::Whole { head: false },
            Wish::Single => Verdict::Part,
            Wish::Several => Verdict::Parts,
        },
    }
}

pub fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?} and not {expected:?}")) }
}

pub fn digest(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(content)))
}

type Headers = BTreeMap<String, String>;

pub fn check(verdict: &Verdict, doc: &Doc, answer: &Answer) -> Result<(), String> {
    same("whole", &answer.whole, &true)?;
    match verdict {
        Verdict::Whole { head } => {
            let digested = if *head { vec!["repr-digest"] } else { vec!["content-digest", "repr-digest"] };
            let expected =
                headers(doc, &digested, &[("content-length", doc.content.len().to_string()), ("content-type", MEDIA_TYPE.to_owned())]);
            exactly(answer, 200, &expected)?;
            let sent: &[u8] = if *head { &[] } else { &doc.content };
            same("body", &answer.body.as_slice(), &sent)
        }
        Verdict::Part => {
            let range = format!("bytes 10-19/{}", doc.content.len());
            let own = [("content-length", "10".to_owned()), ("content-range", range), ("content-type", MEDIA_TYPE.to_owned())];
            exactly(answer, 206, &headers(doc, &["repr-digest"], &own))?;
            same("body", &answer.body.as_slice(), &&doc.content[10..20])
        }
        Verdict::Parts => {
            let (length, kind) = (answer.header("content-length").to_owned(), answer.header("content-type").to_owned());
            same("content-length", &length, &answer.body.len().to_string())?;
            let boundary = kind.strip_prefix("multipart/byteranges; boundary=").ok_or("no multipart")?;
            exactly(answer, 206, &headers(doc, &["repr-digest"], &[("content-length", length), ("content-type", kind.clone())]))?;
            let end = doc.content.len();
            same("body", &answer.body, &multipart(boundary, doc, &[0..5, 100..200, end - 7..end]))
        }
        Verdict::NotModified => exactly(answer, 304, &validators(doc)),
        Verdict::Created => same("status", &answer.status, &201),
        Verdict::Replaced | Verdict::Deleted => same("status", &answer.status, &204),
        Verdict::NotFound => problem(answer, 404, "not-found"),
        Verdict::PreconditionFailed => problem(answer, 412, "precondition-failed"),
        Verdict::DigestMismatch => problem(answer, 400, "digest-mismatch"),
        Verdict::Unsatisfiable => {
            problem(answer, 416, "range-not-satisfiable")?;
            same("content-range", &answer.header("content-range"), &format!("bytes */{}", doc.content.len()).as_str())
        }
    }
}

fn validators(doc: &Doc) -> Headers {
    let headers = [("etag", doc.etag.as_str()), ("last-modified", MODIFIED), ("cache-control", "private, no-cache")];
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// `digested`: the headers that carry the document's SHA-256 where it is known, which is where an object was made.
fn headers(doc: &Doc, digested: &[&str], own: &[(&str, String)]) -> Headers {
    let mut headers = validators(doc);
    headers.extend(own.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    headers.insert("accept-ranges".to_owned(), "bytes".to_owned());
    headers.insert("x-content-type-options".to_owned(), "nosniff".to_owned());
    headers.insert("content-disposition".to_owned(), "attachment; filename=\"a.txt\"".to_owned());
    if matches!(doc.state, State::Both | State::Sole) {
        headers.extend(digested.iter().map(|name| ((*name).to_owned(), digest(&doc.content))));
    }
    headers
}

fn exactly(answer: &Answer, status: u16, expected: &Headers) -> Result<(), String> {
    same("status", &answer.status, &status)?;
    let found: Headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id", "served-from"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    same("headers", &found, expected)
}

fn problem(answer: &Answer, status: u16, label: &str) -> Result<(), String> {
    same("status", &answer.status, &status)?;
    same("content-type", &answer.header("content-type"), &"application/problem+json")?;
    if answer.body.is_empty() {
        // To HEAD.
        return Ok(());
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    same("type", &body["type"], &format!("urn:sluss:problem:{label}").into())
}

/// RFC 2046, 5.1.1.
fn multipart(boundary: &str, doc: &Doc, ranges: &[Range<usize>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (place, range) in ranges.iter().enumerate() {
        let (before, length) = (if place == 0 { "" } else { "\r\n" }, doc.content.len());
        let head = format!(
            "{before}--{boundary}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Range: bytes {}-{}/{length}\r\n\r\n",
            range.start,
            range.end - 1
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&doc.content[range.clone()]);
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}
