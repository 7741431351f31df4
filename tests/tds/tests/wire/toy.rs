//! A session that does what the first word of a batch says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluss_tds::faults::Faults;
use sluss_tds::server::{Factory, Options, Server};
use sluss_tds::value::{Column, Outcome, Parameter, ServerError, Session, Type, Value};
use sluss_tds::wire::Encryption;

pub const USER: &str = "gateway";
/// With characters that the wire must not lose.
pub const PASSWORD: &str = "pä55 wörd 🔑";

/// What all sessions of one server wrote and committed.
#[derive(Debug, Default)]
pub struct Store {
    pub committed: AtomicU64,
    pub resets: AtomicU64,
}

struct Toy {
    store: Arc<Store>,
    /// In the open transaction.
    written: Option<u64>,
}

pub struct Started {
    pub server: Server,
    pub store: Arc<Store>,
}

impl Started {
    pub fn faults(&self) -> Faults {
        self.server.faults()
    }

    pub fn committed(&self) -> u64 {
        self.store.committed.load(Ordering::SeqCst)
    }

    pub fn resets(&self) -> u64 {
        self.store.resets.load(Ordering::SeqCst)
    }
}

pub async fn start() -> Started {
    start_with(Encryption::On).await
}

pub async fn start_with(encryption: Encryption) -> Started {
    let store = Arc::new(Store::default());
    let sessions = Arc::clone(&store);
    let factory: Factory = Arc::new(move || Box::new(Toy { store: Arc::clone(&sessions), written: None }));
    let server = Server::start(Options {
        logins: [(USER.to_owned(), PASSWORD.to_owned())].into(),
        databases: [("Documents".to_owned(), factory)].into(),
        encryption,
        ..Options::default()
    })
    .await
    .unwrap();
    Started { server, store }
}

/// Bytes that a lost or doubled piece would change.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / 65_536) as u8).collect()
}

pub fn column(name: &str, kind: Type) -> Column {
    Column { name: name.to_owned(), kind }
}

fn number(value: i64) -> Outcome {
    Outcome::Rows { columns: vec![column("n", Type::Int)], rows: vec![vec![Value::Int(value)]] }
}

impl Session for Toy {
    fn execute(&mut self, batch: &str, parameters: &[Parameter]) -> (Vec<Outcome>, Option<ServerError>) {
        let words: Vec<&str> = batch.split_whitespace().collect();
        let argument = words.get(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        let outcomes = match words.first().copied().unwrap_or_default() {
            "echo" => vec![Outcome::Rows {
                columns: parameters.iter().map(|parameter| column(&parameter.name, parameter.kind.clone())).collect(),
                rows: vec![parameters.iter().map(|parameter| parameter.value.clone()).collect()],
            }],
            "sets" => vec![
                number(1),
                Outcome::Done(3),
                Outcome::Rows { columns: vec![column("t", Type::NVarChar(None))], rows: Vec::new() },
                number(2),
            ],
            "blob" => vec![Outcome::Rows {
                columns: vec![column("id", Type::BigInt), column("content", Type::VarBinary(None))],
                rows: vec![vec![Value::Int(7), Value::Bytes(pattern(argument as usize).into())]],
            }],
            "rows" => {
                let rows = (0..argument).map(|at| vec![Value::Int(at as i64)]).collect();
                vec![Outcome::Rows { columns: vec![column("n", Type::Int)], rows }]
            }
            "sleep" => {
                std::thread::sleep(Duration::from_millis(argument));
                vec![number(argument as i64)]
            }
            "varchar" => vec![Outcome::Rows {
                columns: vec![column("t", Type::VarChar(Some(50)))],
                rows: vec![vec![Value::Text(words[1].to_owned())]],
            }],
            "unfit" => vec![Outcome::Rows { columns: vec![column("n", Type::Int)], rows: vec![vec![Value::Text("x".to_owned())]] }],
            "fail" => {
                let message = "Violation of PRIMARY KEY constraint 'PK'.".to_owned();
                return (vec![Outcome::Done(1)], Some(ServerError { number: argument as u32, severity: 14, state: 3, message }));
            }
            "write" => {
                match &mut self.written {
                    Some(written) => *written += 1,
                    None => drop(self.store.committed.fetch_add(1, Ordering::SeqCst)),
                }
                vec![Outcome::Done(1)]
            }
            "SELECT" => vec![number(i64::from(self.written.is_some()))],
            "BEGIN" => {
                self.written = Some(0);
                Vec::new()
            }
            "COMMIT" => {
                self.store.committed.fetch_add(self.written.take().unwrap_or_default(), Ordering::SeqCst);
                Vec::new()
            }
            "ROLLBACK" | "IF" => {
                self.written = None;
                Vec::new()
            }
            other => panic!("no word {other}"),
        };
        (outcomes, None)
    }

    fn reset(&mut self) {
        self.written = None;
        self.store.resets.fetch_add(1, Ordering::SeqCst);
    }
}
