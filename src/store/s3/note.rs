//! Notes: small objects of ours beside the others, each replaced as a whole.

use super::S3Store;
use super::fault;
use super::upload;
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::object::Note;

pub(super) async fn read(store: &S3Store, operation: &'static str, note: Note) -> StoreResult<Option<String>> {
    let call = store.call_on(operation);
    let answer = match store.client.asking.get_object().bucket(&store.bucket).key(key(store, note)).send().await {
        Ok(answer) => answer,
        Err(error) if fault::is_no_such_key(&error) => return Ok(None),
        Err(error) => return Err(call.failed(&error)),
    };
    let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
    if length.is_none_or(|length| length > note.max_bytes()) {
        return Err(call.error(StoreErrorKind::Corrupt, note.too_long()));
    }
    let bytes = answer.body.collect().await.map_err(|error| call.error(StoreErrorKind::Unavailable, error))?.to_vec();
    note.read(bytes).map(Some).map_err(|reason| call.error(StoreErrorKind::Corrupt, reason))
}

pub(super) async fn write(store: &S3Store, operation: &'static str, note: Note, text: &str) -> StoreResult<()> {
    let call = store.call_on(operation);
    let body = upload::body(text.to_owned().into());
    let request = store.client.asking.put_object().bucket(&store.bucket).key(key(store, note)).content_type("text/plain").body(body);
    request.send().await.map_err(|error| call.failed(&error))?;
    Ok(())
}

fn key(store: &S3Store, note: Note) -> String {
    format!("{}{}", store.prefix, note.name())
}
