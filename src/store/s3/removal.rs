//! Removing objects, one or many, and giving uploads up.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::fault::{self, Call};
use super::{S3Store, lock};
use crate::model::id::ObjectRef;
use crate::store::error::StoreResult;
use crate::store::object::PartsId;

/// S3 takes no more in one request.
const MOST: usize = 1000;

pub(super) async fn abort(store: &S3Store, object: &ObjectRef, PartsId(id): &PartsId) -> StoreResult<()> {
    let call = store.call("abort", object)?;
    let request = store.client.asking.abort_multipart_upload().bucket(&store.bucket).key(store.key(object)).upload_id(id);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) if fault::is_gone(&error) => Ok(()),
        Err(error) => Err(call.failed(&error)),
    }
}

pub(super) async fn delete(store: &S3Store, object: &ObjectRef) -> StoreResult<()> {
    if let Some(retention) = &store.retention {
        return lock::delete(store, retention, object).await;
    }
    let call = store.call("delete", object)?;
    match store.client.asking.delete_object().bucket(&store.bucket).key(store.key(object)).send().await {
        Ok(_) => Ok(()),
        Err(error) if fault::is_gone(&error) => Ok(()),
        Err(error) => Err(call.failed(&error)),
    }
}

pub(super) async fn delete_all(store: &S3Store, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
    let mut answers = Vec::with_capacity(objects.len());
    for batch in objects.chunks(MOST) {
        match together(store, batch).await {
            Some(removed) => answers.extend(removed),
            None => {
                for object in batch {
                    answers.push(delete(store, object).await);
                }
            }
        }
    }
    answers
}

/// One request. `None`: the store does not know it, or each object is to be looked at.
async fn together(store: &S3Store, objects: &[ObjectRef]) -> Option<Vec<StoreResult<()>>> {
    if store.retention.is_some() {
        return None;
    }
    let calls: Vec<StoreResult<Call>> = objects.iter().map(|object| store.call("delete", object)).collect();
    if objects.is_empty() || calls.iter().any(Result::is_err) {
        return Some(calls.into_iter().map(|call| call.map(|_| ())).collect());
    }
    let calls: Vec<Call> = calls.into_iter().flatten().collect();
    let named = objects.iter().map(|object| ObjectIdentifier::builder().key(store.key(object)).build());
    let removal = named.collect::<Result<Vec<_>, _>>().and_then(|keys| Delete::builder().set_objects(Some(keys)).quiet(true).build());
    let removal = removal.expect("every object has a key");
    match store.client.asking.delete_objects().bucket(&store.bucket).delete(removal).send().await {
        Ok(answer) => {
            let left = answer.errors();
            let judged = objects.iter().zip(&calls).map(|(object, call)| {
                let key = store.key(object);
                match left.iter().find(|error| error.key() == Some(&key)) {
                    // An object that is gone is what was asked for.
                    None => Ok(()),
                    Some(error) if error.code() == Some("NoSuchKey") => Ok(()),
                    Some(error) => {
                        let (code, words) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
                        let status = if code == "AccessDenied" { 403 } else { 200 };
                        Err(call.error(fault::kind(status, code, None), format!("{code}: {words}")))
                    }
                }
            });
            Some(judged.collect())
        }
        // Some want a digest of the list that the SDK does not send.
        Err(error) if matches!(fault::status(&error), Some(400 | 405 | 411 | 501)) => None,
        Err(error) => Some(calls.iter().map(|call| Err(call.failed(&error))).collect()),
    }
}
