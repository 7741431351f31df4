//! A flip of one tenant's phase: gather the facts, ask the guards, compare and set, with the audit entry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::work::JobError;
use super::{compare, evidence};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::model::id::TenantId;
use crate::model::job::JobState;
use crate::model::phase::{FlipFacts, Guard, Phase, Verdict, guards, judge, permit};
use crate::model::verification::VerificationFacts;
use crate::store::control::{AuditRecord, ControlStore};
use crate::store::sql::Flipped;
use crate::tenants::Tenant;

/// Who asked for a flip.
#[derive(Debug, Clone)]
pub struct Actor {
    pub name: String,
    pub on_behalf_of: Option<String>,
}

impl Actor {
    /// What this operator did, for the audit.
    pub fn record(&self, action: &str, tenant: Option<&TenantId>, detail: String) -> AuditRecord {
        AuditRecord {
            actor: self.name.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            action: action.to_owned(),
            tenant: tenant.map(ToString::to_string),
            detail,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FlipWish {
    /// The phase that the operator saw: where the tenant is in another one now, nothing is flipped and the outcome is `moved`.
    #[serde(default)]
    pub from: Option<Phase>,
    pub to: Phase,
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a wish to flip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlipOutcome {
    Flipped,
    /// The tenant was in that phase before.
    AlreadyThere,
    /// A dry run, and every guard passes.
    WouldFlip,
    /// At least one guard does not pass.
    Blocked,
    /// Somebody else flipped at the same moment, or since the operator looked.
    Moved,
}

/// What happened, and every guard with its verdict; none was asked where the tenant was not in the phase that the operator saw.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FlipReport {
    pub tenant: String,
    pub from: Phase,
    pub to: Phase,
    pub outcome: FlipOutcome,
    pub guards: Vec<Verdict>,
}

pub async fn flip(
    budget: &Budget,
    control: &dyn ControlStore,
    clock: &dyn Clock,
    tenant: &Tenant,
    wish: FlipWish,
    actor: &Actor,
) -> Result<FlipReport, JobError> {
    let FlipWish { from: seen, to, dry_run } = wish;
    let from = tenant.sql.state().await?.phase;
    if let Some(seen) = seen.filter(|seen| *seen != from) {
        if !dry_run {
            audit(control, tenant, actor, "phase.moved", format!("{seen} to {to}: the tenant was in {from} already")).await?;
        }
        return Ok(FlipReport { tenant: tenant.id.to_string(), from, to, outcome: FlipOutcome::Moved, guards: Vec::new() });
    }
    let facts = gather(budget, control, clock, tenant, from, to).await?;
    let report = |outcome| FlipReport { tenant: tenant.id.to_string(), from, to, outcome, guards: judge(from, to, &facts) };
    if from == to {
        return Ok(report(FlipOutcome::AlreadyThere));
    }
    let permit = match permit(from, to, &facts) {
        Ok(_) if dry_run => return Ok(report(FlipOutcome::WouldFlip)),
        Ok(permit) => permit,
        Err(_) if dry_run => return Ok(report(FlipOutcome::Blocked)),
        Err(_) => {
            audit(control, tenant, actor, "phase.refused", format!("{from} to {to}: a guard does not pass")).await?;
            return Ok(report(FlipOutcome::Blocked));
        }
    };
    // Before the flip, so that none happens unseen; one that is then lost to another flip says so in a second entry.
    audit(control, tenant, actor, "phase.flip", format!("{from} to {to}")).await?;
    match tenant.sql.flip(permit).await? {
        Flipped::Done => {
            tenant.work.notify_one();
            tracing::info!(event = "flipped", tenant = %tenant.id, "{} goes from {from} to {to}, asked for by {}", tenant.id, actor.name);
            Ok(report(FlipOutcome::Flipped))
        }
        Flipped::Moved => {
            audit(control, tenant, actor, "phase.moved", format!("{from} to {to}: somebody else flipped first")).await?;
            Ok(report(FlipOutcome::Moved))
        }
    }
}

/// Only what the step's guards ask for.
async fn gather(
    budget: &Budget,
    control: &dyn ControlStore,
    clock: &dyn Clock,
    tenant: &Tenant,
    from: Phase,
    to: Phase,
) -> Result<FlipFacts, JobError> {
    let mut facts = FlipFacts::default();
    for guard in guards(from, to) {
        match guard {
            Guard::StoreProbe => facts.probe = Some(evidence::gather(control, clock, tenant).await?),
            Guard::SampleComparison => facts.sample = Some(compare::sample(budget, tenant).await?),
            Guard::Verification => facts.verification = Some(verification(budget, tenant).await?),
            Guard::OneStep => {}
        }
    }
    Ok(facts)
}

async fn verification(budget: &Budget, tenant: &Tenant) -> Result<VerificationFacts, JobError> {
    let (epoch, runs) = (tenant.sql.state().await?.epoch, tenant.sql.verifications().await?);
    let collections: Vec<&str> = tenant.config.collections.iter().map(|collection| collection.name.as_str()).collect();
    let mut facts = VerificationFacts::of(&collections, &runs, epoch);
    if facts.never.is_empty() {
        facts.unverified = compare::latecomers(budget, tenant).await?;
    }
    facts.open_differences = tenant.sql.open_differences().await?;
    let counts = tenant.jobs.counts().await?;
    facts.quarantined = counts.iter().filter(|count| count.state == JobState::Quarantined).map(|count| count.jobs).sum();
    Ok(facts)
}

async fn audit(control: &dyn ControlStore, tenant: &Tenant, actor: &Actor, action: &str, detail: String) -> Result<(), JobError> {
    control.audit(actor.record(action, Some(&tenant.id), detail)).await?;
    Ok(())
}
