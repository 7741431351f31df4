//! Keys in files change while a process runs.

use std::fs;
use std::time::Duration;

use http::{Method, StatusCode};
use sluss_s3::proxy::{Fault, Rule};
use sluss_s3::{Bucket, Proxy, Server};

use crate::site::{Site, in_bucket};

#[test]
fn a_wrong_key_is_told_and_the_right_one_is_used_as_soon_as_it_is_there() {
    let bucket = Bucket::new();
    let site = Site::new(&in_bucket(&bucket));
    let mut process = site.serve();
    assert_eq!(site.put(1, "one").status, StatusCode::CREATED);
    let wrong = "a-secret-that-is-not-the-right-one";
    fs::write(bucket.secret_key_file(), wrong).unwrap();
    process.kill_and_restart();
    process.wait_for(site.seat.documents);
    let answer = site.get(1);
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains(":store-unavailable") && answer.headers.contains_key("retry-after"), "{}", answer.body);
    let logs = site.logs();
    assert!(logs.contains("SignatureDoesNotMatch") && !logs.contains(wrong), "{logs}");
    // With the line break that editors leave.
    fs::write(bucket.secret_key_file(), format!("{}\n", bucket.server().secret_key)).unwrap();
    assert_eq!((site.get(1).status, site.get(1).body), (StatusCode::OK, "one".to_owned()));
    assert!(!site.logs().contains(&bucket.server().secret_key));
}

#[test]
fn clients_do_not_notice_that_the_old_key_was_taken_away() {
    let proxy = Proxy::before(Server::shared());
    let bucket = Bucket::new().behind(proxy.endpoint());
    let site = Site::new(&in_bucket(&bucket));
    let _process = site.serve();
    assert_eq!(site.put(1, "one").status, StatusCode::CREATED);
    // Keys that were read a moment ago and are refused are taken for wrong ones.
    std::thread::sleep(Duration::from_millis(1500));
    proxy.faults().add(Rule::new(Fault::UnknownKey).method(Method::GET).containing("/acme/").times(1));
    assert_eq!((site.get(1).status, site.get(1).body), (StatusCode::OK, "one".to_owned()));
    assert_eq!(proxy.faults().count(&Fault::UnknownKey), 1);
}
