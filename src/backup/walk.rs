//! The walk of a run: which contents objects held at its instant and before, each brought to the offsite store and then written into the manifest.
//!
//! A base walks every document and every version; an increment what was located or ended since the manifest before it, minus an overlap in which
//! transactions may have been open. Either looks at a document's rows as they are, and takes what held at the instant: a content that was put since
//! has its turn in the next increment, as has a version that had not come to the object store yet.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Duration, Instant};

use super::copying::{Copied, Copying};
use super::manifest::Gone;
use super::spool::Spool;
use super::{BackupError, scratch_name};
use crate::model::backup::{BackupFigures, Held, Manifest, OVERLAP};
use crate::model::document::{DocRow, Holder};
use crate::model::history::{Kept, Version, VersionNumber};
use crate::model::id::{CollectionName, DocId, DocKey};
use crate::store::Scratch;
use crate::store::backups::{Ended, Located};
use crate::store::error::StoreResult;
use crate::store::queue::CLOCK_SKEW;
use crate::tenants::Tenant;

/// Documents of one look.
const PAGE: usize = 500;

/// Objects that are copied, or looked for, at once.
const AT_ONCE: usize = 8;

/// Versions of one document that are looked through: more than a day has.
const VERSIONS: usize = 1000;

/// How old the progress is that is shown.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// What one document comes to.
enum Entry {
    Held(Box<Held>),
    Gone(Gone),
}

impl Entry {
    fn document(&self) -> (&str, &str) {
        match self {
            Self::Held(held) => (&held.collection, &held.document),
            Self::Gone(gone) => (&gone.collection, &gone.document),
        }
    }
}

pub(super) struct Walk<'a> {
    copying: Copying<'a>,
    number: u64,
    instant: Timestamp,
    /// What the offsite store has, where that was listed.
    there: Option<Scratch>,
    /// Documents that have their line.
    written: Scratch,
    pub(super) spool: Spool,
    pub(super) figures: BackupFigures,
    /// When the first of those versions ended whose bytes are in staging still.
    pub(super) staged_from: Option<Timestamp>,
    noted_at: Instant,
}

impl<'a> Walk<'a> {
    pub(super) fn new(copying: Copying<'a>, number: u64, instant: Timestamp, spool: Spool, figures: BackupFigures) -> StoreResult<Self> {
        // What an earlier attempt copied counts; what it wrote is written anew.
        let figures = BackupFigures { documents: 0, bytes: 0, left_out: 0, ..figures };
        Ok(Self {
            copying,
            number,
            instant,
            there: None,
            written: Scratch::new()?,
            spool,
            figures,
            staged_from: None,
            noted_at: Instant::now(),
        })
    }

    pub(super) async fn base(&mut self) -> Result<(), BackupError> {
        self.there = Some(self.list().await?);
        let tenant = self.copying.tenant;
        for collection in &tenant.config.collections {
            let mut after: Option<DocId> = None;
            loop {
                let page = tenant.sql.scan(&collection.name, after.as_ref(), PAGE).await?;
                let moment = self.moment();
                let held = page.rows.iter().filter_map(|row| by_location(row, moment));
                self.write(held.map(|held| Entry::Held(Box::new(held))).collect()).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        // Documents that were replaced or deleted before the walk came to them.
        let mut after: Option<Ended> = None;
        while let Some(versions) = ended(tenant, self.instant, &mut after).await? {
            let moment = self.moment();
            let held = versions.iter().filter_map(|version| by_version(version, moment));
            self.write(held.map(|held| Entry::Held(Box::new(held))).collect()).await?;
        }
        let mut after: Option<VersionNumber> = None;
        loop {
            let versions = tenant.sql.all_versions(after, PAGE).await?;
            let Some(last) = versions.last() else { return Ok(()) };
            after = Some(last.number);
            self.write_versions(&versions).await?;
        }
    }

    pub(super) async fn increment(&mut self, previous: &Manifest) -> Result<(), BackupError> {
        let (since, tenant) = (previous.instant - OVERLAP, self.copying.tenant);
        for collection in &tenant.config.collections {
            let mut after: Option<Located> = None;
            loop {
                let located = tenant.sql.located_since(&collection.name, since, after.as_ref(), PAGE).await?;
                let Some(last) = located.last().cloned() else { break };
                self.look_at(&collection.name, located.into_iter().map(|located| located.id).collect()).await?;
                after = Some(last);
            }
        }
        let since = previous.staged_from.map_or(since, |staged_from| staged_from.min(since));
        let mut after: Option<Ended> = None;
        while let Some(versions) = ended(tenant, since, &mut after).await? {
            for collection in &tenant.config.collections {
                let own = versions.iter().filter(|version| version.collection == collection.name.as_str());
                let ids = own.map(|version| DocId::from_row(collection.id_kind, &version.document)).collect();
                self.look_at(&collection.name, ids).await?;
            }
            self.write_versions(&versions).await?;
        }
        Ok(())
    }

    fn moment(&self) -> Moment {
        // The database's clock told the instant, and this process's may be behind it.
        Moment { instant: self.instant, now: self.copying.means.clock.now().max(self.instant) }
    }

    /// The names in the offsite store: asking for each object would take far longer.
    async fn list(&self) -> StoreResult<Scratch> {
        let there = Scratch::new()?;
        let mut after: Option<String> = None;
        loop {
            let page = self.copying.offsite.objects.list(after.as_deref(), 1000).await?;
            there.add(page.objects.iter().map(|listed| listed.object.id.to_bytes()).collect()).await?;
            after = page.next;
            if after.is_none() {
                return Ok(there);
            }
        }
    }

    /// Writes what these documents were at the instant.
    async fn look_at(&mut self, collection: &CollectionName, ids: Vec<DocId>) -> Result<(), BackupError> {
        let names = ids.iter().map(|id| scratch_name(collection.as_str(), &id.to_string())).collect();
        let written = self.written.holds(names).await?;
        let keys = ids.into_iter().zip(written).filter(|(_, written)| !written).map(|(id, _)| DocKey {
            tenant: self.copying.tenant.id.clone(),
            collection: collection.clone(),
            id,
        });
        let (copying, moment) = (&self.copying, self.moment());
        let entries = stream::iter(keys).map(|key| at_instant(copying, key, moment)).buffered(AT_ONCE).try_collect().await?;
        self.write(entries).await
    }

    /// Writes a line for each document that has none yet.
    async fn write(&mut self, entries: Vec<Entry>) -> Result<(), BackupError> {
        let names = entries.iter().map(|entry| entry.document()).map(|(collection, document)| scratch_name(collection, document));
        let new = self.written.add(names.collect()).await?;
        self.copy_and_write(entries.into_iter().zip(new).filter(|(_, new)| *new).map(|(entry, _)| entry).collect()).await
    }

    /// Writes a line for each version that had ended at the instant and whose bytes an object has.
    async fn write_versions(&mut self, versions: &[Version]) -> Result<(), BackupError> {
        let moment = self.moment();
        let ended = versions.iter().filter(|version| moment.is_after(version.held_to));
        let staged = ended.clone().filter(|version| matches!(version.kept, Kept::Staged(_))).map(|version| version.held_to);
        self.staged_from = self.staged_from.into_iter().chain(staged).min();
        let held = ended.filter_map(|version| Some(Held { held_to: Some(version.held_to), ..content_of(version)? }));
        self.copy_and_write(held.map(|held| Entry::Held(Box::new(held))).collect()).await
    }

    /// Copies what has to be, and writes the lines.
    async fn copy_and_write(&mut self, entries: Vec<Entry>) -> Result<(), BackupError> {
        let there = self.there(&entries).await?;
        let copying = &self.copying;
        let mut done = stream::iter(entries.into_iter().zip(there)).map(|(entry, there)| ensure(copying, entry, there)).buffered(AT_ONCE);
        while let Some(ended) = done.next().await {
            let (entry, copied) = ended?;
            match (entry, copied) {
                (Entry::Gone(gone), _) => self.spool.gone(gone),
                (Entry::Held(held), Copied::LeftOut(reason)) => {
                    if held.held_to.is_some() && !is_version(copying, &held).await? {
                        continue;
                    }
                    self.figures.left_out += 1;
                    tracing::error!(
                        event = "left_out",
                        "{}/{}/{} is in no manifest: {reason}",
                        copying.tenant.id,
                        held.collection,
                        held.document
                    );
                }
                (Entry::Held(held), copied @ (Copied::Now | Copied::There)) => {
                    if copied == Copied::Now {
                        self.figures.objects_copied += 1;
                        self.figures.bytes_copied += held.length;
                    }
                    if held.held_to.is_none() {
                        self.figures.documents += 1;
                        self.figures.bytes += held.length;
                    }
                    self.spool.held(&held);
                }
            }
            if self.noted_at.elapsed() > NOTE_EVERY {
                copying.tenant.sql.note_backup(self.number, self.figures).await?;
                self.noted_at = Instant::now();
            }
        }
        drop(done);
        Ok(self.spool.flush().await?)
    }

    async fn there(&self, entries: &[Entry]) -> StoreResult<Vec<bool>> {
        let Some(there) = &self.there else { return Ok(vec![false; entries.len()]) };
        let object = |entry: &Entry| match entry {
            Entry::Held(held) => held.object.to_bytes(),
            // Of no object at all.
            Entry::Gone(_) => [0; 16],
        };
        there.holds(entries.iter().map(object).collect()).await
    }
}

/// The instant, as it is looked at now.
#[derive(Clone, Copy)]
struct Moment {
    instant: Timestamp,
    now: Timestamp,
}

impl Moment {
    /// What bears a time to come was noted while a clock was ahead, and lies before the instant for all that anybody knows.
    fn is_after(self, noted: Timestamp) -> bool {
        noted <= self.instant || noted > self.now + CLOCK_SKEW
    }
}

/// Some of what ended since, and goes on behind that; `None` at the end.
async fn ended(tenant: &Tenant, since: Timestamp, after: &mut Option<Ended>) -> StoreResult<Option<Vec<Version>>> {
    let versions = tenant.sql.ended_since(since, *after, PAGE).await?;
    let Some(last) = versions.last() else { return Ok(None) };
    *after = Some(Ended { at: last.held_to, number: last.number });
    Ok(Some(versions))
}

/// Whether the history may have it still. One whose time was over meanwhile is missed by nobody.
async fn is_version(copying: &Copying<'_>, held: &Held) -> Result<bool, BackupError> {
    let key = super::key_of(copying.tenant, &held.collection, &held.document)?;
    // A collection that is served no more cannot be asked in every database.
    Ok(!matches!(copying.tenant.sql.version(&key, &held.stamp).await, Ok(None)))
}

async fn ensure(copying: &Copying<'_>, entry: Entry, is_there: bool) -> Result<(Entry, Copied), BackupError> {
    let copied = match &entry {
        Entry::Held(held) => copying.ensure(held, is_there).await?,
        Entry::Gone(_) => Copied::There,
    };
    Ok((entry, copied))
}

/// By the document's row and its versions, as they are now.
async fn at_instant(copying: &Copying<'_>, key: DocKey, moment: Moment) -> Result<Entry, BackupError> {
    let row = copying.tenant.sql.bare_row(&key).await?;
    if let Some(held) = by_location(&row, moment) {
        return Ok(Entry::Held(Box::new(held)));
    }
    // By the spelling that its versions have.
    let versions = copying.tenant.sql.versions(&row.key, None, VERSIONS).await?;
    let held = versions.iter().find_map(|version| by_version(version, moment));
    let gone = || Gone { collection: key.collection.to_string(), document: key.id.to_string() };
    Ok(held.map_or_else(|| Entry::Gone(gone()), |held| Entry::Held(Box::new(held))))
}

fn by_location(row: &DocRow, moment: Moment) -> Option<Held> {
    let location = row.location.as_ref().filter(|location| moment.is_after(location.held_from))?;
    let object = location.object.as_ref()?;
    match row.truth().holder {
        Holder::Both | Holder::Object => {}
        // The row has changed, and whether its content has is known once it is copied again. Until then the object is the last that is known: a
        // document of which another column was changed may not fall out of the backup.
        Holder::Sql if !location.sole => {}
        Holder::NoDocument | Holder::NoContent | Holder::Sql | Holder::EmptyDocument => return None,
    }
    Some(Held {
        collection: row.key.collection.to_string(),
        document: row.key.id.to_string(),
        stamp: location.stamp.clone(),
        placement: object.placement.clone(),
        object: object.id,
        length: location.content.length_bytes,
        sha256: location.content.sha256,
        pieces: location.content.pieces.clone(),
        media_type: location.labels.media_type.clone(),
        file_name: location.labels.file_name.clone(),
        held_from: Some(location.held_from),
        held_to: None,
    })
}

fn by_version(version: &Version, moment: Moment) -> Option<Held> {
    let held = version.held_from.is_none_or(|from| moment.is_after(from)) && !moment.is_after(version.held_to);
    if held { content_of(version) } else { None }
}

fn content_of(version: &Version) -> Option<Held> {
    let Kept::Object { object, content } = &version.kept else { return None };
    Some(Held {
        collection: version.collection.clone(),
        document: version.document.clone(),
        stamp: version.stamp.clone(),
        placement: object.placement.clone(),
        object: object.id,
        length: content.length_bytes,
        sha256: content.sha256,
        pieces: content.pieces.clone(),
        media_type: version.labels.media_type.clone(),
        file_name: version.labels.file_name.clone(),
        held_from: version.held_from,
        held_to: None,
    })
}
