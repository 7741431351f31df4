//! Where a document's object lies, and how far the row is known to agree with it.

use super::content::Fingerprint;
use super::id::ObjectRef;
use super::stamp::{Revision, Stamp};

/// A document's object, as the tenant's database knows it. At most one a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// `None` exactly when the content is empty: nothing is stored, read or collected for it.
    pub object: Option<ObjectRef>,
    pub stamp: Stamp,
    pub content: Fingerprint,
    /// The document row's revision when this location was last known true.
    pub revision: Revision,
    /// The object is the only holder: the row's content was NULL at that revision.
    pub sole: bool,
    /// As the object itself has them; the row's own may have changed since.
    pub labels: Labels,
    /// When the object was put into this location.
    pub held_from: jiff::Timestamp,
    /// When the holders were last compared and found equal; `None` when that was never, or before the location changed.
    pub verified_at: Option<jiff::Timestamp>,
}

/// What an object's metadata say of its content, so that a location can be rebuilt from a bucket alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    pub media_type: Option<String>,
    pub file_name: Option<String>,
}

/// Every store can carry this much of each beside the longest id: S3 has 2 KiB for all of it.
const MAX_LABEL_BYTES: usize = 255;

impl Labels {
    /// What the row says, as far as an object can carry it: a longer name, which only a program of the customer's can have written, is
    /// cut. The row keeps all of it.
    pub fn carried(media_type: Option<String>, file_name: Option<String>) -> Self {
        let cut = |mut label: String| {
            label.truncate(label.floor_char_boundary(MAX_LABEL_BYTES));
            label
        };
        Self { media_type: media_type.map(cut), file_name: file_name.map(cut) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_no_object_could_carry_is_cut_between_two_letters() {
        let labels = Labels::carried(Some("text/plain".into()), Some("å".repeat(200)));
        assert_eq!(labels.media_type.as_deref(), Some("text/plain"));
        assert_eq!(labels.file_name, Some("å".repeat(127)));
    }
}
