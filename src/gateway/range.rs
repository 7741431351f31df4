//! `Range: bytes=...` of RFC 9110, section 14. What cannot be understood is ignored, as the RFC allows, and so is what no client
//! needs: very many ranges, or ranges that overlap.

use std::ops::Range;

/// More ranges than this in one request are answered with the whole. Apache and nginx draw such a line, too: each range costs a look
/// at a store.
pub const MAX_RANGES: usize = 16;

/// What of a content is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// At least two, none of them empty, in the order of asking, no byte in two of them.
    Parts(Vec<Range<u64>>),
    /// No byte of the content lies in any of the ranges.
    Unsatisfiable,
}

/// The whole is an answer that every client must be able to take.
pub fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let Some((unit, set)) = header.and_then(|header| header.split_once('=')) else { return Wanted::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    // A list may have empty elements, and they count for nothing.
    let specs: Vec<&str> = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty()).collect();
    if specs.is_empty() || specs.len() > MAX_RANGES {
        return Wanted::Whole;
    }
    let Some(found) = specs.into_iter().map(|spec| resolve(spec, length)).collect::<Option<Vec<_>>>() else { return Wanted::Whole };
    let mut ranges: Vec<Range<u64>> = found.into_iter().filter(|range| !range.is_empty()).collect();
    match ranges.len() {
        0 => Wanted::Unsatisfiable,
        1 => Wanted::Part(ranges.remove(0)),
        _ if overlap(&ranges) => Wanted::Whole,
        _ => Wanted::Parts(ranges),
    }
}

/// The bytes that one range names, which may be none; `None` where it is no range.
fn resolve(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(length.saturating_sub(suffix)..length);
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    (first <= last).then(|| first.min(length)..last.saturating_add(1).min(length))
}

/// More digits than fit name a position beyond any content.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

fn overlap(ranges: &[Range<u64>]) -> bool {
    let mut sorted: Vec<&Range<u64>> = ranges.iter().collect();
    sorted.sort_by_key(|range| range.start);
    sorted.windows(2).any(|pair| pair[1].start < pair[0].end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let cases = [
            ("bytes=0-4", Wanted::Part(0..5)),
            ("bytes=5-", Wanted::Part(5..10)),
            ("Bytes=5-", Wanted::Part(5..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=8-99", Wanted::Part(8..10)),
            ("bytes=9-99999999999999999999999", Wanted::Part(9..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=10-12", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=99-x", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=0 - 4", Wanted::Whole),
            ("lines=0-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-4", Wanted::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn several_ranges_come_in_the_order_of_asking_and_what_is_not_there_is_left_out() {
        let cases = [
            ("bytes=0-1,4-5", Wanted::Parts(vec![0..2, 4..6])),
            ("bytes=-2, 0-0 ,\t4-5", Wanted::Parts(vec![8..10, 0..1, 4..6])),
            ("bytes=0-1,2-3", Wanted::Parts(vec![0..2, 2..4])),
            ("bytes=,0-1,,4-5,", Wanted::Parts(vec![0..2, 4..6])),
            ("bytes=0-1,10-", Wanted::Part(0..2)),
            ("bytes=-0,4-5", Wanted::Part(4..6)),
            ("bytes=10-,-0", Wanted::Unsatisfiable),
            ("bytes=0-4,4-5", Wanted::Whole),
            ("bytes=4-5,0-", Wanted::Whole),
            ("bytes=0-1,5-2", Wanted::Whole),
            ("bytes=0-1,x", Wanted::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        let many = |count: u64| (0..count).map(|at| format!("{0}-{0}", 2 * at)).collect::<Vec<_>>().join(",");
        assert!(matches!(wanted(Some(&format!("bytes={}", many(16))), 100), Wanted::Parts(parts) if parts.len() == 16));
        assert_eq!(wanted(Some(&format!("bytes={}", many(17))), 100), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn no_part_is_empty_or_beyond_the_content_and_no_byte_comes_twice(
            header in "bytes=[0-9]{0,4}-[0-9]{0,4}(,[0-9]{0,4}-[0-9]{0,4}){0,4}", length in 0_u64..2000
        ) {
            let parts = match wanted(Some(&header), length) {
                Wanted::Part(range) => vec![range],
                Wanted::Parts(ranges) => ranges,
                Wanted::Whole | Wanted::Unsatisfiable => Vec::new(),
            };
            prop_assert!(parts.iter().all(|range| range.start < range.end && range.end <= length), "{header} of {length}: {parts:?}");
            let total: u64 = parts.iter().map(|range| range.end - range.start).sum();
            prop_assert!(total <= length, "{header} of {length}: {parts:?}");
        }

        #[test]
        fn no_header_panics(header in "(bytes=)?.{0,60}", length: u64) {
            wanted(Some(&header), length);
        }
    }
}
