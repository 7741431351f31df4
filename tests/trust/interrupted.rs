//! A backup whose process is killed in the middle: it goes on where it was, and nothing stays behind.

use std::fs;
use std::path::PathBuf;

use http::StatusCode;

use crate::places::{Places, assert_whole, files};
use crate::site::{Site, key};
use crate::support::wait::wait_until;

const DOCUMENTS: usize = 8;

/// The file of a manifest whose process was killed before the database heard of it.
const LEFTOVER: &str = "019a0000-0000-7000-8000-0000000000aa";

/// The files of whole objects, manifests' among them.
fn copies(places: &Places) -> Vec<PathBuf> {
    let is_object = |file: &PathBuf| {
        let (name, folder) = (file.file_name().unwrap().to_str().unwrap(), file.parent().unwrap());
        !name.starts_with('.') && !folder.ends_with(".staging")
    };
    files(&places.at("offsite")).into_iter().filter(is_object).collect()
}

#[test]
fn a_backup_whose_process_is_killed_goes_on_and_copies_nothing_twice() {
    let places = Places::new();
    let site = Site::new(&places.section().replace("[backup]\n", "[backup]\nbytes_per_second = \"4KB\"\n"));
    let mut process = site.serve();
    for id in 1..=DOCUMENTS as u64 {
        assert_eq!(site.put(id, &format!("{id:01000}")).status, StatusCode::CREATED);
    }
    site.run(&["backup", "run", "--tenant", "acme", "--no-wait"]).done();
    wait_until("some of it was copied", || copies(&places).len() > 1);
    process.kill();
    let copied = copies(&places);
    assert!((2..DOCUMENTS).contains(&copied.len()), "{copied:?}");
    let leftover = places.at("offsite").join(key(LEFTOVER));
    fs::create_dir_all(leftover.parent().unwrap()).unwrap();
    fs::write(&leftover, "a manifest's file").unwrap();
    // A lease that nobody renews is over after a minute; nobody waits for that here.
    let lost = "UPDATE sluss_job SET due_at = 0, checkpoint = ?1 WHERE kind = 'backup'";
    assert_eq!(site.database().execute(lost, [LEFTOVER]).unwrap(), 1);

    site.place(&places.section());
    let _process = site.serve();
    let jobs = "SELECT count(*) FROM sluss_job WHERE kind = 'backup'";
    wait_until("the backup is done", || site.database().query_row(jobs, [], |row| row.get::<_, u64>(0)).unwrap() == 0);
    let list = site.told("/admin/v1/backups?tenant=acme");
    let runs = list["tenants"][0]["runs"].as_array().unwrap();
    assert!(runs.len() == 1 && runs[0]["state"] == "kept" && runs[0]["documents"] == DOCUMENTS, "{list}");
    let now = copies(&places);
    assert!(now.len() == DOCUMENTS + 1 && copied.iter().all(|copy| now.contains(copy)) && !leftover.exists(), "{now:?}");
    let metrics = site.metrics();
    let counted = metrics.lines().find_map(|line| line.strip_prefix("sluss_backup_objects_total ")).unwrap();
    assert_eq!(counted.parse(), Ok(DOCUMENTS - copied.len()), "what was copied before the kill was not copied again");
    assert_whole(&site);
}
