//! `tenants/<tenant>.toml`: one tenant's database, tables and objects. Every key is named here, in `collection` or in `placement`, and
//! explained in `gateway-config/tenants/acme.toml`. Nothing about the customer's tables is guessed.

use std::time::Duration;

use toml::de::DeValue;

use super::section::Section;
use super::value::{self, Parsed};
use super::{CollectionConfig, PlacementConfig, SqlConfig, SqliteConfig, TenantConfig, TenantLimits};
use super::{backup, collection, placement, sql_server};
use crate::model::id::TenantId;
use crate::model::phase::Phase;

const SQLITE_HINT: &str = "write \"sqlite:\" and a path, or name a server beside it";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What customers are promised.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>, id: &TenantId) -> Option<TenantConfig> {
    let initial_phase = section.optional("phase", initial_phase).unwrap_or(Phase::Sql);
    let mirror = section.flag("mirror", false);
    let oldest_sql_backup = section.duration_or_none("oldest_sql_backup", Duration::ZERO..=3650 * DAY);
    let keep_history_for = section.section("history", |section| section.duration("keep_for", WEEK, Duration::ZERO..=3650 * DAY));
    let limits = section.section("limits", read_limits);
    let mut backend = Backend::Sqlite;
    let sql = section.section("sql", |section| {
        backend = Backend::meant(section);
        read_sql(section, backend)
    });
    let collections = read_collections(section, backend);
    let objects = read_objects(section, id);
    let backup = section.section_or_none("backup", |section| backup::read(section, id));
    Some(TenantConfig {
        id: id.clone(),
        initial_phase,
        mirror,
        oldest_sql_backup,
        keep_history_for,
        limits,
        sql: sql?,
        collections: collections?,
        objects: objects?,
        backup: backup.map_or(Some(None), |backup| backup.map(Some))?,
    })
}

fn read_limits(section: &mut Section<'_>) -> TenantLimits {
    TenantLimits {
        concurrent_requests: section.count_or_none("concurrent_requests", 1..=100_000),
        requests_per_second: section.count_or_none("requests_per_second", 1..=1_000_000),
    }
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

fn read_objects(section: &mut Section<'_>, id: &TenantId) -> Option<Vec<PlacementConfig>> {
    let read = section.one_or_each("objects", |section| placement::read(section, id));
    if read.is_empty() && !section.is_refused("objects") {
        section.refuse("objects", "is empty: a tenant has at least one placement");
    }
    read.into_iter().collect()
}

/// Databases compare the names of tables and columns without regard to case.
pub(super) fn same_identifier(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
