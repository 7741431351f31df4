//! What the objects of a tenant say of themselves, where nothing else is left to ask: of each document, the newest object that names it.
//!
//! The walk is made as often as it takes to have a part of the documents in memory each time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{BuildHasher, RandomState};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::relocate::Told;
use crate::model::id::{ObjectRef, TenantId};
use crate::model::location::Labels;
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::object::{ObjectMeta, ObjectStore};

/// Names of one look.
const PAGE: usize = 500;

/// Objects that are asked for at once.
const AT_ONCE: usize = 16;

/// Documents of one walk, about: some 50 MiB.
const PART: u64 = 100_000;

/// Documents that are handed on at once.
const HANDED_ON: usize = 500;

pub struct BucketWalk<'a> {
    objects: &'a dyn ObjectStore,
    tenant: &'a TenantId,
    parts: u64,
    part: u64,
    hasher: RandomState,
    found: Vec<Told>,
}

impl<'a> BucketWalk<'a> {
    /// Counts the objects.
    pub async fn new(objects: &'a dyn ObjectStore, tenant: &'a TenantId) -> StoreResult<Self> {
        let mut count = 0;
        let mut after: Option<String> = None;
        loop {
            let page = objects.list(after.as_deref(), PAGE).await?;
            count += page.objects.len() as u64;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(Self { objects, tenant, parts: count / PART + 1, part: 0, hasher: RandomState::new(), found: Vec::new() })
    }

    /// Some documents, each once; `None` at the end.
    pub async fn next(&mut self) -> StoreResult<Option<Vec<Told>>> {
        while self.found.is_empty() {
            if self.part == self.parts {
                return Ok(None);
            }
            self.found = self.walk(self.part).await?;
            self.part += 1;
        }
        let rest = self.found.len().saturating_sub(HANDED_ON);
        Ok(Some(self.found.split_off(rest)))
    }

    async fn walk(&self, part: u64) -> StoreResult<Vec<Told>> {
        let mut newest: BTreeMap<(String, String), Told> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.objects.list(after.as_deref(), PAGE).await?;
            let looks = stream::iter(page.objects).map(|listed| self.look(listed.object)).buffered(AT_ONCE);
            let looked: Vec<Option<Told>> = looks.try_collect().await?;
            for told in looked.into_iter().flatten() {
                let name = (told.collection.clone(), told.document.clone());
                if self.hasher.hash_one(&name) % self.parts != part {
                    continue;
                }
                match newest.entry(name) {
                    Entry::Vacant(entry) => drop(entry.insert(told)),
                    // Ids begin with the time.
                    Entry::Occupied(mut entry) if entry.get().object.id < told.object.id => drop(entry.insert(told)),
                    Entry::Occupied(_) => {}
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(newest.into_values().collect());
            }
        }
    }

    /// `None`: it is gone meanwhile, or says nothing of a document of this tenant.
    async fn look(&self, object: ObjectRef) -> StoreResult<Option<Told>> {
        match self.objects.head(&object).await {
            Ok(Some(facts)) => Ok(told(self.tenant, object, facts.meta)),
            Ok(None) => Ok(None),
            Err(error) if error.kind == StoreErrorKind::Corrupt => {
                tracing::warn!(tenant = %self.tenant, "{object} says nothing of itself: {}", error.chain());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn told(tenant: &TenantId, object: ObjectRef, meta: ObjectMeta) -> Option<Told> {
    let ObjectMeta { tenant: theirs, collection, document, stamp, media_type, file_name, sha256: _ } = meta;
    if theirs != tenant.as_str() {
        return None;
    }
    let (stamp, labels) = (stamp.parse().ok()?, Labels { media_type, file_name });
    Some(Told { collection, document, object, stamp, labels, content: None })
}
