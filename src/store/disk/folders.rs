//! Where a placement's files lie, and what makes a name in a folder durable. Nothing here knows what is in a file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Call;
use super::listing::file_name;
use crate::model::id::ObjectId;
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::object::Note;

/// What uploads under way are kept in, behind the prefix.
const STAGING: &str = ".staging";

/// A placement's paths: everything in it begins with `<root>/<prefix>`.
#[derive(Debug)]
pub(super) struct Folders {
    beginning: OsString,
    staging: PathBuf,
}

impl Folders {
    /// `None` for a prefix that could lead out of the root.
    pub(super) fn under(root: &Path, prefix: &str) -> Option<Self> {
        let stays_inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if prefix.contains('\0') || !Path::new(prefix).components().all(stays_inside) {
            return None;
        }
        // Put together as text, because a prefix need not end at a folder: `acme-` gives `acme-3f/`.
        let mut beginning = root.join("").into_os_string();
        beginning.push(prefix);
        let mut staging = beginning.clone();
        // Cannot be one of the objects' folders: those are two hex digits.
        staging.push(STAGING);
        Some(Self { beginning, staging: staging.into() })
    }

    pub(super) fn staging(&self) -> &Path {
        &self.staging
    }

    pub(super) fn object(&self, id: &ObjectId) -> PathBuf {
        let mut path = self.beginning.clone();
        path.push(id.path());
        path.into()
    }

    /// The folder that holds the objects' folders, and what belongs to other prefixes.
    pub(super) fn parent(&self) -> &Path {
        folder_of(&self.staging)
    }

    /// What a path in that folder is called behind the prefix; `None` where it is not ours, or is the store's own.
    pub(super) fn name_of(&self, path: &Path) -> Option<String> {
        let stem = file_name(&self.staging);
        let stem = stem.strip_suffix(STAGING).unwrap_or_default();
        file_name(path).strip_prefix(stem).filter(|name| *name != STAGING && !Note::is_one(name)).map(str::to_owned)
    }

    pub(super) fn beneath(&self, key: &str) -> PathBuf {
        let mut path = self.beginning.clone();
        path.push(key);
        path.into()
    }

    /// Tells an object that is gone from a volume that is: `open` left the staging folder there.
    pub(super) fn check(&self, call: &Call) -> StoreResult<()> {
        match fs::metadata(&self.staging) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(call.error(StoreErrorKind::Unavailable, "the store's own folder is gone: is its volume mounted?"))
            }
            Err(error) => Err(call.io("look for the store's own folder", &error)),
        }
    }

    pub(super) fn remove_object(&self, call: &Call, id: &ObjectId) -> StoreResult<()> {
        let path = self.object(id);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.check(call)?,
            Err(error) => return Err(call.io("remove the file", &error)),
        }
        // Also when it was gone: whoever removed it may have died before its removal was durable.
        match sync_folder(folder_of(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(call.io("sync the folder", &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Gives a finished file its final name, durably on return. Fails if the name is taken: a rename would overwrite.
pub(super) fn link_durably(from: &Path, to: &Path) -> io::Result<()> {
    let folder = folder_of(to);
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    fs::hard_link(from, to)?;
    sync_folder(folder)?;
    // Also where the folder was there: another process may have made it a moment ago and not have come to this line.
    sync_folder(folder_of(folder))
}

/// Replaces a file by a finished one, durably on return.
pub(super) fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(folder_of(to))
}

/// Creates a folder and those above it, durably on return.
pub(super) fn create_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    create_durably(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    sync_folder(above)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that a name stands in; the working folder for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}
