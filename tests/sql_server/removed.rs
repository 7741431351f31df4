//! `sluss init --remove`: refused until all content is in SQL, and then nothing of Sluss is left.

use http::{Method, StatusCode};

use crate::office::{COLLECTIONS, Office};

const REMOVE: [&str; 2] = ["init", "--remove"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sluss_goes_without_a_trace_once_all_content_is_in_sql_and_not_before() {
    let office = Office::open().await;
    let untouched = office.objects();
    office.run_script(&office.run(&["init", "--print-sql"]).done());
    let mut serving = office.serve();
    assert_eq!(office.ask(Method::PUT, "documents/7", Some(b"only the object store has it")).await.0, StatusCode::CREATED);
    serving.terminate();
    serving.wait();

    let complaint = office.run(&REMOVE).complaint(3);
    assert!(complaint.contains("acme is in phase object") && complaint.contains("sluss tenant phase acme sql"), "{complaint}");
    // Nobody works: the phase alone does not bring content back.
    office.client.run("UPDATE sluss.state SET phase = 'sql', epoch = epoch + 1", &[]).unwrap();
    let complaint = office.run(&REMOVE).complaint(3);
    assert!(complaint.contains("sql is not complete for acme: 1 document(s) only in the object store"), "{complaint}");

    let mut serving = office.serve();
    office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    serving.terminate();
    serving.wait();
    let script = office.run(&REMOVE).done();
    assert_ne!(office.objects(), untouched, "printing changes nothing");
    office.run_script(&script);
    assert_eq!(office.objects(), untouched);
    assert_eq!(office.number("SELECT COUNT_BIG(*) FROM sys.schemas WHERE name = N'sluss'"), 0);
    assert_eq!(office.number("SELECT COUNT_BIG(*) FROM sys.indexes WHERE name LIKE N'sluss/%'"), 0);
    assert_eq!(office.number("SELECT DATALENGTH(content) FROM dbo.documents WHERE id = 7"), 28);
    office.run_script(&script);
    assert!(office.run(&REMOVE).complaint(3).contains("there is nothing of tenant acme"));
    // The customer's table takes writes again, with nobody watching.
    office.client.run("INSERT INTO dbo.[letters ]]s] ([its id]) VALUES ('z')", &[]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_looks_again_before_it_drops_anything() {
    let office = Office::open().await;
    office.run(&["init"]).done();
    office.client.run("UPDATE sluss.state SET phase = 'sql'", &[]).unwrap();
    let script = office.run(&REMOVE).done();
    office.client.run("UPDATE sluss.state SET phase = 'object'", &[]).unwrap();
    let objects = office.objects();
    let refusals = crate::office::batches(&script).iter().filter_map(|batch| office.client.run(batch, &[]).err()).collect::<Vec<_>>();
    assert_eq!(refusals.len(), 3, "two collections and the tenant's rows: {refusals:?}");
    assert!(refusals.iter().all(|words| words.contains("50004") && words.contains("not in phase sql")), "{refusals:?}");
    assert_eq!(office.objects(), objects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_tenants_of_the_database_keep_what_is_theirs() {
    let office = Office::open().await;
    office.run(&["init"]).done();
    office.client.run("UPDATE sluss.state SET phase = 'sql'; INSERT INTO sluss.state VALUES ('globex', 'dual', 1, 1, 0);", &[]).unwrap();
    office.run_script(&office.run(&REMOVE).done());
    assert!(!office.objects().iter().any(|object| object.contains("acme")), "{:?}", office.objects());
    assert_eq!(office.number("SELECT COUNT_BIG(*) FROM sluss.state WHERE tenant = 'globex' AND phase = 'dual'"), 1);
    assert_eq!(office.number("SELECT COUNT_BIG(*) FROM sluss.tally"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_that_the_configuration_forgot_keeps_everything_there() {
    let office = Office::open().await;
    office.run(&["init"]).done();
    office.client.run("UPDATE sluss.state SET phase = 'sql'", &[]).unwrap();
    let (documents, _) = COLLECTIONS.split_once("[collections.letters]").unwrap();
    office.configure(documents);
    let complaint = office.run(&REMOVE).complaint(3);
    assert!(complaint.contains("collection letters of tenant acme has tables in this database"), "{complaint}");
}
