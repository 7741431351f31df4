//! The final transactions, each atomic: it reads the rows again, checks all that it relied on, and changes the document and its location
//! together, or nothing. What locks and triggers do in a real database is taken for granted here.

use sluss::model::document::{ContentColumn, Holder};
use sluss::model::job::JobKind;
use sluss::model::phase::Phase;

use super::config::{Break, Seen};
use super::names::InUse;
use super::product::{View, look};
use super::protocol::Protocol;
use super::world::{
    Agreed, Attempt, Content, EMPTY, Fault, Job, Keep, Key, Location, MIXED, Mend, NOTHING, Purpose, Revision, Row, Stamp, UploadState,
    World, bit,
};

/// What a write to the row relies on.
#[derive(Debug, Clone, Copy)]
pub struct Basis {
    pub epoch: u8,
    /// The phase of the look-up, which nothing here may go by.
    pub phase: Phase,
    pub if_match: Option<(Stamp, Content)>,
}

/// One transaction at work on a world. Whoever gets `false` or `None` from it throws the world away.
pub struct Transaction<'a> {
    pub world: &'a mut World,
    pub protocol: &'a Protocol,
}

impl Transaction<'_> {
    fn breaks(&self, rule: Break) -> bool {
        self.protocol.config.breaks(rule)
    }

    pub fn look(&self) -> View {
        look(&self.world.db, &self.protocol.config)
    }

    fn is_not_null(&self) -> bool {
        self.protocol.config.column == ContentColumn::NotNull
    }

    /// What stands in the content column where there is no content.
    fn vacant(&self) -> Option<Content> {
        self.is_not_null().then_some(EMPTY)
    }

    fn next_revision(&mut self) -> Revision {
        if !self.protocol.is_ordered() {
            return InUse::of(self.world).fresh_revision();
        }
        if InUse::of(self.world).revisions & (1 << (self.world.db.counter + 1)) != 0 {
            self.protocol.see(Seen::RevisionAgain);
        }
        self.world.db.counter += 1;
        self.world.db.counter
    }

    fn row_stamp(&self, revision: Revision) -> Stamp {
        let epoch = if self.breaks(Break::StampWithoutEpoch) { 1 } else { self.world.db.epoch };
        Stamp::Row { epoch, revision }
    }

    pub fn is_of_epoch(&self, epoch: u8) -> bool {
        if epoch != self.world.db.epoch {
            self.protocol.see(Seen::OlderEpochRefused);
        }
        epoch == self.world.db.epoch || self.breaks(Break::IgnoreEpoch)
    }

    /// `None`: refused.
    fn meets(&mut self, basis: Basis) -> Option<()> {
        let view = self.look();
        if !self.is_of_epoch(basis.epoch) {
            return None;
        }
        let Some((stamp, content)) = basis.if_match else { return Some(()) };
        if view.stamp.filter(|_| view.visible) != Some(stamp) {
            self.protocol.see(Seen::Unmet);
            return None;
        }
        if self.world.db.agreed.content != content {
            self.world.fault = Some(Fault::LostUpdate);
        }
        Some(())
    }

    /// A client's content to SQL. `None`: refused, and nothing has happened.
    pub fn store(&mut self, content: Content, basis: Basis) -> Option<()> {
        self.meets(basis)?;
        self.keep_history(basis.phase)?;
        self.see_put(content);
        self.retire();
        let revision = self.next_revision();
        self.world.db.row = Some(Row { revision, content: Some(content), marked: self.mark_after_put() });
        if self.is_not_null() && content == EMPTY && !self.breaks(Break::EmptyWithoutLocation) {
            let sole = !self.breaks(Break::EmptyNotSole);
            let stamp = self.row_stamp(revision);
            self.world.db.location = Some(Location { key: None, stamp, content, revision, sole, verified: false });
        }
        self.agree(Agreed { exists: true, marked: false, content });
        self.follow_up();
        Some(())
    }

    /// A client's content that lies in the object store. `None`: refused, and nothing has happened.
    pub fn point(&mut self, key: Key, content: Content, basis: Basis) -> Option<()> {
        self.meets(basis)?;
        self.take_upload(key, Purpose::Write, basis.epoch)?;
        self.keep_history(basis.phase)?;
        self.see_put(content);
        if self.world.db.phase == Phase::Sql {
            self.protocol.see(Seen::PointInSql);
        }
        self.retire();
        let revision = self.next_revision();
        let old = self.world.db.row.and_then(|row| row.content).filter(|_| self.breaks(Break::PointLeavesContent));
        self.world.db.row = Some(Row { revision, content: old.or(self.vacant()), marked: self.mark_after_put() });
        let stamp = Stamp::Object(key);
        self.world.db.location = Some(Location { key: Some(key), stamp, content, revision, sole: true, verified: false });
        self.agree(Agreed { exists: true, marked: false, content });
        self.follow_up();
        Some(())
    }

    /// A client's DELETE. `None`: there is nothing to delete, or nothing may be.
    pub fn delete(&mut self, basis: Basis) -> Option<()> {
        self.meets(basis)?;
        let row = self.world.db.row.filter(|row| !row.marked)?;
        if self.protocol.config.soft {
            let revision = self.next_revision();
            self.world.db.row = Some(Row { revision, marked: true, ..row });
            if self.breaks(Break::MarkDropsLocation) {
                self.retire();
            }
            self.agree(Agreed { marked: true, ..self.world.db.agreed });
        } else {
            self.keep_history(basis.phase)?;
            self.remove_row();
            self.agree(Agreed { exists: false, marked: false, content: NOTHING });
        }
        self.follow_up();
        Some(())
    }

    /// A PUT brings a document that was marked deleted back.
    fn mark_after_put(&self) -> bool {
        self.world.db.agreed.marked && self.breaks(Break::PutKeepsMark)
    }

    fn see_put(&self, content: Content) {
        if self.world.db.agreed.marked {
            self.protocol.see(Seen::PutOverMark);
        }
        if content == EMPTY {
            self.protocol.see(Seen::EmptyDocument);
        }
    }

    /// The row goes, and the cascade takes its location.
    pub fn remove_row(&mut self) {
        self.world.db.row = None;
        if !self.breaks(Break::LocationOutlivesRow) {
            self.retire();
        }
    }

    /// The location's own trigger turns it into a version.
    pub fn retire(&mut self) {
        let Some(location) = self.world.db.location.take() else { return };
        self.make_version(&location);
    }

    fn make_version(&mut self, location: &Location) {
        let Some(key) = location.key else { return };
        self.world.db.versions[usize::from(key)] = Some(location.content);
        self.world.db.owed |= bit(location.content);
    }

    /// Content that was never copied and is about to go. `None`: staging is full, which is a bound of the model.
    fn keep_history(&mut self, looked: Phase) -> Option<()> {
        let agreed = self.world.db.agreed;
        if !self.protocol.config.history || agreed.content == NOTHING || self.look().holder != Holder::Sql {
            return Some(());
        }
        if self.world.db.phase != Phase::Sql {
            self.world.db.owed |= bit(agreed.content);
        }
        let phase = if self.breaks(Break::KeepByOldPhase) { looked } else { self.world.db.phase };
        if phase == Phase::Sql {
            return Some(());
        }
        let row = self.free_keep()?;
        let others = self.world.db.keeps.iter().flatten().count();
        if others > 0 {
            self.protocol.see(Seen::KeptTwice);
        }
        let joins = self.breaks(Break::KeepOncePerDocument) && others > 0;
        self.world.db.keeps[row] = Some(Keep { content: agreed.content, job: (!joins).then(Job::default) });
        Some(())
    }

    /// Takes the upload's row, or says that it is not there to take.
    pub fn take_upload(&mut self, key: Key, purpose: Purpose, epoch: u8) -> Option<()> {
        let upload = &mut self.world.db.uploads[usize::from(key)];
        let is_open = upload.is_some_and(|upload| upload.state == UploadState::Open && upload.purpose == purpose && upload.epoch == epoch);
        if !is_open {
            self.protocol.see(Seen::CondemnedCommit);
        }
        if !is_open && !self.protocol.config.breaks(Break::PublishWithoutUpload) {
            return None;
        }
        *upload = None;
        Some(())
    }

    /// copy's last step. `None`: the row has moved on.
    pub fn publish(&mut self, key: Option<Key>, content: Content, revision: Revision, epoch: u8) -> Option<()> {
        let row = self.publishable(revision, epoch)?;
        if let Some(key) = key {
            self.take_upload(key, Purpose::Copy, epoch)?;
        }
        self.retire();
        let stamp = self.row_stamp(row.revision);
        self.world.db.location = Some(Location { key, stamp, content, revision: row.revision, sole: false, verified: false });
        self.follow_up();
        Some(())
    }

    /// copy's last step where the bytes were the location's own. `None`: the row or the location has moved on.
    pub fn confirm(&mut self, key: Option<Key>, revision: Revision, epoch: u8) -> Option<()> {
        let row = self.publishable(revision, epoch)?;
        let location = self.world.db.location?;
        if location.key != key {
            return None;
        }
        let stamp = self.row_stamp(row.revision);
        self.update_location(Location { revision: row.revision, stamp, sole: false, verified: false, ..location });
        self.follow_up();
        Some(())
    }

    fn publishable(&self, revision: Revision, epoch: u8) -> Option<Row> {
        let row = self.world.db.row?;
        let located = self.world.db.location.is_some_and(|location| location.revision == row.revision);
        if row.revision != revision {
            self.protocol.see(Seen::OvertakenCopy);
        }
        let still = (row.revision == revision || self.breaks(Break::CopyIgnoresRevision)) && self.look().holder == Holder::Sql;
        (self.is_of_epoch(epoch) && still && !located).then_some(row)
    }

    /// Keeps the key, so it makes no version.
    fn update_location(&mut self, location: Location) {
        if let Some(old) = self.world.db.location
            && self.breaks(Break::VersionOfSameKey)
        {
            self.make_version(&old);
        }
        self.world.db.location = Some(location);
    }

    /// write_back's last step. `None`: the document has moved on.
    pub fn write_back(&mut self, seen: Stamp, content: Content, epoch: u8) -> Option<()> {
        let (row, location) = (self.world.db.row?, self.world.db.location?);
        let view = self.look();
        let is_same = self.breaks(Break::WriteBackIgnoresStamp) || location.stamp == seen;
        let is_sole = view.holder == Holder::Object || (self.breaks(Break::WriteBackOverContent) && location.sole);
        if !(self.is_of_epoch(epoch) && is_same && is_sole) {
            return None;
        }
        let revision = self.next_revision();
        self.world.db.row = Some(Row { revision, content: Some(content), ..row });
        self.update_location(Location { revision, sole: false, verified: false, ..location });
        self.follow_up();
        Some(())
    }

    /// `None`: the document is not what was seen, or the phase no longer asks for it.
    pub fn purge(&mut self, seen: Revision, key: Key, epoch: u8) -> Option<()> {
        let (row, location) = (self.world.db.row?, self.world.db.location?);
        let is_in_phase = self.world.db.phase.calls_for(JobKind::Purge, false) || self.breaks(Break::PurgeByOldPhase);
        let is_same = (row.revision == seen && location.key == Some(key) && self.may_purge()) || self.breaks(Break::PurgeIgnoresRevision);
        if !(self.is_of_epoch(epoch) && is_in_phase && is_same) {
            return None;
        }
        let revision = self.next_revision();
        self.world.db.row = Some(Row { revision, content: self.vacant(), ..row });
        self.update_location(Location { revision, sole: true, ..location });
        self.follow_up();
        Some(())
    }

    pub fn may_purge(&self) -> bool {
        let view = self.look();
        let has_object = self.world.db.location.is_some_and(|location| location.key.is_some());
        view.purgeable || (self.breaks(Break::PurgeUnverified) && view.holder == Holder::Both && has_object)
    }

    /// Puts right what a row was seen to need.
    pub fn mend(&mut self, mend: Mend) {
        match (mend, self.world.db.location, self.world.db.row) {
            (Mend::Retire, _, _) => self.retire(),
            (Mend::BringUpToDate, Some(location), Some(row)) => {
                self.update_location(Location { revision: row.revision, verified: false, ..location });
            }
            (Mend::BringUpToDate, _, _) => (),
        }
    }

    /// keep's last step. `None`: somebody else has kept it.
    pub fn keep(&mut self, row: u8, key: Key, content: Content, epoch: u8) -> Option<()> {
        let kept = self.world.db.keeps[usize::from(row)].filter(|_| self.is_of_epoch(epoch))?;
        self.take_upload(key, Purpose::Keep, epoch)?;
        self.world.db.versions[usize::from(key)] = Some(content);
        self.world.db.owed |= bit(kept.content);
        self.world.db.keeps[usize::from(row)] = None;
        Some(())
    }

    /// What every change leaves behind: the outbox.
    fn follow_up(&mut self) {
        if !self.breaks(Break::NoOutbox) {
            self.enqueue();
        }
    }

    pub fn enqueue(&mut self) {
        let view = self.look();
        if view.needs_copy {
            self.world.db.copy.get_or_insert_default();
        }
        if view.needs_write_back {
            self.world.db.write_back.get_or_insert_default();
        }
    }

    /// From here on every observer has to see this.
    pub fn agree(&mut self, agreed: Agreed) {
        self.world.db.agreed = agreed;
    }

    /// A row changed by somebody who knows nothing of Sluss; its revision rises.
    pub fn change_row(&mut self, content: Option<Content>, marked: bool) {
        let revision = self.next_revision();
        self.world.db.row = Some(Row { revision, content, marked });
    }

    /// The place in staging that no row and no process names.
    pub fn free_attempt(&self) -> Option<u8> {
        (0..2).find(|place| self.world.db.staging[usize::from(*place)].is_none() && !self.protocol.names_attempt(self.world, *place))
    }

    fn free_keep(&self) -> Option<usize> {
        let is_free = |row: &usize| {
            let backed_up = self.world.backups.iter().flatten().any(|backup| backup.keeps[*row].is_some());
            self.world.db.keeps[*row].is_none() && !backed_up && !self.protocol.names_keep(self.world, *row as u8)
        };
        (0..self.world.db.keeps.len()).find(is_free)
    }

    /// Takes an attempt's content out of staging: whole, of this epoch, and by its hash what its writer says it is.
    pub fn take_attempt(&mut self, place: u8, content: Content, epoch: u8) -> Option<Content> {
        let Attempt { epoch: begun, pieces } = self.world.db.staging[usize::from(place)].take()?;
        let [Some(one), Some(other)] = pieces else { return None };
        let found = if one == other { one } else { MIXED };
        let is_right = self.breaks(Break::StagingOfDocument) || (found == content && begun == epoch);
        is_right.then_some(found)
    }
}
