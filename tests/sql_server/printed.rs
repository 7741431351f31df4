//! `sluss init --print-sql`: the script is all that a database needs, and does no harm.

use http::{Method, StatusCode};
use serde_json::Value;
use sluss_tds::faults::Rule;

use crate::office::{COLLECTIONS, Office, TABLES, batches};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_somebody_else_runs_leaves_init_nothing_to_make() {
    let office = Office::open().await;
    let untouched = office.objects();
    let script = office.run(&["init", "--print-sql"]).done();
    assert_eq!(office.objects(), untouched, "printing changes nothing");
    office.run_script(&script);
    let made = office.objects();
    assert_ne!(made, untouched);
    office.run(&["init"]).done();
    assert_eq!(office.objects(), made, "init makes nothing that the script did not make");

    let initialised = Office::open().await;
    initialised.run(&["init"]).done();
    assert_eq!(made, initialised.objects(), "and the script makes what init makes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_served_after_the_script() {
    let office = Office::open().await;
    office.run_script(&office.run(&["init", "--print-sql"]).done());
    let _serving = office.serve();
    assert_eq!(office.ask(Method::GET, "documents/1", None).await, (StatusCode::OK, vec![1, 2, 3]));
    assert_eq!(office.ask(Method::GET, "letters/a", None).await, (StatusCode::OK, vec![6]));
    assert_eq!(office.ask(Method::PUT, "documents/3", Some(b"new")).await.0, StatusCode::CREATED);
    assert_eq!(office.ask(Method::GET, "documents/3", None).await, (StatusCode::OK, b"new".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_runs_twice_changes_nothing_the_second_time() {
    let office = Office::open().await;
    let script = office.run(&["init", "--print-sql"]).done();
    office.run_script(&script);
    let objects = office.objects();
    let revisions = "SELECT COUNT_BIG(*) FROM sluss.[revision/acme/letters]";
    assert_eq!(office.number(revisions), 3, "rows from before Sluss have revisions");
    office.client.run("UPDATE sluss.state SET phase = 'dual', epoch = 7", &[]).unwrap();
    office.run_script(&script);
    assert_eq!(office.objects(), objects);
    assert_eq!((office.number(revisions), office.number("SELECT epoch FROM sluss.state")), (3, 7));
    assert_eq!(office.run(&["init", "--print-sql"]).done(), script, "it does not depend on what is there");
}

/// As a version without these indexes left it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_new_is_added_by_init_and_by_the_script() {
    let office = Office::open().await;
    office.run(&["init"]).done();
    let indexes = "SELECT COUNT_BIG(*) FROM sys.indexes AS i WHERE i.name IN (N'location_placement', N'version_placement')";
    let made = office.number(indexes);
    let dropped = "DROP INDEX location_placement ON sluss.[location/acme/documents]; DROP INDEX version_placement ON sluss.version;";
    let script = office.run(&["init", "--print-sql"]).done();
    let by_script = || office.run_script(&script);
    let by_init = || drop(office.run(&["init"]).done());
    for add in [&by_script as &dyn Fn(), &by_init] {
        office.client.run(dropped, &[]).unwrap();
        assert_eq!(office.number(indexes), made - 2);
        add();
        assert_eq!(office.number(indexes), made);
    }
}

/// Takes away all that schema versions 2 and 3 brought, and puts the version of a content there.
const AS_VERSION_1: &str = "
    DROP INDEX version_tick ON sluss.version; DROP INDEX version_attempt ON sluss.version; DROP INDEX version_number ON sluss.version;
    ALTER TABLE sluss.version DROP COLUMN media_type; ALTER TABLE sluss.version DROP COLUMN file_name;
    ALTER TABLE sluss.version DROP COLUMN attempt; ALTER TABLE sluss.version DROP COLUMN tick;
    ALTER TABLE sluss.staging DROP CONSTRAINT staging_kept; ALTER TABLE sluss.staging DROP COLUMN kept;
    ALTER TABLE sluss.version DROP COLUMN exact; ALTER TABLE sluss.version DROP COLUMN hidden_at;
    DROP TABLE sluss.tick; DROP TABLE sluss.begun; DROP TABLE sluss.marked; DROP TABLE sluss.restore_run;
    DROP INDEX version_ended ON sluss.version; DROP TABLE sluss.backup_run; DROP TABLE sluss.backup_bad;
    CREATE INDEX version_document ON sluss.version (tenant, collection, document, held_to);
    UPDATE sluss.state SET schema_version = 1;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_schema_version_1_is_brought_along_by_init_and_by_the_script() {
    let by_init = |office: &Office| drop(office.run(&["init"]).done());
    let by_script = |office: &Office| office.run_script(&office.run(&["init", "--print-sql"]).done());
    for bring in [&by_init as &dyn Fn(&Office), &by_script] {
        let office = Office::open().await;
        office.run(&["init"]).done();
        let objects = office.objects();
        office.client.run(AS_VERSION_1, &[]).unwrap();
        office
            .client
            .run(
                "INSERT INTO sluss.version (tenant, collection, document, stamp, length, stored_length, format, sha256, pieces, held_from, held_to) \
                 VALUES ('acme', 'documents', N'1', 'r-1-1', 0, 0, 0, 0x, 0x, 1, 2)",
                &[],
            )
            .unwrap();
        let complaint = office.run(&["doctor"]).with_code(1);
        assert!(complaint.contains("sluss.version.hidden_at") && complaint.contains("sluss.staging.kept"), "{complaint}");
        bring(&office);
        assert_eq!(office.objects(), objects);
        assert_eq!(office.number("SELECT CAST(s.schema_version AS bigint) FROM sluss.state AS s"), 4);
        assert_eq!(
            office.number("SELECT COUNT_BIG(*) FROM sluss.version AS v WHERE v.tick = 0"),
            1,
            "what was there grows old from now on"
        );
        let indexes = "SELECT COUNT_BIG(*) FROM sys.indexes AS i WHERE i.name IN (N'version_tick', N'version_attempt', N'version_number', N'version_document')";
        assert_eq!(office.number(indexes), 3);
        office.run(&["doctor"]).done();
    }
}

/// Who may not add a column must not take the database for complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_make_nothing_is_told_what_schema_version_1_lacks() {
    let office = Office::open().await;
    let Some(faults) = office.ground.faults() else { return };
    office.run(&["init"]).done();
    office.client.run(AS_VERSION_1, &[]).unwrap();
    faults.add(Rule::error(262).containing("LOCK_ESCALATION"));
    office.run(&["init"]).complaint(1);
    faults.clear();
    office.run_script(&office.run(&["init", "--print-sql"]).done());
    faults.add(Rule::error(262).containing("LOCK_ESCALATION"));
    office.run(&["init"]).done();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_make_nothing_is_enough_after_the_script() {
    let office = Office::open().await;
    let Some(faults) = office.ground.faults() else { return };
    let script = office.run(&["init", "--print-sql"]).done();
    faults.add(Rule::error(262).containing("LOCK_ESCALATION"));
    let complaint = office.run(&["init"]).complaint(1);
    assert!(complaint.contains("262") && complaint.contains("--print-sql"), "{complaint}");
    faults.clear();
    office.run_script(&script);
    faults.add(Rule::error(262).containing("LOCK_ESCALATION"));
    office.run(&["init"]).done();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grants_are_the_least() {
    let office = Office::open().await;
    let user = format!("[{}]", office.ground.login().user);
    let script = office.run(&["init", "--print-sql"]).done();
    let grants: Vec<&str> = script.lines().map(str::trim).filter(|line| line.starts_with("GRANT ")).collect();
    let expected = [
        "SELECT, INSERT, UPDATE, DELETE ON SCHEMA::sluss",
        "VIEW DEFINITION ON SCHEMA::sluss",
        "SELECT ON OBJECT::[dbo].[documents]",
        "UPDATE ON OBJECT::[dbo].[documents] ([content], [media_type], [file_name], [modified])",
        "INSERT ON OBJECT::[dbo].[documents]",
        "DELETE ON OBJECT::[dbo].[documents]",
        "VIEW DEFINITION ON OBJECT::[dbo].[documents]",
        "SELECT ON OBJECT::[dbo].[letters ]]s]",
        "UPDATE ON OBJECT::[dbo].[letters ]]s] ([the body])",
        "INSERT ON OBJECT::[dbo].[letters ]]s]",
        "VIEW DEFINITION ON OBJECT::[dbo].[letters ]]s]",
    ];
    assert_eq!(grants, expected.map(|grant| format!("GRANT {grant} TO {user};")));
    office.configure(&COLLECTIONS.replace("create = \"insert\"", "create = \"existing\""));
    assert!(!office.run(&["init", "--print-sql"]).done().contains("GRANT INSERT"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_a_rowversion_has_its_cost_estimated_and_one_with_it_gets_an_index() {
    let office = Office::open().await;
    let script = office.run(&["init", "--print-sql"]).done();
    let flat = script.replace("\n--", "");
    assert!(flat.contains("about 24 bytes (3 rows by the catalogue, 8 bytes each)"), "{script}");
    assert!(script.contains("--     ALTER TABLE [dbo].[letters ]]s] ADD [rv] rowversion;"), "{script}");
    assert!(script.contains("ON [dbo].[documents] ([rv]) WITH (ONLINE = ON);"), "{script}");
    assert!(!script.contains("ON [dbo].[letters ]]s] ([rv])"), "{script}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_is_one_object_in_json_and_every_line_of_it_can_be_read() {
    let office = Office::open().await;
    let json: Value = serde_json::from_str(&office.run(&["init", "--print-sql", "--json", "--tenant", "acme"]).done()).unwrap();
    assert_eq!(json["tenant"], "acme");
    let script = json["script"].as_str().unwrap();
    assert!(batches(script).len() > 10);
    assert!(script.lines().all(|line| line.chars().count() <= 200), "{script}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_would_break_the_script_is_refused() {
    let office = Office::with(TABLES, &COLLECTIONS.replace("\"letters ]s\"", r#""letters\nGO\nDROP TABLE dbo.documents""#)).await;
    let complaint = office.run(&["init", "--print-sql"]).complaint(1);
    assert!(complaint.contains("a script cannot carry"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_database_on_sql_server_has_a_script_of_its_own() {
    let office = Office::open().await;
    let text = std::fs::read_to_string(&office.seat.config).unwrap();
    let control = office.ground.sql_section().replace("[sql]", "[control]");
    std::fs::write(&office.seat.config, text.replace("[control]\ndatabase = \"sqlite:../control.db\"\n", &control)).unwrap();
    let said = office.run(&["init", "--print-sql", "--json"]).done();
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(last["tenant"], Value::Null);
    office.run_script(last["script"].as_str().unwrap());
    assert!(office.objects().contains(&"sluss audit U".to_owned()));
}
