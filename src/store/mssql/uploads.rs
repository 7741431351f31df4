//! Uploads: noted before the first byte leaves, taken by whoever publishes them, condemned and collected otherwise.

use std::time::Duration;

use super::fault::Fault;
use super::rows::{read_object, signed, strange};
use super::statements;
use super::tenant::{SqlServerTenant, not_initialised};
use crate::model::id::{FreshKey, ObjectId};
use crate::model::phase::Phase;
use crate::model::stamp::Epoch;
use crate::store::error::StoreResult;
use crate::store::object::PartsId;
use crate::store::sql::{Condemned, Recorded, UploadPurpose};

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The phases in which such an upload may be recorded, each between commas.
fn phases(purpose: UploadPurpose) -> String {
    let allowed = Phase::ALL.into_iter().filter(|phase| purpose.is_allowed_in(*phase));
    let labels: Vec<&str> = allowed.map(Phase::label).collect();
    format!(",{},", labels.join(","))
}

pub(super) async fn record(tenant: &SqlServerTenant, key: &FreshKey, purpose: UploadPurpose, epoch: Epoch) -> StoreResult<Recorded> {
    let object = key.object();
    let batch = tenant
        .timed(statements::RECORD_UPLOAD)
        .with("object", "varchar(36)", object.id.to_string())
        .with("placement", "varchar(63)", object.placement.as_str())
        .with("purpose", "varchar(16)", purpose.label())
        .with("phases", "varchar(200)", phases(purpose))
        .with("epoch", "bigint", signed(epoch.0));
    let recorded = async {
        match tenant.outcome(&batch).await?.as_str() {
            "recorded" => Ok(Recorded::Yes),
            "moved" => Ok(Recorded::Moved),
            "read only" => Ok(Recorded::ReadOnly),
            _ => Err(not_initialised(&tenant.id)),
        }
    };
    recorded.await.map_err(|fault: Fault| fault.at("record upload", object))
}

pub(super) async fn parts_begun(tenant: &SqlServerTenant, upload: ObjectId, PartsId(parts): &PartsId) -> StoreResult<bool> {
    let batch = tenant.timed(statements::PARTS_BEGUN).with("object", "varchar(36)", upload.to_string()).with(
        "parts",
        "nvarchar(2000)",
        parts.as_str(),
    );
    let noted = async { Ok(tenant.outcome(&batch).await? == "noted") };
    noted.await.map_err(|fault: Fault| fault.at("note the parts of", upload))
}

pub(super) async fn condemn(tenant: &SqlServerTenant, upload: ObjectId) -> StoreResult<()> {
    let batch = tenant.timed(statements::CONDEMN_UPLOAD).with("object", "varchar(36)", upload.to_string());
    tenant.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("condemn", upload))
}

pub(super) async fn condemned(tenant: &SqlServerTenant, age: Duration, limit: usize) -> StoreResult<Vec<Condemned>> {
    let batch = |text| tenant.timed(text).with("age", "bigint", millis(age)).with("limit", "bigint", limit as i64);
    let found = async {
        if tenant.outcome(&batch(statements::CONDEMN_ABANDONED)).await? == "no state" {
            return Err(not_initialised(&tenant.id));
        }
        let rows = tenant.run(&batch(statements::CONDEMNED)).await?;
        rows.into_iter()
            .map(|mut row| {
                let object = read_object(row.text_or_null()?, row.text_or_null()?)?.ok_or_else(|| strange("an object", "NULL"))?;
                let last_round = row.flag()?;
                Ok(Condemned { object, parts: row.text_or_null()?.map(PartsId), last_round })
            })
            .collect::<Result<Vec<_>, Fault>>()
    };
    found.await.map_err(|fault| fault.at("collect from", &tenant.id))
}

pub(super) async fn removed(tenant: &SqlServerTenant, condemned: &Condemned) -> StoreResult<()> {
    let statement = if condemned.last_round { statements::UPLOAD_FORGOTTEN } else { statements::UPLOAD_REMOVED };
    let batch = tenant.timed(statement).with("object", "varchar(36)", condemned.object.id.to_string());
    tenant.run(&batch).await.map(|_| ()).map_err(|fault| fault.at("note removal of", &condemned.object))
}
