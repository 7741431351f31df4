//! Locations that were lost with Sluss's own tables come back from what a manifest, or each object itself, says. What the customer's row has now
//! decides: a location that is there stays, and none is made that the row or the object store refutes.

use futures_util::{StreamExt, stream};

use crate::compare::fingerprint;
use crate::config::CollectionConfig;
use crate::model::backup::Held;
use crate::model::content::{Fingerprint, PIECE_BYTES};
use crate::model::document::{DocRow, Holder};
use crate::model::id::{DocId, DocKey, ObjectRef, TenantId};
use crate::model::location::Labels;
use crate::model::stamp::Stamp;
use crate::store::error::StoreResult;
use crate::store::object::{ByteStream, ObjectStore};
use crate::store::sql::{Change, Commit, Relocated, SqlStore};

/// Documents that are looked at at once.
const AT_ONCE: usize = 8;

/// A document that was passed over because somebody changed it meanwhile is looked at again so often.
const TRIES: usize = 3;

/// What somebody says of an object: the content of a document, once.
#[derive(Debug, Clone)]
pub struct Told {
    pub collection: String,
    pub document: String,
    pub object: ObjectRef,
    pub stamp: Stamp,
    pub labels: Labels,
    /// `None`: only the object itself tells it.
    pub content: Option<Fingerprint>,
}

impl From<Held> for Told {
    fn from(held: Held) -> Self {
        let Held {
            collection,
            document,
            stamp,
            placement,
            object,
            length,
            sha256,
            pieces,
            media_type,
            file_name,
            held_from: _,
            held_to: _,
        } = held;
        let content = Some(Fingerprint { length_bytes: length, sha256, pieces });
        Self { collection, document, object: ObjectRef { placement, id: object }, stamp, labels: Labels { media_type, file_name }, content }
    }
}

/// What became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relocations {
    /// The object is the only holder again.
    pub sole: u64,
    /// The row's bytes are the object's.
    pub equal: u64,
    /// A location is there already.
    pub there: u64,
    /// The row is gone, or its content is another one by now.
    pub others: u64,
    /// There is no such object, or it is of another length.
    pub missing: u64,
    /// Of a collection that the tenant's file does not name.
    pub unknown: u64,
    /// Changed each time that they were looked at.
    pub moved: u64,
}

impl Relocations {
    pub fn looked_at(&self) -> u64 {
        let Self { sole, equal, there, others, missing, unknown, moved } = *self;
        sole + equal + there + others + missing + unknown + moved
    }
}

/// How one of them ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Sole,
    Equal,
    There,
    Other,
    Missing,
    Unknown,
    Moved,
}

pub struct Relocation<'a> {
    pub tenant: &'a TenantId,
    pub collections: &'a [CollectionConfig],
    pub sql: &'a dyn SqlStore,
    pub objects: &'a dyn ObjectStore,
}

impl Relocation<'_> {
    /// Each in a transaction that sees the rows. Safe to repeat.
    pub async fn page(&self, told: Vec<Told>, so_far: &mut Relocations) -> StoreResult<()> {
        let ends: Vec<StoreResult<End>> = stream::iter(told).map(|told| self.one(told)).buffered(AT_ONCE).collect().await;
        for end in ends {
            let count = match end? {
                End::Sole => &mut so_far.sole,
                End::Equal => &mut so_far.equal,
                End::There => &mut so_far.there,
                End::Other => &mut so_far.others,
                End::Missing => &mut so_far.missing,
                End::Unknown => &mut so_far.unknown,
                End::Moved => &mut so_far.moved,
            };
            *count += 1;
        }
        Ok(())
    }

    async fn one(&self, told: Told) -> StoreResult<End> {
        let Some(collection) = self.collections.iter().find(|collection| collection.name.as_str() == told.collection) else {
            return Ok(End::Unknown);
        };
        let id = DocId::from_row(collection.id_kind, &told.document);
        let key = DocKey { tenant: self.tenant.clone(), collection: collection.name.clone(), id };
        for _ in 0..TRIES {
            let row = self.sql.bare_row(&key).await?;
            if row.location.is_some() {
                return Ok(End::There);
            }
            let Some(seen) = row.document.as_ref().map(|document| document.revision) else { return Ok(End::Other) };
            match row.truth().holder {
                Holder::NoContent | Holder::Sql => {}
                Holder::NoDocument | Holder::Both | Holder::Object | Holder::EmptyDocument => return Ok(End::Other),
            }
            let Some(content) = self.content(&told).await? else { return Ok(End::Missing) };
            let sole = row.truth().holder == Holder::NoContent;
            if !sole && !self.is_the_rows(&row, &content).await? {
                return Ok(End::Other);
            }
            let Told { object, stamp, labels, .. } = told.clone();
            let change = Change::Relocate { seen, located: Box::new(Relocated { object, stamp, labels, content }), sole };
            // The id as the row spells it.
            match self.sql.commit(&row.key, row.state.epoch, change).await? {
                Commit::Done(_) => return Ok(if sole { End::Sole } else { End::Equal }),
                Commit::Moved | Commit::Unmet(_) | Commit::Absent | Commit::ReadOnly | Commit::Refused(_) | Commit::Unfit(_) => {}
            }
        }
        Ok(End::Moved)
    }

    /// What the object holds, as far as it is told or can be read. `None`: it is not there, or of another length.
    async fn content(&self, told: &Told) -> StoreResult<Option<Fingerprint>> {
        let Some(facts) = self.objects.head(&told.object).await? else { return Ok(None) };
        match &told.content {
            Some(content) => Ok((facts.length_bytes == content.length_bytes).then(|| content.clone())),
            None => match self.objects.get(&told.object, 0..facts.length_bytes).await? {
                Some(content) => fingerprint(content).await,
                None => Ok(None),
            },
        }
    }

    /// Read to the end only where the length is the same.
    async fn is_the_rows(&self, row: &DocRow, wanted: &Fingerprint) -> StoreResult<bool> {
        let Some(document) = &row.document else { return Ok(false) };
        if row.length_bytes() != wanted.length_bytes {
            return Ok(false);
        }
        let content: Option<ByteStream> = self.sql.open(&row.key, document.revision, 0, PIECE_BYTES).await?;
        let Some(content) = content else { return Ok(false) };
        Ok(fingerprint(content).await?.is_some_and(|found| found == *wanted))
    }
}
