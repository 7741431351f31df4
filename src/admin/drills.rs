//! Drills over the admin API: begins one in this process where nothing speaks against it, and tells of those that left evidence.

use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{Query, parse};
use super::error::AdminError;
use super::{Admin, Operator, backups, json};
use crate::backup::drills::{DrillNotRun, DrillUnderWay, DrillWish, MOST_SAMPLED, SAMPLE, kept};
use crate::backup::evidence::{Evidence, Kept};
use crate::body::Body;
use crate::tenants::Tenant;

/// Drills of a tenant in one answer, unless fewer are asked for, and those of all tenants.
const MOST: usize = 100;
const MOST_OF_ALL: usize = 1000;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillRequest {
    pub tenant: String,
    /// So many documents, chosen at random, from 1 to 1,000,000; 100 where nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample: Option<u32>,
    /// Every document of the manifest. There has to be room for all of them where the evidence is kept.
    #[serde(default)]
    pub all: bool,
}

/// Every reason against it, or none: then it has begun.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DrillAnswer {
    pub tenant: String,
    pub outcome: DrillOutcome,
    pub blockers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillOutcome {
    Begun,
    Blocked,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DrillLists {
    pub tenants: Vec<DrillList>,
}

/// The drills of one tenant.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DrillList {
    pub tenant: String,
    /// Its file names a folder for evidence; without that none is begun here.
    pub configured: bool,
    /// When the schedule has the next one begin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_at: Option<Timestamp>,
    /// When the last one that passed ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub passed_at: Option<Timestamp>,
    /// In the process that answers; those of other processes are told by these alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub under_way: Option<DrillUnderWay>,
    /// The last one of the process that answers, where it could not be carried out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_run: Option<DrillNotRun>,
    /// By their evidence, the newest first.
    pub drills: Vec<Evidence>,
    /// Files of evidence that cannot be read.
    pub unreadable: u64,
}

impl Admin {
    pub(super) async fn drill(&self, operator: &Operator, body: Body) -> Result<Response<Body>, AdminError> {
        let request: DrillRequest = parse(body).await?;
        let tenant = self.tenant(operator, &request.tenant)?;
        let sample = sample(&request)?;
        let mut blockers = backups::blockers(&tenant);
        if tenant.config.backup.as_ref().is_some_and(|backup| backup.evidence.is_none()) {
            blockers.push("its [backup] names no folder as evidence: nothing would be left to show".to_owned());
        }
        let answer = |outcome, blockers| DrillAnswer { tenant: tenant.id.to_string(), outcome, blockers };
        if !blockers.is_empty() {
            self.audit(operator, "drill.refused", Some(&tenant.id), blockers.join("; ")).await?;
            return Ok(json(StatusCode::CONFLICT, &answer(DrillOutcome::Blocked, blockers)));
        }
        let what = sample.map_or_else(|| "of all documents".to_owned(), |sample| format!("of {sample} documents"));
        self.audit(operator, "drill", Some(&tenant.id), format!("{what} of the newest manifest, into a scratch tenant")).await?;
        if let Err(refused) = self.drills.begin(&tenant, DrillWish { sample, by: by(operator) }).await? {
            return Ok(json(StatusCode::CONFLICT, &answer(DrillOutcome::Blocked, vec![refused.to_string()])));
        }
        Ok(json(StatusCode::ACCEPTED, &answer(DrillOutcome::Begun, blockers)))
    }

    pub(super) async fn list_drills(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let asked = self.wanted_by(operator, wanted.get("tenant"))?;
        let limit = wanted.limit()?.min(MOST).min((MOST_OF_ALL / asked.len().max(1)).max(1));
        let mut tenants = Vec::new();
        for tenant in asked {
            tenants.push(self.drills_of(&tenant, limit).await);
        }
        Ok(json(StatusCode::OK, &DrillLists { tenants }))
    }

    async fn drills_of(&self, tenant: &Tenant, limit: usize) -> DrillList {
        // Before the look: one that ends meanwhile is told twice, and not left out.
        let (under_way, not_run) = (self.drills.under_way(&tenant.id), self.drills.not_run(&tenant.id));
        let folder = tenant.config.backup.as_ref().and_then(|backup| backup.evidence.clone());
        let configured = folder.is_some();
        let Kept { last, drills, unreadable } = match folder {
            Some(folder) => kept(folder, tenant.id.clone(), limit, self.clock.now()).await,
            None => Kept::default(),
        };
        let schedule = tenant.config.backup.as_ref().and_then(|backup| backup.drill_schedule.as_ref());
        let next_at = schedule.and_then(|schedule| schedule.next_after(last.any.unwrap_or_else(|| self.clock.now())));
        let (tenant, passed_at) = (tenant.id.to_string(), last.passed);
        DrillList { tenant, configured, next_at, passed_at, under_way, not_run, drills, unreadable }
    }
}

fn sample(request: &DrillRequest) -> Result<Option<usize>, AdminError> {
    match request {
        DrillRequest { all: false, sample, .. } => match sample.unwrap_or(SAMPLE) {
            sample @ 1..=MOST_SAMPLED => Ok(Some(sample as usize)),
            _ => Err(AdminError::BadRequest(format!("`sample` is a number from 1 to {MOST_SAMPLED}"))),
        },
        DrillRequest { all: true, sample: None, .. } => Ok(None),
        DrillRequest { all: true, sample: Some(_), .. } => Err(AdminError::BadRequest("`sample` and `all` exclude each other".to_owned())),
    }
}

/// As the evidence has it.
fn by(operator: &Operator) -> String {
    let name = &operator.identity.name;
    operator.on_behalf_of.as_ref().map_or_else(|| name.clone(), |whom| format!("{name} for {whom}"))
}
