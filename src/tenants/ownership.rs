//! Whose a tenant's objects are. A copy of its database, started elsewhere as a test system, must not remove what production's names:
//! each placement says in its owner object which installation removes objects from it.

use tokio::sync::watch;

use crate::store::error::StoreResult;
use crate::store::object::ObjectStore;

/// What this process knows of the owner objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// Nobody has looked yet, or a store could not be asked: nothing is removed, and everything else goes on.
    #[default]
    Unknown,
    Ours,
    /// Writes, agents and above all the collector stop until somebody adopts the placement.
    Anothers {
        placement: String,
        owner: String,
    },
}

impl Standing {
    fn is_anothers(&self) -> bool {
        matches!(self, Self::Anothers { .. })
    }
}

#[derive(Debug, Default)]
pub struct Ownership(watch::Sender<Standing>);

impl Ownership {
    pub fn standing(&self) -> Standing {
        self.0.borrow().clone()
    }

    pub fn is_anothers(&self) -> bool {
        self.0.borrow().is_anothers()
    }

    /// The installation that owns them, where it is another one.
    pub fn other(&self) -> Option<String> {
        match &*self.0.borrow() {
            Standing::Anothers { owner, .. } => Some(owner.clone()),
            Standing::Unknown | Standing::Ours => None,
        }
    }

    /// Returns once the objects are known to be another installation's.
    pub async fn lost(&self) {
        // The sender lives for as long as this call does.
        let _ = self.0.subscribe().wait_for(Standing::is_anothers).await;
    }

    /// What another one of the same tenant knew, before the tenant was configured anew.
    pub fn inherit(&self, before: &Self) {
        self.0.send_replace(before.standing());
    }

    /// Looks at every placement, and claims those that nobody owns where none is another's. What was claimed is ours only when it is
    /// still ours at the next look: two installations that find none at the same moment both claim it, and the later one has it.
    /// What was known stays known where a store cannot be asked: one that is away has not become another's.
    pub async fn look(&self, objects: &dyn ObjectStore, installation: &str) -> StoreResult<Standing> {
        let standing = look(objects, installation, self.standing()).await?;
        self.0.send_replace(standing.clone());
        Ok(standing)
    }
}

async fn look(objects: &dyn ObjectStore, installation: &str, known: Standing) -> StoreResult<Standing> {
    let mut nobodys = Vec::new();
    for placement in objects.placements() {
        match objects.owner(&placement).await? {
            Some(owner) if owner == installation => {}
            Some(owner) => return Ok(Standing::Anothers { placement: placement.to_string(), owner }),
            None => nobodys.push(placement),
        }
    }
    if nobodys.is_empty() {
        return Ok(Standing::Ours);
    }
    // An owner object that went does not make a copy the owner: it is for its owner to claim again, or for people.
    if known.is_anothers() {
        return Ok(known);
    }
    for placement in &nobodys {
        objects.claim(placement, installation).await?;
    }
    Ok(Standing::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::DiskStore;

    #[tokio::test]
    async fn who_comes_first_owns_a_placement_until_another_adopts_it() {
        let folder = tempfile::tempdir().unwrap();
        let (placement, missing) = ("local".parse().unwrap(), folder.path().join("away"));
        let store = DiskStore::open("local".parse().unwrap(), folder.path(), "").unwrap();
        let (production, copy) = (Ownership::default(), Ownership::default());
        assert_eq!(production.look(&store, "production").await.unwrap(), Standing::Unknown, "it has claimed, and looks again");
        assert_eq!(production.look(&store, "production").await.unwrap(), Standing::Ours);
        let anothers = Standing::Anothers { placement: "local".into(), owner: "production".into() };
        assert_eq!(copy.look(&store, "copy").await.unwrap(), anothers);
        assert!(copy.is_anothers());
        std::fs::rename(folder.path().join(".staging"), &missing).unwrap();
        std::fs::remove_file(folder.path().join(".sluss-owner")).unwrap();
        assert!(copy.look(&store, "copy").await.is_err() && copy.is_anothers());
        std::fs::rename(&missing, folder.path().join(".staging")).unwrap();
        assert_eq!(copy.look(&store, "copy").await.unwrap(), anothers, "a lost owner object is not the copy's to claim");
        assert_eq!(store.owner(&placement).await.unwrap(), None);
        store.claim(&placement, "copy").await.unwrap();
        copy.lost().await;
        assert_eq!(copy.look(&store, "copy").await.unwrap(), Standing::Ours);
        assert!(production.look(&store, "production").await.is_ok() && production.is_anothers());
    }
}
