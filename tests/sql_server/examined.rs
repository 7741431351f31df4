//! `sluss doctor`: what was planted is found, and nothing else is complained about.

use serde_json::Value;

use crate::office::{COLLECTIONS, Office, TABLES};

/// Findings as `gravity about: found`.
fn findings(office: &Office, code: i32) -> Vec<String> {
    let said = office.run(&["doctor", "--tenant", "acme", "--json"]);
    assert_eq!(said.code, code, "{said:?}");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["tenant"], "acme");
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let line = |finding: &Value| format!("{} {} {}", text(finding, "gravity"), text(finding, "about"), text(finding, "found"));
    json["findings"].as_array().unwrap().iter().map(line).collect()
}

#[track_caller]
fn assert_found(findings: &[String], beginning: &str) {
    assert!(findings.iter().any(|finding| finding.starts_with(beginning)), "{beginning} is not in {findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_prepared_has_no_complaint() {
    let office = Office::open().await;
    assert_found(&findings(&office, 1), "warning schema sluss Sluss was not prepared for this tenant yet");
    office.run(&["init"]).done();
    let found = findings(&office, 0);
    for beginning in [
        "ok login for commands",
        "ok login for reads",
        "ok clock the database's clock is 0.",
        "ok server SQL Server ",
        "ok schema sluss version 4, complete",
        "ok grants ",
        "ok documents: content varbinary(max)",
        "ok letters: triggers none of the table's own",
        "note letters: revision the table has no rowversion",
        "note documents: TRUNCATE ",
    ] {
        assert_found(&found, beginning);
    }
    assert!(!found.iter().any(|finding| finding.contains("unknown")), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_was_planted_is_found() {
    let tables = TABLES
        .replace(
            "rv rowversion NOT NULL, content varbinary(max)",
            "rv rowversion NOT NULL, [case] int NOT NULL DEFAULT 0, owner int NOT NULL, content image",
        )
        .replace("INSERT INTO dbo.documents (id, content)", "INSERT INTO dbo.documents (id, owner)")
        .replace("(1, 0x010203), (2, 0x0405)", "(1, 1), (2, 2)");
    let office = Office::with(&tables, COLLECTIONS).await;
    office.client.run("CREATE TABLE dbo.pages (document bigint NOT NULL REFERENCES dbo.documents (id), page int NOT NULL)", &[]).unwrap();
    office.client.run("CREATE TRIGGER dbo.told ON dbo.documents AFTER UPDATE AS BEGIN SET NOCOUNT ON; END", &[]).unwrap();
    office.run(&["init"]).done();
    let found = findings(&office, 1);
    assert_found(&found, "warning documents: other columns NOT NULL without a default: [owner]. A PUT");
    assert_found(&found, "note documents: triggers [told] run for what Sluss writes");
    assert_found(&found, "note documents: content image");
    assert_found(&found, "note documents: revision no index begins with [rv]");
    assert_found(&found, "note documents: foreign keys to the documents' rows: [");
    office.run_script(&office.run(&["init", "--print-sql"]).done());
    assert_found(&findings(&office, 1), "ok documents: revision rowversion [rv], with an index");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_does_not_fit_is_told_with_the_reason_and_the_others_are_looked_at() {
    let office = Office::with(TABLES, &COLLECTIONS.replace("id_type = \"integer\"", "id_type = \"uuid\"")).await;
    let found = findings(&office, 1);
    assert_found(&found, "refused documents column [id] of [dbo].[documents] is bigint, which id_type contradicts");
    assert_found(&found, "ok letters: content");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_of_sluss_that_is_gone_or_off_is_told() {
    let office = Office::open().await;
    office.run(&["init"]).done();
    office.client.run("DISABLE TRIGGER [sluss/revision/acme/letters] ON dbo.[letters ]]s]", &[]).unwrap();
    assert_found(&findings(&office, 1), "warning letters: Sluss's trigger it is disabled");
    office.client.run("DROP TRIGGER [sluss/revision/acme/letters]", &[]).unwrap();
    assert_found(&findings(&office, 1), "warning schema sluss there is no [dbo].[sluss/revision/acme/letters]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_refused_is_the_finding() {
    let office = Office::open().await;
    std::fs::write(office.ground.password_file(), "another").unwrap();
    let said = office.run(&["doctor"]).ended(1);
    assert!(said.contains("refused") && said.contains("login for commands") && said.contains("login for reads"), "{said}");
    assert!(!said.contains("another"), "{said}");
}
