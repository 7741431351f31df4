//! The other side of a verification: every name among the objects, and who names it. It reads no content, and removes nothing:
//! what no row of ours names may be another installation's.

use super::Walk;
use crate::migrate::work::JobError;
use crate::model::id::ObjectRef;
use crate::model::verification::{DifferenceKind, Facts, Finding, FoundBy, Remedy, Sides, Subject};
use crate::store::error::StoreErrorKind;
use crate::store::object::{ListedObject, ObjectFacts};
use crate::store::probe::is_scratch;

/// Objects in one call, which has one deadline: several are looked for, one after the other.
const ASKED_AT_ONCE: usize = 20;

impl Walk<'_> {
    /// Looks for the names of one page among the rows.
    pub(super) async fn objects(&mut self, listed: Vec<ListedObject>, foreign: Vec<String>) -> Result<(), JobError> {
        let (mut aliens, mut suspects) = (Vec::new(), Vec::new());
        for some in listed.chunks(ASKED_AT_ONCE) {
            let objects = some.iter().map(|listed| listed.object.clone()).collect();
            suspects.extend(self.tenant.sql.unnamed(objects).await?);
        }
        for suspect in suspects {
            let stored_bytes = listed.iter().find(|listed| listed.object == suspect).map(|listed| listed.stored_bytes);
            if let Some(note) = self.is_alien(&suspect).await? {
                aliens.push((suspect.id.to_string(), Facts { length_bytes: stored_bytes, note: Some(note), ..Facts::default() }));
            }
        }
        let note = Some("this is no name of an object of sluss".to_owned());
        aliens.extend(foreign.into_iter().map(|name| (name, Facts { note: note.clone(), ..Facts::default() })));
        // Only now, when nothing can fail any more: a page that is looked at again counts once.
        self.figures.objects += listed.len() as u64;
        aliens.into_iter().for_each(|(name, facts)| self.alien(name, facts));
        Ok(())
    }

    /// What to say of it. An upload's row goes only after its object: what is there still, and named by nobody still, is alien.
    async fn is_alien(&self, object: &ObjectRef) -> Result<Option<String>, JobError> {
        let note = match self.tenant.objects.head(object).await {
            Ok(None) => return Ok(None),
            Ok(Some(ObjectFacts { meta, .. })) if is_scratch(&meta) => return Ok(None),
            Ok(Some(ObjectFacts { meta, .. })) => {
                format!("by its own metadata it is {}/{}/{} {}", meta.tenant, meta.collection, meta.document, meta.stamp)
            }
            Err(error) if error.kind == StoreErrorKind::Corrupt => error.chain(),
            Err(error) => return Err(error.into()),
        };
        let unnamed = self.tenant.sql.unnamed(vec![object.clone()]).await?;
        Ok((!unnamed.is_empty()).then_some(note))
    }

    fn alien(&mut self, name: String, object: Facts) {
        tracing::error!(event = "mismatch", "among the objects of {} lies {name}, which no row names", self.tenant.id);
        self.tools.metrics.difference(&self.tenant.id, DifferenceKind::AlienObject, false);
        self.figures.different += 1;
        self.found.push(Finding {
            subject: Subject::Object(name),
            kind: DifferenceKind::AlienObject,
            sole: false,
            found_by: FoundBy::Verify,
            remedy: Remedy::Open,
            object: None,
            located: None,
            sides: Sides { object: Some(object), ..Sides::default() },
        });
    }
}
