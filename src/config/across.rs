//! Rules between one table and another: what two tenants, or two collections, must not share. Single files are judged elsewhere.

use std::path::{Path, PathBuf};

use super::problem::{Problem, Report};
use super::tenant::same_identifier;
use super::{CollectionConfig, ObjectStoreConfig, SqlConfig, TenantConfig};

/// A tenant and the file that it comes from.
pub(super) struct ReadTenant {
    pub(super) file: PathBuf,
    pub(super) config: TenantConfig,
}

/// Refuses the later of each two that get in each other's way.
pub(super) fn check(tenants: &[ReadTenant], report: &mut Report) {
    for (index, tenant) in tenants.iter().enumerate() {
        let earlier = &tenants[..index];
        refuse_shared_tables(tenant, earlier, report);
        if let Some(other) = earlier.iter().find(|other| objects_overlap(&tenant.config, &other.config)) {
            let reason = format!("the folder of these objects and that of tenant {} contain each other", other.config.id);
            refuse(report, &tenant.file, "objects.prefix".to_owned(), reason);
        }
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
        if let Some((owner, taken)) = candidates.chain(beside).find(|(_, taken)| same_table(taken, collection)) {
            let reason = format!("{:?} is the table of {owner}/{}, too", collection.table, taken.name);
            refuse(report, &tenant.file, format!("collections.{}.table", collection.name), reason);
        }
    }
}

fn same_table(one: &CollectionConfig, other: &CollectionConfig) -> bool {
    same_identifier(&one.table, &other.table)
}

fn database(tenant: &TenantConfig) -> &Path {
    match &tenant.sql {
        SqlConfig::Sqlite(sqlite) => &sqlite.path,
    }
}

fn objects_overlap(one: &TenantConfig, other: &TenantConfig) -> bool {
    let (one, other) = (objects_folder(one), objects_folder(other));
    one.starts_with(&other) || other.starts_with(&one)
}

fn objects_folder(tenant: &TenantConfig) -> PathBuf {
    match &tenant.objects.store {
        ObjectStoreConfig::Disk { root } => root.join(&tenant.objects.prefix),
    }
}
