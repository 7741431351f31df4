//! Backups over the admin API: begins one where nothing speaks against it, and tells of all that ran. The agents do the work.

use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{Query, parse};
use super::error::AdminError;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::model::backup::{BackupFigures, BackupKind, BackupRun, BackupState, Manifest};
use crate::store::error::StoreResult;
use crate::tenants::Tenant;

/// Runs of a tenant in one answer, unless fewer are asked for; those whose manifest is kept come besides.
const MOST_RUNS: usize = 100;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackupWish {
    pub tenant: String,
}

/// Every reason against it, or none: then it has begun.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackupAnswer {
    pub tenant: String,
    pub outcome: BackupOutcome,
    /// Of the run that has begun.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<u64>,
    pub blockers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupOutcome {
    Begun,
    Blocked,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackupLists {
    pub tenants: Vec<BackupList>,
}

/// The backups of one tenant.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackupList {
    pub tenant: String,
    /// Its file says where the copies go to; without that there are none.
    pub configured: bool,
    /// When the schedule has the next one begin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_at: Option<Timestamp>,
    /// Copies that a verification found to be bad, and that no run has made anew yet.
    pub bad_copies: u64,
    /// The newest first.
    pub runs: Vec<BackupView>,
}

/// One run, and what became of its manifest.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackupView {
    pub number: u64,
    pub state: BackupState,
    /// The moment whose contents it has.
    pub instant: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    #[serde(flatten)]
    pub figures: BackupFigures,
    /// Why it failed, or what was wrong with its manifest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Once it is written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest: Option<ManifestView>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ManifestView {
    pub kind: BackupKind,
    /// Its file's name in the offsite store.
    pub object: String,
    pub length: u64,
    pub sha256: String,
    pub signature: String,
}

impl From<BackupRun> for BackupView {
    fn from(run: BackupRun) -> Self {
        let BackupRun { number, state, instant, ended_at, figures, reason, manifest } = run;
        let manifest = manifest.map(|Manifest { kind, object, length, sha256, signature, .. }| ManifestView {
            kind,
            object: object.to_string(),
            length,
            sha256: sha256.to_string(),
            signature: signature.to_string(),
        });
        Self { number, state, instant, ended_at, figures, reason, manifest }
    }
}

/// What speaks against making or trying a tenant's backup now, whichever it is.
pub(super) fn blockers(tenant: &Tenant) -> Vec<String> {
    let mut blockers = Vec::new();
    if tenant.config.backup.is_none() {
        blockers.push("its file has no [backup]: say where the copies go to".to_owned());
    }
    if let Some(owner) = tenant.ownership.other() {
        blockers.push(format!("its objects belong to installation {owner}: see `sluss reconcile`"));
    }
    if tenant.continuity.is_broken() {
        blockers.push("its database was put back to an earlier moment: `sluss reconcile` comes first".to_owned());
    }
    blockers
}

impl Admin {
    pub(super) async fn back_up(&self, operator: &Operator, body: Body) -> Result<Response<Body>, AdminError> {
        let BackupWish { tenant } = parse(body).await?;
        let tenant = self.tenant(operator, &tenant)?;
        let blockers = blockers(&tenant);
        let refused =
            |blockers: Vec<String>| BackupAnswer { tenant: tenant.id.to_string(), outcome: BackupOutcome::Blocked, number: None, blockers };
        if !blockers.is_empty() {
            self.audit(operator, "backup.refused", Some(&tenant.id), blockers.join("; ")).await?;
            return Ok(json(StatusCode::CONFLICT, &refused(blockers)));
        }
        self.audit(operator, "backup", Some(&tenant.id), "objects are copied to the offsite store".to_owned()).await?;
        let Some(run) = tenant.sql.begin_backup().await? else {
            return Ok(json(
                StatusCode::CONFLICT,
                &refused(vec!["one is under way, or removes what left the backup: wait for its end".to_owned()]),
            ));
        };
        tenant.work.notify_one();
        self.fleet.hurry(&tenant.id);
        let (outcome, number) = (BackupOutcome::Begun, Some(run.number));
        Ok(json(StatusCode::ACCEPTED, &BackupAnswer { tenant: tenant.id.to_string(), outcome, number, blockers }))
    }

    pub(super) async fn list_backups(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let limit = wanted.limit()?.min(MOST_RUNS);
        let mut tenants = Vec::new();
        for tenant in self.wanted_by(operator, wanted.get("tenant"))? {
            tenants.push(self.backups_of(&tenant, limit).await?);
        }
        Ok(json(StatusCode::OK, &BackupLists { tenants }))
    }

    async fn backups_of(&self, tenant: &Tenant, limit: usize) -> StoreResult<BackupList> {
        let mut runs = tenant.sql.backups(None, limit).await?;
        let schedule = tenant.config.backup.as_ref().and_then(|backup| backup.schedule.as_ref());
        let next_at = schedule.and_then(|schedule| schedule.next_after(runs.first().map_or_else(|| self.clock.now(), |last| last.instant)));
        let oldest = runs.last().map_or(u64::MAX, |oldest| oldest.number);
        let kept = tenant.sql.backups_in(BackupState::Kept).await?;
        runs.extend(kept.into_iter().rev().filter(|kept| kept.number < oldest));
        let bad_copies = tenant.sql.bad_copies(MOST_BAD).await?.len() as u64;
        let configured = tenant.config.backup.is_some();
        let runs = runs.into_iter().map(BackupView::from).collect();
        Ok(BackupList { tenant: tenant.id.to_string(), configured, next_at, bad_copies, runs })
    }
}

/// Beyond this many bad copies nobody counts on.
const MOST_BAD: usize = 1000;
