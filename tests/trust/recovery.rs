//! A sealed backup on a second disk, and the way back from it: a drill with evidence, a lost bucket, lost tables.

use std::fs;
use std::path::PathBuf;

use http::StatusCode;
use serde_json::Value;

use crate::places::{Places, back_up, files};
use crate::site::{Site, key};
use crate::support::process::Process;
use crate::support::wait::wait_until;

fn drill(site: &Site, code: i32, how: &[&str]) -> Value {
    let said = site.run(&[&["backup", "drill", "--tenant", "acme", "--json"], how].concat());
    assert_eq!(said.code, code, "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

/// Three documents, one of them replaced and one deleted between two backups: four objects.
fn filled(places: &Places) -> Site {
    let site = Site::new(&places.section());
    let process = site.serve();
    for (id, content) in [(1, "one"), (2, "two"), (3, "three")] {
        assert_eq!(site.put(id, content).status, StatusCode::CREATED);
    }
    back_up(&site);
    assert_eq!(site.put(2, "two, anew").status, StatusCode::NO_CONTENT);
    assert_eq!(site.delete(3).status, StatusCode::NO_CONTENT);
    back_up(&site);
    drop(process);
    site
}

#[test]
fn a_drill_restores_every_document_and_leaves_evidence_and_finds_a_changed_byte() {
    let places = Places::new();
    let site = filled(&places);
    for file in files(&places.at("offsite")) {
        let bytes = fs::read(&file).unwrap();
        for told in [b"two, anew".as_slice(), b"one", b"\"documents\""] {
            let list = file.ends_with(".sluss-manifests");
            assert!(list || !bytes.windows(told.len()).any(|window| window == told), "{}", file.display());
        }
    }
    let drilled = drill(&site, 0, &["--all"]);
    let evidence = &drilled["evidence"];
    assert_eq!(
        (&evidence["documents"], &evidence["bytes"], &evidence["compared_with_primary"]),
        (&2.into(), &12.into(), &2.into()),
        "{drilled}"
    );
    assert_eq!((&evidence["manifest"]["chain"], &evidence["whole"]), (&serde_json::json!([1, 2]), &true.into()));
    let kept: Value = serde_json::from_slice(&fs::read(drilled["file"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(&kept, evidence);
    assert_eq!(drill(&site, 0, &["--sample", "1"])["evidence"]["documents"], 1);

    let object = site.object(1);
    let copy = places.at("offsite").join(key(&object));
    let mut bytes = fs::read(&copy).unwrap();
    bytes[300] ^= 1;
    fs::write(&copy, bytes).unwrap();
    let failed = drill(&site, 1, &["--all"]);
    let named = failed["evidence"]["named"][0].as_str().unwrap().to_owned();
    assert!(named.contains("documents/1") && named.contains(&object), "{failed}");
    assert_eq!(failed["evidence"]["different"], 1);
    assert_eq!(files(&places.at("evidence")).len(), 3, "and no scratch tenant is left");
    // By the evidence alone a process knows when the last one passed.
    let _process = site.serve();
    let metric = "sluss_backup_drill_last_success_timestamp_seconds{tenant=\"acme\"} 1";
    wait_until("the last drill is told", || site.metrics().contains(metric));
    assert!(site.metrics().contains("sluss_backup_drill_last_failed{tenant=\"acme\"} 1"), "the one after that has failed");
}

/// The evidence that drills left.
fn drills(places: &Places) -> Vec<PathBuf> {
    let is_evidence = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().starts_with("acme.drill.");
    files(&places.at("evidence")).into_iter().filter(is_evidence).collect()
}

fn last_passed(site: &Site) -> f64 {
    let metrics = site.metrics();
    let told = metrics.lines().find_map(|line| line.strip_prefix("sluss_backup_drill_last_success_timestamp_seconds{tenant=\"acme\"} "));
    told.map_or(0.0, |told| told.parse().unwrap())
}

#[test]
fn a_drill_whose_moment_has_passed_runs_once_whoever_looks() {
    let places = Places::new();
    let site = filled(&places);
    // One moment a year, and the last drill was years ago.
    site.place(&places.section().replace("[backup.objects]", "drill_schedule = \"0 3 1 1 *\"\n[backup.objects]"));
    fs::create_dir(places.at("evidence")).unwrap();
    let old = places.at("evidence").join("acme.drill.20200101T030000Z.passed.json");
    fs::write(&old, "{}").unwrap();
    let processes = [Process::start(&site.seat, &["agent"]), site.serve()];
    wait_until("a drill has passed", || last_passed(&site) > 1_700_000_000.0 || drills(&places).len() > 1);
    let drilled = drills(&places).into_iter().find(|file| *file != old).unwrap();
    let evidence: Value = serde_json::from_slice(&fs::read(drilled).unwrap()).unwrap();
    let told = (&evidence["by"], &evidence["passed"], &evidence["documents"], &evidence["whole"]);
    assert_eq!(told, (&"schedule".into(), &true.into(), &2.into(), &false.into()), "{evidence}");
    // Each process looks once more when it begins.
    drop(processes);
    let _processes = [Process::start(&site.seat, &["agent"]), site.serve()];
    wait_until("the last drill is told", || last_passed(&site) > 1_700_000_000.0);
    drill(&site, 0, &["--sample", "1"]);
    assert_eq!(drills(&places).len(), 3, "the one of years ago, that of the schedule, and that of the command line");
}

#[test]
fn a_lost_bucket_comes_back_and_so_does_one_object() {
    let places = Places::new();
    let site = filled(&places);
    fs::remove_dir_all(places.at("primary")).unwrap();
    let said = site.run(&["backup", "rebuild", "--tenant", "acme"]).done();
    assert!(said.contains("2 documents, 2 versions") && said.contains("4 came back") && said.contains("0 are missing"), "{said}");
    let process = site.serve();
    assert_eq!((&*site.get(1).body, &*site.get(2).body), ("one", "two, anew"));
    drop(process);
    assert!(site.run(&["backup", "rebuild", "--tenant", "acme", "--manifest", "1"]).done().contains("0 came back"));

    let object = site.object(1);
    fs::remove_file(places.at("primary").join(key(&object))).unwrap();
    let said = site.run(&["reconcile", "--tenant", "acme", "--check"]).done();
    assert!(said.contains("0 are missing") && said.contains("1 were missing, and came back"), "{said}");
    // What no backup has is named.
    fs::remove_file(places.at("primary").join(key(&object))).unwrap();
    fs::remove_file(places.at("offsite").join(key(&object))).unwrap();
    let said = site.run(&["backup", "rebuild", "--tenant", "acme"]).with_code(1);
    assert!(said.contains("1 are missing") && said.contains(&object) && said.contains("the backup has no such object"), "{said}");
}

/// All that Sluss has made in the tenant's database.
fn lose_tables(site: &Site) {
    let database = site.database();
    for kind in ["trigger", "table"] {
        let statement = format!("SELECT name FROM sqlite_master WHERE type = '{kind}' AND (name LIKE 'sluss%' OR tbl_name LIKE 'sluss%')");
        let names: Vec<String> =
            database.prepare(&statement).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for name in names {
            database.execute_batch(&format!("PRAGMA foreign_keys = OFF; DROP {kind} IF EXISTS \"{name}\"")).unwrap();
        }
    }
}

#[test]
fn lost_tables_come_back_from_a_manifest_or_from_the_objects_alone() {
    let places = Places::new();
    let site = filled(&places);
    let objects = (site.object(1), site.object(2));
    for how in [&["--locations"][..], &["--locations", "--from-bucket"]] {
        lose_tables(&site);
        // Content that somebody wrote back meanwhile, equal in one row and not in the other.
        site.database().execute("UPDATE documents SET content = CAST('two, anew' AS BLOB) WHERE id = 2", []).unwrap();
        // Another one each time: what was served has been copied since.
        let other = format!("other, {}", how.len());
        site.database().execute("INSERT OR REPLACE INTO documents (id, content) VALUES (3, CAST(?1 AS BLOB))", [&other]).unwrap();
        site.run(&["init"]).done();
        site.run(&["reconcile", "--tenant", "acme"]).done();
        let said = site.run(&[&["backup", "rebuild", "--tenant", "acme"], how].concat()).done();
        assert!(said.contains("1 documents have their content in the object store again, of 1 both"), "{said}");
        assert_eq!((site.object(1), site.object(2)), objects);
        let again = site.run(&[&["backup", "rebuild", "--tenant", "acme"], how].concat()).done();
        assert!(again.contains("0 documents have") && again.contains("2 locations were there"), "{again}");
        let process = site.serve();
        wait_until("it serves", || site.get(1).status == StatusCode::OK);
        assert_eq!((&*site.get(1).body, &*site.get(2).body, &*site.get(3).body), ("one", "two, anew", &*other));
        drop(process);
    }
}
