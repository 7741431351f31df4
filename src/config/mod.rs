//! The configuration: TOML files, checked as a whole before anything starts. A `Config` cannot exist unvalidated.
//!
//! [`Config::load`] walks each file with a `section::Section`, which hands out checked values and notes every problem,
//! so that all of them are told at once. `gateway`, `tenant` and `collection` name the keys, `across` judges what no single file shows.

mod across;
mod backup;
mod backup_sealing;
mod collection;
mod gateway;
mod guise;
mod listeners;
mod load;
mod placement;
mod problem;
mod recipient;
mod routes;
mod s3;
mod secret;
mod section;
mod sql_server;
mod tenant;
#[cfg(test)]
mod tests;
mod upstream;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::content::ContentHash;
use crate::model::history::Retention;
use crate::model::id::{PlacementName, TenantId};
use crate::model::job::Backoff;
use crate::model::phase::Phase;

pub use backup::{BackupConfig, KeptManifests, Schedule};
pub use backup_sealing::{BackupSealing, LockMode, ObjectLock, SealingConfig};
pub use collection::{CollectionConfig, ColumnValue, CreateRule, DeleteRule, Disposition, TenantColumn};
pub use guise::{AnswerValue, HeaderLine, ValuePart};
pub use problem::{ConfigProblems, Problem};
pub use recipient::{NoRecipient, Recipient, key_of};
pub use routes::{AttributeHeaders, Missing, RouteAuth, RouteConfig, RouteOperation, Segment, Template, TenantSource};
pub use s3::{S3Config, S3Credentials};
pub use secret::{Secret, SecretSource};
pub use sql_server::{Encryption, SqlServerConfig, Trust};
pub use upstream::{CheckConfig, UpstreamConfig};
pub use value::{byte_size_text, parse_byte_size};

/// `sluss.toml` and every tenant file beside it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it was read from, so that it can be read again.
    pub file: PathBuf,
    pub listeners: Listeners,
    pub auth: Auth,
    pub control: ControlConfig,
    pub limits: Limits,
    pub agents: AgentConfig,
    pub shadow: ShadowConfig,
    /// The existing API that gets every request that is not for a document.
    pub upstream: Option<UpstreamConfig>,
    /// In their order: the first that matches a request holds.
    pub routes: Vec<RouteConfig>,
    /// Whether the built-in API is served, too.
    pub own_api: bool,
    pub tenants: Vec<TenantConfig>,
}

#[derive(Debug, Clone)]
pub struct Listeners {
    pub documents: SocketAddr,
    pub admin: SocketAddr,
    pub documents_tls: Option<TlsConfig>,
    pub admin_tls: Option<TlsConfig>,
    /// A proxy in front of this host's addresses ends TLS.
    pub behind_tls_proxy: bool,
}

/// What a listener shows and asks for in TLS. All files are PEM, and are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// With those that lead to its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub clients: ClientCertificates,
}

/// Whether clients show certificates, and the authorities that vouch for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificates {
    None,
    Optional(PathBuf),
    Required(PathBuf),
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Anybody who reaches a listener, which is therefore on loopback.
    None,
    Tokens(Vec<TokenConfig>),
}

/// A bearer token, known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// Names the holder in the audit; never the token.
    pub name: String,
    pub sha256: ContentHash,
    pub tenants: TenantScope,
    pub rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantScope {
    All,
    Only(Vec<TenantId>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    pub read: bool,
    pub write: bool,
    pub admin: bool,
}

/// Where the control database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlConfig {
    Sqlite { path: PathBuf },
    SqlServer(Box<SqlServerConfig>),
}

#[derive(Debug, Clone)]
pub struct Limits {
    /// All content that this process holds in memory at once.
    pub buffer_bytes: u64,
    /// The part of it that small contents stay in once they were read; 0: none does.
    pub cache_bytes: u64,
    pub max_document_bytes: u64,
    /// Of one listener, at once.
    pub connections: usize,
    /// Document requests in flight, bodies included.
    pub concurrent_requests: usize,
    pub concurrent_requests_per_tenant: Option<usize>,
    pub concurrent_requests_per_token: Option<usize>,
    pub requests_per_second_per_tenant: Option<u32>,
    pub requests_per_second_per_token: Option<u32>,
    /// After a quiet time, so many seconds' worth of requests may come at once.
    pub rate_burst: Duration,
    /// Of one request's headers and its first line.
    pub max_head_bytes: u64,
    pub max_headers: usize,
    /// From accept to the end of a request's headers.
    pub header_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// One answer of a store, or the next portion of a content.
    pub store_timeout: Duration,
    /// How long a request waits for memory before it is refused.
    pub queue_timeout: Duration,
    /// Bytes a second below which a client is cut, measured over `rate_window`.
    pub min_rate: u64,
    pub rate_window: Duration,
    /// How long draining waits for requests in flight.
    pub drain_timeout: Duration,
    /// Connections to SQL Server, to all databases together.
    pub sql_connections: usize,
}

#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Whether `serve` works on jobs too.
    pub in_serve: bool,
    /// Jobs at once in this process.
    pub concurrency: usize,
    /// Bytes a second that this process's agents move in all.
    pub bytes_per_second: Option<u64>,
    pub lease: Duration,
    pub poll_min: Duration,
    pub poll_max: Duration,
    pub backoff: Backoff,
    /// After this long without a commit an upload or an attempt is given up.
    pub abandoned_after: Duration,
    pub sweep_every: Duration,
    /// How often what changed since is looked at.
    pub changes_every: Duration,
    /// Open jobs of a tenant above which a sweep waits.
    pub backlog_limit: u64,
    /// How often every document is verified by the clock.
    pub verify_every: Duration,
    /// Bytes a second that this process's verifications by the clock read in all.
    pub verify_bytes_per_second: u64,
}

/// Comparisons beside reads in phase `shadow`.
#[derive(Debug, Clone, Copy)]
pub struct ShadowConfig {
    /// Of the reads, from 0 to 1.
    pub share: f64,
    /// At once in this process.
    pub concurrency: usize,
    pub deadline: Duration,
    pub buffer_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    pub id: TenantId,
    /// The phase that `init` writes into the tenant's database; from then on the database has it.
    pub initial_phase: Phase,
    /// Keeps SQL filled in phase `object`.
    pub mirror: bool,
    /// How old the oldest backup of this tenant's SQL may be that can still be restored; without it nothing is purged, and no version is
    /// removed.
    pub oldest_sql_backup: Option<Duration>,
    /// How long contents stay that a document had; zero: none is kept that only SQL held.
    pub keep_history_for: Duration,
    pub limits: TenantLimits,
    pub sql: SqlConfig,
    pub collections: Vec<CollectionConfig>,
    /// The first is filled first; never empty.
    pub objects: Vec<PlacementConfig>,
    pub backup: Option<BackupConfig>,
}

impl TenantConfig {
    /// Where objects of this tenant lie, and where its backup goes to.
    pub fn every_placement(&self) -> impl Iterator<Item = &PlacementConfig> {
        self.objects.iter().chain(self.backup.as_ref().map(|backup| &backup.objects))
    }

    pub fn retention(&self) -> Retention {
        Retention { keep_for: self.keep_history_for, oldest_sql_backup: self.oldest_sql_backup }
    }
}

/// One tenant's own limits, beside the process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantLimits {
    pub concurrent_requests: Option<usize>,
    pub requests_per_second: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlConfig {
    Sqlite(SqliteConfig),
    SqlServer(Box<SqlServerConfig>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteConfig {
    pub path: PathBuf,
    /// How long a statement waits for the one writer; a large commit holds it for as long as its bytes take.
    pub busy_timeout: Duration,
    /// Connections of this process for look-ups, and as many again for contents on their way to clients.
    pub connections: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementConfig {
    pub name: PlacementName,
    pub prefix: String,
    pub store: ObjectStoreConfig,
    /// At this many objects new ones go to the next placement. The last one goes on taking them.
    pub max_objects: Option<u64>,
    /// The same for the bytes that the objects take in the store.
    pub max_bytes: Option<u64>,
}

impl PlacementConfig {
    /// Where it is, for people, and to tell it from another place of the same name.
    pub fn place(&self) -> String {
        match &self.store {
            ObjectStoreConfig::Disk { root } => format!("disk {} prefix {:?}", root.display(), self.prefix),
            ObjectStoreConfig::S3(s3) => format!("s3 {} bucket {} prefix {:?}", s3.endpoint, s3.bucket, self.prefix),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectStoreConfig {
    Disk { root: PathBuf },
    S3(Box<S3Config>),
}
