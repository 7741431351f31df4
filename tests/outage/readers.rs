//! Reads of documents that nobody changes: how long they take, in calm and in trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use sluss::body;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two reads of one reader.
const PAUSE: Duration = Duration::from_millis(2);

/// A document, and what it always is.
pub struct Still {
    pub path: String,
    pub content: Pattern,
}

#[derive(Default)]
pub struct Readers {
    pub in_trouble: AtomicBool,
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    calm: Vec<Duration>,
    troubled: Vec<Duration>,
}

impl Readers {
    pub async fn read(self: Arc<Self>, gateway: HttpClient, documents: Arc<Vec<Still>>, stop: CancellationToken) {
        for document in documents.iter().cycle() {
            if stop.is_cancelled() {
                return;
            }
            let (begun, in_trouble) = (Instant::now(), self.in_trouble.load(Ordering::Relaxed));
            let answer = gateway.request(Method::GET, &document.path, HeaderMap::new(), body::empty()).await;
            let answer = answer.unwrap_or_else(|error| panic!("GET {} in trouble {in_trouble}: {error}", document.path));
            assert_eq!(answer.status, StatusCode::OK, "GET {} in trouble {in_trouble}", document.path);
            let content = answer.bytes(1 << 20).await;
            let content = content.unwrap_or_else(|error| panic!("the body of {} in trouble {in_trouble}: {error}", document.path));
            assert!(content.len() as u64 == document.content.length && document.content.matches(0, &content), "{}", document.path);
            let taken = begun.elapsed();
            // One that began before its trouble ended is one of both.
            if in_trouble == self.in_trouble.load(Ordering::Relaxed) {
                let mut times = self.times.lock().await;
                if in_trouble { &mut times.troubled } else { &mut times.calm }.push(taken);
            }
            sleep(PAUSE).await;
        }
    }

    /// In calm and in trouble: those that half of the reads, and nineteen in twenty, took at most.
    pub fn quantiles(&self) -> [[Duration; 2]; 2] {
        let times = self.times.try_lock().expect("nobody reads any more");
        println!("{} quiet reads in calm, {} in trouble", times.calm.len(), times.troubled.len());
        [&times.calm, &times.troubled].map(|times| {
            let mut times = times.clone();
            times.sort_unstable();
            [0.5, 0.95].map(|share| times[(times.len() as f64 * share) as usize])
        })
    }
}
