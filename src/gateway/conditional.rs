//! Conditions, from header text to values.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

use crate::model::precondition::{EntityTag, EntityTags, HttpDate, Precondition};
use crate::model::stamp::Stamp;

/// More tags than this in one request are refused.
const MAX_TAGS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a list of entity tags: write each in double quotes, as ETag has it, or *")]
pub struct BadTags(HeaderName);

/// `reads`: for GET and HEAD. `If-Modified-Since` means nothing elsewhere.
pub fn precondition(headers: &HeaderMap, reads: bool) -> Result<Precondition, BadTags> {
    Ok(Precondition {
        if_match: tags(headers, IF_MATCH)?,
        if_unmodified_since: date(headers, IF_UNMODIFIED_SINCE),
        if_none_match: tags(headers, IF_NONE_MATCH)?,
        if_modified_since: if reads { date(headers, IF_MODIFIED_SINCE) } else { None },
    })
}

/// `If-Range`: which content a client has a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfRange {
    /// A strong tag's opaque text.
    Tag(String),
    Date(HttpDate),
    /// A weak tag, or nothing that names a content: it never holds, and must not be taken for a condition that is not there.
    Nothing,
}

pub fn if_range(headers: &HeaderMap) -> Option<IfRange> {
    if !headers.contains_key(IF_RANGE) {
        return None;
    }
    let text = single(headers, IF_RANGE).unwrap_or_default();
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|opaque| !opaque.contains('"'));
    Some(match (quoted, parse_date(text)) {
        (Some(opaque), _) => IfRange::Tag(opaque.to_owned()),
        (None, Some(date)) => IfRange::Date(date),
        (None, None) => IfRange::Nothing,
    })
}

impl IfRange {
    /// RFC 9110, 13.1.5: by exact match, and only where the validator is a strong one. A date is strong once its second is over: a
    /// client whose part came within that second may not send it, and one that keeps to the RFC sends the ETag that every answer
    /// has. `now`: to the second.
    pub fn holds(&self, stamp: &Stamp, modified: Option<HttpDate>, now: Option<HttpDate>) -> bool {
        match self {
            Self::Tag(opaque) => *opaque == stamp.to_string(),
            Self::Date(date) => modified == Some(*date) && now.is_some_and(|now| *date < now),
            Self::Nothing => false,
        }
    }
}

/// A date that is none, or is there twice, is as good as not sent.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<HttpDate> {
    parse_date(single(headers, name)?)
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    Some(only.to_str().ok()?.trim())
}

/// In any of the three forms of RFC 9110, 5.6.7.
fn parse_date(text: &str) -> Option<HttpDate> {
    let since_1970 = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    HttpDate::of_seconds(since_1970.as_secs())
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Result<Option<EntityTags>, BadTags> {
    let mut found = Vec::new();
    let mut any = false;
    for value in headers.get_all(&name) {
        let text = value.to_str().map_err(|_| BadTags(name.clone()))?.trim();
        if text == "*" {
            any = true;
        } else {
            parse_list(text, &mut found).ok_or_else(|| BadTags(name.clone()))?;
        }
    }
    match (any, found.is_empty()) {
        (true, true) => Ok(Some(EntityTags::Any)),
        (true, false) => Err(BadTags(name)),
        (false, true) if headers.contains_key(&name) => Err(BadTags(name)),
        (false, true) => Ok(None),
        (false, false) => Ok(Some(EntityTags::Of(found))),
    }
}

/// `None` where the text is not a list of tags.
fn parse_list(mut rest: &str, found: &mut Vec<EntityTag>) -> Option<()> {
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(());
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |rest| (true, rest));
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') || found.len() == MAX_TAGS {
            return None;
        }
        found.push(EntityTag { weak, opaque: opaque.to_owned() });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn if_match(values: &[&str]) -> Result<Option<EntityTags>, BadTags> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, value.parse().unwrap());
        }
        precondition(&headers, true).map(|precondition| precondition.if_match)
    }

    #[test]
    fn tags_come_alone_in_lists_and_over_several_headers() {
        let tag = |weak, opaque: &str| EntityTag { weak, opaque: opaque.into() };
        assert_eq!(if_match(&[]), Ok(None));
        assert_eq!(if_match(&["*"]), Ok(Some(EntityTags::Any)));
        assert_eq!(if_match(&["\"a\" , W/\"b,c\""]), Ok(Some(EntityTags::Of(vec![tag(false, "a"), tag(true, "b,c")]))));
        assert_eq!(if_match(&["\"a\"", "\"b\""]), Ok(Some(EntityTags::Of(vec![tag(false, "a"), tag(false, "b")]))));
    }

    #[test]
    fn what_is_not_a_list_of_tags_is_refused_not_ignored() {
        for bad in ["a", "\"a", "\"a\" \"b\"", "*, \"a\"", "", "w/\"a\""] {
            assert!(if_match(&[bad]).is_err(), "{bad:?}");
        }
        assert!(if_match(&["*", "\"a\""]).is_err());
        assert!(if_match(&[&"\"a\",".repeat(MAX_TAGS + 1)]).is_err());
    }

    fn with(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn dates_come_in_three_forms_and_anything_else_is_as_good_as_not_sent() {
        let since = |values: &[&str], reads| precondition(&with(&IF_MODIFIED_SINCE, values), reads).unwrap().if_modified_since;
        let date = HttpDate::of_seconds(784_111_777);
        for form in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(since(&[form], true), date, "{form}");
            assert_eq!(since(&[form], false), None, "it is for reads");
            assert_eq!(since(&[form, form], true), None, "one of two dates");
        }
        for bad in ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET", "1994-11-06T08:49:37Z"] {
            assert_eq!(since(&[bad], true), None, "{bad:?}");
        }
        let unmodified = precondition(&with(&IF_UNMODIFIED_SINCE, &["Sun, 06 Nov 1994 08:49:37 GMT"]), false).unwrap();
        assert_eq!(unmodified.if_unmodified_since, date);
    }

    #[test]
    fn if_range_holds_by_a_strong_tag_or_by_a_date_whose_second_is_over() {
        let stamp: Stamp = "r-1-2a".parse().unwrap();
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let at = |seconds: u64| HttpDate::of_seconds(784_111_777 + seconds);
        let holds = |value: &str, modified, now| if_range(&with(&IF_RANGE, &[value])).unwrap().holds(&stamp, modified, now);
        assert!(holds("\"r-1-2a\"", None, at(0)));
        assert!(holds(date, at(0), at(1)));
        assert!(!holds(date, at(0), at(0)), "the content may still change within this second");
        assert!(!holds(date, at(1), at(9)) && !holds(date, None, at(9)));
        for other in ["W/\"r-1-2a\"", "\"r-1-2b\"", "r-1-2a", "*", "\"r-1-2a\", \"x\"", ""] {
            assert!(!holds(other, at(0), at(9)), "{other:?}");
        }
        assert_eq!(if_range(&HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            parse_list(&text, &mut Vec::new());
        }
    }
}
