//! One request of a client: sent, heard to its end, and noted with what it says of the document.

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use sluss::body::{self, Body};
use sluss::client::{Answer, ClientError, HttpClient};

use super::history::History;
use super::model::{Condition, ContentId, Event, Tag};
use super::nodes::TENANT;
use super::script::{Ask, ContentSpec, Wish};

/// Longest answer that is not a document's content.
const MAX_PROBLEM_BYTES: usize = 1 << 20;

/// So few that a list often takes several.
const PAGE: usize = 5;

/// Larger bodies come in portions, as from a network.
const PORTION: usize = 64 << 10;

/// A client with its notes.
pub struct Client<'a> {
    pub who: &'a str,
    pub http: &'a HttpClient,
    pub history: &'a History,
    pub document: u32,
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// `None`: there is none.
    pub content: Option<ContentId>,
    pub tag: Option<Tag>,
}

const NOTHING: Sight = Sight { content: None, tag: None };

/// A line in the list of versions.
#[derive(Debug, Clone)]
pub struct Listed {
    pub stamp: String,
    pub size: u64,
    pub held_to: Timestamp,
    /// In hex; `None`: the empty content, or one that is in staging.
    pub sha256: Option<String>,
}

/// What an answer says of a change.
enum Outcome {
    Answered(Answer),
    /// It was refused before anything happened.
    NothingHappened,
    Unknown,
}

impl Client<'_> {
    pub async fn ask(&self, ask: Ask) {
        match ask {
            Ask::Put(content, wish) => self.put(content, wish).await,
            Ask::Cut(content) => self.cut(content).await,
            Ask::Get => drop(self.look().await),
            Ask::GetSince => drop(self.get(self.tagged(IF_NONE_MATCH)).await),
            Ask::GetPart => drop(self.get(HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=30-89"))])).await),
            Ask::Head => self.head().await,
            Ask::Delete(wish) => self.delete(wish).await,
            Ask::Versions => drop(self.versions().await),
            Ask::GetVersion(pick) => {
                if let Some(version) = self.picked(pick).await {
                    self.version(&version).await;
                }
            }
            Ask::Restore(pick, wish) => {
                if let Some(version) = self.picked(pick).await {
                    self.restore(&version, wish).await;
                }
            }
        }
    }

    /// The whole content; `None` where no answer came to its end.
    pub async fn look(&self) -> Option<Sight> {
        self.get(HeaderMap::new()).await
    }

    /// A read is answered, whatever it says.
    pub async fn is_served(&self) -> bool {
        let answer = self.send(Method::GET, HeaderMap::new(), body::empty()).await;
        let Ok(mut answer) = answer else { return false };
        !answer.status.is_server_error() && hear(&mut answer).await.1
    }

    async fn send(&self, method: Method, headers: HeaderMap, body: Body) -> Result<Answer, ClientError> {
        self.send_to("", method, headers, body).await
    }

    /// `path`: behind the document's own.
    async fn send_to(&self, path: &str, method: Method, headers: HeaderMap, body: Body) -> Result<Answer, ClientError> {
        self.http.request(method, &format!("/v1/tenants/{TENANT}/documents/{}{path}", self.document), headers, body).await
    }

    fn note(&self, call: u64, back: Option<u64>, event: Event) {
        self.history.note(self.who, self.document, call, back, event);
    }

    fn complain(&self, what: &str) {
        self.history.violation(format!("document {}, {}: {what}", self.document, self.who));
    }

    async fn put(&self, content: ContentSpec, wish: Wish) {
        let (mut headers, condition) = self.condition(wish);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let call = self.history.now();
        let sent = self.send(Method::PUT, headers, whole(content.bytes())).await;
        let written = match self.outcome(sent).await {
            Outcome::Answered(answer) => answer,
            Outcome::NothingHappened => return,
            Outcome::Unknown => return self.note(call, None, Event::Write { content: content.id, condition }),
        };
        let back = Some(self.history.now());
        match (written.status, self.tag_of(&written)) {
            (StatusCode::CREATED | StatusCode::NO_CONTENT, Some(tag)) => {
                let created = written.status == StatusCode::CREATED;
                self.note(call, back, Event::Wrote { content: content.id, tag, created, condition });
            }
            (StatusCode::PRECONDITION_FAILED, _) => self.note(call, back, Event::Unmet { condition }),
            (status, _) => self.complain(&format!("a put was answered {status}")),
        }
    }

    /// Half of a body that was announced whole: nothing of it may ever be seen.
    async fn cut(&self, content: ContentSpec) {
        let half = content.bytes().slice(..content.length as usize / 2);
        let broken = body::stream(stream::iter([Ok(half), Err("the client breaks off".into())]));
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from(content.length))]);
        if let Ok(answer) = self.send(Method::PUT, headers, broken).await
            && answer.status.is_success()
        {
            self.complain("half a body was taken for the whole");
        }
    }

    async fn delete(&self, wish: Wish) {
        let (headers, condition) = self.condition(wish);
        let call = self.history.now();
        let sent = self.send(Method::DELETE, headers, body::empty()).await;
        let answer = match self.outcome(sent).await {
            Outcome::Answered(answer) => answer,
            Outcome::NothingHappened => return,
            Outcome::Unknown => return self.note(call, None, Event::Delete { condition }),
        };
        let back = Some(self.history.now());
        match answer.status {
            StatusCode::NO_CONTENT => self.note(call, back, Event::Deleted { condition }),
            StatusCode::NOT_FOUND => self.note(call, back, Event::NothingToDelete),
            StatusCode::PRECONDITION_FAILED => self.note(call, back, Event::Unmet { condition }),
            status => self.complain(&format!("a delete was answered {status}")),
        }
    }

    async fn head(&self) {
        let call = self.history.now();
        let Ok(answer) = self.send(Method::HEAD, HeaderMap::new(), body::empty()).await else { return };
        let back = Some(self.history.now());
        match (answer.status, self.tag_of(&answer)) {
            (StatusCode::OK, Some(tag)) => self.note(call, back, Event::Head { length: number(&answer, &CONTENT_LENGTH), tag }),
            (StatusCode::NOT_FOUND, _) => self.note(call, back, Event::NotThere),
            (status, _) if status.is_server_error() => {}
            (status, _) => self.complain(&format!("a head was answered {status}")),
        }
    }

    async fn get(&self, headers: HeaderMap) -> Option<Sight> {
        let call = self.history.now();
        let mut answer = self.send(Method::GET, headers, body::empty()).await.ok()?;
        let tag = self.tag_of(&answer);
        match (answer.status, tag) {
            (StatusCode::OK, Some(tag)) => {
                let (bytes, whole) = hear(&mut answer).await;
                let back = Some(self.history.now());
                if whole {
                    return self.heard(call, back, tag, &bytes);
                }
                self.note(call, back, Event::Head { length: number(&answer, &CONTENT_LENGTH), tag });
                self.history.part(self.document, tag, 0, bytes);
            }
            (StatusCode::PARTIAL_CONTENT, Some(tag)) => {
                let (bytes, _) = hear(&mut answer).await;
                self.note(call, Some(self.history.now()), Event::Head { length: total(&answer), tag });
                self.history.part(self.document, tag, 30, bytes);
            }
            (StatusCode::NOT_MODIFIED, Some(tag)) => self.note(call, Some(self.history.now()), Event::NotModified { tag }),
            (StatusCode::NOT_FOUND, _) => {
                self.note(call, Some(self.history.now()), Event::NotThere);
                return Some(NOTHING);
            }
            // The empty content has no part.
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => {}
            (status, _) if status.is_server_error() => {}
            (status, _) => self.complain(&format!("a get was answered {status}")),
        }
        None
    }

    fn heard(&self, call: u64, back: Option<u64>, tag: Tag, bytes: &[u8]) -> Option<Sight> {
        let content = self.recognized(bytes)?;
        self.note(call, back, Event::Read { content, tag });
        Some(Sight { content: Some(content), tag: Some(tag) })
    }

    fn recognized(&self, bytes: &[u8]) -> Option<ContentId> {
        let content = self.history.identify(bytes);
        if content.is_none() {
            self.complain(&format!("a get was answered with {} bytes of no content that anybody wrote", bytes.len()));
        }
        content.map(|content| content.id)
    }

    /// The newest first, in as many pages as it takes; `None` where one was not answered.
    pub async fn versions(&self) -> Option<Vec<Listed>> {
        let (mut found, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/versions?limit={PAGE}{before}");
            let answer = self.send_to(&path, Method::GET, HeaderMap::new(), body::empty()).await.ok()?;
            if answer.status.is_server_error() {
                return None;
            }
            if answer.status != StatusCode::OK {
                self.complain(&format!("a list of versions was answered {}", answer.status));
                return None;
            }
            let list: Value = serde_json::from_slice(&answer.bytes(MAX_PROBLEM_BYTES).await.ok()?).unwrap();
            found.extend(list["versions"].as_array().unwrap().iter().map(listed));
            let Some(next) = list["next"].as_str() else { return Some(found) };
            before = format!("&before={next}");
        }
    }

    /// This one in the list, counted around; `None` where there is none.
    async fn picked(&self, pick: usize) -> Option<Listed> {
        let list = self.versions().await?;
        list.get(pick % list.len().max(1)).cloned()
    }

    /// The whole content of a version; `None` where no answer came to its end.
    pub async fn version(&self, version: &Listed) -> Option<Vec<u8>> {
        let path = format!("/versions/{}", version.stamp);
        let mut answer = self.send_to(&path, Method::GET, HeaderMap::new(), body::empty()).await.ok()?;
        if answer.status.is_server_error() {
            return None;
        }
        let etag = format!("\"{}\"", version.stamp);
        // Its time is not over, so it stays.
        if answer.status != StatusCode::OK || answer.headers.get(ETAG).is_none_or(|tag| *tag != etag) {
            self.complain(&format!("version {} was answered {} {:?}", version.stamp, answer.status, answer.headers.get(ETAG)));
            return None;
        }
        let (bytes, whole) = hear(&mut answer).await;
        let tag = self.history.tag_of(&etag);
        if !whole {
            self.history.part(self.document, tag, 0, bytes);
            return None;
        }
        let content = self.recognized(&bytes)?;
        self.history.named(self.document, tag, content);
        Some(bytes)
    }

    async fn restore(&self, version: &Listed, wish: Wish) {
        let (headers, condition) = self.condition(wish);
        let of = self.history.tag_of(&format!("\"{}\"", version.stamp));
        let call = self.history.now();
        let sent = self.send_to(&format!("/versions/{}/restore", version.stamp), Method::POST, headers, body::empty()).await;
        let answer = match self.outcome(sent).await {
            Outcome::Answered(answer) => answer,
            Outcome::NothingHappened => return,
            Outcome::Unknown => return self.note(call, None, Event::Restore { of, condition }),
        };
        let back = Some(self.history.now());
        match (answer.status, self.tag_of(&answer)) {
            (StatusCode::OK, Some(tag)) => self.note(call, back, Event::Restored { of, tag, condition }),
            (StatusCode::PRECONDITION_FAILED, _) => self.note(call, back, Event::Unmet { condition }),
            (status, _) => self.complain(&format!("a restore of version {} was answered {status}", version.stamp)),
        }
    }

    fn condition(&self, wish: Wish) -> (HeaderMap, Condition) {
        match (wish, self.history.last_tag(self.document)) {
            (Wish::Always, _) | (Wish::Match, None) => (HeaderMap::new(), Condition::None),
            (Wish::Match, Some((_, tag))) => (self.tagged(IF_MATCH), Condition::Match(tag)),
            (Wish::Absent, _) => (HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("*"))]), Condition::Absent),
        }
    }

    /// A header with the tag that anybody saw last.
    fn tagged(&self, name: HeaderName) -> HeaderMap {
        let tag = self.history.last_tag(self.document).and_then(|(text, _)| HeaderValue::from_str(&text).ok());
        tag.map(|tag| (name, tag)).into_iter().collect()
    }

    fn tag_of(&self, answer: &Answer) -> Option<Tag> {
        let text = answer.headers.get(ETAG)?.to_str().ok()?;
        Some(self.history.tag(self.document, text))
    }

    /// A refusal says whether anything may have happened; without one, nobody knows.
    async fn outcome(&self, sent: Result<Answer, ClientError>) -> Outcome {
        let answer = match sent {
            Ok(answer) => answer,
            Err(ClientError::Unreachable { .. }) => return Outcome::NothingHappened,
            Err(error @ ClientError::NoAnswer { .. }) => {
                self.complain(&error.to_string());
                return Outcome::Unknown;
            }
            Err(_) => return Outcome::Unknown,
        };
        if !answer.status.is_server_error() {
            return Outcome::Answered(answer);
        }
        match answer.bytes(MAX_PROBLEM_BYTES).await.ok().and_then(|problem| serde_json::from_slice::<Value>(&problem).ok()) {
            Some(problem) if problem["type"] != "urn:sluss:problem:outcome-unknown" => Outcome::NothingHappened,
            Some(_) | None => Outcome::Unknown,
        }
    }
}

fn listed(line: &Value) -> Listed {
    Listed {
        stamp: line["stamp"].as_str().unwrap().to_owned(),
        size: line["size"].as_u64().unwrap(),
        held_to: line["held_to"].as_str().unwrap().parse().unwrap(),
        sha256: line["sha256"].as_str().map(str::to_owned),
    }
}

/// The bytes that came, and whether they came to their end.
async fn hear(answer: &mut Answer) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match answer.piece().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return (bytes, true),
            Err(_) => return (bytes, false),
        }
    }
}

fn whole(content: Bytes) -> Body {
    if content.len() <= PORTION {
        return body::full(content);
    }
    let portions: Vec<_> = (0..content.len()).step_by(PORTION).map(|at| Ok(content.slice(at..content.len().min(at + PORTION)))).collect();
    body::stream(stream::iter(portions))
}

fn number(answer: &Answer, name: &HeaderName) -> u64 {
    answer.headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(u64::MAX)
}

/// The whole's length behind the slash of `Content-Range`.
fn total(answer: &Answer) -> u64 {
    let range = answer.headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.rsplit('/').next()?.parse().ok()).unwrap_or(u64::MAX)
}
