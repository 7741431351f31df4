//! A placement on an S3-compatible store.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::SecretSource;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Config {
    /// With scheme and port; `http` on loopback only.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// The bucket in the path instead of in the host's name.
    pub path_style: bool,
    pub credentials: S3Credentials,
    /// Roots that are trusted instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// From the end of a request to the beginning of its answer.
    pub first_byte_timeout: Duration,
    /// Between two portions of an answer.
    pub idle_timeout: Duration,
    /// For one call, its retries included; for an upload: without progress.
    pub timeout: Duration,
    /// Of one request, the first included.
    pub attempts: u32,
    /// Longer content goes up in parts of this size.
    pub part_bytes: u64,
    pub parallel_parts: usize,
    /// Requests at once from this process to this endpoint.
    pub concurrency: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Credentials {
    /// The SDK's own chain: environment, profile, web identity, container, instance.
    Chain,
    Keys {
        access_key: SecretSource,
        secret_key: SecretSource,
        session_token: Option<SecretSource>,
    },
}
