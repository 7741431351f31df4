//! One request, from the moment it is sent to its last byte, and whether what came is what must be.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, RANGE};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sluss::body::{self, Body};
use sluss::client::{Answer, ClientError, HttpClient};

use super::arrivals::Due;
use super::ledger::{Document, Ledger, Mark, Tag};
use super::list::Expected;
use crate::content::Content;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A whole document.
    Read,
    /// A part of one.
    Range,
    /// A whole one, unless it is still what was seen last.
    Conditional,
    List,
    Write,
    Delete,
}

impl Operation {
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Range => "range",
            Self::Conditional => "conditional",
            Self::List => "list",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it must be. `from`: who had the content; `absent`, `unchanged` and `beyond` (of a range, the end) where there was none to have,
    /// `-` for what is no read.
    Right { from: &'static str, bytes: u64 },
    /// An answer that says that it could not be done.
    Refused(StatusCode),
    /// No answer, or not a whole one.
    Lost,
    /// Something else than what must be. This is never right.
    Wrong(String),
    /// Not sent: another request is changing the document.
    Skipped,
}

/// The longest part that a range asks for.
const MAX_RANGE: u64 = 256 << 10;

/// Of one page.
const PAGE: u64 = 50;

const MAX_LIST_BYTES: usize = 1 << 20;

/// One in so many conditional reads shows a tag that no longer holds, where one is known.
const OUTDATED_EVERY: u64 = 4;

const SERVED_FROM: HeaderName = HeaderName::from_static("served-from");

#[derive(Clone, Copy)]
pub struct Worker<'a> {
    pub documents: &'a HttpClient,
    pub ledger: &'a Ledger,
}

impl Worker<'_> {
    pub async fn perform(&self, due: Due) -> Outcome {
        let document = Document { tenant: due.tenant, id: due.id };
        match due.operation {
            Operation::Read => self.read(document).await,
            Operation::Conditional => self.conditional(document, due.dice).await,
            Operation::Range => self.range(document, due.dice).await,
            Operation::List => self.list(document).await,
            Operation::Write => self.change(document, false).await,
            Operation::Delete => self.change(document, true).await,
        }
    }

    /// A whole document.
    pub async fn read(&self, document: Document) -> Outcome {
        self.get(document, self.ledger.mark(document), None).await
    }

    /// A whole one, unless it is what was seen last; or unless it is what it cannot be any more.
    async fn conditional(&self, document: Document, dice: u64) -> Outcome {
        let (mark, tags) = self.ledger.mark_and_tags(document);
        let outdated = tags.outdated.filter(|_| dice.is_multiple_of(OUTDATED_EVERY));
        self.get(document, mark, outdated.or(tags.last)).await
    }

    async fn get(&self, document: Document, mark: Mark, shown: Option<Tag>) -> Outcome {
        let mut headers = HeaderMap::new();
        if let Some(shown) = &shown {
            headers.insert(IF_NONE_MATCH, shown.value.clone());
        }
        let answer = match self.ask(Method::GET, &self.ledger.path(document), headers, body::empty()).await {
            Ok(answer) => answer,
            Err(_) => return Outcome::Lost,
        };
        let (from, etag) = (served_from(&answer), answer.headers.get(ETAG).cloned());
        match answer.status {
            StatusCode::OK if shown.as_ref().is_some_and(|shown| etag.as_ref() == Some(&shown.value)) => {
                Outcome::Wrong(format!("{} was sent in spite of its tag", self.ledger.path(document)))
            }
            StatusCode::OK => self.whole(document, mark, answer, from).await,
            StatusCode::NOT_FOUND => self.absent(document, mark, answer).await,
            StatusCode::NOT_MODIFIED => self.unchanged(document, mark, shown, answer).await,
            status => Outcome::Refused(status),
        }
    }

    /// Right only where the tag that was shown is one that the document may still have, and the answer's own.
    async fn unchanged(&self, document: Document, mark: Mark, shown: Option<Tag>, answer: Answer) -> Outcome {
        let (path, told) = (self.ledger.path(document), answer.headers.get(ETAG).cloned());
        if drained(answer).await.is_none() {
            return Outcome::Lost;
        }
        match shown {
            None => Outcome::Wrong(format!("{path} is not modified, and no tag was shown")),
            Some(shown) if !shown.may_hold(mark) => {
                Outcome::Wrong(format!("{path} is not modified from {:?}, which was replaced", shown.value))
            }
            Some(shown) if told.as_ref() != Some(&shown.value) => {
                Outcome::Wrong(format!("{path} is not modified from {:?}, and has the tag {told:?}", shown.value))
            }
            Some(_) => Outcome::Right { from: "unchanged", bytes: 0 },
        }
    }

    async fn whole(&self, document: Document, mark: Mark, mut answer: Answer, from: &'static str) -> Outcome {
        let etag = answer.headers.get(ETAG).cloned();
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        loop {
            match answer.piece().await {
                Ok(Some(piece)) => {
                    hash.update(&piece);
                    bytes += piece.len() as u64;
                }
                Ok(None) => break,
                Err(_) => return Outcome::Lost,
            }
        }
        let hash: [u8; 32] = hash.finalize().into();
        let allowed = self.ledger.allowed(document, mark);
        if !allowed.iter().flatten().any(|version| self.ledger.hash(document, *version) == hash) {
            return Outcome::Wrong(format!("{} had {bytes} bytes that it must not have; allowed {allowed:?}", self.ledger.path(document)));
        }
        if let Some(etag) = etag {
            self.ledger.saw_etag(document, mark, etag);
        }
        Outcome::Right { from, bytes }
    }

    async fn absent(&self, document: Document, mark: Mark, answer: Answer) -> Outcome {
        if drained(answer).await.is_none() {
            return Outcome::Lost;
        }
        let allowed = self.ledger.allowed(document, mark);
        if allowed.contains(&None) {
            return Outcome::Right { from: "absent", bytes: 0 };
        }
        Outcome::Wrong(format!("{} is not there; allowed {allowed:?}", self.ledger.path(document)))
    }

    async fn range(&self, document: Document, dice: u64) -> Outcome {
        let mark = self.ledger.mark(document);
        let lengths = self.contents(document, mark).map(|content| content.length).min();
        let Some(length) = lengths.filter(|length| *length > 0) else { return self.read(document).await };
        let from = dice % length;
        let to = from + (dice >> 32) % MAX_RANGE.min(length - from);
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::try_from(format!("bytes={from}-{to}")).expect("numbers are a header"));
        let answer = match self.ask(Method::GET, &self.ledger.path(document), headers, body::empty()).await {
            Ok(answer) => answer,
            Err(_) => return Outcome::Lost,
        };
        let source = served_from(&answer);
        match answer.status {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::NOT_FOUND => return self.absent(document, mark, answer).await,
            StatusCode::RANGE_NOT_SATISFIABLE => return self.beyond(document, mark, from, answer).await,
            StatusCode::OK => {
                return Outcome::Wrong(format!("{} was sent as a whole, and a range was asked for", self.ledger.path(document)));
            }
            status => return Outcome::Refused(status),
        }
        let said = answer.headers.get(CONTENT_RANGE).and_then(|said| said.to_str().ok()).unwrap_or_default().to_owned();
        let Ok(found) = answer.bytes(MAX_RANGE as usize + 1).await else { return Outcome::Lost };
        let fits = |content: Content| {
            let end = to.min(content.length.saturating_sub(1));
            content.length > from
                && said == format!("bytes {from}-{end}/{}", content.length)
                && content.bytes(from, end - from + 1) == found
        };
        if self.contents(document, mark).any(fits) {
            return Outcome::Right { from: source, bytes: found.len() as u64 };
        }
        let path = self.ledger.path(document);
        Outcome::Wrong(format!("{path} bytes {from}-{to} ({said:?}, {} bytes) are not its own", found.len()))
    }

    /// Right only where a shorter content came between.
    async fn beyond(&self, document: Document, mark: Mark, from: u64, answer: Answer) -> Outcome {
        let said = answer.headers.get(CONTENT_RANGE).and_then(|said| said.to_str().ok()).unwrap_or_default().to_owned();
        if drained(answer).await.is_none() {
            return Outcome::Lost;
        }
        let fits = |content: Content| content.length <= from && said == format!("bytes */{}", content.length);
        if self.contents(document, mark).any(fits) {
            return Outcome::Right { from: "beyond", bytes: 0 };
        }
        Outcome::Wrong(format!("{} is said to end before {from} ({said:?})", self.ledger.path(document)))
    }

    fn contents(&self, document: Document, mark: Mark) -> impl Iterator<Item = Content> {
        let versions: Vec<u32> = self.ledger.allowed(document, mark).into_iter().flatten().collect();
        versions.into_iter().map(move |version| self.ledger.content(document, version))
    }

    /// A page that begins behind the document.
    async fn list(&self, document: Document) -> Outcome {
        let expected = Expected::of(self.ledger, document, PAGE);
        let path = format!("/v1/tenants/{}/documents?after={}&limit={PAGE}", self.ledger.tenant(document), document.id);
        let answer = match self.ask(Method::GET, &path, HeaderMap::new(), body::empty()).await {
            Ok(answer) if answer.status == StatusCode::OK => answer,
            Ok(answer) => return Outcome::Refused(answer.status),
            Err(_) => return Outcome::Lost,
        };
        let Ok(text) = answer.bytes(MAX_LIST_BYTES).await else { return Outcome::Lost };
        match expected.judge(&text) {
            Ok(()) => Outcome::Right { from: "-", bytes: text.len() as u64 },
            Err(wrong) => Outcome::Wrong(format!("{path}: {wrong}")),
        }
    }

    /// A write or a delete. What has no clear answer is left open.
    async fn change(&self, document: Document, is_delete: bool) -> Outcome {
        let Some(state) = self.ledger.begin(document, is_delete) else { return Outcome::Skipped };
        let change = Unanswered { ledger: self.ledger, document, is_answered: false };
        let (path, mut headers) = (self.ledger.path(document), HeaderMap::new());
        let (asked, bytes) = match state {
            None => (self.ask(Method::DELETE, &path, headers, body::empty()).await, 0),
            Some(version) => {
                let content = self.ledger.content(document, version);
                headers.insert(CONTENT_LENGTH, content.length.into());
                (self.ask(Method::PUT, &path, headers, sent(content)).await, content.length)
            }
        };
        let Ok(answer) = asked else { return Outcome::Lost };
        let (status, etag) = (answer.status, answer.headers.get(ETAG).cloned());
        let is_done = match status {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => true,
            // It was gone before.
            StatusCode::NOT_FOUND => is_delete,
            _ => false,
        };
        if !is_done {
            return Outcome::Refused(status);
        }
        // The head is the acknowledgement.
        change.acknowledge(etag);
        drained(answer).await.map_or(Outcome::Lost, |()| Outcome::Right { from: "-", bytes })
    }

    async fn ask(&self, method: Method, path: &str, headers: HeaderMap, body: Body) -> Result<Answer, ClientError> {
        self.documents.request(method, path, headers, body).await
    }
}

/// A change that may have happened: it is left open, however its request ends, unless it is acknowledged.
struct Unanswered<'a> {
    ledger: &'a Ledger,
    document: Document,
    is_answered: bool,
}

impl Unanswered<'_> {
    fn acknowledge(mut self, etag: Option<HeaderValue>) {
        self.ledger.acknowledge(self.document, etag);
        self.is_answered = true;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.ledger.leave_open(self.document);
        }
    }
}

fn sent(content: Content) -> Body {
    body::stream(futures_util::stream::unfold(0, move |at| async move {
        let portion = content.portion(at);
        let next = at + portion.len() as u64;
        (!portion.is_empty()).then(|| (Ok(portion.into()), next))
    }))
}

async fn drained(mut answer: Answer) -> Option<()> {
    while answer.piece().await.ok()?.is_some() {}
    Some(())
}

fn served_from(answer: &Answer) -> &'static str {
    match answer.headers.get(SERVED_FROM).map(HeaderValue::as_bytes) {
        Some(b"sql") => "sql",
        Some(b"object") => "object",
        Some(b"cache") => "cache",
        Some(_) | None => "-",
    }
}

#[cfg(test)]
mod tests;
