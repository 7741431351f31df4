//! The password of a SQL login, read again for every connection, and a pause after it was refused. It is in no error and no `Debug`.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use crate::config::{Secret, SecretSource};
use crate::lock::lock;
use crate::store::error::StoreErrorKind;
use crate::store::secret;

#[cfg(test)]
mod tests;

/// A login under a password policy is locked out after a few refusals: one wrong password must not be sent by every request.
const PAUSE: Duration = Duration::from_secs(5);

/// The login of one database, for both lanes.
pub(super) struct Login {
    pub(super) user: String,
    source: SecretSource,
    refused: Mutex<Option<Refused>>,
}

struct Refused {
    secret: Secret,
    fault: Fault,
    until: Instant,
}

impl Login {
    pub(super) fn new(user: &str, source: &SecretSource) -> Self {
        Self { user: user.to_owned(), source: source.clone(), refused: Mutex::default() }
    }

    /// Logs in with the password of this moment. If it is refused and has changed meanwhile, with the new one; else nobody tries it
    /// again for a while.
    pub(super) async fn log_in<T, F>(&self, connect: impl Fn(Secret) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut secret = self.secret().await?;
        loop {
            if let Some(fault) = self.refusal_of(&secret) {
                return Err(fault);
            }
            let fault = match connect(secret.clone()).await {
                Err(fault) if fault.is_login() => fault,
                connected_or_not => return connected_or_not,
            };
            let now = self.secret().await?;
            if now == secret {
                self.note(secret, &fault);
                return Err(fault);
            }
            secret = now;
        }
    }

    fn refusal_of(&self, secret: &Secret) -> Option<Fault> {
        let refused = lock(&self.refused);
        let refused = refused.as_ref().filter(|refused| refused.secret == *secret && Instant::now() < refused.until)?;
        Some(refused.fault.clone())
    }

    fn note(&self, secret: Secret, fault: &Fault) {
        let refused = Refused { secret, fault: fault.clone(), until: Instant::now() + PAUSE };
        *lock(&self.refused) = Some(refused);
    }

    async fn secret(&self) -> Result<Secret, Fault> {
        let read = secret::read(&self.source).await;
        read.map_err(|reason| Fault::before(StoreErrorKind::Denied, format!("the password's {reason}")))
    }
}
