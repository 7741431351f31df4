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

/// When the last drill of the tenant ended well. `None`: none did, or nothing can be read there. Blocks.
pub fn last_passed(folder: &Path, tenant: &TenantId) -> Option<Timestamp> {
    let names = fs::read_dir(folder).ok()?.take(MOST_FILES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| passed_at(&name, tenant)).max()
}

fn passed_at(name: &str, tenant: &TenantId) -> Option<Timestamp> {
    let rest = name.strip_prefix(tenant.as_str())?.strip_prefix(".drill.")?;
    let moment = rest.strip_suffix(".json")?.strip_suffix(PASSED)?.strip_suffix('.')?;
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", moment).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|moment| moment.timestamp())
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
    fn the_last_that_passed_is_known_by_the_names_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let [acme, acme_2] = ["acme", "acme-2"].map(|tenant| tenant.parse().unwrap());
        assert_eq!(last_passed(folder.path(), &acme), None);
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
        assert_eq!(last_passed(folder.path(), &acme), Some("2026-11-08T03:00:00Z".parse().unwrap()));
        assert_eq!(last_passed(folder.path(), &acme_2), Some("2026-11-20T03:00:00Z".parse().unwrap()));
    }
}
