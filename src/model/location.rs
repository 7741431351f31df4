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
