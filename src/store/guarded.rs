//! An object store behind a gate: a limit on requests at once, a breaker that spares a store which is out, and how long a read
//! had better wait before it asks another holder. Never retries, and never answers in the store's place.
//!
//! It stands around a metered store, whose deadlines end every call.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::Instant;

use super::doctor::Finding;
use super::error::{Interrupted, StoreError, StoreResult};
use super::object::{ByteStream, ObjectFacts, ObjectPage, ObjectStore, PartsId, PutError, Upload};
use crate::model::id::{FreshKey, ObjectRef, PlacementName};

mod breaker;
mod first_bytes;
mod gate;

use gate::Pass;
pub use gate::{GATE, Gate, GateHealth, GateSettings, GateState};

/// All that lies behind one gate fails at once while its store is out: `Unavailable`, with a reason that says since when.
pub struct GuardedObjects {
    inner: Arc<dyn ObjectStore>,
    gate: Arc<Gate>,
}

impl GuardedObjects {
    pub fn new(inner: Arc<dyn ObjectStore>, gate: Arc<Gate>) -> Self {
        Self { inner, gate }
    }

    /// Everything but content: one question, one answer.
    async fn ask<T>(&self, operation: &'static str, target: &str, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let mut pass = self.gate.enter(operation, target).await?;
        let answer = call.await;
        pass.ended(answer.as_ref().err());
        answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for GuardedObjects {
    fn mint(&self) -> FreshKey {
        self.inner.mint()
    }

    fn upload_bytes(&self, length_bytes: Option<u64>) -> u64 {
        self.inner.upload_bytes(length_bytes)
    }

    async fn put(&self, upload: Upload<'_>) -> Result<ObjectRef, PutError> {
        let mut pass = self.gate.enter("put", &upload.key.object().to_string()).await?;
        if pass.is_trial() {
            // An upload takes as long as its sender does. A short question finds out sooner whether the store is back.
            let look = self.inner.head(upload.key.object()).await;
            pass.ended(look.as_ref().err());
            look?;
        }
        let answer = self.inner.put(upload).await;
        match &answer {
            Ok(_) => pass.ended(None),
            Err(PutError::Store(error)) => pass.ended(Some(error)),
            // The sender's failure says nothing of the store.
            Err(PutError::Content(_)) => {}
        }
        answer
    }

    async fn abort(&self, object: &ObjectRef, parts: &PartsId) -> StoreResult<()> {
        self.ask("abort", &object.to_string(), self.inner.abort(object, parts)).await
    }

    /// Answers when the first portion is there, and holds its place until the stream has ended or is dropped.
    async fn get(&self, object: &ObjectRef, range: Range<u64>) -> StoreResult<Option<ByteStream>> {
        let pass = self.gate.enter("get", &object.to_string()).await?;
        let is_trial = pass.is_trial();
        let call = begin(Arc::clone(&self.inner), object.clone(), range, pass).boxed();
        Asked { call: Some(call), is_trial, gate: Arc::clone(&self.gate) }.await
    }

    async fn head(&self, object: &ObjectRef) -> StoreResult<Option<ObjectFacts>> {
        self.ask("head", &object.to_string(), self.inner.head(object)).await
    }

    async fn delete(&self, object: &ObjectRef) -> StoreResult<()> {
        self.ask("delete", &object.to_string(), self.inner.delete(object)).await
    }

    async fn delete_all(&self, objects: &[ObjectRef]) -> Vec<StoreResult<()>> {
        let Some(first) = objects.first() else { return Vec::new() };
        let mut pass = match self.gate.enter("delete", &first.to_string()).await {
            Ok(pass) => pass,
            Err(refusal) => return objects.iter().map(|object| Err(same(&refusal, object))).collect(),
        };
        let answers = self.inner.delete_all(objects).await;
        pass.ended(answers.iter().find_map(|answer| answer.as_ref().err()));
        answers
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> StoreResult<ObjectPage> {
        self.ask("list", "the placement's objects", self.inner.list(after, limit)).await
    }

    fn placements(&self) -> Vec<PlacementName> {
        self.inner.placements()
    }

    fn scratch(&self, placement: &PlacementName) -> StoreResult<Arc<dyn ObjectStore>> {
        Ok(Arc::new(Self::new(self.inner.scratch(placement)?, Arc::clone(&self.gate))))
    }

    /// Past the gate: it is an operator's question, what is wrong with this store.
    async fn examine(&self, placement: &PlacementName) -> Vec<Finding> {
        self.inner.examine(placement).await
    }

    async fn owner(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.ask("owner", &placement.to_string(), self.inner.owner(placement)).await
    }

    async fn claim(&self, placement: &PlacementName, owner: &str) -> StoreResult<()> {
        self.ask("claim", &placement.to_string(), self.inner.claim(placement, owner)).await
    }

    async fn manifest_list(&self, placement: &PlacementName) -> StoreResult<Option<String>> {
        self.ask("manifest list", &placement.to_string(), self.inner.manifest_list(placement)).await
    }

    async fn set_manifest_list(&self, placement: &PlacementName, list: &str) -> StoreResult<()> {
        self.ask("set manifest list", &placement.to_string(), self.inner.set_manifest_list(placement, list)).await
    }

    fn hedge_after(&self, _: &ObjectRef) -> Option<Duration> {
        Some(self.gate.hedge_after())
    }
}

/// The same refusal, of another object.
fn same(refusal: &StoreError, object: &ObjectRef) -> StoreError {
    let reason = refusal.source.as_ref().map(ToString::to_string).unwrap_or_default();
    StoreError::new(refusal.store, refusal.operation, object, refusal.kind).because(reason)
}

/// A read up to its first portion, which tells whether the store is there and how fast it is.
async fn begin(inner: Arc<dyn ObjectStore>, object: ObjectRef, range: Range<u64>, mut pass: Pass) -> StoreResult<Option<ByteStream>> {
    let asked = Instant::now();
    let opened = inner.get(&object, range).await;
    let mut content = match opened {
        Ok(Some(content)) => content,
        Ok(None) => {
            pass.ended(None);
            return Ok(None);
        }
        Err(error) => {
            pass.ended(Some(&error));
            return Err(error);
        }
    };
    match content.next().await {
        Some(Err(Interrupted::Store(error))) => {
            pass.ended(Some(&error));
            Err(error)
        }
        first => {
            pass.first_byte(asked.elapsed());
            Ok(Some(Box::pin(stream::iter(first).chain(rest(content, pass)))))
        }
    }
}

/// What breaks off in the middle counts as a failure of its own.
fn rest(content: ByteStream, pass: Pass) -> ByteStream {
    Box::pin(stream::unfold(Some((content, pass)), async |state| {
        let (mut content, mut pass) = state?;
        let portion = content.next().await?;
        if let Err(Interrupted::Store(error)) = &portion {
            pass.ended(Some(error));
        }
        let rest = portion.is_ok().then_some((content, pass));
        Some((portion, rest))
    }))
}

/// A read that waits for its first portion. One that is left before that because another holder was faster would never be known
/// for slow, hung or back again; so a few of them are waited for behind their callers' backs, up to their deadlines.
struct Asked {
    call: Option<BoxFuture<'static, StoreResult<Option<ByteStream>>>>,
    is_trial: bool,
    gate: Arc<Gate>,
}

impl Future for Asked {
    type Output = StoreResult<Option<ByteStream>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.call.as_mut().expect("nobody polls a future that has ended");
        let answer = call.poll_unpin(context);
        if answer.is_ready() {
            self.call = None;
        }
        answer
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.gate.outlive(call, self.is_trial);
        }
    }
}

#[cfg(test)]
mod tests;
