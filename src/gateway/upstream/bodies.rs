//! Bodies on their way through: portion by portion, each of them waited for only so long, and who sends them known afterwards.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::body::{Body, BoxError};
use crate::store::error::ClientFault;

/// RFC 9110, 10.1.1: a client waits for `100 Continue` no longer than it likes, so neither do we.
const CONTINUE_PATIENCE: Duration = Duration::from_secs(1);

/// What is known of a request's body while the existing API has it.
#[derive(Default)]
pub(super) struct Progress {
    /// Nothing more of it will be sent on.
    pub(super) ended: CancellationToken,
    /// The existing API has asked for it.
    pub(super) wanted: CancellationToken,
    /// A portion of it was taken.
    pub(super) moved: Notify,
    whole: AtomicBool,
    fault: OnceLock<ClientFault>,
}

impl Progress {
    /// Of a body that the existing API never gets.
    pub(super) fn of(whole: bool) -> Self {
        Self { whole: AtomicBool::new(whole), ..Self::default() }
    }

    /// Whether the client has sent all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// Why it broke off, if it was the client's doing.
    pub(super) fn fault(&self) -> Option<ClientFault> {
        self.fault.get().copied()
    }
}

/// A request's body. Nothing of it is taken from the client before it is wanted, where the client waits for that.
pub(super) fn outbound(body: Body, patience: Duration, waits: bool) -> (Body, Arc<Progress>) {
    let progress = Arc::new(Progress::default());
    progress.whole.store(body.is_end_stream(), Ordering::Relaxed);
    let wanted = progress.wanted.clone();
    let gate = waits.then(|| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            tokio::select! {
                () = wanted.cancelled() => {}
                () = sleep(CONTINUE_PATIENCE) => {}
            }
        })
    });
    (Outbound { body, gate, idle: Idle::new(patience), progress: Arc::clone(&progress) }.boxed_unsync(), progress)
}

struct Outbound {
    body: Body,
    gate: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    idle: Idle,
    progress: Arc<Progress>,
}

impl HttpBody for Outbound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(gate) = &mut this.gate {
            ready!(gate.as_mut().poll(cx));
            this.gate = None;
        }
        let frame = match this.idle.watch(Pin::new(&mut this.body).poll_frame(cx), cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(frame)) => frame,
            Poll::Ready(Err(TooLong)) => {
                let _ = this.progress.fault.set(ClientFault::TooSlow);
                return Poll::Ready(Some(Err("the client sent nothing for too long".into())));
            }
        };
        this.progress.moved.notify_one();
        match &frame {
            Some(Ok(_)) if !this.body.is_end_stream() => {}
            Some(Ok(_)) | None => this.progress.whole.store(true, Ordering::Relaxed),
            Some(Err(_)) => drop(this.progress.fault.set(ClientFault::Broken)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// hyper lets go of a body as soon as it has sent what the head promised, and does not ask it for its end.
impl Drop for Outbound {
    fn drop(&mut self) {
        self.progress.ended.cancel();
    }
}

/// An answer's body, whose next portion may take so long. Its head says how long it is, and where it stands in the head.
pub(super) fn inbound(body: Body, patience: Duration) -> Body {
    Inbound { body, idle: Some(Idle::new(patience)) }.boxed_unsync()
}

/// A body that hyper frames by the head as it is. One that told its own length would have its header moved, or left out.
pub(in crate::gateway) fn framed_by_head(body: Body) -> Body {
    Inbound { body, idle: None }.boxed_unsync()
}

struct Inbound {
    body: Body,
    idle: Option<Idle>,
}

impl HttpBody for Inbound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        let Some(idle) = &mut this.idle else { return frame };
        idle.watch(frame, cx).map(|frame| match frame {
            Ok(frame) => frame,
            Err(TooLong) => Some(Err("the existing API sent nothing for too long".into())),
        })
    }
}

struct TooLong;

/// The time that somebody may be silent.
struct Idle {
    patience: Duration,
    since: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    fn new(patience: Duration) -> Self {
        Self { patience, since: None }
    }

    fn watch<T>(&mut self, polled: Poll<T>, cx: &mut Context<'_>) -> Poll<Result<T, TooLong>> {
        match polled {
            Poll::Ready(value) => {
                self.since = None;
                Poll::Ready(Ok(value))
            }
            Poll::Pending => {
                let patience = self.patience;
                let end = self.since.get_or_insert_with(|| Box::pin(sleep(patience)));
                end.as_mut().poll(cx).map(|()| Err(TooLong))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::pending;

    use super::*;
    use crate::body;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_silent_too_long_is_the_one_to_blame() {
        let (mut sent, progress) = outbound(body::stream(pending()), Duration::from_secs(7), false);
        let begun = tokio::time::Instant::now();
        assert!(sent.frame().await.unwrap().is_err());
        assert_eq!((begun.elapsed().as_secs(), progress.fault(), progress.is_whole()), (7, Some(ClientFault::TooSlow), false));
        assert!(!progress.ended.is_cancelled());
        drop(sent);
        assert!(progress.ended.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_whose_client_waits_is_left_alone_until_it_is_wanted_or_a_second_is_over() {
        let begun = tokio::time::Instant::now();
        let (mut sent, progress) = outbound(body::full("x"), Duration::from_secs(7), true);
        progress.wanted.cancel();
        assert!(sent.frame().await.unwrap().is_ok());
        assert_eq!((begun.elapsed(), progress.is_whole()), (Duration::ZERO, true));
        let (mut sent, _) = outbound(body::full("x"), Duration::from_secs(7), true);
        assert!(sent.frame().await.unwrap().is_ok());
        assert_eq!(begun.elapsed(), CONTINUE_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stalls_breaks_and_never_claims_its_own_length() {
        let mut stalled = inbound(body::stream(pending()), Duration::from_secs(7));
        assert!(stalled.frame().await.unwrap().is_err());
        let empty = framed_by_head(body::empty());
        assert!(!empty.is_end_stream() && empty.size_hint().exact().is_none());
    }
}
