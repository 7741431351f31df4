//! What the configuration says of a test's bucket.

#![allow(dead_code, reason = "each test target uses its own part of this module")]

use std::time::Duration;

use sluss::config::{S3Config, S3Credentials, SecretSource};
use sluss_s3::Bucket;

/// As in production but for times: a test that waits for one is to end.
pub fn config(bucket: &Bucket) -> S3Config {
    S3Config {
        endpoint: bucket.endpoint().to_owned(),
        region: bucket.server().region.clone(),
        bucket: bucket.name().to_owned(),
        path_style: true,
        credentials: S3Credentials::Keys {
            access_key: SecretSource::File(bucket.access_key_file()),
            secret_key: SecretSource::File(bucket.secret_key_file()),
            session_token: None,
        },
        ca_file: None,
        connect_timeout: Duration::from_secs(2),
        first_byte_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(30),
        attempts: 3,
        // The least that S3 takes.
        part_bytes: 5 << 20,
        parallel_parts: 2,
        concurrency: 16,
    }
}
