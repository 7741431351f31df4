//! A process follows its tenants' files while it runs.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use sluss::body;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use support::customers::{ACME, GLOBEX};
use support::lab::Lab;
use support::process::Process;

async fn status(client: &HttpClient, path: &str) -> StatusCode {
    client.request(Method::GET, path, HeaderMap::new(), body::empty()).await.unwrap().status
}

async fn until(client: &HttpClient, path: &str, wanted: StatusCode) {
    for _ in 0..150 {
        if status(client, path).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} does not come to answer {wanted}");
}

#[tokio::test]
async fn tenants_come_and_go_with_their_files_and_a_mistake_changes_nothing() {
    let lab = Lab::new("");
    let content = Pattern { seed: 1, length: 100 };
    ACME.insert(&lab.database(), "1", "text/plain", "a.txt", Some(content));
    GLOBEX.insert(&lab.database(), "b", "text/plain", "b.txt", Some(content));
    let seat = lab.seat("gateway");
    lab.init(&seat);
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.documents);
    let (client, file) = (seat.documents_client(), seat.config.parent().unwrap().join("tenants/globex.toml"));
    let (acme, globex) = ("/v1/tenants/acme/documents/1", "/v1/tenants/globex/documents/b");
    let good = std::fs::read_to_string(&file).unwrap();
    until(&client, globex, StatusCode::OK).await;

    std::fs::remove_file(&file).unwrap();
    until(&client, globex, StatusCode::NOT_FOUND).await;
    assert_eq!(status(&client, acme).await, StatusCode::OK);

    std::fs::write(&file, &good).unwrap();
    until(&client, globex, StatusCode::OK).await;

    std::fs::write(&file, good.replace("table = ", "tabel = ")).unwrap();
    for _ in 0..100 {
        if lab.logs().contains("is not taken over") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let logs = lab.logs();
    assert!(logs.contains("is not taken over") && logs.contains("tabel"), "{logs}");
    assert_eq!(status(&client, globex).await, StatusCode::OK);
}
