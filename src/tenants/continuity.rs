//! Whether a tenant's database goes on from where it was. One that was put back to an earlier moment gives out revisions again and names
//! objects of that moment: nothing is written, worked on or removed until somebody has said that the restore was meant.

use tokio::sync::watch;

use crate::model::history::Tick;
use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::store::error::StoreResult;
use crate::store::sql::SqlStore;

/// What this process knows of the database's course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Course {
    /// Nobody has looked yet, or a database could not be asked: nothing is removed, and everything else goes on.
    #[default]
    Unknown,
    Onward,
    /// Its tick or its epoch is behind what the control database has seen.
    Restored {
        found: Tick,
        seen: Tick,
    },
}

impl Course {
    fn is_broken(&self) -> bool {
        matches!(self, Self::Restored { .. })
    }
}

#[derive(Debug, Default)]
pub struct Continuity(watch::Sender<Course>);

impl Continuity {
    pub fn course(&self) -> Course {
        *self.0.borrow()
    }

    pub fn is_broken(&self) -> bool {
        self.0.borrow().is_broken()
    }

    /// Returns once the database is known to have been put back.
    pub async fn broken(&self) {
        // The sender lives for as long as this call does.
        let _ = self.0.subscribe().wait_for(Course::is_broken).await;
    }

    /// What another one of the same tenant knew, before the tenant was configured anew.
    pub fn inherit(&self, before: &Self) {
        self.0.send_replace(before.course());
    }

    /// Compares, and raises the tick where a minute has passed. What was known stays known where a database cannot be asked. The log is told
    /// when the course changes.
    pub async fn look(&self, tenant: &TenantId, sql: &dyn SqlStore, control: &dyn ControlStore) -> StoreResult<Course> {
        let course = look(tenant, sql, control).await?;
        let before = self.0.send_replace(course);
        match (before.is_broken(), course) {
            (false, Course::Restored { found, seen }) => tracing::error!(
                event = "restored",
                %tenant,
                "the database of {tenant} was put back to an earlier moment ({found}, and {seen} was seen): no writes and no agents here; see `sluss reconcile`"
            ),
            (true, Course::Onward | Course::Unknown) => {
                tracing::info!(event = "reconciled", %tenant, "the database of {tenant} goes on from where it was put back to");
            }
            (true, Course::Restored { .. }) | (false, Course::Onward | Course::Unknown) => {}
        }
        Ok(course)
    }
}

/// What a tenant's database says, compared with the highest that anybody has seen. A tick that is behind is never raised: it would catch up.
pub async fn look(tenant: &TenantId, sql: &dyn SqlStore, control: &dyn ControlStore) -> StoreResult<Course> {
    let seen = control.note_tick(tenant, sql.tick().await?).await?;
    // What is read now is no older than what was noted, unless time went back.
    let found = sql.raise_tick(seen).await?;
    if found.is_behind(seen) {
        return Ok(Course::Restored { found, seen });
    }
    if found != seen {
        control.note_tick(tenant, found).await?;
    }
    Ok(Course::Onward)
}
