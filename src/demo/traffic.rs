//! Clients that read, write and delete over HTTP, each document by one client at a time, and check every byte that they get.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ledger::{Candidates, Ledger, Seen};
use super::pattern::Pattern;
use crate::body;
use crate::client::{Answer, ClientError, HttpClient};

/// One document that the traffic may use.
pub struct Document {
    /// The path that names it on every gateway.
    pub path: String,
    pub media_type: &'static str,
    pub file_name: String,
    /// How long its next content may be.
    pub max_length: u64,
    pub ledger: Mutex<Ledger>,
}

/// What the clients have seen.
#[derive(Debug, Default)]
pub struct Counts {
    pub reads: AtomicU64,
    pub failed_reads: AtomicU64,
    pub wrong_reads: AtomicU64,
    pub writes: AtomicU64,
    pub deletes: AtomicU64,
    /// Requests whose connection broke or was refused: the process was being killed, or was gone.
    pub lost_connections: AtomicU64,
    /// Answers to writes and deletes that say that they failed.
    pub failed_writes: AtomicU64,
}

/// How clients behave.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    pub clients: usize,
    /// Between two requests of one client.
    pub pause: Duration,
    pub seed: u64,
}

/// Documents, gateways, and what was seen so far.
pub struct Traffic {
    pub gateways: Vec<HttpClient>,
    pub documents: Vec<Document>,
    pub counts: Counts,
    pub manners: Manners,
    /// The first few things that should not have been seen, for people.
    pub complaints: Mutex<Vec<String>>,
    next_seed: AtomicU64,
}

/// Complaints beyond this many say nothing new.
const MAX_COMPLAINTS: usize = 20;

/// What a request came to.
enum Outcome<T> {
    Answered(T),
    /// No answer, or not a whole one.
    Lost,
}

impl Traffic {
    pub fn new(gateways: Vec<HttpClient>, documents: Vec<Document>) -> Arc<Self> {
        let manners = Manners { clients: 8, pause: Duration::from_millis(20), seed: 1 };
        Self::with_manners(gateways, documents, manners)
    }

    pub fn with_manners(gateways: Vec<HttpClient>, documents: Vec<Document>, manners: Manners) -> Arc<Self> {
        let next_seed = AtomicU64::new(manners.seed << 32);
        Arc::new(Self { gateways, documents, counts: Counts::default(), manners, complaints: Mutex::default(), next_seed })
    }

    pub fn start(self: &Arc<Self>, stop: &CancellationToken, tasks: &TaskTracker) {
        for client in 0..self.manners.clients {
            let (traffic, stop) = (Arc::clone(self), stop.clone());
            tasks.spawn(async move {
                let mut rng = StdRng::seed_from_u64(traffic.manners.seed.wrapping_add(client as u64));
                while !stop.is_cancelled() {
                    traffic.one_request(client, &mut rng).await;
                    tokio::time::sleep(traffic.manners.pause).await;
                }
            });
        }
    }

    pub fn operations(&self) -> u64 {
        [&self.counts.reads, &self.counts.writes, &self.counts.deletes].iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    async fn one_request(&self, client: usize, rng: &mut StdRng) {
        // Documents are dealt out to the clients: each has one writer, who knows what it may be.
        let mine = (self.documents.len() - client).div_ceil(self.manners.clients);
        let document = &self.documents[client + self.manners.clients * rng.random_range(0..mine)];
        let gateway = &self.gateways[rng.random_range(0..self.gateways.len())];
        match rng.random_range(0..100) {
            0..75 => self.read(gateway, document, rng).await,
            75..93 => self.write(gateway, document, rng).await,
            _ => self.delete(gateway, document).await,
        }
    }

    async fn write(&self, gateway: &HttpClient, document: &Document, rng: &mut StdRng) {
        let length = if rng.random_bool(0.03) { 0 } else { skewed(rng, document.max_length) };
        let pattern = Pattern { seed: self.next_seed.fetch_add(1, Ordering::Relaxed), length };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(document.media_type));
        if let Ok(value) =
            HeaderValue::from_str(&crate::gateway::disposition::format(crate::config::Disposition::Attachment, Some(&document.file_name)))
        {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        // Half of the bodies come without an announced length.
        if rng.random_bool(0.5) {
            headers.insert(CONTENT_LENGTH, pattern.length.into());
        }
        let mut ledger = document.ledger.lock().await;
        let answer = gateway.request(Method::PUT, &document.path, headers, body::stream(pattern.stream())).await;
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        match self.status(answer).await {
            Outcome::Answered(StatusCode::CREATED | StatusCode::NO_CONTENT) => ledger.acknowledged(Seen::Content(pattern)),
            Outcome::Answered(status) => {
                ledger.unknown(Seen::Content(pattern));
                self.counts.failed_writes.fetch_add(1, Ordering::Relaxed);
                self.complain(format!("PUT {} answered {status}", document.path)).await;
            }
            Outcome::Lost => ledger.unknown(Seen::Content(pattern)),
        }
    }

    async fn delete(&self, gateway: &HttpClient, document: &Document) {
        let mut ledger = document.ledger.lock().await;
        let answer = gateway.request(Method::DELETE, &document.path, HeaderMap::new(), body::empty()).await;
        self.counts.deletes.fetch_add(1, Ordering::Relaxed);
        match self.status(answer).await {
            Outcome::Answered(StatusCode::NO_CONTENT) => ledger.acknowledged(Seen::Absent),
            // An answer about what is there, like a read's.
            Outcome::Answered(StatusCode::NOT_FOUND) => self.judge(&mut ledger, Seen::Absent, document).await,
            Outcome::Answered(status) => {
                ledger.unknown(Seen::Absent);
                self.counts.failed_writes.fetch_add(1, Ordering::Relaxed);
                self.complain(format!("DELETE {} answered {status}", document.path)).await;
            }
            Outcome::Lost => ledger.unknown(Seen::Absent),
        }
    }

    async fn read(&self, gateway: &HttpClient, document: &Document, rng: &mut StdRng) {
        let mut ledger = document.ledger.lock().await;
        let mut headers = HeaderMap::new();
        let from = rng.random_range(0..1 << 20);
        let ranged = rng.random_bool(0.2);
        if ranged {
            let range = format!("bytes={from}-{}", from + rng.random_range(0..1 << 20));
            headers.insert(RANGE, HeaderValue::from_str(&range).expect("digits are header text"));
        }
        let answer = gateway.request(Method::GET, &document.path, headers, body::empty()).await;
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) => return self.lost(),
        };
        match answer.status {
            StatusCode::OK => self.check(answer, &mut ledger, document, 0).await,
            StatusCode::PARTIAL_CONTENT => self.check(answer, &mut ledger, document, from).await,
            StatusCode::NOT_FOUND => self.judge(&mut ledger, Seen::Absent, document).await,
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => {
                let fits = |seen: &Seen| matches!(seen, Seen::Content(pattern) if pattern.length <= from);
                if !ledger.possible().iter().any(fits) {
                    self.wrong(format!("GET {} says that no byte lies from {from} on", document.path)).await;
                }
            }
            status => {
                self.counts.failed_reads.fetch_add(1, Ordering::Relaxed);
                self.complain(format!("GET {} answered {status}", document.path)).await;
            }
        }
    }

    /// Compares a body with every content that the document may have, as it comes.
    async fn check(&self, mut answer: Answer, ledger: &mut Ledger, document: &Document, from: u64) {
        let whole = answer.status == StatusCode::OK;
        let mut candidates = Candidates::among(ledger.possible(), from);
        loop {
            match answer.piece().await {
                Ok(Some(piece)) => candidates.see(&piece),
                Ok(None) => break,
                Err(_) => return self.lost(),
            }
        }
        let seen = if whole { candidates.whole() } else { candidates.part() };
        match seen {
            Some(pattern) if whole => self.judge(ledger, Seen::Content(pattern), document).await,
            Some(_) => {}
            None => self.wrong(format!("GET {} gave {} bytes that nobody wrote there", document.path, candidates.at() - from)).await,
        }
    }

    async fn judge(&self, ledger: &mut Ledger, seen: Seen, document: &Document) {
        let before = ledger.clone();
        if !ledger.observe(seen) {
            self.wrong(format!("{} is {seen:?}, and may only be one of {:?}", document.path, before.possible())).await;
        }
    }

    async fn status(&self, answer: Result<Answer, ClientError>) -> Outcome<StatusCode> {
        match answer {
            Ok(mut answer) => {
                // The connection serves the next request only once the body was read.
                while let Ok(Some(_)) = answer.piece().await {}
                Outcome::Answered(answer.status)
            }
            Err(_) => {
                self.lost();
                Outcome::Lost
            }
        }
    }

    fn lost(&self) {
        self.counts.lost_connections.fetch_add(1, Ordering::Relaxed);
    }

    async fn wrong(&self, complaint: String) {
        self.counts.wrong_reads.fetch_add(1, Ordering::Relaxed);
        self.complain(complaint).await;
    }

    async fn complain(&self, complaint: String) {
        let mut complaints = self.complaints.lock().await;
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(complaint);
        }
    }
}

/// Small lengths far more often than large ones, as documents are.
fn skewed(rng: &mut StdRng, max: u64) -> u64 {
    let share: f64 = rng.random_range(0.0..1.0);
    ((max as f64) * share.powi(4)) as u64 + 1
}
