//! Work on a runtime of its own, so that a test may wait for it wherever it stands: in a runtime of its own, in none, or in a `Drop`.

use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

/// Blocks the caller's thread until the work is done.
///
/// # Panics
///
/// Where the work does.
pub fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts"));
    let (answer, answered) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // The caller waits for it below.
        let _ = answer.send(work.await);
    });
    answered.recv().expect("the work panicked; its own words are above")
}
