//! `If-Match` and `If-None-Match` as values, so that the transaction that changes a row can check them under its lock.

use super::stamp::Stamp;

/// The entity tags of one header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: any current content.
    Any,
    /// The opaque text of each tag.
    Of(Vec<EntityTag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    pub weak: bool,
    pub opaque: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

impl EntityTags {
    fn matches(&self, current: Option<&Stamp>, comparison: Comparison) -> bool {
        let Some(current) = current else { return false };
        match self {
            Self::Any => true,
            Self::Of(tags) => {
                let current = current.to_string();
                let comparable = |tag: &EntityTag| comparison == Comparison::Weak || !tag.weak;
                tags.iter().any(|tag| comparable(tag) && tag.opaque == current)
            }
        }
    }
}

/// What a client demands of the current content. A document without content, or not visible, has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Precondition {
    pub if_match: Option<EntityTags>,
    pub if_none_match: Option<EntityTags>,
}

/// Which header did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    IfMatch,
    IfNoneMatch,
}

impl Precondition {
    /// RFC 9110, 13.2.2: `If-Match` by strong comparison comes first, `If-None-Match` by weak comparison after it.
    pub fn check(&self, current: Option<&Stamp>) -> Result<(), Unmet> {
        if self.if_match.as_ref().is_some_and(|tags| !tags.matches(current, Comparison::Strong)) {
            return Err(Unmet::IfMatch);
        }
        if self.if_none_match.as_ref().is_some_and(|tags| tags.matches(current, Comparison::Weak)) {
            return Err(Unmet::IfNoneMatch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stamp::{Epoch, Revision};

    fn tags(opaque: &str, weak: bool) -> Option<EntityTags> {
        Some(EntityTags::Of(vec![EntityTag { weak, opaque: opaque.to_owned() }]))
    }

    #[test]
    fn if_match_fails_where_there_is_no_content_and_if_none_match_any_passes() {
        assert_eq!(Precondition { if_match: Some(EntityTags::Any), if_none_match: None }.check(None), Err(Unmet::IfMatch));
        assert_eq!(Precondition { if_match: None, if_none_match: Some(EntityTags::Any) }.check(None), Ok(()));
    }

    #[test]
    fn if_match_is_strong_and_if_none_match_weak() {
        let stamp = Stamp::Row { epoch: Epoch(1), revision: Revision(0x2a) };
        let check = |if_match, if_none_match| Precondition { if_match, if_none_match }.check(Some(&stamp));
        assert_eq!(check(tags("r-1-2a", false), None), Ok(()));
        assert_eq!(check(tags("r-1-2a", true), None), Err(Unmet::IfMatch));
        assert_eq!(check(tags("r-1-2b", false), None), Err(Unmet::IfMatch));
        assert_eq!(check(None, tags("r-1-2a", true)), Err(Unmet::IfNoneMatch));
        assert_eq!(check(None, tags("r-1-2b", false)), Ok(()));
    }
}
