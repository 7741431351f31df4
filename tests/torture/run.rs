//! One script, from empty stores to the verdict.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluss::app::{self, Role};
use sluss::config::Config;
use sluss::migrate::schedule::regular_work;
use sluss::model::job::JobKind;
use sluss::model::phase::{FlipFacts, Phase, Sample, permit};
use sluss::model::verification::{VerificationFacts, VerifyWish};
use sluss::store::faulty::Faults;
use sluss::store::sql::Flipped;
use sluss::tenants::Tenant;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::history::History;
use super::instant::Mark;
use super::model::{Event, Straight};
use super::nodes::{Node, configure, keep_panics, panics_of, wait_for_stores};
use super::script::{Act, Ask, ContentSpec, Part, Script, Statement, Step, actors, steps_of};
use super::stores::{self, Sql, Stores};
use super::watch::Flips;

/// A run that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client comes again when no gateway is up, so often and after so long.
const RETRIES: usize = 20;
const RETRY_AFTER: Duration = Duration::from_millis(15);

pub struct Run {
    pub script: Script,
    pub stores: Arc<dyn Stores>,
    pub faults: Arc<Faults>,
    pub history: History,
    pub nodes: Vec<Node>,
    /// A gateway whose stores never fail: flips, and whatever is looked at in the end.
    pub observer: Node,
    pub counts: Mutex<BTreeMap<&'static str, u64>>,
    pub compared: AtomicU64,
    pub flips: Flips,
    /// The judge writes straight to SQL now, and only a sweep finds what that calls for.
    pub last_word: AtomicBool,
    /// What a restore goes back to.
    pub marked: Mutex<Option<Mark>>,
    /// What its nodes' names begin with.
    name: String,
    /// Dropped last.
    _folder: TempDir,
}

/// What a run did, and what was wrong.
#[derive(Debug, Default)]
pub struct Outcome {
    pub violations: Vec<String>,
    pub counts: BTreeMap<&'static str, u64>,
    pub faults: BTreeMap<&'static str, u64>,
}

pub async fn run(script: &Script) -> Outcome {
    keep_panics();
    let run = Arc::new(Run::prepare(script).await);
    if timeout(PATIENCE, run.whole()).await.is_err() {
        run.history.violation(format!("the run has not ended after {PATIENCE:?}"));
    }
    run.outcome()
}

/// Where fsync costs nothing: whether the machine's power may fail is not what is asked here.
fn folder() -> TempDir {
    let in_memory = PathBuf::from("/dev/shm");
    if in_memory.is_dir() { tempfile::tempdir_in(in_memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl Run {
    async fn prepare(script: &Script) -> Self {
        let folder = folder();
        let stores = stores::open(&script.stores, folder.path(), script.seed).await;
        let config = configure(folder.path(), script, &*stores);
        app::init(&config, &config.tenants[0]).await.unwrap();
        let faults = Arc::new(Faults::new(script.faults.clone()).landing_on(Handle::current()));
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let name = format!("node-{}-", RUNS.fetch_add(1, Ordering::Relaxed));
        let node = |at: usize| {
            let role = if at < script.gateways { Role::Serve } else { Role::Agent { observed_on: None } };
            Node::new(format!("{name}{at}"), role, config.clone(), Some(Arc::clone(&faults)))
        };
        let nodes: Vec<Node> = (0..script.nodes()).map(node).collect();
        let observer = Node::new(format!("{name}observer"), Role::Serve, idle(&config), None);
        observer.start().await;
        for node in &nodes {
            node.start().await;
        }
        let history = History::of(script);
        let (script, counts) = (script.clone(), Mutex::default());
        Self {
            script,
            stores,
            faults,
            history,
            nodes,
            observer,
            counts,
            compared: AtomicU64::new(0),
            flips: Flips::default(),
            last_word: AtomicBool::new(false),
            marked: Mutex::default(),
            name,
            _folder: folder,
        }
    }

    async fn whole(self: &Arc<Self>) {
        let mut watch = JoinSet::new();
        watch.spawn(Arc::clone(self).watch());
        for part in self.script.parts() {
            self.part(&part).await;
        }
        self.calm();
        for node in self.nodes.iter().filter(|node| !node.is_up()) {
            node.start().await;
        }
        self.judge().await;
        for panic in panics_of(&self.name) {
            self.history.violation(panic);
        }
    }

    async fn part(self: &Arc<Self>, part: &Part<'_>) {
        if let Some(Act::Mark) = part.opening {
            self.mark().await;
        }
        let mut busy = JoinSet::new();
        if let Some(Act::Return(only)) = part.opening {
            let (run, only) = (Arc::clone(self), *only);
            busy.spawn(async move { run.go_back(only).await });
        }
        for actor in actors(part.steps) {
            let (run, steps) = (Arc::clone(self), steps_of(part.steps, &actor));
            busy.spawn(async move {
                for step in steps {
                    run.step(&step).await;
                }
            });
        }
        while let Some(ended) = busy.join_next().await {
            if let Err(error) = ended {
                self.history.violation(format!("an actor of the test panicked: {error}"));
            }
        }
    }

    /// From now on no store fails.
    pub fn calm(&self) {
        self.faults.disarm();
        self.stores.calm();
    }

    fn outcome(&self) -> Outcome {
        let mut counts = self.counts.lock().unwrap().clone();
        counts.insert("unanswered", self.history.unanswered());
        counts.insert("documents compared", self.compared.load(Ordering::Relaxed));
        let faults = self.faults.counts().into_iter().map(|(kind, count)| (kind.label(), count)).chain(self.stores.troubles()).collect();
        Outcome { violations: self.history.violations(), counts, faults }
    }

    pub fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    pub fn tenant(&self) -> Arc<Tenant> {
        self.observer.tenant()
    }

    async fn step(&self, step: &Step) {
        sleep(Duration::from_millis(step.pause_ms)).await;
        match &step.act {
            Act::Ask { document, ask, gateway } => self.ask(&step.actor, *document, *ask, *gateway).await,
            Act::Sql { document, statement } => self.statement(&step.actor, *document, *statement).await,
            Act::Flip(to) => self.flip(*to).await,
            Act::Sweep => self.enqueue(JobKind::Sweep).await,
            Act::Collect => self.enqueue(JobKind::Collect).await,
            Act::Verify => self.verify().await,
            Act::Purge => self.purge().await,
            Act::Kill { node, rest_ms } => self.kill(*node, *rest_ms).await,
            Act::Mark | Act::Return(_) => unreachable!("they open a part, and are no step of it"),
        }
    }

    async fn ask(&self, who: &str, document: u32, ask: Ask, gateway: usize) {
        let gateways = &self.nodes[..self.script.gateways];
        let there = || gateways.iter().cycle().skip(gateway % gateways.len()).take(gateways.len()).find_map(Node::client);
        let mut http = there();
        for _ in 0..RETRIES {
            if http.is_none() {
                sleep(RETRY_AFTER).await;
                http = there();
            }
        }
        let Some(http) = http else { return self.count("nobody there") };
        self.count(match ask {
            Ask::Put(..) => "put",
            Ask::Cut(_) => "put that breaks off",
            Ask::Get | Ask::GetSince | Ask::GetPart => "get",
            Ask::Head => "head",
            Ask::Delete(_) => "delete",
            Ask::Versions => "list of versions",
            Ask::GetVersion(_) => "get of a version",
            Ask::Restore(..) => "restore of a version",
        });
        Client { who, http: &http, history: &self.history, document }.ask(ask).await;
    }

    pub async fn statement(&self, who: &str, document: u32, statement: Statement) {
        self.count("statement in sql");
        let (sql, what) = translate(statement);
        let stores = Arc::clone(&self.stores);
        let call = self.history.now();
        let before = spawn_blocking(move || stores.statement(document, &sql)).await.unwrap();
        let back = self.history.now();
        if let Some(before) = self.history.raw(who, document, &before) {
            self.history.note(who, document, call, Some(back), Event::Straight { what, before });
        }
    }

    /// Step by step: the way there is longer when another operator is on it.
    pub async fn flip(&self, to: Phase) {
        let (tenant, _flipping) = (self.tenant(), self.flips.begin());
        for _ in 0..2 * Phase::ALL.len() {
            let from = tenant.sql.state().await.unwrap().phase;
            if from == to {
                return;
            }
            let next = if to < from { to } else { following(from) };
            let permit = permit(from, next, &facts()).unwrap();
            if next == Phase::Sql {
                self.history.sql_begins();
            }
            if tenant.sql.flip(permit).await.unwrap() == Flipped::Done {
                self.count("flip");
                if next != Phase::Sql {
                    self.history.sql_has_ended();
                }
            }
        }
    }

    /// Without repair: a stream that lies makes a difference, and a repair names the content anew, which no history here expects.
    async fn verify(&self) {
        self.count("verification");
        self.tenant().sql.begin_verification(VerifyWish { repair: false, background: false }).await.unwrap();
    }

    /// In any phase: agents have to leave one alone that does not call for it.
    async fn purge(&self) {
        self.count("purge");
        self.tenant().sql.begin_purge(false).await.unwrap();
    }

    /// Through a node's own, failing stores where one is up.
    async fn enqueue(&self, kind: JobKind) {
        let tenant = self.tenant();
        let work = regular_work(&tenant).into_iter().filter(|job| job.kind == kind).collect();
        tenant.jobs.enqueue(work).await.unwrap();
    }

    async fn kill(&self, node: usize, rest_ms: u64) {
        let Some(node) = self.nodes.get(node).filter(|node| node.is_up()) else { return };
        node.kill();
        self.count("kill");
        sleep(Duration::from_millis(rest_ms)).await;
        node.start().await;
    }
}

fn following(phase: Phase) -> Phase {
    let at = Phase::ALL.iter().position(|other| *other == phase).unwrap();
    Phase::ALL[(at + 1).min(Phase::ALL.len() - 1)]
}

/// What the guards want to hear. A flip that a guard should have stopped may cost a copy, and never a byte.
fn facts() -> FlipFacts {
    let sample = Some(Sample { compared: 1, ..Sample::default() });
    FlipFacts { probe: Some(Ok("passed".into())), sample, verification: Some(VerificationFacts::default()) }
}

fn idle(config: &Config) -> Config {
    let mut config = config.clone();
    config.agents.in_serve = false;
    wait_for_stores(&mut config, Duration::from_secs(30));
    config
}

fn translate(statement: Statement) -> (Sql, Straight) {
    let id = |content: Option<ContentSpec>| content.map(|content| content.id);
    let bytes = |content: Option<ContentSpec>| content.map(ContentSpec::bytes);
    match statement {
        Statement::Update(content) => (Sql::Update(content.bytes()), Straight::Update(content.id)),
        Statement::Clear => (Sql::Clear, Straight::Clear),
        Statement::Touch => (Sql::Touch, Straight::Touch),
        Statement::Delete => (Sql::Delete, Straight::Delete),
        Statement::Insert(content) => (Sql::Insert(bytes(content)), Straight::Insert(id(content))),
        Statement::Replace(content) => (Sql::Replace(bytes(content)), Straight::Replace(id(content))),
        Statement::Peek => (Sql::Peek, Straight::Peek),
    }
}
