//! What is known of one document beside its bytes.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sluss::model::phase::Phase;

use super::made::{self, MADE, assert_head_is_the_same, collection, house};
use super::wire::Ask;

#[tokio::test]
async fn metadata_says_where_the_content_lies_and_what_it_is_in_every_phase() {
    for phase in Phase::ALL {
        let (house, _) = house(phase).await;
        let (path, about) = (collection("documents/7"), collection("documents/7/metadata"));
        assert_eq!(house.ask(&Ask::put(&path, "the content").with("Content-Type", "text/plain")).await.status, 201);
        house.settle(&MADE).await;
        let answer = house.get(&about).await;
        let mut metadata = made::json(&answer);
        for store in ["sqlite", "disk", &*house.objects().to_string_lossy()] {
            assert!(!answer.text().contains(store), "{answer:?}");
        }
        let location = metadata["location"].take();
        let document = house.get(&path).await;
        let sha256: String = Sha256::digest("the content").iter().map(|byte| format!("{byte:02x}")).collect();
        let is_located = phase != Phase::Sql;
        let held_by = match phase {
            Phase::Sql => "sql",
            Phase::Shadow | Phase::Dual => "both",
            Phase::Object | Phase::Sealed => "object",
        };
        let expected = json!({
            "id": "7", "size": 11, "media_type": "text/plain", "file_name": null, "modified": metadata["modified"],
            "etag": document.header("etag"), "held_by": held_by, "sha256": is_located.then_some(sha256), "location": null,
        });
        assert_eq!(metadata, expected, "{phase}");
        assert_eq!(location.is_null(), !is_located, "{location}");
        if is_located {
            assert_eq!((&location["placement"], &location["length"]), (&json!("local"), &json!(11)), "{location}");
            assert_eq!(location["sole"], held_by == "object");
            assert_eq!(format!("\"{}\"", location["stamp"].as_str().unwrap()), document.header("etag"));
            assert!(uuid::Uuid::parse_str(location["object"].as_str().unwrap()).is_ok(), "{location}");
            assert!(location["held_from"].is_string() && location["verified_at"].is_null(), "{location}");
        }
        assert_head_is_the_same(&house, &about).await;
        house.close().await;
    }
}

/// The location of another content is nobody's business.
#[tokio::test]
async fn content_that_was_written_straight_to_sql_has_no_location_yet() {
    let (house, database) = house(Phase::Sql).await;
    house.ask(&Ask::put(collection("documents/1"), "copied")).await;
    database.execute("UPDATE sluss_state SET phase = 'dual'", []).unwrap();
    house.sweep(&MADE).await;
    house.settle(&MADE).await;
    let about = collection("documents/1/metadata");
    assert_eq!(made::json(&house.get(&about).await)["held_by"], "both");
    database.execute("UPDATE sluss_state SET phase = 'sql'", []).unwrap();
    database.execute("UPDATE documents SET content = CAST('theirs, and longer' AS BLOB)", []).unwrap();
    let metadata = made::json(&house.get(&about).await);
    assert_eq!((&metadata["held_by"], &metadata["size"]), (&json!("sql"), &json!(18)));
    assert_eq!((&metadata["location"], &metadata["sha256"]), (&Value::Null, &Value::Null));
    house.close().await;
}

#[tokio::test]
async fn there_is_no_metadata_where_there_is_no_document_to_read() {
    for phase in [Phase::Sql, Phase::Object] {
        let (house, database) = house(phase).await;
        database.execute("INSERT INTO documents (id, kind) VALUES (1, 'no content yet')", []).unwrap();
        let made = house.ask(&made::post("contracts", "x")).await.header("location").to_owned();
        assert_eq!(made::json(&house.get(&format!("{made}/metadata")).await)["size"], 1);
        assert_eq!(house.ask(&Ask::new("DELETE", &made)).await.status, 204);
        for path in [&made, &collection("documents/1"), &collection("documents/2"), &collection("nowhere/1")] {
            let (document, about) = (house.get(path).await, house.get(&format!("{path}/metadata")).await);
            assert_eq!(about.problem(404, "not-found"), document.problem(404, "not-found"), "{path} in {phase}");
        }
        house.get(&collection("documents/x/metadata")).await.problem(400, "bad-request");
        let answer = house.ask(&Ask::put(collection("documents/1/metadata"), "x")).await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "GET, HEAD");
        house.close().await;
    }
}

#[tokio::test]
async fn an_id_may_be_called_metadata() {
    let (house, _) = house(Phase::Dual).await;
    for id in ["metadata", "a%2Fmetadata", "%2Fmetadata", "metadata%2Fmetadata"] {
        let path = collection(&format!("notes/{id}"));
        assert_eq!(house.ask(&Ask::put(&path, id)).await.status, 201);
        assert_eq!(house.get(&path).await.text(), id);
        let metadata = made::json(&house.get(&format!("{path}/metadata")).await);
        assert_eq!(metadata["id"].as_str().unwrap(), id.replace("%2F", "/"));
    }
    house.close().await;
}
