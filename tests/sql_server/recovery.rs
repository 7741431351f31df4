//! A backup of SQL Server's documents from one bucket in another one: a changed byte, a lost bucket and lost tables.

use std::collections::BTreeMap;
use std::path::Path;

use http::{Method, StatusCode};
use sluss_s3::Bucket;

use crate::office::{COLLECTIONS, Office};

const SEED: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn sections(primary: &Bucket, offsite: &Bucket, key: &Path) -> String {
    let offsite = offsite.objects_section().replace("[objects]", "[backup.objects]");
    let backup = format!("[backup]\nsigning_key = {{ file = {key:?} }}\n{offsite}");
    format!("{}prefix = \"acme/\"\n{backup}prefix = \"acme/\"\n", primary.objects_section())
}

async fn state(office: &Office) -> BTreeMap<&'static str, Vec<u8>> {
    let mut found = BTreeMap::new();
    for document in ["documents/1", "documents/2", "documents/7", "documents/8", "letters/a", "letters/b", "letters/c", "letters/z"] {
        let (status, content) = office.ask(Method::GET, document, None).await;
        if status.is_success() {
            found.insert(document, content);
        }
    }
    found
}

/// Keys of objects.
fn objects(bucket: &Bucket) -> Vec<String> {
    bucket.keys().into_iter().filter(|key| !key.contains("/.sluss-")).collect()
}

fn back_up(office: &Office) {
    let said = office.run(&["backup", "run", "--tenant", "acme"]).done();
    assert!(said.contains("kept"), "{said}");
}

fn assert_whole(office: &Office) {
    let said = office.run(&["backup", "verify", "--tenant", "acme", "--all"]).done();
    assert!(said.contains("; 0 problems"), "{said}");
}

/// All that Sluss has made in the database, but for an index.
fn lose_tables(office: &Office) {
    let objects = office.objects();
    for (suffix, what) in [(" TR", "TRIGGER"), (" U", "TABLE")] {
        for object in objects.iter().filter_map(|object| object.strip_suffix(suffix)) {
            let (schema, name) = object.split_once(' ').unwrap();
            if what == "TRIGGER" || schema == "sluss" {
                office.client.run(&format!("DROP {what} [{schema}].[{}]", name.replace(']', "]]")), &[]).unwrap();
            }
        }
    }
    assert!(!office.objects().iter().any(|object| object.starts_with("sluss ")), "{:?}", office.objects());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_bucket_and_lost_tables_come_back_from_another_bucket() {
    let office = Office::open().await;
    let (primary, offsite, key) = (Bucket::new(), Bucket::new(), office.ground.folder().join("backup.key"));
    std::fs::write(&key, SEED).unwrap();
    office.place("object", COLLECTIONS, &sections(&primary, &offsite, &key));
    // What is read is read of a store.
    let config = std::fs::read_to_string(&office.seat.config).unwrap();
    std::fs::write(&office.seat.config, format!("{config}[limits]\ncache_bytes = 0\n")).unwrap();
    office.run(&["init"]).done();
    let mut serving = office.serve();
    serving.wait_for(office.seat.admin);
    for (document, content) in [("documents/7", b"seven".as_slice()), ("letters/z", b"last"), ("documents/8", b"eight")] {
        assert!(office.ask(Method::PUT, document, Some(content)).await.0.is_success(), "{document}");
    }
    office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
    let (before, held) = (state(&office).await, objects(&primary));
    assert!(before.len() == 7 && before["documents/2"] == [4, 5] && before["documents/8"] == b"eight", "{before:?}");
    back_up(&office);
    assert_whole(&office);

    let changed = held.iter().find(|key| before.values().any(|content| offsite.get(key).as_ref() == Some(content))).unwrap();
    let mut bytes = offsite.get(changed).unwrap();
    bytes[0] ^= 1;
    offsite.put(changed, bytes);
    let found = office.run(&["backup", "verify", "--tenant", "acme"]).with_code(1);
    assert!(found.contains(changed.rsplit('/').next().unwrap()) && found.contains("; 1 problems"), "{found}");
    back_up(&office);
    assert_whole(&office);
    assert_eq!(offsite.get(changed), primary.get(changed));

    primary.keys().iter().for_each(|key| primary.delete(key));
    assert_eq!(office.ask(Method::GET, "documents/7", None).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let rebuilt = office.run(&["backup", "rebuild", "--tenant", "acme", "--manifest", "2"]).done();
    assert!(rebuilt.contains(" 0 are missing"), "{rebuilt}");
    assert!(objects(&primary).iter().all(|key| held.contains(key)), "{rebuilt}");
    assert_eq!(state(&office).await, before);

    serving.terminate();
    serving.wait();
    lose_tables(&office);
    office.run(&["init"]).done();
    office.run(&["reconcile", "--tenant", "acme"]).done();
    let rebuilt = office.run(&["backup", "rebuild", "--tenant", "acme", "--locations"]).done();
    assert!(rebuilt.contains("in phase object"), "{rebuilt}");
    let mut serving = office.serve();
    serving.wait_for(office.seat.admin);
    assert_eq!(state(&office).await, before);
    back_up(&office);
    assert_whole(&office);
}
