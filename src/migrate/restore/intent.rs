//! What a restore makes of each document, and where the content comes from: the same for a plan and for the work. It changes nothing.

use jiff::Timestamp;

use crate::config::{CreateRule, DeleteRule};
use crate::model::document::DocRow;
use crate::model::history::{Version, VersionNumber};
use crate::model::id::{CollectionName, DocId, DocKey};
use crate::model::restore::{Step, Trace, step};
use crate::store::error::StoreResult;
use crate::tenants::Tenant;

/// Rows between two looks, and two notes of the place.
pub(super) const PAGE: usize = 200;

/// Where a document's content of the instant is.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Version(Box<Version>),
    /// It is the current one still.
    Current,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Nothing is to be done.
    Stay,
    Put(Source),
    Remove,
    /// A client has changed it since the restore began, or the restore has dealt with it.
    Dealt,
    Marked,
    /// The configuration does not let it be, for this reason.
    Barred(&'static str),
}

/// What becomes of one document.
#[derive(Debug, Clone)]
pub(super) struct Intent {
    /// As it was seen.
    pub(super) row: DocRow,
    pub(super) action: Action,
    /// As far as anybody knows: nobody saw when the content was written.
    pub(super) doubtful: bool,
    /// When the last of its contents had ended, as far as that was asked.
    pub(super) last_ended: Option<Timestamp>,
}

const NO_ROW: &str = "its row is no more, and in this collection the application makes the rows (create = \"existing\")";
const ONE_WAY: &str = "its row would go, and could not be made again (delete = \"row\", create = \"existing\")";

fn source(version: Option<Box<Version>>) -> Source {
    version.map_or(Source::Current, Source::Version)
}

/// How a tenant's documents are looked at.
pub(super) struct Look<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) instant: Timestamp,
    /// When the restore began; `None` for a plan, and where the contents go to another tenant.
    pub(super) begun: Option<Timestamp>,
    /// The contents go to another tenant, so what has not changed is wanted, too.
    pub(super) elsewhere: bool,
}

impl Look<'_> {
    pub(super) async fn documents(&self, collection: &CollectionName, after: Option<&DocId>) -> StoreResult<(Vec<DocRow>, Option<DocId>)> {
        let page = self.tenant.sql.scan(collection, after, PAGE).await?;
        Ok((page.rows, page.next))
    }

    /// Documents of the collection that are no more: those whose content of the instant is among the next versions. And where to go on.
    pub(super) async fn gone(
        &self,
        collection: &CollectionName,
        after: Option<VersionNumber>,
    ) -> StoreResult<(Vec<Intent>, Option<VersionNumber>)> {
        let page = self.tenant.sql.all_versions(after, PAGE).await?;
        let last = page.last().map(|version| version.number);
        let mut found = Vec::new();
        for version in page.iter().filter(|version| version.collection == collection.as_str() && version.held_to > self.instant) {
            let Some(id) = self.tenant.kept_id(collection, &version.document) else { continue };
            let key = DocKey { tenant: self.tenant.id.clone(), collection: collection.clone(), id };
            let row = self.tenant.sql.bare_row(&key).await?;
            if row.document.is_some() {
                continue;
            }
            let trace = self.tenant.sql.trace(&key, self.instant).await?;
            // Each document once: at the version that is its answer.
            if trace.version.as_ref().is_none_or(|answer| answer.number != version.number) {
                continue;
            }
            let intent = self.intent(row, trace);
            match intent.action {
                // It had no content then, and has none now: it was the restore itself that took it away, or there is nothing to do.
                Action::Stay => {}
                Action::Put(_) | Action::Remove | Action::Dealt | Action::Marked | Action::Barred(_) => found.push(intent),
            }
        }
        Ok((found, last))
    }

    pub(super) async fn one(&self, key: &DocKey) -> StoreResult<Intent> {
        self.judge(self.tenant.sql.bare_row(key).await?).await
    }

    pub(super) async fn judge(&self, row: DocRow) -> StoreResult<Intent> {
        // Most have not changed since, and their location says so: nothing more is asked for them.
        let located_before = row.located().is_some_and(|location| location.held_from <= self.instant);
        let trace =
            if located_before && !row.is_marked() { Trace::default() } else { self.tenant.sql.trace(&row.key, self.instant).await? };
        Ok(self.intent(row, trace))
    }

    fn intent(&self, row: DocRow, trace: Trace) -> Intent {
        let last_ended = trace.last_ended;
        let step = step(&row, trace, self.instant, self.begun);
        if self.elsewhere {
            let truth = row.truth();
            let (action, doubtful) = match step {
                Step::Stay { doubtful } if truth.visible && truth.stamp.is_some() => (Action::Put(Source::Current), doubtful),
                Step::Put { version, doubtful } => (Action::Put(source(version)), doubtful),
                Step::Marked => (Action::Marked, false),
                Step::Stay { .. } | Step::Remove | Step::Dealt => (Action::Stay, false),
            };
            return Intent { row, action, doubtful, last_ended };
        }
        let rules = self.tenant.collection(&row.key.collection).map(|collection| (collection.create, collection.delete));
        let makes_rows = rules.is_none_or(|(create, _)| create == CreateRule::Insert);
        let keeps_rows = rules.is_none_or(|(_, delete)| delete != DeleteRule::Row);
        let (action, doubtful) = match step {
            Step::Stay { doubtful } => (Action::Stay, doubtful),
            Step::Put { .. } if row.document.is_none() && !makes_rows => (Action::Barred(NO_ROW), false),
            Step::Put { version, doubtful } => (Action::Put(source(version)), doubtful),
            Step::Remove if !makes_rows && !keeps_rows => (Action::Barred(ONE_WAY), false),
            Step::Remove => (Action::Remove, false),
            Step::Dealt => (Action::Dealt, false),
            Step::Marked => (Action::Marked, false),
        };
        Intent { row, action, doubtful, last_ended }
    }
}
