//! Contents that a document had, as a client meets them.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::office::Office;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_sql_held_is_read_and_made_current_again_after_it_was_overwritten() {
    let office = Office::open().await;
    office.run(&["init"]).done();
    let _serving = office.serve();
    assert_eq!(office.ask(Method::PUT, "documents/1", Some(b"another")).await.0, StatusCode::NO_CONTENT);
    assert_eq!(office.ask(Method::DELETE, "letters/a", None).await.0, StatusCode::NO_CONTENT);
    for (document, content) in [("documents/1", vec![1, 2, 3]), ("letters/a", vec![6])] {
        let begun = Instant::now();
        let version = loop {
            let (status, listed) = office.ask(Method::GET, &format!("{document}/versions"), None).await;
            assert_eq!(status, StatusCode::OK, "{document}");
            let listed: Value = serde_json::from_slice(&listed).unwrap();
            let version = listed["versions"][0].clone();
            let path = format!("{document}/versions/{}", version["stamp"].as_str().unwrap());
            assert_eq!(office.ask(Method::GET, &path, None).await, (StatusCode::OK, content.clone()), "wherever its bytes are");
            // In the object store, it has a hash.
            if !version["sha256"].is_null() {
                break path;
            }
            assert!(begun.elapsed() < PATIENCE, "{document}: {listed}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let restored = office.ask(Method::POST, &format!("{version}/restore"), None).await;
        assert!(restored.0.is_success(), "{document}: {restored:?}");
        assert_eq!(office.ask(Method::GET, document, None).await, (StatusCode::OK, content));
    }
    assert_eq!(office.number("SELECT COUNT_BIG(*) FROM sluss.staging"), 0);
}
