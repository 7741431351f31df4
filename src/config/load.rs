//! From files to a `Config`: all files are read, whatever is wrong with one of them, and no more of a file than is sane.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::across::{self, ReadTenant};
use super::problem::{ConfigProblems, Problem, Report};
use super::section::{Section, Source};
use super::{Config, gateway, tenant};
use crate::model::id::TenantId;

/// A thousand collections take less.
const MAX_FILE_BYTES: u64 = 1 << 20;

impl Config {
    /// Reads `sluss.toml` and every `tenants/*.toml` in the folder beside it. A configuration comes out whole and valid, or
    /// every problem of every file does.
    pub fn load(path: &Path) -> Result<Self, ConfigProblems> {
        let mut report = Report::default();
        let config = read(path, &mut report);
        report.conclude(config)
    }
}

pub(super) fn read(path: &Path, report: &mut Report) -> Option<Config> {
    let folder = path.parent().unwrap_or(Path::new("")).join("tenants");
    let files = tenant_files(&folder, report);
    let ids: BTreeSet<TenantId> = files.iter().filter_map(|file| tenant_id(file).ok()).collect();
    let gateway = read_file(path, report, |section| gateway::read(section, &ids));
    let tenants: Vec<ReadTenant> = files.into_iter().filter_map(|file| read_tenant(file, report)).collect();
    across::check(&tenants, gateway.as_ref().map(|gateway| gateway.limits.buffer_bytes), report);
    let gateway::Gateway { listeners, auth, control, limits, agents, shadow, upstream, routes, own_api } = gateway?;
    let tenants = tenants.into_iter().map(|tenant| tenant.config).collect();
    let file = path.to_owned();
    Some(Config { file, listeners, auth, control, limits, agents, shadow, upstream, routes, own_api, tenants })
}

fn refuse_file(report: &mut Report, file: &Path, line: Option<usize>, reason: String) {
    report.refuse(Problem { file: file.to_owned(), line, key: String::new(), reason });
}

/// The tenant files in the order of their names.
fn tenant_files(folder: &Path, report: &mut Report) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut files = match listed {
        Ok(files) => files,
        Err(error) => {
            refuse_file(report, folder, None, format!("cannot be listed: {error}"));
            return Vec::new();
        }
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        refuse_file(report, folder, None, "holds no tenant: each one has its file, <tenant>.toml".to_owned());
    }
    files
}

fn tenant_id(file: &Path) -> Result<TenantId, String> {
    let name = file.file_stem().and_then(|stem| stem.to_str()).ok_or("the file's name is not UTF-8")?;
    name.parse().map_err(|error| format!("the file's name is the tenant's, and {error}"))
}

fn read_tenant(file: PathBuf, report: &mut Report) -> Option<ReadTenant> {
    let id = tenant_id(&file).map_err(|reason| refuse_file(report, &file, None, reason)).ok();
    // A file whose name is refused is read all the same, so that its other problems are told, too.
    let stand_in = || "tenant".parse().expect("\"tenant\" is a name");
    let read_as = id.clone().unwrap_or_else(stand_in);
    let config = read_file(&file, report, |section| tenant::read(section, &read_as));
    id.and(config).map(|config| ReadTenant { file, config })
}

/// `None` only beside a problem.
fn read_file<T>(file: &Path, report: &mut Report, read: impl FnOnce(&mut Section<'_>) -> Option<T>) -> Option<T> {
    let text = text_of(file).map_err(|error| refuse_file(report, file, None, format!("cannot be read: {error}"))).ok()?;
    let source = Source::new(file, &text);
    match DeTable::parse(&text) {
        Ok(table) => Section::root(&source, table.get_ref(), report, read),
        Err(error) => {
            // Only the message: the parser's own display repeats the line, and with it whatever stands there.
            let line = error.span().map(|span| source.line(span.start));
            refuse_file(report, file, line, format!("is not TOML: {}", error.message().replace('\n', ", ")));
            None
        }
    }
}

fn text_of(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(text)
}
