//! Sluss moves documents from SQL to an object store, one tenant at a time, while everyone goes on working.
//!
//! # Rooms
//!
//! - [`model`]: the protocol as values and pure functions. The row decides, and [`model::document::truth`] says what it decided.
//! - [`config`], [`telemetry`], [`clock`], [`budget`], [`body`], [`serve`], [`client`], [`openapi`], [`stop`], [`causes`], [`lock`]: what
//!   every room above may use.
//! - [`store`]: the contracts of the stores, the plan of a change, the backends (SQLite, SQL Server, a folder), and the checks that every
//!   reader of an object passes.
//! - [`tenants`]: this process's tenants, and who may ask for them.
//! - [`cache`]: small contents in memory, by document and stamp. [`compare`]: what a document's holders have, compared with its location and with each other.
//! - [`watch`]: what operators watch, kept in memory: every tenant's figures, the stores' health, the traffic of the last hour, what moves now.
//! - [`backup`]: copies of all objects in a second placement, and the manifests of what a tenant held.
//! - [`gateway`]: the document API. [`migrate`]: agents and flips. [`admin`]: the operators' API. [`housekeeping`]: the clock's work.
//! - [`app`]: builds, starts and stops all of it, and alone names backends. [`cli`] and [`demo`] stand on it.
//!
//! Imports run downwards only; `tests/architecture.rs` keeps it so.
//!
//! # Four walks
//!
//! - **GET**: `serve` -> the tower stack of `gateway::service` -> `request` (HTTP to typed, token, tenant) -> `read`: row -> truth ->
//!   `follow`: the preferred holder, the other if it fails -> the body streams out, each piece of an object checked first.
//! - **PUT**: the same to the row and its phase -> `write`: to SQL, or upload first -> one `commit` (row, location, history,
//!   outbox) -> `ETag`.
//! - **Copy**: `agents` claim a lease -> `copy`: row -> skip if true already -> the content of one revision streams and is hashed ->
//!   `put` under a fresh key -> `commit(Publish)` -> the job is closed where its document no longer needs it.
//! - **Flip**: admin API -> `cutover` gathers facts -> `permit` (pure) -> the tenant's state row, compare and set, with the audit entry.

#![warn(unreachable_pub)]

pub mod admin;
pub mod app;
pub mod backup;
pub mod body;
pub mod budget;
pub mod cache;
pub mod causes;
pub mod cli;
pub mod client;
pub mod clock;
pub mod compare;
pub mod config;
pub mod demo;
pub mod gateway;
pub mod housekeeping;
pub mod lock;
pub mod migrate;
pub mod model;
pub mod openapi;
pub mod serve;
pub mod stop;
pub mod store;
pub mod telemetry;
pub mod tenants;
pub mod watch;
