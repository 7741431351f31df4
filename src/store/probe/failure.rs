//! Why a step of the probe failed, and what whoever runs it can do about it.

use crate::store::error::{Interrupted, StoreError, StoreErrorKind};
use crate::store::object::PutError;

/// What the store did that it must not do, or could not do.
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) advice: &'static str,
}

/// It answered, and with something else than it has to.
impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { reason, advice: "the store does not do what Sluss needs: ask the provider, and show the reason" }
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl Failure {
    pub(super) fn of(what: &str, error: &StoreError) -> Self {
        let reason = error.chain();
        let advice = if reason.contains("NoSuchBucket") { "make the bucket, or correct its name" } else { advice(error.kind) };
        Self { reason: format!("it could not {what}: {reason}"), advice }
    }

    pub(super) fn of_put(what: &str, error: &PutError) -> Self {
        match error {
            PutError::Store(error) => Self::of(what, error),
            PutError::Content(interrupted) => Self::of_reading(what, interrupted),
        }
    }

    pub(super) fn of_reading(what: &str, interrupted: &Interrupted) -> Self {
        match interrupted {
            Interrupted::Store(error) => Self::of(what, error),
            Interrupted::Moved | Interrupted::Client(_) => format!("it could not {what}: {interrupted}").into(),
        }
    }
}

fn advice(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Denied => {
            "keys that are refused: see access_key, secret_key and region; access that is denied: see the rights in docs/object-stores.md, \
             on disk those of the folder"
        }
        StoreErrorKind::Unavailable | StoreErrorKind::Timeout => {
            "see whether the store is up and reached at this endpoint, and ca_file where the reason is its certificate; on disk, whether \
             the volume is mounted"
        }
        StoreErrorKind::Throttled { .. } => "ask the provider for more requests a second, or lower `concurrency`",
        StoreErrorKind::Full => "make room, or ask for a larger quota",
        StoreErrorKind::Corrupt => "what was sent or stored came to harm on its way: look for a proxy in between, and ask the provider",
        StoreErrorKind::Other => "ask the provider, and show the reason",
    }
}
