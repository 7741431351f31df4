//! A pause stops the agents at once and loses nothing; clients notice nothing of it.

use super::plant::{Plant, copied, crawling, leased, open_copies, wait_until};
use super::support::customers::{ACME, GLOBEX};

/// All of a tenant's work from its beginning to its end, by agents that would do other work, too.
fn globex_is_copied(plant: &Plant) {
    plant.insert(&GLOBEX, 5, 1000);
    plant.run(&["tenant", "phase", "globex", "shadow"]).done();
    plant.run(&["sweep", "--tenant", "globex", "--wait"]).done();
}

#[test]
fn a_pause_gives_back_what_is_under_way_stops_that_tenant_only_and_outlives_a_restart() {
    let mut plant = Plant::with_processes(1);
    crawling(&plant);
    assert_eq!(plant.run(&["tenant", "pause", "acme"]).done(), "acme: paused, jobs under way are given back\n");
    let database = plant.lab.database();
    wait_until("the copies are given back", || leased(&database, &ACME) == 0);
    let failures: u64 = database.query_row("SELECT sum(failures) FROM sluss_job WHERE tenant = 'acme'", [], |row| row.get(0)).unwrap();
    assert_eq!(failures, 0, "a pause is nobody's failure");
    plant.run(&["limits", "lift", "--tenant", "acme"]).done();
    plant.run(&["sweep", "--tenant", "acme"]).done();
    plant.processes[0].kill_and_restart();
    let admin = plant.seats[0].admin;
    plant.processes[0].wait_for(admin);
    globex_is_copied(&plant);
    assert_eq!((open_copies(&database, &ACME), copied(&database, &ACME), leased(&database, &ACME)), (11, 1, 0));
    let shown = plant.run(&["tenant", "show", "acme"]).done();
    assert!(shown.contains("paused: agents rest until `sluss tenant resume acme`"), "{shown}");
    assert!(plant.run(&["tenant", "list"]).done().lines().any(|line| line.starts_with("acme ") && line.ends_with("  paused")));

    assert_eq!(plant.run(&["tenant", "resume", "acme"]).done(), "acme: agents are at work\n");
    plant.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    assert_eq!((open_copies(&database, &ACME), copied(&database, &ACME)), (0, 12));
    assert!(!plant.run(&["tenant", "show", "acme"]).done().contains("paused"));
}

#[test]
fn a_pause_of_all_stops_every_process_and_leaves_who_is_paused_alone_when_it_ends() {
    let plant = Plant::with_processes(2);
    crawling(&plant);
    plant.run(&["tenant", "pause", "globex"]).done();
    assert_eq!(plant.run(&["pause"]).done(), "all tenants: paused, jobs under way are given back\n");
    let database = plant.lab.database();
    wait_until("both processes have given their copies back", || leased(&database, &ACME) == 0);
    assert!(plant.run(&["tenant", "show", "acme"]).done().contains("paused with all tenants: agents rest until `sluss resume`"));
    plant.run(&["limits", "lift", "--tenant", "acme"]).done();
    plant.insert(&GLOBEX, 1, 1000);
    plant.run(&["tenant", "phase", "globex", "shadow"]).done();

    assert_eq!(plant.run(&["resume"]).done(), "all tenants: agents are at work\n");
    plant.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    assert_eq!((copied(&database, &ACME), copied(&database, &GLOBEX)), (12, 0));
    assert_eq!(plant.json(&["tenant", "resume", "globex"])["paused"], false);
    plant.run(&["sweep", "--tenant", "globex", "--wait"]).done();
    assert_eq!(copied(&database, &GLOBEX), 1);

    let at_work = "documents/s none, bytes/s none, concurrency none, at work";
    let paused = "documents/s none, bytes/s none, concurrency none, paused";
    assert_eq!(
        plant.audited("pause"),
        [(Some("globex".to_owned()), format!("before: {at_work}; after: {paused}")), (None, format!("before: {at_work}; after: {paused}")),]
    );
    assert_eq!(
        plant.audited("resume"),
        [(None, format!("before: {paused}; after: {at_work}")), (Some("globex".to_owned()), format!("before: {paused}; after: {at_work}")),]
    );
}
