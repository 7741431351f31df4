//! Two installations and one set of objects: the one that came second reads, and changes nothing until it is told that they are its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use sluss_s3::Bucket;

use crate::places::{Places, assert_whole, back_up, files};
use crate::site::{Answer, Site, in_bucket, key, on_disk};
use crate::support::process::Process;
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

fn whose(site: &Site, code: i32) -> String {
    site.run(&["reconcile", "--tenant", "acme"]).with_code(code)
}

/// An installation that owns its placement, with two documents in it.
fn original(objects: &str) -> (Site, Process) {
    let site = Site::new(objects);
    let process = site.serve();
    for (id, content) in [(1, "one"), (2, "two")] {
        assert_eq!(site.put(id, content).status, StatusCode::CREATED);
    }
    wait_until("the first installation owns the placement", || whose(&site, 0).contains(": ours"));
    (site, process)
}

/// `is_there`: whether the placement holds an object of this key. `meanwhile`: what else the copy is asked to do before it adopts.
fn a_copy_changes_nothing_until_it_adopts(
    (first, mut first_process): (Site, Process),
    (placement, objects): (&str, &str),
    is_there: impl Fn(&str) -> bool,
    meanwhile: impl FnOnce(&Site, &Site),
) {
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
    meanwhile(&first, &copy);
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
    let objects = in_bucket(&bucket);
    a_copy_changes_nothing_until_it_adopts(original(&objects), ("s3", &objects), |key| bucket.get(key).is_some(), |_, _| {});
}

/// Versions whose time is over, a manifest that leaves, and a run that was under way when the copy was made.
const DUE: &str = "
UPDATE sluss_version SET tick = tick - 100000;
UPDATE sluss_backup_run SET state = 'leaving' WHERE number = 1;
INSERT INTO sluss_backup_run SELECT tenant, 3, 'running', instant + 1, NULL, 0, 0, 0, 0, 0, 0, NULL, NULL FROM sluss_backup_run WHERE number = 2;
INSERT INTO sluss_job (tenant, kind, collection, document, state, priority, due_at, failures, created_at)
    VALUES ('acme', 'backup', '', '', 'ready', 0, 0, 0, 0);
";

/// Started as a test system with production's configuration: not its collector, its backups, their pruning, its drills nor its rebuilding changes
/// a file of production's.
#[test]
fn a_copy_of_a_database_leaves_the_folder_of_the_original_and_its_backup_alone() {
    let places = Places::new();
    let (section, primary) = (places.section(), places.at("primary"));
    let (first, process) = original(&section);
    assert_eq!(first.put(3, "three").status, StatusCode::CREATED);
    let past = first.object(3);
    assert_eq!(first.put(3, "three, anew").status, StatusCode::NO_CONTENT);
    back_up(&first);
    let collected = first.object(3);
    assert_eq!(first.put(3, "three, at last").status, StatusCode::NO_CONTENT);
    back_up(&first);
    let tree = || ["primary", "offsite"].map(|place| contents(&places.at(place)));
    let meanwhile = |first: &Site, copy: &Site| {
        assert!(primary.join(key(&past)).exists(), "a version whose time is over in the copy");
        // As production's collector does it in its time: the copy names an object that production has no more, and its backup has.
        first.database().execute("DELETE FROM sluss_version WHERE object = ?1", [&collected]).unwrap();
        std::fs::remove_file(primary.join(key(&collected))).unwrap();
        let before = tree();
        copy.database().execute_batch(DUE).unwrap();
        assert!(copy.run(&["backup", "run", "--tenant", "acme"]).with_code(3).contains("belong to installation"));
        copy.run(&["sweep", "--tenant", "acme"]).done();
        for rebuild in [&["backup", "rebuild", "--tenant", "acme"][..], &["backup", "rebuild", "--tenant", "acme", "--manifest", "1"]] {
            assert!(copy.run(rebuild).complaint(3).contains("belong to another installation"));
        }
        copy.run(&["backup", "drill", "--tenant", "acme", "--all"]).done();
        let runs = copy.told("/admin/v1/backups?tenant=acme")["tenants"][0]["runs"].take();
        assert!(runs[0]["state"] == "running" && runs[2]["state"] == "leaving", "{runs}");
        assert!(tree() == before, "{:?} became {:?}", before.map(names), tree().map(names));
        assert_eq!(first.put(4, "four").status, StatusCode::CREATED);
        back_up(first);
        assert_whole(first);
    };
    let is_there = |key: &str| primary.join(key).exists();
    a_copy_changes_nothing_until_it_adopts((first, process), ("local", &section), is_there, meanwhile);
}

type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn contents(root: &Path) -> Tree {
    files(root).into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

fn names(tree: Tree) -> Vec<PathBuf> {
    tree.into_keys().collect()
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
