//! Whether every object that a tenant's rows name is there: after a database was put back, and before anybody relies on it.

use futures_util::{StreamExt, stream};

use crate::model::history::{Kept, VersionNumber};
use crate::model::id::{CollectionName, DocId, ObjectRef};
use crate::store::error::StoreResult;
use crate::store::object::ObjectStore;
use crate::store::sql::SqlStore;

/// Rows of one look.
const PAGE: usize = 500;

/// Objects that are asked for at once.
const AT_ONCE: usize = 16;

/// Of more missing objects than this only the number is told.
const NAMED: usize = 100;

/// What the walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// Documents whose location names an object.
    pub locations: u64,
    pub versions: u64,
    pub missing: u64,
    /// The first of those that are not there, or not of their length, and who names them.
    pub named: Vec<String>,
}

/// Somebody names an object.
struct Named {
    object: ObjectRef,
    length_bytes: u64,
    by: String,
}

/// Walks every location of these collections and every version. What changes meanwhile may be passed over. `said` hears how far it is.
pub async fn check(
    sql: &dyn SqlStore,
    objects: &dyn ObjectStore,
    collections: &[CollectionName],
    mut said: impl FnMut(&Presence),
) -> StoreResult<Presence> {
    let mut presence = Presence::default();
    for collection in collections {
        let mut after: Option<DocId> = None;
        loop {
            let page = sql.scan(collection, after.as_ref(), PAGE).await?;
            let named = page.rows.iter().filter_map(|row| {
                let location = row.location.as_ref()?;
                Some(Named { object: location.object.clone()?, length_bytes: location.content.length_bytes, by: row.key.to_string() })
            });
            let named: Vec<Named> = named.collect();
            presence.locations += named.len() as u64;
            look(objects, named, &mut presence).await?;
            said(&presence);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let mut after: Option<VersionNumber> = None;
    loop {
        let page = sql.all_versions(after, PAGE).await?;
        let Some(last) = page.last().map(|version| version.number) else { return Ok(presence) };
        let named = page.into_iter().filter_map(|version| match version.kept {
            Kept::Object { object, content } => {
                let by = format!("version {} of {}/{}", version.stamp, version.collection, version.document);
                Some(Named { object, length_bytes: content.length_bytes, by })
            }
            Kept::Empty | Kept::Staged(_) => None,
        });
        let named: Vec<Named> = named.collect();
        presence.versions += named.len() as u64;
        look(objects, named, &mut presence).await?;
        said(&presence);
        after = Some(last);
    }
}

async fn look(objects: &dyn ObjectStore, named: Vec<Named>, presence: &mut Presence) -> StoreResult<()> {
    let looks = stream::iter(named).map(|named| async move {
        let facts = objects.head(&named.object).await?;
        let is_there = facts.is_some_and(|facts| facts.length_bytes == named.length_bytes);
        Ok((!is_there).then_some(named))
    });
    let mut looks = looks.buffered(AT_ONCE);
    while let Some(missing) = looks.next().await {
        let Some(Named { object, by, .. }) = missing? else { continue };
        presence.missing += 1;
        if presence.named.len() < NAMED {
            presence.named.push(format!("{object} of {by}"));
        }
    }
    Ok(())
}
