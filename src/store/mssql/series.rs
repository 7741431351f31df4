//! One transaction over several batches, for what does not fit into one: each has parameters of its own, and their number is open.

use std::time::Duration;

use tokio::time::timeout;

use super::batch::{Cell, Row, Rows};
use super::commands::{Command, Errand};
use super::fault::Fault;
use super::server::too_long;
use super::session;

#[cfg(test)]
mod tests;

/// What a batch of a series answers when the next one may follow.
const GO_ON: &str = "go on";

impl Command {
    /// Each batch answers with a word; any other than "go on" ends the series and undoes it, and is the answer. Else it is "done".
    ///
    /// A series that fails before its COMMIT is sent is undone, whatever happened: its connection is closed.
    pub(super) async fn perform_series(&mut self, series: &[Errand], patience: Duration) -> Result<Rows, Fault> {
        within(patience, self.say(session::BEGIN)).await.map_err(Fault::undone)?;
        for errand in series {
            let answer = within(patience, self.perform(errand)).await.map_err(Fault::undone)?;
            let word = answer.last().cloned().map(|mut row| row.text());
            if word.transpose().map_err(|misread| Fault::from(misread).undone())?.as_deref() != Some(GO_ON) {
                within(patience, self.say(session::ROLLBACK)).await.map_err(Fault::undone)?;
                return Ok(answer);
            }
        }
        within(patience, self.say(session::COMMIT)).await.map_err(Fault::unclear)?;
        Ok(vec![Row::new(vec![Cell::Text("done".to_owned())])])
    }
}

async fn within<T>(patience: Duration, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(patience, call).await.unwrap_or_else(|_| Err(too_long(patience)))
}
