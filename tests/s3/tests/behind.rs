//! The proxy before the real server: what clients have signed stays valid, and what it changes is what S3 might answer.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use aws_sdk_s3::primitives::ByteStream;
use sluss_s3::proxy::{Fault, Proxy, Rule};
use sluss_s3::{Bucket, Server};

const LENGTH: usize = 3 << 20;

fn content() -> Vec<u8> {
    (0..LENGTH).map(|at| (at % 253) as u8).collect()
}

#[tokio::test]
async fn signed_requests_pass_and_a_whole_object_is_had_for_a_range() {
    let bucket = Bucket::new();
    let proxy = Proxy::before(bucket.server());
    let client = Server { endpoint: proxy.endpoint(), ..bucket.server().clone() }.client();
    let key = "a folder/å object";
    client.put_object().bucket(bucket.name()).key(key).body(ByteStream::from(content())).send().await.unwrap();
    let head = client.head_object().bucket(bucket.name()).key(key).send().await.unwrap();
    assert_eq!(head.content_length(), Some(LENGTH as i64));
    proxy.faults().add(Rule::new(Fault::IgnoreRange).times(1));
    for expected in [content(), content()[5..10].to_vec()] {
        let answer = client.get_object().bucket(bucket.name()).key(key).range("bytes=5-9").send().await.unwrap();
        assert_eq!(answer.content_range().is_some(), expected.len() == 5);
        assert!(answer.body.collect().await.unwrap().to_vec() == expected);
    }
    client.delete_object().bucket(bucket.name()).key(key).send().await.unwrap();
    assert!(bucket.keys().is_empty());
}

#[tokio::test]
async fn a_refusal_is_read_as_s3s_own() {
    let bucket = Bucket::new();
    let proxy = Proxy::before(bucket.server());
    let client = Server { endpoint: proxy.endpoint(), ..bucket.server().clone() }.client();
    proxy.faults().add(Rule::new(Fault::SlowDown { retry_after_seconds: Some(1) }));
    let refused = client.put_object().bucket(bucket.name()).key("key").body(ByteStream::from(content())).send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().headers().get("retry-after"), Some("1"));
    assert_eq!(refused.into_service_error().meta().code(), Some("SlowDown"));
    assert!(bucket.keys().is_empty());
}
