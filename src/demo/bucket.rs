//! The demo's own bucket, on the S3 store that the environment names.

use std::time::Duration;

use uuid::Uuid;

use crate::app;
use crate::config::{S3Config, S3Credentials};

pub(super) struct DemoBucket(S3Config);

impl DemoBucket {
    pub(super) async fn create() -> anyhow::Result<Self> {
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let config = S3Config {
            endpoint,
            region,
            bucket: format!("sluss-demo-{}", Uuid::new_v4()),
            path_style: true,
            credentials: S3Credentials::Chain,
            ca_file: None,
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            attempts: 4,
            part_bytes: 5 << 20,
            parallel_parts: 4,
            concurrency: 128,
        };
        app::create_bucket(&config).await?;
        Ok(Self(config))
    }

    /// As `[objects]` of a tenant's file has them.
    pub(super) fn keys(&self) -> String {
        let S3Config { endpoint, region, bucket, .. } = &self.0;
        format!("s3 = {endpoint:?}\nregion = {region:?}\nbucket = {bucket:?}\ncredentials = \"chain\"\n")
    }

    pub(super) async fn remove(self) -> anyhow::Result<()> {
        app::remove_bucket(&self.0).await
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo is told by the environment which store to use")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
