//! What is found around a table of the customer's: triggers, keys, and what else follows its changes. Pure functions over facts.

use super::facts::{ForeignKey, Trigger};
use super::table::Looked;
use crate::config::{CreateRule, DeleteRule};
use crate::store::doctor::Finding;
use crate::store::mssql::catalogue::same_name;
use crate::store::mssql::text::quoted;

/// Ours begin with a name that nobody else gives.
fn is_ours(trigger: &Trigger) -> bool {
    trigger.name.starts_with("sluss/")
}

pub(super) fn own_trigger(looked: &Looked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if looked.facts.triggers.iter().flatten().any(|trigger| is_ours(trigger) && trigger.is_disabled) {
        findings.push(Finding::warning(
            looked.about("Sluss's trigger"),
            "it is disabled: what programs write to the table is not seen, and reads may give what was there before",
            format!("ENABLE TRIGGER ALL ON {}, then `sluss verify`", looked.table.document),
        ));
    }
    if looked.table.rowversion.is_none() && looked.facts.nested_triggers == Some(0) {
        findings.push(Finding::warning(
            looked.about("Sluss's trigger"),
            "the server's option `nested triggers` is 0: what the table's own triggers write to it is not seen",
            "EXEC sp_configure 'nested triggers', 1; RECONFIGURE; or give the table a rowversion",
        ));
    }
    let owner = looked.facts.traits.as_ref().and_then(|traits| traits.schema_owner);
    if looked.table.rowversion.is_none() && owner.is_some_and(|owner| owner != 1) {
        findings.push(Finding::warning(
            looked.about("owner"),
            "the table's schema does not belong to dbo, as schema sluss does: programs that write to the table need rights on Sluss's tables for \
             the trigger",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::sluss to them; or give both schemas one owner",
        ));
    }
    findings
}

pub(super) fn their_triggers(looked: &Looked<'_>) -> Vec<Finding> {
    let Some(triggers) = &looked.facts.triggers else { return Vec::new() };
    let names = |wanted: &dyn Fn(&Trigger) -> bool| {
        let names: Vec<String> = triggers.iter().filter(|trigger| wanted(trigger)).map(|trigger| quoted(&trigger.name)).collect();
        names.join(", ")
    };
    let live = |trigger: &Trigger| !is_ours(trigger) && !trigger.is_disabled;
    let instead = names(&|trigger| live(trigger) && trigger.is_instead_of);
    let after = names(&|trigger| live(trigger) && !trigger.is_instead_of);
    let about = || looked.about("triggers");
    let mut findings = Vec::new();
    if !instead.is_empty() {
        findings.push(Finding::refused(
            about(),
            format!("INSTEAD OF: {instead}. What Sluss writes is not what the row then holds"),
            "name the table under the view or the trigger, or make an AFTER trigger of it",
        ));
    }
    if !after.is_empty() {
        findings.push(Finding::note(
            about(),
            format!(
                "{after} run for what Sluss writes, too: a content that is set to NULL because the object store holds it looks like a change to them"
            ),
            "see that they do not log, forward or refuse that; they may know Sluss by ORIGINAL_LOGIN() or APP_NAME() = 'sluss'",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(about(), "none of the table's own"));
    }
    findings
}

pub(super) fn foreign_keys(looked: &Looked<'_>) -> Vec<Finding> {
    let Some(keys) = &looked.facts.foreign_keys else { return Vec::new() };
    let theirs = || keys.iter().filter(|key| !same_name(&key.other_schema, "sluss"));
    let shown = |key: &ForeignKey| format!("{} ({}.{})", quoted(&key.name), key.other_schema, key.other_table);
    let about = || looked.about("foreign keys");
    let mut findings = Vec::new();
    let own: Vec<String> = theirs().filter(|key| key.is_its_own).map(shown).collect();
    if !own.is_empty() && looked.config.create == CreateRule::Insert {
        findings.push(Finding::note(
            about(),
            format!("from the table: {}. A PUT of a new document fails where they find nothing to lean on", own.join(", ")),
            "say create = \"existing\" if rows cannot be inserted without the application",
        ));
    }
    let to: Vec<&ForeignKey> = theirs().filter(|key| !key.is_its_own).collect();
    if !to.is_empty() && looked.config.delete == DeleteRule::Row {
        let effect = |key: &&ForeignKey| match key.on_delete.as_str() {
            "CASCADE" => format!("{} loses its rows with them", shown(key)),
            "NO_ACTION" => format!("{} keeps them from being deleted", shown(key)),
            action => format!("{}: {action}", shown(key)),
        };
        let effects: Vec<String> = to.iter().map(effect).collect();
        findings.push(Finding::note(
            about(),
            format!("to the documents' rows: {}", effects.join("; ")),
            "delete = \"content\" or \"soft\" keeps the row where a DELETE must not touch other tables",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(about(), format!("{} from the table and {} to it, none in the way", own.len(), to.len())));
    }
    findings
}

pub(super) fn truncation(looked: &Looked<'_>) -> Vec<Finding> {
    let found = if looked.config.foreign_key {
        Finding::note(
            looked.about("TRUNCATE"),
            "Sluss's foreign keys forbid TRUNCATE TABLE and ALTER TABLE ... SWITCH on the table",
            "where jobs of the customer's need those, say foreign_key = false before `sluss init`: sweeps then find rows that are gone",
        )
    } else {
        Finding::note(
            looked.about("TRUNCATE"),
            "foreign_key = false: a row that is deleted straight in SQL is noticed by the next full sweep only, and an id must not change, nor be used again before that",
            "",
        )
    };
    vec![found]
}

pub(super) fn full_text(looked: &Looked<'_>) -> Vec<Finding> {
    if looked.facts.full_text != Some(true) {
        return Vec::new();
    }
    vec![Finding::warning(
        looked.about("full-text index"),
        "it covers the content: what leaves SQL in phase `object` or by a purge is no longer found by CONTAINS and FREETEXT",
        "stay in `dual`, or set mirror = true and do not purge, or search elsewhere",
    )]
}

pub(super) fn temporal(looked: &Looked<'_>) -> Vec<Finding> {
    if !looked.facts.traits.as_ref().is_some_and(|traits| traits.temporal) {
        return Vec::new();
    }
    vec![Finding::warning(
        looked.about("temporal table"),
        "each change leaves the whole row in the history: a purge, which sets contents to NULL, doubles their space instead of freeing it",
        "switch SYSTEM_VERSIONING off for the purge, or give the history a retention (HISTORY_RETENTION_PERIOD)",
    )]
}

pub(super) fn replication(looked: &Looked<'_>) -> Vec<Finding> {
    let Some(traits) = &looked.facts.traits else { return Vec::new() };
    let what = match (traits.replicated, traits.change_data_capture) {
        (false, false) => return Vec::new(),
        (true, false) => "replicated",
        (false, true) => "followed by Change Data Capture",
        (true, true) => "replicated, and followed by Change Data Capture",
    };
    let about = looked.about("replication");
    let sent = format!("the table is {what}: each content that Sluss writes, or takes out, goes that way, too");
    match looked.facts.replication_limit {
        Some(-1) => {
            vec![Finding::note(about, sent, "leave the content column out of the publication or capture, if nobody needs it there")]
        }
        Some(limit) => vec![Finding::warning(
            about,
            format!("{sent}; and writes of more than {limit} bytes fail (`max text repl size`), the application's own as well as Sluss's"),
            "EXEC sp_configure 'max text repl size', -1; RECONFIGURE; or leave the content column out",
        )],
        None => vec![Finding::warning(
            about,
            format!("{sent}; and writes above `max text repl size` (64 KB unless it was raised) fail"),
            "look at sp_configure 'max text repl size', and set it to -1",
        )],
    }
}

pub(super) fn memory_optimized(looked: &Looked<'_>) -> Vec<Finding> {
    if !looked.facts.traits.as_ref().is_some_and(|traits| traits.memory_optimized) {
        return Vec::new();
    }
    vec![Finding::refused(
        looked.about("memory-optimized table"),
        "Sluss's locks, triggers and keys do not work on one",
        "keep documents in a table on disk",
    )]
}
