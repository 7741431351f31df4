//! Transactions as clients see them: requests of their own, and the notices by which a client keeps count.

use super::WireError;
use super::reader::Reader;
use crate::value::{Outcome, Session, Value};

/// Request types of a transaction manager request (2.2.6.9).
mod kind {
    pub(super) const BEGIN: u16 = 5;
    pub(super) const COMMIT: u16 = 7;
    pub(super) const ROLLBACK: u16 = 8;
}

/// The batch that says the same as the request.
pub(crate) fn batch(mut request: Reader) -> Result<String, WireError> {
    match request.u16()? {
        kind::BEGIN => Ok("BEGIN TRANSACTION".to_owned()),
        kind::COMMIT => Ok("COMMIT TRANSACTION".to_owned()),
        kind::ROLLBACK => Ok("ROLLBACK TRANSACTION".to_owned()),
        other => Err(WireError::protocol(format!("a transaction manager request of type {other}"))),
    }
}

/// What a batch did to the connection's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Begun,
    Committed,
    RolledBack,
}

/// Keeps count of whether a transaction is open.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    open: bool,
}

impl Watch {
    /// Called after a batch, on the session's thread. Asks the session only where something may have changed.
    pub(crate) fn after(&mut self, session: &mut dyn Session, batch: &str, failed: bool) -> Option<Change> {
        let batch = batch.to_ascii_uppercase();
        let rolls_back = batch.contains("ROLLBACK");
        if !(batch.contains("TRAN") || batch.contains("COMMIT") || rolls_back || (failed && self.open)) {
            return None;
        }
        let open = count(session)? > 0;
        let was_open = std::mem::replace(&mut self.open, open);
        match (was_open, open) {
            (false, true) => Some(Change::Begun),
            (true, false) if rolls_back || failed => Some(Change::RolledBack),
            (true, false) => Some(Change::Committed),
            _ => None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.open = false;
    }
}

/// `None`: this session does not tell, and then the client hears nothing of transactions.
fn count(session: &mut dyn Session) -> Option<i64> {
    match session.execute("SELECT @@TRANCOUNT", &[]) {
        (outcomes, None) => match outcomes.as_slice() {
            [Outcome::Rows { rows, .. }, ..] => match rows.first()?.first()? {
                Value::Int(count) => Some(*count),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
