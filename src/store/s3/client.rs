//! The SDK's client, set up for stores that are not AWS. Tenants with the same settings share one, and its connections.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use super::bucket;
use super::credentials::Keys;
use crate::config::S3Config;
use crate::store::error::StoreResult;

/// Servers close idle connections after a minute or so; a request on one that is just being closed costs a retry.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// A connection to a store, for all placements that are reached the same way.
#[derive(Debug, Clone)]
pub struct S3Client {
    /// For requests whose answer is due soon.
    pub(super) asking: Client,
    /// For those that carry content, and for the end of an upload in parts, in which stores put the parts together: only the whole
    /// call is bounded.
    pub(super) sending: Client,
}

impl S3Client {
    /// Opens no connection yet. `Err`: the CA's file cannot be used.
    pub fn new(config: &S3Config) -> anyhow::Result<Self> {
        let http = http_client(config)?;
        let keys = Keys::of(config, &http);
        let times = TimeoutConfig::builder().connect_timeout(config.connect_timeout).operation_timeout(config.timeout);
        let asking = times.clone().read_timeout(config.first_byte_timeout).build();
        let common = || {
            keys.provide_for(Builder::new())
                .behavior_version(BehaviorVersion::v2026_01_12())
                .endpoint_url(&config.endpoint)
                .region(Region::new(config.region.clone()))
                .force_path_style(config.path_style)
                .http_client(http.clone())
                // Ceph refuses the checksums that the SDK else adds behind a body. We have our own.
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
                // Reading watches for stalls itself, and goes on where it was.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                // All requests of the process to one endpoint draw on one budget of retries, which successes fill again.
                .retry_partition(RetryPartition::new(format!("{} {:?}", config.endpoint, config.ca_file)))
                .retry_config(
                    RetryConfig::standard()
                        .with_max_attempts(config.attempts)
                        .with_initial_backoff(FIRST_BACKOFF)
                        .with_max_backoff(LONGEST_BACKOFF),
                )
        };
        Ok(Self {
            asking: Client::from_conf(common().timeout_config(asking).build()),
            sending: Client::from_conf(common().timeout_config(times.build()).build()),
        })
    }
}

impl S3Client {
    /// Makes the bucket that the settings name.
    pub async fn create_bucket(&self, config: &S3Config) -> StoreResult<()> {
        bucket::create(self, config).await
    }

    /// Removes everything that is in the bucket, and the bucket.
    pub async fn remove_bucket(&self, name: &str) -> StoreResult<()> {
        bucket::remove(self, name).await
    }
}

fn http_client(config: &S3Config) -> anyhow::Result<SharedHttpClient> {
    let roots = match &config.ca_file {
        None => TrustStore::default(),
        Some(path) => {
            let pem = fs::read(path).with_context(|| format!("read the CA's file {}", path.display()))?;
            anyhow::ensure!(holds_certificates(&pem), "{} holds no certificate in PEM", path.display());
            TrustStore::empty().with_pem_certificate(pem)
        }
    };
    let tls = TlsContext::builder().with_trust_store(roots).build().context("set up TLS")?;
    let http = aws_smithy_http_client::Builder::new().pool_idle_timeout(IDLE_CONNECTION);
    Ok(http.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https())
}

/// Looked at here, because the SDK panics over what it cannot read.
fn holds_certificates(pem: &[u8]) -> bool {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.is_ok_and(|certificates| !certificates.is_empty())
}
