//! Backups to a second folder: what they copy, how they come to their end, and what is found of what somebody did to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};
use serde_json::{Value, json};
use sluss::app;
use sluss::backup::manifest::Line;
use sluss::backup::reading::Reading;
use sluss::backup::verify::Verified;
use sluss::clock::{Clock, SystemClock};
use sluss::config::Config;
use sluss::migrate::schedule::schedule_backup;
use sluss::model::backup::{BackupFigures, BackupState, Held, Manifest};
use sluss::model::content::Fingerprint;
use sluss::model::phase::Phase;
use sluss::store::backups::BackupEnd;
use sluss_s3::Bucket;

use super::house::{House, MIB, Plan, content, document, wait_until};
use super::support::customers::{ACME, connect};
use super::wire::Ask;

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";

/// Acme's house, with a backup into a folder beside its objects. `keys`: more of the section.
async fn house(phase: Phase, keys: &str) -> House {
    house_with(phase, keys, "[backup.objects]\ndisk = \"../offsite\"\n").await
}

/// `offsite`: where the backup lies.
async fn house_with(phase: Phase, keys: &str, offsite: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("backup.key"), KEY).unwrap();
    connect(&folder.path().join("acme.db")).execute_batch(ACME.create).unwrap();
    let sections = format!(
        "[sql]\ndatabase = \"sqlite:../acme.db\"\n{}[objects]\ndisk = \"../objects\"\n[backup]\nsigning_key = {{ file = \"../backup.key\" }}\n{keys}\n\
         {offsite}",
        ACME.collections
    );
    House::alone(folder, Plan { phase, ..Plan::default() }, &sections).await
}

async fn begin(house: &House) -> u64 {
    let answer = house.ask_admin(&Ask { method: "POST", ..Ask::put("/admin/v1/backups", "{\"tenant\":\"acme\"}") }).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    serde_json::from_slice::<Value>(&answer.body).unwrap()["number"].as_u64().unwrap()
}

async fn runs(house: &House) -> Vec<Value> {
    let answer = house.ask_admin(&Ask::get("/admin/v1/backups?tenant=acme")).await;
    let mut list: Value = serde_json::from_slice(&answer.body).unwrap();
    list["tenants"][0]["runs"].take().as_array().unwrap().clone()
}

/// Backs up, and answers the run once nothing is left to do.
async fn back_up(house: &House) -> Value {
    let number = begin(house).await;
    ended(house, number).await
}

async fn ended(house: &House, number: u64) -> Value {
    let jobs = house.database(&ACME);
    wait_until("the backup is done", async || {
        jobs.query_row("SELECT NOT EXISTS (SELECT 1 FROM sluss_job WHERE kind = 'backup')", [], |row| row.get(0)).unwrap()
    })
    .await;
    runs(house).await.into_iter().find(|run| run["number"].as_u64() >= Some(number)).unwrap()
}

async fn verified(house: &House, all: bool) -> Verified {
    let config = Config::load(&house.folder().join("sluss.toml")).unwrap();
    app::verify_backup(&config, &config.tenants[0], all, |_| {}).await.unwrap()
}

async fn kept(house: &House) -> Vec<Manifest> {
    let runs = house.tenant(&ACME).sql.backups_in(BackupState::Kept).await.unwrap();
    runs.into_iter().filter_map(|run| run.manifest).collect()
}

/// The state that the manifests up to this one make, by documents.
async fn state(house: &House, number: u64) -> BTreeMap<String, Held> {
    let (tenant, manifests) = (house.tenant(&ACME), kept(house).await);
    let offsite = tenant.offsite.as_ref().unwrap();
    let mut state = BTreeMap::new();
    for manifest in sluss::backup::chain::chain(&manifests, number).unwrap() {
        let mut file = Reading::open(&*offsite.objects, &offsite.placement, &tenant.id, manifest).await.unwrap();
        while let Some(line) = file.next().await.unwrap() {
            match line {
                Line::Held(held) => drop(state.insert(held.document.clone(), held)),
                Line::Gone(gone) => drop(state.remove(&gone.document)),
                Line::Header(_) | Line::Version(_) | Line::Totals(_) => {}
            }
        }
    }
    state
}

/// The backup's file of an object.
fn copy_of(house: &House, object: &str) -> PathBuf {
    house.folder().join("offsite/acme").join(&object[object.len() - 2..]).join(object)
}

async fn assert_holds(house: &House, number: u64, contents: &BTreeMap<&str, Vec<u8>>) {
    let state = state(house, number).await;
    assert_eq!(state.keys().collect::<Vec<_>>(), contents.keys().collect::<Vec<_>>());
    for (id, held) in state {
        let content = &contents[&*id];
        assert_eq!(held.sha256, Fingerprint::of(content).sha256, "{id}");
        assert!(std::fs::read(copy_of(house, &held.object.to_string())).unwrap().starts_with(content), "{id}");
    }
}

fn of(id: &str, seed: u64) -> (&str, Vec<u8>) {
    (id, content(seed, if id == "3" { 2 * MIB + 17 } else { 1000 + seed }))
}

async fn write_all(house: &House, contents: &BTreeMap<&str, Vec<u8>>) {
    for (id, content) in contents {
        house.plant(&document(&ACME, id), content.clone()).await;
    }
}

#[tokio::test]
async fn a_second_backup_copies_what_is_new_and_both_moments_can_be_told() {
    for phase in [Phase::Dual, Phase::Object] {
        let house = house(phase, "").await;
        let first: BTreeMap<_, _> = ["1", "2", "3", "4", "5"].into_iter().zip(1..).map(|(id, seed)| of(id, seed)).collect();
        write_all(&house, &first).await;
        house.settle(&ACME).await;
        let base = back_up(&house).await;
        assert_eq!((&base["state"], &base["manifest"]["kind"], &base["documents"]), (&json!("kept"), &json!("base"), &json!(5)), "{base}");
        assert_eq!((&base["objects_copied"], &base["left_out"]), (&json!(5), &json!(0)), "{base}");
        let mut second = first.clone();
        second.extend([of("2", 22), of("6", 26)]);
        second.remove("4");
        write_all(&house, &second.clone().into_iter().filter(|(id, _)| ["2", "6"].contains(id)).collect()).await;
        assert_eq!(house.ask(&Ask::new("DELETE", document(&ACME, "4"))).await.status, 204);
        house.settle(&ACME).await;
        let increment = back_up(&house).await;
        assert_eq!(
            (&increment["manifest"]["kind"], &increment["objects_copied"]),
            (&json!("increment"), &json!(2)),
            "{phase}: {increment}"
        );
        assert_holds(&house, 1, &first).await;
        assert_holds(&house, 2, &second).await;
        let Verified { manifests, objects, problems, named, .. } = verified(&house, true).await;
        assert_eq!((manifests, objects, problems), (2, 7, 0), "{named:?}");
        assert!(house.metric("sluss_backup_objects_total").await >= 7.0);
        house.close().await;
    }
}

#[tokio::test]
async fn one_is_under_way_at_a_time_and_none_where_the_file_says_nothing() {
    let house = house(Phase::Object, "bytes_per_second = \"10KB\"").await;
    house.plant(&document(&ACME, "1"), content(1, 9000)).await;
    house.pause(&ACME).await;
    begin(&house).await;
    let again = Ask { method: "POST", ..Ask::put("/admin/v1/backups", "{\"tenant\":\"acme\"}") };
    let refused = house.ask_admin(&again).await;
    assert!(refused.status == 409 && refused.text().contains("one is under way"), "{refused:?}");
    house.close().await;
    let house = House::in_phase(Phase::Object).await;
    let refused = house.ask_admin(&again).await;
    assert!(refused.status == 409 && refused.text().contains("has no [backup]"), "{refused:?}");
    house.close().await;
}

#[tokio::test]
async fn a_run_that_was_interrupted_goes_on_and_copies_nothing_twice() {
    let house = house(Phase::Object, "bytes_per_second = \"200KB\"").await;
    let contents: BTreeMap<_, _> = ["1", "2", "4", "5", "6", "7"].into_iter().map(|id| (id, content(7, 50_000))).collect();
    write_all(&house, &contents).await;
    let number = begin(&house).await;
    let copied = async || house.metric("sluss_backup_objects_total").await;
    wait_until("something was copied", async || copied().await > 0.0).await;
    house.pause(&ACME).await;
    wait_until("the run was given back", async || house.metric("sluss_transfers_in_flight{direction=\"backup\"}").await == 0.0).await;
    assert!(copied().await < 6.0 && runs(&house).await[0]["state"] == "running");
    house.ask_admin(&Ask::new("POST", "/admin/v1/tenants/acme/resume")).await;
    let run = ended(&house, number).await;
    assert_eq!((&run["state"], &run["documents"]), (&json!("kept"), &json!(6)), "{run}");
    assert!(copied().await <= 6.0, "what was copied once was copied again");
    assert_holds(&house, number, &contents).await;
    assert_eq!(verified(&house, false).await.problems, 0);
    house.close().await;
}

#[tokio::test]
async fn a_changed_byte_and_a_lost_object_are_found_and_the_next_run_makes_them_anew() {
    let house = house(Phase::Object, "").await;
    let contents: BTreeMap<_, _> = ["1", "2", "3"].into_iter().zip(1..).map(|(id, seed)| of(id, seed)).collect();
    write_all(&house, &contents).await;
    back_up(&house).await;
    let state = state(&house, 1).await;
    let [changed, lost] = ["3", "1"].map(|id| state[id].object.to_string());
    let mut bytes = std::fs::read(copy_of(&house, &changed)).unwrap();
    bytes[(MIB + 5) as usize] ^= 1;
    std::fs::write(copy_of(&house, &changed), bytes).unwrap();
    std::fs::remove_file(copy_of(&house, &lost)).unwrap();
    let found = verified(&house, false).await;
    assert_eq!((found.objects, found.problems), (3, 2), "{found:?}");
    let names = |object: &str, what: &str| found.named.iter().any(|named| named.contains(object) && named.contains(what));
    assert!(names(&changed, "SHA-256") && names(&lost, "not there"), "{found:?}");
    let run = back_up(&house).await;
    assert_eq!(run["state"], "kept");
    assert_eq!(verified(&house, true).await.problems, 0);
    assert_holds(&house, 1, &contents).await;
    house.close().await;
}

#[tokio::test]
async fn a_manifest_that_was_altered_or_taken_away_is_found_and_a_base_follows() {
    let house = house(Phase::Object, "").await;
    let list = house.folder().join("offsite/acme/.sluss-manifests");
    for id in ["1", "2", "3"] {
        write_all(&house, &[of(id, 1)].into()).await;
        back_up(&house).await;
    }
    assert_eq!(verified(&house, true).await.problems, 0);
    // The list without the last one, and with one that somebody has changed.
    let whole = std::fs::read_to_string(&list).unwrap();
    let mut shorter: Value = serde_json::from_str(&whole).unwrap();
    shorter["manifests"].as_array_mut().unwrap().pop();
    shorter["manifests"][1]["documents"] = json!(99);
    std::fs::write(&list, shorter.to_string()).unwrap();
    let found = verified(&house, true).await;
    assert!(found.named.iter().any(|named| named.starts_with("manifest 3 is not in")), "{found:?}");
    assert!(found.named.iter().any(|named| named.starts_with("manifest 2 of the list")), "{found:?}");
    std::fs::write(&list, whole).unwrap();
    // Its file.
    let file = copy_of(&house, &kept(&house).await[1].object.to_string());
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let found = verified(&house, false).await;
    assert!(found.problems > 0 && found.named.iter().any(|named| named.starts_with("manifest 2: ")), "{found:?}");
    let run = back_up(&house).await;
    assert_eq!((&run["number"], &run["manifest"]["kind"], &run["documents"]), (&json!(4), &json!("base"), &json!(3)), "{run}");
    assert_eq!(verified(&house, false).await.problems, 0);
    // The newest one's file is gone: the next run sees it. What nothing can be made from goes with its time, which is this day's.
    std::fs::remove_file(copy_of(&house, &kept(&house).await.last().unwrap().object.to_string())).unwrap();
    assert_eq!(back_up(&house).await["manifest"]["kind"], "base");
    let lost = runs(&house).await.into_iter().find(|run| run["number"] == 4).unwrap();
    assert_eq!((&lost["state"], &lost["reason"]), (&json!("gone"), &json!("its file is not there")));
    assert_eq!(verified(&house, false).await.problems, 0);
    house.close().await;
}

#[tokio::test]
async fn what_only_dropped_manifests_name_is_removed_and_nothing_else() {
    let house = house(Phase::Object, "daily = 0\nweekly = 0\nmonthly = 0").await;
    let first: BTreeMap<_, _> = ["1", "2"].into_iter().zip(1..).map(|(id, seed)| of(id, seed)).collect();
    write_all(&house, &first).await;
    back_up(&house).await;
    let old = state(&house, 1).await["2"].object.to_string();
    write_all(&house, &[of("2", 9)].into()).await;
    back_up(&house).await;
    assert_eq!(kept(&house).await.len(), 2, "the newest one needs its base");
    // A restore of the database makes the next one a base, which needs no other; and the version's time is over.
    house.database(&ACME).execute_batch("UPDATE sluss_state SET epoch = epoch + 1; DELETE FROM sluss_version").unwrap();
    let foreign = house.folder().join("offsite/acme/somebodys.file");
    std::fs::write(&foreign, "not ours").unwrap();
    let run = back_up(&house).await;
    assert_eq!((&run["manifest"]["kind"], &run["objects_copied"]), (&json!("base"), &json!(0)), "{run}");
    let states: Vec<Value> = runs(&house).await.into_iter().map(|run| run["state"].clone()).collect();
    assert_eq!(states, ["kept", "gone", "gone"]);
    assert!(!copy_of(&house, &old).exists() && foreign.exists());
    assert_holds(&house, 3, &[of("1", 1), of("2", 9)].into()).await;
    assert_eq!(verified(&house, true).await.problems, 0);
    house.close().await;
}

/// Every version of everything in the bucket, with its key.
async fn locked(bucket: &Bucket) -> Vec<(String, String)> {
    let page = bucket.client().list_object_versions().bucket(bucket.name()).send().await.unwrap();
    page.versions().iter().map(|version| (version.key().unwrap().to_owned(), version.version_id().unwrap().to_owned())).collect()
}

/// As if its time were over: it is so a second from now.
async fn end_locks(bucket: &Bucket) {
    let until = DateTime::from_millis(SystemClock.now().as_millisecond() + 1000);
    for (key, version) in locked(bucket).await.into_iter().filter(|(key, _)| !key.contains("/.sluss-")) {
        let retention = ObjectLockRetention::builder().mode(ObjectLockRetentionMode::Governance).retain_until_date(until).build();
        let put = bucket.client().put_object_retention().bucket(bucket.name()).key(key).version_id(version).retention(retention);
        put.bypass_governance_retention(true).send().await.unwrap();
    }
    // To the second, as the store may keep it.
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn what_is_locked_stays_until_its_time_and_is_no_failure_of_a_run() {
    let bucket = Bucket::with_object_lock();
    let offsite = bucket.objects_section().replace("[objects]", "[backup.objects]");
    let lock = format!("[backup.object_lock]\nmode = \"governance\"\ndays = 1\n{offsite}prefix = \"acme/\"\n");
    let house = house_with(Phase::Object, "daily = 0\nweekly = 0\nmonthly = 0", &lock).await;
    write_all(&house, &[of("1", 1), of("2", 2)].into()).await;
    back_up(&house).await;
    let (old, file) = (state(&house, 1).await["2"].object.to_string(), kept(&house).await[0].object.to_string());
    write_all(&house, &[of("2", 9)].into()).await;
    // The next one is a base, which needs no other; and the version's time is over.
    house.database(&ACME).execute_batch("UPDATE sluss_state SET epoch = epoch + 1; DELETE FROM sluss_version").unwrap();
    let states = async || runs(&house).await.into_iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let left = async || {
        let there = locked(&bucket).await;
        [&old, &file].map(|object| there.iter().filter(|(key, _)| key.ends_with(object)).count())
    };
    let run = back_up(&house).await;
    assert_eq!((&run["state"], &run["manifest"]["kind"], &run["reason"]), (&json!("kept"), &json!("base"), &Value::Null), "{run}");
    assert_eq!((states().await, left().await), (vec!["kept".to_owned(), "leaving".to_owned()], [1, 1]));
    back_up(&house).await;
    assert_eq!((states().await, left().await), (["kept", "kept", "leaving"].map(str::to_owned).to_vec(), [1, 1]));
    assert_eq!(verified(&house, true).await.problems, 0);
    end_locks(&bucket).await;
    back_up(&house).await;
    assert_eq!((states().await, left().await), (["kept", "kept", "kept", "gone"].map(str::to_owned).to_vec(), [0, 0]));
    assert_eq!(verified(&house, true).await.problems, 0);
    house.close().await;
}

#[tokio::test]
async fn versions_that_held_between_two_backups_are_in_the_second_and_come_back_with_a_lost_bucket() {
    let house = house(Phase::Object, "").await;
    let (path, contents) = (document(&ACME, "1"), [1, 2, 3].map(|seed| content(seed, 2000)));
    let mut stamps = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        let answer = house.ask(&Ask::put(path.clone(), content.clone())).await;
        stamps.push(answer.header("etag").trim_matches('"').to_owned());
        if at == 0 {
            back_up(&house).await;
        }
    }
    // The last was written while a clock was ahead: it is what the document holds all the same.
    house.database(&ACME).execute("UPDATE sluss_location_documents SET held_from = held_from + 86400000", []).unwrap();
    let run = back_up(&house).await;
    assert_eq!((&run["documents"], &run["objects_copied"]), (&json!(1), &json!(2)), "{run}");
    assert_holds(&house, 2, &[("1", contents[2].clone())].into()).await;
    let found = verified(&house, false).await;
    assert_eq!((found.objects, found.problems), (3, 0), "{found:?}");
    for file in house.object_files(&ACME) {
        std::fs::remove_file(file).unwrap();
    }
    let config = Config::load(&house.folder().join("sluss.toml")).unwrap();
    let rebuilt = app::rebuild_objects(&config, &config.tenants[0], None, "test", |_| {}).await.unwrap();
    assert_eq!((rebuilt.versions, rebuilt.fetched, rebuilt.missing), (2, 3, 0), "{rebuilt:?}");
    for (stamp, content) in stamps.iter().zip(&contents).take(2) {
        assert_eq!(house.get(&format!("{path}/versions/{stamp}")).await.body, *content, "{stamp}");
    }
    // Also a base, which has another walk, names every version.
    house.database(&ACME).execute("UPDATE sluss_state SET epoch = epoch + 1", []).unwrap();
    let run = back_up(&house).await;
    assert_eq!((&run["manifest"]["kind"], &run["objects_copied"]), (&json!("base"), &json!(0)), "{run}");
    assert_eq!(verified(&house, false).await.objects, 3);
    house.close().await;
}

#[tokio::test]
async fn a_version_that_was_in_staging_is_in_the_backup_after_it_left_that() {
    let house = house(Phase::Dual, "").await;
    house.pause(&ACME).await;
    let (path, first) = (document(&ACME, "1"), content(1, 3000));
    house.plant(&path, first.clone()).await;
    house.plant(&path, content(2, 3000)).await;
    let database = house.database(&ACME);
    // Beyond the hour that every increment walks back.
    let long_ago = "UPDATE sluss_version SET held_from = held_from - 7200000, held_to = held_to - 7200000";
    assert_eq!(database.execute(long_ago, []).unwrap(), 1);
    let due = |at: &str| format!("UPDATE sluss_job SET due_at = {at} WHERE kind = 'keep'");
    assert_eq!(database.execute(&due("due_at + 86400000"), []).unwrap(), 1);
    assert_eq!(house.ask_admin(&Ask::new("POST", "/admin/v1/tenants/acme/resume")).await.status, 200);
    back_up(&house).await;
    assert!(kept(&house).await[0].staged_from.is_some());
    database.execute(&due("0"), []).unwrap();
    let in_staging = "SELECT count(*) FROM sluss_version WHERE object IS NULL";
    wait_until("it left staging", async || database.query_row(in_staging, [], |row| row.get::<_, u64>(0)).unwrap() == 0).await;
    let run = back_up(&house).await;
    assert_eq!(run["manifest"]["kind"], "increment", "{run}");
    let object: String = database.query_row("SELECT object FROM sluss_version", [], |row| row.get(0)).unwrap();
    assert!(std::fs::read(copy_of(&house, &object)).unwrap().starts_with(&first));
    assert_eq!(kept(&house).await[1].staged_from, None);
    house.close().await;
}

#[tokio::test]
async fn a_database_that_lost_its_runs_takes_them_in_from_the_offsite_store() {
    let house = house(Phase::Object, "").await;
    for id in ["1", "2"] {
        write_all(&house, &[of(id, 1)].into()).await;
        back_up(&house).await;
    }
    let known = kept(&house).await;
    house.database(&ACME).execute("DELETE FROM sluss_backup_run", []).unwrap();
    write_all(&house, &[of("4", 1)].into()).await;
    let run = back_up(&house).await;
    assert_eq!((&run["number"], &run["manifest"]["kind"]), (&json!(3), &json!("increment")), "{run}");
    assert_eq!(kept(&house).await[..2], known);
    assert_holds(&house, 3, &[of("1", 1), of("2", 1), of("4", 1)].into()).await;
    house.close().await;
}

#[tokio::test]
async fn a_copy_of_the_database_writes_nothing_into_productions_backup() {
    let house = house(Phase::Object, "").await;
    house.plant(&document(&ACME, "1"), content(1, 1000)).await;
    std::fs::write(house.folder().join("offsite/acme/.sluss-owner"), "production").unwrap();
    let number = begin(&house).await;
    let reason = "SELECT reason FROM sluss_job WHERE kind = 'backup'";
    wait_until("the job says why it does not go on", async || {
        let reason: Option<String> = house.database(&ACME).query_row(reason, [], |row| row.get(0)).unwrap();
        reason.is_some_and(|reason| reason.contains("belongs to installation production"))
    })
    .await;
    assert_eq!((number, &runs(&house).await[0]["state"]), (1, &json!("running")));
    assert!(!house.folder().join("offsite/acme/.sluss-manifests").exists());
    house.close().await;
}

#[tokio::test]
async fn a_backup_begins_once_when_its_moment_has_passed() {
    let house = house(Phase::Object, "schedule = \"30 2 * * *\"\ntime_zone = \"Europe/Stockholm\"").await;
    house.pause(&ACME).await;
    let tenant = house.tenant(&ACME);
    let at = |moment: &str| moment.parse().unwrap();
    let begun = at("2026-03-01T12:00:00Z");
    schedule_backup(&tenant, begun, at("2026-03-02T01:29:59Z")).await.unwrap();
    assert!(runs(&house).await.is_empty());
    for _ in 0..2 {
        schedule_backup(&tenant, begun, at("2026-03-02T01:30:00Z")).await.unwrap();
    }
    let begun_runs = async || runs(&house).await.len();
    assert_eq!(begun_runs().await, 1);
    // That one began by a clock that was months ahead of this one.
    let fail = async |number: u64| {
        tenant.sql.end_backup(number, BackupFigures::default(), BackupEnd::Failed("as planned".into())).await.unwrap();
        house.database(&ACME).execute("DELETE FROM sluss_job WHERE kind = 'backup'", []).unwrap();
    };
    fail(1).await;
    schedule_backup(&tenant, begun, at("2026-03-02T12:00:00Z")).await.unwrap();
    assert_eq!(begun_runs().await, 2);
    fail(2).await;
    schedule_backup(&tenant, begun, at("2026-03-02T12:02:00Z")).await.unwrap();
    assert_eq!(begun_runs().await, 2, "a clock that is always ahead makes for one a day");
    house.close().await;
}
