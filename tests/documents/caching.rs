//! Small contents in memory: the same answers, never a stale byte, and one read of a store for many readers.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::params;
use sluss::model::phase::Phase;

use super::house::{House, KIB, Plan, Witness, content, document};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Answer, Ask};

const HIT: &str = "sluss_cache_reads_total{outcome=\"hit\"}";
const MISS: &str = "sluss_cache_reads_total{outcome=\"miss\"}";
const COPIES: &str = "sluss_cache_copies_total";

async fn open(phase: Phase) -> House {
    House::open(Plan { phase, cache: true, ..Plan::default() }).await
}

/// How often the stores were asked for content.
async fn store_reads(house: &House) -> f64 {
    let counted =
        [("disk", "get"), ("disk", "read"), ("sqlite", "open"), ("sqlite", "read"), ("sqlite", "row")].map(|(store, operation)| {
            format!("sluss_store_operation_duration_seconds_count{{operation=\"{operation}\",outcome=\"ok\",store=\"{store}\"}}")
        });
    let page = house.metrics().await;
    let of = |series: &String| page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse::<f64>().ok());
    counted.iter().filter_map(of).sum()
}

async fn assert_hit(house: &House, witness: &Witness) {
    // The first one after a row has changed is looked up with what SQL has.
    house.assert_unchanged(witness).await;
    assert_undisturbed("a hit asks no store for content", async |_| {
        let before = store_reads(house).await;
        house.assert_unchanged(witness).await;
        let part = house.ask(&Ask::get(&witness.path).with("Range", "bytes=5-9")).await;
        assert_eq!((part.status, &part.body[..], part.header("served-from")), (206, &witness.content[5..10], "cache"));
        assert_eq!(house.get(&witness.path).await.header("served-from"), "cache");
        store_reads(house).await - before == 0.0
    })
    .await;
}

/// Holds in one of some tries: now and then a look whose the objects are is a read of a store too.
async fn assert_undisturbed(what: &str, mut holds: impl AsyncFnMut(usize) -> bool) {
    for attempt in 1..=5 {
        if holds(attempt).await {
            return;
        }
    }
    panic!("not once: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hit_is_the_same_answer_in_every_phase() {
    let house = open(Phase::Sql).await;
    let kept = house.plant(&document(&ACME, "1"), content(1, 20 * KIB)).await;
    assert_hit(&house, &kept).await;
    for (id, phase) in [Phase::Shadow, Phase::Dual, Phase::Object, Phase::Dual, Phase::Shadow, Phase::Sql].into_iter().enumerate() {
        house.flip(&ACME, phase).await;
        house.settle(&ACME).await;
        assert_hit(&house, &kept).await;
        // One that nobody has read before.
        let (path, content) = (document(&ACME, &(10 + id).to_string()), content(2, 64 * KIB));
        assert_eq!(house.ask(&Ask::put(&path, content.clone())).await.status, 201);
        house.settle(&ACME).await;
        let first = house.get(&path).await;
        assert_eq!((first.status, &first.body), (200, &content));
        assert_eq!(first.header("served-from"), if phase <= Phase::Shadow { "sql" } else { "object" }, "{phase}");
        assert_hit(&house, &house.witness(&path, content).await).await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reads_of_one_cold_document_share_one_read_of_the_store() {
    let house = open(Phase::Dual).await;
    let asked = "sluss_store_operation_duration_seconds_count{operation=\"get\",outcome=\"ok\",store=\"disk\"}";
    assert_undisturbed("fifty reads are one read of the store", async |attempt| {
        let (path, content) = (document(&ACME, &attempt.to_string()), content(1, 16 * KIB));
        house.ask(&Ask::put(&path, content.clone())).await;
        house.settle(&ACME).await;
        let before = (house.metric(asked).await, house.metric(MISS).await);
        let answers = join_all((0..50).map(|_| house.get(&path))).await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == content));
        assert_eq!(house.metric(MISS).await - before.1, 1.0);
        house.metric(asked).await - before.0 == 1.0
    })
    .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_takes_what_a_read_has_brought_from_sql() {
    let house = open(Phase::Sql).await;
    let bytes = content(1, 16 * KIB);
    house.database(&ACME).execute("INSERT INTO documents (id, content) VALUES (1, ?1)", params![bytes]).unwrap();
    assert_eq!(house.get(&document(&ACME, "1")).await.header("served-from"), "sql");
    house.flip(&ACME, Phase::Shadow).await;
    house.settle(&ACME).await;
    assert_eq!(house.metric("sluss_copied_documents_total").await, 1.0);
    assert_eq!(house.metric(COPIES).await, 1.0);
    let [object] = &house.object_files(&ACME)[..] else { panic!("one object for one document") };
    assert!(std::fs::read(object).unwrap().starts_with(&bytes));
    // Of what was written meanwhile, the copy takes the new content.
    let newer = content(2, 16 * KIB);
    house.get(&document(&ACME, "1")).await;
    house.database(&ACME).execute("UPDATE documents SET content = ?1 WHERE id = 1", params![newer]).unwrap();
    house.sweep(&ACME).await;
    house.settle(&ACME).await;
    assert_eq!(house.metric(COPIES).await, 1.0);
    house.flip(&ACME, Phase::Dual).await;
    house.witness(&document(&ACME, "1"), newer).await;
    house.close().await;
}

#[tokio::test]
async fn without_a_cache_every_read_is_one_of_a_store() {
    let house = House::in_phase(Phase::Sql).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 100)).await;
    house.assert_unchanged(&witness).await;
    assert_eq!(house.get(&witness.path).await.header("served-from"), "sql");
    assert_eq!((house.metric(HIT).await, house.metric(MISS).await), (0.0, 0.0));
    house.close().await;
}

/// What documents must read as, by tenant and id.
type Model = BTreeMap<(usize, u64), Option<Vec<u8>>>;

async fn change(house: &House, rng: &mut StdRng, path: &str, tenant: usize, id: u64) -> Option<Vec<u8>> {
    let length = rng.random_range(1..3 * KIB);
    let bytes = content(rng.random_range(0..1_000_000), length);
    let database = house.database(if tenant == 0 { &ACME } else { &GLOBEX });
    let (table, key, column) = if tenant == 0 { ("documents", "id", "content") } else { ("Filer", "Nyckel", "Data") };
    match rng.random_range(0..5) {
        0 => {
            assert!([204, 404].contains(&house.ask(&Ask::new("DELETE", path)).await.status));
            None
        }
        1 => {
            database.execute(&format!("DELETE FROM {table} WHERE {key} = ?1"), params![id.to_string()]).unwrap();
            None
        }
        2 => {
            let write = format!("INSERT INTO {table} ({key}, {column}) VALUES (?1, ?2) ON CONFLICT ({key}) DO UPDATE SET {column} = ?2");
            database.execute(&write, params![id.to_string(), bytes]).unwrap();
            Some(bytes)
        }
        _ => {
            assert!([201, 204].contains(&house.ask(&Ask::put(path, bytes.clone())).await.status));
            Some(bytes)
        }
    }
}

fn check(answer: &Answer, expected: Option<&Vec<u8>>, step: usize) {
    match expected {
        Some(bytes) => assert!(answer.status == 200 && answer.body == *bytes, "step {step}: {answer:?}"),
        None => assert_eq!(answer.status, 404, "step {step}: {answer:?}"),
    }
}

/// Two tenants with the same ids, changed by clients and around the gateway, copied, written back and flipped meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_reads_a_stale_byte_or_another_tenants() {
    let house = open(Phase::Sql).await;
    let mut rng = StdRng::seed_from_u64(6);
    let mut model = Model::new();
    let walk = [Phase::Shadow, Phase::Dual, Phase::Object, Phase::Dual, Phase::Object, Phase::Dual, Phase::Shadow, Phase::Sql];
    for step in 0..240 {
        let (tenant, id) = (rng.random_range(0..2), rng.random_range(1..5));
        let customer = if tenant == 0 { &ACME } else { &GLOBEX };
        let path = document(customer, &id.to_string());
        if step % 30 == 29 {
            for customer in [&ACME, &GLOBEX] {
                // What the next phase needs copied is.
                house.sweep(customer).await;
                house.settle(customer).await;
                house.flip(customer, walk[step / 30]).await;
            }
        }
        if rng.random_bool(0.3) {
            let now = change(&house, &mut rng, &path, tenant, id).await;
            model.insert((tenant, id), now);
        }
        check(&house.get(&path).await, model.get(&(tenant, id)).and_then(Option::as_ref), step);
    }
    assert!(house.metric(HIT).await > 80.0, "the cache took part");
    house.close().await;
}
