//! Where a tenant's objects lie: every key of a placement, what it refuses, and what two placements must not share.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

#[path = "support/written.rs"]
mod written;

use sluss::config::{BackupSealing, LockMode, ObjectLock, ObjectStoreConfig, S3Config, S3Credentials};
use tempfile::TempDir;
use written::load;

const MAIN: &str = "auth = \"none\"\n\n[control]\ndatabase = \"sqlite:../data/control.db\"\n";

const TENANT: &str = r#"phase = "shadow"

[sql]
database = "sqlite:../../data/acme.db"

[collections.documents]
table = "documents"
id = "id"
id_type = "integer"
content = "content"

"#;

fn written(tenants: &[(&str, &str)]) -> TempDir {
    written::written(MAIN, tenants)
}

fn problems(tenants: &[(&str, &str)]) -> Vec<String> {
    written::problems(MAIN, tenants)
}

/// A sound placement on S3, line by line.
const S3: &str = r#"[objects]
s3 = "https://s3.example.com"
bucket = "documents"
access_key = { file = "access" }
secret_key = { file = "secret" }
"#;

const DISK: &str = "[objects]\ndisk = \"../../data/objects\"\n";

/// The tenant with its objects there.
fn on(objects: &str) -> String {
    format!("{TENANT}{objects}")
}

fn problems_of_s3(line: &str, instead: &str) -> Vec<String> {
    assert!(S3.contains(line), "{line}");
    problems(&[("acme.toml", &on(&S3.replacen(line, instead, 1)))])
}

fn s3_of(objects: &str) -> S3Config {
    let folder = written(&[("acme.toml", &on(objects))]);
    let config = load(&folder).unwrap_or_else(|problems| panic!("{problems}"));
    let ObjectStoreConfig::S3(s3) = &config.tenants[0].objects[0].store else { panic!("{:?}", config.tenants[0].objects) };
    (**s3).clone()
}

#[test]
fn a_placement_on_s3_has_its_defaults_and_one_spelling_of_its_endpoint() {
    let folder = written(&[("acme.toml", &on(S3))]);
    let placement = load(&folder).unwrap().tenants[0].objects[0].clone();
    assert_eq!((placement.name.as_str(), placement.prefix.as_str()), ("s3", "acme/"));
    let s3 = s3_of(S3);
    assert_eq!((s3.endpoint.as_str(), s3.bucket.as_str(), s3.region.as_str()), ("https://s3.example.com", "documents", "us-east-1"));
    assert_eq!(
        (s3.path_style, s3.ca_file, s3.attempts, s3.part_bytes, s3.parallel_parts, s3.concurrency),
        (true, None, 4, 5 << 20, 4, 128)
    );
    let seconds = [s3.connect_timeout, s3.first_byte_timeout, s3.idle_timeout, s3.timeout].map(|timeout| timeout.as_secs());
    assert_eq!(seconds, [3, 10, 10, 60]);
    for (spelled, endpoint) in [
        ("https://S3.Example.com:443/", "https://s3.example.com"),
        ("https://s3:8443", "https://s3:8443"),
        ("http://127.0.0.1:7480", "http://127.0.0.1:7480"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:7480", "http://[::1]:7480"),
    ] {
        assert_eq!(s3_of(&S3.replace("https://s3.example.com", spelled)).endpoint, endpoint, "{spelled}");
    }
}

#[test]
fn an_endpoint_is_a_host_that_is_reached_over_tls() {
    for (endpoint, reason) in [
        ("s3.example.com", "write \"https://host\" or \"https://host:port\""),
        ("ftp://s3.example.com", "write \"https://host\" or"),
        ("https://", "write \"https://host\" or"),
        ("https://s3.example.com:0", "write \"https://host\" or"),
        ("https://s3_example.com", "write \"https://host\" or"),
        ("https://s3.example.com/documents", "the bucket is named as bucket"),
        ("http://s3.example.com", "in clear text"),
        ("http://10.0.0.1:7480", "in clear text"),
    ] {
        let found = problems_of_s3("https://s3.example.com", endpoint);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("tenants/acme.toml:13: objects.s3: {endpoint:?} is not an endpoint: ")),
            "{found:?}"
        );
        assert!(found[0].contains(reason), "{found:?}");
    }
    for endpoint in ["https://key:hunter2@s3.example.com", "https://s3.example.com/?key=hunter2", "https://s3.example.com#hunter2"] {
        let found = problems_of_s3("https://s3.example.com", endpoint);
        assert!(found.len() == 1 && found[0].contains("has no place in it") && !found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn a_bucket_has_a_name_that_every_store_takes() {
    for bad in ["ab", "Documents", "a_b", "a..b", "-ab", "a.-b", "10.0.0.1", &"x".repeat(64)] {
        let found = problems_of_s3("\"documents\"", &format!("{bad:?}"));
        assert!(found.len() == 1 && found[0].starts_with("tenants/acme.toml:14: objects.bucket: "), "{bad}: {found:?}");
    }
    let named = |bucket: &str, more: &str| problems_of_s3("bucket = \"documents\"", &format!("bucket = {bucket:?}\n{more}"));
    assert_eq!(named("my.documents-1", ""), Vec::<String>::new());
    assert_eq!(named("documents", "path_style = false"), Vec::<String>::new());
    let found = named("my.documents-1", "path_style = false");
    assert!(found.len() == 1 && found[0].contains("objects.path_style: false puts the bucket in front of the host's name"), "{found:?}");
}

#[test]
fn settings_of_s3_are_bounded_and_time_outs_are_within_the_whole() {
    for (line, reason) in [
        ("region = \"\"", "is not a region"),
        ("attempts = 0", "0 is below the minimum of 1"),
        ("part_size = \"4MiB\"", "4MiB is below the minimum of 5MiB"),
        ("part_size = \"64MiB\"", "64MiB is more than half of limits.buffer_bytes"),
        ("part_size = \"2GiB\"", "2GiB is above the maximum of 1GiB"),
        ("parallel_parts = 65", "65 is above the maximum of 64"),
        ("concurrency = 0", "0 is below the minimum of 1"),
        ("first_byte_timeout = \"2m\"", "2m is above timeout = 1m"),
        ("max_objects = 0", "0 is below the minimum of 1"),
        ("max_bytes = \"lots\"", "is not a size"),
        ("path_stile = true", "did you mean \"path_style\"?"),
    ] {
        let found = problems_of_s3("bucket =", &format!("{line}\nbucket ="));
        let key = line.split(' ').next().unwrap();
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("tenants/acme.toml:14: objects.{key}: ")) && found[0].contains(reason),
            "{found:?}"
        );
    }
}

/// Credentials that happen to lie about are never used because a line is missing.
#[test]
fn credentials_are_two_keys_or_a_chain_that_is_asked_for() {
    let keys = "access_key = { file = \"access\" }\nsecret_key = { file = \"secret\" }\n";
    let with = |lines: &str| problems_of_s3(keys, lines);
    assert_eq!(s3_of(&S3.replace(keys, "credentials = \"chain\"\n")).credentials, S3Credentials::Chain);
    assert_eq!(with(&format!("{keys}session_token = {{ file = \"token\" }}")), Vec::<String>::new());
    let none = with("");
    assert_eq!(none.len(), 2, "{none:?}");
    assert!(none.iter().all(|problem| problem.ends_with("or say credentials = \"chain\"")), "{none:?}");
    let one = with("access_key = { file = \"access\" }");
    assert_eq!(one, ["tenants/acme.toml:12: objects.secret_key: is missing: write { file = \"...\" } or { env = \"...\" }"]);
    let both = with(&format!("credentials = \"chain\"\n{keys}"));
    assert!(both.len() == 2 && both[0].contains("objects.access_key: stands beside credentials = \"chain\""), "{both:?}");
    for secret in ["credentials = \"hunter2\"", "secret_key = \"hunter2\"\naccess_key = { file = \"access\" }"] {
        let found = with(secret);
        assert!(!found.is_empty() && found.iter().all(|problem| !problem.contains("hunter2")), "{found:?}");
    }
}

#[test]
fn a_folder_and_a_bucket_are_not_one_placement() {
    let foreign = problems(&[("acme.toml", &on(&format!("{DISK}region = \"x\"\n")))]);
    assert_eq!(
        foreign,
        ["tenants/acme.toml:14: objects.region: is for an S3-compatible store, which is named as s3, and there is none here"]
    );
    let both = problems(&[("acme.toml", &on(&format!("{S3}disk = \"../../data/objects\"\n")))]);
    assert_eq!(
        both,
        ["tenants/acme.toml:17: objects.disk: is for a folder, and this placement is a bucket: leave out the one or the other"]
    );
    let no_endpoint = problems_of_s3("s3 = \"https://s3.example.com\"", "");
    assert_eq!(no_endpoint, ["tenants/acme.toml:12: objects.s3: is missing: name the endpoint, such as \"https://s3.example.com\""]);
}

/// The tenant with these placements, one after the other.
fn several(placements: &[&str]) -> String {
    let blocks: String = placements.iter().map(|block| block.replacen("[objects]", "[[objects]]", 1)).collect();
    on(&blocks)
}

fn named(name: &str, block: &str) -> String {
    format!("{block}placement = {name:?}\n")
}

#[test]
fn several_placements_come_in_their_order_and_their_problems_tell_which_one() {
    let limited =
        |name: &str, bucket: &str| named(name, &S3.replace("documents", bucket)) + "max_objects = 700_000\nmax_bytes = \"700GB\"\n";
    let tenant = several(&[&limited("one", "documents-1"), &limited("two", "documents-2"), DISK]);
    let folder = written(&[("acme.toml", &tenant)]);
    let objects = load(&folder).unwrap_or_else(|problems| panic!("{problems}")).tenants[0].objects.clone();
    let told: Vec<_> = objects.iter().map(|placement| (placement.name.as_str(), placement.max_objects, placement.max_bytes)).collect();
    let limits = (Some(700_000), Some(700_000_000_000));
    assert_eq!(told, [("one", limits.0, limits.1), ("two", limits.0, limits.1), ("local", None, None)]);

    let found =
        problems(&[("acme.toml", &several(&[&named("one", S3), &named("one", S3).replace("bucket =", "buckett ="), "[objects]\n"]))]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("tenants/acme.toml:20: objects[1].buckett: unknown key, did you mean \"bucket\"?"), "{found:#?}");
    assert!(found[1].starts_with("tenants/acme.toml:24: objects[2].disk: is missing: "), "{found:#?}");
    assert_eq!(
        problems(&[("acme.toml", &on("").replacen("phase", "objects = []\nphase", 1))]),
        ["tenants/acme.toml:1: objects: is empty: a tenant has at least one placement"]
    );
}

#[test]
fn placements_of_one_tenant_have_names_and_places_of_their_own() {
    let found = problems(&[("acme.toml", &several(&[S3, S3]))]);
    assert_eq!(
        found,
        [
            "tenants/acme.toml:17: objects[1].prefix: these objects and those of placement s3 of tenant acme lie in each other: give each a prefix of its own",
            "tenants/acme.toml:17: objects[1].placement: another placement of this tenant is called s3, too: locations tell them apart by it",
        ]
    );
    let more = named("more", S3);
    for (other, clashes) in [("prefix = \"acme/more/\"\n", true), ("prefix = \"\"\n", true), ("prefix = \"acme-2/\"\n", false)] {
        let found = problems(&[("acme.toml", &several(&[S3, &format!("{more}{other}")]))]);
        assert_eq!(!found.is_empty(), clashes, "{other}: {found:?}");
    }
    for elsewhere in [("documents", "others"), ("s3.example.com", "s4.example.com"), ("s3.example.com", "s3.example.com:8443")] {
        let found = problems(&[("acme.toml", &several(&[S3, &more.replace(elsewhere.0, elsewhere.1)]))]);
        assert_eq!(found, Vec::<String>::new(), "{elsewhere:?}");
    }
}

#[test]
fn tenants_share_a_bucket_with_prefixes_of_their_own() {
    let globex = |objects: &str| on(objects).replace("acme.db", "globex.db");
    let together = |objects: &str| problems(&[("acme.toml", &on(S3)), ("globex.toml", &globex(objects))]);
    assert_eq!(together(S3), Vec::<String>::new());
    let expected =
        "objects.prefix: these objects and those of placement s3 of tenant acme lie in each other: give each a prefix of its own";
    // One endpoint, however it is spelled.
    let same = S3.replace("https://s3.example.com", "https://S3.example.com:443/") + "prefix = \"acme/\"\n";
    assert_eq!(together(&same), [format!("tenants/globex.toml:17: {expected}")]);
}

#[test]
fn the_objects_of_two_tenants_never_lie_in_each_other() {
    let objects =
        |disk: &str, prefix: &str| on(&format!("[objects]\nprefix = {prefix:?}\ndisk = {disk:?}")).replace("acme.db", "globex.db");
    let refused = |disk: &str, prefix: &str| problems(&[("acme.toml", &on(DISK)), ("globex.toml", &objects(disk, prefix))]);
    let expected = [
        "tenants/globex.toml:13: objects.prefix: these objects and those of placement local of tenant acme lie in each other: give each a prefix of its own",
    ];
    for (disk, prefix) in [("../../data/objects", ""), ("../../data/objects", "acme/"), ("../../data/objects", "acme/more/")] {
        assert_eq!(refused(disk, prefix), expected, "{disk} {prefix}");
    }
    for (disk, prefix) in [("../../data/objects/acme", ""), ("../../data/./x/../objects/acme", "more/"), ("../../data", "")] {
        assert_eq!(refused(disk, prefix), expected, "{disk} {prefix}");
    }
    for (disk, prefix) in [("../../data/objects", "acme-2/"), ("../../data/objects", "acm/"), ("../../data/others", "")] {
        assert_eq!(refused(disk, prefix), Vec::<String>::new(), "{disk} {prefix}");
    }
}

/// A sound backup of what lies on `DISK`.
const BACKUP: &str = r#"
[backup]
schedule = "30 2 * * *"
time_zone = "Europe/Stockholm"
signing_key = { file = "../../secrets/backup.key" }
bytes_per_second = "50MB"

[backup.objects]
disk = "../../data/offsite"
"#;

#[test]
fn a_backup_says_when_where_to_and_for_how_long() {
    let folder = written(&[("acme.toml", &on(&format!("{DISK}{BACKUP}")))]);
    let config = load(&folder).unwrap_or_else(|problems| panic!("{problems}"));
    let backup = config.tenants[0].backup.clone().unwrap();
    assert_eq!((backup.objects.name.as_str(), backup.objects.prefix.as_str()), ("offsite", "acme/"));
    assert_eq!((backup.keep.daily, backup.keep.weekly, backup.keep.monthly, backup.bytes_per_second), (7, 5, 12, Some(50_000_000)));
    let next = backup.schedule.unwrap().next_after("2026-03-28T12:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(next.to_zoned(backup.time_zone).date(), jiff::civil::date(2026, 3, 29), "where the hour of the schedule is left out");
    assert_eq!(config.tenants[0].every_placement().count(), 2);
}

#[test]
fn what_is_no_backup_is_told_all_at_once() {
    let wrong = BACKUP
        .replace("30 2 * * *", "30 2 * *")
        .replace("Stockholm", "Stokholm")
        .replace("signing_key = { file", "signing_kee = { file")
        .replace("[backup.objects]", "daily = 5000\nformer_keys = [\"AAAA\"]\n[backup.objects]\nmax_objects = 7");
    let found = problems(&[("acme.toml", &on(&format!("{DISK}{wrong}")))]);
    let expected = [
        "backup.time_zone: \"Europe/Stokholm\" is no time zone such as \"Europe/Stockholm\"",
        "backup.schedule: \"30 2 * *\" is not a cron expression such as \"30 2 * * *\": it has not five fields",
        "backup.former_keys: number 1 is not a public key of 32 bytes in Base64",
        "backup.daily: 5000 is above the maximum of 1000",
        "backup.signing_kee: unknown key, did you mean \"signing_key\"?",
        "backup.objects.max_objects: a backup holds every object: its placement has no limit",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for expected in expected {
        assert!(found.iter().any(|found| found.ends_with(expected)), "{expected}: {found:#?}");
    }
}

#[test]
fn a_backup_lies_among_nobodys_objects() {
    let acme = |backup: &str| on(&format!("{DISK}{backup}"));
    let among = BACKUP.replace("data/offsite", "data/objects");
    let own = problems(&[("acme.toml", &acme(&among))]);
    assert!(own.len() == 1 && own[0].contains("backup.objects.prefix: this backup and the objects of placement local"), "{own:#?}");
    let named = problems(&[("acme.toml", &acme(&format!("{BACKUP}placement = \"local\"\n")))]);
    assert!(named.len() == 1 && named[0].contains("backup.objects.placement: one of the tenant's own placements"), "{named:#?}");
    // Another tenant's objects in this one's backup, and its backup in this one's.
    let globex = |objects: &str| on(objects).replace("acme.db", "globex.db");
    let into = "[objects]\ndisk = \"../../data/offsite\"\nprefix = \"acme/\"\n";
    let other = problems(&[("acme.toml", &acme(BACKUP)), ("globex.toml", &globex(into))]);
    assert!(other.len() == 1 && other[0].contains("globex.toml") && other[0].contains("placement offsite of tenant acme"), "{other:#?}");
    let same = format!("{DISK}{BACKUP}prefix = \"acme/\"\n");
    let both = problems(&[("acme.toml", &acme(BACKUP)), ("globex.toml", &globex(&same))]);
    assert!(both.len() == 1 && both[0].contains("backup.objects.prefix"), "{both:#?}");
    assert_eq!(problems(&[("acme.toml", &acme(BACKUP)), ("globex.toml", &globex(&format!("{DISK}{BACKUP}")))]), Vec::<String>::new());
}

const SEALED: &str = "[backup]\nsigning_key = { file = \"signing\" }\n";

/// A tenant with a backup: keys of its section, and where it lies.
fn backed_up(keys: &str, place: &str) -> String {
    format!("{}{SEALED}{keys}\n[backup.objects]\n{place}", on(DISK))
}

const IN_A_BUCKET: &str =
    "s3 = \"https://offsite.example\"\nbucket = \"offsite\"\naccess_key = { file = \"access\" }\nsecret_key = { file = \"secret\" }\n";

const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

#[test]
fn a_backup_may_be_sealed_and_locked() {
    let keys =
        format!("recipients = [\"{RECIPIENT}\"]\nidentity = {{ file = \"key\" }}\nobject_lock = {{ mode = \"compliance\", days = 30 }}");
    let folder = written(&[("acme.toml", &backed_up(&keys, IN_A_BUCKET))]);
    let config = load(&folder).unwrap_or_else(|problems| panic!("{problems}"));
    let sealing = config.tenants[0].backup.clone().unwrap().sealing;
    assert_eq!(sealing.object_lock, Some(ObjectLock { mode: LockMode::Compliance, days: 30 }));
    let sealing = sealing.sealing.unwrap();
    assert_eq!((sealing.recipients[0].to_string(), sealing.identity.is_some()), (RECIPIENT.to_owned(), true));
    let folder = written(&[("acme.toml", &backed_up("", IN_A_BUCKET))]);
    assert_eq!(load(&folder).unwrap().tenants[0].backup.clone().unwrap().sealing, BackupSealing::default());
}

#[test]
fn what_cannot_seal_lock_or_drill_is_told_without_a_secret() {
    let slip = RECIPIENT.replacen('z', "y", 1);
    for (keys, place, told) in [
        (format!("recipients = [\"{slip}\"]"), IN_A_BUCKET, "backup.recipients: number 1 is not a public key"),
        (format!("recipients = [\"{RECIPIENT}\", \"{RECIPIENT}\"]"), IN_A_BUCKET, "backup.recipients: number 2 stands there twice"),
        ("recipients = []".to_owned(), IN_A_BUCKET, "backup.recipients: needs public keys"),
        ("identity = { file = \"key\" }".to_owned(), IN_A_BUCKET, "backup.identity: opens what is sealed, and nothing is"),
        (format!("recipients = [\"{RECIPIENT}\"]\nidentity = \"AGE-SECRET-KEY-1X\""), IN_A_BUCKET, "backup.identity: never stands"),
        ("object_lock = { mode = \"forever\", days = 1 }".to_owned(), IN_A_BUCKET, "backup.object_lock.mode: \"forever\" is not known"),
        (
            "object_lock = { mode = \"governance\", days = 0 }".to_owned(),
            IN_A_BUCKET,
            "backup.object_lock.days: 0 is below the minimum of 1",
        ),
        ("object_lock = { mode = \"governance\" }".to_owned(), IN_A_BUCKET, "backup.object_lock.days: is missing"),
        (
            "object_lock = { mode = \"governance\", days = 1 }".to_owned(),
            "disk = \"../../offsite\"\n",
            "backup.object_lock: is for a bucket",
        ),
        ("drill_schedule = \"0 5 * * 0\"".to_owned(), IN_A_BUCKET, "backup.drill_schedule: needs evidence"),
    ] {
        let problems = problems(&[("acme.toml", &backed_up(&keys, place))]);
        assert_eq!(problems.len(), 1, "{keys}: {problems:?}");
        assert!(problems[0].contains(told) && !problems[0].contains("SECRET"), "{keys}: {problems:?}");
    }
}
