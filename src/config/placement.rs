//! `[objects]`, or each of several `[[objects]]`: where a tenant's objects lie, in a folder or on an S3-compatible store. The keys that
//! every placement has are named here, and explained in `gateway-config/tenants/acme.toml`; those of S3 in `s3`.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::section::Section;
use super::value::{self, Parsed};
use super::{ObjectStoreConfig, PlacementConfig, s3};
use crate::model::id::{PlacementName, TenantId};

/// S3 takes keys of 1024 bytes, and an object's own part has 39.
const MAX_PREFIX_BYTES: usize = 512;

const DISK_HINT: &str = "name the folder of the objects, or an S3-compatible store as s3 = \"https://...\"";

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>, id: &TenantId) -> Option<PlacementConfig> {
    let max_objects = section.count_or_none("max_objects", 1..=u64::MAX);
    let max_bytes = section.bytes_or_none("max_bytes", 1..=u64::MAX);
    // A placement that moves from a folder to a store is another placement: with one name for both, what the folder holds would be
    // looked for in the store.
    let default_name = if s3::is_meant(section) { "s3" } else { "local" };
    let place = read_place(section, id, default_name)?;
    Some(PlacementConfig { max_objects, max_bytes, ..place })
}

/// Where a backup goes to. It takes every object, so it is never full. `None` only beside a problem.
pub(super) fn read_offsite(section: &mut Section<'_>, id: &TenantId) -> Option<PlacementConfig> {
    section.refuse_foreign(&["max_objects", "max_bytes"], "a backup holds every object: its placement has no limit");
    read_place(section, id, "offsite")
}

fn read_place(section: &mut Section<'_>, id: &TenantId, default_name: &str) -> Option<PlacementConfig> {
    let name = section.optional("placement", value::parsed);
    let prefix = section.optional("prefix", object_prefix).unwrap_or_else(|| format!("{id}/"));
    let store = match s3::is_meant(section) {
        true => s3::read(section).map(ObjectStoreConfig::S3),
        false => read_disk(section),
    };
    let default_name = || default_name.parse::<PlacementName>().expect("all of them are names");
    Some(PlacementConfig { name: name.unwrap_or_else(default_name), prefix, store: store?, max_objects: None, max_bytes: None })
}

fn read_disk(section: &mut Section<'_>) -> Option<ObjectStoreConfig> {
    let file = section.file();
    let root = section.required("disk", DISK_HINT, |value| disk_root(file, value));
    s3::refuse_keys(section);
    Some(ObjectStoreConfig::Disk { root: root? })
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
