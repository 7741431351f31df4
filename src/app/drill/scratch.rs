//! The scratch tenant of a drill: a database, a folder of objects and the product's own document API over them, in a folder that goes with it. Nobody
//! but the drill reaches it, because it listens nowhere.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;
use tower::util::BoxCloneService;

use crate::app::{App, backends};
use crate::body::{self, Body};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, SqlConfig};
use crate::gateway::service;
use crate::lock::lock;
use crate::model::backup::Held;
use crate::model::content::{ContentHash, ContentHasher};
use crate::store::object::ByteStream;
use crate::store::sqlite;

/// What the scratch tenant holds in memory at once, beside what the drill reads.
const BUFFER_BYTES: u64 = 64 << 20;

/// Of an answer that is no document.
const MAX_PROBLEM_BYTES: usize = 16 << 10;

const GATEWAY: &str = "auth = \"none\"\nown_api = true\n[control]\ndatabase = \"sqlite:control.db\"\n[agents]\nin_serve = false\n";

/// In phase `object`, so that a content goes through an upload, a commit and a location on its way in, and is checked piece by piece on its
/// way out.
const TENANT: &str = "phase = \"object\"\n[sql]\ndatabase = \"sqlite:../scratch.db\"\n[collections.documents]\ntable = \"documents\"\nid = \"id\"\n\
                      id_type = \"integer\"\ncontent = \"content\"\n[objects]\ndisk = \"../objects\"\n";

const TABLE: &str = "CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB)";

pub(super) struct ScratchTenant {
    documents: BoxCloneService<Request<Body>, Response<Body>, Infallible>,
    /// Removed with it.
    folder: TempDir,
    /// Rows are numbered: what an id may be is the customer's table's to say, and the drill is about contents.
    restored: u64,
}

impl ScratchTenant {
    /// `within`: where there is room for what is restored.
    pub(super) async fn plant(config: &Config, within: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(".sluss-drill-").tempdir_in(within);
        let folder = folder.with_context(|| format!("make a folder in {}", within.display()))?;
        let root = folder.path();
        std::fs::create_dir(root.join("tenants"))?;
        std::fs::write(root.join("sluss.toml"), GATEWAY)?;
        std::fs::write(root.join("tenants/scratch.toml"), TENANT)?;
        sqlite::create(&root.join("scratch.db"), TABLE).map_err(|error| anyhow::anyhow!(error.chain()))?;
        let mut scratch = Config::load(&root.join("sluss.toml")).context("the scratch tenant's own configuration")?;
        scratch.limits.max_document_bytes = config.limits.max_document_bytes;
        (scratch.limits.buffer_bytes, scratch.limits.cache_bytes) = (BUFFER_BYTES, 0);
        // A slow offsite store is no client that holds a connection.
        scratch.limits.min_rate = 0;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        for tenant in &scratch.tenants {
            let SqlConfig::Sqlite(file) = &tenant.sql else { anyhow::bail!("the scratch tenant lies in a file") };
            backends::init_file(file, tenant).await?;
            backends::init_control(&scratch.control, &clock).await?;
        }
        let app = App::build(scratch).await?;
        let documents = BoxCloneService::new(service::stack(app.documents(), Arc::clone(&app.metrics)));
        Ok(Self { documents, folder, restored: 0 })
    }

    /// What a drill of everything leaves takes its time to go.
    pub(super) async fn remove(self) {
        let Self { documents, folder, .. } = self;
        drop(documents);
        match tokio::task::spawn_blocking(move || folder.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the scratch tenant of a drill is left: {error}"),
            Err(error) => tracing::warn!("the scratch tenant of a drill is left: {error}"),
        }
    }

    /// Writes a content as a client would, and answers the id of its row. `Err`: why it was not taken.
    pub(super) async fn restore(&mut self, held: &Held, content: ByteStream) -> Result<u64, String> {
        let id = self.restored + 1;
        // The answer says only that the body broke.
        let broke = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&broke);
        let pieces = content.map(move |portion| {
            portion.map_err(|interrupted| {
                *lock(&noted) = Some(crate::causes::chain(&interrupted));
                interrupted.into()
            })
        });
        let mut request = request(Method::PUT, id, body::stream(pieces))?;
        request.headers_mut().insert(CONTENT_LENGTH, held.length.into());
        let answer = self.ask(request).await;
        if answer.status() == StatusCode::CREATED {
            self.restored = id;
            return Ok(id);
        }
        let broke = lock(&broke).take();
        Err(match broke {
            Some(reason) => reason,
            None => format!("it could not be written: {}", problem(answer).await),
        })
    }

    /// Reads it as a client would.
    pub(super) async fn read_back(&mut self, id: u64) -> Result<ContentHash, String> {
        let answer = self.ask(request(Method::GET, id, body::empty())?).await;
        if answer.status() != StatusCode::OK {
            return Err(format!("it could not be read back: {}", problem(answer).await));
        }
        let (mut hasher, mut body) = (ContentHasher::default(), answer.into_body());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("it broke off when it was read back: {error}"))?;
            if let Ok(portion) = frame.into_data() {
                hasher.update(&portion);
            }
        }
        Ok(hasher.finish().sha256)
    }

    fn ask(&mut self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let answer = self.documents.clone().oneshot(request);
        // No async block: in one the compiler forgets that what a service's types name lives for ever.
        answer.map(|Ok(answer)| answer).boxed()
    }
}

fn request(method: Method, id: u64, body: Body) -> Result<Request<Body>, String> {
    let request = Request::builder().method(method).uri(format!("/v1/tenants/scratch/documents/{id}"));
    request.body(body).map_err(|error| error.to_string())
}

async fn problem(answer: Response<Body>) -> String {
    let (status, mut body, mut text) = (answer.status(), answer.into_body(), Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        text.extend_from_slice(&frame.into_data().unwrap_or_default());
        if text.len() > MAX_PROBLEM_BYTES {
            break;
        }
    }
    format!("{status}: {}", String::from_utf8_lossy(&text))
}
