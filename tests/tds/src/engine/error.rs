//! Errors as SQL Server numbers and words them, and how they travel through SQLite: a scalar function can only fail with a text.

use crate::value::ServerError;

pub type Result<T> = std::result::Result<T, ServerError>;

/// Before the number of an error that a scalar function raised.
const CARRIED: &str = "tds-error:";

pub fn error(number: u32, message: impl Into<String>) -> ServerError {
    let severity = match number {
        102 | 111 | 156 | 319 => 15,
        2601 | 2627 => 14,
        1205 => 13,
        _ => 16,
    };
    ServerError { number, severity, state: 1, message: message.into() }
}

/// For what this engine does not understand. The statement's text is added where it is known.
pub fn refused(what: impl AsRef<str>) -> ServerError {
    error(102, format!("Incorrect syntax, or beyond this test server: {}.", what.as_ref()))
}

/// The same error, as the failure of a scalar function.
pub fn carried(error: &ServerError) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(format!("{CARRIED}{}:{}", error.number, error.message).into())
}

/// What SQLite says, as SQL Server would have said it. Constraints are named by [`super::run`], which knows the statement.
pub fn from_sqlite(failure: &rusqlite::Error) -> ServerError {
    let text = failure.to_string();
    if let Some(at) = text.find(CARRIED) {
        let rest = &text[at + CARRIED.len()..];
        if let Some((number, message)) = rest.split_once(':')
            && let Ok(number) = number.parse()
        {
            return error(number, message);
        }
    }
    match failure.sqlite_error() {
        Some(found) if found.extended_code == rusqlite::ffi::SQLITE_BUSY_SNAPSHOT => error(
            3960,
            "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access a table \
             that another transaction has changed.",
        ),
        Some(found) if matches!(found.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            error(1222, "Lock request time out period exceeded.")
        }
        Some(found) if found.code == rusqlite::ErrorCode::DiskFull => {
            error(1105, "Could not allocate space for object in database because the 'PRIMARY' filegroup is full.")
        }
        _ => refused(text),
    }
}
