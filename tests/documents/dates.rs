//! `Last-Modified` of rows as customers have them: without a time, with one that HTTP cannot say, with one in the future. And what a
//! browser is told to do with a document, which is the collection's to say.

use rusqlite::params;
use sluss::model::phase::Phase;

use super::house::{House, Plan, document};
use super::support::customers::{ACME, Customer};
use super::wire::{Answer, Ask};

const LONG_AGO: &str = "Sat, 01 Jan 2000 00:00:00 GMT";

fn seconds(answer: &Answer, name: &str) -> u64 {
    let date = httpdate::parse_http_date(answer.header(name)).unwrap();
    date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn a_row_without_a_time_that_http_can_say_has_no_date_to_go_by() {
    let house = House::in_phase(Phase::Sql).await;
    for (id, modified) in [(1, None), (2, Some("yesterday")), (3, Some("1960-05-05 08:00:00")), (4, Some(""))] {
        let insert = "INSERT INTO documents (id, modified_at, content) VALUES (?1, ?2, x'01')";
        house.database(&ACME).execute(insert, params![id, modified]).unwrap();
        let path = document(&ACME, &id.to_string());
        for condition in ["If-Modified-Since", "If-Unmodified-Since"] {
            for date in [LONG_AGO, "Fri, 01 Jan 2100 00:00:00 GMT"] {
                let answer = house.ask(&Ask::get(&path).with(condition, date)).await;
                assert_eq!((answer.status, answer.header("last-modified")), (200, ""), "{modified:?}: {answer:?}");
            }
        }
        assert_eq!(house.ask(&Ask::put(&path, "new").with("If-Unmodified-Since", LONG_AGO)).await.status, 204, "{modified:?}");
        // The write has given it a time.
        house.ask(&Ask::put(&path, "newer").with("If-Unmodified-Since", LONG_AGO)).await.problem(412, "precondition-failed");
        house.ask(&Ask::new("DELETE", &path).with("If-Unmodified-Since", LONG_AGO)).await.problem(412, "precondition-failed");
        assert_eq!(house.get(&path).await.text(), "new");
    }
    house.close().await;
}

#[tokio::test]
async fn nothing_was_modified_later_than_now() {
    let house = House::in_phase(Phase::Sql).await;
    let insert = "INSERT INTO documents (id, modified_at, content) VALUES (1, '2999-01-01 00:00:00', x'01')";
    house.database(&ACME).execute(insert, []).unwrap();
    let path = document(&ACME, "1");
    let answer = house.get(&path).await;
    assert!(seconds(&answer, "last-modified") <= seconds(&answer, "date"), "{answer:?}");
    assert!(seconds(&answer, "last-modified") + 60 > seconds(&answer, "date"), "{answer:?}");
    assert_eq!(house.ask(&Ask::get(&path).with("If-Modified-Since", LONG_AGO)).await.status, 200);
    house.ask(&Ask::get(&path).with("If-Unmodified-Since", LONG_AGO)).await.problem(412, "precondition-failed");
    // A date that is strong only once its second is over names no content before.
    let part = Ask::get(&path).with("Range", "bytes=0-0").with("If-Range", "Tue, 01 Jan 2999 00:00:00 GMT");
    assert_eq!(house.ask(&part).await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn a_browser_saves_a_document_unless_the_collection_says_inline() {
    let shown = Customer {
        create: "CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB); CREATE TABLE pages (id INTEGER PRIMARY KEY, content BLOB)",
        collections: "[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
                      [collections.pages]\ntable = \"pages\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\ndisposition = \"inline\"\n",
        ..ACME
    };
    let house = House::of(Plan::default(), &shown).await;
    for (collection, expected) in [("documents", "attachment"), ("pages", "inline")] {
        let path = format!("/v1/tenants/acme/{collection}/1");
        let raw = "attachment; filename=\"Blåbärspaj €.html\"";
        assert_eq!(house.ask(&Ask::put(&path, "x").with("Content-Disposition", raw)).await.status, 201);
        let answer = house.get(&path).await;
        let disposition = format!("{expected}; filename=\"Bl_b_rspaj _.html\"; filename*=UTF-8''Bl%C3%A5b%C3%A4rspaj%20%E2%82%AC.html");
        assert_eq!(answer.header("content-disposition"), disposition);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    house.close().await;
}
