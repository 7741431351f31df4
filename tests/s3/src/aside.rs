//! Work on a runtime of its own, so that a test may wait for it wherever it stands: in a runtime of its own, in none, or in a `Drop`.

use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts"))
}

/// Blocks the caller's thread until the work is done.
///
/// # Panics
///
/// Where the work does.
pub fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (answer, answered) = mpsc::sync_channel(1);
    spawn(async move {
        // The caller waits for it below.
        let _ = answer.send(work.await);
    });
    answered.recv().expect("the work panicked; its own words are above")
}

pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    runtime().spawn(work)
}
