//! Small contents in memory, each by its name: a document and the stamp of one content of it. What stands under such a name never
//! changes, so it cannot be stale; which name holds now is the row's to say, and every read looks it up. It never keeps a row, a
//! location, a phase, or that something is not there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache;

mod flight;
#[cfg(test)]
mod tests;

use self::flight::{Flights, Landed, Seat};
use crate::budget::SMALL_BYTES;
use crate::model::document::{DocRow, Holder, SqlContent};
use crate::model::id::{DocId, DocKey};
use crate::model::phase::Side;
use crate::model::stamp::{Epoch, Revision, Stamp};
use crate::store::error::StoreResult;
use crate::telemetry::{CacheOutcome, Metrics};
use crate::tenants::{Tenant, TenantInstance};

/// What an entry takes beside its bytes and its document's names, roundly: the map's and the queues' share of it.
const ENTRY_BYTES: usize = 400;

/// What nobody asked for in this time goes, so that nothing of a tenant that is served no longer stays for long.
const IDLE: Duration = Duration::from_secs(600);

/// A document of one tenant as it was configured: contents of a tenant that came back with another database are not this one's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    tenant: TenantInstance,
    key: DocKey,
}

/// One content of a document. A newer one takes its place.
#[derive(Debug, Clone)]
struct Entry {
    stamp: Stamp,
    /// Who gave the bytes.
    side: Side,
    /// The row at which they were this document's content.
    at: RowAt,
    bytes: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RowAt {
    epoch: Epoch,
    revision: Revision,
}

impl RowAt {
    fn of(row: &DocRow) -> Option<Self> {
        row.document.as_ref().map(|document| Self { epoch: row.state.epoch, revision: document.revision })
    }
}

/// Where bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From memory, or with the read of a store that somebody else had begun.
    Cache,
    Store(Side),
}

/// The small contents of one process, of all its tenants.
pub struct ContentCache {
    /// `None`: the cache is off, and every reader reads for itself.
    entries: Option<Cache<Place, Entry>>,
    flights: Flights<(Place, Stamp)>,
    limit_bytes: u64,
    metrics: Arc<Metrics>,
}

impl ContentCache {
    /// Holds up to `limit_bytes`, 0 for none.
    pub fn new(limit_bytes: u64, metrics: Arc<Metrics>) -> Self {
        let entries = (limit_bytes > 0).then(|| Cache::builder().max_capacity(limit_bytes).weigher(weight).time_to_idle(IDLE).build());
        Self { entries, flights: Flights::default(), limit_bytes, metrics }
    }

    /// What it holds, for gauges.
    pub fn used_bytes(&self) -> u64 {
        self.entries.as_ref().map_or(0, |entries| {
            entries.run_pending_tasks();
            entries.weighted_size()
        })
    }

    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// The document's row as [`crate::store::sql::SqlStore::row`] answers it. Content that SQL gave before, at the revision that the row
    /// still has, rides along from memory, and SQL is not asked for it. What is here of the object store's rides along nowhere.
    pub async fn row(&self, tenant: &Tenant, key: &DocKey) -> StoreResult<DocRow> {
        self.look_up(tenant, key).await.map(|(row, _)| row)
    }

    /// The same for a copy, counted where its content was here.
    pub async fn row_to_copy(&self, tenant: &Tenant, key: &DocKey) -> StoreResult<DocRow> {
        let (row, was_here) = self.look_up(tenant, key).await?;
        if was_here {
            self.metrics.copied_from_cache();
        }
        Ok(row)
    }

    async fn look_up(&self, tenant: &Tenant, key: &DocKey) -> StoreResult<(DocRow, bool)> {
        let place = || Place { tenant: tenant.instance, key: key.clone() };
        let Some(known) = self.entries.as_ref().and_then(|entries| entries.get(&place())) else {
            return Ok((tenant.sql.row(key).await?, false));
        };
        let mut row = tenant.sql.bare_row(key).await?;
        let Some(SqlContent::Bytes(length)) = row.document.as_ref().map(|document| document.content) else { return Ok((row, false)) };
        if RowAt::of(&row) != Some(known.at) {
            // A larger one would not ride along either.
            return Ok((if length <= SMALL_BYTES { tenant.sql.row(key).await? } else { row }, false));
        }
        // The object store's word for it is not SQL's, and a copy is made of SQL's.
        let was_here = known.side == Side::Sql && length == known.bytes.len() as u64;
        row.inline = was_here.then_some(known.bytes);
        Ok((row, was_here))
    }

    /// Whether contents like the row's are kept here.
    pub fn takes(&self, row: &DocRow) -> bool {
        self.entries.is_some() && (1..=SMALL_BYTES).contains(&row.length_bytes())
    }

    /// The whole content that the row names. Of those who want it at once, one reads it, and the others take what came; where its read
    /// fails each of them reads for itself, and where its client leaves another one begins.
    ///
    /// `load` is awaited only by who reads. It answers bytes that were checked, and who gave them.
    pub async fn whole<E>(
        &self,
        tenant: TenantInstance,
        row: &DocRow,
        stamp: &Stamp,
        load: impl Future<Output = Result<(Bytes, Side), E>>,
    ) -> Result<(Bytes, Origin), E> {
        let name = (Place { tenant, key: row.key.clone() }, stamp.clone());
        let seat = loop {
            if let Some(bytes) = self.kept(&name.0, row, stamp) {
                self.metrics.cache_read(CacheOutcome::Hit);
                return Ok((bytes, Origin::Cache));
            }
            match self.flights.board(&name) {
                // Who led before may have landed between the look and the seat.
                Seat::Leads(lead) => match self.kept(&name.0, row, stamp) {
                    Some(bytes) => lead.land(Some(&bytes)),
                    None => break Some(lead),
                },
                Seat::Follows(flight) => match flight.landed().await {
                    Landed::With(bytes) if is_whole(row, &bytes) => {
                        self.metrics.cache_read(CacheOutcome::Shared);
                        return Ok((bytes, Origin::Cache));
                    }
                    // Its failure is not ours, and to wait for another one's attempt could take as long again.
                    Landed::With(_) | Landed::Failed => break None,
                    Landed::Left => {}
                },
            }
        };
        self.metrics.cache_read(CacheOutcome::Miss);
        let loaded = load.await;
        if let Ok((bytes, side)) = &loaded {
            self.keep(&name.0, row, stamp, *side, bytes);
        }
        if let Some(lead) = seat {
            lead.land(loaded.as_ref().ok().map(|(bytes, _)| bytes));
        }
        loaded.map(|(bytes, side)| (bytes, Origin::Store(side)))
    }

    /// The content that the row names, where it is in memory.
    fn kept(&self, place: &Place, row: &DocRow, stamp: &Stamp) -> Option<Bytes> {
        let entries = self.entries.as_ref()?;
        let known = entries.get(place).filter(|known| known.stamp == *stamp && may_answer(row, known.side, &known.bytes))?;
        // The same content at a row that has changed besides: else every look-up would ask SQL for its bytes again.
        if let Some(at) = RowAt::of(row).filter(|at| *at != known.at) {
            entries.insert(place.clone(), Entry { at, ..known.clone() });
        }
        Some(known.bytes)
    }

    fn keep(&self, place: &Place, row: &DocRow, stamp: &Stamp, side: Side, bytes: &Bytes) {
        let (Some(entries), Some(at)) = (&self.entries, RowAt::of(row)) else { return };
        if may_answer(row, side, bytes) {
            entries.insert(place.clone(), Entry { stamp: stamp.clone(), side, at, bytes: bytes.clone() });
            // Now and not some time later: the limit is a limit.
            entries.run_pending_tasks();
        }
    }
}

/// Whether these bytes may stand for the content that the row names. What the location vouches for has to match its checksum, also after
/// a while in memory; what SQL alone holds can only have come from there.
fn may_answer(row: &DocRow, side: Side, bytes: &Bytes) -> bool {
    let vouched = || row.location.as_ref().is_some_and(|location| location.content.pieces.matches(0, bytes));
    is_whole(row, bytes)
        && match row.truth().holder {
            Holder::NoDocument | Holder::NoContent | Holder::EmptyDocument => false,
            Holder::Sql => side == Side::Sql,
            Holder::Both | Holder::Object => vouched(),
        }
}

fn is_whole(row: &DocRow, bytes: &Bytes) -> bool {
    row.length_bytes() == bytes.len() as u64
}

fn weight(place: &Place, entry: &Entry) -> u32 {
    let key = &place.key;
    let id = match &key.id {
        DocId::Integer(_) => 0,
        DocId::Text(text) => text.len(),
    };
    let names = key.tenant.as_str().len() + key.collection.as_str().len() + id;
    u32::try_from(entry.bytes.len() + names + ENTRY_BYTES).unwrap_or(u32::MAX)
}
