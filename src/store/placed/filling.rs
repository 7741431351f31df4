//! Which placement takes new objects: the first one that is below its limits. What a placement holds is counted in SQL every few
//! minutes, never by listing it, and what this process mints meanwhile is added. So a limit is soft: it is overshot by what other
//! processes write between two counts, and by what is under way.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;
use crate::model::id::PlacementName;
use crate::store::error::StoreResult;
use crate::store::sql::PlacementUsage;

/// Between two counts of one tenant's placements.
const COUNT_EVERY: Duration = Duration::from_secs(5 * 60);

/// After a count that failed.
const COUNT_AGAIN: Duration = Duration::from_secs(60);

/// Objects, and the bytes that they take in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    pub objects: u64,
    pub bytes: u64,
}

/// At either of them a placement is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FillLimits {
    pub max_objects: Option<u64>,
    pub max_bytes: Option<u64>,
}

impl FillLimits {
    fn is_none(self) -> bool {
        self.max_objects.is_none() && self.max_bytes.is_none()
    }
}

/// How full a placement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pub placement: PlacementName,
    pub limits: FillLimits,
    /// By the last count; `None` before the first.
    pub counted: Option<Amount>,
    /// What this process has minted since, as far as the count cannot have seen it.
    pub since: Amount,
}

impl Level {
    pub fn is_full(&self) -> bool {
        let Amount { objects, bytes } = self.counted.unwrap_or_default();
        let reaches = |held: u64, since: u64, limit: Option<u64>| limit.is_some_and(|limit| held.saturating_add(since) >= limit);
        reaches(objects, self.since.objects, self.limits.max_objects) || reaches(bytes, self.since.bytes, self.limits.max_bytes)
    }
}

/// One tenant's placements, the first to be filled first.
pub struct Filling(Mutex<State>);

struct State {
    levels: Vec<Level>,
    due: Instant,
}

impl Filling {
    /// At least one placement. The first count is due at once; until it has come, new objects go by what this process has minted.
    pub fn new(placements: impl IntoIterator<Item = (PlacementName, FillLimits)>) -> Self {
        let level = |(placement, limits)| Level { placement, limits, counted: None, since: Amount::default() };
        Self(Mutex::new(State { levels: placements.into_iter().map(level).collect(), due: Instant::now() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Whether it matters what the placements hold.
    pub fn is_limited(&self) -> bool {
        self.state().levels.iter().any(|level| !level.limits.is_none())
    }

    pub fn levels(&self) -> Vec<Level> {
        self.state().levels.clone()
    }

    /// The placement for one more object. Where all are full it is the last one: a write that is lost is worse than a placement
    /// above its limit.
    pub(super) fn take(&self) -> usize {
        let levels = &mut self.state().levels;
        let taken = levels.iter().position(|level| !level.is_full()).unwrap_or(levels.len() - 1);
        levels[taken].since.objects += 1;
        taken
    }

    /// So many bytes more are on their way.
    pub(super) fn add_bytes(&self, placement: usize, bytes: u64) {
        self.state().levels[placement].since.bytes += bytes;
    }

    pub fn is_due(&self) -> bool {
        self.state().due <= Instant::now()
    }

    /// Takes in what `usage` counts. What was minted while the count ran is kept beside it, counted or not: rather too full than too empty.
    pub async fn count(&self, usage: impl Future<Output = StoreResult<Vec<PlacementUsage>>>) -> StoreResult<()> {
        let before: Vec<Amount> = self.state().levels.iter().map(|level| level.since).collect();
        let counted = usage.await;
        let mut state = self.state();
        state.due = Instant::now() + if counted.is_ok() { COUNT_EVERY } else { COUNT_AGAIN };
        let counted = counted?;
        for (level, before) in state.levels.iter_mut().zip(before) {
            let usage = counted.iter().find(|usage| usage.placement == level.placement);
            level.counted = Some(usage.map_or_else(Amount::default, |usage| Amount { objects: usage.objects, bytes: usage.bytes }));
            level.since = Amount { objects: level.since.objects - before.objects, bytes: level.since.bytes - before.bytes };
        }
        Ok(())
    }
}
