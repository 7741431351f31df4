//! Rows whose id the database gives: by an INTEGER PRIMARY KEY, a column's default, or a trigger. The plan is that of a write where no row is;
//! the row is found again by its rowid.

use std::sync::Arc;

use rusqlite::OptionalExtension;

use super::change::{Work, is_refusal, refused_at_the_end};
use super::file::{Outcome, broken};
use super::rows;
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::model::document::DocRow;
use crate::model::id::{CollectionName, DocId};
use crate::model::job::Priority;
use crate::model::stamp::Epoch;
use crate::store::error::StoreResult;
use crate::store::plan::{self, Decision, Plan, RowEdit, Rules};
use crate::store::sql::{Commit, Inserted, Insertion, NewDocument};

/// How the making of a row ended.
enum Made {
    Yes(Inserted),
    /// Rolled back.
    No(Commit),
}

pub(super) async fn insert(tenant: &SqliteTenant, collection: &CollectionName, epoch: Epoch, new: NewDocument) -> StoreResult<Insertion> {
    let table = tenant.table(collection)?;
    let rules = table.rules(tenant.history);
    let (id, mirror, clock) = (tenant.id.clone(), tenant.mirror, Arc::clone(&tenant.clock));
    let target = format!("{id}/{collection}");
    let ended = tenant
        .file
        .write("insert", target, move |tx| {
            let unborn = plan::unborn(&id, &table.collection, rows::state(tx, &id)?);
            let plan = match plan::decide(&unborn, epoch, new.into(), rules).map_err(|misfit| broken(misfit.to_string()))? {
                Decision::Refuse(refusal) => return Ok(Outcome::Rollback(Insertion::Refused(refusal))),
                Decision::Make(plan) => plan,
            };
            let work = Work { tx, tenant: &id, table: &table, id: &unborn.key.id, now: clock.now() };
            match make(&work, &unborn, &plan, rules, mirror) {
                Ok(Made::Yes(inserted)) => Ok(Outcome::Commit(Insertion::Done(inserted))),
                Ok(Made::No(refusal)) => Ok(Outcome::Rollback(Insertion::Refused(refusal))),
                Err(error) if is_refusal(&error) => Ok(Outcome::Rollback(Insertion::Refused(Commit::Refused(error.to_string())))),
                Err(error) => Err(error),
            }
        })
        .await;
    ended.or_else(|error| refused_at_the_end(&error).map(Insertion::Refused).ok_or(error))
}

/// `nameless`: the transaction's view before there is an id.
fn make(nameless: &Work<'_>, unborn: &DocRow, plan: &Plan, rules: Rules, mirror: bool) -> rusqlite::Result<Made> {
    let RowEdit::Insert { content, attributes } = &plan.row else {
        return Err(broken("the plan of a new document makes no row"));
    };
    if !nameless.has_content(plan, unborn.state.epoch)? {
        return Ok(Made::No(Commit::Moved));
    }
    let rowid = nameless.insert_nameless(nameless.bound(content)?, attributes)?;
    let Some(id) = given_id(nameless, rowid)? else {
        return Ok(Made::No(Commit::Refused(format!("column {} gives a new row no id by which it can be found", nameless.table.id))));
    };
    let work = Work { id: &id, ..*nameless };
    work.keep_attributes(attributes, true)?;
    work.note_beginning(unborn, plan, rules)?;
    work.settle(plan)?;
    let committed = work.follow_up(unborn, mirror, Priority::Access)?;
    Ok(Made::Yes(Inserted { stamp: committed.stamp, id: id.clone() }))
}

/// Read back rather than by RETURNING, which has the row as it was before AFTER triggers, and those are a usual way to make ids. `None`: there is
/// none, or a client that asks for it would not find the row.
fn given_id(work: &Work<'_>, rowid: i64) -> rusqlite::Result<Option<DocId>> {
    let Table { name, id, id_kind, .. } = work.table;
    let statement = format!("SELECT {id} FROM {name} WHERE rowid = ?1{}", work.table.mine(""));
    let given = work.tx.query_row(&statement, [rowid], |row| rows::read_id(row.get_ref(0)?, *id_kind)).optional()?.flatten();
    let Some(given) = given else { return Ok(None) };
    let Ok(asked) = DocId::parse(*id_kind, &given.to_string()) else { return Ok(None) };
    let found = rows::look_up(work.tx, work.tenant, work.table, &asked, false)?;
    Ok((found.document.is_some() && found.key.id == given).then_some(given))
}
