//! What operators watch: the contents that are moving through this process, one by one.

pub mod transfers;

pub use transfers::Transfers;
