//! Notes on disk: small files of ours beside the objects, each replaced as a whole.

use std::fs::File;
use std::io::{self, Read, Write};

use uuid::Uuid;

use super::Call;
use super::folders::{self, Folders};
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::object::Note;

/// Blocks.
pub(super) fn read(call: &Call, folders: &Folders, note: Note) -> StoreResult<Option<String>> {
    let file = match File::open(folders.beneath(note.name())) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return folders.check(call).map(|()| None),
        Err(error) => return Err(call.io("open the note", &error)),
    };
    let mut text = Vec::new();
    file.take(note.max_bytes() + 1).read_to_end(&mut text).map_err(|error| call.io("read the note", &error))?;
    note.read(text).map(Some).map_err(|reason| call.error(StoreErrorKind::Corrupt, reason))
}

/// Durable on return: a crash leaves the old text or the new one. Blocks.
pub(super) fn write(call: &Call, folders: &Folders, note: Note, text: &str) -> StoreResult<()> {
    folders.check(call)?;
    let staged = folders.staging().join(Uuid::now_v7().to_string());
    let written = || {
        let mut file = File::create_new(&staged)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        folders::rename_durably(&staged, &folders.beneath(note.name()))
    };
    written().map_err(|error| call.io("write the note", &error))
}
