//! Kinds of requests and of answers.

use std::time::Duration;

use mssql_client::{Client, Error};

use crate::clients::{mssql_config, mssql_of, tiberius_of};
use crate::toy::start;

#[tokio::test]
async fn tiberius_gets_several_result_sets_of_one_batch() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    for results in [
        client.simple_query("sets").await.unwrap().into_results().await.unwrap(),
        client.query("sets", &[]).await.unwrap().into_results().await.unwrap(),
    ] {
        let numbers: Vec<Vec<i32>> = results.iter().map(|rows| rows.iter().filter_map(|row| row.try_get(0).unwrap()).collect()).collect();
        // Its `into_results` takes each set's metadata for an end, and so forgets a set without rows.
        assert_eq!(numbers, [vec![1], vec![2]]);
    }
    assert_eq!(client.execute("write", &[&1_i32]).await.unwrap().total(), 1);
}

#[tokio::test]
async fn mssql_client_gets_several_result_sets_of_one_batch() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    for parameters in [&[] as &[&(dyn mssql_client::ToSql + Sync)], &[&1_i32]] {
        let mut sets = client.query_multiple("sets", parameters).await.unwrap();
        let mut numbers = Vec::new();
        loop {
            let mut rows = Vec::new();
            while let Some(row) = sets.next_row().await.unwrap() {
                rows.push(row.get::<i32>(0).unwrap());
            }
            numbers.push(rows);
            if !sets.next_result().await.unwrap() {
                break;
            }
        }
        assert_eq!(numbers, [vec![1], vec![], vec![2]]);
    }
    assert_eq!(client.execute("write", &[]).await.unwrap(), 1);
}

#[tokio::test]
async fn an_error_has_its_number_and_leaves_the_connection_usable() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    for _ in 0..2 {
        match client.execute("fail 2627", &[&1_i32]).await.unwrap_err() {
            tiberius::error::Error::Server(error) => {
                assert_eq!((error.code(), error.class(), error.state()), (2627, 14, 3));
                assert_eq!(error.message(), "Violation of PRIMARY KEY constraint 'PK'.");
                assert_eq!(error.server(), "sluss-tds");
            }
            other => panic!("{other}"),
        }
        assert_eq!(client.execute("write", &[]).await.unwrap().total(), 1);
    }
    let mut client = mssql_of(&started).await;
    for _ in 0..2 {
        match client.execute("fail 2627", &[&1_i32]).await.unwrap_err() {
            Error::Server { number, class, state, server, .. } => {
                assert_eq!((number, class, state, server.as_deref()), (2627, 14, 3, Some("sluss-tds")));
            }
            other => panic!("{other}"),
        }
        assert_eq!(client.execute("write", &[]).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_result_that_its_columns_cannot_hold_is_an_error() {
    let started = start().await;
    let mut client = tiberius_of(&started).await;
    let error = client.execute("unfit", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(8114), "{error}");
}

#[tokio::test]
async fn a_reset_comes_before_the_request_that_asks_for_it() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    client.simple_query("BEGIN TRANSACTION").await.unwrap();
    client.execute("write", &[]).await.unwrap();
    client.mark_needs_reset();
    client.execute("write", &[&1_i32]).await.unwrap();
    assert_eq!((started.committed(), started.resets()), (1, 1));
    assert_eq!(started.faults().counts().resets, 1);
    drop(client);
    let resets = started.store.clone();
    started.server.stop().await;
    // The second is the connection's end.
    assert_eq!(resets.resets.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_hears_of_its_transactions() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    assert!(!client.is_in_transaction());
    client.execute("BEGIN TRANSACTION", &[]).await.unwrap();
    assert!(client.is_in_transaction());
    client.execute("write", &[]).await.unwrap();
    client.execute("COMMIT", &[]).await.unwrap();
    assert!(!client.is_in_transaction());
    assert_eq!(started.committed(), 1);

    let mut client = client.begin_transaction().await.unwrap();
    client.execute("write", &[]).await.unwrap();
    let client = client.rollback().await.unwrap();
    assert!(!client.is_in_transaction());
    assert_eq!(started.committed(), 1);
}

#[tokio::test]
async fn prepared_statements_are_kept_until_a_reset() {
    let started = start().await;
    let mut client = Client::connect(mssql_config(&started).no_tls(true).with_statement_cache(true)).await.unwrap();
    for number in 0..3_i32 {
        let row = client.query("echo", &[&number]).await.unwrap().try_next().unwrap();
        assert_eq!(row.get::<i32>(0).unwrap(), number);
    }
    assert_eq!(client.statement_cache_stats().hits, 2);
    client.mark_needs_reset();
    let row = client.query("echo", &[&7_i32]).await.unwrap().try_next().unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 7);
}

#[tokio::test]
async fn procedures_are_known_by_name_as_well() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    let mut result = client.call_procedure("sp_executesql", &[&"echo", &"@number int", &5_i32]).await.unwrap();
    assert_eq!(result.return_value, 0);
    let row = result.result_sets[0].next_row().unwrap().unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 5);
    match client.call_procedure("sp_who", &[]).await.unwrap_err() {
        Error::Server { number, .. } => assert_eq!(number, 2812),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_cancelled_request_is_acknowledged_and_the_next_one_answered() {
    let started = start().await;
    let mut client = mssql_of(&started).await;
    // Meanwhile the session works; it cannot be interrupted, so the answer is what is spared.
    let error = client.execute_with_timeout("sleep 300", &[], Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, Error::CommandTimeout), "{error}");
    // Meanwhile the answer is held back: it is given up at once.
    started.faults().delay_answers(Duration::from_secs(60));
    let error = client.execute_with_timeout("write", &[], Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, Error::CommandTimeout), "{error}");
    started.faults().clear();
    // In the middle of a result.
    let mut stream = client.query_stream("rows 300000", &[]).await.unwrap();
    stream.try_next().await.unwrap().unwrap();
    drop(stream);
    let row = client.query("echo", &[&7_i32]).await.unwrap().try_next().unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 7);
    let counts = started.faults().counts();
    assert_eq!((counts.attentions, counts.connections_ever), (3, 1));
}

#[tokio::test]
async fn sessions_run_beside_each_other() {
    let started = start().await;
    let begin = tokio::time::Instant::now();
    let sleepers = (0..20).map(|_| async {
        let mut client = tiberius_of(&started).await;
        client.query("sleep 200", &[]).await.unwrap().into_row().await.unwrap();
    });
    futures_util::future::join_all(sleepers).await;
    // One after the other it would take four seconds.
    assert!(begin.elapsed() < Duration::from_secs(2));
}
