//! What a drill leaves for whoever asks whether backups can be restored: a file of JSON a drill, whose name says how it ended.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::id::TenantId;

/// Of what differed only so many are named.
pub const MOST_NAMED: usize = 100;

/// Files of a folder that are looked at: a drill a day for a century.
const MOST_FILES: usize = 40_000;

const PASSED: &str = "passed";
const FAILED: &str = "failed";

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub tenant: String,
    /// Who asked for it, and with which version of Sluss.
    pub by: String,
    pub version: String,
    pub began_at: Timestamp,
    pub ended_at: Timestamp,
    pub duration_seconds: u64,
    pub manifest: DrilledManifest,
    /// Whether every document of the manifest was restored, and not a sample.
    pub whole: bool,
    /// Restored, and read back.
    pub documents: u64,
    pub bytes: u64,
    /// Of those, how many the primary placement had still, and were compared with it, too.
    pub compared_with_primary: u64,
    pub different: u64,
    /// The first of them, and why.
    pub named: Vec<String>,
    pub passed: bool,
}

/// The manifest whose documents were restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrilledManifest {
    pub number: u64,
    pub instant: Timestamp,
    /// The documents that it lists, with those of the manifests before it in its chain.
    pub chain: Vec<u64>,
    pub sha256: String,
    pub signature: String,
    pub public_key: String,
}

/// Writes the evidence into the folder, whole or not at all, and answers its path. Blocks.
pub fn keep(folder: &Path, evidence: &Evidence) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, evidence)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    let path = folder.join(file_name(evidence));
    file.persist(&path)?;
    Ok(path)
}

/// Times sort as they are spelled, and no file system minds them.
fn file_name(Evidence { tenant, ended_at, passed, .. }: &Evidence) -> String {
    let ended = if *passed { PASSED } else { FAILED };
    format!("{tenant}.drill.{}.{ended}.json", ended_at.strftime("%Y%m%dT%H%M%SZ"))
}

/// When a tenant's drills last ended. `None`: no file says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastDrills {
    pub passed: Option<Timestamp>,
    /// Well or not.
    pub any: Option<Timestamp>,
}

/// By the names of the files. A folder that cannot be read has none. Blocks.
pub fn last(folder: &Path, tenant: &TenantId) -> LastDrills {
    let names = fs::read_dir(folder).into_iter().flatten().take(MOST_FILES);
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| ended(&name, tenant)).fold(LastDrills::default(), |last, (at, passed)| LastDrills {
        passed: if passed { last.passed.max(Some(at)) } else { last.passed },
        any: last.any.max(Some(at)),
    })
}

/// When, and whether well.
fn ended(name: &str, tenant: &TenantId) -> Option<(Timestamp, bool)> {
    let rest = name.strip_prefix(tenant.as_str())?.strip_prefix(".drill.")?.strip_suffix(".json")?;
    let (moment, ended) = rest.split_once('.')?;
    let passed = match ended {
        PASSED => true,
        FAILED => false,
        _ => return None,
    };
    let moment = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", moment).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some((moment.timestamp(), passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(tenant: &str, ended_at: &str, passed: bool) -> Evidence {
        let ended_at = ended_at.parse().unwrap();
        Evidence {
            tenant: tenant.to_owned(),
            by: "command line".to_owned(),
            version: "0.1.0".to_owned(),
            began_at: ended_at,
            ended_at,
            duration_seconds: 0,
            manifest: DrilledManifest {
                number: 2,
                instant: ended_at,
                chain: vec![1, 2],
                sha256: "00".to_owned(),
                signature: "AA==".to_owned(),
                public_key: "AA==".to_owned(),
            },
            whole: true,
            documents: 1,
            bytes: 2,
            compared_with_primary: 1,
            different: u64::from(!passed),
            named: Vec::new(),
            passed,
        }
    }

    #[test]
    fn the_last_one_and_the_last_that_passed_are_known_by_the_names_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let [acme, acme_2] = ["acme", "acme-2"].map(|tenant| tenant.parse().unwrap());
        assert_eq!(last(folder.path(), &acme), LastDrills::default());
        for (tenant, at, passed) in [
            ("acme", "2026-11-01T03:00:00Z", true),
            ("acme", "2026-11-08T03:00:00Z", true),
            ("acme", "2026-11-15T03:00:00Z", false),
            ("acme-2", "2026-11-20T03:00:00Z", true),
        ] {
            let written = evidence(tenant, at, passed);
            let path = keep(folder.path(), &written).unwrap();
            assert_eq!(serde_json::from_slice::<Evidence>(&fs::read(path).unwrap()).unwrap(), written);
        }
        let at = |moment: &str| Some(moment.parse().unwrap());
        assert_eq!(last(folder.path(), &acme), LastDrills { passed: at("2026-11-08T03:00:00Z"), any: at("2026-11-15T03:00:00Z") });
        assert_eq!(last(folder.path(), &acme_2).passed, at("2026-11-20T03:00:00Z"));
    }
}
