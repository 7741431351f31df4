//! The control database: the audit's chain, the processes, the operators.

use std::time::Duration;

use futures_util::future::join_all;
use sluss::clock::Clock;
use sluss::store::control::{AuditRecord, ChainCheck, Process};

use crate::support::World;

fn record(action: &str) -> AuditRecord {
    AuditRecord { actor: "ops".into(), on_behalf_of: None, action: action.into(), tenant: Some("acme".into()), detail: "{}".into() }
}

async fn five_entries(w: &World) {
    for number in 0..5 {
        w.control.audit(record(&format!("action.{number}"))).await.unwrap();
    }
}

async fn an_untouched_chain_is_whole(w: World) {
    assert_eq!(w.control.check_chain().await.unwrap(), ChainCheck::Whole { entries: 0 });
    five_entries(&w).await;
    assert_eq!(w.control.check_chain().await.unwrap(), ChainCheck::Whole { entries: 5 });
    let newest = w.control.entries(None, 2).await.unwrap();
    assert_eq!(newest.iter().map(|entry| entry.number).collect::<Vec<_>>(), [5, 4]);
    let older = w.control.entries(Some(4), 10).await.unwrap();
    assert_eq!(older.iter().map(|entry| entry.record.action.as_str()).collect::<Vec<_>>(), ["action.2", "action.1", "action.0"]);
}

async fn any_altered_field_breaks_the_chain_where_it_was_altered(w: World) {
    let alterations = [
        ("actor", "opS"),
        ("on_behalf_of", "-"),
        ("on_behalf_of", ""),
        ("action", "phase.flip "),
        ("tenant", ""),
        ("detail", "[]"),
        ("at", "0"),
        ("at", "never"),
        ("hash", "0"),
        ("number", "77"),
    ];
    for _ in alterations {
        w.control.audit(record("phase.flip")).await.unwrap();
    }
    // From the newest on, so that each break is the first one that a walk meets.
    for (index, (column, value)) in alterations.into_iter().enumerate().rev() {
        let number = index as u64 + 1;
        w.customer.alter_audit(number, column, value);
        assert_eq!(w.control.check_chain().await.unwrap(), ChainCheck::BrokenAt { number }, "{column} = {value:?}");
    }
}

async fn an_entry_that_is_missing_breaks_the_chain(w: World) {
    five_entries(&w).await;
    w.customer.remove_audit(2);
    assert_eq!(w.control.check_chain().await.unwrap(), ChainCheck::BrokenAt { number: 2 });
}

async fn two_processes_append_to_one_chain(w: World) {
    let appends = (0..30).map(|number| {
        let control = if number % 2 == 0 { &w.control } else { &w.peer.control };
        async move { control.audit(record(&format!("action.{number}"))).await.unwrap().number }
    });
    let mut numbers = join_all(appends).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
    assert_eq!(w.control.check_chain().await.unwrap(), ChainCheck::Whole { entries: 30 });
}

async fn a_process_that_is_silent_drops_out(w: World) {
    let beat = async |name: &str| {
        let now = w.clock.now();
        let process = Process { name: name.into(), role: "agent".into(), version: "1".into(), started_at: now, seen_at: now };
        w.control.heartbeat(&process).await.unwrap();
    };
    let seen = async |within| w.control.processes(within).await.unwrap().into_iter().map(|process| process.name).collect::<Vec<_>>();
    beat("a").await;
    beat("b").await;
    w.clock.advance(Duration::from_secs(60));
    beat("b").await;
    assert_eq!(seen(Duration::from_secs(30)).await, ["b"]);
    assert_eq!(seen(Duration::from_secs(60)).await, ["a", "b"]);
    w.clock.advance(Duration::from_secs(24 * 3600));
    beat("c").await;
    assert_eq!(seen(Duration::MAX).await, ["b", "c"]);
}

async fn an_operator_keeps_the_first_and_the_last_time(w: World) {
    let first = w.clock.now();
    w.control.seen("ops").await.unwrap();
    w.clock.advance(Duration::from_secs(60));
    w.control.seen("ops").await.unwrap();
    w.control.seen("dba").await.unwrap();
    let operators = w.control.operators().await.unwrap();
    let found: Vec<_> = operators.iter().map(|operator| (operator.name.as_str(), operator.first_seen, operator.last_seen)).collect();
    assert_eq!(found, [("dba", w.clock.now(), w.clock.now()), ("ops", first, w.clock.now())]);
}

on_every_backend!(
    an_untouched_chain_is_whole,
    any_altered_field_breaks_the_chain_where_it_was_altered,
    an_entry_that_is_missing_breaks_the_chain,
    two_processes_append_to_one_chain,
    a_process_that_is_silent_drops_out,
    an_operator_keeps_the_first_and_the_last_time,
);
