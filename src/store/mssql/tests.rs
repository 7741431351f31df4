//! What the tests of the connections stand on: the test server with a session that knows a few words, and one database on it.

use std::sync::Arc;
use std::time::Duration;

use sluss_tds::faults::Faults;
use sluss_tds::server::{Options, Server};
use sluss_tds::value::{self as tds, Column, ServerError, Session, Type};
use sluss_tds::wire::Encryption as Offered;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::limit::ConnectionLimit;
use super::server::SqlServer;
use crate::config::{Encryption, SecretSource, SqlServerConfig, Trust};
use crate::store::sql::PoolUse;

pub(super) const PASSWORD: &str = "correct;horse=\"battery";

/// A session that knows a few words instead of T-SQL.
#[derive(Default)]
struct Scripted {
    open_transactions: i64,
}

fn rows(kind: Type, values: Vec<tds::Value>) -> tds::Outcome {
    let columns = vec![Column { name: "value".to_owned(), kind }];
    tds::Outcome::Rows { columns, rows: values.into_iter().map(|value| vec![value]).collect() }
}

impl Session for Scripted {
    fn execute(&mut self, batch: &str, parameters: &[tds::Parameter]) -> (Vec<tds::Outcome>, Option<ServerError>) {
        let count = tds::Value::Int(self.open_transactions);
        let word = batch.lines().find(|line| line.starts_with("--")).unwrap_or(batch);
        let answer = match word {
            _ if word.contains("@@TRANCOUNT") => vec![rows(Type::Int, vec![count])],
            "BEGIN TRANSACTION;" => {
                self.open_transactions += 1;
                Vec::new()
            }
            "COMMIT TRANSACTION;" | "ROLLBACK TRANSACTION;" => {
                self.open_transactions -= 1;
                Vec::new()
            }
            "-- go on" | "-- moved" => vec![rows(Type::NVarChar(Some(10)), vec![tds::Value::Text(word.replace("-- ", ""))])],
            "-- leave a transaction open" => {
                self.open_transactions = 1;
                vec![rows(Type::Int, vec![count])]
            }
            "-- echo" => {
                let columns = parameters.iter().map(|parameter| Column { name: parameter.name.clone(), kind: parameter.kind.clone() });
                let row = parameters.iter().map(|parameter| parameter.value.clone()).collect();
                vec![rows(Type::Int, Vec::new()), tds::Outcome::Rows { columns: columns.collect(), rows: vec![row] }]
            }
            "-- no window" => vec![rows(Type::VarBinary(None), Vec::new()), rows(Type::Int, vec![tds::Value::Int(1)])],
            "-- window" => {
                let values = parameters.iter().map(|parameter| parameter.value.clone()).collect();
                vec![rows(Type::VarBinary(None), values), rows(Type::Int, vec![tds::Value::Int(1)])]
            }
            _ => {
                let message = format!("not a word: {batch}");
                return (Vec::new(), Some(ServerError { number: 102, severity: 15, state: 1, message }));
            }
        };
        (answer, None)
    }

    fn reset(&mut self) {
        self.open_transactions = 0;
    }
}

/// A test server, and one database on it.
pub(super) struct Ground {
    pub(super) server: Server,
    pub(super) sql: Arc<SqlServer>,
    pub(super) limit: Arc<ConnectionLimit>,
    pub(super) folder: TempDir,
}

pub(super) async fn server(encryption: Offered) -> Server {
    let mut options = Options { encryption, ..Options::default() };
    options.logins.insert("sluss".to_owned(), PASSWORD.to_owned());
    options.databases.insert("Acme".to_owned(), Arc::new(|| Box::new(Scripted::default())));
    Server::start(options).await.unwrap()
}

pub(super) fn settings(server: &Server, folder: &TempDir) -> SqlServerConfig {
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, server.certificate_pem()).unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    SqlServerConfig {
        host: "localhost".to_owned(),
        port: server.address().port(),
        database: "Acme".to_owned(),
        user: "sluss".to_owned(),
        password: SecretSource::File(password),
        encryption: Encryption::Required,
        trust: Trust::Authority(ca),
        connections: 3,
        wait_timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        login_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
        lock_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(60),
        multi_subnet_failover: false,
    }
}

impl Ground {
    pub(super) async fn new(offered: Offered, change: impl FnOnce(&mut SqlServerConfig)) -> Self {
        let (server, folder, limit) = (server(offered).await, TempDir::new().unwrap(), ConnectionLimit::new(10));
        let mut settings = settings(&server, &folder);
        change(&mut settings);
        let sql = SqlServer::new(&settings, &limit).unwrap();
        Self { server, sql, limit, folder }
    }

    pub(super) async fn plain() -> Self {
        Self::new(Offered::On, |_| {}).await
    }

    pub(super) fn faults(&self) -> Faults {
        self.server.faults()
    }

    /// Nothing is in use: neither of a pool, nor of the process's connections beyond the idle ones. Waits for tasks on their way.
    pub(super) async fn settled(&self) {
        let settled = async {
            loop {
                let PoolUse { in_use, idle, .. } = self.sql.pool_use();
                if in_use == 0 && self.limit.in_use() == idle {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = timeout(Duration::from_secs(10), settled).await;
        assert!(settled.is_ok(), "{:?} of a pool and {} of the process", self.sql.pool_use(), self.limit.in_use());
    }

    /// Closed, it has no connection left, here and there.
    pub(super) async fn ends_with_nothing(self) {
        self.settled().await;
        self.sql.close().await;
        let PoolUse { in_use, idle, .. } = self.sql.pool_use();
        assert_eq!((in_use, idle, self.limit.in_use()), (0, 0, 0));
        let faults = self.faults();
        let gone = timeout(Duration::from_secs(10), async {
            while faults.counts().connections_open > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(gone.await.is_ok(), "{:?}", faults.counts());
    }
}
