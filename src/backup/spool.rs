//! A manifest's file while it is made: packed into a temporary file, because its length and its hash go before its bytes.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::manifest::{Encoder, Gone, Header, Totals};
use crate::model::backup::Held;
use crate::model::content::{ContentHasher, Fingerprint};
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::object::ByteStream;

/// What is read of the file at once.
const PORTION_BYTES: usize = 64 << 10;

pub(super) struct Spool {
    encoder: Encoder,
    file: File,
    hasher: ContentHasher,
}

/// A file that is made.
pub(super) struct Spooled {
    pub(super) totals: Totals,
    pub(super) content: Fingerprint,
    file: File,
}

impl Spool {
    pub(super) fn new(header: &Header) -> StoreResult<Self> {
        let file = tempfile::tempfile().map_err(failed)?;
        Ok(Self { encoder: Encoder::new(header), file: File::from_std(file), hasher: ContentHasher::default() })
    }

    pub(super) fn held(&mut self, held: &Held) {
        self.encoder.held(held);
    }

    pub(super) fn gone(&mut self, gone: Gone) {
        self.encoder.gone(gone);
    }

    /// Lets go of what is packed by now.
    pub(super) async fn flush(&mut self) -> StoreResult<()> {
        let packed = self.encoder.take();
        self.hasher.update(&packed);
        self.file.write_all(&packed).await.map_err(failed)
    }

    pub(super) async fn finish(mut self, only_in_sql: u64) -> StoreResult<Spooled> {
        self.flush().await?;
        let (totals, rest) = self.encoder.finish(only_in_sql);
        self.hasher.update(&rest);
        self.file.write_all(&rest).await.map_err(failed)?;
        self.file.flush().await.map_err(failed)?;
        self.file.rewind().await.map_err(failed)?;
        Ok(Spooled { totals, content: self.hasher.finish(), file: self.file })
    }
}

impl Spooled {
    pub(super) fn into_content(self) -> ByteStream {
        Box::pin(stream::try_unfold(self.file, async |mut file| {
            let mut portion = vec![0; PORTION_BYTES];
            let read = file.read(&mut portion).await.map_err(|error| Interrupted::Store(failed(error)))?;
            portion.truncate(read);
            Ok((read > 0).then(|| (Bytes::from(portion), file)))
        }))
    }
}

fn failed(error: io::Error) -> StoreError {
    let kind = if error.kind() == io::ErrorKind::StorageFull { StoreErrorKind::Full } else { StoreErrorKind::Other };
    StoreError::new("temporary files", "keep", "a manifest", kind).because(error)
}
