//! The console's files as a browser gets them: no token, a strict policy, validators. They hold for the built console and for the page
//! that a binary without it has.

use http::Method;
use sluss::client::HttpClient;

use super::house::{Ask, Told, ask};

fn get(path: &str) -> Ask {
    Ask::new(&Method::GET, path).by(None)
}

pub async fn serves_its_files_and_nothing_else(client: &HttpClient) {
    for path in ["/", "/console"] {
        let told = ask(client, &get(path)).await;
        assert_eq!((told.status, told.headers["location"].as_str()), (302, "/console/"), "{path}");
    }
    let index = ask(client, &get("/console/")).await;
    assert_eq!((index.status, index.headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
    assert_eq!(index.headers["cache-control"], "no-cache");
    let page = String::from_utf8(index.body.clone()).unwrap();
    let files = named_files(&page);
    assert!(!files.is_empty(), "{page}");
    for inline in ["<style", "style=", "onclick=", "<script>", "javascript:"] {
        assert!(!page.contains(inline), "the policy forbids {inline} in {page}");
    }
    for path in files.iter().map(String::as_str).chain(["/console/"]) {
        holds_for(client, path).await;
    }
    refuses(client).await;
}

/// Of its own origin, by absolute paths.
fn named_files(page: &str) -> Vec<String> {
    let values = ["href=\"", "src=\""].into_iter().flat_map(|name| page.split(name).skip(1));
    let values = values.filter_map(|rest| rest.split('"').next()).filter(|value| value.starts_with("/console/"));
    values.map(str::to_owned).collect()
}

async fn holds_for(client: &HttpClient, path: &str) {
    let plain = ask(client, &get(path)).await;
    assert_eq!(plain.status, 200, "{path}");
    is_guarded(path, &plain);
    if path.starts_with("/console/assets/") {
        assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable", "{path}");
    }
    let head = ask(client, &Ask { method: Method::HEAD, ..get(path) }).await;
    assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    assert_eq!(head.headers["content-length"], plain.body.len().to_string(), "{path}");
    let known = ask(client, &get(path).with("If-None-Match", format!("\"other\", {}", plain.headers["etag"]))).await;
    assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
    is_guarded(path, &known);
    let packed = ask(client, &get(path).with("Accept-Encoding", "gzip")).await;
    if packed.headers.contains_key("content-encoding") {
        assert_eq!(packed.headers["vary"], "Accept-Encoding", "{path}");
        assert_eq!(packed.body[..2], [0x1f, 0x8b], "{path}");
        assert_ne!(packed.headers["etag"], plain.headers["etag"], "two texts by one name: {path}");
    } else {
        assert_eq!(packed.body, plain.body, "{path}");
    }
}

fn is_guarded(path: &str, told: &Told) {
    let policy = &told.headers["content-security-policy"];
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|given| given == part), "{path}: no {part} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let expected =
        [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cross-origin-opener-policy", "same-origin")];
    for (name, value) in expected {
        assert_eq!(told.headers[name], value, "{path}");
    }
    let tag = &told.headers["etag"];
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{path}: {tag}");
}

async fn refuses(client: &HttpClient) {
    for path in ["/console/../Cargo.toml", "/console/%2e%2e/Cargo.toml", "/console//etc/passwd", "/console/nothing.js", "/console/assets/"]
    {
        let told = ask(client, &get(path)).await;
        assert_eq!((told.status, told.headers["content-type"].as_str()), (404, "application/problem+json"), "{path}");
    }
    let post = ask(client, &Ask { method: Method::POST, ..get("/console/") }).await;
    assert_eq!((post.status, post.headers["allow"].as_str()), (405, "GET, HEAD"));
}
