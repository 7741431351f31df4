//! What a tenant's placements hold, counted from the rows that name their objects.

use super::batch::Batch;
use super::fault::Fault;
use super::rows::strange;
use super::statements;
use super::tenant::SqlServerTenant;
use crate::store::error::StoreResult;
use crate::store::sql::{PlacementUsage, sum_by_placement};

pub(super) async fn usage(tenant: &SqlServerTenant) -> StoreResult<Vec<PlacementUsage>> {
    let tables = tenant.tables().await?;
    let counted = async {
        let shared = [statements::PLACEMENT_UPLOADS, statements::PLACEMENT_VERSIONS].map(|text| tenant.batch(text));
        let beside = tables.iter().map(|table| Batch::new(table.fill(statements::PLACEMENT_LOCATIONS, &[])));
        let mut parts = Vec::new();
        for batch in shared.into_iter().chain(beside) {
            for mut row in tenant.run(&batch).await? {
                let placement = row.text()?.parse().map_err(|error| strange("a placement", error))?;
                parts.push(PlacementUsage { placement, objects: row.count()?, bytes: row.count()? });
            }
        }
        Ok(sum_by_placement(parts))
    };
    counted.await.map_err(|fault: Fault| fault.at("count the objects of", &tenant.id))
}
