//! Walks the names under a placement's prefix.

use super::{RESERVED, S3Store};
use crate::model::id::{ObjectId, ObjectRef};
use crate::store::error::StoreResult;
use crate::store::object::{ListedObject, ObjectPage};

/// S3 gives no more in one answer.
const MOST: usize = 1000;

pub(super) async fn page(store: &S3Store, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
    let call = store.call_on("list");
    let mut request = store.client.asking.list_objects_v2().bucket(&store.bucket).prefix(&store.prefix);
    if let Some(after) = after {
        request = request.start_after(format!("{}{after}", store.prefix));
    }
    let most = i32::try_from(limit.min(MOST)).unwrap_or(i32::MAX);
    let answer = request.max_keys(most).send().await.map_err(|error| call.failed(&error))?;
    let mut page = ObjectPage::default();
    for listed in answer.contents() {
        let Some(name) = listed.key().and_then(|key| key.strip_prefix(&store.prefix)) else { continue };
        let id = name.split_once('/').and_then(|(_, id)| id.parse::<ObjectId>().ok()).filter(|id| id.path() == name);
        let stored_bytes = listed.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        match id {
            Some(id) => page.objects.push(ListedObject { object: ObjectRef { placement: store.placement.clone(), id }, stored_bytes }),
            None if name.starts_with(RESERVED) => {}
            None => page.foreign.push(name.to_owned()),
        }
    }
    if answer.is_truncated() == Some(true) {
        let last = answer.contents().last().and_then(|listed| listed.key());
        page.next = last.and_then(|key| key.strip_prefix(&store.prefix)).map(str::to_owned);
    }
    Ok(page)
}
