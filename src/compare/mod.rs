//! Compares what a document's holders have, byte for byte by SHA-256, with the location and with each other. It accuses nobody
//! before it has seen the rows again, and it changes nothing: what to do about a difference is its callers' business.

pub mod shadow;

use futures_util::StreamExt;

use crate::model::content::{ContentHasher, Fingerprint, PIECE_BYTES};
use crate::model::document::{DocRow, Document, Holder, Impossible, Repair};
use crate::model::id::DocKey;
use crate::model::location::{Labels, Location};
use crate::model::phase::Side;
use crate::model::verification::{
    DifferenceKind, Facts, Finding, Found, FoundBy, FoundObject, Remedy, Sides, Subject, Verified, differences,
};
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::object::ByteStream;
use crate::tenants::Tenant;

/// How a document's holders compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    Equal(Verified),
    Different(Vec<Finding>),
    /// It changed while it was read; its own commit takes care of it.
    Moved,
    /// There is content in SQL, and no true copy of it.
    NotLocated,
    /// There is no content, or none that lies anywhere.
    Nothing,
}

/// What of this length is held in memory at once: a portion that is hashed, and one that is read.
pub fn held_bytes(length_bytes: u64) -> u64 {
    length_bytes.min(2 * PIECE_BYTES as u64)
}

/// Who compares, and how fast.
pub struct Comparison<'a> {
    pub tenant: &'a Tenant,
    pub found_by: FoundBy,
    /// SQL's portions.
    pub portion_bytes: usize,
    /// Slows a holder's content down to the rate that its reader is given, and may watch it.
    pub slow: &'a (dyn Fn(Side, ByteStream) -> ByteStream + Send + Sync),
}

impl Comparison<'_> {
    /// Reads every holder that the row names to its end. `row` may be of a while ago.
    pub async fn compare(&self, row: &DocRow) -> StoreResult<Compared> {
        let truth = row.truth();
        if let Some(Repair::Alarm(impossible)) = truth.repair {
            return self.accuse(row, vec![self.impossible(row, impossible)]).await;
        }
        let (Some(document), Some(location)) = (&row.document, &row.location) else {
            return Ok(if truth.holder == Holder::Sql { Compared::NotLocated } else { Compared::Nothing });
        };
        let sql = match truth.holder {
            Holder::Sql => return Ok(Compared::NotLocated),
            Holder::NoDocument | Holder::NoContent | Holder::EmptyDocument => return Ok(Compared::Nothing),
            Holder::Object => None,
            Holder::Both => match self.in_sql(row, document).await? {
                Some(found) => Some(found),
                None => return Ok(Compared::Moved),
            },
        };
        let object = self.in_object(location).await?;
        let kinds = differences(location, sql.as_ref(), &object);
        if kinds.is_empty() {
            let (id, object, revision) = (row.key.id.clone(), location.object.clone(), location.revision);
            return Ok(Compared::Equal(Verified { id, object, revision }));
        }
        let sides = sides(document, location, sql.as_ref(), &object);
        self.accuse(row, kinds.into_iter().map(|kind| self.finding(row, kind, sides.clone())).collect()).await
    }

    /// Only if the rows are still as they were: a document that changed meanwhile had every right to read differently.
    async fn accuse(&self, row: &DocRow, findings: Vec<Finding>) -> StoreResult<Compared> {
        let now = self.tenant.sql.row(&row.key).await?;
        let named = |row: &DocRow| {
            let location = row.location.as_ref().map(|location| (location.object.clone(), location.revision, location.sole));
            (row.document.as_ref().map(|document| document.revision), location, row.state.epoch)
        };
        Ok(if named(&now) == named(row) { Compared::Different(findings) } else { Compared::Moved })
    }

    /// `None`: the row has moved on.
    async fn in_sql(&self, row: &DocRow, document: &Document) -> StoreResult<Option<Found>> {
        let Some(content) = self.tenant.sql.open(&row.key, document.revision, 0, self.portion_bytes).await? else { return Ok(None) };
        let content = fingerprint((self.slow)(Side::Sql, content)).await?;
        Ok(content.map(|content| Found { content: Some(content), ..Found::default() }))
    }

    /// The raw bytes over the object's own length, not the checked stream that readers get: it ends at the first piece that
    /// differs, and would leave the facts half told.
    async fn in_object(&self, location: &Location) -> StoreResult<FoundObject> {
        let Some(object) = &location.object else { return Ok(FoundObject::NotNamed) };
        let facts = match self.tenant.objects.head(object).await {
            Ok(Some(facts)) => facts,
            Ok(None) => return Ok(FoundObject::Missing),
            Err(error) => return unreadable(error, None),
        };
        let labels = Labels { media_type: facts.meta.media_type, file_name: facts.meta.file_name };
        let read = async {
            let Some(content) = self.tenant.objects.get(object, 0..facts.length_bytes).await? else { return Ok(None) };
            fingerprint((self.slow)(Side::Object, content)).await
        };
        match read.await {
            Ok(Some(content)) => Ok(FoundObject::There(Found { content: Some(content), labels: Some(labels), note: None })),
            Ok(None) => Ok(FoundObject::Missing),
            Err(error) => unreadable(error, Some(labels)),
        }
    }

    fn impossible(&self, row: &DocRow, impossible: Impossible) -> Finding {
        let mut sides = Sides { location: row.location.as_ref().map(said), sql: None, object: None };
        if let Some(location) = &mut sides.location {
            location.note = Some(impossible.to_string());
        }
        sides.sql = row.document.as_ref().map(row_facts);
        self.finding(row, DifferenceKind::Impossible, sides)
    }

    fn finding(&self, row: &DocRow, kind: DifferenceKind, sides: Sides) -> Finding {
        Finding {
            subject: Subject::Document(row.key.collection.clone(), row.key.id.clone()),
            kind,
            sole: row.truth().holder == Holder::Object,
            found_by: self.found_by,
            remedy: Remedy::Open,
            object: row.location.as_ref().and_then(|location| location.object.clone()),
            located: row.location.as_ref().map(|location| location.revision),
            sides,
        }
    }
}

/// Says it where operators see it. Content that nobody holds whole any more is the worst there is to say.
pub fn report(key: &DocKey, finding: &Finding) {
    let Finding { kind, sole, remedy, .. } = finding;
    match remedy {
        Remedy::Replaced => {
            tracing::warn!(event = "replaced", tenant = %key.tenant, "{key} differed: {kind}; its object is a version now, and a copy is asked for");
        }
        Remedy::Open if *sole && kind.is_loss() => {
            tracing::error!(event = "sole_broken", tenant = %key.tenant, "the only holder of {key} is broken: {kind}");
        }
        Remedy::Open => tracing::error!(event = "mismatch", tenant = %key.tenant, "{key} differs: {kind}"),
    }
}

/// What the store itself calls corrupt is a difference; a store that is away is none.
fn unreadable(error: StoreError, labels: Option<Labels>) -> StoreResult<FoundObject> {
    if error.kind != StoreErrorKind::Corrupt {
        return Err(error);
    }
    Ok(FoundObject::There(Found { content: None, labels, note: Some(error.chain()) }))
}

/// Reads a content to its end. `None` when the row moved on meanwhile.
pub async fn fingerprint(mut content: ByteStream) -> StoreResult<Option<Fingerprint>> {
    let mut hasher = ContentHasher::default();
    while let Some(portion) = content.next().await {
        match portion {
            Ok(bytes) => hasher.update(&bytes),
            Err(Interrupted::Moved | Interrupted::Client(_)) => return Ok(None),
            Err(Interrupted::Store(error)) => return Err(error),
        }
    }
    Ok(Some(hasher.finish()))
}

fn sides(document: &Document, location: &Location, sql: Option<&Found>, object: &FoundObject) -> Sides {
    let sql = sql.map(|sql| {
        let row = row_facts(document);
        Facts { revision: row.revision, media_type: row.media_type, file_name: row.file_name, ..found_facts(sql, location) }
    });
    let object = match object {
        FoundObject::NotNamed => None,
        FoundObject::Missing => Some(Facts { note: Some("there is no such object".to_owned()), ..Facts::default() }),
        FoundObject::There(found) => Some(found_facts(found, location)),
    };
    Sides { location: Some(said(location)), sql, object }
}

/// What the location says.
fn said(location: &Location) -> Facts {
    Facts {
        revision: Some(location.revision.0),
        length_bytes: Some(location.content.length_bytes),
        sha256: Some(location.content.sha256.to_string()),
        first_differing_piece: None,
        media_type: location.labels.media_type.clone(),
        file_name: location.labels.file_name.clone(),
        note: None,
    }
}

fn row_facts(document: &Document) -> Facts {
    let attributes = &document.attributes;
    Facts {
        revision: Some(document.revision.0),
        media_type: attributes.media_type.clone(),
        file_name: attributes.file_name.clone(),
        ..Facts::default()
    }
}

fn found_facts(found: &Found, location: &Location) -> Facts {
    let labels = found.labels.clone().unwrap_or_default();
    let content = found.content.as_ref();
    Facts {
        revision: None,
        length_bytes: content.map(|content| content.length_bytes),
        sha256: content.map(|content| content.sha256.to_string()),
        first_differing_piece: content.and_then(|content| content.pieces.first_difference(&location.content.pieces)),
        media_type: labels.media_type,
        file_name: labels.file_name,
        note: found.note.clone(),
    }
}
