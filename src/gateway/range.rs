//! `Range: bytes=...` of RFC 9110, section 14: one range. What cannot be understood is ignored, as the RFC allows.

use std::ops::Range;

/// What of a content is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// No byte of the content lies in the range.
    Unsatisfiable,
}

/// Several ranges are answered with the whole, which a client must be able to take.
pub fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let Some((unit, set)) = header.and_then(|header| header.split_once('=')) else { return Wanted::Whole };
    let Some((first, last)) = set.split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes")) else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Bound::Number(first), Bound::Number(last)) if first > last => Wanted::Whole,
        (Bound::Number(first), _) if first >= length => unsatisfiable_unless_odd(last),
        (Bound::Number(first), Bound::Number(last)) => Wanted::Part(first..last.saturating_add(1).min(length)),
        (Bound::Number(first), Bound::Absent) => Wanted::Part(first..length),
        (Bound::Absent, Bound::Number(0)) => Wanted::Unsatisfiable,
        (Bound::Absent, Bound::Number(_)) if length == 0 => Wanted::Unsatisfiable,
        (Bound::Absent, Bound::Number(suffix)) => Wanted::Part(length.saturating_sub(suffix)..length),
        (Bound::Absent, Bound::Absent) | (Bound::Odd, _) | (_, Bound::Odd) => Wanted::Whole,
    }
}

fn unsatisfiable_unless_odd(last: &str) -> Wanted {
    match number(last) {
        Bound::Odd => Wanted::Whole,
        Bound::Absent | Bound::Number(_) => Wanted::Unsatisfiable,
    }
}

enum Bound {
    Absent,
    Number(u64),
    /// Not a number, or a second range.
    Odd,
}

fn number(text: &str) -> Bound {
    let text = text.trim();
    if text.is_empty() {
        return Bound::Absent;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Bound::Odd;
    }
    // More digits than fit name a position beyond any content.
    Bound::Number(text.parse().unwrap_or(u64::MAX))
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
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=99-x", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("lines=0-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_beyond_the_content(header in "bytes=[0-9]{0,4}-[0-9]{0,4}", length in 0_u64..2000) {
            if let Wanted::Part(range) = wanted(Some(&header), length) {
                prop_assert!(range.start < range.end && range.end <= length, "{header} of {length}: {range:?}");
            }
        }

        #[test]
        fn no_header_panics(header in ".{0,60}", length: u64) {
            wanted(Some(&header), length);
        }
    }
}
