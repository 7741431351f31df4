//! How a process is told to stop: SIGTERM or SIGINT, whichever comes first.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// The name of the next signal. Signals from before the call are not seen, and the default action never comes back:
/// who stops by the first one asks again, if a second one is to mean anything.
pub async fn stop_signal() -> io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
