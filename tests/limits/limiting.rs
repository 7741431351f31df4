//! Limits hold at once, for jobs under way too, and for all processes together.

use serde_json::Value;

use super::plant::{BOTH, Plant, copied, crawling, leased, wait_until};
use super::support::customers::{ACME, GLOBEX};

#[test]
fn a_lifted_limit_lets_a_copy_go_on_that_waits_and_a_new_one_holds_for_the_next() {
    let plant = Plant::with_processes(1);
    plant.insert(&ACME, 1, 20 << 20);
    plant.run(&["limits", "set", "--bytes-per-second", "1KiB"]).done();
    plant.run(&["tenant", "phase", "acme", "shadow"]).done();
    let database = plant.lab.database();
    let attempt = || -> Option<(String, u64)> {
        let statement = "SELECT token, failures FROM sluss_job WHERE kind = 'copy' AND state = 'leased'";
        database.query_row(statement, [], |row| Ok((row.get(0)?, row.get(1)?))).ok()
    };
    wait_until("the copy is under way", || attempt().is_some());
    let first = attempt();
    plant.run(&["limits", "set", "--bytes-per-second", "2KiB"]).done();
    assert_eq!((copied(&database, &ACME), attempt()), (0, first), "20 MiB at 2 KiB a second take hours, and the same attempt goes on");
    plant.run(&["limits", "lift", "--bytes-per-second"]).done();
    wait_until("the copy is done", || copied(&database, &ACME) == 1);

    plant.run(&["limits", "set", "--documents-per-second", "1", "--tenant", "globex"]).done();
    plant.insert(&GLOBEX, 200, 10);
    plant.run(&["tenant", "phase", "globex", "shadow"]).done();
    wait_until("the first ones are copied", || copied(&database, &GLOBEX) > 0);
    assert!(copied(&database, &GLOBEX) < 100, "200 documents at one a second take minutes");
    plant.run(&["limits", "lift", "--tenant", "globex"]).done();
    wait_until("all are copied", || copied(&database, &GLOBEX) == 200);
}

/// The most jobs that were under way at once, as it was seen until all are copied.
fn most_at_once(plant: &Plant, documents: u64, count: impl Fn() -> u64) -> u64 {
    let database = plant.lab.database();
    let mut most = 0;
    wait_until("all documents are copied", || {
        most = most.max(count());
        copied(&database, &ACME) + copied(&database, &GLOBEX) == documents
    });
    most
}

#[test]
fn two_processes_together_never_work_on_more_jobs_of_a_tenant_than_its_limit() {
    let plant = Plant::with_processes(2);
    plant.insert(&ACME, 60, 50_000);
    plant.everywhere(&["limits", "set", "--tenant", "acme", "--concurrency", "3", "--bytes-per-second", "1MiB"]);
    plant.run(&["tenant", "phase", "acme", "shadow"]).done();
    let database = plant.lab.database();
    assert_eq!(most_at_once(&plant, 60, || leased(&database, &ACME)), 3);
}

#[test]
fn a_lowered_limit_is_kept_by_both_processes_while_jobs_are_under_way() {
    let plant = Plant::with_processes(2);
    crawling(&plant);
    let database = plant.lab.database();
    plant.run(&["limits", "set", "--tenant", "acme", "--concurrency", "1"]).done();
    wait_until("one copy is under way", || leased(&database, &ACME) == 1);
    plant.run(&["limits", "set", "--tenant", "acme", "--concurrency", "5"]).done();
    wait_until("five copies are under way", || leased(&database, &ACME) == 5);
    plant.run(&["limits", "set", "--concurrency", "2"]).done();
    wait_until("two copies are under way", || leased(&database, &ACME) == 2);
}

#[test]
fn a_limit_in_all_is_divided_among_the_processes_without_a_rest() {
    let plant = Plant::with_processes(2);
    let database = plant.lab.database();
    wait_until("each process has said that its agents are at work", || {
        let at_work: u64 = database.query_row("SELECT count(*) FROM sluss_process WHERE works", [], |row| row.get(0)).unwrap();
        at_work == 2
    });
    plant.everywhere(&["limits", "set", "--concurrency", "3", "--bytes-per-second", "2MiB"]);
    for customer in BOTH {
        plant.insert(customer, 40, 50_000);
        plant.run(&["tenant", "phase", customer.tenant, "shadow"]).done();
    }
    assert_eq!(most_at_once(&plant, 80, || leased(&database, &ACME) + leased(&database, &GLOBEX)), 3);
}

#[test]
fn limits_are_shown_and_every_change_is_audited_with_what_held_before() {
    let plant = Plant::with_processes(1);
    plant.run(&["limits", "set", "--tenant", "acme", "--bytes-per-second", "50MiB", "--concurrency", "2"]).done();
    plant.run(&["limits", "set", "--tenant", "acme", "--concurrency", "4"]).done();
    let all = plant.json(&["limits", "set", "--documents-per-second", "10"]);
    assert_eq!((&all["documents_per_second"], &all["bytes_per_second"], &all["tenant"]), (&Value::from(10), &Value::Null, &Value::Null));
    let shown = plant.run(&["limits", "show"]).done();
    let lines: Vec<Vec<&str>> = shown.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [["(in", "all)", "10", "-", "-", "at", "work"].as_slice(), &["acme", "-", "50MiB", "4", "at", "work"]]);
    assert_eq!(plant.json(&["limits", "show"])["tenants"]["acme"]["concurrency"], 4);
    assert_eq!(plant.json(&["limits", "show", "--tenant", "globex"])["concurrency"], Value::Null);
    plant.run(&["limits", "lift", "--tenant", "acme", "--concurrency"]).done();
    assert!(plant.run(&["tenant", "show", "acme"]).done().contains("limits: documents/s none, bytes/s 52428800, concurrency none"));
    let details: Vec<String> = plant.audited("limits").into_iter().map(|(tenant, detail)| format!("{tenant:?} {detail}")).collect();
    assert_eq!(
        details[3],
        "Some(\"acme\") before: documents/s none, bytes/s 52428800, concurrency 4, at work; \
         after: documents/s none, bytes/s 52428800, concurrency none, at work"
    );
    assert!(
        details[2].starts_with("None before: documents/s none")
            && details[2].ends_with("after: documents/s 10, bytes/s none, concurrency none, at work")
    );
}

#[test]
fn a_limit_that_cannot_be_is_refused_with_what_to_do() {
    let plant = Plant::with_processes(1);
    for (arguments, told) in [
        (["limits", "set", "--concurrency", "0"].as_slice(), "pause it instead"),
        (&["limits", "set", "--bytes-per-second", "fast"], "is not a size such as \"64MiB\""),
        (&["limits", "set"], "--documents-per-second"),
    ] {
        assert!(plant.run(arguments).ended(2).contains(told), "{arguments:?}");
    }
    assert!(plant.run(&["limits", "set", "--tenant", "initech", "--concurrency", "1"]).ended(1).contains("no tenant \"initech\""));
    assert!(plant.run(&["limits", "show", "--tenant", "initech"]).ended(1).contains("no tenant \"initech\""));
    assert!(plant.audited("limits").is_empty(), "nothing was changed");
}
