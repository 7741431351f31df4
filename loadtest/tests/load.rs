//! `sluss-loadtest load` as it is called, on a Sluss of its own: what it tells of every request that was due, and what its exit code does.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sluss_s3::free_port;

fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluss-loadtest")).args(arguments).output().unwrap()
}

/// Two tenants of 40 documents each.
fn seeded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [documents, admin] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let path = folder.path().to_str().unwrap();
    let seed = ["seed", "--folder", path, "--tenants", "2", "--documents", "40", "--sizes", "uniform:100..5000"];
    let seeded = loadtest(&[&seed[..], &["--documents-listener", &documents, "--admin-listener", &admin]].concat());
    assert!(seeded.status.success(), "{}", String::from_utf8_lossy(&seeded.stderr));
    folder
}

/// With a page, and the result as JSON where there is one.
fn load(folder: &Path, arguments: &[&str]) -> (Output, Option<Value>) {
    let (path, page) = (folder.to_str().unwrap(), folder.join("load.html"));
    let output = loadtest(&[&["load", "--folder", path, "--own", "--json", "--html", page.to_str().unwrap()][..], arguments].concat());
    let result = serde_json::from_slice(&output.stdout).ok();
    (output, result)
}

fn planned(folder: &Path, plan: &str) -> (Output, Option<Value>) {
    let file = folder.join("plan.toml");
    fs::write(&file, plan).unwrap();
    load(folder, &["--plan", file.to_str().unwrap()])
}

fn sum(values: &Value, pointer: &str) -> u64 {
    values.as_array().unwrap().iter().filter_map(|value| value.pointer(pointer)?.as_u64()).sum()
}

#[test]
fn every_request_is_accounted_for_and_every_event_comes_to_its_end() {
    let folder = seeded();
    let (output, result) = planned(
        folder.path(),
        "seconds = 3\nrate = [{ at = 0, per_second = 60 }]\n[[events]]\nat = 0.2\nflip = { tenant = \"*\", to = \"shadow\" }\n\
         [[events]]\nat = 1\nflip = { tenant = \"t2\", to = \"dual\" }\n[[events]]\nat = 1.5\nverify = { tenant = \"*\" }\n\
         [[events]]\nat = 2.5\nflip = { tenant = \"*\", to = \"sql\" }\n",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = result.unwrap();
    let requests = |what: &str| result["requests"][what].as_u64().unwrap();
    let ends = ["right", "failed", "wrong", "unsent", "left_out"].map(requests);
    assert!(requests("due") > 60 && requests("due") == ends.iter().sum::<u64>(), "{ends:?}");
    assert!(requests("right") > 0 && requests("wrong") + requests("unsent") == 0, "{ends:?}");
    assert_eq!(sum(&result["operations"], "/requests/due"), requests("due"));
    assert_eq!(sum(&result["served"], "/right_answers"), requests("right"));
    let events = result["events"].as_array().unwrap();
    assert!(events.len() == 4 && events.iter().all(|event| event.get("problems").is_none()), "{events:?}");
    let verdicts = events.iter().find(|event| event["label"] == "verify *").unwrap()["verdicts"].as_array().unwrap();
    assert!(verdicts.len() == 2 && verdicts[0].as_str().unwrap().starts_with("t1: of "), "{verdicts:?}");
}

#[test]
fn what_is_not_sent_is_told_as_such_and_the_run_is_a_failed_one() {
    let folder = seeded();
    let (output, result) = load(folder.path(), &["--seconds", "1", "--rate", "20", "--arrivals", "constant", "--in-flight", "0"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(" requests were not sent"), "{told}");
    let result = result.unwrap();
    let unsent = result["requests"]["unsent"].as_u64().unwrap();
    assert!(unsent > 0 && result["requests"]["due"] == unsent && result["requests"]["failed"] == 0, "{}", result["requests"]);
    assert_eq!((sum(&result["points"], "/unsent"), sum(&result["operations"], "/requests/unsent")), (unsent, unsent));
    let page = fs::read_to_string(folder.path().join("load.html")).unwrap();
    assert!(page.contains(&format!("<div class=\"bad\"><b>{unsent}</b>not sent</div>")));
}

#[test]
fn a_timetable_that_cannot_come_to_pass_is_refused_before_anything_is_started() {
    let folder = seeded();
    let (output, result) = planned(
        folder.path(),
        "seconds = 1\nrate = [{ at = 0, per_second = 1 }]\n[[events]]\nat = 0\nverify = { tenant = \"t3\" }\n\
         [[events]]\nat = 0\nflip = { tenant = \"acme\", to = \"dual\" }\n",
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("no tenant t3") && told.contains("no tenant acme"), "{told}");
    assert!(result.is_none() && !folder.path().join("gateway-config/sluss.log").exists());
}
