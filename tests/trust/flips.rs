//! A forward flip wants to have seen each placement do its work: a moment ago, or now.

use sluss_s3::{Bucket, aside};

use crate::found::expire;
use crate::site::{Site, in_bucket};

/// Where and when the placement was looked at last.
fn evidence(site: &Site) -> (String, i64) {
    let kept = "SELECT place, at FROM sluss_evidence WHERE tenant = 'acme' AND placement = 's3'";
    site.control().query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn mend(bucket: &Bucket) {
    aside::wait(bucket.client().delete_bucket_lifecycle().bucket(bucket.name()).send()).unwrap();
}

#[test]
fn a_placement_that_would_lose_documents_stops_the_flip_until_it_is_mended() {
    let bucket = Bucket::new();
    expire(&bucket, "");
    let site = Site::in_sql(&in_bucket(&bucket));
    let _serving = site.serve();
    let refused = site.run(&["tenant", "phase", "acme", "shadow"]).with_code(3);
    assert!(refused.contains("BLOCK store_probe") && refused.contains("these rules remove current objects"), "{refused}");
    assert!(refused.contains("tidy-up") && refused.contains("acme stays in sql"), "{refused}");
    mend(&bucket);
    let passed = site.run(&["tenant", "phase", "acme", "shadow"]).done();
    assert!(passed.contains("s3 passed its probe at ") && passed.ends_with("acme: sql -> shadow\n"), "{passed}");
}

#[test]
fn what_doctor_has_seen_is_relied_on_for_that_place_alone() {
    let (bucket, other) = (Bucket::new(), Bucket::new());
    let site = Site::in_sql(&in_bucket(&bucket));
    site.doctor(0);
    let seen = evidence(&site);
    assert!(seen.0.contains(bucket.name()), "{seen:?}");
    let serving = site.serve();
    site.run(&["tenant", "phase", "acme", "shadow"]).done();
    assert_eq!(evidence(&site), seen, "nobody looked again");
    drop(serving);

    site.place(&in_bucket(&other));
    let _serving = site.serve();
    site.run(&["tenant", "phase", "acme", "dual"]).done();
    let now = evidence(&site);
    assert!(now.0.contains(other.name()) && now.1 > seen.1, "{now:?} after {seen:?}");
}
