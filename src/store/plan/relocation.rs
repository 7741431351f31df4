//! A location that was lost comes back, only into the gap where it is missing: what the row has now decides whether it can be the one that was there.

use super::{At, Decision, LocationEdit, Naming, NewLocation, Plan, RowEdit, make, moved};
use crate::model::document::{DocRow, Holder, SqlContent};
use crate::model::id::ObjectRef;
use crate::model::stamp::Revision;
use crate::store::sql::Relocated;

pub(super) fn decide(before: &DocRow, seen: Revision, located: Relocated, sole: bool) -> Decision {
    let Relocated { object, stamp, labels, content } = located;
    let Some(document) = before.document.as_ref().filter(|document| document.revision == seen && before.location.is_none()) else {
        return moved();
    };
    let fits = match before.truth().holder {
        Holder::NoContent => sole,
        Holder::Sql => !sole && document.content == SqlContent::of_length(Some(content.length_bytes)),
        Holder::NoDocument | Holder::Both | Holder::Object | Holder::EmptyDocument => false,
    };
    if !fits {
        return moved();
    }
    let new = NewLocation { object: Some(object), labels, name: Naming::Given(stamp), content, revision: At::Seen(seen), sole };
    make(RowEdit::Keep, LocationEdit::Replace(new))
}

impl Plan {
    /// The object that comes back into a location without having been uploaded now. Nothing happens where an upload's row has it: the collector
    /// removes what has one.
    pub(in crate::store) fn revived(&self) -> Option<&ObjectRef> {
        let (RowEdit::Keep, LocationEdit::Replace(new), None) = (&self.row, &self.location, &self.upload) else { return None };
        new.object.as_ref()
    }
}
