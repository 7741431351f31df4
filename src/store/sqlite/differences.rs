//! The list of differences: at most one of a kind for a document or an object. It holds what somebody found, and judges nothing.

use rusqlite::{Connection, Row, Transaction, params};

use super::file::broken;
use super::rows;
use super::table::Table;
use super::tenant::SqliteTenant;
use crate::model::id::TenantId;
use crate::model::verification::{Difference, DifferenceKind, Finding, FoundBy, Remedy, Subject, Verified};
use crate::store::error::StoreResult;
use crate::store::sql::COUNTED_DIFFERENCES;

/// The list in the transaction at hand.
pub(super) struct List<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) tenant: &'a TenantId,
    pub(super) table: &'a Table,
    pub(super) now: i64,
    /// The collection's latest verification.
    pub(super) run: u64,
}

impl List<'_> {
    /// An accusation of a location that has changed since is left out: it would never be taken back.
    pub(super) fn note(&self, finding: &Finding) -> rusqlite::Result<()> {
        if !self.still_holds(finding)? {
            return Ok(());
        }
        let (collection, subject) = match &finding.subject {
            Subject::Document(collection, id) => (collection.as_str(), id.to_string()),
            Subject::Object(name) => ("", name.clone()),
        };
        let sides = serde_json::to_string(&finding.sides).map_err(|error| broken(format!("a difference: {error}")))?;
        self.tx
            .prepare_cached(
                "INSERT INTO sluss_difference (tenant, collection, subject, kind, object, sole, found_by, remedy, sides, found_at, run) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
                 ON CONFLICT (tenant, collection, subject, kind) DO UPDATE SET object = excluded.object, sole = excluded.sole, \
                 found_by = excluded.found_by, remedy = excluded.remedy, sides = excluded.sides, found_at = excluded.found_at, run = excluded.run",
            )?
            .execute(params![
                self.tenant.as_str(),
                collection,
                subject,
                finding.kind.label(),
                finding.object.as_ref().map(|object| object.id.to_string()),
                finding.sole,
                finding.found_by.label(),
                finding.remedy.label(),
                sides,
                self.now,
                self.run,
            ])?;
        Ok(())
    }

    fn still_holds(&self, finding: &Finding) -> rusqlite::Result<bool> {
        let (Subject::Document(_, id), Remedy::Open, Some(located)) = (&finding.subject, finding.remedy, finding.located) else {
            return Ok(true);
        };
        let named = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE id = ?1 AND object IS ?2 AND revision = ?3)", self.table.location);
        let object = finding.object.as_ref().map(|object| object.id.to_string());
        self.tx.prepare_cached(&named)?.query_row(params![id, object, located.0], |row| row.get(0))
    }

    pub(super) fn forget(&self, verified: &Verified) -> rusqlite::Result<()> {
        self.tx.prepare_cached("DELETE FROM sluss_difference WHERE tenant = ?1 AND collection = ?2 AND subject = ?3")?.execute(params![
            self.tenant.as_str(),
            self.table.collection.as_str(),
            verified.id.to_string()
        ])?;
        Ok(())
    }

    /// What a verification that has come to the end did not find again.
    pub(super) fn forget_unseen(&self, with_objects: bool) -> rusqlite::Result<()> {
        let own = self.table.collection.as_str();
        let collections = if with_objects { [own, ""] } else { [own, own] };
        self.tx.execute(
            "DELETE FROM sluss_difference WHERE tenant = ?1 AND collection IN (?2, ?3) AND run < ?4",
            params![self.tenant.as_str(), collections[0], collections[1], self.run],
        )?;
        Ok(())
    }
}

pub(super) async fn list(tenant: &SqliteTenant, after: u64, limit: usize) -> StoreResult<Vec<Difference>> {
    let id = tenant.id.clone();
    tenant
        .file
        .read("list differences of", tenant.id.to_string(), move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, kind, collection, subject, object, sole, found_by, found_at, remedy, sides FROM sluss_difference \
                 WHERE tenant = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
            )?;
            statement.query_map(params![id.as_str(), after, limit as u64], read)?.collect()
        })
        .await
}

fn read(row: &Row<'_>) -> rusqlite::Result<Difference> {
    let unknown = |error: &dyn std::fmt::Display| broken(format!("sluss_difference: {error}"));
    let [kind, found_by, remedy, sides] = [1, 6, 8, 9].map(|column| row.get::<_, String>(column));
    let (collection, subject): (String, String) = (row.get(2)?, row.get(3)?);
    let is_document = !collection.is_empty();
    let object: Option<String> = row.get(4)?;
    Ok(Difference {
        number: row.get(0)?,
        kind: kind?.parse::<DifferenceKind>().map_err(|error| unknown(&error))?,
        collection: is_document.then_some(collection),
        document: is_document.then(|| subject.clone()),
        object: if is_document { object } else { Some(subject) },
        sole: row.get(5)?,
        found_by: found_by?.parse::<FoundBy>().map_err(|error| unknown(&error))?,
        found_at: rows::read_timestamp(row.get(7)?)?,
        remedy: remedy?.parse::<Remedy>().map_err(|error| unknown(&error))?,
        sides: serde_json::from_str(&sides?).map_err(|error| unknown(&error))?,
    })
}

pub(super) async fn count_open(tenant: &SqliteTenant) -> StoreResult<u64> {
    let id = tenant.id.clone();
    tenant.file.read("count differences of", tenant.id.to_string(), move |connection| open(connection, &id)).await
}

fn open(connection: &Connection, tenant: &TenantId) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM sluss_difference WHERE tenant = ?1 AND remedy = 'open' LIMIT ?2)")?
        .query_row(params![tenant.as_str(), COUNTED_DIFFERENCES], |row| row.get(0))
}
