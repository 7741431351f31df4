//! Where the keys of a placement come from. They are in no error and no `Debug`.

use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::{Credentials, ProvideCredentials, Region, SharedHttpClient};
use tokio::sync::OnceCell;

use crate::config::{S3Config, S3Credentials, SecretSource};
use crate::store::secret;

/// For so long keys are used before their files are read again; the SDK reads them some seconds earlier.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(40);

pub(super) fn provider(config: &S3Config, http: &SharedHttpClient) -> KeySource {
    match &config.credentials {
        S3Credentials::Keys { access_key, secret_key, session_token } => {
            KeySource::Configured { access_key: access_key.clone(), secret_key: secret_key.clone(), session_token: session_token.clone() }
        }
        S3Credentials::Chain => KeySource::Chain { region: config.region.clone(), http: http.clone(), chain: OnceCell::new() },
    }
}

#[derive(Debug)]
pub(super) enum KeySource {
    Configured {
        access_key: SecretSource,
        secret_key: SecretSource,
        session_token: Option<SecretSource>,
    },
    /// Made at the first request: it may look around the machine for a while.
    Chain {
        region: String,
        http: SharedHttpClient,
        chain: OnceCell<DefaultCredentialsChain>,
    },
}

impl KeySource {
    async fn keys(&self) -> Result<Credentials, CredentialsError> {
        match self {
            Self::Configured { access_key, secret_key, session_token } => {
                let (access_key, secret_key) = (part("access_key", access_key).await?, part("secret_key", secret_key).await?);
                let session_token = match session_token {
                    Some(source) => Some(part("session_token", source).await?),
                    None => None,
                };
                #[expect(clippy::disallowed_methods, reason = "the SDK goes by this clock when it asks whether they are due")]
                let until = SystemTime::now() + READ_AGAIN_AFTER;
                Ok(Credentials::new(access_key, secret_key, session_token, Some(until), "sluss"))
            }
            Self::Chain { region, http, chain } => {
                let chain = chain.get_or_init(async || {
                    let around =
                        ProviderConfig::without_region().with_http_client(http.clone()).with_region(Some(Region::new(region.clone())));
                    DefaultCredentialsChain::builder().configure(around).build().await
                });
                chain.await.provide_credentials().await
            }
        }
    }
}

async fn part(key: &str, source: &SecretSource) -> Result<String, CredentialsError> {
    let read = secret::read(source).await;
    let secret = read.map_err(|reason| CredentialsError::provider_error(format!("{key}: {reason}")))?;
    Ok(secret.reveal().to_owned())
}

impl ProvideCredentials for KeySource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.keys())
    }
}
