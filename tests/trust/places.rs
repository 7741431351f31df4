//! Where the objects, the sealed backup and the evidence of a test's tenant lie, and what is found there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::site::{Site, on_disk};

/// A pair as age-keygen makes it; the seed of a signing key.
const RECIPIENT: &str = "age1lpeuvf53vmt4hqt4tmyz32gtlqxl368wmuvgn38mka7lu9skmdeqh0j0sz";
const IDENTITY: &str = "AGE-SECRET-KEY-10AGPMK70QQJMZJSSCCHHVMURJPCX9SDZVPAWPYE0HJ6GJGXKVD4Q30JQFH";
const SEED: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// Where everything but the databases lies.
pub struct Places(tempfile::TempDir);

impl Places {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [("signing.key", SEED), ("age.key", IDENTITY)] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        Self(folder)
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn section(&self) -> String {
        format!(
            "{}[backup]\nsigning_key = {{ file = {:?} }}\nrecipients = [\"{RECIPIENT}\"]\nidentity = {{ file = {:?} }}\nevidence = {:?}\n\
             [backup.objects]\ndisk = {:?}\nprefix = \"acme/\"\n",
            on_disk(&self.at("primary")),
            self.at("signing.key"),
            self.at("age.key"),
            self.at("evidence"),
            self.at("offsite")
        )
    }
}

pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut open = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        match path.is_dir() {
            true => open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path())),
            false => found.push(path),
        }
    }
    found
}

pub fn back_up(site: &Site) {
    let said = site.run(&["backup", "run", "--tenant", "acme"]).done();
    assert!(said.contains("kept"), "{said}");
}

/// What a command finds that reads the whole backup.
#[track_caller]
pub fn assert_whole(site: &Site) {
    let said = site.run(&["backup", "verify", "--tenant", "acme", "--all"]).done();
    assert!(said.contains("; 0 problems"), "{said}");
}
