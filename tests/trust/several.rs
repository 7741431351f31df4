//! Two placements in two buckets, one after the other.

use http::StatusCode;
use serde_json::Value;
use sluss_s3::Bucket;

use crate::site::{Site, in_bucket, key};
use crate::support::wait::wait_until;

/// Keys of documents' objects.
fn objects(bucket: &Bucket) -> Vec<String> {
    bucket.keys().into_iter().filter(|key| !key.contains("/.sluss-")).collect()
}

#[test]
fn the_second_bucket_is_filled_after_the_first_and_everything_works_over_both() {
    let (first, second) = (Bucket::new(), Bucket::new());
    let block = |bucket: &Bucket, name: &str| in_bucket(bucket).replace("[objects]\n", &format!("[[objects]]\nplacement = \"{name}\"\n"));
    let site = Site::new(&format!("{}max_objects = 2\n{}max_objects = 100\n", block(&first, "first"), block(&second, "second")));
    let findings = site.doctor(0);
    for about in ["first: a small object", "second: a small object"] {
        assert!(findings.iter().any(|finding| finding.about == about), "{findings:#?}");
    }
    let _process = site.serve();
    for id in 1..=4 {
        assert_eq!(site.put(id, &format!("content {id}")).status, StatusCode::CREATED);
    }
    let sorted = |ids: [u64; 2]| {
        let mut keys = ids.map(|id| key(&site.object(id)));
        keys.sort();
        keys
    };
    assert_eq!((objects(&first), objects(&second)), (sorted([1, 2]).to_vec(), sorted([3, 4]).to_vec()));
    for id in 1..=4 {
        assert_eq!(site.get(id).body, format!("content {id}"));
    }

    // What nobody names, in each of them.
    for (bucket, name, object) in
        [(&first, "first", "019a0000-0000-7000-8000-0000000000aa"), (&second, "second", "019a0000-0000-7000-8000-0000000000bb")]
    {
        bucket.put(&key(object), "left behind");
        site.abandon(name, object);
    }
    site.run(&["sweep", "--tenant", "acme"]).done();
    wait_until("the collector has been in both", || (objects(&first).len(), objects(&second).len()) == (2, 2));

    let verify = || -> Value {
        let said = site.run(&["--json", "verify", "--tenant", "acme"]);
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
    };
    assert_eq!(verify()["differences"], Value::Array(Vec::new()));
    second.delete(&key(&site.object(4)));
    let found = verify()["differences"].clone();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["kind"]), (1, &Value::from("object_missing")), "{found}");
}
