//! What tests with real processes share: a folder with databases and configurations, and processes that can be killed.

pub mod customers;
pub mod lab;
pub mod process;
pub mod s3;
pub mod said;
pub mod wait;
