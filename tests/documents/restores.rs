//! Back to an instant, over HTTP: random histories with marks, of which each can be had again, and what is refused or left alone.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sluss::body;
use sluss::client::HttpClient;
use sluss::clock::{Clock, SystemClock};
use sluss::model::phase::Phase;
use tokio::time::sleep;

use super::house::{House, MIB, Plan, content, document, wait_until};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Answer, Ask, ask};

/// What every document is, by its id; one that is not there has none.
type State = BTreeMap<u64, Vec<u8>>;

const IDS: std::ops::RangeInclusive<u64> = 1..=9;

async fn admin(house: &House, method: &'static str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    ask(house.admin, &Ask { method, ..Ask::put(path, body) }).await
}

/// A moment of its own: nothing else happens in its millisecond, nor in those beside it.
async fn moment() -> Timestamp {
    sleep(Duration::from_millis(3)).await;
    let now = SystemClock.now();
    sleep(Duration::from_millis(3)).await;
    now
}

async fn state(house: &House) -> State {
    let mut found = State::new();
    for id in IDS {
        let answer = house.get(&document(&ACME, &id.to_string())).await;
        match answer.status {
            200 => drop(found.insert(id, answer.body)),
            status => assert_eq!(status, 404, "{answer:?}"),
        }
    }
    found
}

/// Has it done, and answers with its parts once all have ended.
async fn restore(house: &House, wish: &Value) -> Vec<Value> {
    let asked = admin(house, "POST", "/admin/v1/restores", wish).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let number = serde_json::from_slice::<Value>(&asked.body).unwrap()["number"].clone();
    let mut parts = Vec::new();
    wait_until("the restore has ended", async || {
        let list: Value = serde_json::from_slice(&admin(house, "GET", "/admin/v1/restores?tenant=acme", &Value::Null).await.body).unwrap();
        parts = list["restores"].as_array().unwrap().iter().filter(|part| part["number"] == number).cloned().collect();
        parts.iter().all(|part| part["ended_at"].is_string())
    })
    .await;
    assert!(parts.iter().all(|part| part["stopped"].is_null() && part["figures"]["failed"] == 0), "{parts:?}");
    parts
}

async fn plan(house: &House, query: &str) -> Vec<Value> {
    let client = HttpClient::new(format!("http://{}", house.admin).parse().unwrap(), None).unwrap();
    let path = format!("/admin/v1/restores/plan?{query}");
    let answer = client.request(Method::GET, &path, HeaderMap::new(), body::empty()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.headers[CONTENT_TYPE].to_str().unwrap()), (200, "application/jsonl"), "{answer:?}");
    let lines = answer.bytes(1 << 20).await.unwrap();
    std::str::from_utf8(&lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn documents(plan: &[Value]) -> Vec<&Value> {
    plan.iter().filter_map(|line| line.get("document")).collect()
}

/// One step of a random history. Straight to SQL only what a copy has seen, and over what is there: of a row that somebody else inserts, nobody
/// knows since when it is there.
async fn step(house: &House, rng: &mut StdRng, now: &mut State) {
    let id = rng.random_range(IDS);
    let path = document(&ACME, &id.to_string());
    let new = content(rng.random(), if rng.random_ratio(1, 20) { MIB + 5 } else { rng.random_range(0..3000) });
    match rng.random_range(0..13) {
        0..=6 => {
            let written = house.ask(&Ask::put(&path, new.clone())).await;
            assert!([201, 204].contains(&written.status), "{written:?}");
            now.insert(id, new);
        }
        7..=8 => {
            let deleted = house.ask(&Ask::new("DELETE", &path)).await;
            // A row without a content is no document for a client, and may go all the same.
            let expected: &[u16] = if now.remove(&id).is_some() { &[204] } else { &[204, 404] };
            assert!(expected.contains(&deleted.status), "{deleted:?}");
        }
        9 => house.settle(&ACME).await,
        around => {
            house.settle(&ACME).await;
            let database = house.database(&ACME);
            if around == 10 && now.contains_key(&id) {
                database.execute("UPDATE documents SET content = ?2 WHERE id = ?1", (id, &new)).unwrap();
                now.insert(id, new);
            } else if around == 11 && now.contains_key(&id) {
                // Where only the object store has it, nothing is cleared.
                let cleared = "UPDATE documents SET content = NULL WHERE id = ?1 AND content IS NOT NULL";
                if database.execute(cleared, [id]).unwrap() == 1 {
                    now.remove(&id);
                }
            } else {
                database.execute("DELETE FROM documents WHERE id = ?1", [id]).unwrap();
                now.remove(&id);
            }
            house.sweep(&ACME).await;
            house.settle(&ACME).await;
        }
    }
}

/// What objects hold leaves SQL, as far as it was verified.
async fn purge(house: &House) {
    let told = async |what: &str| -> Value {
        serde_json::from_slice(&admin(house, "GET", &format!("/admin/v1/tenants/acme{what}"), &Value::Null).await.body).unwrap()
    };
    assert_eq!(admin(house, "POST", "/admin/v1/tenants/acme/verify", &json!({ "repair": false })).await.status, 202);
    wait_until("everything is verified", async || told("").await["verification"]["under_way"] == false).await;
    let mut purged = 0;
    for dry_run in [true, false] {
        let begun = admin(house, "POST", "/admin/v1/tenants/acme/purge", &json!({ "dry_run": dry_run })).await;
        assert_eq!(begun.status, 202, "{begun:?}");
        wait_until("the purge has ended", async || {
            let runs = told("/purge").await["runs"].as_array().unwrap().clone();
            purged = runs.iter().map(|run| run["documents"].as_u64().unwrap()).sum();
            runs.iter().all(|run| run["ended_at"].is_string())
        })
        .await;
    }
    assert!(purged > 0, "nothing was purged");
}

#[tokio::test]
async fn any_instant_of_a_random_history_can_be_had_again_and_undone() {
    for (phase, seed) in [(Phase::Dual, 1), (Phase::Object, 2), (Phase::Sealed, 3)] {
        let initial = if phase == Phase::Sealed { Phase::Object } else { phase };
        let house = House::open(Plan { phase: initial, keys: "oldest_sql_backup = \"0s\"\n", ..Plan::default() }).await;
        if phase == Phase::Sealed {
            // A tenant does not begin there, and its guards are not what is tested here.
            house.database(&ACME).execute("UPDATE sluss_state SET phase = 'sealed'", []).unwrap();
        }
        let (mut rng, mut now, mut marks) = (StdRng::seed_from_u64(seed), State::new(), Vec::new());
        for turn in 1..=60 {
            step(&house, &mut rng, &mut now).await;
            if turn % 20 == 0 {
                // There and back, and at the end it is where it began.
                house.settle(&ACME).await;
                let away = if phase == Phase::Dual { Phase::Object } else { Phase::Dual };
                if turn == 20 {
                    house.database(&ACME).execute("UPDATE sluss_state SET phase = ?1", [away.label()]).unwrap();
                } else if turn == 40 {
                    house.database(&ACME).execute("UPDATE sluss_state SET phase = ?1", [phase.label()]).unwrap();
                }
            }
            if turn == 45 && phase == Phase::Sealed {
                purge(&house).await;
            }
            if rng.random_ratio(1, 4) {
                marks.push((moment().await, now.clone()));
            }
        }
        for _ in 0..3 {
            let (instant, then) = marks[rng.random_range(0..marks.len())].clone();
            let before = state(&house).await;
            let parts = restore(&house, &json!({ "tenant": "acme", "at": instant })).await;
            assert_eq!(state(&house).await, then, "{phase}, {instant}: {parts:?}");
            let undone_by = parts[0]["undone_by"].clone();
            restore(&house, &json!({ "tenant": "acme", "at": undone_by })).await;
            assert_eq!(state(&house).await, before, "{phase}, undone to {undone_by}");
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_plan_says_what_will_be_done_and_changes_nothing() {
    let house = House::in_phase(Phase::Dual).await;
    let path = |id: &str| document(&ACME, id);
    for (id, content) in [("1", "stays"), ("2", "first"), ("3", "gone later")] {
        assert_eq!(house.ask(&Ask::put(path(id), content)).await.status, 201);
    }
    let instant = moment().await;
    house.ask(&Ask::put(path("2"), "second")).await;
    house.ask(&Ask::new("DELETE", path("3"))).await;
    house.ask(&Ask::put(path("4"), "new")).await;
    house.database(&ACME).execute("INSERT INTO documents (id, content) VALUES (5, 'around')", []).unwrap();
    house.sweep(&ACME).await;
    house.settle(&ACME).await;
    let (before, query) = (state(&house).await, format!("tenant=acme&at={instant}"));
    let lines = plan(&house, &query).await;
    assert_eq!(lines[0], json!({ "blockers": [] }));
    let told: Vec<_> =
        documents(&lines).iter().map(|line| (line["document"].clone(), line["action"].clone(), line["doubtful"].clone())).collect();
    let told: Vec<_> =
        told.iter().map(|(id, action, doubt)| (id.as_str().unwrap(), action.as_str().unwrap(), doubt.as_bool().unwrap())).collect();
    assert_eq!(told, [("2", "restore", false), ("4", "remove", false), ("5", "stay", true), ("3", "restore", false)]);
    let totals = json!({ "totals": { "restored": 2, "restored_bytes": 15, "removed": 1, "left": 0, "doubtful": 1 } });
    assert_eq!(lines.last(), Some(&totals));
    assert_eq!(state(&house).await, before);

    // One document, and then the others.
    let one = restore(&house, &json!({ "tenant": "acme", "at": instant, "document": "documents/2" })).await;
    assert_eq!((one.len(), &one[0]["figures"]["restored"]), (1, &json!(1)));
    assert_eq!((house.get(&path("2")).await.text(), house.get(&path("4")).await.text()), ("first".to_owned(), "new".to_owned()));
    restore(&house, &json!({ "tenant": "acme", "at": instant })).await;
    assert_eq!((house.get(&path("3")).await.text(), house.get(&path("4")).await.status), ("gone later".to_owned(), 404));
    assert_eq!(house.get(&path("5")).await.text(), "around", "nobody saw when it was written: it stays");
    house.close().await;
}

#[tokio::test]
async fn what_a_client_writes_and_deletes_while_a_content_is_on_its_way_stays_deleted() {
    let house = House::in_phase(Phase::Object).await;
    let path = document(&ACME, "1");
    // Its second piece has to wait.
    house.plant(&path, content(1, MIB + 5)).await;
    let instant = moment().await;
    assert_eq!(house.ask(&Ask::new("DELETE", &path)).await.status, 204);
    let pace = async |rate: Value| admin(&house, "PUT", "/admin/v1/tenants/acme/limits", &json!({ "bytes_per_second": rate })).await.status;
    assert_eq!(pace(json!(100)).await, 200);
    let wish = json!({ "tenant": "acme", "at": instant });
    let restored = async { restore(&house, &wish).await };
    let meanwhile = async {
        let on_its_way = "sluss_transfers_in_flight{direction=\"restore\"}";
        wait_until("the content is on its way", async || house.metric(on_its_way).await > 0.0).await;
        assert_eq!(house.ask(&Ask::put(&path, "of a client")).await.status, 201);
        assert_eq!(house.ask(&Ask::new("DELETE", &path)).await.status, 204);
        assert_eq!(pace(Value::Null).await, 200);
    };
    let (parts, ()) = tokio::join!(restored, meanwhile);
    assert_eq!((&parts[0]["figures"]["dealt"], house.get(&path).await.status), (&json!(1), 404), "{parts:?}");
    house.close().await;
}

#[tokio::test]
async fn the_contents_of_an_instant_go_into_another_tenant() {
    for phase in [Phase::Dual, Phase::Object] {
        let house = House::in_phase(phase).await;
        for (id, content) in [("1", "stays"), ("2", "first"), ("3", "gone later")] {
            assert_eq!(house.ask(&Ask::put(document(&ACME, id), content)).await.status, 201);
        }
        house.settle(&ACME).await;
        let instant = moment().await;
        house.ask(&Ask::put(document(&ACME, "2"), "second")).await;
        house.ask(&Ask::new("DELETE", document(&ACME, "3"))).await;
        house.ask(&Ask::put(document(&ACME, "4"), "new")).await;
        let before = state(&house).await;
        restore(&house, &json!({ "tenant": "acme", "at": instant, "into": "globex" })).await;
        assert_eq!(state(&house).await, before, "the tenant itself stays as it was");
        for (id, content) in [("1", "stays"), ("2", "first"), ("3", "gone later")] {
            assert_eq!(house.get(&document(&GLOBEX, id)).await.text(), content, "{phase}");
        }
        assert_eq!(house.get(&document(&GLOBEX, "4")).await.status, 404);
        house.close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_what_to_do() {
    let house = House::open(Plan { phase: Phase::Sql, keys: "oldest_sql_backup = \"48h\"\n", ..Plan::default() }).await;
    let blocked = |answer: Answer| {
        assert_eq!(answer.status, 409, "{answer:?}");
        serde_json::from_slice::<Value>(&answer.body).unwrap()["blockers"].to_string()
    };
    let now = SystemClock.now();
    let wish = |at: Timestamp| json!({ "tenant": "acme", "at": at });
    let hours = |hours: i64| jiff::SignedDuration::from_hours(hours);
    let in_sql = blocked(admin(&house, "POST", "/admin/v1/restores", &wish(now + hours(1))).await);
    assert!(in_sql.contains("still to come") && in_sql.contains("flip it to shadow first"), "{in_sql}");
    house.flip(&ACME, Phase::Shadow).await;
    let too_old = blocked(admin(&house, "POST", "/admin/v1/restores", &wish(now - hours(24 * 8))).await);
    assert!(too_old.contains("history reaches back to"), "{too_old}");
    for (wish, why) in [
        (json!({ "tenant": "acme", "at": now, "document": "1" }), "<collection>/<id>"),
        (json!({ "tenant": "acme", "at": now, "document": "letters/1" }), "no such collection"),
        (json!({ "tenant": "acme", "at": now, "document": "documents/x" }), "documents/x"),
        (json!({ "tenant": "acme", "at": now, "into": "acme" }), "names the tenant itself"),
        (json!({ "tenant": "acme", "at": "yesterday" }), "expected"),
    ] {
        let refused = admin(&house, "POST", "/admin/v1/restores", &wish).await;
        assert!(refused.status == 400 && refused.text().contains(why), "{wish}: {refused:?}");
    }
    assert_eq!(admin(&house, "POST", "/admin/v1/restores", &json!({ "tenant": "acme", "at": now, "into": "nobody" })).await.status, 404);
    house.close().await;
}

#[tokio::test]
async fn a_restore_that_is_cancelled_changes_nothing_more_and_what_it_did_is_undone() {
    let house = House::in_phase(Phase::Dual).await;
    let write = async |text: &'static str| {
        for id in IDS {
            house.ask(&Ask::put(document(&ACME, &id.to_string()), text)).await;
        }
        house.settle(&ACME).await;
        moment().await
    };
    let instant = write("first").await;
    write("second").await;
    let before = state(&house).await;
    let limited = async |rate: Value| {
        let set = admin(&house, "PUT", "/admin/v1/tenants/acme/limits", &json!({ "documents_per_second": rate })).await;
        assert_eq!(set.status, 200, "{set:?}");
    };
    limited(json!(4)).await;
    let begun = admin(&house, "POST", "/admin/v1/restores", &json!({ "tenant": "acme", "at": instant })).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    wait_until("it has changed something", async || state(&house).await != before).await;
    assert_eq!(admin(&house, "POST", "/admin/v1/restores/acme:1/cancel", &Value::Null).await.status, 202);
    let mut parts = Vec::new();
    wait_until("it has ended", async || {
        let list: Value = serde_json::from_slice(&admin(&house, "GET", "/admin/v1/restores?tenant=acme", &Value::Null).await.body).unwrap();
        parts = list["restores"].as_array().unwrap().clone();
        parts.iter().all(|part| part["ended_at"].is_string())
    })
    .await;
    let then = state(&house).await;
    let changed = then.iter().filter(|(id, content)| before.get(id) != Some(content)).count() as u64;
    let restored: u64 = parts.iter().map(|part| part["figures"]["restored"].as_u64().unwrap()).sum();
    assert!(changed == restored && (1..9).contains(&changed), "{changed} documents were changed: {parts:?}");
    assert!(parts.iter().any(|part| part["stopped"] == "cancelled by an operator"), "{parts:?}");
    assert_eq!(admin(&house, "POST", "/admin/v1/restores/acme:1/cancel", &Value::Null).await.status, 409, "it is over");
    limited(Value::Null).await;
    restore(&house, &json!({ "tenant": "acme", "at": parts[0]["undone_by"] })).await;
    assert_eq!(state(&house).await, before);
    house.close().await;
}
