//! What is found on a table of the customer's: pure functions over facts, one a trap. Here are those about its columns.

use super::around;
use super::facts::TableFacts;
use crate::config::{CollectionConfig, CreateRule};
use crate::store::doctor::Finding;
use crate::store::mssql::catalogue::{Family, same_name};
use crate::store::mssql::printed::bytes;
use crate::store::mssql::table::Table;
use crate::store::mssql::text::quoted;

/// Below this, walking the table is as quick as an index.
const SMALL_ROWS: u64 = 10_000;

/// A table that can be a collection, with what is known of it.
pub(super) struct Looked<'a> {
    pub(super) config: &'a CollectionConfig,
    pub(super) table: &'a Table,
    pub(super) facts: &'a TableFacts,
}

type Check = fn(&Looked<'_>) -> Vec<Finding>;

/// Only of a table that `init` takes, whose columns are of the right types.
pub(super) const OF_A_FIT_TABLE: [Check; 2] = [id, content];

pub(super) const CHECKS: [Check; 10] = [
    needed_columns,
    revision,
    around::own_trigger,
    around::their_triggers,
    around::foreign_keys,
    around::truncation,
    around::full_text,
    around::temporal,
    around::replication,
    around::memory_optimized,
];

impl Looked<'_> {
    pub(super) fn about(&self, what: &str) -> String {
        format!("{}: {what}", self.config.name)
    }
}

/// Of a table that `init` takes: the type and the collation were judged there.
fn id(looked: &Looked<'_>) -> Vec<Finding> {
    let column = &looked.table.id.column;
    let identity = if column.identity { ", an IDENTITY: new rows come by POST, or from the application" } else { "" };
    vec![Finding::ok(looked.about("id"), format!("{}{identity}", column.with_collation()))]
}

fn content(looked: &Looked<'_>) -> Vec<Finding> {
    let column = &looked.table.content.column;
    let about = looked.about("content");
    if column.family != Family::Image {
        return vec![Finding::ok(about, column.declared.clone())];
    }
    vec![Finding::note(
        about,
        "image, which is deprecated and has no pieces: reads cost the server more, and Sluss reads and writes it all the same",
        format!(
            "it can be converted at any time: ALTER TABLE {} ALTER COLUMN {} varbinary(max){}; that rewrites no content, and programs that use \
             READTEXT or UPDATETEXT no longer work",
            looked.table.document,
            looked.table.content.name,
            if column.nullable { " NULL" } else { " NOT NULL" }
        ),
    )]
}

fn needed_columns(looked: &Looked<'_>) -> Vec<Finding> {
    let Some(columns) = &looked.facts.columns else { return Vec::new() };
    let given: Vec<&str> = looked.config.columns().collect();
    let needed = columns.iter().filter(|column| column.is_needed && !given.iter().any(|given| same_name(given, &column.name)));
    let needed: Vec<String> = needed.map(|column| quoted(&column.name)).collect();
    let about = looked.about("other columns");
    if needed.is_empty() {
        return vec![Finding::ok(about, "none is NOT NULL without a default")];
    }
    let found = format!("NOT NULL without a default: {}", needed.join(", "));
    vec![match looked.config.create {
        CreateRule::Existing => {
            Finding::note(about, format!("{found}. Only the application inserts rows, as create = \"existing\" says"), "")
        }
        CreateRule::Insert => Finding::warning(
            about,
            format!("{found}. A PUT of a new document fails, since it has nothing to put there"),
            "say create = \"existing\", and let the application insert its rows; or give values under defaults",
        ),
    }]
}

fn revision(looked: &Looked<'_>) -> Vec<Finding> {
    let about = looked.about("revision");
    let (document, rows) = (&looked.table.document, looked.facts.rows);
    let Some(rowversion) = &looked.table.rowversion else {
        return vec![without_rowversion(looked, about)];
    };
    match looked.facts.revision_indexed {
        None => Vec::new(),
        Some(true) => vec![Finding::ok(about, format!("rowversion {}, with an index", rowversion.name))],
        Some(false) => {
            let found = format!("no index begins with {}: each look for changes scans the table", rowversion.name);
            let advice = format!(
                "CREATE INDEX ... ON {document} ({}) WITH (ONLINE = ON), as `sluss init --print-sql` has it; ONLINE needs Enterprise or Azure",
                rowversion.name
            );
            vec![match rows {
                Some(rows) if rows < SMALL_ROWS => Finding::note(about, format!("{found}, which has {rows} rows"), advice),
                Some(rows) => Finding::warning(about, format!("{found}, which has {rows} rows"), advice),
                None => Finding::warning(about, found, advice),
            }]
        }
    }
}

fn without_rowversion(looked: &Looked<'_>, about: String) -> Finding {
    let there = looked.facts.columns.iter().flatten().find(|column| column.is_rowversion);
    if let Some(column) = there {
        return Finding::note(
            about,
            format!(
                "the table has the rowversion {}, and the configuration does not name it: a trigger does its work",
                quoted(&column.name)
            ),
            format!("say revision = {:?}, then run `sluss init` again", column.name),
        );
    }
    let cost = looked.facts.rows.map_or("8 bytes a row".to_owned(), |rows| format!("{rows} x 8 bytes, {}", bytes(rows.saturating_mul(8))));
    Finding::note(
        about,
        "the table has no rowversion: a trigger of Sluss's keeps a revision for each row in a table beside it",
        format!(
            "programs that use OUTPUT without INTO on it (some object mappers) have to be told that it has a trigger: error 334. A rowversion \
             of the table's own costs {cost}, a rewrite of every row and a schema lock meanwhile"
        ),
    )
}
