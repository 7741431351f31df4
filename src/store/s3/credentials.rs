//! Where the keys of a placement come from. They are in no error and no `Debug`.

use std::sync::Arc;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::{Builder, Credentials, IdentityCache, ProvideCredentials, Region, SharedHttpClient};
use tokio::sync::OnceCell;

use self::configured::{Configured, Refusals};
use crate::config::{S3Config, S3Credentials};

mod configured;

/// The keys of one endpoint, for all its clients.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    Configured(Arc<Configured>),
    Chain(Arc<Chain>),
}

impl Keys {
    pub(super) fn of(config: &S3Config, http: &SharedHttpClient) -> Self {
        match &config.credentials {
            S3Credentials::Keys { access_key, secret_key, session_token } => {
                Self::Configured(Arc::new(Configured::new(access_key, secret_key, session_token.as_ref())))
            }
            S3Credentials::Chain => {
                Self::Chain(Arc::new(Chain { region: config.region.clone(), http: http.clone(), found: OnceCell::new() }))
            }
        }
    }

    pub(super) fn provide_for(&self, client: Builder) -> Builder {
        match self {
            // They hold themselves, because the SDK's own cache cannot be told that they were refused.
            Self::Configured(keys) => client
                .credentials_provider(Arc::clone(keys) as Arc<dyn ProvideCredentials>)
                .identity_cache(IdentityCache::no_cache())
                .retry_classifier(Refusals(Arc::clone(keys))),
            Self::Chain(chain) => client.credentials_provider(Arc::clone(chain) as Arc<dyn ProvideCredentials>),
        }
    }
}

/// What the SDK finds by itself. It is made at the first request: it may look around the machine for a while.
#[derive(Debug)]
pub(super) struct Chain {
    region: String,
    http: SharedHttpClient,
    found: OnceCell<DefaultCredentialsChain>,
}

impl Chain {
    async fn keys(&self) -> Result<Credentials, CredentialsError> {
        let found = self.found.get_or_init(async || {
            let region = Some(Region::new(self.region.clone()));
            let around = ProviderConfig::without_region().with_http_client(self.http.clone()).with_region(region);
            DefaultCredentialsChain::builder().configure(around).build().await
        });
        found.await.provide_credentials().await
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.keys())
    }
}
