//! `loadtest/large` leaves alone what it has not made: folders of others, and what others put into its own.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// As `large` calls it.
const MARKER: &str = ".sluss-loadtest-large";

/// Programs that are not there: whatever gets as far as starting them fails, and changes nothing more.
fn large(run: &str, folder: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("large");
    Command::new(script).arg(run).arg(folder).env("PROGRAMS", "/nonexistent").output().unwrap()
}

fn refused(run: &str, folder: &Path, words: &str) {
    let output = large(run, folder);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains(words), "{run}: {:?} {told}", output.status);
}

fn somebodys() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/letter"), "to keep").unwrap();
    folder
}

fn is_kept(folder: &Path) -> bool {
    fs::read_to_string(folder.join("data/letter")).is_ok_and(|letter| letter == "to keep") && fs::read_dir(folder).unwrap().count() == 1
}

#[test]
fn a_folder_of_somebody_elses_is_neither_removed_nor_filled() {
    let folder = somebodys();
    refused("remove", folder.path(), "no run has made it, and nothing of it is removed");
    refused("small", folder.path(), "is not empty, and no run has made it");
    refused("mixed", folder.path(), "is not empty, and no run has made it");
    assert!(is_kept(folder.path()));
    let missing = folder.path().join("missing");
    refused("remove", &missing, "no run has made it");
    assert!(!missing.exists(), "and nothing is made for a refusal");
}

#[test]
fn a_folder_of_one_run_is_not_taken_for_the_other() {
    let folder = somebodys();
    fs::write(folder.path().join(MARKER), "mixed\n").unwrap();
    refused("small", folder.path(), "is a run of mixed, not of small");
}

#[test]
fn what_a_run_has_made_is_removed_and_what_others_put_beside_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    let make = |at: &Path| {
        fs::create_dir_all(at.join("data/objects")).unwrap();
        for (name, text) in [(MARKER, "small\n"), ("database.img", ""), ("objects.new", ""), ("results.jsonl", "{}\n"), ("data/x.db", "")] {
            fs::write(at.join(name), text).unwrap();
        }
    };
    let (whole, shared) = (folder.path().join("whole"), folder.path().join("shared"));
    make(&whole);
    assert!(large("remove", &whole).status.success() && !whole.exists());
    make(&shared);
    fs::write(shared.join("letter"), "to keep").unwrap();
    refused("remove", &shared, "holds what no run has made, and stays");
    assert_eq!(fs::read_dir(&shared).unwrap().count(), 1);
}
