//! SQL Server. Two lanes of connections, because no driver does both well: commands on one that runs any batch, reads on one that takes
//! large values off the wire without decoding them. What goes to the server is plain T-SQL with parameters, a statement in one place.
//!
//! Neither lane logs in by Kerberos or by Entra. Kerberos needs the system's GSSAPI and a ticket that somebody renews on every machine,
//! and Entra a token that expires within the hour and a client for the service that issues it. Both drivers could carry either, but
//! nothing here could show that it works through an expiry, a renewal and a failover; SQL logins are what was tested.

mod backups;
mod batch;
mod catalogue;
mod change;
mod changes;
mod commands;
mod content;
mod control;
mod ddl;
mod differences;
mod doctor;
mod edit;
mod fault;
mod grants;
mod history;
mod insertion;
mod installation;
mod jobs;
mod keeping;
mod lent;
mod limit;
mod login;
mod meaning;
mod opening;
mod paper;
mod placements;
mod presence;
mod printed;
mod purges;
mod reach;
mod reads;
mod removed;
mod restores;
mod rows;
mod scan;
mod schema;
mod series;
mod server;
mod session;
mod staging;
mod state;
mod statements;
mod table;
mod tally;
mod tenant;
#[cfg(test)]
mod tests;
mod text;
mod ticks;
mod trust;
mod uploads;
mod verification;

pub use control::SqlServerControl;
pub use doctor::examine;
pub use limit::ConnectionLimit;
pub use printed::{print, print_control};
pub use removed::remove;
pub use schema::init;
pub use server::SqlServer;
pub use tenant::SqlServerTenant;

/// The name of this backend in errors and metrics.
const STORE: &str = "mssql";
