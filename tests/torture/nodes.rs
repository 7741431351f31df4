//! A process in this process: the product's own application on a runtime of its own, which can be killed at any moment.

use std::panic::{self, PanicHookInfo};
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use sluss::app::{App, Role, Running};
use sluss::client::HttpClient;
use sluss::config::{Config, ObjectStoreConfig};
use sluss::store::faulty::{self, Faults};
use sluss::tenants::Tenant;
use tokio::runtime::{Builder, Runtime};

use super::script::Script;
use super::stores::Stores;

pub const TENANT: &str = "acme";

/// A gateway that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Node {
    name: String,
    role: Role,
    config: Config,
    faults: Option<Arc<Faults>>,
    live: Mutex<Option<Live>>,
}

struct Live {
    runtime: Runtime,
    running: Arc<Running>,
    client: Option<HttpClient>,
}

impl Node {
    pub fn new(name: String, role: Role, config: Config, faults: Option<Arc<Faults>>) -> Self {
        Self { name, role, config, faults, live: Mutex::new(None) }
    }

    pub async fn start(&self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name(&self.name).enable_all().build().unwrap();
        let (config, role, faults) = (self.config.clone(), self.role, self.faults.clone());
        let started = runtime.spawn(async move {
            let app = match faults {
                Some(faults) => faulty::under(faults, App::build(config)).await,
                None => App::build(config).await,
            };
            app.unwrap().start(role).await.unwrap()
        });
        let running = Arc::new(started.await.unwrap());
        let client = running.documents.map(|address| {
            let client = HttpClient::new(format!("http://{address}").parse().unwrap(), None).unwrap();
            client.with_patience(PATIENCE)
        });
        *self.live.lock().unwrap() = Some(Live { runtime, running, client });
    }

    /// Every task is dropped where it stands. What a database or a disk was told already goes on, as it would behind a network.
    pub fn kill(&self) {
        if let Some(live) = self.live.lock().unwrap().take() {
            live.runtime.shutdown_background();
        }
    }

    pub fn is_up(&self) -> bool {
        self.live.lock().unwrap().is_some()
    }

    /// `None`: it is down, or has no listener.
    pub fn client(&self) -> Option<HttpClient> {
        self.live.lock().unwrap().as_ref()?.client.clone()
    }

    /// Its own way to the stores.
    pub fn tenant(&self) -> Arc<Tenant> {
        let live = self.live.lock().unwrap();
        live.as_ref().unwrap().running.tenants().get(&TENANT.parse().unwrap()).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Panics in nodes, by the thread's name.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// From now on a panic in a node is kept for its run. One of a node that is killed is how its libraries take it.
pub fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            let text = info.to_string();
            if !name.starts_with("node-") {
                default(info);
            } else if !KILLED.iter().any(|told| text.contains(told)) {
                PANICS.lock().unwrap().push((name, text));
            }
        }));
    });
}

/// What is said by those who waited for a task of a runtime that is gone.
const KILLED: [&str; 2] = ["Task has been cancelled", "task was cancelled"];

/// The panics in nodes whose names begin so.
pub fn panics_of(prefix: &str) -> Vec<String> {
    let panics = PANICS.lock().unwrap();
    panics.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(name, text)| format!("{name} {text}")).collect()
}

/// No answer of a store is waited for longer.
pub fn wait_for_stores(config: &mut Config, longest: Duration) {
    config.limits.store_timeout = longest;
    for placement in config.tenants.iter_mut().flat_map(|tenant| &mut tenant.objects) {
        if let ObjectStoreConfig::S3(s3) = &mut placement.store {
            // It is a real one, and several scripts share it.
            let longest = longest.max(Duration::from_secs(1));
            s3.timeout = longest;
            s3.connect_timeout = longest;
            s3.first_byte_timeout = longest;
            s3.idle_timeout = longest;
        }
    }
}

/// The files of one installation, and what they say; times are as short as a run is.
pub fn configure(folder: &Path, script: &Script, stores: &dyn Stores) -> Config {
    let gateway = "auth = \"none\"\n[listeners]\ndocuments = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
                   [control]\ndatabase = \"sqlite:control.db\"\n";
    std::fs::write(folder.join("sluss.toml"), gateway).unwrap();
    std::fs::create_dir(folder.join("tenants")).unwrap();
    let tenant_file = stores.tenant_file();
    let tenant = format!("phase = \"{}\"\nmirror = {}\noldest_sql_backup = \"0s\"\n{tenant_file}", script.phase, script.mirror);
    std::fs::write(folder.join(format!("tenants/{TENANT}.toml")), tenant).unwrap();
    let mut config = Config::load(&folder.join("sluss.toml")).unwrap();
    wait_for_stores(&mut config, Duration::from_millis(400));
    if let (Some(part_bytes), ObjectStoreConfig::S3(s3)) = (stores.part_bytes(), &mut config.tenants[0].objects[0].store) {
        s3.part_bytes = part_bytes;
    }
    config.limits.queue_timeout = Duration::from_secs(5);
    config.agents.in_serve = script.agents == 0;
    config.agents.lease = Duration::from_millis(500);
    config.agents.poll_min = Duration::from_millis(2);
    config.agents.poll_max = Duration::from_millis(40);
    config.agents.backoff.base = Duration::from_millis(5);
    config.agents.backoff.cap = Duration::from_millis(100);
    config.agents.backoff.budget = 1000;
    config.agents.abandoned_after = Duration::from_millis(script.abandoned_ms);
    config
}
