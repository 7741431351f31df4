//! The bytes of a version, from wherever it is: staging, or its object. When an agent brings it there under the read, they go on from
//! the object at the same offset.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::checked::open_checked_object;
use super::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use super::object::{ByteStream, ObjectStore};
use super::sql::SqlStore;
use crate::model::history::{Kept, Version};
use crate::model::id::DocKey;

/// Looks at the version before its bytes are given up. It moves once in its life: from staging to the object store.
const MAX_LOOKS: u32 = 4;

/// Why the bytes of a version could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the version is no more")]
    Gone,
    #[error("the version moved on again and again")]
    Unsettled,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Lost> for Interrupted {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Gone | Lost::Unsettled => Self::Moved,
            Lost::Store(error) => Self::Store(error),
        }
    }
}

/// Bytes from `at` to `end` of a version that is followed to where it goes.
pub struct Following {
    pub sql: Arc<dyn SqlStore>,
    pub objects: Arc<dyn ObjectStore>,
    /// As its row spells it.
    pub key: DocKey,
    pub version: Version,
    pub at: u64,
    pub end: u64,
}

impl Following {
    /// What is left of the bytes, of which the first are there.
    pub async fn open(&mut self) -> Result<ByteStream, Lost> {
        let mut missing = None;
        for _ in 0..MAX_LOOKS {
            if let Some(content) = open(&*self.sql, &*self.objects, &self.version, self.at..self.end).await? {
                return Ok(content);
            }
            // An error only when the version still names the same place after another look: bytes leave theirs in the transaction that
            // names another one, or gives the version up.
            if missing.as_ref() == Some(&self.version.kept) {
                return Err(self.corrupt("its bytes are not where they were kept").into());
            }
            missing = Some(self.version.kept.clone());
            self.version = self.sql.version(&self.key, &self.version.stamp).await?.ok_or(Lost::Gone)?;
        }
        Err(Lost::Unsettled)
    }

    /// The bytes as they come, after `content` is open. They are all there, or the stream ends in an error.
    pub fn into_stream(self, content: ByteStream) -> impl Stream<Item = Result<Bytes, Lost>> + Send {
        stream::try_unfold((self, content), |(mut following, mut content)| async move {
            let portion = following.next(&mut content).await?;
            Ok(portion.map(|portion| (portion, (following, content))))
        })
    }

    async fn next(&mut self, content: &mut ByteStream) -> Result<Option<Bytes>, Lost> {
        for _ in 0..MAX_LOOKS {
            if self.at >= self.end {
                return Ok(None);
            }
            match content.next().await {
                Some(Ok(portion)) => {
                    self.at += portion.len() as u64;
                    return Ok(Some(portion));
                }
                Some(Err(Interrupted::Store(error))) => return Err(error.into()),
                Some(Err(Interrupted::Moved | Interrupted::Client(_))) => *content = self.open().await?,
                None => return Err(self.corrupt("it is shorter than its length").into()),
            }
        }
        Err(Lost::Unsettled)
    }

    fn corrupt(&self, reason: &str) -> StoreError {
        let store = match self.version.kept {
            Kept::Empty | Kept::Staged(_) => "sql",
            Kept::Object { .. } => "object",
        };
        let what = format!("version {} of {}", self.version.stamp, self.key);
        StoreError::new(store, "read", what, StoreErrorKind::Corrupt).because(reason)
    }
}

/// Content of a version from a range of it. `None`: it is not where it was said to be.
async fn open(sql: &dyn SqlStore, objects: &dyn ObjectStore, version: &Version, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
    match &version.kept {
        Kept::Empty => Ok(Some(Box::pin(stream::empty()))),
        Kept::Object { object, content } => open_checked_object(objects, object, content, range).await,
        Kept::Staged(attempt) => {
            let mut content = cut(sql.open_staged(*attempt, range.start).await?, range.end - range.start);
            match content.next().await {
                None | Some(Err(Interrupted::Moved | Interrupted::Client(_))) => Ok(None),
                Some(Err(Interrupted::Store(error))) => Err(error),
                Some(first) => Ok(Some(Box::pin(stream::iter([first]).chain(content)))),
            }
        }
    }
}

/// The first `length` bytes.
fn cut(content: ByteStream, length: u64) -> ByteStream {
    Box::pin(stream::try_unfold((content, length), async |(mut content, left)| {
        if left == 0 {
            return Ok(None);
        }
        let Some(mut portion) = content.try_next().await? else { return Ok(None) };
        portion.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - portion.len() as u64;
        Ok(Some((portion, (content, left))))
    }))
}
