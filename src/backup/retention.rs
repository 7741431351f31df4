//! Which manifests stay: the newest of each of so many days, weeks and months in the tenant's own time zone, and what their states are made from.

use std::collections::BTreeSet;

use jiff::civil::{Date, ISOWeekDate};
use jiff::tz::TimeZone;

use super::chain::chain;
use crate::config::KeptManifests;
use crate::model::backup::Manifest;

/// The numbers of those that stay. The newest one always does. One whose chain is not whole keeps what is there of it: nothing that may be
/// needed goes because something else is missing.
pub fn kept(manifests: &[Manifest], keep: KeptManifests, zone: &TimeZone) -> BTreeSet<u64> {
    let dated: Vec<_> = manifests.iter().map(|manifest| (manifest.number, manifest.instant.to_zoned(zone.clone()).date())).collect();
    let mut wanted = BTreeSet::new();
    wanted.extend(manifests.last().map(|newest| newest.number));
    wanted.extend(newest_of_each(&dated, keep.daily, |date| *date));
    wanted.extend(newest_of_each(&dated, keep.weekly, |date| {
        let week: ISOWeekDate = date.iso_week_date();
        (week.year(), week.week())
    }));
    wanted.extend(newest_of_each(&dated, keep.monthly, |date| (date.year(), date.month())));
    let with_chain = |number: u64| match chain(manifests, number) {
        Some(chain) => chain.iter().map(|manifest| manifest.number).collect(),
        None => manifests.iter().map(|manifest| manifest.number).filter(|other| *other <= number).collect::<Vec<_>>(),
    };
    wanted.into_iter().flat_map(with_chain).collect()
}

/// Of the `count` latest periods that have any, the newest each. A manifest of a later day than the newest one's is of a clock that was ahead: it stays
/// until its day has come, and takes no other's place.
fn newest_of_each<P: Ord>(dated: &[(u64, Date)], count: u32, period: impl Fn(&Date) -> P) -> Vec<u64> {
    let (mut newest, mut met, mut counted) = (Vec::new(), BTreeSet::new(), 0);
    let Some((_, today)) = dated.last() else { return newest };
    for (number, date) in dated.iter().rev() {
        let is_ahead = date > today;
        // An older one may be of a later day: all of them are looked at.
        if (counted == count && !is_ahead) || !met.insert(period(date)) {
            continue;
        }
        newest.push(*number);
        counted += u32::from(!is_ahead);
    }
    newest
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;
    use crate::backup::chain::tests::manifests;
    use crate::model::backup::BackupKind::{self, Base, Increment};

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Stockholm").unwrap()
    }

    fn days(kinds: &[BackupKind]) -> Vec<Manifest> {
        let mut made = manifests(kinds);
        for (day, manifest) in (0_i64..).zip(&mut made) {
            manifest.instant = "2026-03-02T01:30:00Z".parse::<jiff::Timestamp>().unwrap() + (24 * day).hours();
        }
        made
    }

    #[test]
    fn the_newest_of_each_day_week_and_month_stays_with_its_chain() {
        // Weeks of a base on Monday and six increments.
        let kinds: Vec<BackupKind> = (0..70).map(|day| if day % 7 == 0 { Base } else { Increment }).collect();
        let made = days(&kinds);
        let stays = |daily, weekly, monthly| kept(&made, KeptManifests { daily, weekly, monthly }, &zone());
        assert_eq!(stays(3, 0, 0), (64..=70).collect());
        // The Sundays of two weeks, and what leads to them.
        assert_eq!(stays(0, 2, 0), (57..=70).collect());
        // 31 March is the second day of its week: it needs the Monday only.
        assert_eq!(stays(0, 0, 3), (64..=70).chain(57..=60).chain(29..=30).collect());
    }

    #[test]
    fn a_day_is_one_of_the_configured_zone() {
        let mut made = manifests(&[Base, Base, Base]);
        for (manifest, instant) in made.iter_mut().zip(["2026-03-01T22:30:00Z", "2026-03-01T23:30:00Z", "2026-03-02T10:00:00Z"]) {
            manifest.instant = instant.parse().unwrap();
        }
        let keep = KeptManifests { daily: 2, weekly: 0, monthly: 0 };
        assert_eq!(kept(&made, keep, &zone()), [1, 3].into());
        assert_eq!(kept(&made, keep, &TimeZone::UTC), [2, 3].into());
    }

    #[test]
    fn a_clock_that_was_ahead_costs_no_other_manifest_its_place() {
        let mut made = days(&[Base; 12]);
        let stays = |made: &[Manifest], daily, weekly| kept(made, KeptManifests { daily, weekly, monthly: 0 }, &zone());
        let before = (stays(&made, 3, 2), stays(&made, 0, 2));
        assert_eq!(before, ([7, 10, 11, 12].into(), [7, 12].into()));
        // Two of them were made by a clock that was thirty days ahead.
        for number in [3, 9] {
            made[number - 1].instant += (30 * 24).hours();
        }
        assert_eq!((stays(&made, 3, 2), stays(&made, 0, 2)), ([3, 7, 9, 10, 11, 12].into(), [3, 7, 9, 12].into()));
        // It was put back for good, by more than all that was kept.
        made[11].instant -= (300 * 24).hours();
        assert_eq!(stays(&made, 1, 0), (1..=12).collect());
    }

    proptest! {
        #[test]
        fn what_stays_can_be_put_together_and_the_newest_stays(
            kinds in prop::collection::vec(prop::sample::select(vec![Base, Increment]), 1..60),
            hours in prop::collection::vec(-40_i64..80, 60), daily in 0_u32..9, weekly in 0_u32..6, monthly in 0_u32..4
        ) {
            let kinds: Vec<BackupKind> = [Base].into_iter().chain(kinds).collect();
            let mut made = manifests(&kinds);
            let mut at: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            for (manifest, hours) in made.iter_mut().zip(hours.iter().cycle()) {
                at += hours.hours();
                manifest.instant = at;
            }
            let stays = kept(&made, KeptManifests { daily, weekly, monthly }, &zone());
            prop_assert!(stays.contains(&(kinds.len() as u64)));
            let left: Vec<Manifest> = made.iter().filter(|manifest| stays.contains(&manifest.number)).cloned().collect();
            prop_assert!(left.iter().all(|manifest| chain(&left, manifest.number).is_some()));
            // What was dropped once is not wanted again, and what stays stays when it is asked again.
            prop_assert_eq!(kept(&left, KeptManifests { daily, weekly, monthly }, &zone()), stays);
        }
    }
}
