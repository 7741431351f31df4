//! What connections say for themselves, on both lanes: the part of the catalogue that is about no table. These are whole batches as they
//! go to the server; nothing is put into them but one number of the configuration.

use std::time::Duration;

/// Sets a session up, at its login and each time it is taken from the pool again, and answers with how many transactions it has open.
///
/// - The seven options are those that SQL Server asks for wherever a statement writes to a table with an indexed view, a filtered index
///   or an index on a computed column (error 1934), and the customer's tables may have any of them.
/// - `XACT_ABORT`: an error ends the transaction, whatever it was.
/// - `TEXTSIZE`: a value is never cut.
/// - `DEADLOCK_PRIORITY LOW`: in a deadlock with the customer's programs it is we who give way, since we run again.
/// - `LOCK_TIMEOUT`: a lock that is not granted is an error with a number, well before the whole statement is given up.
pub(super) fn begin(lock_timeout: Duration) -> String {
    let lock_timeout_ms = i32::try_from(lock_timeout.as_millis()).unwrap_or(i32::MAX);
    format!(
        "SET ANSI_NULLS, QUOTED_IDENTIFIER, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL ON;
SET NUMERIC_ROUNDABORT, IMPLICIT_TRANSACTIONS OFF;
SET XACT_ABORT, NOCOUNT ON;
SET TEXTSIZE 2147483647;
SET DEADLOCK_PRIORITY LOW;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCK_TIMEOUT {lock_timeout_ms};
SELECT @@TRANCOUNT AS open_transactions;"
    )
}

/// Something to say for a connection that has to read what is left of an answer.
pub(super) const OPEN_TRANSACTIONS: &str = "SELECT @@TRANCOUNT AS open_transactions;";

/// A transaction over several batches.
pub(super) const BEGIN: &str = "BEGIN TRANSACTION;";
pub(super) const COMMIT: &str = "COMMIT TRANSACTION;";
pub(super) const ROLLBACK: &str = "ROLLBACK TRANSACTION;";

/// Ends a stream's first result set with another one. The driver that streams does not take the end of a batch with parameters for an
/// end, and would wait for more; a second result set it refuses, and by that refusal we know that all of the first has come, and no error.
pub(super) const AFTER_THE_WINDOW: &str = "\nSELECT 1 AS after_the_window;";
