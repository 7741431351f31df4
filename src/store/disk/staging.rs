//! A file on its way to be an object. Until it is published nobody can find it, and if it never is, it goes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{Call, folders};
use crate::clock::{Clock, SystemClock};
use crate::model::id::ObjectId;
use crate::store::error::{StoreErrorKind, StoreResult};

/// Bytes after which the file is flushed on the way: else the last fsync of a large object would take longer than a store may be silent.
const SYNC_EVERY_BYTES: u64 = 64 << 20;

/// As long as the collector lets an upload be before it counts as abandoned. An upload that still moves keeps its file's time new.
const LEFTOVER_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The staged file of one upload. Dropping it removes the file.
#[derive(Debug)]
pub(super) struct Staging {
    file: Arc<File>,
    /// `None` once the name is gone.
    path: Option<PathBuf>,
    unsynced_bytes: u64,
}

impl Staging {
    pub(super) fn create(folder: &Path, id: &ObjectId) -> io::Result<Self> {
        let path = folder.join(id.to_string());
        let file = File::create_new(&path)?;
        Ok(Self { file: Arc::new(file), path: Some(path), unsynced_bytes: 0 })
    }

    pub(super) async fn append(&mut self, call: &Call, portion: Bytes) -> StoreResult<()> {
        let file = Arc::clone(&self.file);
        self.unsynced_bytes += portion.len() as u64;
        let sync = self.unsynced_bytes >= SYNC_EVERY_BYTES;
        if sync {
            self.unsynced_bytes = 0;
        }
        call.run(move |call| {
            (&*file).write_all(&portion).map_err(|error| call.io("write the content", &error))?;
            if sync { file.sync_data().map_err(|error| call.io("sync the content", &error)) } else { Ok(()) }
        })
        .await
    }

    /// Blocks.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(bytes)
    }

    /// Atomic and durable on return: all of the file stands under `path`. Refuses a name that is taken. Blocks.
    pub(super) fn publish(mut self, call: &Call, path: &Path) -> StoreResult<()> {
        self.file.sync_all().map_err(|error| call.io("sync the file", &error))?;
        let staged = self.path.take().expect("only publish and remove take the path, and both end the staging");
        let linked = folders::link_durably(&staged, path);
        remove_best_effort(&staged);
        linked.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => call.error(StoreErrorKind::Other, "the key holds an object already"),
            _ => call.io("link the file to its final name", &error),
        })
    }

    /// Blocks.
    pub(super) fn remove(mut self) {
        if let Some(path) = self.path.take() {
            remove_best_effort(&path);
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        // An upload that was dropped midway is dropped on an async thread, which must not wait for a disk.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove_best_effort(&path))),
            Err(_) => remove_best_effort(&path),
        }
    }
}

/// What stays behind takes room and nothing else, and goes a day later.
fn remove_best_effort(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("a staged file stays behind for a day: {}: {error}", path.display());
    }
}

/// Removes what uploads of killed processes left. Another process may be at the same, or in the middle of an upload.
pub(super) fn remove_leftovers(folder: &Path) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return tracing::warn!("leftovers stay in {}: {error}", folder.display()),
    };
    for entry in entries.flatten() {
        // Beside files of ours nothing lies there; whatever else somebody put there is theirs.
        let ours = entry.file_name().to_str().is_some_and(|name| name.parse::<ObjectId>().is_ok());
        if ours && entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(is_leftover) {
            remove_best_effort(&entry.path());
        }
    }
}

/// By the machine's clock, which gave the file its time.
fn is_leftover(modified: SystemTime) -> bool {
    Timestamp::try_from(modified).is_ok_and(|modified| SystemClock.now().duration_since(modified) > LEFTOVER_AFTER)
}
