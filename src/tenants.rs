//! This process's tenants: their stores, and who may ask for them. It decides access; it never looks at a document.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Notify, watch};

pub mod continuity;
pub mod ownership;

use self::continuity::Continuity;
use self::ownership::Ownership;
use crate::config::{Auth, CollectionConfig, Rights, TenantConfig, TenantScope, TokenConfig};
use crate::lock::{read, write};
use crate::model::id::{CollectionName, DocId, DocKey, PlacementName, TenantId};
use crate::model::stamp::Revision;
use crate::store::object::ObjectStore;
use crate::store::placed::Filling;
use crate::store::queue::JobQueue;
use crate::store::sql::SqlStore;

/// After a copy was asked for, further reads of the same content ask no more for this long.
const ACCESS_QUIET: Duration = Duration::from_secs(60);

/// Contents that are remembered as asked for. One that falls out is asked for again, which joins the job that is open.
const ACCESS_REMEMBERED: u64 = 16 << 10;

/// Tells a tenant from what went by its name before, in this process: with another configuration, perhaps on another database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantInstance(u64);

impl TenantInstance {
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The second placement, which holds copies of a tenant's objects and the manifests of its backups.
pub struct Offsite {
    pub placement: PlacementName,
    pub objects: Arc<dyn ObjectStore>,
    /// A copy of the tenant's database must write and remove nothing here, either.
    pub ownership: Ownership,
}

impl Offsite {
    pub fn new(placement: PlacementName, objects: Arc<dyn ObjectStore>) -> Self {
        Self { placement, objects, ownership: Ownership::default() }
    }
}

/// One tenant as this process serves it.
pub struct Tenant {
    pub id: TenantId,
    pub instance: TenantInstance,
    pub config: TenantConfig,
    pub sql: Arc<dyn SqlStore>,
    pub jobs: Arc<dyn JobQueue>,
    pub objects: Arc<dyn ObjectStore>,
    /// How full its placements are.
    pub filling: Arc<Filling>,
    /// Rings when this process has made work for agents.
    pub work: Arc<Notify>,
    pub ownership: Ownership,
    pub continuity: Continuity,
    /// Where its backup goes to.
    pub offsite: Option<Offsite>,
    asked: Cache<(DocKey, u64), ()>,
}

impl Tenant {
    pub fn new(
        config: &TenantConfig,
        sql: Arc<dyn SqlStore>,
        jobs: Arc<dyn JobQueue>,
        objects: Arc<dyn ObjectStore>,
        filling: Arc<Filling>,
    ) -> Self {
        let asked = Cache::builder().max_capacity(ACCESS_REMEMBERED).time_to_live(ACCESS_QUIET).build();
        let (work, ownership, continuity) = (Arc::new(Notify::new()), Ownership::default(), Continuity::default());
        let (id, instance) = (config.id.clone(), TenantInstance::fresh());
        Self { id, instance, config: config.clone(), sql, jobs, objects, filling, work, ownership, continuity, offsite: None, asked }
    }

    pub fn with_offsite(self, offsite: Offsite) -> Self {
        Self { offsite: Some(offsite), ..self }
    }

    pub fn collection(&self, name: &CollectionName) -> Option<&CollectionConfig> {
        self.config.collections.iter().find(|collection| &collection.name == name)
    }

    /// The id that a walk over a collection kept as text. `None` for a collection that is not served any more.
    pub fn kept_id(&self, collection: &CollectionName, text: &str) -> Option<DocId> {
        self.collection(collection).map(|config| DocId::from_row(config.id_kind, text))
    }

    /// True for the first of many concurrent readers of one content: that one asks for its copy.
    pub fn asks_for_copy(&self, key: &DocKey, revision: Revision) -> bool {
        self.asked.entry((key.clone(), revision.0)).or_insert(()).is_fresh()
    }
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's name, for the audit.
    pub name: String,
    pub scope: TenantScope,
    pub rights: Rights,
}

impl Identity {
    /// Whom the existing API let in with the credentials that it knows itself.
    pub fn upstream() -> Self {
        let rights = Rights { read: true, write: true, admin: false };
        Self { name: "upstream".to_owned(), scope: TenantScope::All, rights }
    }

    /// Whether this identity may see that tenant at all. Decided from the token alone, before any look at a store.
    pub fn reaches(&self, tenant: &TenantId) -> bool {
        match &self.scope {
            TenantScope::All => true,
            TenantScope::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// The tokens of the configuration. They can be replaced while requests run.
pub struct Access {
    auth: RwLock<Arc<Auth>>,
    /// Rings when they were replaced.
    replaced: watch::Sender<()>,
}

impl Access {
    pub fn new(auth: Auth) -> Self {
        Self { auth: RwLock::new(Arc::new(auth)), replaced: watch::Sender::new(()) }
    }

    pub fn replace(&self, auth: Auth) {
        let auth = Arc::new(auth);
        let before = std::mem::replace(&mut *write(&self.auth), Arc::clone(&auth));
        if before != auth {
            self.replaced.send_replace(());
        }
    }

    /// Whether everybody is let in.
    pub fn is_open(&self) -> bool {
        matches!(**read(&self.auth), Auth::None)
    }

    /// `None`: no token, or one that nobody has.
    pub fn identify(&self, token: Option<&str>) -> Option<Identity> {
        let auth = Arc::clone(&read(&self.auth));
        let tokens = match &*auth {
            Auth::None => {
                let rights = Rights { read: true, write: true, admin: true };
                return Some(Identity { name: "anonymous".to_owned(), scope: TenantScope::All, rights });
            }
            Auth::Tokens(tokens) => tokens,
        };
        let hash: [u8; 32] = Sha256::digest(token?).into();
        // Every token is compared, each in constant time: how long the answer takes tells nothing of the hashes.
        let found = tokens.iter().fold(
            None::<&TokenConfig>,
            |found, token| {
                if bool::from(token.sha256.0.ct_eq(&hash)) { Some(token) } else { found }
            },
        )?;
        Some(Identity { name: found.name.clone(), scope: found.tenants.clone(), rights: found.rights })
    }

    /// As `identify`, with what changes once tokens are replaced from then on: for what may outlive the request that it is allowed to.
    pub fn identify_for_long(&self, token: Option<&str>) -> Option<(Identity, watch::Receiver<()>)> {
        // Before the look, so that nothing comes in between unheard.
        let replaced = self.replaced.subscribe();
        Some((self.identify(token)?, replaced))
    }

    /// Whether it is one of our tokens.
    pub fn has_issued(&self, token: Option<&str>) -> bool {
        token.is_some() && !self.is_open() && self.identify(token).is_some()
    }
}

/// The tenants by name. They can be replaced while requests run: each request keeps the tenant that it began with.
pub struct Tenants(RwLock<Arc<BTreeMap<TenantId, Arc<Tenant>>>>);

impl Tenants {
    pub fn new(tenants: Vec<Arc<Tenant>>) -> Self {
        Self(RwLock::new(Arc::new(by_name(tenants))))
    }

    pub fn get(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.all().get(id).cloned()
    }

    pub fn all(&self) -> Arc<BTreeMap<TenantId, Arc<Tenant>>> {
        Arc::clone(&read(&self.0))
    }

    pub fn replace(&self, tenants: Vec<Arc<Tenant>>) {
        *write(&self.0) = Arc::new(by_name(tenants));
    }
}

fn by_name(tenants: Vec<Arc<Tenant>>) -> BTreeMap<TenantId, Arc<Tenant>> {
    tenants.into_iter().map(|tenant| (tenant.id.clone(), tenant)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::content::ContentHash;

    fn token(name: &str, secret: &str, tenants: TenantScope) -> TokenConfig {
        let rights = Rights { read: true, ..Rights::default() };
        TokenConfig { name: name.to_owned(), sha256: ContentHash(Sha256::digest(secret).into()), tenants, rights }
    }

    #[test]
    fn a_token_is_known_by_its_hash_and_reaches_its_own_tenants() {
        let acme: TenantId = "acme".parse().unwrap();
        let only = TenantScope::Only(vec![acme.clone()]);
        let access = Access::new(Auth::Tokens(vec![token("app", "s3cret", only), token("all", "other", TenantScope::All)]));
        let identity = access.identify(Some("s3cret")).unwrap();
        assert_eq!(identity.name, "app");
        assert!(identity.reaches(&acme));
        assert!(!identity.reaches(&"globex".parse().unwrap()));
        assert!(access.identify(Some("other")).unwrap().reaches(&"globex".parse().unwrap()));
        assert_eq!(access.identify(Some("wrong")), None);
        assert_eq!(access.identify(None), None);
    }

    #[test]
    fn who_was_let_in_hears_of_other_tokens_however_late_it_listens() {
        let auth = |secret| Auth::Tokens(vec![token("app", secret, TenantScope::All)]);
        let access = Access::new(auth("s3cret"));
        let (_, replaced) = access.identify_for_long(Some("s3cret")).unwrap();
        access.replace(auth("s3cret"));
        assert!(!replaced.has_changed().unwrap(), "nothing is different");
        access.replace(auth("other"));
        let late = replaced.clone();
        assert!(late.has_changed().unwrap());
        assert!(access.identify_for_long(Some("s3cret")).is_none());
    }
}
