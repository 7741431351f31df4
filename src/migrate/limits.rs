//! Operators' limits as this process follows them: read from the control database every second, and at once where this process
//! served the change. While the control database is away the last ones hold; before the first look nobody works.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::model::limits::{Allowed, OwnBounds, Seat};
use crate::store::control::{ALIVE_WITHIN, ControlStore};
use crate::store::error::StoreResult;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What this process's agents may do, as it was last seen.
pub struct LiveLimits {
    control: Arc<dyn ControlStore>,
    /// This process, among those that send heartbeats.
    process: String,
    allowed: watch::Sender<Allowed>,
    /// One look at a time: an older answer never replaces a newer one.
    looking: Mutex<()>,
}

impl LiveLimits {
    pub fn new(control: Arc<dyn ControlStore>, process: String, own: OwnBounds) -> Self {
        Self { control, process, allowed: watch::Sender::new(Allowed::by(own)), looking: Mutex::default() }
    }

    pub fn watch(&self) -> watch::Receiver<Allowed> {
        self.allowed.subscribe()
    }

    /// What is set in the control database now holds in this process on return.
    pub async fn look(&self) -> StoreResult<()> {
        let _one = self.looking.lock().await;
        let limits = self.control.limits().await?;
        let seat = if limits.is_shared() { Some(self.seat().await?) } else { None };
        self.allowed.send_if_modified(|allowed| {
            let now = allowed.renewed(limits, seat);
            let changed = now != *allowed;
            *allowed = now;
            changed
        });
        Ok(())
    }

    async fn seat(&self) -> StoreResult<Seat> {
        let mut working: Vec<_> = self.control.processes(ALIVE_WITHIN).await?.into_iter().filter(|process| process.works).collect();
        // Who came later is ranked later: the others keep what they have.
        working.sort_by(|one, other| (one.started_at, &one.name).cmp(&(other.started_at, &other.name)));
        let names: Vec<String> = working.into_iter().map(|process| process.name).collect();
        Ok(Seat::among(&names, &self.process))
    }

    /// Returns once the limits are known: what was paused stays so over a restart.
    pub async fn first_look(&self) {
        while let Err(error) = self.look().await {
            tracing::warn!("agents wait until the limits can be read: {}", error.chain());
            sleep(LOOK_EVERY).await;
        }
    }

    pub async fn follow(self: Arc<Self>, drain: CancellationToken) {
        let mut away = false;
        while drain.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            match self.look().await {
                Ok(()) if away => {
                    away = false;
                    tracing::info!("the limits can be read again");
                }
                Ok(()) => {}
                Err(error) if !away => {
                    away = true;
                    tracing::warn!("the limits cannot be read, the last ones hold: {}", error.chain());
                }
                Err(_) => {}
            }
        }
    }
}

/// Returns when what is allowed fits.
pub async fn until(allowed: &mut watch::Receiver<Allowed>, fits: impl FnMut(&Allowed) -> bool) {
    if allowed.wait_for(fits).await.is_err() {
        // Nobody follows the limits any more: what holds now holds for ever.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::model::limits::{LimitScope, LimitsChange};
    use crate::store::control::{AuditRecord, Process};
    use crate::store::sqlite::{SqliteControl, SqliteFile};

    const OWN: OwnBounds = OwnBounds { bytes_per_second: None, concurrency: 4 };

    struct House {
        folder: tempfile::TempDir,
        clock: Arc<ManualClock>,
        control: Arc<SqliteControl>,
    }

    impl House {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
            let file = |create| SqliteFile::new(&folder.path().join("control.db"), 2, Duration::from_secs(5), create).unwrap();
            SqliteControl::open(file(true), clock.clone()).await.unwrap();
            let control = Arc::new(SqliteControl::open(file(false), clock.clone()).await.unwrap());
            Self { folder, clock, control }
        }

        fn limits_of(&self, process: &str) -> LiveLimits {
            LiveLimits::new(Arc::clone(&self.control) as _, process.to_owned(), OWN)
        }

        async fn set(&self, change: LimitsChange) {
            let by = AuditRecord { actor: "ops".into(), on_behalf_of: None, action: "limits".into(), tenant: None, detail: String::new() };
            self.control.change_limits(&LimitScope::All, change, by).await.unwrap();
        }

        async fn beat(&self, name: &str, works: bool) {
            let now = self.clock.now();
            let process = Process { name: name.into(), role: "agent".into(), works, version: "1".into(), started_at: now, seen_at: now };
            self.control.heartbeat(&process).await.unwrap();
        }
    }

    fn concurrency(figure: u64) -> LimitsChange {
        LimitsChange { concurrency: Some(Some(figure.try_into().unwrap())), ..LimitsChange::default() }
    }

    fn places(limits: &LiveLimits) -> usize {
        limits.watch().borrow().places()
    }

    #[tokio::test]
    async fn the_last_limits_hold_while_the_control_database_is_away() {
        let house = House::new().await;
        house.set(LimitsChange::pause(true)).await;
        let limits = house.limits_of("a");
        let is_paused = || limits.watch().borrow().limits.all.paused;
        limits.first_look().await;
        assert!(is_paused());
        let (here, away) = (house.folder.path().join("control.db"), house.folder.path().join("away"));
        std::fs::rename(&here, &away).unwrap();
        assert!(limits.look().await.is_err() && is_paused());
        std::fs::rename(&away, &here).unwrap();
        house.set(LimitsChange::pause(false)).await;
        limits.look().await.unwrap();
        assert!(!is_paused());
    }

    #[tokio::test]
    async fn a_process_shares_with_those_that_live_and_work() {
        let house = House::new().await;
        house.set(concurrency(3)).await;
        for (name, works) in [("a", true), ("b", true), ("only-serves", false)] {
            house.beat(name, works).await;
        }
        let (a, b) = (house.limits_of("a"), house.limits_of("b"));
        let look = async || {
            a.look().await.unwrap();
            b.look().await.unwrap();
            (places(&a), places(&b))
        };
        assert_eq!(look().await, (2, 1));
        // b dies, and after a while a has it all; not before b could have seen that it is taken for dead.
        house.clock.advance(ALIVE_WITHIN + Duration::from_secs(1));
        house.beat("a", true).await;
        assert_eq!(look().await.0, 2);
        look().await;
        assert_eq!(look().await.0, 3);
        // b is back, and a drains and says so.
        house.beat("b", true).await;
        house.beat("a", false).await;
        look().await;
        look().await;
        assert_eq!(look().await.1, 3);
    }

    #[tokio::test]
    async fn who_follows_hears_of_a_change_and_of_nothing_else() {
        let house = House::new().await;
        house.beat("a", true).await;
        let limits = house.limits_of("a");
        limits.look().await.unwrap();
        let mut follower = limits.watch();
        follower.mark_unchanged();
        limits.look().await.unwrap();
        assert!(!follower.has_changed().unwrap());
        house.set(concurrency(1)).await;
        limits.look().await.unwrap();
        assert!(follower.has_changed().unwrap() && places(&limits) == 1);
    }
}
