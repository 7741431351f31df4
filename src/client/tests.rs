//! The client against servers of its own making, sound and broken ones.

use std::convert::Infallible;

use futures_util::StreamExt;
use futures_util::stream::{iter, once};
use http::Response;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower::service_fn;

use super::*;
use crate::body::BoxError;
use crate::serve::Listener;
use crate::serve::tests::SETTINGS;

/// A body that breaks once its first half is on its way: what breaks before that takes even the head with it.
fn half() -> Body {
    let broken = once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err("gone".into())
    });
    body::stream(iter([Ok(Bytes::from_static(b"half"))]).chain(broken))
}

/// Answers with what it was asked: method, path, token and body.
async fn echo(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let answer = match head.uri.path() {
        "/empty" => Response::builder().status(204).body(body::empty()),
        "/broken" => Response::builder().header("content-length", 100).body(half()),
        "/silent" => std::future::pending().await,
        "/text" => Response::builder().body(body::full("no json")),
        "/admin/echo" => {
            let sent = body::read(body, 1 << 20).await.unwrap();
            let token = head.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap());
            let said = serde_json::json!({ "asked": format!("{} {}", head.method, head.uri), "token": token, "sent_bytes": sent.len() });
            Response::builder().status(409).body(body::full(said.to_string()))
        }
        path => panic!("nobody asks for {path}"),
    };
    Ok(answer.unwrap())
}

async fn server() -> (Uri, DropGuard) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = format!("http://{}", listener.local_addr()).parse().unwrap();
    let (drain, tracker) = (CancellationToken::new(), TaskTracker::new());
    tracker.spawn(listener.serve(service_fn(echo), SETTINGS, drain.clone(), tracker.clone()));
    (base, drain.drop_guard())
}

#[tokio::test]
async fn json_goes_out_and_comes_back_with_any_status() {
    let (base, _server) = server().await;
    let base = format!("{base}admin/").parse().unwrap();
    let client = HttpClient::new(base, Some("secret")).unwrap();
    let (status, said) = client.json(Method::POST, "/echo?dry_run=true", Some(&serde_json::json!({"to": "dual"}))).await.unwrap();
    assert_eq!(status, StatusCode::CONFLICT);
    let expected = serde_json::json!({ "asked": "POST /admin/echo?dry_run=true", "token": "Bearer secret", "sent_bytes": 13 });
    assert_eq!(said, expected);
}

#[tokio::test]
async fn an_empty_answer_is_null_and_text_is_refused_with_a_hint() {
    let (base, _server) = server().await;
    let client = HttpClient::new(base, None).unwrap();
    assert_eq!(client.json(Method::GET, "/empty", None).await.unwrap(), (StatusCode::NO_CONTENT, serde_json::Value::Null));
    let error = client.json(Method::GET, "/text", None).await.unwrap_err();
    assert!(error.to_string().contains("not JSON: is it a sluss admin address?"), "{error}");
}

#[tokio::test]
async fn a_body_streams_out() {
    let (base, _server) = server().await;
    let client = HttpClient::new(base, None).unwrap();
    let pieces = (0..100).map(|_| Ok::<_, BoxError>(Bytes::from(vec![0; 5000])));
    let answer = client.request(Method::PUT, "/admin/echo", HeaderMap::new(), body::stream(iter(pieces))).await.unwrap();
    let said = answer.bytes(1000).await.unwrap();
    assert!(String::from_utf8_lossy(&said).contains("\"sent_bytes\":500000"), "{said:?}");
}

#[tokio::test]
async fn an_answer_that_ends_short_is_an_error_after_its_first_piece() {
    let (base, _server) = server().await;
    let client = HttpClient::new(base, None).unwrap();
    let mut answer = client.request(Method::GET, "/broken", HeaderMap::new(), body::empty()).await.unwrap();
    let mut seen = Vec::new();
    let error = loop {
        match answer.piece().await {
            Ok(piece) => seen.extend_from_slice(&piece.expect("100 bytes were announced")),
            Err(error) => break error,
        }
    };
    assert!(b"half".starts_with(&seen), "{seen:?}");
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused() {
    let (base, _server) = server().await;
    let client = HttpClient::new(base, None).unwrap();
    let answer = client.request(Method::GET, "/text", HeaderMap::new(), body::empty()).await.unwrap();
    assert!(answer.bytes(3).await.unwrap_err().to_string().ends_with("is larger than 3 bytes"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_reason_and_a_hint() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = HttpClient::new(format!("http://name:password@{free}").parse().unwrap(), Some("secret")).unwrap();
    let error = client.json(Method::GET, "/", None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot reach http://{free}: connection refused; is `sluss serve` running?"));
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left() {
    let (base, _server) = server().await;
    let client = HttpClient::new(base, None).unwrap().with_patience(Duration::from_millis(50));
    let error = client.json(Method::GET, "/silent", None).await.unwrap_err();
    assert!(error.to_string().ends_with("did not answer within 50ms"), "{error}");
}

#[test]
fn an_address_without_a_scheme_is_refused_with_what_to_write() {
    let refused = HttpClient::new("gateway:8081".parse().unwrap(), None).unwrap_err().to_string();
    assert!(refused.contains("http://host:port or https://host:port"), "{refused}");
    assert!(HttpClient::new("ftp://gateway".parse().unwrap(), None).is_err());
    assert!(HttpClient::new("/admin".parse().unwrap(), None).is_err());
}

#[test]
fn a_bad_token_is_refused_without_being_shown() {
    let error = HttpClient::new("http://a".parse().unwrap(), Some("se\ncret")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("cret"));
}

#[test]
fn a_path_is_a_path() {
    let client = HttpClient::new("http://a/base".parse().unwrap(), None).unwrap();
    assert_eq!(client.uri("/x?y=1").unwrap(), "http://a/base/x?y=1");
    for bad in ["x", "", "@evil/", "/a b", "/a\r\nb"] {
        assert!(client.uri(bad).is_err(), "{bad:?}");
    }
}
