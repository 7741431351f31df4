//! Who gets a place among the document requests in flight, once tenant and token are known and before any store is touched.
//! Nobody waits here: who gets no place is told so at once, because waiting would only hold its connection.
//!
//! One half of the process's places is kept for all tenants in equal parts: however much the others ask for, a tenant below
//! its part is let in. The other half is for whoever comes, but a tenant takes no more there than three times what is left,
//! so that one that asks for everything leaves room for one that begins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::rescue::GatewayError;
use crate::config::{Limits, TenantLimits};
use crate::lock::lock;
use crate::model::id::TenantId;
use crate::telemetry::{Metrics, Shed};
use crate::tenants::Tenant;

#[cfg(test)]
mod tests;

/// Of the shared half, what a tenant may hold for each place that is left there.
const HOLD_PER_FREE: usize = 3;

/// What the process's own configuration allows.
#[derive(Debug, Clone, Copy)]
struct Rules {
    places: usize,
    per_tenant: Option<usize>,
    per_token: Option<usize>,
    tenant_rate: Option<u32>,
    token_rate: Option<u32>,
    burst: Duration,
}

pub struct Admission {
    rules: Rules,
    metrics: Arc<Metrics>,
    ledger: Arc<Mutex<Ledger>>,
}

/// A place among the requests in flight, given back when it is dropped.
pub struct Place {
    tenant: TenantId,
    token: String,
    ledger: Arc<Mutex<Ledger>>,
}

impl Admission {
    pub fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let rules = Rules {
            places: limits.concurrent_requests,
            per_tenant: limits.concurrent_requests_per_tenant,
            per_token: limits.concurrent_requests_per_token,
            tenant_rate: limits.requests_per_second_per_tenant,
            token_rate: limits.requests_per_second_per_token,
            burst: limits.rate_burst,
        };
        Self { rules, metrics, ledger: Arc::default() }
    }

    /// `tenants`: how many this process serves.
    pub fn admit(&self, tenant: &Tenant, token: &str, tenants: usize) -> Result<Place, GatewayError> {
        let rules = self.rules.of(tenant.config.limits);
        let admitted = lock(&self.ledger).admit(&rules, &tenant.id, token, tenants, Instant::now());
        admitted.map(|()| Place { tenant: tenant.id.clone(), token: token.to_owned(), ledger: Arc::clone(&self.ledger) }).map_err(
            |refused| {
                self.metrics.shed(refused.reason());
                refused.into()
            },
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.ledger).give_back(&self.tenant, &self.token);
    }
}

impl Rules {
    /// A tenant's own limits can only be lower.
    fn of(self, own: TenantLimits) -> Self {
        let lower = |one: Option<usize>, other: Option<usize>| one.into_iter().chain(other).min();
        Self {
            per_tenant: lower(self.per_tenant, own.concurrent_requests),
            tenant_rate: self.tenant_rate.into_iter().chain(own.requests_per_second).min(),
            ..self
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Process,
    Tenant,
    Token,
    TenantRate { retry_after: Duration },
    TokenRate { retry_after: Duration },
}

impl Refused {
    fn reason(self) -> Shed {
        match self {
            Self::Process => Shed::Process,
            Self::Tenant => Shed::Tenant,
            Self::Token => Shed::Token,
            Self::TenantRate { .. } => Shed::TenantRate,
            Self::TokenRate { .. } => Shed::TokenRate,
        }
    }
}

impl From<Refused> for GatewayError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Process | Refused::Tenant | Refused::Token => Self::Overloaded,
            Refused::TenantRate { retry_after } | Refused::TokenRate { retry_after } => Self::TooManyRequests { retry_after },
        }
    }
}

/// Of one tenant, or of one token. Their names are those of the configuration, so there are no more of them than there.
#[derive(Debug, Default)]
struct Account {
    held: usize,
    rate: Rate,
}

#[derive(Debug, Default)]
struct Ledger {
    held: usize,
    tenants: HashMap<TenantId, Account>,
    tokens: HashMap<String, Account>,
}

impl Ledger {
    /// All or nothing: a request that is refused counts nowhere.
    fn admit(&mut self, rules: &Rules, tenant: &TenantId, token: &str, tenants: usize, now: Instant) -> Result<(), Refused> {
        let (of_tenant, of_token) = (self.tenants.get(tenant), self.tokens.get(token));
        let held = |account: Option<&Account>| account.map_or(0, |account| account.held);
        if rules.per_token.is_some_and(|most| held(of_token) >= most) {
            return Err(Refused::Token);
        }
        if rules.per_tenant.is_some_and(|most| held(of_tenant) >= most) {
            return Err(Refused::Tenant);
        }
        if !self.has_room(rules.places, held(of_tenant), tenants) {
            return Err(Refused::Process);
        }
        let wait = |account: Option<&Account>, rate: Option<u32>| {
            let pace = Pace::of(rate?, rules.burst);
            account.and_then(|account| account.rate.wait(pace, now))
        };
        if let Some(retry_after) = wait(of_token, rules.token_rate) {
            return Err(Refused::TokenRate { retry_after });
        }
        if let Some(retry_after) = wait(of_tenant, rules.tenant_rate) {
            return Err(Refused::TenantRate { retry_after });
        }
        self.held += 1;
        enter(self.tenants.entry(tenant.clone()).or_default(), rules.tenant_rate, rules.burst, now);
        enter(self.tokens.entry(token.to_owned()).or_default(), rules.token_rate, rules.burst, now);
        Ok(())
    }

    /// Whether a tenant that holds so many places gets one more of the process's.
    fn has_room(&self, places: usize, held: usize, tenants: usize) -> bool {
        if self.held >= places {
            return false;
        }
        let holders = self.tenants.values().filter(|account| account.held > 0).count();
        let tenants = tenants.max(holders).max(1);
        let part = part(places, tenants);
        if held < part || tenants == 1 {
            return true;
        }
        let shared: usize = self.tenants.values().map(|account| account.held.saturating_sub(part)).sum();
        let free = (places - part * tenants).saturating_sub(shared);
        held - part < HOLD_PER_FREE * free
    }

    fn give_back(&mut self, tenant: &TenantId, token: &str) {
        self.held -= 1;
        for account in self.tenants.get_mut(tenant).into_iter().chain(self.tokens.get_mut(token)) {
            account.held -= 1;
        }
    }
}

/// The places that are kept for each tenant.
fn part(places: usize, tenants: usize) -> usize {
    places / (2 * tenants)
}

fn enter(account: &mut Account, rate: Option<u32>, burst: Duration, now: Instant) {
    account.held += 1;
    if let Some(rate) = rate {
        account.rate.count(Pace::of(rate, burst), now);
    }
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between two requests of a caller that keeps the rate.
    interval: Duration,
    /// How far a caller may be ahead of that.
    ahead: Duration,
}

impl Pace {
    fn of(per_second: u32, burst: Duration) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, ahead: burst.saturating_sub(interval) }
    }
}

/// A leaky bucket, as the instant at which it will have run empty.
#[derive(Debug, Default)]
struct Rate {
    empty_at: Option<Instant>,
}

impl Rate {
    /// How long a caller has to wait, if it has to.
    fn wait(&self, pace: Pace, now: Instant) -> Option<Duration> {
        let filled = self.empty_at?.saturating_duration_since(now);
        filled.checked_sub(pace.ahead).filter(|wait| !wait.is_zero())
    }

    fn count(&mut self, pace: Pace, now: Instant) {
        self.empty_at = Some(self.empty_at.map_or(now, |empty_at| empty_at.max(now)) + pace.interval);
    }
}
