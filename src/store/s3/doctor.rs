//! What is found on a bucket beside what it does with objects: settings that would remove, keep or hide them, and whether it notices a
//! body that was changed on its way. What it writes lies in the scratch prefix, and is removed.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::{BucketVersioningStatus, ExpirationStatus, LifecycleRule, TransitionStorageClass};
use uuid::Uuid;

use super::{S3Store, SCRATCH, fault, upload};
use crate::store::doctor::Finding;
use crate::store::error::StoreError;

/// A signature is good for a quarter of an hour; the SDK corrects what it notices.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// What a probe leaves that died: older than any probe lasts.
const LEFTOVER_AFTER: Duration = Duration::from_secs(3600);

const CLOCK: &str = "clock";
const CHANGED_BODIES: &str = "changed bodies";
const DIGESTS: &str = "content digests";
const VERSIONING: &str = "versioning";
const LOCK: &str = "object lock";
const LIFECYCLE: &str = "lifecycle";
const LOCATION: &str = "where it lies";

/// How stores say that a bucket has no Object Lock.
const NO_LOCK: [&str; 2] = ["ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"];

pub(super) async fn examine(store: &S3Store) -> Vec<Finding> {
    let scratch = store.scratch_store();
    let key = format!("{}{}", scratch.prefix, Uuid::now_v7());
    let findings = vec![
        clock(store, &key).await,
        changed_bodies(store, &key).await,
        digests(store, &key).await,
        versioning(store).await,
        lock(store).await,
        lifecycle(store).await,
        location(store).await,
    ];
    // What cannot be removed now is a leftover of the next examination.
    let _removed = store.client.asking.delete_object().bucket(&store.bucket).key(&key).send().await;
    remove_leftovers(store).await;
    findings
}

/// By the time that the store gives an object it was just given.
async fn clock(store: &S3Store, key: &str) -> Finding {
    let put = store.client.sending.put_object().bucket(&store.bucket).key(key).body(upload::body("x".into())).send().await;
    if let Err(error) = put {
        return unanswered(store, CLOCK, &error);
    }
    let answer = match store.client.asking.head_object().bucket(&store.bucket).key(key).send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(store, CLOCK, &error),
    };
    #[expect(clippy::disallowed_methods, reason = "this machine's clock is what is in question")]
    let (now, theirs) = (SystemTime::now(), answer.last_modified.and_then(|time| SystemTime::try_from(time).ok()));
    let Some(theirs) = theirs else { return Finding::note(CLOCK, "the store does not say when an object was stored", "") };
    let skew = now.duration_since(theirs).unwrap_or_else(|ahead| ahead.duration());
    let found = format!("the store's clock and this machine's are {} s apart", skew.as_secs());
    match skew > MAX_SKEW {
        true => Finding::warning(CLOCK, found, "requests are refused from 15 minutes on: let both machines follow a time server"),
        false => Finding::ok(CLOCK, found),
    }
}

/// A content whose only holder is the object relies on it: what was changed on its way must not be stored.
async fn changed_bodies(store: &S3Store, key: &str) -> Finding {
    let request = store.client.sending.put_object().bucket(&store.bucket).key(key).body(upload::body("changed".into()));
    match request.customize().interceptor(ChangeAByte).send().await {
        Ok(_) => Finding::refused(
            CHANGED_BODIES,
            "the store took a body that does not match the hash it was signed with",
            "a proxy in between, or the store itself, has to compare x-amz-content-sha256 with the body: ask the provider",
        ),
        Err(error) if fault::status(&error).is_some_and(|status| (400..500).contains(&status)) => {
            Finding::ok(CHANGED_BODIES, "a body that was changed on its way is refused")
        }
        Err(error) => unanswered(store, CHANGED_BODIES, &error),
    }
}

#[derive(Debug)]
struct ChangeAByte;

impl Intercept for ChangeAByte {
    fn name(&self) -> &'static str {
        "change a byte"
    }

    /// After it was signed.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        let mut bytes = body.bytes().unwrap_or_default().to_vec();
        if let Some(first) = bytes.first_mut() {
            *first ^= 1;
        }
        *body = SdkBody::from(bytes);
        Ok(())
    }
}

/// Nothing of ours relies on it; a store that ignores it will not notice what other programs send broken.
async fn digests(store: &S3Store, key: &str) -> Finding {
    // The digest of other bytes.
    let request = store.client.sending.put_object().bucket(&store.bucket).key(key).content_md5("1B2M2Y8AsgTpgAmY7PhCfg==");
    match request.body(upload::body("x".into())).send().await {
        Ok(_) => Finding::note(DIGESTS, "Content-MD5 is ignored", "Sluss signs each body with its SHA-256 and does not need it"),
        Err(error) if fault::status(&error) == Some(400) => Finding::ok(DIGESTS, "Content-MD5 is compared with the body"),
        Err(error) => unanswered(store, DIGESTS, &error),
    }
}

async fn versioning(store: &S3Store) -> Finding {
    match store.client.asking.get_bucket_versioning().bucket(&store.bucket).send().await {
        Ok(answer) => match answer.status {
            Some(BucketVersioningStatus::Enabled) if store.retention.is_some() => Finding::ok(VERSIONING, "on, as Object Lock needs it"),
            Some(BucketVersioningStatus::Enabled) => Finding::warning(
                VERSIONING,
                "it is on: what Sluss deletes stays as an old version, is paid for, and counts against the bucket's limits",
                "suspend it, or let a lifecycle rule remove noncurrent versions and delete markers after some days: keys are written once, \
                 so versions add nothing but a net under a mistaken deletion",
            ),
            Some(BucketVersioningStatus::Suspended) => Finding::ok(VERSIONING, "suspended"),
            Some(_) | None => Finding::ok(VERSIONING, "off"),
        },
        Err(error) => unknown(store, VERSIONING, &error, &[]),
    }
}

async fn lock(store: &S3Store) -> Finding {
    match store.client.asking.get_object_lock_configuration().bucket(&store.bucket).send().await {
        Ok(answer) => {
            let rule = answer.object_lock_configuration.and_then(|lock| lock.rule).and_then(|rule| rule.default_retention);
            match rule {
                Some(retention) => {
                    let mode = retention.mode.map(|mode| mode.as_str().to_lowercase()).unwrap_or_default();
                    let span = retention.days.map(|days| format!("{days} days")).or(retention.years.map(|years| format!("{years} years")));
                    Finding::warning(
                        LOCK,
                        format!("every object is locked for {} in mode {mode}", span.unwrap_or_default()),
                        "a document that is deleted or has to be erased stays readable until then: take the default retention away",
                    )
                }
                None => Finding::ok(LOCK, locked_or_not(store)),
            }
        }
        Err(error) if store.retention.is_some() && fault::code(&error).is_some_and(|code| NO_LOCK.contains(&code)) => Finding::refused(
            LOCK,
            "object_lock is asked for, and this bucket cannot lock",
            "make a bucket with Object Lock, and name it: most stores cannot add it to one that is there",
        ),
        Err(error) => unknown(store, LOCK, &error, &NO_LOCK),
    }
}

fn locked_or_not(store: &S3Store) -> String {
    match &store.retention {
        Some(retention) => format!("each object is locked for {} days in mode {}", retention.lock.days, retention.lock.mode),
        None => "possible, and no object is locked by default".to_owned(),
    }
}

async fn lifecycle(store: &S3Store) -> Finding {
    let none = ["NoSuchLifecycleConfiguration"];
    match store.client.asking.get_bucket_lifecycle_configuration().bucket(&store.bucket).send().await {
        Ok(answer) => judge_lifecycle(answer.rules(), &store.prefix),
        Err(error) if fault::code(&error).is_some_and(|code| none.contains(&code)) => judge_lifecycle(&[], &store.prefix),
        Err(error) => unknown(store, LIFECYCLE, &error, &[]),
    }
}

/// A rule that removes objects removes documents.
fn judge_lifecycle(rules: &[LifecycleRule], prefix: &str) -> Finding {
    let ours = |rule: &&LifecycleRule| rule.status == ExpirationStatus::Enabled && touches(rule, prefix);
    let named = |rule: &LifecycleRule| rule.id().unwrap_or("without a name").to_owned();
    let removing: Vec<String> = rules.iter().filter(ours).filter(|rule| removes(rule)).map(named).collect();
    if !removing.is_empty() {
        return Finding::refused(
            LIFECYCLE,
            format!("these rules remove current objects under {prefix:?}: {}", removing.join(", ")),
            "they would remove documents: disable them, or confine them to another prefix",
        );
    }
    let archiving: Vec<String> = rules.iter().filter(ours).filter(|rule| archives(rule)).map(named).collect();
    if !archiving.is_empty() {
        return Finding::refused(
            LIFECYCLE,
            format!("these rules move current objects under {prefix:?} into an archive: {}", archiving.join(", ")),
            "they could not be read any more: disable them, or confine them to another prefix",
        );
    }
    let parts = rules.iter().filter(ours).filter_map(|rule| rule.abort_incomplete_multipart_upload()?.days_after_initiation());
    match parts.min() {
        Some(days) if days >= 1 => Finding::ok(LIFECYCLE, format!("uploads in parts that were left are given up after {days} days")),
        Some(_) | None => Finding::note(
            LIFECYCLE,
            "no rule gives up uploads in parts that were left",
            "Sluss gives up those it knows of; a rule AbortIncompleteMultipartUpload of 7 days catches the rest",
        ),
    }
}

fn touches(rule: &LifecycleRule, prefix: &str) -> bool {
    #[expect(deprecated, reason = "rules of older tools have their prefix there")]
    let beside = rule.prefix();
    let filter = rule.filter().and_then(|filter| filter.prefix().or_else(|| filter.and().and_then(|and| and.prefix())));
    let theirs = filter.or(beside).unwrap_or_default();
    prefix.starts_with(theirs) || theirs.starts_with(prefix)
}

/// What lies there has to be asked for hours before it can be read.
fn archives(rule: &LifecycleRule) -> bool {
    let classes = rule.transitions().iter().filter_map(|transition| transition.storage_class());
    classes.into_iter().any(|class| matches!(class, TransitionStorageClass::Glacier | TransitionStorageClass::DeepArchive))
}

fn removes(rule: &LifecycleRule) -> bool {
    // Ceph takes the mark that only tidies delete markers for one, too.
    rule.expiration().is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some())
}

async fn location(store: &S3Store) -> Finding {
    match store.client.asking.get_bucket_location().bucket(&store.bucket).send().await {
        Ok(answer) => {
            let said = answer.location_constraint.map(|place| place.as_str().to_owned()).filter(|place| !place.is_empty());
            Finding::ok(LOCATION, format!("the store says {:?}", said.as_deref().unwrap_or("nothing")))
        }
        Err(error) => unknown(store, LOCATION, &error, &[]),
    }
}

/// `absent`: codes that say that there is no such setting.
fn unknown<E>(store: &S3Store, about: &str, error: &SdkError<E, HttpResponse>, absent: &[&str]) -> Finding
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if fault::code(error).is_some_and(|code| absent.contains(&code)) {
        return Finding::ok(about, "none");
    }
    let found = format!("the store does not tell: {}", reason(store, error));
    Finding::note(about, found, "these credentials may not ask for it, or the store does not know it: ask the provider")
}

fn unanswered<E>(store: &S3Store, about: &str, error: &SdkError<E, HttpResponse>) -> Finding
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Finding::refused(about, format!("it could not be tried: {}", reason(store, error)), "")
}

fn reason<E>(store: &S3Store, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let StoreError { source, kind, .. } = store.call_on("examine").failed(error);
    source.map_or_else(|| kind.to_string(), |source| source.to_string())
}

/// Objects and uploads in parts of probes that died.
async fn remove_leftovers(store: &S3Store) {
    let prefix = format!("{}{SCRATCH}", store.prefix);
    let old = |time: Option<&aws_sdk_s3::primitives::DateTime>| {
        let time = time.and_then(|time| SystemTime::try_from(*time).ok());
        time.is_some_and(|time| time.elapsed().is_ok_and(|age| age > LEFTOVER_AFTER))
    };
    let (asking, bucket) = (&store.client.asking, &store.bucket);
    if let Ok(found) = asking.list_objects_v2().bucket(bucket).prefix(&prefix).send().await {
        for key in found.contents().iter().filter(|object| old(object.last_modified())).filter_map(|object| object.key()) {
            let _next_time = asking.delete_object().bucket(bucket).key(key).send().await;
        }
    }
    if let Ok(found) = asking.list_multipart_uploads().bucket(bucket).prefix(&prefix).send().await {
        for parts in found.uploads().iter().filter(|parts| old(parts.initiated())) {
            let (Some(key), Some(id)) = (parts.key(), parts.upload_id()) else { continue };
            let _next_time = asking.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{AbortIncompleteMultipartUpload, LifecycleExpiration, LifecycleRuleFilter};

    use super::*;
    use crate::store::doctor::Gravity;

    fn rule(prefix: &str, days: Option<i32>) -> LifecycleRule {
        let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
        let rule = LifecycleRule::builder().id("tidy").status(ExpirationStatus::Enabled).filter(filter);
        let rule = rule.set_expiration(days.map(|days| LifecycleExpiration::builder().days(days).build()));
        rule.abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build()).build().unwrap()
    }

    #[test]
    fn a_rule_that_would_remove_documents_is_refused_wherever_it_touches_the_prefix() {
        for (prefix, gravity) in [
            ("", Gravity::Refused),
            ("acme/", Gravity::Refused),
            ("ac", Gravity::Refused),
            ("acme/3f/", Gravity::Refused),
            ("other/", Gravity::Note),
        ] {
            assert_eq!(judge_lifecycle(&[rule(prefix, Some(30))], "acme/").gravity, gravity, "{prefix}");
        }
        assert_eq!(judge_lifecycle(&[rule("", None)], "acme/").gravity, Gravity::Ok);
        assert_eq!(judge_lifecycle(&[], "acme/").gravity, Gravity::Note);
    }
}
