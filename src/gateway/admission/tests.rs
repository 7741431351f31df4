//! The rules by themselves, against callers that ask for everything.

use proptest::prelude::*;

use super::*;

const NONE: Rules =
    Rules { places: 8, per_tenant: None, per_token: None, tenant_rate: None, token_rate: None, burst: Duration::from_secs(2) };

fn tenant(number: usize) -> TenantId {
    format!("t{number}").parse().unwrap()
}

/// One that asks until it is refused, and keeps what it got.
fn take_all(ledger: &mut Ledger, rules: &Rules, number: usize, tenants: usize) -> usize {
    let mut taken = 0;
    while ledger.admit(rules, &tenant(number), "app", tenants, Instant::now()).is_ok() {
        taken += 1;
    }
    taken
}

proptest! {
    /// Whoever asks and gives back in whatever order: nobody is kept out below its part, and no more is given than there is.
    #[test]
    fn a_tenant_below_its_part_is_always_let_in(
        places in 1usize..80,
        tenants in 1usize..9,
        steps in prop::collection::vec((0usize..9, prop::bool::weighted(0.8)), 1..600),
    ) {
        let (rules, now) = (Rules { places, ..NONE }, Instant::now());
        let (mut ledger, mut held) = (Ledger::default(), vec![0usize; tenants]);
        for (number, asks) in steps {
            let number = number % tenants;
            if asks {
                let admitted = ledger.admit(&rules, &tenant(number), "app", tenants, now).is_ok();
                prop_assert!(admitted || held[number] >= part(places, tenants), "{held:?} of {places}, and {number} was kept out");
                held[number] += usize::from(admitted);
            } else if held[number] > 0 {
                ledger.give_back(&tenant(number), "app");
                held[number] -= 1;
            }
            prop_assert!(held.iter().sum::<usize>() <= places);
            prop_assert_eq!(ledger.held, held.iter().sum::<usize>());
        }
    }

    /// Also where there are more tenants than places to keep for them.
    #[test]
    fn one_that_asks_for_everything_leaves_room_for_one_that_begins(places in 4usize..2000, tenants in 2usize..3000) {
        let rules = Rules { places, ..NONE };
        let mut ledger = Ledger::default();
        prop_assert!(take_all(&mut ledger, &rules, 0, tenants) >= places / 3);
        prop_assert!(ledger.admit(&rules, &tenant(1), "app", tenants, Instant::now()).is_ok());
    }

    /// A caller that always asks gets what the rate and the burst say, and no more.
    #[test]
    fn a_rate_is_kept(per_second in 1u32..500, burst_ms in 10u64..5000, step_ms in 1u64..300) {
        let rules = Rules { places: 100_000, tenant_rate: Some(per_second), burst: Duration::from_millis(burst_ms), ..NONE };
        let (mut ledger, begun) = (Ledger::default(), Instant::now());
        let (mut admitted, mut now) = (0u64, begun);
        while now < begun + Duration::from_secs(10) {
            match ledger.admit(&rules, &tenant(0), "app", 1, now) {
                Ok(()) => admitted += 1,
                Err(Refused::TenantRate { retry_after }) => {
                    prop_assert!(ledger.admit(&rules, &tenant(0), "app", 1, now + retry_after).is_ok(), "the time that was told is enough");
                    admitted += 1;
                    now += retry_after;
                }
                Err(other) => panic!("{other:?}"),
            }
            now += Duration::from_millis(step_ms);
        }
        let most = (10.0 + burst_ms as f64 / 1000.0 + 1.0) * f64::from(per_second) + 1.0;
        prop_assert!((admitted as f64) <= most, "{admitted} of at most {most}");
    }
}

#[test]
fn the_only_tenant_has_every_place() {
    assert_eq!(take_all(&mut Ledger::default(), &NONE, 0, 1), NONE.places);
}

#[test]
fn limits_of_a_tenant_and_of_a_token_hold_beside_each_other() {
    let rules = Rules { per_tenant: Some(3), per_token: Some(2), ..NONE }.of(TenantLimits::default());
    let (mut ledger, now) = (Ledger::default(), Instant::now());
    for (token, refused) in [("a", None), ("a", None), ("a", Some(Refused::Token)), ("b", None), ("b", Some(Refused::Tenant))] {
        assert_eq!(ledger.admit(&rules, &tenant(0), token, 1, now).err(), refused, "{token}");
    }
    ledger.give_back(&tenant(0), "a");
    assert_eq!(ledger.admit(&rules, &tenant(0), "b", 1, now), Ok(()));
}

#[test]
fn a_tenants_own_limits_only_lower_the_process_s() {
    let process = Rules { per_tenant: Some(5), tenant_rate: None, ..NONE };
    let own = |concurrent_requests, requests_per_second| process.of(TenantLimits { concurrent_requests, requests_per_second });
    assert_eq!(own(Some(9), Some(7)).per_tenant, Some(5));
    assert_eq!(own(Some(2), None).per_tenant, Some(2));
    assert_eq!(own(None, Some(7)).tenant_rate, Some(7));
}

#[test]
fn a_refused_request_counts_nowhere() {
    let rules = Rules { token_rate: Some(1), per_tenant: Some(1), burst: Duration::from_secs(1), ..NONE };
    let (mut ledger, now) = (Ledger::default(), Instant::now());
    assert_eq!(ledger.admit(&rules, &tenant(0), "a", 2, now), Ok(()));
    assert_eq!(ledger.admit(&rules, &tenant(0), "b", 2, now), Err(Refused::Tenant));
    // The token that was refused for the tenant's sake has spent nothing of its rate.
    assert_eq!(ledger.admit(&rules, &tenant(1), "b", 2, now), Ok(()));
    let refused = ledger.admit(&rules, &tenant(2), "b", 2, now);
    assert_eq!(refused, Err(Refused::TokenRate { retry_after: Duration::from_secs(1) }));
}
