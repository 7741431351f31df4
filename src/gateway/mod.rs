//! The document API: HTTP in, a typed request, the row's truth, and the first holder that answers.

pub mod admission;
pub mod conditional;
pub mod create;
pub mod digest;
pub mod disposition;
mod finish;
pub mod follow;
pub mod guise;
mod hedge;
mod history;
pub mod inbound;
pub mod layers;
pub mod list;
pub mod metadata;
pub mod multipart;
pub mod openapi;
pub mod range;
pub mod read;
pub mod request;
pub mod rescue;
pub mod respond;
pub mod routes;
pub mod service;
pub mod upstream;
pub mod write;
