//! Several sessions on one database.

use std::time::Duration;

use sluss_tds::value::{Session, Value};

use super::{Bench, parameters, text};

fn only(session: &mut dyn Session, batch: &str) -> Result<Value, u32> {
    match session.execute(batch, &[]) {
        (outcomes, None) => match outcomes.last() {
            Some(sluss_tds::value::Outcome::Rows { rows, .. }) => Ok(rows[0][0].clone()),
            _ => Ok(Value::Null),
        },
        (_, Some(failure)) => Err(failure.number),
    }
}

#[test]
fn one_waits_for_the_other_and_gives_up() {
    let mut bench = Bench::with_tables();
    let mut other = bench.database.session();
    bench.run("BEGIN TRAN; INSERT INTO sluss.state (tenant, phase) VALUES ('a', 'sql')");
    assert_eq!(only(&mut *other, "SET LOCK_TIMEOUT 50; SELECT COUNT(*) FROM sluss.state"), Ok(Value::Int(0)));
    assert_eq!(only(&mut *other, "DELETE FROM sluss.state"), Err(1222));
    let waiting = std::thread::spawn(move || {
        let done = only(&mut *other, "SET LOCK_TIMEOUT 10000; UPDATE sluss.state SET epoch = 5; SELECT @@LOCK_TIMEOUT");
        (other, done)
    });
    std::thread::sleep(Duration::from_millis(100));
    bench.run("COMMIT");
    let (mut other, done) = waiting.join().expect("no panic");
    assert_eq!(done, Ok(Value::Int(10000)));
    assert_eq!(bench.value("SELECT epoch FROM sluss.state"), Value::Int(5));
    // A connection that is reset has lost its transaction.
    assert_eq!(only(&mut *other, "BEGIN TRAN; DELETE FROM sluss.state"), Ok(Value::Null));
    other.reset();
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.state"), Value::Int(1));
    assert_eq!(only(&mut *other, "SELECT @@TRANCOUNT"), Ok(Value::Int(0)));
}

#[test]
fn a_snapshot_stays_and_does_not_write_over_what_it_does_not_see() {
    let mut bench = Bench::with_tables();
    bench.run("INSERT INTO sluss.state (tenant, phase, epoch) VALUES ('a', 'sql', 1)");
    let mut other = bench.database.session();
    let read = "SELECT epoch FROM sluss.state";
    assert_eq!(only(&mut *other, &format!("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; {read}")), Ok(Value::Int(1)));
    bench.run("UPDATE sluss.state SET epoch = 2");
    assert_eq!(only(&mut *other, read), Ok(Value::Int(1)));
    assert_eq!(only(&mut *other, "UPDATE sluss.state SET epoch = 3"), Err(3960));
    assert_eq!(only(&mut *other, "SELECT @@TRANCOUNT"), Ok(Value::Int(0)));
    assert_eq!(only(&mut *other, &format!("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {read}")), Ok(Value::Int(2)));
}

#[test]
fn many_claim_at_once_and_nobody_twice() {
    let mut bench = Bench::with_tables();
    for number in 0..40 {
        bench.run_with(
            "INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at) VALUES ('a', 'k', @P1, 'ready', 1, 1)",
            &parameters(&[text(&number.to_string())]),
        );
    }
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let mut session = bench.database.session();
            std::thread::spawn(move || {
                let claim = "WITH due AS (SELECT TOP (1) j.* FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK) WHERE j.state = 'ready' ORDER BY j.id)
                    UPDATE due SET state = 'leased', owner = CAST(@@SPID AS varchar(10)) OUTPUT inserted.id;";
                (0..10).map(|_| only(&mut *session, claim).expect("a job")).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut claimed: Vec<i64> = Vec::new();
    for worker in workers {
        claimed.extend(worker.join().expect("no panic").into_iter().map(|id| if let Value::Int(id) = id { id } else { 0 }));
    }
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=40).collect::<Vec<_>>());
}
