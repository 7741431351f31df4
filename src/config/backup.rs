//! `[backup]`: where a tenant's objects are copied to, when, and how long what was copied is kept. Every key is named here, and explained in
//! `gateway-config/tenants/acme.toml`.

use std::fmt;
use std::path::PathBuf;

use cronexpr::{Crontab, MakeTimestamp, parse_crontab};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::de::DeValue;

use super::section::Section;
use super::value::{self, Parsed};
use super::{BackupSealing, PlacementConfig, SecretSource, backup_sealing, placement, secret};
use crate::model::backup::PublicKey;
use crate::model::id::TenantId;

const KEY_HINT: &str = "a backup's manifests are signed: write { file = \"...\" } with an Ed25519 key";

/// In which manifests can still be told from each other by a person.
const MOST_KEPT: u32 = 1000;

/// A key a year, for longer than manifests are kept.
const MOST_FORMER_KEYS: usize = 20;

/// Minutes that come twice: more than any zone has ever put its clocks back by.
const MOST_REPEATED: u32 = 24 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// `None`: only when an operator asks for it.
    pub schedule: Option<Schedule>,
    /// In which a day ends, and the schedule is meant.
    pub time_zone: TimeZone,
    pub keep: KeptManifests,
    /// An Ed25519 key: 32 bytes in Base64, or PKCS#8 in PEM.
    pub signing_key: SecretSource,
    /// Public keys of before it: manifests that one of them signed are trusted still.
    pub former_keys: Vec<PublicKey>,
    /// Bytes a second that a run copies.
    pub bytes_per_second: Option<u64>,
    /// The offsite placement: never one of those that hold the tenant's objects.
    pub objects: PlacementConfig,
    pub sealing: BackupSealing,
    /// The folder of what drills leave. `None`: a drill is told to whoever asked for it, and forgotten.
    pub evidence: Option<PathBuf>,
    /// `None`: only when an operator asks for one. Never without `evidence`.
    pub drill_schedule: Option<Schedule>,
}

/// Of so many days, weeks and months the newest manifest each is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptManifests {
    pub daily: u32,
    pub weekly: u32,
    pub monthly: u32,
}

/// A cron expression in a time zone. What falls into an hour that is left out in spring comes after it, and what falls into one that comes twice in
/// autumn comes once.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    /// In the hours of the clock on the wall, as if they were those of UTC.
    cron: Crontab,
    zone: TimeZone,
}

impl Schedule {
    fn parse(text: &str, zone: &TimeZone) -> Parsed<Self> {
        let wrong = |reason: String| format!("{} is not a cron expression such as \"30 2 * * *\": {reason}", value::shown(text));
        if text.split_whitespace().count() != 5 {
            return Err(wrong("it has not five fields".to_owned()));
        }
        let cron = parse_crontab(&format!("{text} UTC")).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { text: text.to_owned(), cron, zone: zone.clone() })
    }

    /// The first moment of the schedule behind this one; `None` where there is none for years.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let mut on_the_wall = moment.to_zoned(self.zone.clone()).datetime();
        for _ in 0..MOST_REPEATED {
            let asked = on_the_wall.to_zoned(TimeZone::UTC).ok()?.timestamp();
            on_the_wall = self.cron.find_next(MakeTimestamp(asked)).ok()?.datetime();
            let next = on_the_wall.to_zoned(self.zone.clone()).ok()?.timestamp();
            if next > moment {
                return Some(next);
            }
        }
        None
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.zone) == (&other.text, &other.zone)
    }
}

impl Eq for Schedule {}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>, id: &TenantId) -> Option<BackupConfig> {
    let file = section.file();
    let zone = section.optional("time_zone", time_zone).unwrap_or(TimeZone::UTC);
    let schedule = section.optional("schedule", |value| Schedule::parse(value::text(value)?, &zone));
    let mut kept = |key, default| section.count(key, default, 0..=MOST_KEPT);
    let keep = KeptManifests { daily: kept("daily", 7), weekly: kept("weekly", 5), monthly: kept("monthly", 12) };
    let signing_key = section.required("signing_key", KEY_HINT, |value| secret::source(file, value));
    let former_keys = section.optional("former_keys", former_keys).unwrap_or_default();
    let bytes_per_second = section.bytes_or_none("bytes_per_second", 1..=u64::MAX);
    let objects = section.section("objects", |section| placement::read_offsite(section, id));
    let sealing = backup_sealing::read(section, objects.as_ref());
    let evidence = section.optional("evidence", |value| value::path_beside(file, value::text(value)?));
    let drill_schedule = section.optional("drill_schedule", |value| Schedule::parse(value::text(value)?, &zone));
    if drill_schedule.is_some() && evidence.is_none() && !section.is_refused("evidence") {
        section.refuse("drill_schedule", "needs evidence, the folder by which everybody knows when the last drill was");
    }
    let (time_zone, signing_key, objects) = (zone, signing_key?, objects?);
    Some(BackupConfig { schedule, time_zone, keep, signing_key, former_keys, bytes_per_second, objects, sealing, evidence, drill_schedule })
}

fn former_keys(value: &DeValue<'_>) -> Parsed<Vec<PublicKey>> {
    let listed = value.as_array().ok_or_else(|| format!("needs public keys, found {}", value.type_str()))?;
    if listed.len() > MOST_FORMER_KEYS {
        return Err(format!("has more than {MOST_FORMER_KEYS} keys"));
    }
    let key = |(at, one): (usize, &toml::Spanned<DeValue<'_>>)| {
        value::parsed::<PublicKey>(one.get_ref()).map_err(|reason| format!("number {} {reason}", at + 1))
    };
    listed.iter().enumerate().map(key).collect()
}

fn time_zone(value: &DeValue<'_>) -> Parsed<TimeZone> {
    let name = value::text(value)?;
    TimeZone::get(name).map_err(|_| format!("{} is no time zone such as \"Europe/Stockholm\"", value::shown(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_meant_in_its_time_zone_summer_and_winter() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let schedule = |text: &str| Schedule::parse(text, &zone).unwrap();
        let of = |text: &str, moment: &str| schedule(text).next_after(moment.parse().unwrap()).unwrap().to_string();
        let next = |moment: &str| of("30 2 * * *", moment);
        assert_eq!(next("2026-01-10T12:00:00Z"), "2026-01-11T01:30:00Z");
        assert_eq!(next("2026-07-10T12:00:00Z"), "2026-07-11T00:30:00Z");
        assert_eq!(next("2026-07-11T00:30:00Z"), "2026-07-12T00:30:00Z");
        // There is no half past two on the last Sunday of March, and there are two on that of October.
        assert_eq!(next("2026-03-28T12:00:00Z"), "2026-03-29T01:30:00Z");
        assert_eq!(next("2026-03-29T01:30:00Z"), "2026-03-30T00:30:00Z");
        assert_eq!(next("2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next("2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
        assert_eq!(of("* * * * *", "2026-10-25T01:10:30Z"), "2026-10-25T02:00:00Z", "each minute on the wall once");
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for bad in ["", "30 2 * *", "61 2 * * *", "30 2 * * * *", "every day"] {
            assert!(Schedule::parse(bad, &TimeZone::UTC).is_err(), "{bad}");
        }
    }
}
