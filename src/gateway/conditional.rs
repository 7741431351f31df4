//! `If-Match` and `If-None-Match`, from header text to values.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::model::precondition::{EntityTag, EntityTags, Precondition};

/// More tags than this in one request are refused.
const MAX_TAGS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a list of entity tags: write each in double quotes, as ETag has it, or *")]
pub struct BadTags(HeaderName);

pub fn precondition(headers: &HeaderMap) -> Result<Precondition, BadTags> {
    Ok(Precondition { if_match: tags(headers, IF_MATCH)?, if_none_match: tags(headers, IF_NONE_MATCH)? })
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
        precondition(&headers).map(|precondition| precondition.if_match)
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

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            parse_list(&text, &mut Vec::new());
        }
    }
}
