//! The control database: the audit's chain, the processes, the operators.

use std::time::Duration;

use futures_util::future::join_all;
use sluss::clock::Clock;
use sluss::model::limits::{Limit, LimitScope, LimitTable, LimitsChange, WorkLimits};
use sluss::store::control::{AuditRecord, ChainCheck, Process};
use sluss::store::doctor::Finding;
use sluss::store::evidence::Evidence;

use crate::support::{World, tenant};

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
    let newest = w.control.entries(None, None, 2).await.unwrap();
    assert_eq!(newest.iter().map(|entry| entry.number).collect::<Vec<_>>(), [5, 4]);
    let older = w.control.entries(None, Some(4), 10).await.unwrap();
    assert_eq!(older.iter().map(|entry| entry.record.action.as_str()).collect::<Vec<_>>(), ["action.2", "action.1", "action.0"]);
    w.control.audit(AuditRecord { tenant: Some("globex".into()), ..record("action.5") }).await.unwrap();
    let about = async |tenant: &str, before| w.control.entries(Some(&tenant.parse().unwrap()), before, 10).await.unwrap();
    assert_eq!((about("acme", None).await.len(), about("globex", None).await[0].number), (5, 6));
    assert_eq!((about("acme", Some(2)).await.len(), about("nobody", None).await.len()), (1, 0));
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
        let process = Process { name: name.into(), role: "agent".into(), works: true, version: "1".into(), started_at: now, seen_at: now };
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

async fn a_process_tells_whether_its_agents_are_at_work(w: World) {
    let now = w.clock.now();
    for works in [true, false] {
        let process = Process { name: "a".into(), role: "serve".into(), works, version: "1".into(), started_at: now, seen_at: now };
        w.control.heartbeat(&process).await.unwrap();
        assert_eq!(w.peer.control.processes(Duration::MAX).await.unwrap(), [process]);
    }
}

fn limit(figure: u64) -> Option<Limit> {
    Some(figure.try_into().unwrap())
}

async fn limits_are_kept_for_each_scope_and_a_change_leaves_what_it_does_not_name(w: World) {
    assert_eq!(w.control.limits().await.unwrap(), LimitTable::default());
    let acme = LimitScope::Tenant(tenant());
    let set = LimitsChange { bytes_per_second: Some(limit(7)), concurrency: Some(limit(2)), ..LimitsChange::default() };
    w.control.change_limits(&acme, set, record("limits")).await.unwrap();
    w.control.change_limits(&LimitScope::All, LimitsChange::pause(true), record("pause")).await.unwrap();
    let lift = LimitsChange { concurrency: Some(None), documents_per_second: Some(limit(Limit::MAX)), ..LimitsChange::default() };
    let now = w.peer.control.change_limits(&acme, lift, record("limits")).await.unwrap();
    let expected = WorkLimits { documents_per_second: limit(Limit::MAX), bytes_per_second: limit(7), ..WorkLimits::default() };
    assert_eq!(now, expected);
    let all = WorkLimits { paused: true, ..WorkLimits::default() };
    assert_eq!(w.control.limits().await.unwrap(), LimitTable { all, tenants: [(tenant(), expected)].into() });
}

async fn every_change_of_a_limit_is_in_the_chain_with_what_held_before_and_after(w: World) {
    let changes = (1..=10).map(|figure| {
        let control = if figure % 2 == 0 { &w.control } else { &w.peer.control };
        let change = LimitsChange { concurrency: Some(limit(figure)), ..LimitsChange::default() };
        async move { control.change_limits(&LimitScope::All, change, record("limits")).await.unwrap() }
    });
    join_all(changes).await;
    assert_eq!(w.control.check_chain().await.unwrap(), ChainCheck::Whole { entries: 10 });
    let mut held = WorkLimits::default().to_string();
    for entry in w.control.entries(None, None, 10).await.unwrap().into_iter().rev() {
        let detail = entry.record.detail;
        let after = detail.strip_prefix(&format!("before: {held}; after: ")).unwrap_or_else(|| panic!("{detail} does not follow {held}"));
        held = after.to_owned();
    }
    assert_eq!(held, w.control.limits().await.unwrap().all.to_string());
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

async fn an_installation_has_one_name_whoever_asks_first(w: World) {
    let names = join_all((0..10).map(|figure| if figure % 2 == 0 { &w.control } else { &w.peer.control }).map(|it| it.installation()));
    let names: std::collections::BTreeSet<String> = names.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

async fn what_was_seen_of_a_placement_is_kept_until_somebody_looks_again(w: World) {
    let (tenant, hour) = (crate::support::tenant(), Duration::from_secs(3600));
    let seen = |placement: &str, found: &str| {
        let findings = vec![Finding::ok("write", found), Finding::refused("lifecycle", "räksmörgås 🚢", "do'nt")];
        Evidence::new(&tenant, &placement.parse().unwrap(), format!("s3 {placement}"), w.clock.now(), findings)
    };
    for (placement, found) in [("b", "x"), ("a", "first"), ("a", "second")] {
        w.control.keep_evidence(&seen(placement, found)).await.unwrap();
    }
    assert_eq!(w.peer.control.evidence(&tenant, hour).await.unwrap(), [seen("a", "second"), seen("b", "x")]);
    assert!(w.control.evidence(&"globex".parse().unwrap(), hour).await.unwrap().is_empty());
    w.clock.advance(hour + Duration::from_secs(1));
    assert!(w.control.evidence(&tenant, hour).await.unwrap().is_empty());
}

on_every_backend!(
    an_installation_has_one_name_whoever_asks_first,
    what_was_seen_of_a_placement_is_kept_until_somebody_looks_again,
    an_untouched_chain_is_whole,
    any_altered_field_breaks_the_chain_where_it_was_altered,
    an_entry_that_is_missing_breaks_the_chain,
    two_processes_append_to_one_chain,
    a_process_that_is_silent_drops_out,
    a_process_tells_whether_its_agents_are_at_work,
    limits_are_kept_for_each_scope_and_a_change_leaves_what_it_does_not_name,
    every_change_of_a_limit_is_in_the_chain_with_what_held_before_and_after,
    an_operator_keeps_the_first_and_the_last_time,
);
