//! One tenant with a few documents, a process that serves it, and commands as an operator types them.

use std::path::PathBuf;

use http::{HeaderMap, Method};
use rusqlite::Connection;
use serde_json::Value;
use sluss::body;
use sluss::demo::pattern::Pattern;

use crate::support::customers::ACME;
use crate::support::lab::{Lab, Seat};
use crate::support::process::Process;
use crate::support::said::Said;
use crate::support::wait::block_on;

pub const MIB: u64 = 1 << 20;

pub struct Scene {
    pub lab: Lab,
    pub seat: Seat,
    pub process: Process,
}

impl Scene {
    /// Documents 1 to 3 in the customer's table, the second one of three pieces. `agents`: more settings of that section, and
    /// whole sections behind them.
    pub fn with(agents: &str) -> Self {
        let lab = Lab::new(&format!("[limits]\n[agents]\npoll_min = \"20ms\"\npoll_max = \"200ms\"\n{agents}"));
        let seat = lab.seat("one");
        for (id, length) in [(1, 40_000), (2, 2 * MIB + 17), (3, 5)] {
            ACME.insert(&lab.database(), &id.to_string(), "text/plain", "a.txt", Some(Pattern { seed: id, length }));
        }
        lab.init(&seat);
        let mut process = Process::start(&seat, &["serve"]);
        process.wait_for(seat.documents);
        Self { lab, seat, process }
    }

    /// All documents in both stores, in phase `dual`.
    pub fn held_by_both() -> Self {
        let scene = Self::with("");
        scene.go_to("dual");
        scene
    }

    /// All documents in the object store only, in phase `object`.
    pub fn sole() -> Self {
        let scene = Self::held_by_both();
        scene.run(&["tenant", "phase", "acme", "object"]).with_code(0);
        for id in 1..=3 {
            let bytes = scene.content(id);
            scene.put(id, bytes);
        }
        scene
    }

    pub fn go_to(&self, phase: &str) {
        for step in ["shadow", "dual", "object"] {
            self.run(&["tenant", "phase", "acme", step]).with_code(0);
            self.run(&["sweep", "--tenant", "acme", "--wait"]).with_code(0);
            if step == phase {
                return;
            }
        }
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Process::command(&self.seat, arguments);
        command.env("SLUSS_ADMIN_URL", format!("http://127.0.0.1:{}", self.seat.admin));
        Said::of(command.output().unwrap())
    }

    pub fn json(&self, arguments: &[&str], code: i32) -> Value {
        serde_json::from_str(&self.run(&[&["--json"], arguments].concat()).with_code(code)).unwrap()
    }

    /// The kinds of difference that a verification lists, and its exit code's word on them.
    #[track_caller]
    pub fn verify(&self, repair: bool) -> Vec<Value> {
        let arguments: &[&str] = if repair { &["verify", "--tenant", "acme", "--repair"] } else { &["verify", "--tenant", "acme"] };
        let said = self.run(&[&["--json"], arguments].concat());
        let answer: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        let differences = answer["differences"].as_array().unwrap().clone();
        assert_eq!(said.code, i32::from(!differences.is_empty()), "{answer}");
        differences
    }

    pub fn flip(&self, to: &str) -> Said {
        self.run(&["tenant", "phase", "acme", to])
    }

    /// As it was planted.
    pub fn content(&self, id: u64) -> Vec<u8> {
        let length = [40_000, 2 * MIB + 17, 5][id as usize - 1];
        Pattern { seed: id, length }.bytes(0, length).to_vec()
    }

    pub fn put(&self, id: u64, bytes: Vec<u8>) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/plain".parse().unwrap());
        let path = format!("/v1/tenants/acme/documents/{id}");
        let client = self.seat.documents_client();
        let status = block_on(async move { client.request(Method::PUT, &path, headers, body::full(bytes)).await.unwrap().status });
        assert!(status.is_success(), "{status}");
    }

    /// What a client gets of a document: all of its bytes, or as many as came before the answer broke off.
    pub fn get(&self, id: u64) -> (u16, Vec<u8>, bool) {
        let path = format!("/v1/tenants/acme/documents/{id}");
        let client = self.seat.documents_client();
        block_on(async move {
            let mut answer = client.request(Method::GET, &path, HeaderMap::new(), body::empty()).await.unwrap();
            let mut bytes = Vec::new();
            loop {
                match answer.piece().await {
                    Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                    Ok(None) => return (answer.status.as_u16(), bytes, true),
                    Err(_) => return (answer.status.as_u16(), bytes, false),
                }
            }
        })
    }

    pub fn ask(&self, path: &str) -> Value {
        let (client, path) = (self.seat.admin_client(), path.to_owned());
        block_on(async move { client.json(Method::GET, &path, None).await.unwrap().1 })
    }

    pub fn metric(&self, series: &str) -> f64 {
        let client = self.seat.admin_client();
        let page = block_on(async move {
            let mut answer = client.request(Method::GET, "/metrics", HeaderMap::new(), body::empty()).await.unwrap();
            let mut page = Vec::new();
            while let Some(piece) = answer.piece().await.unwrap() {
                page.extend_from_slice(&piece);
            }
            String::from_utf8(page).unwrap()
        });
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("there is no {series}")).parse().unwrap()
    }

    pub fn database(&self) -> Connection {
        self.lab.database()
    }

    /// The object that a document's location names, and its file.
    pub fn object(&self, id: u64) -> (String, PathBuf) {
        let statement = "SELECT object FROM sluss_location_documents WHERE id = ?1";
        let object: String = self.database().query_row(statement, [id], |row| row.get(0)).unwrap();
        let file = self.lab.object_file(&ACME, &object);
        (object, file)
    }
}
