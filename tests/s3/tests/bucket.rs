//! A bucket of a test's own, on the real server.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use sluss_s3::{Bucket, Server, aside};

#[test]
fn it_holds_what_is_put_and_goes_with_everything_in_it() {
    let bucket = Bucket::versioned();
    let name = bucket.name().to_owned();
    bucket.put("a/one", b"1");
    bucket.put("a/two", b"22");
    bucket.put("a/two", b"222");
    bucket.delete("a/one");
    assert_eq!(bucket.keys(), ["a/two"]);
    assert_eq!((bucket.get("a/one"), bucket.get("a/two")), (None, Some(b"222".to_vec())));
    let begun = aside::wait(bucket.client().create_multipart_upload().bucket(&name).key("a/three").send()).unwrap();
    let open: Vec<_> = bucket.open_uploads().into_iter().map(|upload| (upload.key, Some(upload.id))).collect();
    assert_eq!(open, [("a/three".to_owned(), begun.upload_id)]);
    drop(bucket);
    let gone = aside::wait(Server::shared().client().head_bucket().bucket(&name).send()).unwrap_err();
    assert!(gone.as_service_error().unwrap().is_not_found(), "{gone:?}");
}

#[tokio::test]
async fn it_can_be_had_and_let_go_within_a_runtime() {
    let bucket = Bucket::with_object_lock();
    let client = bucket.client();
    let lock = client.get_object_lock_configuration().bucket(bucket.name()).send().await.unwrap();
    assert!(lock.object_lock_configuration().is_some());
}

#[test]
fn what_a_tenants_file_says_leads_to_it() {
    let bucket = Bucket::new().behind("http://127.0.0.1:9");
    let section = bucket.objects_section();
    for line in ["s3 = \"http://127.0.0.1:9\"", &format!("bucket = \"{}\"", bucket.name()), "path_style = true"] {
        assert!(section.lines().any(|written| written == line), "{section}");
    }
    assert_eq!(std::fs::read_to_string(bucket.secret_key_file()).unwrap(), bucket.server().secret_key);
}
