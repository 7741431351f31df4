//! Rules between one table and another: what two tenants, or two collections, must not share. Single files are judged elsewhere.

use std::path::{Path, PathBuf};

use super::problem::{Problem, Report};
use super::tenant::same_identifier;
use super::value::byte_size_text;
use super::{CollectionConfig, ColumnValue, ObjectStoreConfig, PlacementConfig, SqlConfig, TenantConfig};
use crate::model::id::TenantId;

/// A tenant and the file that it comes from.
pub(super) struct ReadTenant {
    pub(super) file: PathBuf,
    pub(super) config: TenantConfig,
}

/// Refuses the later of each two that get in each other's way, and what the process has no memory for.
pub(super) fn check(tenants: &[ReadTenant], buffer_bytes: Option<u64>, report: &mut Report) {
    for tenant in tenants {
        refuse_parts_beyond(buffer_bytes.unwrap_or(u64::MAX) / 2, tenant, report);
    }
    for (index, tenant) in tenants.iter().enumerate() {
        let earlier = &tenants[..index];
        refuse_shared_tables(tenant, earlier, report);
        refuse_shared_places(tenant, earlier, report);
        refuse_shared_backup(tenant, earlier, report);
    }
}

fn refuse(report: &mut Report, file: &Path, key: String, reason: String) {
    let line = report.line_of(file, &key);
    report.refuse(Problem { file: file.to_owned(), line, key, reason });
}

fn refuse_shared_tables(tenant: &ReadTenant, earlier: &[ReadTenant], report: &mut Report) {
    let own = &tenant.config.collections;
    for (index, collection) in own.iter().enumerate() {
        let elsewhere = earlier.iter().filter(|other| database(&other.config) == database(&tenant.config));
        let candidates =
            elsewhere.map(|other| &other.config).flat_map(|other| other.collections.iter().map(move |taken| (&other.id, taken)));
        let beside = own[..index].iter().map(|taken| (&tenant.config.id, taken));
        let shared = |(owner, taken): &(&TenantId, &CollectionConfig)| {
            same_table(taken, collection) && (*owner == &tenant.config.id || !told_apart(taken, collection))
        };
        if let Some((owner, taken)) = candidates.chain(beside).find(shared) {
            let reason = format!(
                "{:?} is the table of {owner}/{}, too: tenants share one only with the same tenant_column and a tenant_value of their own",
                collection.table, taken.name
            );
            refuse(report, &tenant.file, format!("collections.{}.table", collection.name), reason);
        }
    }
}

/// Two tenants in one table. Which values a database takes for equal depends on the column's type and collation, so those that
/// differ in their type, their case or blanks at their end only count as the same.
fn told_apart(one: &CollectionConfig, other: &CollectionConfig) -> bool {
    let plain = |value: &ColumnValue| match value {
        ColumnValue::Text(text) => text.trim().to_lowercase(),
        ColumnValue::Integer(integer) => integer.to_string(),
        ColumnValue::Flag(flag) => i64::from(*flag).to_string(),
    };
    match (&one.tenant, &other.tenant) {
        (Some(one), Some(other)) => same_identifier(&one.column, &other.column) && plain(&one.value) != plain(&other.value),
        (Some(_) | None, _) => false,
    }
}

fn same_table(one: &CollectionConfig, other: &CollectionConfig) -> bool {
    let schema = |collection: &CollectionConfig| collection.schema.clone().unwrap_or_else(|| "dbo".to_owned());
    same_identifier(&schema(one), &schema(other)) && same_identifier(&one.table, &other.table)
}

/// Where a tenant's tables lie. A server that goes by two names is two servers here; nobody asks the network.
#[derive(PartialEq, Eq)]
enum Database<'a> {
    File(&'a Path),
    OnServer { host: String, port: u16, name: String },
}

fn database(tenant: &TenantConfig) -> Database<'_> {
    match &tenant.sql {
        SqlConfig::Sqlite(sqlite) => Database::File(&sqlite.path),
        SqlConfig::SqlServer(server) => {
            Database::OnServer { host: server.host.to_lowercase(), port: server.port, name: server.database.to_lowercase() }
        }
    }
}

fn refuse_shared_places(tenant: &ReadTenant, earlier: &[ReadTenant], report: &mut Report) {
    let own = &tenant.config.objects;
    for (index, placement) in own.iter().enumerate() {
        let beside = || own[..index].iter().map(|taken| (&tenant.config.id, taken));
        if let Some((owner, taken)) = places(earlier).chain(beside()).find(|(_, taken)| lie_in_each_other(taken, placement)) {
            let reason = format!(
                "these objects and those of placement {} of tenant {owner} lie in each other: give each a prefix of its own",
                taken.name
            );
            let key = placement_key(report, &tenant.file, index, "prefix");
            refuse(report, &tenant.file, key, reason);
        }
        if beside().any(|(_, taken)| taken.name == placement.name) {
            let reason = format!("another placement of this tenant is called {}, too: locations tell them apart by it", placement.name);
            let key = placement_key(report, &tenant.file, index, "placement");
            refuse(report, &tenant.file, key, reason);
        }
    }
}

/// Where objects of these tenants lie, their backups included.
fn places(tenants: &[ReadTenant]) -> impl Iterator<Item = (&TenantId, &PlacementConfig)> {
    tenants.iter().map(|tenant| &tenant.config).flat_map(|config| {
        let backup = config.backup.as_ref().map(|backup| &backup.objects);
        config.objects.iter().chain(backup).map(|taken| (&config.id, taken))
    })
}

/// A backup that lies among what it is a copy of is none.
fn refuse_shared_backup(tenant: &ReadTenant, earlier: &[ReadTenant], report: &mut Report) {
    let Some(backup) = &tenant.config.backup else { return };
    let own = || tenant.config.objects.iter().map(|taken| (&tenant.config.id, taken));
    if let Some((owner, taken)) = places(earlier).chain(own()).find(|(_, taken)| lie_in_each_other(taken, &backup.objects)) {
        let reason = format!(
            "this backup and the objects of placement {} of tenant {owner} lie in each other: give it a prefix of its own, better a store of its own",
            taken.name
        );
        refuse(report, &tenant.file, "backup.objects.prefix".to_owned(), reason);
    }
    if own().any(|(_, taken)| taken.name == backup.objects.name) {
        let reason = format!("one of the tenant's own placements is called {}, too: give the backup's another name", backup.objects.name);
        refuse(report, &tenant.file, "backup.objects.placement".to_owned(), reason);
    }
}

/// An upload holds a part in memory, and others want to go on beside it.
fn refuse_parts_beyond(most: u64, tenant: &ReadTenant, report: &mut Report) {
    let own = tenant.config.objects.iter().enumerate().map(|(index, placement)| (Some(index), placement));
    let backup = tenant.config.backup.iter().map(|backup| (None, &backup.objects));
    for (index, placement) in own.chain(backup) {
        if let ObjectStoreConfig::S3(s3) = &placement.store
            && s3.part_bytes > most
        {
            let part = byte_size_text(&s3.part_bytes);
            let reason = format!(
                "{part} is more than half of limits.buffer_bytes, and an upload holds a part in memory: raise the one or lower the other"
            );
            let key = match index {
                Some(index) => placement_key(report, &tenant.file, index, "part_size"),
                None => "backup.objects.part_size".to_owned(),
            };
            refuse(report, &tenant.file, key, reason);
        }
    }
}

/// As the file has it: one `[objects]`, or one of several `[[objects]]`.
fn placement_key(report: &Report, file: &Path, index: usize, key: &str) -> String {
    let listed = format!("objects[{index}].{key}");
    if report.line_of(file, &listed).is_some() { listed } else { format!("objects.{key}") }
}

/// The keys of one begin as those of the other do. An endpoint that goes by two names is two endpoints here; nobody asks the network.
fn lie_in_each_other(one: &PlacementConfig, other: &PlacementConfig) -> bool {
    match (&one.store, &other.store) {
        (ObjectStoreConfig::Disk { root: one_root }, ObjectStoreConfig::Disk { root: other_root }) => {
            let (one, other) = (one_root.join(&one.prefix), other_root.join(&other.prefix));
            one.starts_with(&other) || other.starts_with(&one)
        }
        (ObjectStoreConfig::S3(one_store), ObjectStoreConfig::S3(other_store)) => {
            let same_bucket = (&one_store.endpoint, &one_store.bucket) == (&other_store.endpoint, &other_store.bucket);
            same_bucket && (one.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&one.prefix))
        }
        (ObjectStoreConfig::Disk { .. }, ObjectStoreConfig::S3(_)) | (ObjectStoreConfig::S3(_), ObjectStoreConfig::Disk { .. }) => false,
    }
}
