//! Whether every object that a tenant's rows name is there: after a database was put back, after a bucket was lost, and before anybody relies on it.
//! What is missing comes back from the tenant's backup, where there is one.

use futures_util::{StreamExt, stream};

use crate::backup::fetch::{Fetched, Fetcher, Wanted};
use crate::backup::state::{State, StateError};
use crate::model::backup::Held;
use crate::model::content::Fingerprint;
use crate::model::document::DocRow;
use crate::model::history::{Kept, Version, VersionNumber};
use crate::model::id::{CollectionName, DocId, ObjectRef, TenantId};
use crate::store::error::StoreResult;
use crate::store::object::{ObjectMeta, ObjectStore};
use crate::store::sql::SqlStore;

/// Rows of one look.
const PAGE: usize = 500;

/// Objects that are asked for at once.
const AT_ONCE: usize = 16;

/// Objects that come back at once. Each takes memory, and bandwidth that the others wait for.
const FETCHED_AT_ONCE: usize = 4;

/// Of more missing objects than this only the number is told.
const NAMED: usize = 100;

/// What the walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// Documents whose location names an object.
    pub locations: u64,
    pub versions: u64,
    /// Contents of a manifest, where one was walked.
    pub in_manifest: u64,
    /// Were missing, and came back from the backup.
    pub fetched: u64,
    pub fetched_bytes: u64,
    pub missing: u64,
    /// The first of those that are not there, or not of their length, who names them, and why they did not come back.
    pub named: Vec<String>,
}

impl Presence {
    pub fn looked_for(&self) -> u64 {
        self.locations + self.versions + self.in_manifest
    }
}

/// A walk over what names objects.
pub struct Search<'a, F> {
    tenant: TenantId,
    objects: &'a dyn ObjectStore,
    /// `None`: what is missing stays so.
    fetcher: Option<&'a Fetcher>,
    said: F,
    found: Presence,
}

impl<'a, F: FnMut(&Presence)> Search<'a, F> {
    /// `said` hears how far it is.
    pub fn new(tenant: &TenantId, objects: &'a dyn ObjectStore, fetcher: Option<&'a Fetcher>, said: F) -> Self {
        Self { tenant: tenant.clone(), objects, fetcher, said, found: Presence::default() }
    }

    pub fn found(self) -> Presence {
        self.found
    }

    /// Every location of these collections and every version. What changes meanwhile may be passed over.
    pub async fn rows(&mut self, sql: &dyn SqlStore, collections: &[CollectionName]) -> StoreResult<()> {
        for collection in collections {
            let mut after: Option<DocId> = None;
            loop {
                let page = sql.scan(collection, after.as_ref(), PAGE).await?;
                let named: Vec<Wanted> = page.rows.iter().filter_map(of_row).collect();
                self.found.locations += named.len() as u64;
                self.look(named).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        let mut after: Option<VersionNumber> = None;
        loop {
            let page = sql.all_versions(after, PAGE).await?;
            let Some(last) = page.last().map(|version| version.number) else { return Ok(()) };
            let named: Vec<Wanted> = page.into_iter().filter_map(|version| of_version(&self.tenant, version)).collect();
            self.found.versions += named.len() as u64;
            self.look(named).await?;
            after = Some(last);
        }
    }

    /// Every content that a tenant held at a manifest's instant.
    pub async fn state(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        while let Some(page) = state.next().await? {
            let named: Vec<Wanted> = page.into_iter().map(|held| of_manifest(&self.tenant, held)).collect();
            self.found.in_manifest += named.len() as u64;
            self.look(named).await?;
        }
        Ok(())
    }

    async fn look(&mut self, named: Vec<Wanted>) -> StoreResult<()> {
        let objects = self.objects;
        let looks = stream::iter(named).map(|wanted| async move {
            let facts = objects.head(&wanted.object).await?;
            let is_there = facts.is_some_and(|facts| facts.length_bytes == wanted.length_bytes);
            Ok((!is_there).then_some(wanted))
        });
        let looked: Vec<StoreResult<Option<Wanted>>> = looks.buffered(AT_ONCE).collect().await;
        let missing = looked.into_iter().filter_map(Result::transpose).collect::<StoreResult<Vec<Wanted>>>()?;
        match self.fetcher {
            None => missing.iter().for_each(|wanted| self.found.misses(wanted, "")),
            Some(fetcher) => self.fetch(fetcher, missing).await?,
        }
        (self.said)(&self.found);
        Ok(())
    }

    async fn fetch(&mut self, fetcher: &Fetcher, missing: Vec<Wanted>) -> StoreResult<()> {
        let fetches = stream::iter(missing).map(|wanted| async move { (fetcher.fetch(&wanted).await, wanted) });
        let mut fetches = std::pin::pin!(fetches.buffered(FETCHED_AT_ONCE));
        while let Some((fetched, wanted)) = fetches.next().await {
            match fetched {
                // The others are looked for all the same, and named.
                Err(error) => self.found.misses(&wanted, &format!(": it could not be fetched: {}", error.chain())),
                Ok(Fetched::Back) => {
                    self.found.fetched += 1;
                    self.found.fetched_bytes += wanted.length_bytes;
                }
                Ok(Fetched::Nowhere) => self.found.misses(&wanted, ": the backup has no such object"),
                Ok(Fetched::Damaged(reason)) => self.found.misses(&wanted, &format!(": its copy in the backup is damaged: {reason}")),
            }
            (self.said)(&self.found);
        }
        Ok(())
    }
}

impl Presence {
    fn misses(&mut self, Wanted { object, by, .. }: &Wanted, why: &str) {
        self.missing += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("{object} of {by}{why}"));
        }
    }
}

/// Walks every location of these collections and every version, and brings back what is missing.
pub async fn check(
    tenant: &TenantId,
    sql: &dyn SqlStore,
    objects: &dyn ObjectStore,
    collections: &[CollectionName],
    fetcher: Option<&Fetcher>,
    said: impl FnMut(&Presence),
) -> StoreResult<Presence> {
    let mut search = Search::new(tenant, objects, fetcher, said);
    search.rows(sql, collections).await?;
    Ok(search.found())
}

fn of_row(row: &DocRow) -> Option<Wanted> {
    let location = row.location.as_ref()?;
    let meta = ObjectMeta {
        tenant: row.key.tenant.to_string(),
        collection: row.key.collection.to_string(),
        document: row.key.id.to_string(),
        stamp: location.stamp.to_string(),
        media_type: location.labels.media_type.clone(),
        file_name: location.labels.file_name.clone(),
        sha256: None,
    };
    Some(wanted(location.object.clone()?, &location.content, meta, row.key.to_string()))
}

fn of_version(tenant: &TenantId, version: Version) -> Option<Wanted> {
    let Version { collection, document, stamp, labels, kept, .. } = version;
    let Kept::Object { object, content } = kept else { return None };
    let by = format!("version {stamp} of {collection}/{document}");
    let meta = ObjectMeta {
        tenant: tenant.to_string(),
        collection,
        document,
        stamp: stamp.to_string(),
        media_type: labels.media_type,
        file_name: labels.file_name,
        sha256: None,
    };
    Some(wanted(object, &content, meta, by))
}

fn of_manifest(tenant: &TenantId, held: Held) -> Wanted {
    let Held { collection, document, stamp, placement, object, length, sha256, media_type, file_name, pieces: _, held_from: _, held_to: _ } =
        held;
    let by = format!("{collection}/{document} in the manifest");
    let (tenant, stamp) = (tenant.to_string(), stamp.to_string());
    let meta = ObjectMeta { tenant, collection, document, stamp, media_type, file_name, sha256: None };
    Wanted { object: ObjectRef { placement, id: object }, length_bytes: length, sha256, meta: with_hash(meta, sha256.to_string()), by }
}

fn wanted(object: ObjectRef, content: &Fingerprint, meta: ObjectMeta, by: String) -> Wanted {
    let (length_bytes, sha256) = (content.length_bytes, content.sha256);
    Wanted { object, length_bytes, sha256, meta: with_hash(meta, sha256.to_string()), by }
}

fn with_hash(meta: ObjectMeta, sha256: String) -> ObjectMeta {
    ObjectMeta { sha256: Some(sha256), ..meta }
}
