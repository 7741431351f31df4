//! Each tenant's traffic in this process, in steps of ten seconds over the last hour. A step without traffic takes no memory, and one with
//! traffic 72 bytes: 500 tenants that are busy in every step of an hour take 13 MB, and resting ones nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::lock::{read, write};
use crate::model::id::TenantId;
use crate::telemetry::{Metrics, SOURCES, Step};

pub const STEP_SECONDS: u64 = 10;

/// What is kept, and so the most that can be asked for.
pub const MOST_MINUTES: u64 = 60;

const STEPS_PER_MINUTE: u64 = 60 / STEP_SECONDS;
const KEPT: i64 = (MOST_MINUTES * STEPS_PER_MINUTE) as i64;

/// The last hour of this process.
pub struct Series {
    process: String,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The number of the last step that has ended, counted from 1970 on.
    last: i64,
    tenants: HashMap<TenantId, VecDeque<(i64, Step)>>,
}

/// Figures by where content came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BySource_{T}")]
pub struct BySource<T> {
    pub sql: Vec<T>,
    pub object: Vec<T>,
    pub cache: Vec<T>,
}

/// All lists are of one length, the oldest step first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Series")]
pub struct SeriesView {
    /// Whose traffic this is: each process tells of its own.
    pub process: String,
    pub step_seconds: u64,
    /// When the first step began.
    pub from: Timestamp,
    pub requests: BySource<u32>,
    /// From the request's head to the end of its answer's body; `null` where nothing was served.
    pub p50_seconds: BySource<Option<f32>>,
    pub p95_seconds: BySource<Option<f32>>,
    pub writes: Vec<u32>,
    /// Answers that blame this side: 5xx.
    pub errors: Vec<u32>,
    pub fallbacks: Vec<u32>,
    /// Differences that were found, or found again.
    pub mismatches: Vec<u32>,
    pub copied_documents: Vec<u32>,
    pub copied_bytes: Vec<u64>,
}

impl Series {
    pub fn new(process: String, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self { process, metrics, clock, kept: RwLock::default() }
    }

    /// Ends a step each ten seconds until the process drains.
    pub async fn follow(self: Arc<Self>, drain: CancellationToken) {
        while drain.run_until_cancelled(sleep(self.to_next_step())).await.is_some() {
            self.end_step();
        }
    }

    fn to_next_step(&self) -> Duration {
        let step = STEP_SECONDS as i64 * 1000;
        Duration::from_millis((step - self.clock.now().as_millisecond().rem_euclid(step)).unsigned_abs())
    }

    /// The last step that has ended by now.
    fn ended(&self) -> i64 {
        self.clock.now().as_second().div_euclid(STEP_SECONDS as i64) - 1
    }

    /// Takes what was counted since the last time as that of the step which has just ended.
    pub fn end_step(&self) {
        let steps = self.metrics.take_traffic();
        let ended = self.ended();
        let mut kept = write(&self.kept);
        kept.last = ended;
        for (tenant, step) in steps {
            kept.tenants.entry(tenant).or_default().push_back((ended, step));
        }
        kept.tenants.retain(|_, steps| {
            // Also what a clock that was put back has left in the future.
            steps.retain(|(number, _)| (ended - KEPT + 1..=ended).contains(number));
            !steps.is_empty()
        });
    }

    /// The last `minutes`, as far as this process has lived.
    pub fn view(&self, tenant: &TenantId, minutes: u64) -> SeriesView {
        let kept = read(&self.kept);
        let last = if kept.last == 0 { self.ended() } else { kept.last };
        let count = minutes.clamp(1, MOST_MINUTES) * STEPS_PER_MINUTE;
        let first = last - count as i64 + 1;
        let mut steps = vec![Step::default(); count as usize];
        for (number, step) in kept.tenants.get(tenant).into_iter().flatten() {
            if let Some(at) = usize::try_from(number - first).ok().filter(|at| *at < steps.len()) {
                steps[at] = *step;
            }
        }
        let from = Timestamp::from_second(first * STEP_SECONDS as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        view(self.process.clone(), from, &steps)
    }
}

fn view(process: String, from: Timestamp, steps: &[Step]) -> SeriesView {
    fn all<T>(steps: &[Step], of: impl Fn(&Step) -> T) -> Vec<T> {
        steps.iter().map(of).collect()
    }
    fn by_source<T>(steps: &[Step], of: impl Fn(&Step, usize) -> T) -> BySource<T> {
        let [sql, object, cache] = std::array::from_fn::<_, { SOURCES.len() }, _>(|source| all(steps, |step| of(step, source)));
        BySource { sql, object, cache }
    }
    let seconds = |seconds: f32| (seconds > 0.0).then_some(seconds);
    SeriesView {
        process,
        step_seconds: STEP_SECONDS,
        from,
        requests: by_source(steps, |step, source| step.requests[source]),
        p50_seconds: by_source(steps, |step, source| seconds(step.p50_seconds[source])),
        p95_seconds: by_source(steps, |step, source| seconds(step.p95_seconds[source])),
        writes: all(steps, |step| step.writes),
        errors: all(steps, |step| step.errors),
        fallbacks: all(steps, |step| step.fallbacks),
        mismatches: all(steps, |step| step.mismatches),
        copied_documents: all(steps, |step| step.copied_documents),
        copied_bytes: all(steps, |step| step.copied_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::telemetry::{Answered, ServedFrom};

    #[test]
    fn an_hour_is_kept_in_steps_and_what_rests_takes_nothing() {
        let (acme, globex): (TenantId, TenantId) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00.25Z".parse().unwrap()));
        let metrics = Arc::new(Metrics::new("1.2.3"));
        let series = Series::new("serve-1".to_owned(), Arc::clone(&metrics), clock.clone());
        let read = |tenant: &TenantId, served_from, code| {
            let duration = Duration::from_millis(20);
            metrics.request(&Answered { tenant: Some(tenant), operation: "read", served_from, code, duration });
        };
        let end_step = || {
            clock.advance(Duration::from_secs(STEP_SECONDS));
            series.end_step();
        };
        assert_eq!(series.view(&acme, 1).requests.sql, [0; 6], "before the first step");
        read(&acme, ServedFrom::Sql, 200);
        read(&acme, ServedFrom::Object, 206);
        read(&globex, ServedFrom::Nothing, 503);
        metrics.copied(&acme, 700);
        end_step();
        read(&acme, ServedFrom::Sql, 200);
        metrics.request(&Answered {
            tenant: Some(&acme),
            operation: "write",
            served_from: ServedFrom::Nothing,
            code: 204,
            duration: Duration::ZERO,
        });
        metrics.fallback(&acme, "unavailable");
        end_step();
        let view = series.view(&acme, 1);
        assert_eq!((view.process.as_str(), view.from), ("serve-1", "2026-03-01T11:59:20Z".parse().unwrap()));
        assert_eq!((&view.requests.sql[..], &view.requests.object[4..]), (&[0, 0, 0, 0, 1, 1][..], &[1, 0][..]));
        assert!(view.p95_seconds.sql[5].is_some_and(|p95| (0.014..0.029).contains(&p95)), "{:?}", view.p95_seconds);
        assert_eq!((view.p50_seconds.sql[0], view.p50_seconds.cache[5]), (None, None));
        assert_eq!((&view.writes[4..], &view.fallbacks[4..]), (&[0, 1][..], &[0, 1][..]));
        assert_eq!((view.copied_documents[4], view.copied_bytes[4]), (1, 700));
        assert_eq!(series.view(&globex, 60).errors[358..], [1, 0]);
        (0..358).for_each(|_| end_step());
        assert_eq!(series.view(&acme, 60).requests.sql[..3], [1, 1, 0], "an hour ago");
        (0..2).for_each(|_| end_step());
        assert!(series.kept.read().unwrap().tenants.is_empty());
    }
}
