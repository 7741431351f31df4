//! `tenants/<tenant>.toml`: one tenant's database, tables and objects. Every key is named here or in `collection`, and explained in
//! `gateway-config/tenants/acme.toml`. Nothing about the customer's tables is guessed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::collection;
use super::section::Section;
use super::sql_server;
use super::value::{self, Parsed};
use super::{CollectionConfig, ObjectStoreConfig, PlacementConfig, SqlConfig, SqliteConfig, TenantConfig};
use crate::model::id::{PlacementName, TenantId};
use crate::model::phase::Phase;

const SQLITE_HINT: &str = "write \"sqlite:\" and a path, or name a server beside it";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// S3 takes keys of 1024 bytes, and an object's own part has 39.
const MAX_PREFIX_BYTES: usize = 512;

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>, id: &TenantId) -> Option<TenantConfig> {
    let initial_phase = section.optional("phase", initial_phase).unwrap_or(Phase::Sql);
    let mirror = section.flag("mirror", false);
    let oldest_sql_backup = section.duration_or_none("oldest_sql_backup", Duration::ZERO..=3650 * DAY);
    let mut backend = Backend::Sqlite;
    let sql = section.section("sql", |section| {
        backend = Backend::meant(section);
        read_sql(section, backend)
    });
    let collections = read_collections(section, backend);
    let objects = section.section("objects", |section| read_objects(section, id));
    Some(TenantConfig { id: id.clone(), initial_phase, mirror, oldest_sql_backup, sql: sql?, collections: collections?, objects: objects? })
}

fn initial_phase(value: &DeValue<'_>) -> Parsed<Phase> {
    match value::parsed(value)? {
        Phase::Sealed => Err("\"sealed\" is not where a tenant begins: use \"sql\", \"shadow\", \"dual\" or \"object\"".to_owned()),
        phase @ (Phase::Sql | Phase::Shadow | Phase::Dual | Phase::Object) => Ok(phase),
    }
}

/// What kind of database a section names. Known also where the section itself is refused, so that the rest is read as it was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    SqlServer,
}

impl Backend {
    fn meant(section: &Section<'_>) -> Self {
        if sql_server::is_meant(section) { Self::SqlServer } else { Self::Sqlite }
    }
}

fn read_sql(section: &mut Section<'_>, backend: Backend) -> Option<SqlConfig> {
    match backend {
        Backend::Sqlite => read_sqlite(section),
        Backend::SqlServer => sql_server::read(section).map(SqlConfig::SqlServer),
    }
}

fn read_sqlite(section: &mut Section<'_>) -> Option<SqlConfig> {
    let file = section.file();
    let path = section.required("database", SQLITE_HINT, |value| value::sqlite_path(file, value));
    let busy_timeout =
        section.duration("busy_timeout", Duration::from_secs(60), Duration::from_millis(10)..=Duration::from_secs(24 * 3600));
    let connections = section.count("connections", 8, 1..=1024);
    sql_server::refuse_keys(section);
    Some(SqlConfig::Sqlite(SqliteConfig { path: path?, busy_timeout, connections }))
}

fn read_collections(section: &mut Section<'_>, backend: Backend) -> Option<Vec<CollectionConfig>> {
    let read = section.each_named("collections", |name, section| collection::read(name, section, backend));
    if read.is_empty() && !section.is_refused("collections") {
        section.miss("collections", "a tenant has at least one collection, such as [collections.documents]");
    }
    read.into_iter().collect()
}

/// Databases compare the names of tables and columns without regard to case.
pub(super) fn same_identifier(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn read_objects(section: &mut Section<'_>, id: &TenantId) -> Option<PlacementConfig> {
    let file = section.file();
    let default_name = || "local".parse::<PlacementName>().expect("\"local\" is a name");
    let name = section.optional("placement", value::parsed).unwrap_or_else(default_name);
    let root = section.required("disk", "name the folder of the objects", |value| disk_root(file, value));
    let prefix = section.optional("prefix", object_prefix).unwrap_or_else(|| format!("{id}/"));
    Some(PlacementConfig { name, prefix, store: ObjectStoreConfig::Disk { root: root? } })
}

fn disk_root(file: &Path, value: &DeValue<'_>) -> Parsed<PathBuf> {
    value::path_beside(file, value::text(value)?)
}

/// Empty, or folders each closed by '/'. A folder beginning with '.' could be one of the store's own, or lead elsewhere.
fn object_prefix(value: &DeValue<'_>) -> Parsed<String> {
    let prefix = value::text(value)?;
    let plain = |folder: &str| {
        !folder.is_empty() && !folder.starts_with('.') && folder.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let sane = match prefix.strip_suffix('/') {
        Some(folders) => folders.split('/').all(plain),
        None => prefix.is_empty(),
    };
    if sane && prefix.len() <= MAX_PREFIX_BYTES {
        return Ok(prefix.to_owned());
    }
    let rule = "leave it empty, or end each folder with '/' and use a-z, A-Z, 0-9, '_', '-' and, not in front, '.'";
    Err(format!("{} is not a prefix: {rule}", value::shown(prefix)))
}
