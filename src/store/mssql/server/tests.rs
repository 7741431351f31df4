//! Both lanes against the test server: what they carry, connections cut at every moment, and that none is ever leaked.

use bytes::Bytes;
use sluss_tds::faults::{Cut, Rule};
use tokio::time::{sleep, timeout};

use super::*;
use crate::store::mssql::batch::{Cell, Value};
use crate::store::mssql::tests::Ground;

fn echo() -> Batch<'static> {
    Batch::new("-- echo")
        .with("a", "bigint", Value::Integer(-7))
        .with("b", "nvarchar(max)", Value::Text("Zwölf Boxkämpfer \u{1F4E6}".to_owned()))
        .with("c", "varbinary(max)", Value::Bytes(Bytes::from_static(b"\0\xFF")))
        .with("d", "bit", Value::Flag(true))
        .with("e", "nvarchar(10)", Value::Null)
}

fn echoed() -> Vec<Cell> {
    vec![
        Cell::Integer(-7),
        Cell::Text("Zwölf Boxkämpfer \u{1F4E6}".to_owned()),
        Cell::Bytes(Bytes::from_static(b"\0\xFF")),
        Cell::Flag(true),
        Cell::Null,
    ]
}

fn window(bytes: &Bytes) -> Batch<'static> {
    Batch::new("-- window").with("content", "varbinary(max)", Value::Bytes(bytes.clone()))
}

/// The cells of the only row.
fn cells(rows: Rows) -> Vec<Cell> {
    let [row] = <[_; 1]>::try_from(rows).unwrap();
    row.into_cells()
}

fn content(length: u32) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn short(settings: &mut SqlServerConfig) {
    settings.statement_timeout = Duration::from_millis(100);
    settings.wait_timeout = Duration::from_millis(100);
    settings.connections = 1;
}

fn plain_tls() -> sluss_tds::wire::Encryption {
    sluss_tds::wire::Encryption::On
}

#[tokio::test(flavor = "multi_thread")]
async fn both_lanes_carry_every_kind_of_value() {
    let ground = Ground::plain().await;
    assert_eq!(cells(ground.sql.run(&echo()).await.unwrap()), echoed());
    assert_eq!(cells(ground.sql.look_up(&echo()).await.unwrap()), echoed());
    let content = content(3_000_000);
    for _ in 0..2 {
        assert_eq!(ground.sql.window(&window(&content), content.len()).await.unwrap(), Some(content.clone()));
    }
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_goes_to_a_binary_variable_on_the_command_lane_and_is_refused_on_the_other() {
    let ground = Ground::plain().await;
    let null = Batch::new("-- echo").with("c", "varbinary(max)", Value::Null);
    assert_eq!(cells(ground.sql.run(&null).await.unwrap()), [Cell::Null]);
    assert_eq!(ground.sql.look_up(&null).await.unwrap_err().outcome, Outcome::NotSent);
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_without_a_row_is_none_and_more_than_was_asked_for_is_an_error() {
    let ground = Ground::plain().await;
    assert_eq!(ground.sql.window(&Batch::new("-- no window").with("id", "int", Value::Integer(1)), 100).await.unwrap(), None);
    assert_eq!(ground.sql.window(&window(&Bytes::new()), 100).await.unwrap(), Some(Bytes::new()));
    assert!(ground.sql.window(&window(&content(101)), 100).await.is_err());
    let two = window(&content(10)).with("more", "varbinary(max)", Value::Bytes(content(10)));
    assert!(ground.sql.window(&two, 100).await.is_err());
    assert_eq!(ground.sql.window(&window(&content(100)), 100).await.unwrap(), Some(content(100)));
    ground.ends_with_nothing().await;
}

/// Every few bytes of an answer, and around its execution.
fn moments(answer_bytes: u64) -> Vec<Cut> {
    let step = (answer_bytes / 40).max(1) as usize;
    let within = (0..answer_bytes).step_by(step).map(Cut::InAnswer);
    [Cut::BeforeExecution, Cut::AfterExecution].into_iter().chain(within).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_cut_at_any_moment_has_an_unknown_outcome_and_leaks_nothing() {
    let ground = Ground::plain().await;
    for cut in moments(200) {
        ground.faults().add(Rule::cut(cut).containing("-- echo").times(1));
        let fault = ground.sql.run(&echo()).await.unwrap_err();
        assert_eq!((fault.outcome, fault.kind), (Outcome::Unknown, StoreErrorKind::Unavailable), "{cut:?}: {fault}");
        ground.settled().await;
    }
    assert_eq!(cells(ground.sql.run(&echo()).await.unwrap()), echoed());
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_cut_at_any_moment_is_right_or_an_error_and_leaks_nothing() {
    let ground = Ground::plain().await;
    let content = content(50_000);
    for cut in moments(50_000) {
        for times in [1, 2] {
            ground.faults().add(Rule::cut(cut).containing("-- window").times(times));
            match ground.sql.window(&window(&content), content.len()).await {
                Ok(read) => assert_eq!(read, Some(content.clone()), "{cut:?}"),
                Err(fault) => assert_eq!(fault.kind, StoreErrorKind::Unavailable, "{cut:?}: {fault}"),
            }
            ground.faults().clear();
            ground.faults().add(Rule::cut(cut).containing("-- echo").times(times));
            match ground.sql.look_up(&echo()).await {
                Ok(read) => assert_eq!(cells(read), echoed(), "{cut:?}"),
                Err(fault) => assert_eq!(fault.kind, StoreErrorKind::Unavailable, "{cut:?}: {fault}"),
            }
            ground.faults().clear();
            ground.settled().await;
        }
    }
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_while_a_session_is_set_up_or_tidied_leaks_nothing() {
    let ground = Ground::plain().await;
    for cut in moments(100) {
        ground.faults().add(Rule::cut(cut).containing("@@TRANCOUNT").times(1));
        drop(ground.sql.run(&echo()).await);
        ground.faults().clear();
        ground.faults().add(Rule::cut(cut).containing("SELECT @@TRANCOUNT AS open_transactions").times(1));
        drop(ground.sql.window(&window(&content(10)), 10).await);
        ground.settled().await;
        ground.faults().clear();
    }
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_the_first_call_of_each_lane_finds_a_new_connection() {
    let ground = Ground::plain().await;
    drop(ground.sql.run(&echo()).await.unwrap());
    let batch = echo();
    let (one, other) = tokio::join!(ground.sql.look_up(&batch), ground.sql.look_up(&batch));
    assert!(one.is_ok() && other.is_ok());
    ground.settled().await;
    ground.faults().cut_all();
    assert_eq!(cells(ground.sql.look_up(&echo()).await.unwrap()), echoed());
    assert_eq!(cells(ground.sql.run(&echo()).await.unwrap()), echoed());
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_caller_cancels_no_command() {
    let ground = Ground::plain().await;
    drop(ground.sql.run(&echo()).await.unwrap());
    ground.faults().delay_answers(Duration::from_millis(50));
    let before = ground.faults().counts();
    for patience in [0, 1, 5, 20, 60, 90] {
        assert!(timeout(Duration::from_millis(patience), ground.sql.run(&echo())).await.is_err());
    }
    ground.settled().await;
    let after = ground.faults().counts();
    // Each was set up and run to its end, some on connections of their own.
    assert!(after.batches_executed >= before.batches_executed + 12, "{after:?}");
    assert_eq!(after.cut_before_execution + after.cut_after_execution + after.cut_in_answer, 0);
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_reader_costs_its_connection_and_nothing_else() {
    let ground = Ground::plain().await;
    ground.faults().delay_answers(Duration::from_millis(10));
    let content = content(1_000_000);
    for patience in 0..40 {
        let patience = Duration::from_millis(patience);
        drop(timeout(patience, ground.sql.window(&window(&content), content.len())).await);
        drop(timeout(patience, ground.sql.look_up(&echo())).await);
    }
    ground.settled().await;
    assert_eq!(cells(ground.sql.look_up(&echo()).await.unwrap()), echoed());
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_an_open_transaction_is_never_used_again() {
    let ground = Ground::plain().await;
    drop(ground.sql.run(&Batch::new("-- leave a transaction open")).await.unwrap());
    assert_eq!(ground.faults().counts().connections_ever, 1);
    assert_eq!(cells(ground.sql.run(&echo()).await.unwrap()), echoed());
    assert_eq!(ground.faults().counts().connections_ever, 2);
    ground.settled().await;
    assert_eq!(ground.limit.in_use(), 1);
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_victim_of_a_deadlock_runs_again_and_a_refusal_does_not() {
    let ground = Ground::plain().await;
    for number in [1205, 1222, 3960] {
        ground.faults().add(Rule::error(number).containing("-- echo").times(3));
        assert_eq!(cells(ground.sql.run(&echo()).await.unwrap()), echoed());
        ground.faults().clear();
        ground.faults().add(Rule::error(number).containing("-- echo").times(3));
        assert_eq!(cells(ground.sql.look_up(&echo()).await.unwrap()), echoed());
        ground.faults().clear();
        ground.faults().add(Rule::error(number).containing("-- echo"));
        let fault = ground.sql.run(&echo()).await.unwrap_err();
        assert_eq!((fault.number, fault.outcome), (Some(number), Outcome::RolledBack), "{fault}");
        assert_eq!(ground.faults().counts().errors[&number], 3 + 3 + 4);
        ground.faults().clear();
    }
    ground.faults().add(Rule::error(547).containing("-- echo"));
    let fault = ground.sql.run(&echo()).await.unwrap_err();
    assert!(fault.is_refusal() && fault.outcome == Outcome::RolledBack, "{fault}");
    assert_eq!(ground.faults().counts().errors[&547], 1);
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_and_a_wait_have_their_ends() {
    let ground = Ground::new(plain_tls(), short).await;
    drop(ground.sql.run(&echo()).await.unwrap());
    ground.faults().delay_answers(Duration::from_millis(300));
    let batch = echo();
    let busy = ground.sql.look_up(&batch);
    let waiting = async {
        sleep(Duration::from_millis(20)).await;
        ground.sql.look_up(&batch).await.unwrap_err()
    };
    let (_, waited) = tokio::join!(busy, waiting);
    assert_eq!((waited.outcome, waited.kind), (Outcome::NotSent, StoreErrorKind::Timeout), "{waited}");
    ground.settled().await;
    ground.faults().clear();
    drop(ground.sql.look_up(&echo()).await.unwrap());
    ground.faults().delay_answers(Duration::from_millis(300));
    let fault = ground.sql.look_up(&echo()).await.unwrap_err();
    assert_eq!((fault.outcome, fault.kind), (Outcome::Unknown, StoreErrorKind::Timeout), "{fault}");
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_idle_for_long_is_closed() {
    let ground = Ground::new(plain_tls(), |settings| settings.idle_timeout = Duration::from_millis(100)).await;
    for _ in 0..2 {
        drop(ground.sql.run(&echo()).await.unwrap());
        drop(ground.sql.look_up(&echo()).await.unwrap());
        assert!(ground.limit.in_use() > 0);
        let closed = timeout(Duration::from_secs(5), async {
            while ground.limit.in_use() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(closed.await.is_ok(), "{:?}", ground.sql.pool_use());
    }
    ground.ends_with_nothing().await;
}
