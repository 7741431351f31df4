//! Each trap by itself: facts in, a finding out.

use jiff::SignedDuration;

use super::facts::{ColumnFacts, DatabaseFacts, ForeignKey, ServerFacts, TableFacts, Traits, Trigger};
use super::table::{CHECKS, Looked, OF_A_FIT_TABLE};
use super::{database, of_database};
use crate::config::{CollectionConfig, CreateRule};
use crate::model::id::IdKind;
use crate::store::doctor::{Finding, Gravity};
use crate::store::mssql::catalogue::{Column, Family, KeyColumn};
use crate::store::mssql::table::Table;

fn collection() -> CollectionConfig {
    let plain = CollectionConfig::plain("documents".parse().unwrap(), "documents", "id", IdKind::Text, "content");
    CollectionConfig { revision_column: Some("rv".to_owned()), ..plain }
}

fn column(name: &str, family: Family) -> Column {
    let collation = matches!(family, Family::Text { .. }).then(|| "Finnish_Swedish_CI_AS".to_owned());
    Column {
        name: name.to_owned(),
        declared: "declared".to_owned(),
        family,
        max_length: -1,
        nullable: true,
        identity: false,
        collation,
        filestream: false,
        foreign_code_page: false,
    }
}

fn columns(content: Family) -> Vec<Column> {
    let id = Column { nullable: false, max_length: 50, ..column("id", Family::Text { wide: false }) };
    vec![id, column("content", content), column("rv", Family::RowVersion)]
}

fn facts_of(names: &[&str]) -> Vec<ColumnFacts> {
    let fact = |name: &&str| ColumnFacts { name: (*name).to_owned(), is_needed: false, is_rowversion: *name == "rv" };
    names.iter().map(fact).collect()
}

fn usual() -> TableFacts {
    TableFacts {
        rows: Some(2_000_000),
        traits: Some(Traits {
            schema_owner: Some(1),
            replicated: false,
            change_data_capture: false,
            temporal: false,
            memory_optimized: false,
        }),
        columns: Some(facts_of(&["id", "content", "rv"])),
        foreign_keys: Some(Vec::new()),
        triggers: Some(Vec::new()),
        full_text: Some(false),
        revision_indexed: Some(true),
        replication_limit: Some(65_536),
        nested_triggers: Some(1),
    }
}

fn database_facts() -> DatabaseFacts {
    DatabaseFacts { read_committed_snapshot: true, compatibility_level: 160, recovery_model: "FULL".to_owned(), read_only: false }
}

fn judge_as(config: &CollectionConfig, content: Family, facts: &TableFacts) -> Vec<Finding> {
    let keys = [KeyColumn { index: 1, column: "id".to_owned() }];
    let table = Table::new(&"acme".parse().unwrap(), config, columns(content), &keys, true).unwrap();
    let looked = Looked { config, table: &table, facts };
    OF_A_FIT_TABLE.iter().chain(&CHECKS).flat_map(|check| check(&looked)).collect()
}

fn judge(facts: &TableFacts) -> Vec<Finding> {
    judge_as(&collection(), Family::Binary, facts)
}

#[track_caller]
fn assert_found(findings: &[Finding], gravity: Gravity, words: &str) {
    assert!(findings.iter().any(|finding| finding.gravity == gravity && finding.found.contains(words)), "{findings:#?}");
}

#[test]
fn a_usual_table_has_nothing_worse_than_a_note() {
    assert!(judge(&usual()).iter().all(|finding| finding.gravity <= Gravity::Note), "{:#?}", judge(&usual()));
}

#[test]
fn columns_that_a_put_cannot_fill_are_told() {
    let mut facts = usual();
    let mut further = facts_of(&["case number"]);
    further[0].is_needed = true;
    facts.columns.as_mut().unwrap().extend(further);
    assert_found(&judge(&facts), Gravity::Warning, "[case number]. A PUT of a new document fails");
    let existing = CollectionConfig { create: CreateRule::Existing, ..collection() };
    assert_found(&judge_as(&existing, Family::Binary, &facts), Gravity::Note, "Only the application inserts");
}

#[test]
fn an_image_is_told() {
    assert_found(&judge_as(&collection(), Family::Image, &usual()), Gravity::Note, "image, which is deprecated");
}

#[test]
fn triggers_are_told_from_ours() {
    let trigger = |name: &str, is_instead_of, is_disabled| Trigger { name: name.to_owned(), is_instead_of, is_disabled };
    let with = |triggers: Vec<Trigger>| judge(&TableFacts { triggers: Some(triggers), ..usual() });
    assert_found(&with(vec![trigger("tr", true, false)]), Gravity::Refused, "INSTEAD OF: [tr]");
    assert_found(&with(vec![trigger("tr", false, false)]), Gravity::Note, "[tr] run for what Sluss writes");
    assert_found(&with(vec![trigger("tr", true, true)]), Gravity::Ok, "none of the table's own");
    assert_found(&with(vec![trigger("sluss/revision/acme/documents", false, false)]), Gravity::Ok, "none of the table's own");
    assert_found(&with(vec![trigger("sluss/revision/acme/documents", false, true)]), Gravity::Warning, "it is disabled");
}

#[test]
fn keys_that_a_put_or_a_delete_meets_are_told() {
    let key = |is_its_own, schema: &str, on_delete: &str| ForeignKey {
        name: "fk".to_owned(),
        is_its_own,
        other_schema: schema.to_owned(),
        other_table: "cases".to_owned(),
        on_delete: on_delete.to_owned(),
    };
    let with = |key| judge(&TableFacts { foreign_keys: Some(vec![key]), ..usual() });
    assert_found(&with(key(true, "dbo", "NO_ACTION")), Gravity::Note, "from the table: [fk] (dbo.cases)");
    assert_found(&with(key(false, "dbo", "NO_ACTION")), Gravity::Note, "keeps them from being deleted");
    assert_found(&with(key(false, "dbo", "CASCADE")), Gravity::Note, "loses its rows with them");
    assert_found(&with(key(false, "sluss", "CASCADE")), Gravity::Ok, "none in the way");
}

#[test]
fn what_follows_the_tables_changes_is_told() {
    let with = |change: fn(&mut Traits)| {
        let mut facts = usual();
        change(facts.traits.as_mut().unwrap());
        facts
    };
    assert_found(&judge(&with(|traits| traits.temporal = true)), Gravity::Warning, "doubles their space");
    assert_found(&judge(&with(|traits| traits.change_data_capture = true)), Gravity::Warning, "more than 65536 bytes fail");
    assert_found(&judge(&with(|traits| traits.memory_optimized = true)), Gravity::Refused, "do not work on one");
    let unlimited = TableFacts { replication_limit: Some(-1), ..with(|traits| traits.replicated = true) };
    assert_found(&judge(&unlimited), Gravity::Note, "the table is replicated");
    assert_found(&judge(&TableFacts { full_text: Some(true), ..usual() }), Gravity::Warning, "no longer found by CONTAINS");
}

#[test]
fn a_revision_without_an_index_matters_by_the_tables_size() {
    let with = |rows| TableFacts { rows, revision_indexed: Some(false), ..usual() };
    assert_found(&judge(&with(Some(12))), Gravity::Note, "no index begins with [rv]");
    assert_found(&judge(&with(Some(2_000_000))), Gravity::Warning, "no index begins with [rv]");
    assert_found(&judge(&with(None)), Gravity::Warning, "no index begins with [rv]");
    let unnamed = CollectionConfig { revision_column: None, ..collection() };
    assert_found(
        &judge_as(&unnamed, Family::Binary, &usual()),
        Gravity::Note,
        "has the rowversion [rv], and the configuration does not name it",
    );
}

#[test]
fn a_revision_beside_the_row_needs_triggers_that_nest() {
    let unnamed = CollectionConfig { revision_column: None, ..collection() };
    let off = TableFacts { nested_triggers: Some(0), ..usual() };
    assert_found(&judge_as(&unnamed, Family::Binary, &off), Gravity::Warning, "nested triggers");
    assert!(judge(&off).iter().all(|finding| finding.gravity <= Gravity::Note), "a rowversion needs no trigger");
}

#[test]
fn what_a_login_may_not_see_is_no_finding() {
    let blind = judge(&TableFacts::default());
    assert!(blind.iter().all(|finding| finding.gravity <= Gravity::Note), "{blind:#?}");
}

#[test]
fn servers_are_told_by_their_versions() {
    let server = |version: &str, engine| {
        database::server(&ServerFacts { version: version.to_owned(), edition: "An Edition".to_owned(), engine }).gravity
    };
    assert_eq!(server("13.0.1601.5", 3), Gravity::Refused);
    assert_eq!(server("13.0.4001.0", 3), Gravity::Ok);
    assert_eq!(server("16.0.4135.4", 2), Gravity::Ok);
    assert_eq!(server("12.0.2000.8", 5), Gravity::Ok);
    assert_eq!(server("12.0.2000.8", 3), Gravity::Refused);
}

#[test]
fn a_database_is_told_by_its_settings() {
    assert!(of_database(&database_facts()).iter().all(|finding| finding.gravity <= Gravity::Note));
    let with = |change: fn(&mut DatabaseFacts)| {
        let mut facts = database_facts();
        change(&mut facts);
        of_database(&facts)
    };
    assert_found(&of_database(&database_facts()), Gravity::Note, "FULL: writing 2 GB of content takes at least 4 GB");
    assert_found(&with(|facts| facts.recovery_model = "SIMPLE".to_owned()), Gravity::Note, "free again at the next checkpoint");
    assert_found(&with(|facts| facts.read_committed_snapshot = false), Gravity::Ok, "off: nothing has to be changed");
    assert_found(&with(|facts| facts.compatibility_level = 90), Gravity::Warning, "90 is from before SQL Server 2008");
    assert_found(&with(|facts| facts.read_only = true), Gravity::Refused, "it is read-only");
}

#[test]
fn clocks_apart_are_told_in_both_directions() {
    assert_eq!(database::clock(SignedDuration::from_millis(-900)).gravity, Gravity::Ok);
    let behind = database::clock(SignedDuration::from_secs(-90));
    assert_found(&[behind], Gravity::Warning, "90.0 s behind this machine's");
}

#[test]
fn the_state_of_our_schema_is_told() {
    let gravity = |missing: &[&str], version| {
        let missing: Vec<String> = missing.iter().map(|name| (*name).to_owned()).collect();
        database::schema(&missing, version, 2).gravity
    };
    assert_eq!(gravity(&[], Some(2)), Gravity::Ok);
    assert_eq!(gravity(&["sluss.[location/acme/documents]"], Some(2)), Gravity::Warning);
    assert_eq!(gravity(&[], None), Gravity::Warning);
    assert_eq!(gravity(&[], Some(1)), Gravity::Warning);
    assert_eq!(gravity(&[], Some(3)), Gravity::Refused);
}
