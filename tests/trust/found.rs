//! What `sluss doctor` finds on a bucket: what was planted, with what to do about it, and nothing else. It leaves nothing behind.

use std::fs;
use std::net::TcpListener;

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, DefaultRetention, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
};
use sluss_s3::{Bucket, aside};

use crate::site::{Finding, Site, in_bucket};

#[track_caller]
fn find<'a>(findings: &'a [Finding], about: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.about == about);
    found.unwrap_or_else(|| panic!("nothing is said of {about}: {findings:#?}"))
}

/// Removes objects that begin so after a day.
pub fn expire(bucket: &Bucket, prefix: &str) {
    let rule = LifecycleRule::builder()
        .id("tidy-up")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
        .expiration(LifecycleExpiration::builder().days(1).build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap()).build().unwrap();
    aside::wait(bucket.client().put_bucket_lifecycle_configuration().bucket(bucket.name()).lifecycle_configuration(rules).send()).unwrap();
}

#[test]
fn a_clean_bucket_has_no_complaint_and_is_clean_afterwards() {
    let bucket = Bucket::new();
    let site = Site::in_sql(&in_bucket(&bucket));
    let findings = site.doctor(0);
    assert!(findings.iter().all(|finding| ["ok", "note"].contains(&&*finding.gravity)), "{findings:#?}");
    for about in ["a small object", "uploads in parts", "changed bodies", "clock", "versioning", "object lock", "lifecycle", "owner"] {
        find(&findings, &format!("s3: {about}"));
    }
    assert_eq!(bucket.keys(), [""; 0]);
    assert_eq!(bucket.open_uploads(), []);
    let kept = "SELECT place, findings FROM sluss_evidence WHERE tenant = 'acme' AND placement = 's3'";
    let (place, kept): (String, String) = site.control().query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!(place.contains(bucket.name()) && kept.contains("changed bodies"), "{place}: {kept}");
    // Another probe may be under way, so only what is an hour old is taken for a dead one's.
    let young = "acme/.sluss-probe/019a0000-0000-7000-8000-000000000000/00/019a0000-0000-7000-8000-000000000000";
    bucket.put(young, "young");
    let said = site.run(&["doctor", "--tenant", "acme"]).done();
    assert!(said.contains("s3: uploads in parts") && !said.contains(&bucket.server().secret_key), "{said}");
    assert_eq!(bucket.keys(), [young]);
}

#[test]
fn settings_that_keep_or_remove_objects_are_found() {
    let bucket = Bucket::versioned();
    let site = Site::in_sql(&in_bucket(&bucket));
    let findings = site.doctor(1);
    let versioning = find(&findings, "s3: versioning");
    assert_eq!(versioning.gravity, "warning");
    assert!(versioning.advice.contains("suspend it") && versioning.advice.contains("noncurrent versions"), "{versioning:?}");

    let bucket = Bucket::with_object_lock();
    let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Governance).days(1).build();
    let rule = ObjectLockRule::builder().default_retention(retention).build();
    let lock = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build();
    aside::wait(bucket.client().put_object_lock_configuration().bucket(bucket.name()).object_lock_configuration(lock).send()).unwrap();
    site.place(&in_bucket(&bucket));
    let findings = site.doctor(1);
    let lock = find(&findings, "s3: object lock");
    assert_eq!(lock.gravity, "warning");
    assert!(lock.found.contains("locked for 1 days in mode governance") && lock.advice.contains("default retention"), "{lock:?}");

    let bucket = Bucket::new();
    site.place(&in_bucket(&bucket));
    expire(&bucket, "ac");
    let findings = site.doctor(1);
    let lifecycle = find(&findings, "s3: lifecycle");
    assert_eq!(lifecycle.gravity, "refused");
    assert!(lifecycle.found.contains("tidy-up") && lifecycle.advice.contains("disable them"), "{lifecycle:?}");
    expire(&bucket, "elsewhere/");
    assert_ne!(find(&site.doctor(0), "s3: lifecycle").gravity, "refused");
}

#[test]
fn a_bucket_that_cannot_be_used_is_found_with_the_reason_and_without_a_secret() {
    let bucket = Bucket::new();
    let good = in_bucket(&bucket);
    let site = Site::in_sql(&good);
    let secret = "a-secret-that-is-not-the-right-one";
    let wrong = bucket.secret_key_file().with_file_name("wrong");
    fs::write(&wrong, secret).unwrap();
    let wrong = format!("secret_key = {{ file = {wrong:?} }}");
    let right = format!("secret_key = {{ file = {:?} }}", bucket.secret_key_file());
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let missing = "secret_key = { file = \"/nowhere/secret_key\" }";
    for (objects, words, advice) in [
        (good.replace(bucket.name(), "sluss-test-nobodys"), "NoSuchBucket", "make the bucket"),
        (good.replace(&right, &wrong), "SignatureDoesNotMatch", "secret_key"),
        (good.replace(bucket.endpoint(), &format!("http://{nowhere}")), "onnect", "endpoint"),
        (good.replace(&right, missing), "/nowhere/secret_key cannot be used", "secret_key"),
    ] {
        site.place(&objects);
        let findings = site.doctor(1);
        let refused: Vec<&Finding> = findings.iter().filter(|finding| finding.gravity == "refused").collect();
        let [refused] = refused[..] else { panic!("{findings:#?}") };
        assert_eq!(refused.about, "s3: a small object");
        assert!(refused.found.contains(words) && refused.advice.contains(advice), "{refused:#?}");
        let said = site.run(&["doctor", "--tenant", "acme"]).with_code(1);
        assert!(said.contains(words) && !said.contains(secret) && !said.contains(&bucket.server().secret_key), "{said}");
    }
    assert_eq!(bucket.keys(), [""; 0]);
}
