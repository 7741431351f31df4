//! What SQL Server's error numbers mean for us: the one classification, for both lanes. A number that is not here means nothing more
//! than that a call failed; nothing is ever repeated for it.

use std::time::Duration;

use crate::store::error::StoreErrorKind;

#[cfg(test)]
mod tests;

/// What a caller, or an operator, can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The server chose this batch to give way, and undid it: the same batch can go through a moment later.
    Victim,
    /// The same for a lock that nobody gave up in time.
    LockTimeout,
    /// The server cannot serve now, or not in this place any more, and says so: another attempt, on another connection, can.
    Away,
    /// The database cannot be opened: it is failing over, or it is not there, or this login may not see it.
    Unopened,
    /// The server has too much to do.
    Busy,
    /// The login was refused.
    Login,
    /// The login may not do this.
    Permission,
    /// One of the tables or columns of a statement is not there.
    Missing,
    /// The connection has not the SET options that an index of the customer's asks for.
    Options,
    /// No room.
    Full,
    /// The server has found damage.
    Corrupt,
    /// A constraint or a trigger of the customer's refuses the change.
    Refusal,
    Unknown,
}

/// Numbers from here on are the customer's own: RAISERROR and THROW.
const FIRST_OWN_NUMBER: u32 = 50_000;

/// What our own statements throw where one touched other than one row.
const BROKEN_INVARIANT: u32 = 50_001;

/// Azure's documentation asks for ten seconds after 40501.
const BUSY_PAUSE: Duration = Duration::from_secs(10);

impl Meaning {
    pub(super) const fn of(number: u32) -> Self {
        match number {
            // Deadlock victim. Our sessions ask to be it, since they repeat and the customer's programs may not.
            1205 => Self::Victim,
            // A lock was not granted within LOCK_TIMEOUT. Under XACT_ABORT that ends the transaction, as any error does.
            1222 => Self::LockTimeout,
            // Snapshot isolation: somebody else updated the row since the transaction began.
            3960 => Self::Victim,
            // Snapshot isolation: somebody changed the table's definition meanwhile.
            3961 => Self::Victim,

            // A transaction context (of FILESTREAM) could not be made for lack of resources.
            3935 => Self::Busy,
            // Not enough memory in the resource pool.
            701 => Self::Busy,
            // No lock structures, and no buffers, are left.
            1204 | 802 => Self::Busy,
            // Waited too long for memory to run a query.
            8645 => Self::Busy,
            // Less memory than a query takes at the least.
            8651 => Self::Busy,
            // Waited too long for a query to be compiled.
            8628 => Self::Busy,
            // Azure: the service is busy, or throttles.
            40501 => Self::Busy,
            // Azure: too many operations, on the subscription, on creations or on the database.
            49918..=49920 => Self::Busy,
            // Azure: the database's, and the pool's, limit of workers or sessions.
            10928 | 10929 => Self::Busy,

            // Azure: the service met an error and closed the connection, most of all while it reconfigures.
            40197 => Self::Away,
            // Azure: the database is not available at the moment.
            40613 => Self::Away,
            // The server closed the connection before the login was done.
            233 => Self::Away,
            // A connection aborted, reset, not made in time: Winsock's own numbers, as gateways pass them on.
            10053 | 10054 | 10060 => Self::Away,
            // The connection broke during the login: the network name is gone.
            64 => Self::Away,
            // An availability group: the database is a secondary that takes no connection.
            976 => Self::Away,
            // An availability group: a secondary that takes only connections with the intent to read.
            978 => Self::Away,
            // The same, where the database is asked for by three-part name.
            979 => Self::Away,
            // An availability group: the replica is neither primary nor secondary at the moment.
            983 => Self::Away,
            // The database is read-only: an old primary of a failover. A database that was set so by hand says the same.
            3906 => Self::Away,
            // The database has not recovered yet, is being recovered, is being restored, is changing its state.
            921 | 922 | 927 | 952 => Self::Away,
            // The server is shutting down, is paused, or upgrades itself.
            6005 | 17142 | 18401 => Self::Away,

            // The database that the login asks for cannot be opened. Azure says it during a failover.
            4060 => Self::Unopened,

            // The login failed: a wrong user, a wrong password, or a login that is disabled.
            18456 => Self::Login,
            // The login comes from an untrusted domain: it is no SQL login.
            18452 => Self::Login,
            // The login is locked out; its password has expired; it has to be changed.
            18486..=18488 => Self::Login,

            // An object, and a column, that the user has no permission on.
            229 | 230 => Self::Permission,
            // A statement that the user may not run in this database.
            262 => Self::Permission,
            // An action that the user may not take, and a view of the server's state that it may not see.
            297 | 300 => Self::Permission,
            // ALTER TABLE, CREATE INDEX, CREATE TRIGGER: what they are on does not exist, or the user may not alter it.
            1088 | 4902 | 8197 => Self::Permission,
            // A schema that does not exist, or in which the user may make nothing; the same for anything else that DDL names.
            2760 | 15151 | 15247 => Self::Permission,
            // The login has no user in this database.
            916 => Self::Permission,

            // No such table, column, procedure.
            208 | 207 | 2812 => Self::Missing,

            // SET options that an indexed view, a filtered index or an index on a computed column does not take.
            1934 => Self::Options,

            // The filegroup is full.
            1105 => Self::Full,
            // No page is left in a file group, and a file cannot grow.
            1101 | 5149 => Self::Full,
            // The transaction log is full.
            9002 => Self::Full,
            // A version that a snapshot asks for is not there, or no more fit: tempdb is out of space.
            3958 | 3966 => Self::Full,

            // The operating system's read failed; a page is not what it should be; a read had to be repeated. Page belongs to another object.
            823 | 824 | 825 | 605 => Self::Corrupt,

            // A foreign key or a CHECK.
            547 => Self::Refusal,
            // A primary key or a UNIQUE constraint, and a unique index.
            2627 | 2601 => Self::Refusal,
            // NULL in a column that takes none.
            515 => Self::Refusal,
            // An id of one's own in an identity column.
            544 => Self::Refusal,
            // A text too long for its column: with the column's name, and as older servers say it.
            2628 | 8152 => Self::Refusal,
            // A trigger rolled the transaction back. What it has to say came before it, most often as an error of its own.
            3609 => Self::Refusal,
            // Our own: an invariant of ours does not hold, which is no word of the customer's.
            BROKEN_INVARIANT => Self::Unknown,
            FIRST_OWN_NUMBER.. => Self::Refusal,
            _ => Self::Unknown,
        }
    }

    pub(super) const fn kind(self) -> StoreErrorKind {
        match self {
            Self::Victim | Self::Away | Self::Unopened => StoreErrorKind::Unavailable,
            Self::LockTimeout => StoreErrorKind::Timeout,
            Self::Busy => StoreErrorKind::Throttled { retry_after: Some(BUSY_PAUSE) },
            Self::Login | Self::Permission => StoreErrorKind::Denied,
            Self::Full => StoreErrorKind::Full,
            Self::Corrupt => StoreErrorKind::Corrupt,
            Self::Missing | Self::Options | Self::Refusal | Self::Unknown => StoreErrorKind::Other,
        }
    }

    /// The server undid the batch for the sake of others: it may run again.
    pub(super) const fn may_run_again(self) -> bool {
        match self {
            Self::Victim | Self::LockTimeout => true,
            Self::Away
            | Self::Unopened
            | Self::Busy
            | Self::Login
            | Self::Permission
            | Self::Missing
            | Self::Options
            | Self::Full
            | Self::Corrupt
            | Self::Refusal
            | Self::Unknown => false,
        }
    }

    /// What to do, where the server's own words do not say it.
    pub(super) const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Login => Some("check sql.user and sql.password of the tenant"),
            Self::Unopened => Some(
                "a failover passes by itself; else check sql.database, and that the login has a user in it (CREATE USER ... FOR LOGIN)",
            ),
            Self::Permission => Some("the user lacks a grant: `sluss init --print-sql` lists those that Sluss needs"),
            Self::Missing => Some(
                "a table or column is not there: if it is one of schema sluss, run `sluss init`, which also brings older tables up to date",
            ),
            Self::Options => Some("an index of this table asks for SET options that the connection lost: this is a fault of Sluss"),
            Self::Corrupt => Some("run DBCC CHECKDB, and restore from a backup"),
            Self::Full => Some("give the database's files, its log or tempdb room"),
            Self::LockTimeout => Some("somebody held a lock for longer than sql.lock_timeout"),
            Self::Victim | Self::Away | Self::Busy | Self::Refusal | Self::Unknown => None,
        }
    }
}
