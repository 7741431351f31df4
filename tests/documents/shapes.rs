//! Tables as customers have them, over HTTP: what a client sees of marks, of rows that the application inserts, of columns that are not
//! there, and of changes straight in SQL, is the same in every phase.

use rusqlite::{Connection, params};
use sluss::model::phase::Phase;

use super::house::{House, Plan, wait_until};
use super::support::customers::{ACME, Customer};
use super::wire::Ask;

const PHASES: [Phase; 4] = [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object];

/// Beside the documents: contracts, with UUIDs, marks and content that is NOT NULL, and notes, whose rows the application inserts.
const SHAPES: Customer = Customer {
    create: "CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB); \
             CREATE TABLE Avtal (guid TEXT PRIMARY KEY, borttagen TEXT, slag TEXT NOT NULL, innehall BLOB NOT NULL); \
             CREATE TABLE notes (kund TEXT, id INTEGER, content BLOB, PRIMARY KEY (kund, id));",
    collections: "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                  [collections.contracts]\ntable = \"Avtal\"\nid = \"guid\"\nid_type = \"uuid\"\ncontent = \"innehall\"\n\
                  content_nullable = false\nsoft_delete = \"borttagen\"\ndelete = \"soft\"\ndefaults = { slag = \"avtal\" }\n\
                  [collections.notes]\ntable = \"notes\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                  tenant_column = \"kund\"\ntenant_value = \"acme\"\ncreate = \"existing\"\ndelete = \"content\"\n",
    ..ACME
};

const GUID: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
const CONTRACT: &str = "/v1/tenants/acme/contracts/6F9619FF-8B86-D011-B42D-00CF4FC964FF";
const NOTE: &str = "/v1/tenants/acme/notes/7";
const DOCUMENT: &str = "/v1/tenants/acme/documents/1";

async fn house(phase: Phase) -> (House, Connection) {
    let house = House::of(Plan { phase, ..Plan::default() }, &SHAPES).await;
    let database = house.database(&ACME);
    (house, database)
}

fn delete(path: &str) -> Ask {
    Ask::new("DELETE", path)
}

#[tokio::test]
async fn a_contract_lives_and_is_withdrawn_and_comes_back_in_every_phase() {
    for phase in PHASES {
        let (house, database) = house(phase).await;
        let new = Ask::put(CONTRACT, "first").with("Content-Type", "text/plain").with("Content-Disposition", "attachment; filename=a.txt");
        assert_eq!(house.ask(&new).await.status, 201, "{phase}");
        assert_eq!(
            database.query_row("SELECT guid || slag FROM Avtal", [], |row| row.get::<_, String>(0)).unwrap(),
            format!("{GUID}avtal")
        );
        house.settle(&ACME).await;
        let answer = house.get(&CONTRACT.to_lowercase()).await;
        assert_eq!((answer.status, answer.text().as_str(), answer.header("content-type")), (200, "first", "text/plain"), "{phase}");
        assert!(answer.header("content-disposition").contains("a.txt"), "{answer:?}");

        assert_eq!(house.ask(&delete(CONTRACT)).await.status, 204);
        house.get(CONTRACT).await.problem(404, "not-found");
        house.ask(&delete(CONTRACT)).await.problem(404, "not-found");
        house.ask(&Ask::put(CONTRACT, "x").with("If-Match", answer.header("etag"))).await.problem(412, "precondition-failed");
        assert_eq!(
            database.query_row("SELECT count(*) FROM Avtal WHERE borttagen IS NOT NULL", [], |row| row.get::<_, u64>(0)).unwrap(),
            1
        );
        database.execute("UPDATE Avtal SET borttagen = NULL", []).unwrap();
        assert_eq!(house.get(CONTRACT).await.text(), "first", "{phase}");

        assert_eq!(house.ask(&delete(CONTRACT)).await.status, 204);
        assert_eq!(house.ask(&Ask::put(CONTRACT, "second").with("If-None-Match", "*")).await.status, 201);
        let answer = house.get(CONTRACT).await;
        assert_eq!((answer.text().as_str(), answer.header("content-type")), ("second", "application/octet-stream"), "{phase}");
        house.close().await;
    }
}

#[tokio::test]
async fn a_note_takes_content_only_where_the_application_has_inserted_its_row() {
    for phase in PHASES {
        let (house, database) = house(phase).await;
        let detail = house.ask(&Ask::put(NOTE, "x")).await.problem(404, "not-found");
        assert!(detail.contains("the application inserts the row first"), "{detail}");
        database.execute("INSERT INTO notes VALUES ('globex', 7, 'another customer''s'), ('acme', 7, NULL)", []).unwrap();
        house.get(NOTE).await.problem(404, "not-found");
        assert_eq!(house.ask(&Ask::put(NOTE, "ours")).await.status, 201);
        assert_eq!(house.get(NOTE).await.text(), "ours");
        assert_eq!(house.ask(&delete(NOTE)).await.status, 204);
        house.ask(&delete(NOTE)).await.problem(404, "not-found");
        let rows = database.query_row("SELECT count(*), sum(content IS NULL) FROM notes", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(rows.unwrap(), (2_u64, 1_u64), "{phase}");
        house.close().await;
    }
}

#[tokio::test]
async fn the_empty_document_is_there_and_no_content_is_not() {
    for phase in PHASES {
        let (house, database) = house(phase).await;
        database.execute("INSERT INTO documents VALUES (1, NULL)", []).unwrap();
        database.execute("INSERT INTO Avtal VALUES (?1, NULL, 'x', x'')", [GUID]).unwrap();
        database.execute("INSERT INTO notes VALUES ('acme', 7, NULL)", []).unwrap();
        for path in [DOCUMENT, CONTRACT, NOTE] {
            house.get(path).await.problem(404, "not-found");
            assert_eq!(house.ask(&Ask::put(path, "")).await.status, 201, "{path} in {phase}");
            house.settle(&ACME).await;
            let answer = house.get(path).await;
            assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, "0", 0), "{path} in {phase}");
            assert_eq!(house.ask(&Ask::put(path, "more")).await.status, 204);
            assert_eq!(house.get(path).await.text(), "more", "{path} in {phase}");
        }
        house.close().await;
    }
}

/// What other programs of the customer's do to a row shows with the next read, whoever held its content before.
#[tokio::test]
async fn every_change_straight_in_sql_shows_at_once() {
    for phase in PHASES {
        let (house, database) = house(phase).await;
        let set = |statement: &str| database.execute(statement, params![]).unwrap();
        assert_eq!(house.ask(&Ask::put(DOCUMENT, "ours")).await.status, 201);
        house.settle(&ACME).await;
        let etag = house.get(DOCUMENT).await.header("etag").to_owned();

        set("UPDATE documents SET id = id");
        assert_eq!(house.get(DOCUMENT).await.text(), "ours", "another column in {phase}");
        set("UPDATE documents SET content = CAST('theirs' AS BLOB)");
        let answer = house.get(DOCUMENT).await;
        assert_eq!(answer.text(), "theirs", "content in {phase}");
        assert_ne!(answer.header("etag"), etag);
        house.sweep(&ACME).await;
        house.settle(&ACME).await;
        assert_eq!(house.get(DOCUMENT).await.text(), "theirs", "after a sweep in {phase}");

        set("UPDATE documents SET content = NULL");
        house.get(DOCUMENT).await.problem(404, "not-found");
        set("DELETE FROM documents");
        house.get(DOCUMENT).await.problem(404, "not-found");
        set("INSERT INTO documents VALUES (1, CAST('again' AS BLOB))");
        assert_eq!(house.get(DOCUMENT).await.text(), "again", "inserted again in {phase}");
        house.close().await;
    }
}

/// The incremental sweep finds it without anybody reading or asking.
#[tokio::test]
async fn what_was_changed_straight_in_sql_is_copied_within_the_interval() {
    let plan = Plan { phase: Phase::Shadow, agents: "changes_every = \"1s\"\n", ..Plan::default() };
    let house = House::of(plan, &SHAPES).await;
    house.settle(&ACME).await;
    house.database(&ACME).execute("INSERT INTO documents VALUES (1, CAST('theirs' AS BLOB))", []).unwrap();
    wait_until("the new document is copied", async || house.metric("sluss_copied_documents_total").await == 1.0).await;
    house.close().await;
}
