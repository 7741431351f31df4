//! Statements on a document's location. They never look at what it says: whoever calls them has, under the write lock.

use rusqlite::params;

use super::change::Work;
use super::edit::one_row;
use super::table::Table;
use crate::model::stamp::{Revision, Stamp};
use crate::store::plan::NewLocation;

impl Work<'_> {
    /// The location's own trigger turns it into a version.
    pub(super) fn retire(&self) -> rusqlite::Result<()> {
        let statement = format!("DELETE FROM {} WHERE id = ?1", self.table.location);
        match self.tx.execute(&statement, params![self.id])? {
            0 => Ok(()),
            _ => self.ends_now(),
        }
    }

    /// `now`: the row's revision after this transaction's own statements.
    /// `is_a_clients`: it holds from now on; else since whatever was noted of its content.
    pub(super) fn locate(&self, new: &NewLocation, now: Revision, is_a_clients: bool) -> rusqlite::Result<()> {
        let noted = self.begun_at(&new.content)?;
        let begun_at = if is_a_clients { Some(self.now.as_millisecond()) } else { noted };
        let statement = format!(
            "INSERT INTO {} (id, placement, object, stamp, length, stored_length, format, sha256, pieces, revision, sole, held_from, \
             media_type, file_name, begun_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            self.table.location
        );
        one_row(self.tx.execute(
            &statement,
            params![
                self.id,
                new.object.as_ref().map(|object| object.placement.as_str()),
                new.object.as_ref().map(|object| object.id.to_string()),
                new.name.stamp(now).to_string(),
                new.content.length_bytes,
                new.content.sha256.0,
                new.content.pieces.to_bytes(),
                new.revision.revision(now).0,
                new.sole,
                self.now.as_millisecond(),
                new.labels.media_type,
                new.labels.file_name,
                begun_at,
            ],
        )?)
    }

    /// Bringing up to date and writing back keep the key, so they make no version. What was verified before counts no more.
    pub(super) fn set_location(&self, revision: Revision, stamp: &Stamp, sole: bool) -> rusqlite::Result<()> {
        let Table { location, .. } = self.table;
        let statement = format!("UPDATE {location} SET revision = ?2, stamp = ?3, sole = ?4, verified_at = NULL WHERE id = ?1");
        one_row(self.tx.execute(&statement, params![self.id, revision.0, stamp.to_string(), sole])?)
    }

    /// The object is as it was verified, so the time of that stays.
    pub(super) fn make_sole(&self, revision: Revision) -> rusqlite::Result<()> {
        let statement = format!("UPDATE {} SET revision = ?2, sole = 1 WHERE id = ?1", self.table.location);
        one_row(self.tx.execute(&statement, params![self.id, revision.0])?)
    }
}
