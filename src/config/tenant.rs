//! `tenants/<tenant>.toml`: one tenant's database, tables and objects. Every key is named here and explained in
//! `gateway-config/tenants/acme.toml`. Nothing about the customer's tables is guessed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::section::Section;
use super::value::{self, Parsed};
use super::{CollectionConfig, ObjectStoreConfig, PlacementConfig, SqlConfig, SqliteConfig, TenantConfig};
use crate::model::id::{CollectionName, IdKind, PlacementName, TenantId};
use crate::model::phase::Phase;

/// SQL Server's longest identifier.
const MAX_IDENTIFIER_CHARS: usize = 128;

/// S3 takes keys of 1024 bytes, and an object's own part has 39.
const MAX_PREFIX_BYTES: usize = 512;

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>, id: &TenantId) -> Option<TenantConfig> {
    let initial_phase = section.optional("phase", initial_phase).unwrap_or(Phase::Sql);
    let mirror = section.flag("mirror", false);
    let sql = section.section("sql", read_sql);
    let collections = read_collections(section);
    let objects = section.section("objects", |section| read_objects(section, id));
    Some(TenantConfig { id: id.clone(), initial_phase, mirror, sql: sql?, collections: collections?, objects: objects? })
}

fn initial_phase(value: &DeValue<'_>) -> Parsed<Phase> {
    match value::parsed(value)? {
        Phase::Sealed => Err("\"sealed\" is not where a tenant begins: use \"sql\", \"shadow\", \"dual\" or \"object\"".to_owned()),
        phase @ (Phase::Sql | Phase::Shadow | Phase::Dual | Phase::Object) => Ok(phase),
    }
}

fn read_sql(section: &mut Section<'_>) -> Option<SqlConfig> {
    let file = section.file();
    let path = section.required("database", "write \"sqlite:\" and a path", |value| value::sqlite_path(file, value));
    let busy_timeout =
        section.duration("busy_timeout", Duration::from_secs(60), Duration::from_millis(10)..=Duration::from_secs(24 * 3600));
    let connections = section.count("connections", 8, 1..=1024);
    Some(SqlConfig::Sqlite(SqliteConfig { path: path?, busy_timeout, connections }))
}

fn read_collections(section: &mut Section<'_>) -> Option<Vec<CollectionConfig>> {
    let read = section.each_named("collections", read_collection);
    if read.is_empty() && !section.is_refused("collections") {
        section.miss("collections", "a tenant has at least one collection, such as [collections.documents]");
    }
    read.into_iter().collect()
}

fn read_collection(name: &str, section: &mut Section<'_>) -> Option<CollectionConfig> {
    let name = name.parse::<CollectionName>().map_err(|error| section.refuse_whole(error.to_string())).ok();
    let table = section.required("table", "name the documents' table", identifier);
    let id_column = section.required("id", "name the column of the document's id", identifier);
    let id_kind = section.required("id_type", "say \"integer\" or \"text\"", id_kind);
    let content_column = section.required("content", "name the column of the content", identifier);
    let media_type_column = section.optional("media_type", identifier);
    let file_name_column = section.optional("file_name", identifier);
    let modified_column = section.optional("modified", identifier);
    refuse_shared_columns(
        section,
        &[
            ("id", &id_column),
            ("content", &content_column),
            ("media_type", &media_type_column),
            ("file_name", &file_name_column),
            ("modified", &modified_column),
        ],
    );
    Some(CollectionConfig {
        name: name?,
        table: table?,
        id_column: id_column?,
        id_kind: id_kind?,
        content_column: content_column?,
        media_type_column,
        file_name_column,
        modified_column,
    })
}

fn refuse_shared_columns(section: &mut Section<'_>, columns: &[(&str, &Option<String>)]) {
    for (index, (key, column)) in columns.iter().enumerate() {
        let Some(column) = column else { continue };
        let same = |(_, other): &&(&str, &Option<String>)| other.as_deref().is_some_and(|other| same_identifier(other, column));
        if let Some((other, _)) = columns[..index].iter().find(same) {
            section.refuse(key, format!("{column:?} is the column of {other:?}, too"));
        }
    }
}

/// Databases compare the names of tables and columns without regard to case.
pub(super) fn same_identifier(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Any name that can be quoted.
fn identifier(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    let sane = (1..=MAX_IDENTIFIER_CHARS).contains(&name.chars().count()) && !name.contains(['\0', '"']);
    if sane {
        Ok(name.to_owned())
    } else {
        Err(format!("{} is not an SQL name: use 1 to {MAX_IDENTIFIER_CHARS} characters without '\"'", value::shown(name)))
    }
}

fn id_kind(value: &DeValue<'_>) -> Parsed<IdKind> {
    match value::text(value)? {
        "integer" => Ok(IdKind::Integer),
        "text" => Ok(IdKind::Text),
        other => Err(format!("{} is not known: say \"integer\" or \"text\"", value::shown(other))),
    }
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
