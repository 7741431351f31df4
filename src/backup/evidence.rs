//! What a drill leaves for whoever asks whether backups can be restored: a file of JSON a drill, whose name says how it ended.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::id::TenantId;
use crate::store::queue::CLOCK_SKEW;

/// Of what differed only so many are named.
pub const MOST_NAMED: usize = 100;

/// Files of a folder that are looked at: a drill a day for a century.
const MOST_FILES: usize = 40_000;

/// A file of evidence is smaller: what it names is.
const MOST_BYTES_OF_FILE: u64 = 1 << 20;

/// Read of a tenant's evidence at once.
const MOST_BYTES: u64 = 4 << 20;

/// Evidence of one tenant and one second.
const MOST_AT_ONCE: u32 = 100;

const PASSED: &str = "passed";
const FAILED: &str = "failed";

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrilledManifest {
    pub number: u64,
    pub instant: Timestamp,
    /// The documents that it lists, with those of the manifests before it in its chain.
    pub chain: Vec<u64>,
    pub sha256: String,
    pub signature: String,
    pub public_key: String,
}

/// Writes the evidence into the folder, whole or not at all and over no other, and answers its path. Blocks.
pub fn keep(folder: &Path, evidence: &Evidence) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, evidence)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    for number in 1..=MOST_AT_ONCE {
        let path = folder.join(file_name(evidence, number));
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => file = taken.file,
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::bail!("{MOST_AT_ONCE} drills of {} ended in the same second", evidence.tenant)
}

/// Times sort as they are spelled, and no file system minds them. `number`: among those of one second.
fn file_name(Evidence { tenant, ended_at, passed, .. }: &Evidence, number: u32) -> String {
    let ended = if *passed { PASSED } else { FAILED };
    let number = if number == 1 { String::new() } else { format!(".{number}") };
    format!("{tenant}.drill.{}.{ended}{number}.json", ended_at.strftime("%Y%m%dT%H%M%SZ"))
}

/// When a tenant's drills last ended. `None`: no file says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastDrills {
    pub passed: Option<Timestamp>,
    /// Well or not.
    pub any: Option<Timestamp>,
    /// Whether the last one failed, or one of several that ended in its second.
    pub failed: bool,
}

/// What a folder has of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    pub last: LastDrills,
    /// The newest first.
    pub drills: Vec<Evidence>,
    /// Files among those whose names say that they are evidence, and whose contents say nothing.
    pub unreadable: u64,
}

/// When the last ones were, by the names of the files, and up to `most` files. One that bears a time to come, because a clock was ahead, counts as
/// none of the last. A folder that cannot be read has none. Blocks.
pub fn kept(folder: &Path, tenant: &TenantId, most: usize, now: Timestamp) -> Kept {
    let names = fs::read_dir(folder).into_iter().flatten().take(MOST_FILES);
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<(Timestamp, bool, String)> =
        names.filter_map(|name| ended(&name, tenant).map(|(at, passed)| (at, passed, name))).collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    let mut kept = Kept::default();
    let past = found.iter().filter(|(at, ..)| *at <= now + CLOCK_SKEW);
    let any = past.clone().next().map(|(at, ..)| *at);
    let failed = past.clone().any(|(at, passed, _)| Some(*at) == any && !passed);
    kept.last = LastDrills { passed: past.clone().find(|(_, passed, _)| *passed).map(|(at, ..)| *at), any, failed };
    let mut left = MOST_BYTES;
    for (.., name) in found.into_iter().take(most) {
        match read(&folder.join(name), tenant, &mut left) {
            Some(evidence) => kept.drills.push(evidence),
            None if left == 0 => break,
            None => kept.unreadable += 1,
        }
    }
    kept
}

/// `left`: bytes that may still be read, none behind the file that would have taken more.
fn read(path: &Path, tenant: &TenantId, left: &mut u64) -> Option<Evidence> {
    // A pipe by such a name would be waited for without end.
    let length = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    if length > MOST_BYTES_OF_FILE {
        return None;
    }
    *left = left.saturating_sub(length);
    if *left == 0 {
        return None;
    }
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(length).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok().filter(|evidence: &Evidence| evidence.tenant == tenant.as_str())
}

/// When, and whether well.
fn ended(name: &str, tenant: &TenantId) -> Option<(Timestamp, bool)> {
    let rest = name.strip_prefix(tenant.as_str())?.strip_prefix(".drill.")?.strip_suffix(".json")?;
    let (moment, ended) = rest.split_once('.')?;
    let passed = match ended.split('.').next()? {
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
    fn the_last_ones_are_known_by_the_names_of_their_files_and_the_newest_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let [acme, acme_2] = ["acme", "acme-2"].map(|tenant| tenant.parse().unwrap());
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        assert_eq!(kept(folder.path(), &acme, 9, now), Kept::default());
        for (tenant, at, passed) in [
            ("acme", "2026-11-01T03:00:00Z", true),
            ("acme", "2026-11-08T03:00:00Z", true),
            ("acme", "2026-11-15T03:00:00Z", false),
            ("acme", "2026-11-15T03:00:00Z", false),
            ("acme-2", "2026-11-20T03:00:00Z", true),
        ] {
            let written = evidence(tenant, at, passed);
            let path = keep(folder.path(), &written).unwrap();
            assert_eq!(serde_json::from_slice::<Evidence>(&fs::read(path).unwrap()).unwrap(), written);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "none was written over");
        let at = |moment: &str| Some(moment.parse().unwrap());
        let of_before = kept(folder.path(), &acme, 0, "2026-11-10T12:00:00Z".parse().unwrap());
        assert_eq!(of_before.last.any, at("2026-11-08T03:00:00Z"), "what is still to come is by a clock that was ahead");
        let all = kept(folder.path(), &acme, 9, now);
        assert_eq!(all.last, LastDrills { passed: at("2026-11-08T03:00:00Z"), any: at("2026-11-15T03:00:00Z"), failed: true });
        assert_eq!(all.drills.iter().map(|drill| drill.passed).collect::<Vec<_>>(), [false, false, true, true], "the newest first");
        assert_eq!(
            kept(folder.path(), &acme_2, 0, now),
            Kept {
                last: LastDrills { passed: at("2026-11-20T03:00:00Z"), any: at("2026-11-20T03:00:00Z"), failed: false },
                ..Kept::default()
            }
        );
        // What cannot be read is told, and neither waited for nor read whole.
        let other = serde_json::to_string(&evidence("acme-2", "2026-11-21T03:00:00Z", true)).unwrap();
        for (moment, text) in [("21", other), ("22", "{".to_owned()), ("23", " ".repeat(2 << 20))] {
            fs::write(folder.path().join(format!("acme.drill.202611{moment}T030000Z.passed.json")), text).unwrap();
        }
        fs::create_dir(folder.path().join("acme.drill.20261124T030000Z.passed.json")).unwrap();
        let [two, five] = [2, 5].map(|most| kept(folder.path(), &acme, most, now));
        assert_eq!((two.drills.len(), two.unreadable, five.drills.len(), five.unreadable), (0, 2, 1, 4));
    }
}
