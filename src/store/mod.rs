//! The stores: four contracts, the adapters behind them, and what every reader and writer of content shares.
//! Nothing above this room sees a driver's type.

pub mod control;
pub mod error;
pub mod object;
pub mod queue;
pub mod sql;
