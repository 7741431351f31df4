//! Walks a placement's names in their order, one page in memory at a time. It opens no object.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::Call;
use super::folders::Folders;
use crate::model::id::{ObjectId, ObjectRef, PlacementName};
use crate::store::error::StoreResult;
use crate::store::object::{ListedObject, ObjectPage};

/// Keys are `<2 hex>/<uuid>`, as `ObjectId::path` makes them; what is named otherwise is foreign. Blocks.
pub(super) fn page(
    call: &Call,
    folders: &Folders,
    placement: &PlacementName,
    after: Option<&str>,
    limit: usize,
) -> StoreResult<ObjectPage> {
    // A volume that is not mounted would look like a store without objects.
    folders.check(call)?;
    let mut page = ObjectPage::default();
    let mut at = Place::of(after);
    let mut left = limit;
    while left > 0 {
        let Some(folder) = next_name(call, folders, &at)? else { return Ok(page) };
        let inside = at.inside(&folder);
        let names = if is_shard(&folder) { smallest(call, &folders.beneath(&folder), &inside, left)? } else { None };
        at = match names {
            None => {
                page.foreign.push(folder.clone());
                left -= 1;
                Place::Behind(folder)
            }
            Some(names) => {
                names.iter().for_each(|name| sort_in(&mut page, folders, placement, &folder, name));
                let whole = names.len() < left;
                left -= names.len();
                match names.last() {
                    Some(last) if !whole => Place::Inside(folder, last.clone()),
                    Some(_) | None => Place::Behind(folder),
                }
            }
        };
    }
    page.next = Some(at.to_string());
    Ok(page)
}

/// Where a walk has come to.
enum Place {
    Behind(String),
    /// In this folder, behind this name.
    Inside(String, String),
}

impl Place {
    fn of(after: Option<&str>) -> Self {
        match after.and_then(|after| after.split_once('/')) {
            Some((folder, name)) => Self::Inside(folder.to_owned(), name.to_owned()),
            None => Self::Behind(after.unwrap_or_default().to_owned()),
        }
    }

    fn comes_before(&self, name: &str) -> bool {
        match self {
            Self::Behind(done) => name > done.as_str(),
            Self::Inside(folder, _) => name >= folder.as_str(),
        }
    }

    fn inside(&self, name: &str) -> String {
        match self {
            Self::Inside(folder, done) if folder == name => done.clone(),
            Self::Inside(..) | Self::Behind(_) => String::new(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind(name) => f.write_str(name),
            Self::Inside(folder, name) => write!(f, "{folder}/{name}"),
        }
    }
}

fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn sort_in(page: &mut ObjectPage, folders: &Folders, placement: &PlacementName, folder: &str, name: &str) {
    let key = format!("{folder}/{name}");
    let id = name.parse::<ObjectId>().ok().filter(|id| id.path() == key);
    let facts = fs::symlink_metadata(folders.beneath(&key));
    match (id, facts) {
        // Removed since it was listed.
        (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
        (Some(id), Ok(facts)) if facts.is_file() => {
            page.objects.push(ListedObject { object: ObjectRef { placement: placement.clone(), id }, stored_bytes: facts.len() });
        }
        (_, Ok(_) | Err(_)) => page.foreign.push(key),
    }
}

/// The smallest name beside the objects' folders that the walk has not done with.
fn next_name(call: &Call, folders: &Folders, at: &Place) -> StoreResult<Option<String>> {
    let entries = fs::read_dir(folders.parent()).map_err(|error| call.io("list the folders", &error))?;
    let mut next: Option<String> = None;
    for entry in entries {
        let entry = entry.map_err(|error| call.io("list the folders", &error))?;
        let Some(name) = folders.name_of(&entry.path()) else { continue };
        if at.comes_before(&name) && next.as_ref().is_none_or(|next| name < *next) {
            next = Some(name);
        }
    }
    Ok(next)
}

/// The smallest names of a folder behind `after`, at most `limit`; `None`: it is no folder.
fn smallest(call: &Call, folder: &Path, after: &str, limit: usize) -> StoreResult<Option<BTreeSet<String>>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(BTreeSet::new())),
        Err(error) => return Err(call.io("list a folder", &error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(|error| call.io("list a folder", &error))?;
        let name = file_name(&entry.path());
        if name.as_str() > after {
            names.insert(name);
            if names.len() > limit {
                names.pop_last();
            }
        }
    }
    Ok(Some(names))
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
