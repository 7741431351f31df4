//! Limits on the agents' work: what operators have set, and how much of it one process may do. Nothing here waits.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::id::TenantId;

/// A figure that bounds some work. Never zero: what is to stop is paused, so that it can be seen as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(extend("minimum" = 1, "maximum" = Limit::MAX))]
pub struct Limit(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    #[error("a limit of 0 would stop the work for good: pause it instead")]
    Zero,
    #[error("a limit of {0} is above the highest of {max}: lift it instead", max = Limit::MAX)]
    TooLarge(u64),
}

impl Limit {
    /// A TiB a second: beyond it nobody means a limit.
    pub const MAX: u64 = 1 << 40;

    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Limit {
    type Error = BadLimit;
    fn try_from(figure: u64) -> Result<Self, BadLimit> {
        match figure {
            0 => Err(BadLimit::Zero),
            1..=Self::MAX => Ok(Self(figure)),
            _ => Err(BadLimit::TooLarge(figure)),
        }
    }
}

impl From<Limit> for u64 {
    fn from(limit: Limit) -> Self {
        limit.0
    }
}

/// What holds for the agents' work on one tenant, or on all together. `None` bounds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct WorkLimits {
    pub documents_per_second: Option<Limit>,
    pub bytes_per_second: Option<Limit>,
    /// Jobs at once.
    pub concurrency: Option<Limit>,
    pub paused: bool,
}

impl fmt::Display for WorkLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [("documents/s", self.documents_per_second), ("bytes/s", self.bytes_per_second), ("concurrency", self.concurrency)];
        for (name, limit) in figures {
            match limit {
                Some(limit) => write!(f, "{name} {}, ", limit.0)?,
                None => write!(f, "{name} none, ")?,
            }
        }
        f.write_str(if self.paused { "paused" } else { "at work" })
    }
}

/// A wish to change limits: what it does not name stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct LimitsChange {
    /// `Some(None)` lifts it, here and below.
    #[serde(default, deserialize_with = "named")]
    pub documents_per_second: Option<Option<Limit>>,
    #[serde(default, deserialize_with = "named")]
    pub bytes_per_second: Option<Option<Limit>>,
    #[serde(default, deserialize_with = "named")]
    pub concurrency: Option<Option<Limit>>,
    /// Pausing has paths of its own.
    #[serde(skip)]
    pub paused: Option<bool>,
}

/// A `null` that is written is a wish, unlike a field that is not there.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Limit>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl LimitsChange {
    pub fn pause(paused: bool) -> Self {
        Self { paused: Some(paused), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn apply(&self, before: WorkLimits) -> WorkLimits {
        WorkLimits {
            documents_per_second: self.documents_per_second.unwrap_or(before.documents_per_second),
            bytes_per_second: self.bytes_per_second.unwrap_or(before.bytes_per_second),
            concurrency: self.concurrency.unwrap_or(before.concurrency),
            paused: self.paused.unwrap_or(before.paused),
        }
    }
}

/// Whom limits are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitScope {
    All,
    Tenant(TenantId),
}

impl LimitScope {
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all tenants"),
            Self::Tenant(tenant) => tenant.fmt(f),
        }
    }
}

/// Everything that operators have set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitTable {
    pub all: WorkLimits,
    /// Only those for which something was set.
    pub tenants: BTreeMap<TenantId, WorkLimits>,
}

impl LimitTable {
    pub fn of(&self, scope: &LimitScope) -> WorkLimits {
        match scope {
            LimitScope::All => self.all,
            LimitScope::Tenant(tenant) => self.tenant(tenant),
        }
    }

    pub fn tenant(&self, tenant: &TenantId) -> WorkLimits {
        self.tenants.get(tenant).copied().unwrap_or_default()
    }

    /// Whether the processes have to know of each other: some figure is divided among them.
    pub fn is_shared(&self) -> bool {
        let rates = |limits: &WorkLimits| limits.documents_per_second.is_some() || limits.bytes_per_second.is_some();
        rates(&self.all) || self.all.concurrency.is_some() || self.tenants.values().any(rates)
    }
}

/// A process's place among those whose agents work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    rank: u64,
    of: u64,
}

impl Seat {
    pub const ALONE: Self = Self { rank: 0, of: 1 };

    /// A process that the others do not see yet counts itself last, and so takes no place that they may have taken.
    pub fn among(processes: &[String], own: &str) -> Self {
        let of = processes.len() as u64;
        match processes.iter().position(|name| name == own) {
            Some(rank) => Self { rank: rank as u64, of },
            None => Self { rank: of, of: of + 1 },
        }
    }

    /// This seat's part of so many places: those of all seats add up to exactly as many.
    fn places(self, places: u64) -> u64 {
        places / self.of + u64::from(self.rank < places % self.of)
    }
}

/// The configuration's bounds of one process, which operators' limits do not raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnBounds {
    pub bytes_per_second: Option<u64>,
    pub concurrency: usize,
}

/// What one process's agents may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub limits: LimitTable,
    own: OwnBounds,
    /// Of the last few looks, the newest at the end.
    seats: Vec<Seat>,
}

/// A share grows only once this many looks have shown it: by then every other process has seen its own shrink.
const LOOKS: usize = 3;

impl Allowed {
    /// Nothing but the configuration's bounds.
    pub fn by(own: OwnBounds) -> Self {
        Self { limits: LimitTable::default(), own, seats: Vec::new() }
    }

    /// What holds after another look. `seat`: where the processes had to know of each other.
    pub fn renewed(&self, limits: LimitTable, seat: Option<Seat>) -> Self {
        let seats = match seat {
            Some(seat) => self.seats.iter().rev().take(LOOKS - 1).rev().copied().chain([seat]).collect(),
            None => Vec::new(),
        };
        Self { limits, own: self.own, seats }
    }

    pub fn is_paused(&self, tenant: &TenantId) -> bool {
        self.limits.all.paused || self.limits.tenant(tenant).paused
    }

    /// Jobs that this process may work on at once.
    pub fn places(&self) -> usize {
        let Some(limit) = self.limits.all.concurrency else { return self.own.concurrency };
        let share = self.seats.iter().map(|seat| seat.places(limit.0)).min().unwrap_or(limit.0);
        self.own.concurrency.min(usize::try_from(share).unwrap_or(usize::MAX))
    }

    /// Jobs of a tenant that all processes together may work on at once.
    pub fn concurrency(&self, tenant: &TenantId) -> Option<u64> {
        self.limits.tenant(tenant).concurrency.map(Limit::get)
    }

    /// This process's part of a scope's rate.
    pub fn documents_per_second(&self, scope: &LimitScope) -> Option<f64> {
        self.limits.of(scope).documents_per_second.map(|limit| self.part(limit))
    }

    /// This process's part of a scope's rate; in all, never more than its own configuration says.
    pub fn bytes_per_second(&self, scope: &LimitScope) -> Option<f64> {
        let part = self.limits.of(scope).bytes_per_second.map(|limit| self.part(limit));
        let own = match scope {
            LimitScope::All => self.own.bytes_per_second.map(|rate| rate as f64),
            LimitScope::Tenant(_) => None,
        };
        part.into_iter().chain(own).reduce(f64::min)
    }

    fn part(&self, limit: Limit) -> f64 {
        let processes = self.seats.iter().map(|seat| seat.of).max().unwrap_or(1);
        limit.0 as f64 / processes as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: OwnBounds = OwnBounds { bytes_per_second: None, concurrency: 4 };

    fn limit(figure: u64) -> Option<Limit> {
        Some(Limit::try_from(figure).unwrap())
    }

    fn acme() -> TenantId {
        "acme".parse().unwrap()
    }

    fn all(limits: WorkLimits) -> LimitTable {
        LimitTable { all: limits, tenants: BTreeMap::new() }
    }

    #[test]
    fn the_places_of_all_processes_add_up_to_the_limit() {
        for of in 1..=9 {
            for places in 0..=40 {
                let shares: Vec<u64> = (0..of).map(|rank| Seat { rank, of }.places(places)).collect();
                assert_eq!(shares.iter().sum::<u64>(), places, "{shares:?}");
                assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
            }
        }
    }

    #[test]
    fn a_process_that_nobody_sees_yet_takes_no_place_of_the_others() {
        let names: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(Seat::among(&names, "b"), Seat { rank: 1, of: 2 });
        let unseen = Seat::among(&names, "0");
        assert_eq!((unseen.places(2), Seat::among(&names, "a").places(2), Seat::among(&names, "b").places(2)), (0, 1, 1));
        assert_eq!(Seat::among(&[], "a"), Seat::ALONE);
    }

    #[test]
    fn a_share_shrinks_at_once_and_grows_when_the_others_have_seen_it() {
        let limits = all(WorkLimits { concurrency: limit(3), bytes_per_second: limit(300), ..WorkLimits::default() });
        let two = Allowed::by(OWN).renewed(limits.clone(), Some(Seat { rank: 0, of: 2 }));
        assert_eq!((two.places(), two.bytes_per_second(&LimitScope::All)), (2, Some(150.0)));
        let mut alone = two.renewed(limits.clone(), Some(Seat::ALONE));
        assert_eq!(alone.places(), 2);
        for _ in 0..2 {
            alone = alone.renewed(limits.clone(), Some(Seat::ALONE));
        }
        assert_eq!((alone.places(), alone.bytes_per_second(&LimitScope::All)), (3, Some(300.0)));
        let three = alone.renewed(limits, Some(Seat { rank: 2, of: 3 }));
        assert_eq!((three.places(), three.bytes_per_second(&LimitScope::All)), (1, Some(100.0)));
    }

    #[test]
    fn a_raised_limit_holds_at_once() {
        let concurrency = |figure| all(WorkLimits { concurrency: limit(figure), ..WorkLimits::default() });
        let seat = Some(Seat { rank: 0, of: 2 });
        let one = Allowed::by(OWN).renewed(concurrency(1), seat);
        assert_eq!((one.places(), one.renewed(concurrency(6), seat).places()), (1, 3));
    }

    #[test]
    fn the_files_bounds_are_never_exceeded() {
        let generous = all(WorkLimits { concurrency: limit(100), bytes_per_second: limit(1000), ..WorkLimits::default() });
        let own = OwnBounds { bytes_per_second: Some(10), concurrency: 4 };
        let allowed = Allowed::by(own).renewed(generous, Some(Seat::ALONE));
        assert_eq!((allowed.places(), allowed.bytes_per_second(&LimitScope::All)), (4, Some(10.0)));
        assert_eq!(Allowed::by(own).bytes_per_second(&LimitScope::Tenant(acme())), None);
    }

    #[test]
    fn a_pause_of_all_pauses_each() {
        let paused = WorkLimits { paused: true, ..WorkLimits::default() };
        let one = LimitTable { all: WorkLimits::default(), tenants: [(acme(), paused)].into() };
        let globex = "globex".parse().unwrap();
        let allowed = Allowed::by(OWN).renewed(one, None);
        assert!(allowed.is_paused(&acme()) && !allowed.is_paused(&globex));
        assert!(Allowed::by(OWN).renewed(all(paused), None).is_paused(&globex));
    }

    #[test]
    fn a_wish_changes_what_it_names_lifts_with_null_and_never_sets_zero() {
        let read = serde_json::from_str::<LimitsChange>;
        let before = WorkLimits { documents_per_second: limit(5), bytes_per_second: limit(7), paused: true, ..WorkLimits::default() };
        let wish = read(r#"{"documents_per_second": null, "concurrency": 2}"#).unwrap();
        let after = WorkLimits { documents_per_second: None, concurrency: limit(2), ..before };
        assert_eq!(wish.apply(before), after);
        assert_eq!(after.to_string(), "documents/s none, bytes/s 7, concurrency 2, paused");
        assert!(read("{}").unwrap().is_empty() && !wish.is_empty());
        assert!(read(r#"{"concurrency": 0}"#).unwrap_err().to_string().contains("pause it instead"));
        assert!(read(r#"{"concurrency": 18446744073709551615}"#).unwrap_err().to_string().contains("lift it instead"));
        assert!(read(r#"{"paused": true}"#).is_err());
    }
}
