//! What goes wrong, and for which requests.

use std::time::Duration;

use http::Method;

/// One kind of failure. A place in a body is a number of bytes; where the body's length is known, it is counted round and round, so that any
/// number is a place in any body that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request waits so long; other rules may meet it besides.
    Delay(Duration),
    /// The connection breaks, and nothing of the request has reached the store.
    CutBefore,
    /// The store has done all of it, and the client hears nothing.
    CutAfter,
    /// Both connections break in the middle of the request's body.
    CutInRequest(u64),
    /// The client hears so much of the answer's body.
    CutInAnswer(u64),
    /// One bit of this byte of the answer's body is another one.
    Flip(u64),
    /// The answer's body ends here, and its `Content-Length` says so: only who knows the content can tell.
    Truncate(u64),
    /// A GET of a range is answered with the whole object, and 200.
    IgnoreRange,
    /// 500 instead of an execution.
    InternalError,
    /// 503 instead of an execution, with `Retry-After` where it says so.
    SlowDown { retry_after_seconds: Option<u64> },
    /// 403 instead of an execution: the access key is not known, or not any more.
    UnknownKey,
    /// 404 with a page that is none of S3's, as something between client and store may answer.
    NoSuchPage,
    /// Nothing is forwarded, nothing is answered, and the connection stays.
    Hang,
}

impl Fault {
    /// The kind, wherever in a body it is.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delayed",
            Self::CutBefore => "connection cut before",
            Self::CutAfter => "connection cut after",
            Self::CutInRequest(_) => "connection cut in the request",
            Self::CutInAnswer(_) => "connection cut in the answer",
            Self::Flip(_) => "byte flipped",
            Self::Truncate(_) => "answer truncated",
            Self::IgnoreRange => "range ignored",
            Self::InternalError => "internal error",
            Self::SlowDown { .. } => "slow down",
            Self::UnknownKey => "unknown key",
            Self::NoSuchPage => "no such page",
            Self::Hang => "no answer",
        }
    }
}

/// A failure, and which requests it meets: all, unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub(super) fault: Fault,
    method: Option<Method>,
    containing: Option<String>,
    spared: u64,
    times: Option<u64>,
    pub(super) probability: f64,
}

impl Rule {
    pub fn new(fault: Fault) -> Self {
        Self { fault, method: None, containing: None, spared: 0, times: None, probability: 1.0 }
    }

    pub fn method(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// Only requests with this text in path or query, as they came: `uploadId=` has the parts, `?delete` the batches.
    pub fn containing(self, text: impl Into<String>) -> Self {
        Self { containing: Some(text.into()), ..self }
    }

    /// The first so many of the requests that it would meet are spared.
    pub fn after(self, spared: u64) -> Self {
        Self { spared, ..self }
    }

    /// Used up after so many requests.
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only so large a part of the requests, drawn by the seeded generator.
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Whether it is about this request at all.
    pub(super) fn is_about(&self, method: &Method, path: &str) -> bool {
        self.times != Some(0)
            && self.method.as_ref().is_none_or(|its| its == method)
            && self.containing.as_deref().is_none_or(|text| path.contains(text))
    }

    /// One request of its own has come. False: it is spared.
    pub(super) fn is_due(&mut self) -> bool {
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        if let Some(times) = &mut self.times {
            *times -= 1;
        }
        true
    }
}
