//! The process's limit over several databases.

use super::*;
use crate::store::error::StoreErrorKind;
use crate::store::mssql::SqlServer;
use crate::store::mssql::batch::{Batch, Value};
use crate::store::mssql::fault::Outcome;
use crate::store::mssql::tests::{Ground, settings};

fn echo() -> Batch<'static> {
    Batch::new("-- echo").with("a", "bigint", Value::Integer(1))
}

/// Databases on one server, under a limit of so many connections.
async fn databases(count: usize, limit: usize) -> (Ground, Vec<Arc<SqlServer>>, Arc<ConnectionLimit>) {
    let ground = Ground::plain().await;
    let limit = ConnectionLimit::new(limit);
    let mut settings = settings(&ground.server, &ground.folder);
    settings.wait_timeout = Duration::from_millis(500);
    let databases = (0..count).map(|_| SqlServer::new(&settings, &limit).unwrap()).collect();
    (ground, databases, limit)
}

async fn end(databases: Vec<Arc<SqlServer>>, limit: &ConnectionLimit) {
    for database in databases {
        database.close().await;
    }
    assert_eq!(limit.in_use(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_databases_share_few_connections_each_giving_up_an_idle_one() {
    let (ground, databases, limit) = databases(20, 3).await;
    for _ in 0..2 {
        for database in &databases {
            drop(database.run(&echo()).await.unwrap());
            drop(database.look_up(&echo()).await.unwrap());
            assert!(limit.in_use() <= 3);
        }
    }
    assert!(ground.faults().counts().connections_ever >= 20);
    end(databases, &limit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_at_once_they_wait_for_each_other_in_turn() {
    let (_ground, databases, limit) = databases(12, 2).await;
    let calls = databases.iter().map(|database| {
        let database = Arc::clone(database);
        async move {
            for _ in 0..5 {
                let mut patience = 0;
                while let Err(fault) = database.run(&echo()).await {
                    assert_eq!((fault.outcome, fault.kind), (Outcome::NotSent, StoreErrorKind::Timeout), "{fault}");
                    patience += 1;
                    assert!(patience < 20);
                }
            }
        }
    });
    futures_util::future::join_all(calls).await;
    end(databases, &limit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_with_all_in_use_the_wait_has_an_end() {
    let (ground, databases, limit) = databases(2, 1).await;
    drop(databases[0].run(&echo()).await.unwrap());
    ground.faults().delay_answers(Duration::from_secs(1));
    let batch = echo();
    let busy = async { databases[0].run(&batch).await.map(drop) };
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        databases[1].look_up(&batch).await.unwrap_err()
    };
    let (busy, waited) = tokio::join!(busy, waiting);
    assert!(busy.is_ok());
    assert_eq!((waited.outcome, waited.kind), (Outcome::NotSent, StoreErrorKind::Timeout), "{waited}");
    assert!(waited.to_string().contains("limits.sql_connections"), "{waited}");
    ground.faults().clear();
    drop(databases[1].look_up(&echo()).await.unwrap());
    end(databases, &limit).await;
}
