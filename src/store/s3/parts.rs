//! One upload in parts: several at once as far as there is memory, given up by name where it fails.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::fault::{self, Call};
use super::upload::{self, Cutter};
use super::{S3Store, lock, metadata, removal};
use crate::budget::Grant;
use crate::model::id::ObjectRef;
use crate::store::error::{Interrupted, StoreErrorKind, StoreResult};
use crate::store::object::{ObjectMeta, PartsId, PartsLog, PutError};

pub(super) struct Parts<'a> {
    store: &'a S3Store,
    call: Call,
    object: &'a ObjectRef,
    id: PartsId,
    /// Dropped with the upload, and the requests with it.
    running: JoinSet<StoreResult<Sent>>,
    done: Vec<CompletedPart>,
    /// The memory of one part is the caller's, and taken before the upload began. It is free when no part is in it.
    own_memory_is_free: bool,
}

struct Sent {
    part: CompletedPart,
    /// Spare memory goes back when the part is done; the caller's own is for the next one.
    was_own_memory: bool,
}

impl<'a> Parts<'a> {
    /// The name is written down before the first part leaves.
    pub(super) async fn begin(
        store: &'a S3Store,
        object: &'a ObjectRef,
        meta: &ObjectMeta,
        log: &dyn PartsLog,
    ) -> Result<Parts<'a>, PutError> {
        let call = store.call("put", object)?;
        let request = store.client.asking.create_multipart_upload().bucket(&store.bucket).key(store.key(object));
        let request = match &store.retention {
            Some(retention) => request.object_lock_mode(retention.mode()).object_lock_retain_until_date(retention.until()),
            None => request,
        };
        let begun = request.set_metadata(Some(metadata::write(meta))).send().await.map_err(|error| call.failed(&error))?;
        let Some(id) = begun.upload_id.filter(|id| !id.is_empty()) else {
            return Err(call.error(StoreErrorKind::Other, "the store began an upload in parts and gave it no name").into());
        };
        let parts = Parts { store, call, object, id: PartsId(id), running: JoinSet::new(), done: Vec::new(), own_memory_is_free: true };
        match log.begun(object, &parts.id).await {
            Ok(true) => Ok(parts),
            Ok(false) => Err(parts.given_up(PutError::Content(Interrupted::Moved)).await),
            // The other store's failure, as of a content that broke: it says nothing of this one.
            Err(error) => Err(parts.given_up(PutError::Content(Interrupted::Store(error))).await),
        }
    }

    pub(super) async fn all(mut self, first: Bytes, mut content: Cutter) -> Result<(), PutError> {
        match self.send_all(first, &mut content).await {
            Ok(()) => {
                if let Some(retention) = &self.store.retention {
                    lock::hold(self.store, retention, &self.call, self.object).await?;
                }
                upload::confirm(self.store, &self.call, self.object, content.seen_bytes()).await
            }
            Err(error) => Err(self.given_up(error).await),
        }
    }

    async fn send_all(&mut self, first: Bytes, content: &mut Cutter) -> Result<(), PutError> {
        let mut next = Some(first);
        let mut memory = self.memory().await?;
        let mut number = 0;
        while let Some(part) = next {
            number += 1;
            self.send(number, part, memory);
            if content.is_at_end().await? {
                break;
            }
            memory = self.memory().await?;
            next = content.next().await?;
        }
        while !self.running.is_empty() {
            self.one_done().await?;
        }
        self.complete().await
    }

    /// The caller's own, or some that is spare; else that of a part under way, once it is done.
    async fn memory(&mut self) -> Result<Option<Grant>, PutError> {
        loop {
            if std::mem::take(&mut self.own_memory_is_free) {
                return Ok(None);
            }
            if self.running.len() < self.store.parallel_parts
                && let Some(spare) = self.store.budget.spare(self.store.part_bytes as u64)
            {
                return Ok(Some(spare));
            }
            self.one_done().await?;
        }
    }

    fn send(&mut self, number: i32, part: Bytes, memory: Option<Grant>) {
        let request = self.store.client.sending.upload_part().bucket(&self.store.bucket).key(self.store.key(self.object));
        let digest = self.store.retention.as_ref().and_then(|_| lock::digest(&part));
        let request = request.upload_id(&self.id.0).part_number(number).set_content_md5(digest).body(upload::body(part));
        let call = self.call.clone();
        self.running.spawn(async move {
            let sent = request.send().await.map_err(|error| call.failed(&error))?;
            let part = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build();
            Ok(Sent { part, was_own_memory: memory.is_none() })
        });
    }

    async fn one_done(&mut self) -> Result<(), PutError> {
        match self.running.join_next().await {
            Some(Ok(sent)) => {
                let Sent { part, was_own_memory } = sent?;
                self.own_memory_is_free |= was_own_memory;
                self.done.push(part);
                Ok(())
            }
            Some(Err(error)) => Err(self.call.error(StoreErrorKind::Other, error).into()),
            None => Ok(()),
        }
    }

    async fn complete(&mut self) -> Result<(), PutError> {
        self.done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.done))).build();
        let request = self.store.client.sending.complete_multipart_upload().bucket(&self.store.bucket).key(self.store.key(self.object));
        match request.upload_id(&self.id.0).multipart_upload(parts).send().await {
            Ok(_) => Ok(()),
            // The answer to an attempt that succeeded may be lost, and then there is no such upload any more. The object tells.
            Err(error) if fault::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(self.call.failed(&error).into()),
        }
    }

    /// As far as the store can be reached; the collector comes after.
    async fn given_up(mut self, error: PutError) -> PutError {
        self.running.shutdown().await;
        if let Err(left) = removal::abort(self.store, self.object, &self.id).await {
            tracing::debug!("parts of {} are left to the collector: {}", self.object, left.chain());
        }
        error
    }
}
