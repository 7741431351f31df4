//! Taking Sluss out of a tenant's database again: whether that may be, whatever the database is. The adapters print the script; nobody here
//! runs it.

use super::error::StoreResult;
use super::sql::{COUNTED_SOLE, SqlStore};
use crate::model::id::TenantId;
use crate::model::phase::Phase;

/// A script that takes Sluss out, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    Script(String),
    Refused(String),
}

/// What keeps the tenant from being complete in SQL; `None`: nothing.
pub(super) async fn blocker(tenant: &TenantId, sql: &dyn SqlStore) -> StoreResult<Option<String>> {
    let state = sql.state().await?;
    if state.phase != Phase::Sql {
        return Ok(Some(format!(
            "{tenant} is in phase {}: bring it back with `sluss tenant phase {tenant} sql` and `sluss sweep --tenant {tenant} --wait` first",
            state.phase.label()
        )));
    }
    let remaining = sql.remaining().await?;
    if remaining.sole == 0 && remaining.open_uploads == 0 {
        return Ok(None);
    }
    let at_least = if remaining.sole >= COUNTED_SOLE { "at least " } else { "" };
    Ok(Some(format!(
        "sql is not complete for {tenant}: {at_least}{} document(s) only in the object store, {} write(s) under way to it. Agents bring them \
         back; `sluss sweep --tenant {tenant} --wait` waits for that",
        remaining.sole, remaining.open_uploads
    )))
}
