//! The owner object: who removes objects from this placement.

use super::S3Store;
use super::fault;
use super::upload;
use crate::store::error::{StoreErrorKind, StoreResult};

/// Behind the prefix; no object of ours can be called so.
const OWNER: &str = ".sluss-owner";

/// An owner's name is far shorter.
const MAX_BYTES: i64 = 1024;

pub(super) async fn read(store: &S3Store) -> StoreResult<Option<String>> {
    let call = store.call_on("owner");
    let answer = match store.client.asking.get_object().bucket(&store.bucket).key(key(store)).send().await {
        Ok(answer) => answer,
        Err(error) if fault::is_no_such_key(&error) => return Ok(None),
        Err(error) => return Err(call.failed(&error)),
    };
    if answer.content_length().is_none_or(|length| length > MAX_BYTES) {
        return Err(call.error(StoreErrorKind::Corrupt, format!("{OWNER} is longer than {MAX_BYTES} bytes")));
    }
    let bytes = answer.body.collect().await.map_err(|error| call.error(StoreErrorKind::Unavailable, error))?.to_vec();
    String::from_utf8(bytes).map(Some).map_err(|_| call.error(StoreErrorKind::Corrupt, format!("{OWNER} holds no text")))
}

pub(super) async fn write(store: &S3Store, owner: &str) -> StoreResult<()> {
    let call = store.call_on("claim");
    let body = upload::body(owner.to_owned().into());
    let request = store.client.asking.put_object().bucket(&store.bucket).key(key(store)).content_type("text/plain").body(body);
    request.send().await.map_err(|error| call.failed(&error))?;
    Ok(())
}

fn key(store: &S3Store) -> String {
    format!("{}{OWNER}", store.prefix)
}
