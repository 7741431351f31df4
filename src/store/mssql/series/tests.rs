//! A series on the test server: committed whole, or not at all.

use sluss_tds::faults::{Cut, Rule};

use crate::store::error::StoreErrorKind;
use crate::store::mssql::batch::{Batch, Value};
use crate::store::mssql::fault::Outcome;
use crate::store::mssql::tests::Ground;

fn word(text: &'static str) -> Batch<'static> {
    Batch::new(text).with("number", "bigint", Value::Integer(1))
}

fn series(words: &[&'static str]) -> Vec<Batch<'static>> {
    words.iter().map(|text| word(text)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_goes_on_until_a_word_ends_it() {
    let ground = Ground::plain().await;
    for (words, answer) in
        [(&["-- go on", "-- go on", "-- go on"][..], "done"), (&["-- go on", "-- moved", "-- no such word"], "moved"), (&[], "done")]
    {
        assert_eq!(ground.sql.run_series(&series(words)).await.unwrap(), answer);
        ground.settled().await;
    }
    // One connection has served all of them: none was left with a transaction open.
    assert_eq!(ground.faults().counts().connections_ever, 1);
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_commit_that_fails_has_an_unknown_outcome() {
    let ground = Ground::plain().await;
    let words = series(&["-- go on", "-- go on"]);
    for cut in [Cut::BeforeExecution, Cut::AfterExecution, Cut::InAnswer(9)] {
        for (meets, outcome) in
            [("BEGIN TRANSACTION", Outcome::RolledBack), ("-- go on", Outcome::RolledBack), ("COMMIT TRANSACTION", Outcome::Unknown)]
        {
            ground.faults().add(Rule::cut(cut).containing(meets).times(1));
            let fault = ground.sql.run_series(&words).await.unwrap_err();
            assert_eq!((fault.outcome, fault.kind), (outcome, StoreErrorKind::Unavailable), "{cut:?} {meets}: {fault}");
            ground.settled().await;
        }
    }
    ground.ends_with_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_that_was_a_victim_runs_again_as_a_whole() {
    let ground = Ground::plain().await;
    ground.faults().add(Rule::error(1205).containing("-- go on").times(2));
    assert_eq!(ground.sql.run_series(&series(&["-- go on", "-- go on"])).await.unwrap(), "done");
    ground.faults().add(Rule::error(547).containing("-- go on").times(1));
    let fault = ground.sql.run_series(&series(&["-- go on"])).await.unwrap_err();
    assert!(fault.is_refusal() && fault.outcome == Outcome::RolledBack);
    ground.ends_with_nothing().await;
}
