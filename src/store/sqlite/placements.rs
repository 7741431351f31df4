//! What a tenant's placements hold, counted from the rows that name their objects.

use rusqlite::{Connection, Params};

use super::file::broken;
use super::tenant::SqliteTenant;
use crate::store::error::StoreResult;
use crate::store::sql::{PlacementUsage, sum_by_placement};

/// How large an upload is, nobody knows before its end.
const UPLOADS: &str = "SELECT placement, count(*), 0 FROM sluss_upload WHERE tenant = ?1 GROUP BY placement";

const VERSIONS: &str =
    "SELECT placement, count(*), sum(stored_length) FROM sluss_version WHERE tenant = ?1 AND placement IS NOT NULL GROUP BY placement";

pub(super) async fn usage(tenant: &SqliteTenant) -> StoreResult<Vec<PlacementUsage>> {
    let (id, tables) = (tenant.id.clone(), tenant.tables().to_vec());
    tenant
        .file
        .read("count the objects of", tenant.id.to_string(), move |connection| {
            let mut parts = count(connection, UPLOADS, [id.as_str()])?;
            parts.extend(count(connection, VERSIONS, [id.as_str()])?);
            for table in &tables {
                let located = format!(
                    "SELECT placement, count(*), sum(stored_length) FROM {} WHERE placement IS NOT NULL GROUP BY placement",
                    table.location
                );
                parts.extend(count(connection, &located, [])?);
            }
            Ok(sum_by_placement(parts))
        })
        .await
}

fn count(connection: &Connection, statement: &str, params: impl Params) -> rusqlite::Result<Vec<PlacementUsage>> {
    let mut statement = connection.prepare_cached(statement)?;
    let counted = statement.query_map(params, |row| {
        let placement = row.get::<_, String>(0)?.parse().map_err(|error| broken(format!("a stored placement: {error}")))?;
        Ok(PlacementUsage { placement, objects: row.get(1)?, bytes: row.get(2)? })
    })?;
    counted.collect()
}
