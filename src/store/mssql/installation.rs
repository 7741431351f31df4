//! In the control database: the name by which this installation owns placements, and what was seen of them.

use std::time::Duration;

use uuid::Uuid;

use super::batch::Batch;
use super::control::SqlServerControl;
use super::rows::{strange, time};
use super::statements;
use super::uploads::millis;
use crate::model::id::TenantId;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::evidence::Evidence;

pub(super) async fn name(control: &SqlServerControl) -> StoreResult<String> {
    let batch = Batch::new(statements::INSTALLATION).with("fresh", "varchar(36)", Uuid::new_v4().to_string());
    let mut names = control.all("name", "this installation", batch, |mut row| row.text()).await?;
    let nameless = || StoreError::new(super::STORE, "name", "this installation", StoreErrorKind::Corrupt).because("it has no name");
    names.pop().ok_or_else(nameless)
}

pub(super) async fn keep(control: &SqlServerControl, evidence: &Evidence) -> StoreResult<()> {
    let unwritten = |error| StoreError::new(super::STORE, "keep", &evidence.placement, StoreErrorKind::Other).because(error);
    let findings = serde_json::to_string(&evidence.findings).map_err(unwritten)?;
    let batch = Batch::new(statements::KEEP_EVIDENCE)
        .with("about", "varchar(63)", evidence.tenant.as_str())
        .with("placement", "varchar(63)", evidence.placement.as_str())
        .with("place", "nvarchar(4000)", evidence.place.as_str())
        .with("seen_at", "bigint", evidence.at.as_millisecond())
        .with("findings", "nvarchar(max)", findings);
    control.all("keep what was seen of", &evidence.placement, batch, |_| Ok(())).await.map(|_| ())
}

pub(super) async fn evidence(control: &SqlServerControl, tenant: &TenantId, within: Duration) -> StoreResult<Vec<Evidence>> {
    let batch = control.timed(statements::EVIDENCE).with("about", "varchar(63)", tenant.as_str());
    let batch = batch.with("within", "bigint", millis(within));
    control
        .all("read what was seen of", tenant.as_str(), batch, |mut row| {
            Ok(Evidence {
                tenant: row.text()?,
                placement: row.text()?,
                place: row.text()?,
                at: time(row.integer()?)?,
                findings: serde_json::from_str(&row.text()?).map_err(|error| strange("what was seen", error))?,
            })
        })
        .await
}
