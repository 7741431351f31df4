//! Whose turn it is in an upload. The store's time is bounded; the content's own side has rules of its own (a client's least
//! rate, another store's deadline), and waiting for it never counts against the store.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::store::error::Interrupted;
use crate::store::object::ByteStream;

/// Who is waited for.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// The store, since it was given the last portion or was called.
    Store(Instant),
    /// The content: the store has asked for a portion, and there is none yet.
    Content,
}

/// Follows the turns of one upload.
pub(super) struct Watchdog(watch::Sender<Turn>);

impl Watchdog {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Turn::Store(Instant::now())))
    }

    /// The same content, taken note of.
    pub(super) fn follow(&self, content: ByteStream) -> ByteStream {
        Box::pin(Followed { content, turn: self.0.clone() })
    }

    /// Returns once the store has neither taken a portion nor answered for `deadline`.
    pub(super) async fn stalled(&self, deadline: Duration) {
        let mut turns = self.0.subscribe();
        loop {
            let turn = *turns.borrow_and_update();
            match turn {
                Turn::Content => turns.changed().await.expect("the watchdog itself holds a sender"),
                Turn::Store(since) if since + deadline <= Instant::now() => return,
                // Looks again then, so that portions that come and go in time need not wake it.
                Turn::Store(since) => sleep_until(since + deadline).await,
            }
        }
    }
}

struct Followed {
    content: ByteStream,
    turn: watch::Sender<Turn>,
}

impl Stream for Followed {
    type Item = Result<Bytes, Interrupted>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Before the content is asked, because its answer may come from another thread in the same moment. Silently, because
        // upload and watchdog live in one task, and would go on waking each other.
        self.turn.send_if_modified(|turn| {
            *turn = Turn::Content;
            false
        });
        let waker = Waker::from(Arc::new(Arrival { turn: self.turn.clone(), store: context.waker().clone() }));
        let item = self.content.poll_next_unpin(&mut Context::from_waker(&waker));
        if item.is_ready() {
            self.turn.send_replace(Turn::Store(Instant::now()));
        }
        item
    }
}

/// Called when the content that the store asked for is there. From then on it is the store's turn to take it: a store that
/// hangs before it asks again would else be waited for without end.
struct Arrival {
    turn: watch::Sender<Turn>,
    store: Waker,
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.turn.send_replace(Turn::Store(Instant::now()));
        self.store.wake_by_ref();
    }
}

impl Drop for Followed {
    /// A store that wants no more content owes an answer.
    fn drop(&mut self) {
        self.turn.send_replace(Turn::Store(Instant::now()));
    }
}
