//! Keys in files or in the environment. They are read again after a while, and at once when the store refuses them: whoever rotates keys
//! expects the new ones to be used.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use tokio::time::Instant;

use crate::config::SecretSource;
use crate::lock::lock;
use crate::store::secret;

/// For so long keys are used before their files are read again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Keys that were read so long ago may have been replaced; younger ones that are refused are wrong.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// How a store says that it does not take the keys, whatever was asked for.
const REFUSALS: [&str; 4] = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"];

#[derive(Debug)]
pub(in crate::store::s3) struct Configured {
    access_key: SecretSource,
    secret_key: SecretSource,
    session_token: Option<SecretSource>,
    held: Mutex<Option<Held>>,
}

struct Held {
    keys: Credentials,
    read_at: Instant,
    /// They are not those that were held before.
    replaced: bool,
    refused: bool,
}

impl fmt::Debug for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Held")
    }
}

impl Configured {
    pub(super) fn new(access_key: &SecretSource, secret_key: &SecretSource, session_token: Option<&SecretSource>) -> Self {
        let (access_key, secret_key, session_token) = (access_key.clone(), secret_key.clone(), session_token.cloned());
        Self { access_key, secret_key, session_token, held: Mutex::default() }
    }

    async fn keys(&self) -> Result<Credentials, CredentialsError> {
        let good = |held: &&Held| !held.refused && held.read_at.elapsed() < READ_AGAIN_AFTER;
        if let Some(held) = self.held().as_ref().filter(good) {
            return Ok(held.keys.clone());
        }
        let keys = self.read().await?;
        let mut held = self.held();
        let replaced = held.as_ref().is_some_and(|held| held.keys != keys);
        *held = Some(Held { keys: keys.clone(), read_at: Instant::now(), replaced, refused: false });
        Ok(keys)
    }

    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let (access_key, secret_key) = (part("access_key", &self.access_key).await?, part("secret_key", &self.secret_key).await?);
        let session_token = match &self.session_token {
            Some(source) => Some(part("session_token", source).await?),
            None => None,
        };
        Ok(Credentials::new(access_key, secret_key, session_token, None, "sluss"))
    }

    /// The store refused somebody's keys. True: they have been replaced since, or may have been, so it is worth another try.
    fn refused(&self) -> bool {
        let mut held = self.held();
        let Some(held) = held.as_mut() else { return false };
        let settled = held.read_at.elapsed() > SETTLED_AFTER;
        // Where others were read a moment ago, the refused ones are those from before.
        held.refused = settled || !held.replaced;
        settled || held.replaced
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        lock(&self.held)
    }
}

async fn part(key: &str, source: &SecretSource) -> Result<String, CredentialsError> {
    let read = secret::read(source).await;
    let secret = read.map_err(|reason| CredentialsError::provider_error(format!("{key}: {reason}")))?;
    Ok(secret.reveal().to_owned())
}

impl ProvideCredentials for Configured {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.keys())
    }
}

/// Sees each answer of the store, and asks once more where the keys may have changed.
#[derive(Debug)]
pub(super) struct Refusals(pub(super) Arc<Configured>);

impl ClassifyRetry for Refusals {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().is_some_and(refuses_keys) && self.0.refused() {
            true => RetryAction::client_error(),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "keys that were refused"
    }
}

/// An answer to HEAD has no words, so there every 403 may be about the keys.
fn refuses_keys(answer: &HttpResponse) -> bool {
    let (status, body) = (answer.status().as_u16(), answer.body().bytes().unwrap_or_default());
    let words = String::from_utf8_lossy(body);
    match status {
        403 if words.is_empty() => true,
        400 | 401 | 403 => REFUSALS.iter().any(|code| words.contains(&format!("<Code>{code}</Code>"))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::advance;

    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn keys(&self) -> Configured {
            let source = |name: &str| SecretSource::File(self.0.path().join(name));
            Configured::new(&source("access"), &source("secret"), None)
        }

        fn write(&self, access: &str, secret: &str) {
            fs::write(self.0.path().join("access"), access).unwrap();
            fs::write(self.0.path().join("secret"), secret).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refused_keys_are_read_again_at_once_and_tried_again_where_they_may_have_changed() {
        let files = Files(tempfile::tempdir().unwrap());
        files.write("old", "old");
        let keys = files.keys();
        let id = async || keys.keys().await.unwrap().access_key_id().to_owned();
        assert!(!keys.refused(), "nobody has asked yet");
        assert_eq!(id().await, "old");
        files.write("new", "new");
        assert_eq!(id().await, "old", "they are held");
        advance(SETTLED_AFTER * 2).await;
        assert!(keys.refused());
        assert_eq!(id().await, "new");
        assert!(keys.refused(), "somebody else's request with the old ones");
        advance(SETTLED_AFTER * 2).await;
        assert!(keys.refused());
        assert_eq!(id().await, "new");
        assert!(!keys.refused(), "they were read a moment ago and are the same: they are wrong");
        files.write("newest", "newest");
        assert_eq!(id().await, "newest", "wrong ones are read again for each request");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_read_again_after_a_while_and_are_in_no_debug_form() {
        let files = Files(tempfile::tempdir().unwrap());
        files.write("old", "s3cret");
        let keys = files.keys();
        keys.keys().await.unwrap();
        let told = format!("{keys:?}");
        assert!(!told.contains("s3cret") && !told.contains("old"), "{told}");
        files.write("new", "s3cret");
        advance(READ_AGAIN_AFTER).await;
        assert_eq!(keys.keys().await.unwrap().access_key_id(), "new");
    }
}
