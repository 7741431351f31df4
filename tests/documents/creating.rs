//! POST: documents whose ids the database gives, in every phase.

use percent_encoding::percent_decode_str;
use rusqlite::Connection;
use sluss::model::phase::Phase;

use super::house::{ACME_TOKEN, GLOBEX_TOKEN, House, MIB, Plan, READER_TOKEN, content};
use super::made::{MADE, collection, house, json, post};
use super::wire::{Ask, Wire};

fn rows(database: &Connection, table: &str) -> u64 {
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_new_document_is_there_at_once_and_is_copied_as_any_other_in_every_phase() {
    for phase in Phase::ALL {
        let (house, database) = house(phase).await;
        for name in ["documents", "contracts", "notes"] {
            let new =
                post(name, "new content").with("Content-Type", "text/plain").with("Content-Disposition", "attachment; filename=a.txt");
            let answer = house.ask(&new).await;
            assert_eq!((answer.status, answer.body.len()), (201, 0), "{name} in {phase}: {answer:?}");
            let path = answer.header("location").to_owned();
            assert!(path.starts_with(&format!("{}/", collection(name))) && path.is_ascii(), "{path}");
            let seen = house.witness(&path, b"new content".to_vec()).await;
            assert_eq!(seen.etag, answer.header("etag"));
            let in_sql = format!("SELECT count(*) FROM {name} WHERE content = CAST('new content' AS BLOB)");
            assert_eq!(database.query_row(&in_sql, [], |row| row.get::<_, u64>(0)).unwrap(), 1, "{name} in {phase}");
            house.settle(&MADE).await;
            house.assert_unchanged(&seen).await;
            let answer = house.get(&path).await;
            assert_eq!(
                (answer.header("content-type"), answer.header("content-disposition")),
                ("text/plain", "attachment; filename=\"a.txt\"")
            );
            let side = if matches!(phase, Phase::Sql | Phase::Shadow) { "sql" } else { "object" };
            assert_eq!(answer.header("served-from"), side, "{name} in {phase}");
        }
        assert_eq!(database.query_row("SELECT kind FROM documents", [], |row| row.get::<_, String>(0)).unwrap(), "new");
        house.sweep(&MADE).await;
        house.settle(&MADE).await;
        assert_eq!(house.metric("sluss_writes_around_gateway_total{tenant=\"acme\"}").await, 0.0, "{phase}");
        let created = "sluss_requests_total{code=\"201\",operation=\"create\",served_from=\"-\",tenant=\"acme\"}";
        assert_eq!(house.metric(created).await, 3.0);
        house.close().await;
    }
}

#[tokio::test]
async fn the_location_spells_any_id_and_every_post_makes_another_document() {
    let (house, database) = house(Phase::Dual).await;
    for name in ["notes", "notes", "contracts", "documents", "documents"] {
        let path = house.ask(&post(name, name)).await.header("location").to_owned();
        assert_eq!(house.get(&path).await.text(), name, "{path}");
        let id = percent_decode_str(path.rsplit_once('/').unwrap().1).decode_utf8().unwrap().into_owned();
        let found = format!("SELECT count(*) FROM {name} WHERE id = ?1");
        assert_eq!(database.query_row(&found, [&id], |row| row.get::<_, u64>(0)).unwrap(), 1, "{id}");
    }
    assert_eq!([rows(&database, "notes"), rows(&database, "contracts"), rows(&database, "documents")], [2, 1, 2]);
    let owners = "SELECT count(*) FROM notes WHERE owner = 'acme' AND id LIKE 'Å/文書 %'";
    assert_eq!(database.query_row(owners, [], |row| row.get::<_, u64>(0)).unwrap(), 2);
    house.close().await;
}

/// Of a length that nobody announced, staged on its way; the empty one; and one that is not what its digest says.
#[tokio::test]
async fn a_body_of_any_length_makes_a_document_or_nothing_of_it() {
    for phase in [Phase::Sql, Phase::Object] {
        let (house, database) = house(phase).await;
        let whole = content(4, 2 * MIB + 12_345);
        let mut wire = Wire::open(house.documents).await;
        wire.send(Ask::new("POST", collection("documents")).with("Transfer-Encoding", "chunked").head()).await.unwrap();
        for chunk in whole.chunks(300_000) {
            wire.send_chunk(chunk).await.unwrap();
        }
        wire.send_chunk(b"").await.unwrap();
        let answer = wire.answer_to("POST").await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        house.witness(answer.header("location"), whole.clone()).await;
        for name in ["documents", "contracts"] {
            let answer = house.ask(&post(name, "")).await;
            assert_eq!(answer.status, 201, "{answer:?}");
            house.witness(answer.header("location"), Vec::new()).await;
        }
        let before = rows(&database, "documents");
        let zeros = format!("sha-256=:{}=:", "A".repeat(43));
        for body in [b"small".to_vec(), whole] {
            let answer = house.ask(&post("documents", body).with("Content-Digest", &zeros)).await;
            answer.problem(400, "digest-mismatch");
        }
        assert_eq!((rows(&database, "documents"), rows(&database, "sluss_staging")), (before, 0));
        house.close().await;
    }
}

#[tokio::test]
async fn what_the_database_refuses_is_a_conflict_and_leaves_nothing() {
    for phase in [Phase::Sql, Phase::Object] {
        let (house, database) = house(phase).await;
        let named = |ask: Ask| ask.with("Content-Disposition", "attachment; filename=taken.txt");
        assert_eq!(house.ask(&named(post("documents", "first"))).await.status, 201);
        house.ask(&named(post("documents", "second"))).await.problem(409, "refused-by-database");
        house.ask(&named(Ask::put(collection("documents/77"), "third"))).await.problem(409, "refused-by-database");
        let detail = house.ask(&post("papers", "x")).await.problem(409, "refused-by-database");
        assert!(detail.contains("PUT the document with an id of your own"), "{detail}");
        let detail = house.ask(&post("rows", "x")).await.problem(409, "insert-not-configured");
        assert!(detail.contains("the application inserts the row"), "{detail}");
        assert_eq!([rows(&database, "documents"), rows(&database, "papers"), rows(&database, "rows_there")], [1, 0, 0], "{phase}");
        house.close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_a_new_document_is_refused_before_it_is_read() {
    let house = House::of(Plan { limits: "max_document_bytes = \"1KiB\"", ..Plan::default() }, &MADE).await;
    let new = || post("documents", "x");
    house.ask(&new().with("If-Match", "*")).await.problem(412, "precondition-failed");
    house.ask(&new().with("If-Match", "\"r-1-1\"")).await.problem(412, "precondition-failed");
    house.ask(&new().with("Content-Range", "bytes 0-0/1")).await.problem(400, "bad-request");
    house.ask(&new().with("Content-Encoding", "gzip")).await.problem(415, "unsupported-encoding");
    house.ask(&new().with("Content-Type", "no media type")).await.problem(400, "bad-request");
    house.ask(&post("documents", vec![b'x'; 1025])).await.problem(413, "too-large");
    house.ask(&post("nowhere", "x")).await.problem(404, "not-found");
    let answer = house.ask(&Ask::put(collection("documents"), "x")).await;
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "POST, GET, HEAD");
    assert_eq!(rows(&house.database(&MADE), "documents"), 0);
    assert_eq!(house.ask(&new().with("If-None-Match", "*")).await.status, 201);
    house.close().await;
}

#[tokio::test]
async fn making_documents_needs_the_right_to_write_and_seeing_them_the_right_to_read() {
    let house = House::of(Plan { tokens: true, ..Plan::default() }, &MADE).await;
    let bearing = |ask: Ask, token: &str| ask.with("Authorization", format!("Bearer {token}"));
    let new = post("documents", "x");
    assert!(house.ask(&bearing(new.clone(), READER_TOKEN)).await.problem(403, "forbidden").contains("write"));
    let made = house.ask(&bearing(new.clone(), ACME_TOKEN)).await;
    assert_eq!(made.status, 201);
    let (list, metadata) = (Ask::get(collection("documents")), Ask::get(format!("{}/metadata", made.header("location"))));
    for ask in [&list, &metadata] {
        json(&house.ask(&bearing(ask.clone(), READER_TOKEN)).await);
    }
    for ask in [new, list, metadata] {
        let answer = house.ask(&bearing(ask.clone(), GLOBEX_TOKEN)).await;
        assert_eq!(answer.problem(403, "forbidden"), "this token has no access to this tenant");
        house.ask(&bearing(ask, "nobody's")).await.problem(401, "unauthorized");
    }
    house.close().await;
}
