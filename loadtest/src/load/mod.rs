//! `sluss-loadtest load`: requests that come when the schedule says, whatever becomes of those before them, flips and faults meanwhile, and
//! every answer compared with what must be. A latency begins when its request was due: a server that stalls cannot hide what waits behind
//! (no coordinated omission).

mod arrivals;
mod chart;
mod ledger;
mod list;
mod operation;
mod page;
mod plan;
mod record;
mod report;
mod target;
mod timetable;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use self::arrivals::Schedule;
use self::ledger::Ledger;
use self::operation::{Outcome, Worker};
use self::plan::{Arrivals, Plan};
use self::record::Record;
use self::report::Report;
use self::target::Target;
use crate::seed::Manifest;

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// What `seed` has filled: its manifest says what every document must be.
    #[arg(long)]
    folder: PathBuf,
    #[command(flatten)]
    target: target::Wanted,
    /// A plan with rates, mix and events, in TOML; docs/loadtest.md has an example.
    #[arg(long, conflicts_with_all = ["seconds", "rate", "arrivals"])]
    plan: Option<PathBuf>,
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// Requests a second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    arrivals: Arrivals,
    /// Another one makes another schedule.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests in flight at most; one that is due beyond them is not sent, which makes the run a failed one.
    #[arg(long, default_value_t = 5000)]
    in_flight: usize,
    /// Prints the result as JSON in place of a table.
    #[arg(long)]
    json: bool,
    /// Writes the result as a page with charts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The end may be a moment after a fault: a document that could not be read is asked for again so often.
const LAST_TRIES: u32 = 20;

/// What was due and could not be sent so long after the end of the run's time, because the machine had no turn for it, is not sent any more.
const GRACE: Duration = Duration::from_secs(1);

pub async fn run(args: &LoadArgs) -> anyhow::Result<()> {
    let manifest = Manifest::of(&args.folder)?;
    let plan = match &args.plan {
        Some(path) => Plan::read(path)?,
        None => Plan::steady(args.seconds, args.rate, args.arrivals),
    };
    plan.check(&manifest, args.target.abilities())?;
    let target = Arc::new(Target::open(&args.target, &args.folder).await?);
    let run =
        Arc::new(Run { ledger: Ledger::of(manifest.clone()), record: Record::of(plan.seconds), target, in_flight: AtomicUsize::new(0) });
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(plan.seconds) + GRACE;
    let events = timetable::run(&plan, &manifest, Arc::clone(&run.target), begun);
    let (events, ()) = tokio::join!(events, send_all(&run, Schedule::of(&plan, &manifest, args.seed), begun, end, args.in_flight));
    let checked = run.check_all().await;
    let used = run.target.used().await;
    let Ok(run) = Arc::try_unwrap(run) else { bail!("a request is still under way") };
    let report =
        Report { manifest, plan, point_seconds: run.record.point_seconds, figures: run.record.into_figures(), events, checked, used };
    if let Some(path) = &args.html {
        fs::write(path, page::page(&report)).with_context(|| format!("write {}", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        report.print();
    }
    report.verdict()
}

struct Run {
    ledger: Ledger,
    record: Record,
    target: Arc<Target>,
    in_flight: AtomicUsize,
}

/// What the comparison at the end found: every document that was changed, by its own read.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Checked {
    pub documents: u64,
    pub unread: u64,
    pub different: Vec<String>,
}

async fn send_all(run: &Arc<Run>, schedule: Schedule<'_>, begun: Instant, end: Instant, in_flight: usize) {
    let requests = TaskTracker::new();
    for due in schedule {
        sleep_until(begun + due.at).await;
        let now = Instant::now();
        if now > end || run.in_flight.load(Ordering::Relaxed) >= in_flight {
            run.record.unsent(due.operation, due.at);
            continue;
        }
        run.record.sent(now.saturating_duration_since(begun + due.at));
        run.in_flight.fetch_add(1, Ordering::Relaxed);
        let run = Arc::clone(run);
        requests.spawn(async move {
            let outcome = run.worker().perform(due).await;
            let ended = begun.elapsed();
            run.in_flight.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = run.record.add(due.operation, outcome, ended, ended.saturating_sub(due.at)) {
                eprintln!("  a request was not recorded: {error:#}");
            }
        });
    }
    requests.close();
    requests.wait().await;
}

impl Run {
    fn worker(&self) -> Worker<'_> {
        Worker { documents: &self.target.documents, ledger: &self.ledger }
    }

    /// Nothing that was acknowledged may be lost: each document that was changed is read once more.
    async fn check_all(&self) -> Checked {
        let mut checked = Checked::default();
        for document in self.ledger.changed() {
            let mut outcome = Outcome::Lost;
            for _ in 0..LAST_TRIES {
                outcome = self.worker().read(document).await;
                if !matches!(outcome, Outcome::Lost | Outcome::Refused(_)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            checked.documents += 1;
            match outcome {
                Outcome::Right { .. } => {}
                Outcome::Wrong(complaint) => checked.different.push(complaint),
                Outcome::Lost | Outcome::Refused(_) | Outcome::Skipped => checked.unread += 1,
            }
        }
        checked
    }
}
