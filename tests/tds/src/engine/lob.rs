//! Long `varbinary(max)` values: a row holds a short reference, the bytes lie in a file beside the database. A value never changes, so
//! copying one copies its reference, and appending to one writes only the piece. Values that nobody refers to any more stay.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::types::{Value, ValueRef};

use super::error::{Result, error};

/// Up to this many bytes a value stays in its row.
pub const INLINE: usize = 64 * 1024;
/// What a value can have at most.
const MAX: u64 = i32::MAX as u64;
const PREFIX: &str = "lob:";

pub struct Lobs {
    folder: PathBuf,
    next: AtomicU64,
    /// Who appends sees whether the file ends where the value ends; nobody else may write in between.
    appending: Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
enum Content<'a> {
    Inline(&'a [u8]),
    File { number: u64, length: u64 },
}

impl Content<'_> {
    fn length(self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::File { length, .. } => length,
        }
    }
}

impl Lobs {
    pub fn beside(database: &Path) -> io::Result<Self> {
        let mut folder = database.as_os_str().to_owned();
        folder.push("-lobs");
        fs::create_dir_all(&folder)?;
        let mut next = 1;
        for entry in fs::read_dir(&folder)? {
            let number: u64 = entry?.file_name().to_string_lossy().parse().unwrap_or(0);
            next = next.max(number + 1);
        }
        Ok(Self { folder: folder.into(), next: AtomicU64::new(next), appending: Mutex::new(()) })
    }

    /// The length of a value in bytes; `None` for NULL.
    pub fn length(value: ValueRef<'_>) -> Option<u64> {
        content(value).map(Content::length)
    }

    /// What a row holds for a value: long ones go to a file.
    pub fn kept(&self, value: Value) -> Result<Value> {
        match value {
            Value::Blob(bytes) if bytes.len() > INLINE => {
                let number = self.create(&[]).map_err(failed)?;
                self.extend(number, 0, &bytes).map_err(failed)?;
                Ok(reference(number, bytes.len() as u64))
            }
            other => Ok(other),
        }
    }

    /// The whole value in memory.
    pub fn whole(&self, value: ValueRef<'_>) -> Result<Option<Vec<u8>>> {
        self.slice(value, 0, MAX)
    }

    /// At most `length` bytes from an offset, and no more in memory than those.
    pub fn slice(&self, value: ValueRef<'_>, from: u64, length: u64) -> Result<Option<Vec<u8>>> {
        let Some(content) = content(value) else { return Ok(None) };
        let end = from.saturating_add(length).min(content.length());
        let from = from.min(end);
        self.read(content, from, end).map(Some).map_err(failed)
    }

    fn read(&self, content: Content<'_>, from: u64, end: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(end - from).map_err(io::Error::other)?;
        match content {
            Content::Inline(bytes) => {
                let from = usize::try_from(from).map_err(io::Error::other)?;
                Ok(bytes[from..from + length].to_vec())
            }
            Content::File { number, .. } => {
                let mut file = File::open(self.path(number))?;
                file.seek(SeekFrom::Start(from))?;
                let mut bytes = vec![0; length];
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// `.WRITE(piece, offset, length)`: `offset` NULL appends, `length` NULL replaces up to the end.
    pub fn write(&self, value: ValueRef<'_>, piece: ValueRef<'_>, offset: Option<u64>, length: Option<u64>) -> Result<Value> {
        let Some(old) = content(value) else {
            return Err(error(6522, "Cannot call WRITE on a NULL value: the column must have a value first."));
        };
        let piece = match content(piece) {
            Some(Content::Inline(bytes)) => bytes.to_vec(),
            Some(long) => self.read(long, 0, long.length()).map_err(failed)?,
            // A NULL piece cuts the value at the offset.
            None => Vec::new(),
        };
        let offset = offset.unwrap_or(old.length());
        if offset > old.length() {
            return Err(error(5504, "The offset of WRITE is beyond the end of the value."));
        }
        let after = length.map_or(old.length(), |length| offset.saturating_add(length).min(old.length()));
        if offset + piece.len() as u64 + (old.length() - after) > MAX {
            return Err(error(7119, "Attempting to grow LOB beyond maximum allowed size of 2147483647 bytes."));
        }
        self.written(old, &piece, offset, after).map_err(failed)
    }

    fn written(&self, old: Content<'_>, piece: &[u8], offset: u64, after: u64) -> io::Result<Value> {
        let _alone = self.appending.lock().map_err(|_| io::Error::other("a writer has died"))?;
        if let Content::File { number, length } = old
            && offset == length
            && fs::metadata(self.path(number))?.len() == length
        {
            self.extend(number, offset, piece)?;
            return Ok(reference(number, length + piece.len() as u64));
        }
        if let Content::Inline(bytes) = old {
            let (start, end) = (usize::try_from(offset).unwrap_or(bytes.len()), usize::try_from(after).unwrap_or(bytes.len()));
            let whole = [&bytes[..start], piece, &bytes[end.max(start)..]].concat();
            if whole.len() <= INLINE {
                return Ok(Value::Blob(whole));
            }
            let number = self.create(&whole)?;
            return Ok(reference(number, whole.len() as u64));
        }
        // Another value shares the file, or the middle of this one changes: a file of its own.
        let number = self.create(&[])?;
        let mut length = self.copy(old, 0, offset, number, 0)?;
        self.extend(number, length, piece)?;
        length += piece.len() as u64;
        length = self.copy(old, after.max(offset), old.length(), number, length)?;
        Ok(reference(number, length))
    }

    fn copy(&self, from: Content<'_>, mut at: u64, end: u64, number: u64, mut length: u64) -> io::Result<u64> {
        while at < end {
            let bytes = self.read(from, at, end.min(at + (1 << 20)))?;
            self.extend(number, length, &bytes)?;
            at += bytes.len() as u64;
            length += bytes.len() as u64;
        }
        Ok(length)
    }

    fn create(&self, bytes: &[u8]) -> io::Result<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        OpenOptions::new().write(true).create_new(true).open(self.path(number))?.write_all(bytes)?;
        Ok(number)
    }

    fn extend(&self, number: u64, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(self.path(number))?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }
}

/// A value of a binary type is bytes or a reference, which is a text: no binary column ever holds another one.
fn content(value: ValueRef<'_>) -> Option<Content<'_>> {
    match value {
        ValueRef::Blob(bytes) => Some(Content::Inline(bytes)),
        ValueRef::Text(text) => {
            let (number, length) = std::str::from_utf8(text).ok()?.strip_prefix(PREFIX)?.split_once(':')?;
            Some(Content::File { number: number.parse().ok()?, length: length.parse().ok()? })
        }
        _ => None,
    }
}

fn reference(number: u64, length: u64) -> Value {
    Value::Text(format!("{PREFIX}{number}:{length}"))
}

#[allow(clippy::needless_pass_by_value)] // Used as a function for map_err.
fn failed(cause: io::Error) -> crate::value::ServerError {
    error(823, format!("The operating system returned an error for a file of long values: {cause}."))
}
