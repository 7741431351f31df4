//! nginx as a proxy before the store, which is what most people would put there. It ends with this value.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use sluss::client::HttpClient;
use sluss_s3::free_port;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::cpu;

/// Where Debian has it, whatever the user's `PATH` is.
const PROGRAM: &str = "/usr/sbin/nginx";

/// Files that the kernel keeps in memory, sent from there.
const CACHE: &str = "sendfile on; proxy_cache_path cache keys_zone=documents:10m; proxy_cache documents; proxy_cache_valid 200 1h; \
                     add_header X-Cache $upstream_cache_status;";

const START: Duration = Duration::from_secs(10);

pub struct Nginx {
    child: Child,
    pub client: HttpClient,
    folder: TempDir,
}

impl Nginx {
    pub async fn before(endpoint: &str) -> anyhow::Result<Self> {
        Self::start(endpoint, "").await
    }

    /// With its cache on; `X-Cache` tells whether an answer came from there.
    pub async fn caching(endpoint: &str) -> anyhow::Result<Self> {
        Self::start(endpoint, CACHE).await
    }

    async fn start(endpoint: &str, cache: &str) -> anyhow::Result<Self> {
        let store = endpoint.strip_prefix("http://").context("nginx is measured before a store behind plain http")?;
        let folder = tempfile::Builder::new().prefix("sluss-loadtest-nginx-").tempdir()?;
        let port = free_port();
        fs::write(folder.path().join("nginx.conf"), configuration(store, port, cache))?;
        let log = fs::File::create(folder.path().join("nginx.log"))?;
        let mut command = Command::new(PROGRAM);
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let child = child.with_context(|| format!("start {PROGRAM}; tests/setup bench installs it"))?;
        let client = HttpClient::new(format!("http://127.0.0.1:{port}").parse()?, None)?;
        let nginx = Self { child, client, folder };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < START, "nginx does not start: {}", nginx.log());
            sleep(Duration::from_millis(20)).await;
        }
        Ok(nginx)
    }

    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu::of(&self.child.id().to_string())
    }

    fn log(&self) -> String {
        ["nginx.log", "error.log"].map(|file| fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()).concat()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One process, so that its CPU time is all of it; connections to the store are kept, as Sluss keeps them.
fn configuration(store: &str, port: u16, cache: &str) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; \
         scgi_temp_path scgi; tcp_nodelay on; keepalive_requests 1000000; proxy_buffers 16 8k; {cache}\n\
         upstream store {{ server {store}; keepalive 32; keepalive_requests 1000000; }}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://store; proxy_http_version 1.1; \
         proxy_set_header Connection \"\"; proxy_set_header Host $http_host; }} }} }}\n"
    )
}
