//! A body on its way through, portion by portion, and what is done to it at one place.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::faults::Faults;
use super::rule::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    Cut,
    Flip,
    End,
}

/// One harm at one place, and who counts it.
#[derive(Debug)]
pub(super) struct Plan {
    pub harm: Harm,
    pub at: u64,
    pub fault: Fault,
    pub faults: Faults,
}

#[derive(Debug)]
pub(super) struct Passing {
    inner: Inner,
    seen: u64,
    plan: Option<Plan>,
    state: State,
}

#[derive(Debug)]
enum Inner {
    Incoming(Incoming),
    Full(Full<Bytes>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passing,
    /// What came before the cut is to leave first.
    Leaving,
    Cut,
    Ended,
}

impl Passing {
    pub(super) fn incoming(inner: Incoming, plan: Option<Plan>) -> Self {
        Self { inner: Inner::Incoming(inner), seen: 0, plan, state: State::Passing }
    }

    pub(super) fn unchanged(inner: Incoming) -> Self {
        Self::incoming(inner, None)
    }

    pub(super) fn whole(content: Bytes) -> Self {
        Self { inner: Inner::Full(Full::new(content)), seen: 0, plan: None, state: State::Passing }
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.inner {
            Inner::Incoming(body) => Pin::new(body).poll_frame(context).map_err(io::Error::other),
            Inner::Full(body) => Pin::new(body).poll_frame(context).map_err(io::Error::other),
        }
    }

    /// Does what is planned for these bytes.
    fn harmed(&mut self, data: Bytes) -> Bytes {
        let begin = self.seen;
        self.seen += data.len() as u64;
        let Some(plan) = self.plan.take_if(|plan| plan.at < self.seen) else { return data };
        plan.faults.happened(plan.fault);
        let place = usize::try_from(plan.at - begin).expect("the place is within a portion");
        match plan.harm {
            Harm::Flip => {
                let mut data = BytesMut::from(data);
                data[place] ^= 1;
                data.freeze()
            }
            Harm::Cut => {
                self.state = State::Leaving;
                data.slice(..place)
            }
            Harm::End => {
                self.state = State::Ended;
                data.slice(..place)
            }
        }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.state {
            State::Passing => {}
            // Whoever polls sends what it has before it comes again, and after an error it sends nothing.
            State::Leaving => {
                self.state = State::Cut;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            State::Cut => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            State::Ended => return Poll::Ready(None),
        }
        let frame = match ready!(self.next(context)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        let frame = match frame.into_data() {
            Ok(data) => Frame::data(self.harmed(data)),
            Err(trailers) => trailers,
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match (self.state, &self.inner) {
            (State::Ended, _) => true,
            (State::Leaving | State::Cut, _) => false,
            (State::Passing, Inner::Incoming(body)) => body.is_end_stream(),
            (State::Passing, Inner::Full(body)) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.plan, &self.inner) {
            _ if self.state == State::Ended => SizeHint::with_exact(0),
            (Some(Plan { harm: Harm::End, at, .. }), _) => SizeHint::with_exact(*at - self.seen),
            (_, Inner::Incoming(body)) => body.size_hint(),
            (_, Inner::Full(body)) => body.size_hint(),
        }
    }
}
