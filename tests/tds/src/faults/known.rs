//! The errors that rules name by number, as SQL Server words and ranks them.

use crate::value::ServerError;

/// The error, and whether the server rolls the transaction back with it.
pub(super) fn error(number: u32, user: &str, database: &str) -> (ServerError, bool) {
    let (severity, state, rolls_back, message) = match number {
        208 => (16, 1, false, "Invalid object name 'dbo.documents'.".to_owned()),
        229 => (14, 5, false, format!("The SELECT permission was denied on the object 'documents', database '{database}', schema 'dbo'.")),
        1105 => (
            17,
            2,
            false,
            format!(
                "Could not allocate space for object 'dbo.documents' in database '{database}' because the 'PRIMARY' filegroup is full. \
                 Create disk space by deleting unneeded files, dropping objects in the filegroup, adding additional files to the \
                 filegroup, or setting autogrowth on for existing files in the filegroup."
            ),
        ),
        1205 => (
            13,
            51,
            true,
            "Transaction (Process ID 51) was deadlocked on lock resources with another process and has been chosen as the deadlock \
             victim. Rerun the transaction."
                .to_owned(),
        ),
        1222 => (16, 51, false, "Lock request time out period exceeded.".to_owned()),
        3960 => (
            16,
            2,
            true,
            format!(
                "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access table \
                 'dbo.documents' directly or indirectly in database '{database}' to update, delete, or insert the row that has been \
                 modified or deleted by another transaction. Retry the transaction or change the isolation level for the \
                 update/delete statement."
            ),
        ),
        4060 => (11, 1, false, format!("Cannot open database \"{database}\" requested by the login. The login failed.")),
        9002 => (17, 4, true, format!("The transaction log for database '{database}' is full due to 'LOG_BACKUP'.")),
        18456 => (14, 1, false, format!("Login failed for user '{user}'.")),
        // The one of these that ends the connection: its severity is above 19.
        40501 => (
            20,
            1,
            true,
            "The service is currently busy. Retry the request after 10 seconds. Incident ID: 00000000-0000-0000-0000-000000000000. \
             Code: 4."
                .to_owned(),
        ),
        40613 => (
            17,
            1,
            false,
            format!(
                "Database '{database}' on server 'sluss-tds' is not currently available. Please retry the connection later. If the \
                 problem persists, contact customer support, and provide them the session tracing ID of \
                 '00000000-0000-0000-0000-000000000000'."
            ),
        ),
        49918 => (
            16,
            1,
            false,
            "Cannot process request. Not enough resources to process request. The service is currently busy. Please retry the request \
             later."
                .to_owned(),
        ),
        other => (16, 1, false, format!("Error {other}, as a fault asked for.")),
    };
    (ServerError { number, severity, state, message }, rolls_back)
}
