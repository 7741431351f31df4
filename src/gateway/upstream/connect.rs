//! Connections to the existing API: over TLS where its address says so, and never longer on their way than they may be.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use crate::body::{Body, BoxError};
use crate::config::UpstreamConfig;

/// Shorter than servers keep idle connections for: one that both sides let go of at once is a request that fails, and none is sent twice.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// What hyper may hold of each direction of a connection, and so the longest head of an answer.
const MAX_BUF_BYTES: usize = 64 << 10;

pub(super) type UpstreamClient = Client<Connector, Body>;

/// Fails where the certificates cannot be read.
pub(super) fn client(config: &UpstreamConfig) -> anyhow::Result<UpstreamClient> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let https = HttpsConnectorBuilder::new().with_tls_config(tls(config.ca_file.as_deref())?).https_or_http().enable_http1();
    let connector = Connector { inner: https.wrap_connector(tcp), patience: config.connect_timeout };
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(config.connections)
        .http1_max_buf_size(MAX_BUF_BYTES)
        .http1_preserve_header_case(true)
        .set_host(false)
        .build(connector))
}

fn tls(ca_file: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().context("set up TLS")?;
    let Some(file) = ca_file else {
        return Ok(builder.with_native_roots().context("read the system's certificates")?.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).with_context(|| format!("read {}", file.display()))? {
        roots.add(certificate.with_context(|| format!("read {}", file.display()))?).with_context(|| format!("trust {}", file.display()))?;
    }
    anyhow::ensure!(!roots.is_empty(), "{} holds no certificate in PEM", file.display());
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Connects within a time that the handshake counts in, too.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    patience: Duration,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, patience) = (self.inner.call(uri), self.patience);
        Box::pin(
            async move { timeout(patience, connecting).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) },
        )
    }
}
