//! TLS of the listeners as the configuration has it, and their certificates while the process runs: files that change are
//! read again, and what cannot be used changes nothing and is reported once.

use std::sync::Arc;

use anyhow::Context;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::reload::{LOOK_EVERY, Marks, marks};
use crate::config::{ClientCertificates, TlsConfig};
use crate::serve::tls::{Clients, Tls, TlsError, TlsFiles};
use crate::telemetry::Metrics;

/// A listener's TLS, and its files as they were when they were read.
pub(super) struct Followed {
    pub(super) tls: Arc<Tls>,
    known: Marks,
}

pub(super) fn load(what: &'static str, config: &TlsConfig, metrics: &Metrics) -> anyhow::Result<Followed> {
    let clients = match &config.clients {
        ClientCertificates::None => Clients::NoCertificate,
        ClientCertificates::Optional(authority) => Clients::Optional(authority.clone()),
        ClientCertificates::Required(authority) => Clients::Required(authority.clone()),
    };
    let files = TlsFiles { certificate: config.certificate.clone(), key: config.key.clone(), clients };
    let known = marks(files.all());
    let tls = Tls::load(files).with_context(|| format!("set up TLS of the {what} listener"))?;
    metrics.set_certificate_expiry(what, tls.expires_at());
    Ok(Followed { tls: Arc::new(tls), known })
}

/// Follows the files of one listener.
pub(super) async fn follow(what: &'static str, followed: Followed, metrics: Arc<Metrics>, drain: CancellationToken) {
    let Followed { tls, mut known } = followed;
    while drain.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
        // Looked at before it is read: what changes meanwhile is seen again.
        let seen = look(&tls).await;
        if seen == known {
            continue;
        }
        known = seen;
        let reading = Arc::clone(&tls);
        match tokio::task::spawn_blocking(move || reading.read_again()).await {
            Ok(Ok(())) => {
                metrics.set_certificate_expiry(what, tls.expires_at());
                tracing::info!("the certificate of the {what} listener was read again: new connections are shown it");
            }
            Ok(Err(error)) => warn(what, &error),
            Err(error) => tracing::error!("reading the certificate of the {what} listener again panicked: {error}"),
        }
    }
}

fn warn(what: &str, error: &TlsError) {
    tracing::warn!(
        "the certificate of the {what} listener has changed and is not taken over, the one before stays: {error}; \
         put a certificate and its key there that belong together"
    );
}

async fn look(tls: &Arc<Tls>) -> Marks {
    let files = tls.files().all();
    tokio::task::spawn_blocking(move || marks(files)).await.unwrap_or_default()
}
