//! Stamps, revisions, epochs: the names of contents. They come from the database and are never made up here.

use std::fmt;
use std::str::FromStr;

use super::id::ObjectId;

/// A row's version: it rises with every change of the row, whoever makes it, and no value is ever used twice in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Raised by a restore of the tenant's database, after which revisions are given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of one content of one document, and its HTTP `ETag`. Copying, writing back and purging keep it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// SQL wrote the content.
    Row { epoch: Epoch, revision: Revision },
    /// The gateway wrote it to the object store, under this id.
    Object(ObjectId),
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { epoch, revision } => write!(f, "r-{epoch}-{revision}"),
            Self::Object(id) => write!(f, "o-{id}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a stamp")]
pub struct StampError(String);

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, StampError> {
        let bad = || StampError(text.chars().take(80).collect());
        if let Some(id) = text.strip_prefix("o-") {
            return id.parse().map(Self::Object).map_err(|_| bad());
        }
        let (epoch, revision) = text.strip_prefix("r-").and_then(|rest| rest.split_once('-')).ok_or_else(bad)?;
        let epoch = epoch.parse().map(Epoch).map_err(|_| bad())?;
        let revision = u64::from_str_radix(revision, 16).map(Revision).map_err(|_| bad())?;
        Ok(Self::Row { epoch, revision })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::FreshKey;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_stamp_survives_its_text(epoch: u64, revision: u64) {
            let stamp = Stamp::Row { epoch: Epoch(epoch), revision: Revision(revision) };
            prop_assert_eq!(stamp.to_string().parse::<Stamp>(), Ok(stamp));
        }

        #[test]
        fn any_text_is_a_stamp_or_an_error(text in ".{0,60}") {
            if let Ok(stamp) = text.parse::<Stamp>() {
                prop_assert!(stamp.to_string().parse::<Stamp>().is_ok());
            }
        }
    }

    #[test]
    fn an_object_stamp_survives_its_text() {
        let stamp = Stamp::Object(FreshKey::mint("local".parse().unwrap()).object().id);
        assert_eq!(stamp.to_string().parse::<Stamp>(), Ok(stamp));
    }
}
