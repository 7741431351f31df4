//! A process follows its tenants' files while it runs.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
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

async fn text(client: &HttpClient, path: &str) -> String {
    let answer = client.request(Method::GET, path, HeaderMap::new(), body::empty()).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    String::from_utf8(answer.bytes(1 << 20).await.unwrap().to_vec()).unwrap()
}

async fn put(client: &HttpClient, path: &str, content: &str) -> StatusCode {
    client.request(Method::PUT, path, HeaderMap::new(), body::full(content.to_owned())).await.unwrap().status
}

/// Objects below a folder of a placement.
fn objects_in(folder: &Path) -> usize {
    let shards = std::fs::read_dir(folder).into_iter().flatten().map(|shard| shard.unwrap().path());
    shards.filter(|shard| shard.file_name().unwrap().len() == 2).map(|shard| std::fs::read_dir(shard).unwrap().count()).sum()
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

/// What the first placement holds is known from SQL only: it was filled before it had a limit.
#[tokio::test]
async fn a_placement_that_is_added_takes_new_objects_once_the_one_before_it_is_found_full() {
    let lab = Lab::new("");
    let seat = lab.seat("gateway");
    let file = seat.config.parent().unwrap().join("tenants/globex.toml");
    let single = format!("phase = \"object\"\n{}", std::fs::read_to_string(&file).unwrap());
    std::fs::write(&file, &single).unwrap();
    lab.init(&seat);
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.documents);
    let client = seat.documents_client();
    let path = |number: usize| format!("/v1/tenants/globex/documents/d{number}");
    for number in 0..3 {
        assert_eq!(put(&client, &path(number), &format!("content {number}")).await, StatusCode::CREATED);
    }
    let (first, second) = (lab.objects().join("globex"), lab.path().join("more/globex"));
    assert_eq!((objects_in(&first), objects_in(&second)), (3, 0));

    let limited = single.replace("[objects]\n", "[[objects]]\nmax_objects = 3\n");
    let more = "[[objects]]\nplacement = \"more\"\ndisk = \"../../more\"\nmax_objects = 1000\n";
    std::fs::write(&file, format!("{limited}{more}")).unwrap();
    let mut written = 3;
    while objects_in(&second) == 0 {
        assert!(written < 300, "the first placement is not found full");
        assert_eq!(put(&client, &path(written), &format!("content {written}")).await, StatusCode::CREATED);
        written += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(objects_in(&second), 1, "the last one, and none before it");
    for number in 0..written {
        assert_eq!(text(&client, &path(number)).await, format!("content {number}"));
    }
    let admin = seat.admin_client();
    for _ in 0..300 {
        let metrics = text(&admin, "/metrics").await;
        if metrics.contains("sluss_placement_objects_limit{placement=\"local\",tenant=\"globex\"} 3\n") {
            assert!(metrics.contains("sluss_placements_full{tenant=\"globex\"} 0\n"), "{metrics}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody tells how full the placements are");
}
