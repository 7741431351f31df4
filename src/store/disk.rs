//! Objects as files on a local disk: one file an object, its content first, so that a person can open it as it is.
//! It never writes into a file that has its final name, and never blocks an async thread.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::doctor::Finding;
use super::error::{BoxError, ClientFault, Interrupted, StoreError, StoreErrorKind, StoreResult};
use super::object::{ByteStream, Note, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use crate::model::content::PIECE_BYTES;
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

mod folders;
mod listing;
mod note;
mod staging;
mod tail;

use folders::Folders;
use staging::Staging;

const STORE: &str = "disk";

/// Calls of one store that may block at once. A disk that hangs keeps a thread for each, and the databases of all tenants need
/// some of the 512 that tokio has for such work; a healthy disk is busy with fewer.
const MAX_BLOCKED: usize = 32;

/// What is that short is gathered first and becomes an object in one turn of a thread: the turns would cost more than the bytes.
const GATHERED_BYTES: u64 = 16 << 10;

/// One placement on local disk: `<root>/<prefix><2 hex>/<uuid>`.
#[derive(Debug, Clone)]
pub struct DiskStore {
    placement: PlacementName,
    folders: Arc<Folders>,
    threads: Arc<Semaphore>,
}

impl DiskStore {
    /// Creates the folders that are missing, durably, and removes what uploads that were killed more than a day ago left behind.
    ///
    /// Blocks: a process that serves already calls it in a blocking task.
    pub fn open(placement: PlacementName, root: &Path, prefix: &str) -> StoreResult<Self> {
        let threads = Arc::new(Semaphore::new(MAX_BLOCKED));
        let call = Call { operation: "open", target: placement.to_string(), threads: Arc::clone(&threads) };
        let folders = Folders::under(root, prefix).ok_or_else(|| {
            call.error(StoreErrorKind::Other, "the prefix is not a relative path: it may neither begin with '/' nor hold '..' or '.'")
        })?;
        folders::create_durably(folders.staging()).map_err(|error| call.io("create the folders", &error))?;
        staging::remove_leftovers(folders.staging());
        Ok(Self { placement, folders: Arc::new(folders), threads })
    }

    /// Begins a call on one object. Another placement's object is refused: its id says nothing here.
    fn call(&self, operation: &'static str, object: &ObjectRef) -> StoreResult<Call> {
        let call = Call { operation, target: object.to_string(), threads: Arc::clone(&self.threads) };
        self.own(&object.placement, call)
    }

    /// Begins a call on the placement itself.
    fn call_on(&self, operation: &'static str, placement: &PlacementName) -> StoreResult<Call> {
        let call = Call { operation, target: placement.to_string(), threads: Arc::clone(&self.threads) };
        self.own(placement, call)
    }

    fn own(&self, placement: &PlacementName, call: Call) -> StoreResult<Call> {
        if *placement == self.placement {
            return Ok(call);
        }
        let reason =
            format!("placement {placement} is not configured, only placement {} is: name it again in the tenant's file", self.placement);
        Err(call.error(StoreErrorKind::Other, reason))
    }

    async fn opened(&self, call: &Call, object: &ObjectRef) -> StoreResult<Option<Opened>> {
        let (folders, id) = (Arc::clone(&self.folders), object.id);
        call.run(move |call| {
            let file = match File::open(folders.object(&id)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return folders.check(call).map(|()| None),
                Err(error) => return Err(call.io("open the file", &error)),
            };
            let (length_bytes, meta) = tail::read(call, &file)?;
            Ok(Some(Opened { file: Arc::new(file), facts: ObjectFacts { length_bytes, meta } }))
        })
        .await
    }

    /// Publishes what was staged in one blocking task, which a dropped caller cannot stop halfway.
    async fn publish(&self, call: &Call, staging: Staging, key: &FreshKey, tail: Vec<u8>) -> StoreResult<()> {
        let path = self.folders.object(&key.object().id);
        call.run(move |call| {
            staging.write(&tail).map_err(|error| call.io("write the metadata", &error))?;
            staging.publish(call, &path)
        })
        .await
    }
}

#[async_trait]
impl ObjectStore for DiskStore {
    fn mint(&self) -> FreshKey {
        FreshKey::mint(self.placement.clone())
    }

    /// Portions go to the file as they come. A short content is gathered first: that copy has
    /// at most 16 KiB, and is not counted.
    fn upload_bytes(&self, _: Option<u64>) -> u64 {
        0
    }

    async fn put(&self, Upload { key, meta, length_bytes, content, .. }: Upload<'_>) -> Result<ObjectRef, PutError> {
        let call = self.call("put", key.object())?;
        let meta = tail::encode_meta(&call, &meta)?;
        let (folders, id) = (Arc::clone(&self.folders), key.object().id);
        if let Some(length_bytes) = length_bytes.filter(|length_bytes| *length_bytes <= GATHERED_BYTES) {
            let mut file = gather(length_bytes, content).await?;
            file.extend(tail::encode(&meta, length_bytes));
            call.run(move |call| {
                let staging = Staging::create(folders.staging(), &id).map_err(|error| call.io("begin a file", &error))?;
                staging.write(&file).map_err(|error| call.io("write the file", &error))?;
                staging.publish(call, &folders.object(&id))
            })
            .await?;
            return Ok(key.stored());
        }
        let mut staging =
            call.run(move |call| Staging::create(folders.staging(), &id).map_err(|error| call.io("begin a file", &error))).await?;
        match fill(&call, &mut staging, length_bytes, content).await {
            Ok(length_bytes) => self.publish(&call, staging, &key, tail::encode(&meta, length_bytes)).await?,
            Err(error) => {
                // Awaited here, so that a refused upload has left nothing behind when its caller hears of it.
                call.run(move |_| {
                    staging.remove();
                    Ok(())
                })
                .await?;
                return Err(error);
            }
        }
        Ok(key.stored())
    }

    /// A file is never uploaded in parts.
    async fn abort(&self, object: &ObjectRef, _: &PartsId) -> StoreResult<()> {
        self.call("abort", object).map(|_| ())
    }

    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let call = self.call("get", object)?;
        let Some(opened) = self.opened(&call, object).await? else { return Ok(None) };
        let length_bytes = opened.facts.length_bytes;
        if range.end > length_bytes {
            let reason = format!("the object has {length_bytes} bytes, and bytes {} to {} were asked for", range.start, range.end);
            return Err(call.error(StoreErrorKind::Corrupt, reason));
        }
        Ok(Some(portions(call, opened.file, range)))
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        let call = self.call("head", object)?;
        Ok(self.opened(&call, object).await?.map(|opened| opened.facts))
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        let call = self.call("delete", object)?;
        let (folders, id) = (Arc::clone(&self.folders), object.id);
        call.run(move |call| folders.remove_object(call, &id)).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        let mut answers = Vec::with_capacity(objects.len());
        for object in objects {
            answers.push(self.delete(object).await);
        }
        answers
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        let call = self.call_on("list", &self.placement)?;
        let (folders, placement, after) = (Arc::clone(&self.folders), self.placement.clone(), after.map(str::to_owned));
        call.run(move |call| listing::page(call, &folders, &placement, after.as_deref(), limit)).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        vec![self.placement.clone()]
    }

    /// Scratch objects say themselves that they are, and nothing else is to be told from them.
    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        self.call_on("scratch", placement)?;
        Ok(Arc::new(self.clone()))
    }

    async fn examine(&self, _: &PlacementName) -> Vec<Finding> {
        vec![Finding::ok("where it lies", self.folders.parent().display().to_string())]
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        let folders = Arc::clone(&self.folders);
        self.call_on("owner", placement)?.run(move |call| note::read(call, &folders, Note::Owner)).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        let (folders, owner) = (Arc::clone(&self.folders), owner.to_owned());
        self.call_on("claim", placement)?.run(move |call| note::write(call, &folders, Note::Owner, &owner)).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        let folders = Arc::clone(&self.folders);
        self.call_on("manifest list", placement)?.run(move |call| note::read(call, &folders, Note::Manifests)).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        let (folders, list) = (Arc::clone(&self.folders), list.to_owned());
        self.call_on("set manifest list", placement)?.run(move |call| note::write(call, &folders, Note::Manifests, &list)).await
    }
}

struct Opened {
    file: Arc<File>,
    facts: ObjectFacts,
}

fn broken() -> PutError {
    PutError::Content(Interrupted::Client(ClientFault::Broken))
}

/// The whole content, of the announced length.
async fn gather(announced: u64, mut content: ByteStream) -> Result<Vec<u8>, PutError> {
    let mut gathered = Vec::new();
    while let Some(portion) = content.next().await {
        gathered.extend_from_slice(&portion.map_err(PutError::Content)?);
        if gathered.len() as u64 > announced {
            return Err(broken());
        }
    }
    if (gathered.len() as u64) < announced { Err(broken()) } else { Ok(gathered) }
}

/// Writes the content portion by portion, and answers its length: the announced one, or the content is broken.
async fn fill(call: &Call, staging: &mut Staging, announced: Option<u64>, mut content: ByteStream) -> Result<u64, PutError> {
    let mut length_bytes = 0;
    while let Some(portion) = content.next().await {
        let portion = portion.map_err(PutError::Content)?;
        length_bytes += portion.len() as u64;
        if announced.is_some_and(|announced| length_bytes > announced) {
            return Err(broken());
        }
        staging.append(call, portion).await?;
    }
    if announced.is_some_and(|announced| length_bytes < announced) { Err(broken()) } else { Ok(length_bytes) }
}

/// Reads by position, one portion for each time the stream is asked. An object that is deleted meanwhile is read to its end.
fn portions(call: Call, file: Arc<File>, range: Range<u64>) -> ByteStream {
    Box::pin(stream::try_unfold(range, move |rest| {
        let (call, file) = (call.clone(), Arc::clone(&file));
        async move {
            if rest.is_empty() {
                return Ok(None);
            }
            let end = rest.end.min(rest.start + PIECE_BYTES as u64);
            let portion = call.run(move |call| read_portion(call, &file, rest.start..end)).await?;
            Ok(Some((portion, end..rest.end)))
        }
    }))
}

fn read_portion(call: &Call, file: &File, range: Range<u64>) -> StoreResult<Bytes> {
    let mut portion = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut portion, range.start).map_err(|error| call.io("read the content", &error))?;
    Ok(portion.into())
}

/// What is being done to what: the part of an error that is known before anything fails.
#[derive(Debug, Clone)]
struct Call {
    operation: &'static str,
    target: String,
    threads: Arc<Semaphore>,
}

impl Call {
    fn error(&self, kind: StoreErrorKind, reason: impl Into<BoxError>) -> StoreError {
        StoreError::new(STORE, self.operation, &self.target, kind).because(reason)
    }

    fn io(&self, step: &str, error: &io::Error) -> StoreError {
        self.error(kind_of(error), format!("{step}: {error}"))
    }

    /// Runs blocking work on a thread that is there for it, one of the store's own.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> StoreResult<T> + Send + 'static) -> StoreResult<T> {
        let call = self.clone();
        let place = Arc::clone(&self.threads).acquire_owned().await.expect("nobody closes the semaphore");
        let done = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, also where nobody waits for it any more.
            let _place = place;
            work(&call)
        });
        let done = done.await;
        done.unwrap_or_else(|error| Err(self.error(StoreErrorKind::Other, error)))
    }
}

/// In the words of what a caller can do about it.
fn kind_of(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Denied,
        // An object's own absence is an answer and never comes here: this is one of the store's folders.
        io::ErrorKind::NotFound => StoreErrorKind::Unavailable,
        // A file ends where its tail says: one that ends before was cut.
        io::ErrorKind::UnexpectedEof => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Other,
    }
}

#[cfg(test)]
mod tests;
