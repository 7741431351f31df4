//! A restore to an instant by command line, whose process is killed in the middle: it goes on where it was, and the line that it names undoes it.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use sluss::clock::{Clock, SystemClock};

use crate::site::{Site, on_disk};
use crate::support::wait::wait_until;

const DOCUMENTS: std::ops::RangeInclusive<u64> = 1..=90;

fn state(site: &Site) -> BTreeMap<u64, String> {
    let read = |id| Some((id, site.get(id))).filter(|(_, answer)| answer.status == StatusCode::OK);
    DOCUMENTS.filter_map(read).map(|(id, answer)| (id, answer.body)).collect()
}

fn now() -> Timestamp {
    wait_until("a millisecond is over", || SystemClock.now().as_nanosecond() % 1_000_000 > 900_000);
    let now = SystemClock.now();
    wait_until("the next has begun", || SystemClock.now().as_millisecond() > now.as_millisecond());
    now
}

fn dealt_with(site: &Site) -> u64 {
    let list = site.told("/admin/v1/restores?tenant=acme");
    let figures = &list["restores"][0]["figures"];
    figures["restored"].as_u64().unwrap() + figures["removed"].as_u64().unwrap() + figures["dealt"].as_u64().unwrap()
}

#[test]
fn a_restore_whose_process_is_killed_goes_on_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&on_disk(folder.path()));
    let mut process = site.serve();
    for id in (1..=60).chain(85..=90) {
        assert_eq!(site.put(id, &format!("first of {id}")).status, StatusCode::CREATED);
    }
    let (instant, then) = (now(), state(&site));
    for id in 1..=40 {
        site.put(id, &format!("second of {id}"));
    }
    for id in 61..=84 {
        site.put(id, "new");
    }
    for id in 85..=90 {
        site.delete(id);
    }
    let before = state(&site);
    let at = instant.to_string();

    let plan = site.run(&["restore", "--tenant", "acme", "--at", &at, "--plan"]).done();
    assert!(plan.contains("46 documents") && plan.contains("24 lose their content") && plan.contains("and 50 more"), "{plan}");
    let unasked = site.run(&["restore", "--tenant", "acme", "--at", &at]).complaint(1);
    assert!(unasked.contains("--yes"), "{unasked}");
    assert_eq!(state(&site), before, "nothing was changed yet");

    site.run(&["limits", "set", "--tenant", "acme", "--documents-per-second", "25"]).done();
    site.run(&["restore", "--tenant", "acme", "--at", &at, "--yes", "--no-wait"]).done();
    wait_until("some of it was done", || site.get(1).body == "first of 1");
    assert_ne!(state(&site), then);
    process.kill_and_restart();
    process.wait_for(site.seat.admin);
    process.wait_for(site.seat.documents);
    site.run(&["limits", "lift", "--tenant", "acme"]).done();
    // A lease that nobody renews is over after a minute; nobody waits for that here.
    site.database().execute("UPDATE sluss_job SET due_at = 0 WHERE kind = 'restore'", []).unwrap();
    let ended = || site.run(&["restore", "--tenant", "acme", "--list"]).done();
    wait_until("the restore has ended", || ended().contains("ended 20"));
    assert_eq!(state(&site), then);
    // What was done twice is counted once, or not at all where it was seen to be done.
    assert!((1..=70).contains(&dealt_with(&site)), "{}", ended());

    let undo = ended().lines().find_map(|line| line.split_once("sluss restore ")).map(|(_, line)| line.to_owned()).unwrap();
    let undo: Vec<&str> = ["restore"].into_iter().chain(undo.split_whitespace()).chain(["--yes"]).collect();
    let undone = site.run(&undo).done();
    assert!(undone.contains("to undo it"), "{undone}");
    assert_eq!(state(&site), before);
    let past = site.run(&["history", "--tenant", "acme", "--document", "documents/85"]).done();
    let first = past.lines().last().and_then(|line| line.split_once("sluss ")).unwrap().1;
    let back: Vec<&str> = first.split_whitespace().chain(["--yes"]).collect();
    site.run(&back).done();
    assert_eq!(site.get(85).body, "first of 85");
    let early = site.run(&["restore", "--tenant", "acme", "--at", "2999-01-01T00:00:00Z", "--yes"]).with_code(3);
    assert!(early.contains("still to come"), "{early}");
}
