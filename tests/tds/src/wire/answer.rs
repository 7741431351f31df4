//! An answer in the making: what a session said, as tokens. Large values stay where they are; the answer refers to them.

use bytes::{Bytes, BytesMut};

use super::row;
use super::token::{self, Done, done};
use super::transaction::Change;
use crate::value::{Outcome, ServerError};

/// Below it, a copy costs less than a segment.
const LARGE: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Answer {
    segments: Vec<Bytes>,
    pub(crate) tail: BytesMut,
}

impl Answer {
    pub(crate) fn put_value(&mut self, value: Bytes) {
        if value.len() < LARGE {
            self.tail.extend_from_slice(&value);
        } else {
            self.segments.push(self.tail.split().freeze());
            self.segments.push(value);
        }
    }

    pub(crate) fn into_segments(mut self) -> Vec<Bytes> {
        self.segments.push(self.tail.freeze());
        self.segments
    }

    fn append(&mut self, other: Answer) {
        self.segments.push(self.tail.split().freeze());
        self.segments.extend(other.segments);
        self.tail = other.tail;
    }

    /// One DONE and nothing else: to a cancelled request, for example.
    pub(crate) fn only_done(status: u16) -> Self {
        let mut answer = Self::default();
        token::put_done(&mut answer.tail, Done::Statement, status, 0);
        answer
    }
}

/// How a request ended, in the order in which a client hears of it.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) error: Option<ServerError>,
    pub(crate) transaction: Option<Change>,
    /// Of a statement that was prepared.
    pub(crate) handle: Option<i64>,
    /// The connection was reset first.
    pub(crate) was_reset: bool,
}

impl Ending {
    pub(crate) fn error(error: ServerError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    pub(crate) fn into_answer(self, procedure: bool) -> Answer {
        let mut answer = Answer::default();
        let mut error = self.error;
        if self.was_reset {
            token::put_reset(&mut answer.tail);
        }
        if error.is_none() {
            self.transaction.into_iter().for_each(|change| token::put_transaction(&mut answer.tail, change));
        }
        let statement = if procedure { Done::InProcedure } else { Done::Statement };
        let count = self.outcomes.len();
        let mut ended = false;
        for (at, outcome) in self.outcomes.into_iter().enumerate() {
            let mut part = Answer::default();
            let rows = match outcome {
                Outcome::Done(rows) => Ok(rows),
                Outcome::Rows { columns, rows } => row::put(&mut part, &columns, &rows).map(|()| rows.len() as u64),
            };
            match rows {
                Ok(rows) => {
                    ended = !procedure && error.is_none() && at + 1 == count;
                    let more = if ended { done::FINAL } else { done::MORE };
                    token::put_done(&mut part.tail, statement, done::COUNT | more, rows);
                    answer.append(part);
                }
                // A result that its own columns cannot hold: the session's mistake, which nobody shall overlook.
                Err(unfit) => {
                    error = Some(unfit);
                    break;
                }
            }
        }
        let status = if let Some(error) = &error {
            token::put_error(&mut answer.tail, error);
            self.transaction.into_iter().for_each(|change| token::put_transaction(&mut answer.tail, change));
            done::ERROR
        } else {
            done::FINAL
        };
        if procedure {
            token::put_return_status(&mut answer.tail, error.map_or(0, |error| error.number as i32));
            self.handle.into_iter().for_each(|handle| token::put_handle(&mut answer.tail, handle));
            token::put_done(&mut answer.tail, Done::Procedure, status, 0);
        } else if !ended {
            token::put_done(&mut answer.tail, Done::Statement, status, 0);
        }
        answer
    }
}
