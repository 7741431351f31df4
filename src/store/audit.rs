//! The audit's chain: each entry's hash covers the one before it. One spelling for all adapters, so that a chain outlives a change of the control database.

use sha2::{Digest, Sha256};

use super::control::{AuditEntry, AuditRecord};
use crate::model::content::ContentHash;

/// What the first entry chains to.
pub(super) const GENESIS: &str = "sluss";

/// Each field is preceded by its length, so that no two entries have one text. `at`: Unix milliseconds.
pub(super) fn chain(previous: &str, number: u64, at: i64, record: &AuditRecord) -> String {
    let fields = [
        previous,
        &number.to_string(),
        &at.to_string(),
        &record.actor,
        &present(record.on_behalf_of.as_deref()),
        &record.action,
        &present(record.tenant.as_deref()),
        &record.detail,
    ];
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    ContentHash(hasher.finalize().into()).to_string()
}

/// Nothing and every text have texts of their own.
fn present(field: Option<&str>) -> String {
    field.map_or_else(String::new, |field| format!("={field}"))
}

/// A walk over the chain, entry by entry.
pub(super) struct Walk {
    previous: String,
    pub(super) entries: u64,
}

impl Default for Walk {
    fn default() -> Self {
        Self { previous: GENESIS.to_owned(), entries: 0 }
    }
}

impl Walk {
    /// False: the chain is broken at this entry.
    pub(super) fn goes_on_with(&mut self, entry: AuditEntry) -> bool {
        let expected = chain(&self.previous, self.entries + 1, entry.at.as_millisecond(), &entry.record);
        if entry.number != self.entries + 1 || entry.hash != expected {
            return false;
        }
        (self.previous, self.entries) = (entry.hash, entry.number);
        true
    }
}
