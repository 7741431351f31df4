//! What the existing API gets, and when its client gets what.

use std::time::Duration;

use super::record::{Connection, Exchange};
use super::stage::{ROUTES, Stage};

fn ask(stage: &Stage, request: &str) -> String {
    let mut connection = Connection::open(stage.documents);
    connection.send(request);
    connection.rest()
}

/// The head that the existing API has got.
fn mirrored(answer: &str) -> Vec<String> {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.trim_end().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_arrives_as_it_was_sent_but_for_what_belongs_to_the_connection() {
    let stage = Stage::open("", "").await;
    let answer = ask(
        &stage,
        "GET /mirror?a=%20b HTTP/1.1\r\nhOst: files.example:81\r\nX-oDD: 1\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
         Keep-Alive: timeout=5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nAuthorization: Basic eDp5\r\nForwarded: for=10.0.0.1\r\n\r\n",
    );
    assert_eq!(
        mirrored(&answer),
        [
            "GET /mirror?a=%20b HTTP/1.1",
            "hOst: files.example:81",
            "X-oDD: 1",
            "Cookie: a=1",
            "Cookie: b=2",
            "Authorization: Basic eDp5",
            "Forwarded: for=10.0.0.1",
            "forwarded: for=127.0.0.1;host=\"files.example:81\";proto=http",
            "via: 1.1 sluss",
        ]
    );
    let old = ask(&stage, "GET http://other.example/mirror HTTP/1.0\r\nHost: files.example\r\n\r\n");
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n"), "{old}");
    assert_eq!(mirrored(&old)[..2], ["GET /mirror HTTP/1.1", "Host: other.example"], "asked of the one upstream all the same");
    stage.close().await;

    let silent = Stage::open("forwarded = false", "").await;
    let answer = ask(&silent, "GET /mirror HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(mirrored(&answer)[1..], ["Host: a", "via: 1.1 sluss"]);
    silent.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_be_read_in_two_ways_is_sent_on_in_one_or_refused() {
    let stage = Stage::open("", "").await;
    for (request, status) in [
        ("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n", "400"),
        ("GET /mirror HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "400"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabcd", "400"),
    ] {
        let answer = ask(&stage, request);
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    let smuggled = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                    2\r\nhi\r\n0\r\n\r\nGET /mirror HTTP/1.1\r\nHost: smuggled\r\n\r\n";
    let answer = ask(&stage, smuggled);
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n") && answer.ends_with("\r\n\r\nhi"), "one answer to one request: {answer}");
    assert_eq!(stage.metric("sluss_upstream_requests_total{code=\"201\"}"), 1.0);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked_only_if_the_existing_api_asks() {
    let stage = Stage::open("", "").await;
    let mut connection = Connection::open(stage.documents);
    connection.send("POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let head = String::from_utf8(connection.head()).unwrap();
    assert!(head.starts_with("HTTP/1.1 413 ") && head.contains("\r\nconnection: close\r\n"), "{head}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_an_answer_arrives_before_the_rest_of_it_exists() {
    let stage = Stage::open("", "").await;
    let mut connection = Connection::open(stage.documents);
    connection.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    connection.head();
    assert_eq!(connection.until(b"first\r\n"), b"5\r\nfirst\r\n");
    assert_eq!(stage.metric("sluss_upstream_requests_in_flight"), 1.0);
    stage.existing.go_on();
    assert_eq!(connection.until(b"0\r\n\r\n"), b"6\r\nsecond\r\n0\r\n\r\n");
    drop(connection);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_existing_api_says_who_may_read_and_a_yes_holds_for_a_moment_and_the_same_credentials() {
    let remembering = ROUTES.replace("method = \"GET\"\npath", "remember = \"1h\"\nmethod = \"GET\"\npath");
    let stage = Stage::open("", &remembering).await;
    let read = |id: u32, cookie: &str| {
        let line = format!("GET /api/v2/acme/projects/7/files/{id}/content");
        let answer = Connection::open(stage.documents).exchange(&Exchange::new(&line, &[&format!("Cookie: {cookie}")]));
        String::from_utf8_lossy(&answer[9..12]).into_owned()
    };
    assert_eq!([read(1, "sid=sesame"), read(2, "sid=sesame"), read(1, "sid=sesame")], ["200", "200", "200"]);
    assert_eq!(stage.existing.checks(), 1, "the same question for the same credentials");
    assert_eq!([read(1, "sid=other"), read(1, "sid=other")], ["401", "401"]);
    assert_eq!(stage.existing.checks(), 3, "a no is never remembered");
    assert_eq!(read(1, "sid=sesame; x=1"), "200");
    assert_eq!(stage.existing.checks(), 4, "other credentials");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_existing_api_is_asked_about_the_tenant_that_would_be_served_and_told_the_method() {
    let route = |operation: &str| {
        format!(
            "[[routes]]\noperation = \"{operation}\"\ntemplate = \"/files/{{id}}\"\ntenant = {{ header = \"X-Tenant\" }}\nauth = \"upstream\"\n"
        )
    };
    let check = "[upstream.check]\nmethod = \"GET\"\npath = \"/rights\"\nremember = \"1h\"\n";
    let stage = Stage::open("", &format!("{check}{}{}", route("read"), route("delete"))).await;
    let status = |method: &str, headers: &str| {
        let answer = ask(&stage, &format!("{method} /files/1 HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
        answer[9..12].to_owned()
    };
    assert_eq!(status("GET", "X-Tenant: acme\r\nConnection: close\r\n"), "200");
    assert_eq!(status("DELETE", "X-Tenant: acme\r\nConnection: close\r\n"), "403", "who may read may not yet delete");
    assert_eq!(
        status("GET", "X-Tenant: acme\r\nConnection: close, X-Tenant\r\n"),
        "200",
        "what Connection names was looked at, so it is told"
    );
    let twice = status("GET", "X-Tenant: acme\r\nX-Tenant: globex\r\nConnection: close\r\n");
    assert_eq!(twice, "404", "two tenants are none: passed on, and nothing there");
    stage.close().await;
}

/// Its SHA-256 is in the configuration below.
const TOKEN: &str = "test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_passed_on_bears_no_token_of_ours() {
    let tokens = "[[tokens]]\nname = \"app\"\nsha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\ntenants = [\"*\"]\n\
                  rights = [\"read\"]\n";
    let stage = Stage::open("", tokens).await;
    let arrived = |token: &str| {
        let answer = ask(&stage, &format!("GET /mirror HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"));
        mirrored(&answer).into_iter().find(|line| line.starts_with("Authorization"))
    };
    assert_eq!(arrived(TOKEN), None);
    assert_eq!(arrived("theirs").as_deref(), Some("Authorization: Bearer theirs"));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_api_stays_beside_the_existing_one_unless_it_is_switched_off() {
    let stage = Stage::open("", "").await;
    let own = "GET /v1/tenants/acme/documents/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = ask(&stage, own);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\r\nserved-from: sql\r\n"), "{}", &answer[..300]);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_process_ends_its_web_sockets() {
    let stage = Stage::open("", "").await;
    let mut connection = Connection::open(stage.documents);
    let key = super::answers::SOCKET_KEY;
    connection
        .send(format!("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {key}\r\n\r\n"));
    assert!(connection.head().starts_with(b"HTTP/1.1 101 "));
    connection.send("ping");
    assert_eq!(connection.until(b"ping"), b"ping");
    tokio::time::timeout(Duration::from_secs(10), stage.close()).await.expect("it waits for no WebSocket");
    assert_eq!(connection.rest(), "");
}
