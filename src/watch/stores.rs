//! The stores' health as this process knows it from its own work: object stores by their gates, databases by the last look at their tenants.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::id::TenantId;
use crate::store::guarded::{GateHealth, GateState};

/// Names in one answer: with more, their number tells.
const NAMED: usize = 5;

/// A look at a tenant's figures is a handful of small statements.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// A store whose reads usually take longer than this to their first byte is slow for a person, too.
const SLOW_READ: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    Sql,
    Object,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    Ok,
    Slow,
    /// Nobody is answered.
    Out,
    /// It was not asked yet.
    Unknown,
}

/// A store as this process uses it, with all its tenants.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreUse {
    /// What operators know it by.
    pub store: String,
    pub kind: StoreKind,
    pub tenants: Vec<TenantId>,
    pub in_flight: u64,
    /// Of an object store.
    pub health: Option<GateHealth>,
}

/// How the last look at a tenant's database went.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LastLook {
    None,
    Answered(Duration),
    Failed(String),
}

/// A store with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    pub(super) of: StoreUse,
    state: StoreState,
    text: Option<String>,
    p95: Option<Duration>,
}

/// A store as the admin API tells it, to who reaches some of its tenants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoreSummary {
    pub store: String,
    pub kind: StoreKind,
    /// The first few of those that use it.
    pub tenants: Vec<String>,
    pub tenant_count: u64,
    pub state: StoreState,
    /// Why it is not `ok`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// Requests to an object store, or connections to a database, that are at work now.
    pub in_flight: u64,
    /// Of an object store's last 128 reads up to their first byte; of the last look at each of a database's tenants.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p95_seconds: Option<f64>,
}

impl Store {
    pub(super) fn object(of: StoreUse, health: &GateHealth) -> Self {
        let (state, text) = match &health.state {
            GateState::Unknown => (StoreState::Unknown, None),
            GateState::Out(why) => (StoreState::Out, Some(why.clone())),
            GateState::Busy => (StoreState::Slow, Some("every place for requests is taken, and others wait".to_owned())),
            GateState::Owing => (StoreState::Slow, Some("it owes so many answers that sql is asked first where it can be".to_owned())),
            GateState::Answers => match health.p95.filter(|p95| *p95 > SLOW_READ) {
                Some(p95) => (StoreState::Slow, Some(format!("one read in twenty takes longer than {p95:.1?} to its first byte"))),
                None => (StoreState::Ok, None),
            },
        };
        Self { of, state, text, p95: health.p95 }
    }

    /// `looks`: at each of its tenants.
    pub(super) fn sql(of: StoreUse, looks: &[LastLook]) -> Self {
        let mut times: Vec<Duration> = Vec::new();
        let mut failures: Vec<&str> = Vec::new();
        for look in looks {
            match look {
                LastLook::None => {}
                LastLook::Answered(took) => times.push(*took),
                LastLook::Failed(why) => failures.push(why),
            }
        }
        times.sort_unstable();
        let p95 = times.get((times.len() * 95).div_ceil(100).saturating_sub(1)).copied();
        let (state, text) = match (failures.first(), p95) {
            (None, None) => (StoreState::Unknown, None),
            (Some(why), None) => (StoreState::Out, Some((*why).to_owned())),
            (Some(why), Some(_)) => {
                let (failed, looked) = (failures.len(), failures.len() + times.len());
                (StoreState::Slow, Some(format!("the databases of {failed} of {looked} tenants do not answer: {why}")))
            }
            (None, Some(p95)) if p95 > SLOW_LOOK => (StoreState::Slow, Some(format!("a look at a tenant's figures takes {p95:.1?}"))),
            (None, Some(_)) => (StoreState::Ok, None),
        };
        Self { of, state, text, p95 }
    }

    pub(super) fn is_out(&self) -> bool {
        self.state == StoreState::Out
    }

    /// `None`: none of its tenants is reached. Of the others nothing is told but the store's health.
    pub fn seen_by(&self, reaches: impl Fn(&TenantId) -> bool) -> Option<StoreSummary> {
        let reached: Vec<&TenantId> = self.of.tenants.iter().filter(|tenant| reaches(tenant)).collect();
        if reached.is_empty() {
            return None;
        }
        Some(StoreSummary {
            store: self.of.store.clone(),
            kind: self.of.kind,
            tenants: reached.iter().take(NAMED).map(ToString::to_string).collect(),
            tenant_count: reached.len() as u64,
            state: self.state,
            // Why a store does not answer names another tenant, or its placement, perhaps.
            text: self.text.clone().filter(|_| reached.len() == self.of.tenants.len()),
            in_flight: self.of.in_flight,
            // To the millisecond: finer differences are nobody's news.
            p95_seconds: self.p95.map(|p95| (p95.as_secs_f64() * 1000.0).ceil() / 1000.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(looks: &[LastLook]) -> Store {
        let tenants = ["acme", "globex"].map(|tenant| tenant.parse().unwrap()).to_vec();
        let of = StoreUse { store: "sqlite".into(), kind: StoreKind::Sql, tenants, in_flight: 0, health: None };
        Store::sql(of, looks)
    }

    #[test]
    fn a_database_is_out_when_none_of_its_tenants_is_answered() {
        let failed = || LastLook::Failed("unavailable".to_owned());
        let answered = |millis| LastLook::Answered(Duration::from_millis(millis));
        let state = |looks: &[LastLook]| database(looks).state;
        assert_eq!(state(&[LastLook::None, LastLook::None]), StoreState::Unknown);
        assert_eq!(state(&[LastLook::None, failed()]), StoreState::Out);
        assert_eq!(state(&[answered(5), failed()]), StoreState::Slow);
        assert_eq!(state(&[answered(5), answered(7)]), StoreState::Ok);
        assert_eq!(state(&[answered(5), answered(1700)]), StoreState::Slow);
    }

    #[test]
    fn who_reaches_one_tenant_hears_of_no_other() {
        let store = database(&[LastLook::Failed("acme: unavailable".to_owned()), LastLook::Answered(Duration::from_millis(3))]);
        let all = store.seen_by(|_| true).unwrap();
        assert_eq!((all.tenant_count, all.tenants.len(), all.p95_seconds), (2, 2, Some(0.003)));
        assert!(all.text.unwrap().contains("acme"));
        let objects = Store { of: StoreUse { kind: StoreKind::Object, ..store.of.clone() }, ..store.clone() };
        assert_eq!(objects.seen_by(|tenant| tenant.as_str() == "globex").unwrap().text, None);
        let one = store.seen_by(|tenant| tenant.as_str() == "globex").unwrap();
        assert_eq!((one.tenants, one.text), (vec!["globex".to_owned()], None));
        assert_eq!(store.seen_by(|_| false), None);
    }
}
