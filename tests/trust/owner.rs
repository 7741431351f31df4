//! Two installations and one set of objects: the one that came second reads, and changes nothing until it is told that they are its own.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use sluss_s3::Bucket;

use crate::site::{Answer, Site, in_bucket, key, on_disk};
use crate::support::wait::wait_until;

fn installation(site: &Site) -> String {
    site.control().query_row("SELECT name FROM sluss_installation", [], |row| row.get(0)).unwrap()
}

fn times_told(site: &Site) -> usize {
    site.logs().matches("\"not_ours\"").count()
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    let header = |name: &str| answer.headers[name].to_str().unwrap();
    assert_eq!((header("content-type"), header("retry-after")), ("application/problem+json", "60"));
    assert!(answer.body.contains("\"urn:sluss:problem:another-installation\""), "{}", answer.body);
}

/// `is_there`: whether the placement holds an object of this key.
fn a_copy_changes_nothing_until_it_adopts(placement: &str, objects: &str, is_there: impl Fn(&str) -> bool) {
    let first = Site::new(objects);
    let mut first_process = first.serve();
    for (id, content) in [(1, "one"), (2, "two")] {
        assert_eq!(first.put(id, content).status, StatusCode::CREATED);
    }
    let whose = |site: &Site, code| site.run(&["reconcile", "--tenant", "acme"]).with_code(code);
    wait_until("the first installation owns the placement", || whose(&first, 0).contains(": ours"));
    let copy = first.copied(objects);
    // As if it had been made while the second document was written: its collector takes the object for an abandoned upload.
    let object = first.object(2);
    copy.database().execute("DELETE FROM sluss_location_documents WHERE id = 2", []).unwrap();
    copy.abandon(placement, &object);

    let mut copy_process = copy.serve();
    wait_until("the copy sees whose the objects are", || times_told(&copy) > 0);
    assert_eq!((copy.get(1).status, &*copy.get(1).body), (StatusCode::OK, "one"));
    assert_refused(&copy.put(1, "changed"));
    assert_refused(&copy.put(3, "new"));
    assert_refused(&copy.delete(1));
    assert_eq!(copy.get(1).body, "one");
    copy.run(&["sweep", "--tenant", "acme"]).done();
    // Agents would have been woken at once, and look ten times in this time besides.
    std::thread::sleep(Duration::from_secs(1));
    let jobs: Value = serde_json::from_str(&copy.run(&["--json", "jobs", "list", "--tenant", "acme", "--state", "ready"]).done()).unwrap();
    let waits = |kind: &str| jobs["jobs"].as_array().unwrap().iter().any(|job| job["kind"] == kind);
    assert!(waits("collect") && waits("sweep"), "{jobs}");
    assert!(is_there(&key(&object)) && copy.open_uploads() == 1, "nothing was collected");
    assert!(times_told(&copy) == 1 && !copy.logs().contains("answered 503"), "{}", copy.logs());

    // Nobody waits in vain.
    for waiting in [&["sweep", "--tenant", "acme", "--wait"][..], &["verify", "--tenant", "acme"]] {
        let complaint = copy.run(waiting).complaint(1);
        assert!(complaint.contains(&installation(&first)) && complaint.contains("sluss reconcile"), "{complaint}");
    }
    let shown = copy.run(&["tenant", "show", "acme"]).done();
    assert!(shown.contains(&format!("its objects belong to installation {}", installation(&first))), "{shown}");

    assert!(whose(&copy, 3).contains(&format!("belongs to installation {}", installation(&first))));
    let doctor = copy.run(&["doctor", "--tenant", "acme"]).with_code(1);
    assert!(doctor.contains(&installation(&first)) && doctor.contains("sluss reconcile"), "{doctor}");
    assert!(whose(&first, 0).contains(": ours"));

    let adopted = copy.run(&["--json", "reconcile", "--tenant", "acme", "--adopt"]).done();
    assert!(adopted.contains("\"ours\":true") && adopted.contains(&installation(&copy)), "{adopted}");
    let audit = copy.told("/admin/v1/audit?check=true").to_string();
    assert!(audit.contains("placement.adopt") && audit.contains(&format!("before: {}", installation(&first))), "{audit}");
    // Running processes look each minute; ones that start look at once.
    copy_process.kill_and_restart();
    copy_process.wait_for(copy.seat.documents);
    wait_until("the new owner collects", || !is_there(&key(&object)));
    assert_eq!(copy.put(1, "changed").status, StatusCode::NO_CONTENT);

    first_process.kill_and_restart();
    first_process.wait_for(first.seat.documents);
    wait_until("the first installation sees that it lost the objects", || times_told(&first) > 0);
    assert_refused(&first.put(1, "changed again"));
    assert_eq!(first.get(1).body, "one");
    assert!(whose(&first, 3).contains(&installation(&copy)));
}

#[test]
fn a_copy_of_a_database_leaves_the_bucket_of_the_original_alone() {
    let bucket = Bucket::new();
    a_copy_changes_nothing_until_it_adopts("s3", &in_bucket(&bucket), |key| bucket.get(key).is_some());
}

#[test]
fn a_copy_of_a_database_leaves_the_folder_of_the_original_alone() {
    let folder = tempfile::tempdir().unwrap();
    a_copy_changes_nothing_until_it_adopts("local", &on_disk(folder.path()), |key| folder.path().join(key).exists());
}

/// The database was not copied: its one control database was lost, and made anew.
#[test]
fn an_installation_that_lost_its_control_database_adopts_what_was_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&on_disk(folder.path()));
    let process = site.serve();
    wait_until("it owns the placement", || folder.path().join("acme/.sluss-owner").exists());
    drop(process);
    site.lose_control();
    site.run(&["init"]).done();
    site.run(&["reconcile", "--tenant", "acme"]).with_code(3);
    site.run(&["reconcile", "--tenant", "acme", "--adopt"]).done();
    let _process = site.serve();
    assert_eq!(site.put(1, "one").status, StatusCode::CREATED);
}
