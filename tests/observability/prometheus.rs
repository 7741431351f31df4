//! A real Prometheus, and its API.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::{HeaderMap, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sluss::body;
use sluss::client::HttpClient;
use sluss_s3::free_port;
use tempfile::TempDir;

use super::support::wait::{block_on, wait_until};

pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Prometheus {
    /// Where one will listen: processes that it scrapes may have to know.
    pub(crate) fn port() -> u16 {
        free_port()
    }

    /// Scrapes each second, and judges by these rules as often; what has to hold for minutes before it fires has to for as many seconds.
    /// `scrapes`: the items of `scrape_configs`.
    pub(crate) fn start(port: u16, scrapes: &str, rules: &[impl AsRef<Path>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in rules {
            let file = file.as_ref();
            fs::write(folder.path().join(file.file_name().unwrap()), hurried(&fs::read_to_string(file).unwrap())).unwrap();
        }
        let config = folder.path().join("prometheus.yml");
        let global = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [\"*.yaml\"]\n";
        fs::write(&config, format!("{global}scrape_configs:\n{scrapes}")).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Self { child, port, folder };
        wait_until("Prometheus is ready", || {
            let log = prometheus.folder.path().join("log");
            assert!(prometheus.child.try_wait().unwrap().is_none(), "it ended:\n{}", fs::read_to_string(log).unwrap());
            prometheus.get("/-/ready").is_some_and(|(status, _)| status == 200)
        });
        prometheus
    }

    /// What it answers; `None` while nobody listens.
    fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        let client = HttpClient::new(format!("http://127.0.0.1:{}", self.port).parse::<Uri>().unwrap(), None).unwrap();
        block_on(async {
            let answer = client.request(Method::GET, path, HeaderMap::new(), body::empty()).await.ok()?;
            let status = answer.status.as_u16();
            Some((status, answer.bytes(16 << 20).await.ok()?.to_vec()))
        })
    }

    pub(crate) fn api(&self, path: &str) -> Value {
        let (_, bytes) = self.get(&format!("/api/v1/{path}")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// How many series a query gives, or what is wrong with it.
    pub(crate) fn query(&self, expr: &str) -> Result<usize, String> {
        let answer = self.api(&format!("query?query={}", utf8_percent_encode(expr, NON_ALPHANUMERIC)));
        match answer["data"]["result"].as_array() {
            Some(found) => Ok(found.len()),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Names of the alerts that fire. One that has begun to count, as of a scrape that was late, is none yet.
    pub(crate) fn firing(&self) -> Vec<String> {
        let answer = self.api("alerts");
        let firing = answer["data"]["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }
}

/// Rules with seconds where they have minutes.
fn hurried(rules: &str) -> String {
    let hurry = |line: &str| match line.trim_start().strip_prefix("for: ") {
        Some(time) => {
            format!("        for: {}\n", time.strip_suffix('m').map_or_else(|| time.replace('h', "m"), |minutes| format!("{minutes}s")))
        }
        None => line.replace("interval: 30s", "interval: 1s") + "\n",
    };
    rules.lines().map(hurry).collect()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
