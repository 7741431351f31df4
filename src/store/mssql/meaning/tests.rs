//! The classification, number by number.

use super::*;
use crate::store::mssql::fault::{Fault, Outcome};

#[test]
fn each_number_says_what_can_be_done() {
    use StoreErrorKind::{Corrupt, Denied, Full, Other, Timeout, Unavailable};
    let busy = StoreErrorKind::Throttled { retry_after: Some(BUSY_PAUSE) };
    for (kind, numbers) in [
        (Unavailable, &[1205, 3960, 3961, 40197, 40613, 233, 64, 10053, 10054, 10060, 976, 978, 979, 983, 3906, 4060][..]),
        (Timeout, &[1222]),
        (busy, &[701, 8645, 8651, 8628, 3935, 40501, 49918, 49919, 49920, 10928, 10929]),
        (Denied, &[18456, 229, 230, 262, 297, 300, 916]),
        (Full, &[1105, 9002]),
        (Corrupt, &[823, 824, 825]),
        (Other, &[208, 207, 2812, 1934, 334, 547, 2627, 2601, 515, 544, 2628, 8152, 3609, 50_000, 50_001, 2_000_000_000, 102, 0]),
    ] {
        for number in numbers {
            assert_eq!(Meaning::of(*number).kind(), kind, "{number}");
        }
    }
}

#[test]
fn only_what_the_server_undid_for_others_runs_again() {
    let again: Vec<u32> = (0..60_000).filter(|number| Meaning::of(*number).may_run_again()).collect();
    assert_eq!(again, [1205, 1222, 3960, 3961]);
    assert!(!Fault::of_server(1205, "a victim", Outcome::Unknown).may_run_again());
}

#[test]
fn constraints_and_triggers_refuse_and_nothing_else_does() {
    let refusals: Vec<u32> = (0..50_000).filter(|number| Meaning::of(*number) == Meaning::Refusal).collect();
    assert_eq!(refusals, [515, 544, 547, 2601, 2627, 2628, 3609, 8152]);
}

#[test]
fn a_fault_repeats_the_servers_words_and_says_what_to_do() {
    let text = |number: u32, words: &str| Fault::of_server(number, words, Outcome::RolledBack).to_string();
    assert_eq!(text(547, "The DELETE statement conflicted."), "error 547: The DELETE statement conflicted");
    assert!(text(208, "Invalid object name 'sluss.state'.").contains("run `sluss init`"));
    assert!(text(18456, "Login failed for user 'sluss'.").contains("check sql.user and sql.password"));
    assert!(text(50_000, &"a".repeat(1_000_000)).len() < 2000);
}
