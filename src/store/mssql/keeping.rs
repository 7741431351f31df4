//! What a final transaction does for history: the content that it ends goes into staging, as a version, and from when the new one holds is noted.

use super::edit::Draft;
use super::statements as text;
use crate::model::content::Fingerprint;
use crate::model::document::{Attributes, DocRow};
use crate::model::id::Attempt;
use crate::model::job::Priority;
use crate::model::location::Labels;
use crate::model::stamp::Stamp;
use crate::store::plan::{Plan, RowEdit};

/// The content that a row holds and nobody else.
pub(super) struct Kept {
    stamp: Stamp,
    length_bytes: u64,
    labels: Labels,
    /// `None`: the empty content, which needs no bytes.
    attempt: Option<Attempt>,
}

impl Kept {
    /// `None` where the plan keeps nothing.
    pub(super) fn by(plan: &Plan, before: &DocRow) -> Option<Self> {
        let document = before.document.as_ref().filter(|_| plan.keep)?;
        let stamp = before.truth().stamp.expect("what only SQL holds has the stamp of its revision");
        let Attributes { media_type, file_name, .. } = document.attributes.clone();
        let length_bytes = before.length_bytes();
        let attempt = (length_bytes > 0).then(Attempt::fresh);
        Some(Self { stamp, length_bytes, labels: Labels::carried(media_type, file_name), attempt })
    }
}

impl Draft<'_> {
    /// Before the row is changed.
    pub(super) fn keep_content(&mut self, kept: &Kept) {
        self.set("kept", "varchar(36)", kept.attempt.map(|attempt| attempt.to_string()));
        if kept.attempt.is_some() {
            self.allow_for(kept.length_bytes);
            self.add(text::KEEP_CONTENT);
            self.add(text::ONE_ROW);
        }
    }

    /// Once the location is a version.
    pub(super) fn keep_version(&mut self, kept: &Kept) {
        let sha256 = kept.attempt.is_none().then(|| bytes::Bytes::copy_from_slice(&Fingerprint::of(b"").sha256.0));
        self.set("kept_stamp", "varchar(64)", kept.stamp.to_string());
        self.set("kept_length", "bigint", super::rows::signed(kept.length_bytes));
        self.set("kept_sha256", "binary(32)", sha256);
        self.set("kept_media_type", "nvarchar(4000)", kept.labels.media_type.clone());
        self.set("kept_file_name", "nvarchar(4000)", kept.labels.file_name.clone());
        self.add(text::KEEP_VERSION);
    }

    /// The outbox's part: an agent brings the bytes to the object store.
    pub(super) fn keep_job(&mut self, kept: &Kept) {
        if kept.attempt.is_some() {
            self.set("keep_priority", "int", i64::from(Priority::Write.rank()));
            self.add(text::KEEP_JOB);
        }
    }

    /// Once what it ends is a version.
    pub(super) fn note_mark(&mut self, row: &RowEdit) {
        match row {
            RowEdit::Mark => self.add(text::NOTE_MARK),
            RowEdit::Put { revive: true, .. } => self.add(text::FORGET_MARK),
            RowEdit::Put { .. } | RowEdit::Keep | RowEdit::Insert { .. } | RowEdit::Content(_) | RowEdit::Clear | RowEdit::Delete => {}
        }
    }

    /// Before there is a new location: a client's change has no use for what was noted of the content before, nor has its own location.
    pub(super) fn note_beginning(&mut self, plan: &Plan, begins: Option<&Fingerprint>) {
        let spelled = match (&plan.row, begins) {
            (_, Some(content)) => {
                self.set("begins_sha256", "binary(32)", bytes::Bytes::copy_from_slice(&content.sha256.0));
                return self.add(text::NOTE_BEGINNING);
            }
            (RowEdit::Insert { .. } | RowEdit::Put { .. } | RowEdit::Clear, None) => "@spelled",
            // There is no row any more that could spell it.
            (RowEdit::Delete, None) => "@was",
            (RowEdit::Keep | RowEdit::Content(_) | RowEdit::Mark, None) => return,
        };
        self.add_with(text::FORGET_BEGINNING, &[("spelled", spelled)]);
    }

    /// Since when the content holds that gets a location now, where a client wrote it before, as an expression.
    pub(super) fn begun_at(&mut self, row: &RowEdit) -> &'static str {
        match row {
            RowEdit::Insert { .. } | RowEdit::Put { .. } => "@now",
            RowEdit::Keep | RowEdit::Content(_) | RowEdit::Clear | RowEdit::Mark | RowEdit::Delete => {
                self.add(text::HOLDS_SINCE);
                "@noted_at"
            }
        }
    }
}
