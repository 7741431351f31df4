//! The owner object on disk: a small file that says who removes objects from the placement.

use std::fs::File;
use std::io::{self, Read, Write};

use uuid::Uuid;

use super::Call;
use super::folders::{self, Folders};
use crate::store::error::{StoreErrorKind, StoreResult};

/// An owner's name is far shorter.
const MAX_BYTES: u64 = 1024;

/// Blocks.
pub(super) fn read(call: &Call, folders: &Folders) -> StoreResult<Option<String>> {
    let file = match File::open(folders.owner()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return folders.check(call).map(|()| None),
        Err(error) => return Err(call.io("open the owner's file", &error)),
    };
    let mut owner = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut owner).map_err(|error| call.io("read the owner's file", &error))?;
    match String::from_utf8(owner) {
        Ok(owner) => Ok(Some(owner)),
        Err(_) => Err(call.error(StoreErrorKind::Corrupt, "the owner's file holds no text")),
    }
}

/// Durable on return: a crash leaves the old name or the new one. Blocks.
pub(super) fn write(call: &Call, folders: &Folders, owner: &str) -> StoreResult<()> {
    folders.check(call)?;
    let staged = folders.staging().join(Uuid::now_v7().to_string());
    let written = || {
        let mut file = File::create_new(&staged)?;
        file.write_all(owner.as_bytes())?;
        file.sync_all()?;
        folders::rename_durably(&staged, &folders.owner())
    };
    written().map_err(|error| call.io("write the owner's file", &error))
}
