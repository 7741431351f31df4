//! What a client demands of the current content, as values, so that the transaction that changes a row can check it under its lock.

use jiff::Timestamp;

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

/// A moment as HTTP tells it: whole seconds since 1970, before the year 10000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpDate(u64);

impl HttpDate {
    /// Midnight before the first day of the year 10000.
    const END: u64 = 253_402_300_800;

    /// `None`: HTTP has no date for it.
    pub fn of_seconds(seconds: u64) -> Option<Self> {
        (seconds < Self::END).then_some(Self(seconds))
    }

    /// The second in which the moment lies.
    pub fn of(moment: Timestamp) -> Option<Self> {
        u64::try_from(moment.as_second()).ok().and_then(Self::of_seconds)
    }

    pub fn seconds(self) -> u64 {
        self.0
    }
}

/// What a client can see, and so can name in a condition. A document without content, or not visible, has none of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Current {
    pub stamp: Option<Stamp>,
    pub modified: Option<HttpDate>,
}

/// All conditions of one request. `if_modified_since` is for reads only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Precondition {
    pub if_match: Option<EntityTags>,
    pub if_unmodified_since: Option<HttpDate>,
    pub if_none_match: Option<EntityTags>,
    pub if_modified_since: Option<HttpDate>,
}

/// Which header did not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    IfMatch,
    IfUnmodifiedSince,
    IfNoneMatch,
    IfModifiedSince,
}

impl Precondition {
    /// In the order of RFC 9110, 13.2.2. A tag takes the place of the date beside it, and what has no date is not asked for one.
    pub fn check(&self, current: &Current) -> Result<(), Unmet> {
        let stamp = current.stamp.as_ref();
        match (&self.if_match, self.if_unmodified_since, current.modified) {
            (Some(tags), _, _) if !tags.matches(stamp, Comparison::Strong) => return Err(Unmet::IfMatch),
            (None, Some(since), Some(modified)) if modified > since => return Err(Unmet::IfUnmodifiedSince),
            (Some(_) | None, _, _) => {}
        }
        match (&self.if_none_match, self.if_modified_since, current.modified) {
            (Some(tags), _, _) if tags.matches(stamp, Comparison::Weak) => Err(Unmet::IfNoneMatch),
            (None, Some(since), Some(modified)) if modified <= since => Err(Unmet::IfModifiedSince),
            (Some(_) | None, _, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::stamp::{Epoch, Revision};

    fn tags(opaque: &str, weak: bool) -> Option<EntityTags> {
        Some(EntityTags::Of(vec![EntityTag { weak, opaque: opaque.to_owned() }]))
    }

    fn current() -> Current {
        Current { stamp: Some(Stamp::Row { epoch: Epoch(1), revision: Revision(0x2a) }), modified: HttpDate::of_seconds(100) }
    }

    #[test]
    fn if_match_fails_where_there_is_no_content_and_everything_else_passes() {
        let nothing = Current::default();
        let any = Some(EntityTags::Any);
        assert_eq!(Precondition { if_match: any.clone(), ..Precondition::default() }.check(&nothing), Err(Unmet::IfMatch));
        assert_eq!(Precondition { if_none_match: any, ..Precondition::default() }.check(&nothing), Ok(()));
        let dates = Precondition {
            if_unmodified_since: HttpDate::of_seconds(0),
            if_modified_since: HttpDate::of_seconds(0),
            ..Precondition::default()
        };
        assert_eq!(dates.check(&nothing), Ok(()));
        assert_eq!(dates.check(&Current { modified: None, ..current() }), Ok(()), "a document without a date is not asked for one");
    }

    #[test]
    fn if_match_is_strong_and_if_none_match_weak() {
        let check = |if_match, if_none_match| Precondition { if_match, if_none_match, ..Precondition::default() }.check(&current());
        assert_eq!(check(tags("r-1-2a", false), None), Ok(()));
        assert_eq!(check(tags("r-1-2a", true), None), Err(Unmet::IfMatch));
        assert_eq!(check(tags("r-1-2b", false), None), Err(Unmet::IfMatch));
        assert_eq!(check(None, tags("r-1-2a", true)), Err(Unmet::IfNoneMatch));
        assert_eq!(check(None, tags("r-1-2b", false)), Ok(()));
    }

    #[test]
    fn the_second_of_the_change_counts_as_unmodified() {
        let unmodified =
            |seconds| Precondition { if_unmodified_since: HttpDate::of_seconds(seconds), ..Precondition::default() }.check(&current());
        assert_eq!([unmodified(99), unmodified(100), unmodified(101)], [Err(Unmet::IfUnmodifiedSince), Ok(()), Ok(())]);
        let modified =
            |seconds| Precondition { if_modified_since: HttpDate::of_seconds(seconds), ..Precondition::default() }.check(&current());
        assert_eq!([modified(99), modified(100), modified(101)], [Ok(()), Err(Unmet::IfModifiedSince), Err(Unmet::IfModifiedSince)]);
    }

    #[test]
    fn a_tag_takes_the_place_of_the_date_beside_it() {
        let held =
            Precondition { if_match: tags("r-1-2a", false), if_unmodified_since: HttpDate::of_seconds(0), ..Precondition::default() };
        assert_eq!(held.check(&current()), Ok(()));
        let other =
            Precondition { if_none_match: tags("r-1-2b", false), if_modified_since: HttpDate::of_seconds(200), ..Precondition::default() };
        assert_eq!(other.check(&current()), Ok(()));
        let both = Precondition { if_match: tags("r-1-2a", false), if_none_match: tags("r-1-2a", false), ..Precondition::default() };
        assert_eq!(both.check(&current()), Err(Unmet::IfNoneMatch), "If-None-Match is asked after an If-Match that holds");
    }

    #[test]
    fn http_has_no_date_before_1970_and_none_of_five_digits() {
        let date = |text: &str| HttpDate::of(text.parse().unwrap()).map(HttpDate::seconds);
        assert_eq!(date("1969-12-31T23:59:58Z"), None);
        assert_eq!(date("1970-01-01T00:00:01.9Z"), Some(1));
        assert_eq!(date("9999-12-30T00:00:00Z"), Some(HttpDate::END - 2 * 86_400));
        assert_eq!(HttpDate::of_seconds(HttpDate::END), None);
    }
}
