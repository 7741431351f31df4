//! The stream of events as a console hears it: each is as it is described, who applies all news knows what a fresh look says, hears of its
//! own tenants only, and is let go when the process drains or tokens are replaced.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sluss::client::{Answer, HttpClient};
use sluss::watch::places::MAX_STREAMS_OF_TOKEN;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::described::Described;
use super::house::{Ask, EVERYTHING, House, KEEPER, ask, begin};
use super::support::wait::block_on;

const PATIENCE: Duration = Duration::from_secs(20);

/// One page in some browser.
struct Console {
    answer: Answer,
    unread: String,
    heard: String,
    tenants: BTreeMap<String, Value>,
    transfers: BTreeMap<u64, Value>,
    all_paused: Value,
    totals: Value,
    ended: BTreeMap<u64, String>,
    phases: Vec<Value>,
}

impl Console {
    async fn open(client: &HttpClient, path: &str, token: &str) -> Self {
        let answer = begin(client, &Ask::new(&Method::GET, path).by(Some(token))).await;
        assert_eq!((answer.status.as_u16(), &answer.headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
        let (tenants, transfers, ended) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (unread, heard, phases) = (String::new(), String::new(), Vec::new());
        let (all_paused, totals) = (Value::Null, Value::Null);
        let mut console = Self { answer, unread, heard, tenants, transfers, all_paused, totals, ended, phases };
        assert_eq!(console.block().await.as_deref(), Some("retry: 2000"));
        for name in ["fleet", "transfers"] {
            let (told, data) = console.event().await.unwrap();
            assert_eq!((told.as_str(), &data["reset"]), (name, &json!(true)), "a stream begins with everything");
        }
        console
    }

    /// Up to the next blank line; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                // A sign of life is no news.
                if block != ":" {
                    return Some(block);
                }
                continue;
            }
            let piece = self.answer.piece().await.unwrap()?;
            let text = std::str::from_utf8(&piece).unwrap();
            self.unread.push_str(text);
            self.heard.push_str(text);
        }
    }

    /// The next event, applied.
    async fn event(&mut self) -> Option<(String, Value)> {
        let block = self.block().await?;
        let (name, data) = block.split_once('\n').unwrap_or_else(|| panic!("no event: {block:?}"));
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        match name.as_str() {
            "fleet" => self.apply_fleet(&data),
            "transfers" => self.apply_transfers(&data),
            "phase" => self.phases.push(data.clone()),
            other => panic!("an event {other:?}"),
        }
        Some((name, data))
    }

    fn apply_fleet(&mut self, data: &Value) {
        if data["reset"] == true {
            self.tenants.clear();
        }
        for tenant in data["tenants"].as_array().unwrap() {
            self.tenants.insert(tenant["tenant"].as_str().unwrap().to_owned(), tenant.clone());
        }
        for removed in data["removed"].as_array().unwrap() {
            assert!(self.tenants.remove(removed.as_str().unwrap()).is_some(), "nobody knew {removed}");
        }
        (self.all_paused, self.totals) = (data["all_paused"].clone(), data["totals"].clone());
    }

    fn apply_transfers(&mut self, data: &Value) {
        if data["reset"] == true {
            self.transfers.clear();
        }
        for started in data["started"].as_array().unwrap() {
            self.transfers.insert(started["id"].as_u64().unwrap(), started.clone());
        }
        for moved in data["moved"].as_array().unwrap() {
            let transfer = self.transfers.get_mut(&moved[0].as_u64().unwrap()).expect("what moves has begun");
            (transfer["bytes_done"], transfer["bytes_per_second"]) = (moved[1].clone(), moved[2].clone());
        }
        for ended in data["ended"].as_array().unwrap() {
            let id = ended[0].as_u64().unwrap();
            assert!(self.transfers.remove(&id).is_some(), "what ends has begun");
            self.ended.insert(id, ended[1].as_str().unwrap().to_owned());
        }
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let heard = timeout(PATIENCE, async {
            while !holds(self) {
                self.event().await.expect("the stream goes on");
            }
        });
        assert!(heard.await.is_ok(), "never heard that {what}; {:#?}, {:#?}", self.tenants, self.transfers);
    }

    /// Listens for as long as anything new takes to be told.
    async fn catch_up(&mut self) {
        let _ = timeout(Duration::from_millis(2200), async { while self.event().await.is_some() {} }).await;
    }

    async fn ends(&mut self) {
        let ended = timeout(PATIENCE, async { while self.event().await.is_some() {} });
        assert!(ended.await.is_ok(), "the stream goes on");
    }

    fn of(&self, document: &str) -> Option<&Value> {
        self.transfers.values().find(|transfer| transfer["document"] == document)
    }

    fn has_moved(&self, document: &str) -> bool {
        self.of(document).is_some_and(|transfer| transfer["bytes_done"] == 30_000)
    }

    fn state(&self) -> (&BTreeMap<String, Value>, &BTreeMap<u64, Value>, &Value, &Value) {
        (&self.tenants, &self.transfers, &self.all_paused, &self.totals)
    }
}

/// The first third of an upload, which goes on when the rest is written.
async fn begin_upload(house: &House, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", house.seat.documents)).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {EVERYTHING}\r\nContent-Length: 90000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[7; 30_000]).await.unwrap();
    stream
}

#[test]
fn who_applies_all_news_knows_what_a_fresh_look_says() {
    let house = House::open();
    block_on(async {
        let (events, client) = ("/admin/v1/events", house.seat.admin_client());
        let mut all = Console::open(&client, events, EVERYTHING).await;
        let mut acme = Console::open(&client, events, KEEPER).await;
        let mut globex = Console::open(&client, "/admin/v1/events?tenant=globex", EVERYTHING).await;

        let mut to_globex = begin_upload(&house, "/v1/tenants/globex/documents/G1").await;
        let to_acme = begin_upload(&house, "/v1/tenants/acme/documents/1").await;
        all.until("both move", |all| all.has_moved("G1") && all.has_moved("1")).await;
        globex.until("its own moves", |globex| globex.has_moved("G1")).await;
        acme.until("its own moves", |acme| acme.has_moved("1")).await;
        let shown = all.of("G1").unwrap();
        let facts = ["tenant", "direction", "source", "target", "bytes_total", "attempt"].map(|name| shown[name].clone());
        assert_eq!(facts, [json!("globex"), json!("upload"), json!("client"), json!("sql"), json!(90_000), json!(1)]);
        let listed = ask(&client, &Ask::new(&Method::GET, "/admin/v1/transfers").by(Some(KEEPER))).await;
        let listed: Value = serde_json::from_slice(&listed.body).unwrap();
        let only = (listed["transfers"].as_array().unwrap().len(), &listed["transfers"][0]["document"]);
        assert_eq!(only, (1, &json!("1")));

        let [whole, cut] = ["G1", "1"].map(|document| all.of(document).unwrap()["id"].as_u64().unwrap());
        to_globex.write_all(&[7; 60_000]).await.unwrap();
        drop(to_acme);
        all.until("both have ended", |all| all.ended.contains_key(&whole) && all.ended.contains_key(&cut)).await;
        assert_eq!(all.ended[&whole], "done");
        assert!(["failed", "gone"].contains(&all.ended[&cut].as_str()), "{:?}", all.ended);

        let flip = Ask::new(&Method::POST, "/admin/v1/tenants/acme/phase").with("Content-Type", "application/json");
        assert_eq!(ask(&client, &flip.body(r#"{"to": "shadow"}"#)).await.status, 200);
        all.until("acme was flipped", |all| !all.phases.is_empty()).await;
        let facts = ["tenant", "from", "to"].map(|name| all.phases[0][name].clone());
        assert_eq!(facts, ["acme", "sql", "shadow"]);
        all.until("everything is copied", |all| {
            let acme = &all.tenants["acme"];
            acme["held_by"]["both"]["documents"] == 3 && acme["backlog"] == 0 && acme["remaining_documents"] == 0
        })
        .await;

        let mut fresh = Console::open(&client, events, EVERYTHING).await;
        tokio::join!(fresh.catch_up(), all.catch_up(), globex.catch_up(), acme.catch_up());
        assert_eq!(all.state(), fresh.state());
        assert_eq!(acme.tenants["acme"], fresh.tenants["acme"]);
        for (console, other) in [(&globex, "acme"), (&acme, "globex")] {
            assert!(!console.heard.contains(other), "{}", console.heard);
            assert_eq!(console.tenants.len(), 1);
        }
        a_token_has_its_own_places(&client, 1).await;
        Described::of(client.clone()).await.hold_events(events, &all.heard);
        is_let_go(house, &client, &mut all).await;
    });
}

/// Who opens more of them than it may is refused, and keeps nobody else out. `open`: those that it has already.
async fn a_token_has_its_own_places(client: &HttpClient, open: usize) {
    let keepers = Ask::new(&Method::GET, "/admin/v1/events").by(Some(KEEPER));
    let mut further = Vec::new();
    while open + further.len() < MAX_STREAMS_OF_TOKEN {
        let answer = begin(client, &keepers).await;
        assert_eq!(answer.status, 200);
        further.push(answer);
    }
    let refused = ask(client, &keepers).await;
    assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (429, true));
    let problem: Value = serde_json::from_slice(&refused.body).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("this token"), "{problem}");
    Console::open(client, "/admin/v1/events", EVERYTHING).await;
}

/// First because a token is replaced, then because the process drains.
async fn is_let_go(house: House, client: &HttpClient, all: &mut Console) {
    let settings = std::fs::read_to_string(&house.seat.config).unwrap();
    std::fs::write(&house.seat.config, settings.replace("name = \"keeper\"", "name = \"another\"")).unwrap();
    all.ends().await;
    let mut again = Console::open(client, "/admin/v1/events", EVERYTHING).await;
    house.process.terminate();
    again.ends().await;
}
