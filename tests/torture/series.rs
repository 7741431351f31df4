//! Script after script until the time is over, or the same one again and again; then what all of them did. The first failure ends it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::generate;
use super::run::{Outcome, run};
use super::script::Script;
use super::shrink::{Shrunk, shrink};

/// Scripts at once: most of a run is waiting. A Ceph on the same machine works while they wait.
const AT_ONCE: usize = 16;
const AT_ONCE_ON_CEPH: usize = 5;

/// How often one script is repeated.
const REPEATS: u64 = 20;

pub struct Series {
    lasts: Duration,
    shrinks: Duration,
    stores: String,
    what: What,
}

/// Which scripts run.
enum What {
    /// This one and its successors.
    From(u64),
    Only(Box<Script>),
}

impl Series {
    pub fn from_environment() -> Self {
        let stores = setting("SLUSS_TORTURE_STORES").unwrap_or_else(|| "sqlite+disk".to_owned());
        let what = match (setting("SLUSS_SCRIPT"), number("SLUSS_SEED")) {
            (Some(file), _) => What::Only(Box::new(std::fs::read_to_string(&file).unwrap().parse().unwrap())),
            (None, Some(seed)) => What::Only(Box::new(generate::script(seed, &stores))),
            (None, None) => What::From(u64::from(rand::random::<u32>())),
        };
        if matches!(what, What::Only(_)) {
            let filter = setting("RUST_LOG").unwrap_or_else(|| "sluss=warn".to_owned());
            tracing_subscriber::fmt().with_env_filter(filter).init();
        }
        Self {
            lasts: Duration::from_secs(number("SLUSS_TORTURE_SECONDS").unwrap_or(15)),
            shrinks: Duration::from_secs(number("SLUSS_SHRINK_SECONDS").unwrap_or(90)),
            stores,
            what,
        }
    }

    /// A few seconds on the stores of this name.
    pub fn short(stores: &str) -> Self {
        Self {
            lasts: Duration::from_secs(10),
            shrinks: Duration::from_secs(60),
            stores: stores.to_owned(),
            what: What::From(u64::from(rand::random::<u32>())),
        }
    }

    pub async fn run(self) {
        let begun = Instant::now();
        let mut report = Report::default();
        let mut running = JoinSet::new();
        let mut next = 0;
        let at_once = if self.stores.ends_with("+s3") { AT_ONCE_ON_CEPH } else { AT_ONCE };
        loop {
            while running.len() < at_once && self.goes_on(next, begun) {
                let script = self.script(next);
                next += 1;
                running.spawn(async move {
                    let outcome = run(&script).await;
                    (script, outcome)
                });
            }
            let Some(ended) = running.join_next().await else { break };
            let (script, outcome) = ended.unwrap();
            report.add(&outcome);
            if !outcome.violations.is_empty() {
                running.abort_all();
                while running.join_next().await.is_some() {}
                println!("{}", report.text(begun.elapsed()));
                // In seconds always: tests/mutants/run reads the number.
                let took = begun.elapsed().as_secs_f64();
                println!("seed {} fails after {took:.1} s:\n{}", script.seed, outcome.violations.join("\n"));
                let shrunk = shrink(script, outcome.violations, self.shrinks).await;
                panic!("{}", told(&shrunk));
            }
        }
        println!("{}", report.text(begun.elapsed()));
        report.assert_worth_it(matches!(self.what, What::From(_)));
    }

    fn goes_on(&self, next: u64, begun: Instant) -> bool {
        match self.what {
            What::From(_) => begun.elapsed() < self.lasts,
            What::Only(_) => next < REPEATS,
        }
    }

    fn script(&self, next: u64) -> Script {
        match &self.what {
            What::From(first) => generate::script(first.wrapping_add(next), &self.stores),
            What::Only(script) => (**script).clone(),
        }
    }
}

/// What a whole series did.
#[derive(Default)]
struct Report {
    scripts: u64,
    counts: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
}

impl Report {
    fn add(&mut self, outcome: &Outcome) {
        self.scripts += 1;
        for (sum, counts) in [(&mut self.counts, &outcome.counts), (&mut self.faults, &outcome.faults)] {
            for (what, count) in counts {
                *sum.entry(what).or_default() += count;
            }
        }
    }

    fn text(&self, took: Duration) -> String {
        let line = |counts: &BTreeMap<&'static str, u64>| {
            let parts: Vec<String> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
            parts.join(", ")
        };
        format!("{} scripts in {took:.0?}\ndone: {}\nfaults: {}", self.scripts, line(&self.counts), line(&self.faults))
    }

    /// A series that compared nothing, or in which nothing failed on purpose, proves nothing.
    fn assert_worth_it(&self, random: bool) {
        let count = |what| self.counts.get(what).copied().unwrap_or_default();
        assert!(count("history checked") > 0 && count("documents compared") > 0);
        let undecided = count("history undecided");
        assert!(undecided * 50 <= count("history checked"), "{undecided} histories were too long to judge");
        if random && self.scripts >= 20 {
            let never: Vec<&str> = self.faults.iter().filter(|(_, count)| **count == 0).map(|(kind, _)| *kind).collect();
            assert!(never.is_empty() && count("kill") > 0 && count("flip") > 0, "these never happened: {never:?}");
            assert!(count("version compared") > 0 && count("restore of a version") > 0);
        }
        if random && self.scripts >= 60 {
            assert!(count("document brought back") > 0, "no restore to an instant was compared");
        }
    }
}

fn told(shrunk: &Shrunk) -> String {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("torture-{}.script", shrunk.script.seed));
    std::fs::write(&file, shrunk.script.to_string()).unwrap();
    format!(
        "a promise is broken; after {} runs of smaller scripts this one is left, in {file}:\n\n{}\n{}\n\n\
         again: SLUSS_SCRIPT={file} make torture, or the whole of it: SLUSS_SEED={} make torture",
        shrunk.runs,
        shrunk.script,
        shrunk.violations.join("\n"),
        shrunk.script.seed,
        file = file.display()
    )
}

fn number(name: &str) -> Option<u64> {
    Some(setting(name)?.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
