//! A real `sluss serve` with tokens, two tenants, and clients that ask it anything.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};
use sluss::body;
use sluss::client::{Answer, HttpClient};
use sluss::demo::pattern::Pattern;

use super::support::customers::{ACME, GLOBEX};
use super::support::lab::{Lab, Seat};
use super::support::process::Process;

/// Of all tenants, with every right.
pub const EVERYTHING: &str = "everything";

/// May read the other tenant's documents.
pub const STRANGER: &str = "stranger";

/// Operates one tenant only.
pub const KEEPER: &str = "keeper";

/// Larger bodies are refused.
pub const MAX_BYTES: u64 = 100_000;

const LONGEST_ANSWER: usize = 4 << 20;

pub struct House {
    pub lab: Lab,
    pub seat: Seat,
    pub process: Process,
}

/// A request to one listener.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &Method, path: impl Into<String>) -> Self {
        let token = ("Authorization", format!("Bearer {EVERYTHING}"));
        Self { method: method.clone(), path: path.into(), headers: vec![token], body: None }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn by(mut self, token: Option<&str>) -> Self {
        self.headers.retain(|(name, _)| *name != "Authorization");
        self.headers.extend(token.map(|token| ("Authorization", format!("Bearer {token}"))));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl House {
    pub fn open() -> Self {
        let token = |name: &str, tenants: &str, rights: &str| {
            let hash: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[[tokens]]\nname = \"{name}\"\nsha256 = \"{hash}\"\ntenants = {tenants}\nrights = {rights}\n")
        };
        let lab = Lab::new(&format!(
            "[limits]\nmax_document_bytes = {MAX_BYTES}\nheader_timeout = \"1s\"\n[agents]\npoll_min = \"20ms\"\npoll_max = \"100ms\"\n{}{}{}",
            token(EVERYTHING, "[\"*\"]", "[\"read\", \"write\", \"admin\"]"),
            token(STRANGER, "[\"globex\"]", "[\"read\"]"),
            token(KEEPER, "[\"acme\"]", "[\"admin\"]"),
        ));
        let seat = lab.seat("one");
        let text = std::fs::read_to_string(&seat.config).unwrap();
        std::fs::write(&seat.config, text.replace("auth = \"none\"", "auth = \"tokens\"")).unwrap();
        // One tenant has a backup, and the other one has none.
        let acme = seat.config.with_file_name("tenants").join("acme.toml");
        let backup = "[backup]\nsigning_key = { file = \"../../backup.key\" }\nevidence = \"../../evidence\"\n[backup.objects]\ndisk = \"../../offsite\"\n";
        std::fs::write(lab.path().join("backup.key"), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
        std::fs::write(&acme, std::fs::read_to_string(&acme).unwrap() + backup).unwrap();
        let database = lab.database();
        for id in 1..=3 {
            ACME.insert(&database, &id.to_string(), "text/plain", &format!("{id}.txt"), Some(Pattern { seed: id, length: 20_000 * id }));
        }
        GLOBEX.insert(&database, "G1", "text/plain", "g.txt", Some(Pattern { seed: 9, length: 500 }));
        lab.init(&seat);
        let mut process = Process::start(&seat, &["serve"]);
        process.wait_for(seat.documents);
        process.wait_for(seat.admin);
        Self { lab, seat, process }
    }
}

pub async fn ask(client: &HttpClient, ask: &Ask) -> Told {
    let answer = begin(client, ask).await;
    let told = told(&answer);
    Told { body: answer.bytes(LONGEST_ANSWER).await.unwrap().to_vec(), ..told }
}

/// The same, for an answer that may never end.
pub async fn begin(client: &HttpClient, ask: &Ask) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in &ask.headers {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let body = ask.body.clone().map_or_else(body::empty, body::full);
    client.request(ask.method.clone(), &ask.path, headers, body).await.unwrap_or_else(|error| panic!("{ask:?}: {error}"))
}

/// An answer's head.
pub fn told(answer: &Answer) -> Told {
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Told { status: answer.status.as_u16(), headers: headers.collect(), body: Vec::new() }
}
