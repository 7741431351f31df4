//! Each fault does what it says.

use std::time::Duration;

use mssql_client::{Client, Error};
use sluss_tds::faults::{Cut, Rule};

use crate::clients::{Mssql, Tiberius, mssql_config, mssql_of, tiberius_of, trusting_mssql};
use crate::toy::{Started, start};

fn broken(error: &tiberius::error::Error) -> bool {
    matches!(error, tiberius::error::Error::Io { .. })
}

fn broken_for_mssql(error: &Error) -> bool {
    matches!(error, Error::ConnectionClosed | Error::Io(_) | Error::Codec(_))
}

async fn both(started: &Started) -> (Tiberius, Mssql) {
    (tiberius_of(started).await, mssql_of(started).await)
}

#[tokio::test]
async fn a_cut_before_execution_does_nothing() {
    let started = start().await;
    let (mut tiberius, mut mssql) = both(&started).await;
    started.faults().add(Rule::cut(Cut::BeforeExecution).times(2));
    let error = tiberius.execute("write", &[&1_i32]).await.unwrap_err();
    assert!(broken(&error), "{error:?}");
    let error = mssql.execute("write", &[&1_i32]).await.unwrap_err();
    assert!(broken_for_mssql(&error), "{error:?}");
    assert_eq!(started.committed(), 0);
    let counts = started.faults().counts();
    assert_eq!((counts.cut_before_execution, counts.batches_executed), (2, 0));
}

#[tokio::test]
async fn a_cut_after_execution_leaves_what_was_done() {
    let started = start().await;
    let (mut tiberius, mut mssql) = both(&started).await;
    started.faults().add(Rule::cut(Cut::AfterExecution).times(2).containing("write"));
    assert_eq!(tiberius.execute("rows 1", &[]).await.unwrap().total(), 1);
    let error = tiberius.execute("write", &[]).await.unwrap_err();
    assert!(broken(&error), "{error:?}");
    let error = mssql.execute("write", &[]).await.unwrap_err();
    assert!(broken_for_mssql(&error), "{error:?}");
    assert_eq!(started.committed(), 2);
    assert_eq!(started.faults().counts().cut_after_execution, 2);
}

#[tokio::test]
async fn a_cut_connection_takes_its_transaction_with_it() {
    let started = start().await;
    let (mut client, mut other) = both(&started).await;
    client.simple_query("BEGIN TRANSACTION").await.unwrap().into_results().await.unwrap();
    client.execute("write", &[]).await.unwrap();
    started.faults().add(Rule::cut(Cut::BeforeExecution).containing("COMMIT"));
    assert!(client.simple_query("COMMIT").await.is_err());
    other.execute("write", &[]).await.unwrap();
    let store = started.store.clone();
    started.server.stop().await;
    assert_eq!(store.committed.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cut_within_an_answer_lets_so_many_bytes_through() {
    let started = start().await;
    started.faults().add(Rule::cut(Cut::InAnswer(100_000)).containing("blob"));
    let config = trusting_mssql(mssql_config(&started), &started);
    let mut mssql = Client::connect(config).await.unwrap();
    let mut stream = mssql.query_stream_blob("blob 1000000", &[]).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let mut read = 0;
    let error = loop {
        match stream.read_chunk().await {
            Ok(piece) => read += piece.expect("an end before the end").len(),
            Err(error) => break error,
        }
    };
    assert!(broken_for_mssql(&error), "{error:?}");
    assert!((90_000..100_000).contains(&read), "{read} bytes");

    let mut tiberius = tiberius_of(&started).await;
    let error = match tiberius.simple_query("blob 1000000").await {
        Ok(stream) => stream.into_results().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(broken(&error), "{error:?}");
    assert_eq!(started.faults().counts().cut_in_answer, 2);
}

#[tokio::test]
async fn answers_are_errors_on_request() {
    let started = start().await;
    let (mut tiberius, mut mssql) = both(&started).await;
    for number in [208, 229, 1105, 1205, 1222, 3960, 4060, 9002, 18456, 40613, 49918] {
        started.faults().add(Rule::error(number).times(2).containing("write"));
        let error = tiberius.execute("write", &[&1_i32]).await.unwrap_err();
        assert_eq!(error.code(), Some(number), "{error}");
        match mssql.execute("write", &[]).await.unwrap_err() {
            Error::Server { number: got, .. } => assert_eq!(got, number as i32),
            other => panic!("{other}"),
        }
        assert_eq!(started.faults().counts().errors[&number], 2);
    }
    assert_eq!(started.committed(), 0);
    // Used up: the same connections go on.
    tiberius.execute("write", &[]).await.unwrap();
    mssql.execute("write", &[]).await.unwrap();
    assert_eq!(started.committed(), 2);
}

#[tokio::test]
async fn an_error_of_severity_20_ends_the_connection() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    started.faults().add(Rule::error(40501).times(1));
    assert_eq!(client.execute("write", &[]).await.unwrap_err().code(), Some(40501));
    assert!(client.execute("write", &[]).await.is_err());
}

#[tokio::test]
async fn a_deadlock_takes_the_transaction_and_a_lock_timeout_leaves_it() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    for (number, committed) in [(1205, 0), (1222, 1)] {
        client.execute("BEGIN TRANSACTION", &[]).await.unwrap();
        client.execute("write", &[]).await.unwrap();
        started.faults().add(Rule::error(number).times(1));
        client.execute("write", &[]).await.unwrap_err();
        client.execute("COMMIT", &[]).await.unwrap();
        assert_eq!(started.committed(), committed, "after {number}");
    }
}

#[tokio::test]
async fn answers_are_delayed() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    started.faults().delay_answers(Duration::from_millis(200));
    let begin = tokio::time::Instant::now();
    client.execute("write", &[]).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(200));
    assert_eq!(started.faults().counts().delayed, 1);
}

#[tokio::test]
async fn a_seed_repeats_what_chance_did() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        started.faults().clear();
        started.faults().seed(42);
        started.faults().add(Rule::error(1222).probability(0.3));
        let mut failed = Vec::new();
        for number in 0..50 {
            if client.execute("write", &[]).await.is_err() {
                failed.push(number);
            }
        }
        runs.push(failed);
    }
    assert_eq!(runs[0], runs[1]);
    assert!((5..30).contains(&runs[0].len()), "{:?}", runs[0]);
}

#[tokio::test]
async fn all_connections_are_cut_at_once_and_new_ones_are_welcome() {
    let started = start().await;
    let (mut tiberius, mut mssql) = both(&started).await;
    started.faults().cut_all();
    assert!(tiberius.execute("write", &[]).await.is_err());
    assert!(mssql.execute("write", &[]).await.is_err());
    tiberius_of(&started).await.execute("write", &[]).await.unwrap();
    assert_eq!(started.faults().counts().cut_at_once, 2);
}
