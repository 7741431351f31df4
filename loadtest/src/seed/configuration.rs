//! A configuration that serves what was seeded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Manifest, SeedArgs, sql_server};

/// Writes it anew, and answers where it lies.
pub(super) fn write(args: &SeedArgs, manifest: &Manifest) -> anyhow::Result<PathBuf> {
    let folder = args.config_dir.clone().unwrap_or_else(|| args.folder.join("gateway-config"));
    fs::create_dir_all(folder.join("tenants")).context("make the configuration's folder")?;
    let base = fs::canonicalize(&args.folder)?;
    let gateway = format!(
        "auth = \"none\"\n\n[listeners]\ndocuments = \"{}\"\nadmin = \"{}\"\n\n[control]\ndatabase = \"sqlite:{}\"\n\n\
         [agents]\nconcurrency = {}\n",
        args.documents_listener,
        args.admin_listener,
        base.join("control.db").display(),
        args.concurrency
    );
    fs::write(folder.join("sluss.toml"), gateway)?;
    let objects = objects(args, &base)?;
    for tenant in 0..manifest.tenants as usize {
        let name = manifest.tenant(tenant);
        let (sql, table, revision) = match args.sql_server.section() {
            Some(section) => (section, sql_server::table(&name), "revision = \"rv\"\n"),
            None => (format!("[sql]\ndatabase = \"sqlite:{}\"\n", base.join(format!("{name}.db")).display()), "documents".to_owned(), ""),
        };
        let text = format!(
            "oldest_sql_backup = \"0s\"\n\n{sql}\n[collections.documents]\ntable = \"{table}\"\nid = \"id\"\nid_type = \"integer\"\n\
             content = \"content\"\n{revision}media_type = \"media_type\"\nfile_name = \"file_name\"\nmodified = \"modified_at\"\n\
             create = \"insert\"\ndefaults = {{ project = \"Load\" }}\n\n[objects]\n{objects}prefix = \"{name}/\"\n"
        );
        fs::write(folder.join(format!("tenants/{name}.toml")), text)?;
    }
    Ok(folder)
}

fn objects(args: &SeedArgs, base: &Path) -> anyhow::Result<String> {
    match &args.objects_section {
        Some(section) => fs::read_to_string(section).with_context(|| format!("read {}", section.display())),
        None => Ok(format!("disk = {:?}\n", args.objects.clone().unwrap_or_else(|| base.join("objects")))),
    }
}
